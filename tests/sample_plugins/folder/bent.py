"""An activation in one file, as in the tutorial."""

from typing import Annotated

from pydantic import Field

from dcgan_kit import component, hookimpl


@component("activation")
def bent(*, slope: Annotated[float, Field(ge=0.0, le=1.0, description="slope for negative inputs")] = 0.1):
    """Return x if x > 0, else slope x.  (B, ...) → (B, ...)"""
    from keras import layers

    return layers.LeakyReLU(slope)


@hookimpl
def dcgan_kit_components():
    return [bent]
