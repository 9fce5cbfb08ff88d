"""Attention: lets each pixel or channel look at the whole map.  (B, H, W, C) → (B, H, W, C).

Each component is one functional Keras model, so its inner layers are seen: a constraint reaches their kernels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from dcgan_kit import Bias, Component, Initializer, Site, component, hookimpl

if TYPE_CHECKING:
    import keras

MOST_BYTES = 2**30
"""Most memory for the attention weights of one image. Training keeps them for each image of the batch."""


@component("attention")
def self_attention(
    site: Site,
    *,
    query_ratio: Annotated[int, Field(ge=1, le=1024, description="channels of the map / those of theta and phi")] = 8,
    value_ratio: Annotated[int, Field(ge=1, le=1024, description="channels of the map / those of g")] = 2,
    pool: Annotated[bool, Field(description="halve height and width of phi and g by max pooling")] = True,
    output: Annotated[bool, Field(description="end in a 1x1 convolution; without it value_ratio must be 1")] = True,
    bias: Bias = False,
    initializer: Initializer = None,
) -> keras.Model:
    """Add to each pixel a weighted mean over all pixels (SAGAN).  (B, H, W, C) → (B, H, W, C).

    x + gate · output(Σⱼ wᵢⱼ g(x)ⱼ),  wᵢⱼ = softmaxⱼ(theta(x)ᵢ · phi(x)ⱼ)

    theta and phi are 1x1 convolutions to C / query_ratio channels, g one to C / value_ratio, output one to C. Divisions
    round down. ``pool`` pools phi and g, so j runs over a quarter of the pixels. The gate is one number that starts
    at 0: at first the map passes unchanged. By default there are 1.25 C² + 1 parameters.

    Raises:
        ValueError: the input is no map, has too few channels or pixels, or the weights wᵢⱼ need too much memory.

    Zhang et al. 2018, arXiv 1805.08318, as in github.com/brain-research/self-attention-gan, non_local.py. Its paper has
    neither ``pool`` nor ``value_ratio``.
    """
    from dcgan_kit_plugins.attention.layers import Gate
    from keras import Input, Model, layers

    height, width, channels = _map(site)
    _require_channels(channels, query_ratio=query_ratio, value_ratio=value_ratio)
    if not output and value_ratio != 1:
        raise ValueError(f"without output, value_ratio must be 1. Received: value_ratio={value_ratio}")
    _require_pixels(height, width, pool)

    def mixed(tensor: Any, filters: int, name: str) -> Any:
        return site.conv(filters, 1, bias=bias, initializer=initializer, name=name)(tensor)

    def rows(tensor: Any, name: str, pooled: bool) -> Any:
        if pooled:
            tensor = layers.MaxPooling2D(2, name=f"{name}_pool")(tensor)
        return layers.Reshape((-1, tensor.shape[-1]), name=f"{name}_rows")(tensor)

    x = Input((height, width, channels), name="map")
    theta = rows(mixed(x, channels // query_ratio, "theta"), "theta", False)
    phi = rows(mixed(x, channels // query_ratio, "phi"), "phi", pool)
    g = rows(mixed(x, channels // value_ratio, "g"), "g", pool)
    seen = layers.Attention(name="weighted_mean")([theta, g, phi])
    seen = layers.Reshape((height, width, seen.shape[-1]), name="as_map")(seen)
    if output:
        seen = mixed(seen, channels, "output")
    return Model(x, layers.Add(name="add")([x, Gate(name="gate")(seen)]), name="self_attention")


@component("attention")
def squeeze_excitation(
    site: Site,
    *,
    ratio: Annotated[int, Field(ge=1, le=1024, description="channels of the map / hidden units")] = 16,
    bias: Bias = True,
    initializer: Initializer = None,
) -> keras.Model:
    """Scale each channel by a number that depends on all channels' means.  (B, H, W, C) → (B, H, W, C).

    x · sigmoid(W₂ relu(W₁ mean(x)))

    W₁ is a dense layer to C / ratio units, rounded down, and W₂ one to C. The mean is over height and width.

    Raises:
        ValueError: the input is no map, or has fewer channels than ``ratio``.

    Hu et al. 2017, arXiv 1709.01507, section 3
    """
    from keras import Input, Model, layers

    height, width, channels = _map(site)
    _require_channels(channels, ratio=ratio)

    def dense(tensor: Any, units: int, name: str) -> Any:
        return site.dense(units, bias=bias, initializer=initializer, name=name)(tensor)

    x = Input((height, width, channels), name="map")
    means = layers.GlobalAveragePooling2D(name="squeeze")(x)
    hidden = layers.ReLU(name="relu")(dense(means, channels // ratio, "reduce"))
    scales = layers.Activation("sigmoid", name="gate")(dense(hidden, channels, "expand"))
    scales = layers.Reshape((1, 1, channels), name="as_map")(scales)
    return Model(x, layers.Multiply(name="scale")([x, scales]), name="squeeze_excitation")


def _map(site: Site) -> tuple[int, int, int]:
    if len(site.input_shape) != 3:
        raise ValueError(f"attention needs a map (H, W, C). Received: shape {site.input_shape}")
    height, width, channels = site.input_shape
    return height, width, channels


def _require_channels(channels: int, **ratios: int) -> None:
    for name, ratio in ratios.items():
        if ratio > channels:
            raise ValueError(
                f"{name} must be at most the map's channels. Received: {name}={ratio}, {channels} channels"
            )


def _require_pixels(height: int, width: int, pool: bool) -> None:
    if pool and min(height, width) < 2:
        raise ValueError(f"pool needs a map of at least 2x2 pixels. Received: map {height}x{width}; set pool to false")
    others = (height // 2) * (width // 2) if pool else height * width
    # Numbers of float32, which is what mixed precision saves half of.
    size = 4 * height * width * others
    if size > MOST_BYTES:
        raise ValueError(
            f"the attention weights of one image need {size / 2**30:.1f} GiB, and may need at most "
            f"{MOST_BYTES / 2**30:.0f} GiB: {height * width} x {others} numbers. Received: map {height}x{width}, "
            f"pool={pool}. Put attention where the map is smaller."
        )


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every attention."""
    return [self_attention, squeeze_excitation]
