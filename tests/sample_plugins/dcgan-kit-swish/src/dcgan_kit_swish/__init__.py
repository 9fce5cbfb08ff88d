"""An activation, an up-sampling, a recipe and a callback, from outside dcgan-kit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dcgan_kit import Site, component, hookimpl, pair

if TYPE_CHECKING:
    import keras


@component("activation")
def mish_like(
    *, sharpness: Annotated[float, Field(gt=0.0, le=10.0, description="slope of the gate at 0")] = 1.0
) -> keras.Layer:
    """Return x tanh(softplus(sharpness x)).  (B, ...) → (B, ...).

    Misra 2019, arXiv 1908.08681, is sharpness 1
    """
    from dcgan_kit_swish.layers import MishLike

    return MishLike(sharpness)


@component("upsample")
def scaled_repeat(
    site: Site,
    *,
    factor: Annotated[int | tuple[int, int], Field(description="how many times larger the map becomes")] = 2,
) -> list[keras.Layer]:
    """Repeat rows and columns, scale each channel by a learned gain, convolve.  (B, H, W, C) → (B, 2H, 2W, filters)."""
    from dcgan_kit_swish.layers import ScaledRepeat

    return [ScaledRepeat(pair(factor)), site.conv(kernel_size=3)]


@hookimpl
def dcgan_kit_components():
    return [mish_like, scaled_repeat]


@hookimpl
def dcgan_kit_recipes():
    return {"swish28": Path(__file__).with_name("recipes") / "swish28.yaml"}


@hookimpl
def dcgan_kit_callbacks(recipe, run):
    from dcgan_kit_swish.layers import Diary

    return [Diary(run.path / "diary.txt", recipe.name)]
