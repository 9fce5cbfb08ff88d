"""Distributions of the latent vector.  (count, seed) → (count, size) float32."""

from typing import Annotated

from dcgan_kit import component
from pydantic import Field


@component("latent")
def laplace(
    *,
    size: Annotated[int, Field(ge=1, le=65536, description="length of the latent vector")] = 100,
    scale: Annotated[float, Field(gt=0.0, le=100.0, description="mean absolute value of each coordinate")] = 1.0,
):
    """Draw each coordinate from a Laplace distribution.  (count, seed) → (count, size).

    z = -scale · sign(u) · log(1 - |u|), with u ~ U(-1, 1)

    Inverse transform sampling: Devroye 1986, "Non-uniform random variate generation", chapter II
    """
    import tensorflow as tf

    def draw(count, seed):
        # Numbers stay below 1 in absolute value, so that the logarithm is finite.
        u = 0.9999999 * tf.random.stateless_uniform((count, size), seed, -1.0, 1.0)
        return -scale * tf.sign(u) * tf.math.log1p(-tf.abs(u))

    return draw
