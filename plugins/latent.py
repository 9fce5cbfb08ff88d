"""Distributions of the latent vector z.  (count, seed) → (count, size) float32."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import Field

from dcgan_kit import Component, component, hookimpl

Size = Annotated[int, Field(ge=1, le=65536, description="length of the latent vector")]
Draw = Callable[[int, Any], Any]
"""(count, int32 seed of shape (2,)) → float32 tensor (count, size); the same seed draws the same vectors."""


@component("latent")
def normal(
    *,
    size: Size = 100,
    stddev: Annotated[float, Field(gt=0.0, le=100.0, description="standard deviation of each coordinate")] = 1.0,
) -> Draw:
    """Draw each coordinate from N(0, stddev²).  (count, seed) → (count, size).

    On interpolation with this distribution: White 2016, arXiv 1609.04468
    """
    import tensorflow as tf

    def draw(count: int, seed: Any) -> Any:
        return tf.random.stateless_normal((count, size), seed, stddev=stddev)

    return draw


@component("latent")
def uniform(
    *,
    size: Size = 100,
    low: Annotated[float, Field(ge=-100.0, le=100.0, description="smallest value")] = -1.0,
    high: Annotated[float, Field(ge=-100.0, le=100.0, description="upper limit, exclusive")] = 1.0,
) -> Draw:
    """Draw each coordinate from U(low, high).  (count, seed) → (count, size).

    Raises:
        ValueError: low is not less than high.

    U(-1, 1): Radford et al. 2015, arXiv 1511.06434, figure 1
    """
    import tensorflow as tf

    if low >= high:
        raise ValueError(f"low must be less than high. Received: low={low}, high={high}")

    def draw(count: int, seed: Any) -> Any:
        return tf.random.stateless_uniform((count, size), seed, minval=low, maxval=high)

    return draw


@component("latent")
def truncated_normal(
    *,
    size: Size = 100,
    threshold: Annotated[
        float, Field(gt=0.0, le=4.0, description="largest absolute value, in standard deviations")
    ] = 2.0,
) -> Draw:
    """Draw each coordinate from N(0, 1), truncated to ±threshold.  (count, seed) → (count, size).

    z = √2 erf⁻¹(u),  u ~ U(±erf(threshold / √2))

    Brock et al. 2018, arXiv 1809.11096, section 3.1
    """
    import tensorflow as tf

    edge = math.erf(threshold / math.sqrt(2))

    def draw(count: int, seed: Any) -> Any:
        uniform = tf.random.stateless_uniform((count, size), seed, minval=-edge, maxval=edge)
        # Rounding to float32 can step slightly over the threshold.
        return tf.clip_by_value(math.sqrt(2) * tf.math.erfinv(uniform), -threshold, threshold)

    return draw


@component("latent")
def sphere(*, size: Size = 100) -> Draw:
    """Draw uniformly from the sphere of radius √size.  (count, seed) → (count, size).

    At that radius each coordinate has mean 0 and variance 1, as with ``normal``. mean(z²) = 1 for every z.

    Karras et al. 2017, arXiv 1710.10196, appendix A.1
    """
    import tensorflow as tf

    def draw(count: int, seed: Any) -> Any:
        return math.sqrt(size) * tf.math.l2_normalize(tf.random.stateless_normal((count, size), seed), axis=-1)

    return draw


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every latent distribution."""
    return [normal, uniform, truncated_normal, sphere]
