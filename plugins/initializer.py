"""Initializers: draw the initial weights.  seed → keras.initializers.Initializer.

A kernel (height, width, a, b) has fan_in = height · width · a and fan_out = height · width · b, as in Keras. In a
convolution, a is the number of input channels. In a transposed convolution, a is the number of filters, so fan_in
counts the filters there. With groups, a is the number of input channels of one group.

A gain multiplies the weights. ``he_uniform`` with gain 0.40825 = 1 / √6 is PyTorch's default, U(±1 / √fan_in).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dcgan_kit import Component, component, hookimpl

if TYPE_CHECKING:
    from keras.initializers import Initializer

Mean = Annotated[float, Field(ge=-100.0, le=100.0, description="mean of the weights")]
Stddev = Annotated[float, Field(gt=0.0, le=100.0, description="standard deviation of the weights")]
Gain = Annotated[float, Field(gt=0.0, le=100.0, description="factor of the weights")]
Limit = Annotated[float, Field(ge=-100.0, le=100.0)]


@component("initializer")
def normal(seed: int, *, mean: Mean = 0.0, stddev: Stddev = 0.02) -> Initializer:
    """Draw from N(mean, stddev²).

    0.02: Radford et al. 2015, arXiv 1511.06434, section 4
    """
    from keras import initializers

    return initializers.RandomNormal(mean, stddev, seed=seed)


@component("initializer")
def truncated_normal(seed: int, *, mean: Mean = 0.0, stddev: Stddev = 0.02) -> Initializer:
    """Draw from N(mean, stddev²), truncated to two standard deviations.

    The weights have a standard deviation of 0.88 stddev.
    """
    from keras import initializers

    return initializers.TruncatedNormal(mean, stddev, seed=seed)


@component("initializer")
def uniform(
    seed: int,
    *,
    low: Annotated[Limit, Field(description="smallest weight")] = -0.05,
    high: Annotated[Limit, Field(description="upper limit, exclusive")] = 0.05,
) -> Initializer:
    """Draw from U(low, high).

    Raises:
        ValueError: low is not less than high.
    """
    from keras import initializers

    if low >= high:
        raise ValueError(f"low must be less than high. Received: low={low}, high={high}")
    return initializers.RandomUniform(low, high, seed=seed)


@component("initializer")
def glorot_uniform(seed: int, *, gain: Gain = 1.0) -> Initializer:
    """Draw from U(±gain √(6 / (fan_in + fan_out))); gain 1 is the default of Keras.

    Glorot, Bengio 2010, proceedings.mlr.press/v9/glorot10a
    """
    from keras import initializers

    if gain == 1.0:
        return initializers.GlorotUniform(seed=seed)
    return _scaled(gain**2, "fan_avg", "uniform", seed)


@component("initializer")
def glorot_normal(seed: int, *, gain: Gain = 1.0) -> Initializer:
    """Draw from a truncated normal of variance 2 gain² / (fan_in + fan_out).

    Glorot, Bengio 2010, proceedings.mlr.press/v9/glorot10a
    """
    from keras import initializers

    if gain == 1.0:
        return initializers.GlorotNormal(seed=seed)
    return _scaled(gain**2, "fan_avg", "truncated_normal", seed)


@component("initializer")
def he_normal(seed: int, *, gain: Gain = 1.0) -> Initializer:
    """Draw from a truncated normal of variance 2 gain² / fan_in, meant for relu.

    He et al. 2015, arXiv 1502.01852
    """
    from keras import initializers

    if gain == 1.0:
        return initializers.HeNormal(seed=seed)
    return _scaled(2.0 * gain**2, "fan_in", "truncated_normal", seed)


@component("initializer")
def he_uniform(seed: int, *, gain: Gain = 1.0) -> Initializer:
    """Draw from U(±gain √(6 / fan_in)), meant for relu.

    He et al. 2015, arXiv 1502.01852
    """
    from keras import initializers

    if gain == 1.0:
        return initializers.HeUniform(seed=seed)
    return _scaled(2.0 * gain**2, "fan_in", "uniform", seed)


@component("initializer")
def lecun_normal(seed: int, *, gain: Gain = 1.0) -> Initializer:
    """Draw from a truncated normal of variance gain² / fan_in, meant for selu.

    LeCun et al. 1998, doi 10.1007/3-540-49430-8_2; Klambauer et al. 2017, arXiv 1706.02515
    """
    from keras import initializers

    if gain == 1.0:
        return initializers.LecunNormal(seed=seed)
    return _scaled(gain**2, "fan_in", "truncated_normal", seed)


@component("initializer")
def fan_in_normal(seed: int, *, gain: Gain = 1.0) -> Initializer:
    """Draw from N(0, gain² / fan_in), which is not truncated.

    ``lecun_normal`` has the same variance but no weights beyond 2.3 standard deviations.

    Huang et al. 2025, arXiv 2501.05441, in github.com/brownvc/R3GAN
    """
    return _scaled(gain**2, "fan_in", "untruncated_normal", seed)


@component("initializer")
def orthogonal(
    seed: int,
    *,
    gain: Gain = 1.0,
) -> Initializer:
    """Draw an orthogonal matrix with one column per filter.

    A kernel (height, width, a, b) is read as a matrix with height · width · a rows and b columns. Its columns are
    orthogonal. If there are fewer rows than columns, its rows are orthogonal instead.

    Saxe et al. 2013, arXiv 1312.6120; in GANs: Brock et al. 2016, arXiv 1609.07093
    """
    from keras import initializers

    return initializers.Orthogonal(gain, seed=seed)


@component("initializer")
def zeros() -> Initializer:
    """Set every weight to 0."""
    from keras import initializers

    return initializers.Zeros()


@component("initializer")
def ones() -> Initializer:
    """Set every weight to 1."""
    from keras import initializers

    return initializers.Ones()


@component("initializer")
def constant(
    *, value: Annotated[float, Field(ge=-100.0, le=100.0, description="value of every weight")] = 0.0
) -> Initializer:
    """Set every weight to one value."""
    from keras import initializers

    return initializers.Constant(value)


def _scaled(scale: float, mode: str, distribution: str, seed: int) -> Initializer:
    from keras import initializers

    return initializers.VarianceScaling(scale, mode, distribution, seed=seed)


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every initializer."""
    return [
        normal,
        truncated_normal,
        uniform,
        glorot_uniform,
        glorot_normal,
        he_normal,
        he_uniform,
        lecun_normal,
        fan_in_normal,
        orthogonal,
        zeros,
        ones,
        constant,
    ]
