"""Activations: functions applied to each unit separately.  (B, ...) → (B, ...)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from dcgan_kit import Component, Site, component, hookimpl

if TYPE_CHECKING:
    import keras

Slope = Annotated[float, Field(ge=0.0, lt=1.0, description="slope for negative inputs")]


@component("activation")
def relu() -> keras.Layer:
    """Return x if x > 0, else 0.  (B, ...) → (B, ...).

    Nair, Hinton 2010, "Rectified linear units improve restricted Boltzmann machines"
    """
    from keras import layers

    return layers.ReLU()


@component("activation")
def leaky_relu(*, negative_slope: Slope = 0.1) -> keras.Layer:
    """Return x if x > 0, else negative_slope · x, so that negative inputs have a gradient too.  (B, ...) → (B, ...).

    The default is 0.1, the slope that is usual in lectures. Radford et al. 2015 use 0.2. The default of Keras is 0.3.

    Maas, Hannun, Ng 2013, "Rectifier nonlinearities improve neural network acoustic models"
    """
    from keras import layers

    return layers.LeakyReLU(negative_slope)


@component("activation")
def prelu(
    site: Site,
    *,
    initial_slope: Annotated[
        float, Field(ge=0.0, lt=1.0, description="slope for negative inputs before training")
    ] = 0.25,
) -> keras.Layer:
    """Return x if x > 0, else a · x, where a is learned.  (B, ...) → (B, ...).

    A map has one a per channel, shared over height and width. A vector has one a per unit.

    He et al. 2015, arXiv 1502.01852, which also starts with a = 0.25
    """
    from keras import initializers, layers

    return layers.PReLU(
        alpha_initializer=initializers.Constant(initial_slope),
        shared_axes=[1, 2] if len(site.input_shape) == 3 else None,
    )


@component("activation")
def elu(
    *, alpha: Annotated[float, Field(gt=0.0, le=10.0, description="the limit for x → -∞ is -alpha")] = 1.0
) -> keras.Layer:
    """Return x if x > 0, else alpha (exp(x) - 1).  (B, ...) → (B, ...).

    Clevert et al. 2015, arXiv 1511.07289
    """
    from keras import layers

    return layers.ELU(alpha)


@component("activation")
def selu() -> keras.Layer:
    """Return 1.0507 elu(x; 1.6733), which keeps activations normalized.  (B, ...) → (B, ...).

    This works only with ``initializer: lecun_normal`` and ``normalization: none``.

    Klambauer et al. 2017, arXiv 1706.02515
    """
    from keras import layers

    return layers.Activation("selu")


@component("activation")
def gelu(
    *,
    approximate: Annotated[bool, Field(description="approximate with tanh: cheaper, error at most 0.0005")] = False,
) -> keras.Layer:
    """Return x Φ(x), where Φ is the cumulative distribution function of N(0, 1).  (B, ...) → (B, ...).

    Hendrycks, Gimpel 2016, arXiv 1606.08415
    """
    from keras import layers

    if not approximate:
        return layers.Activation("gelu")
    from dcgan_kit_plugins.activation.layers import gelu_tanh

    return layers.Activation(gelu_tanh)


@component("activation")
def silu() -> keras.Layer:
    """Return x sigmoid(x), also called swish.  (B, ...) → (B, ...).

    Elfwing et al. 2017, arXiv 1702.03118; Ramachandran et al. 2017, arXiv 1710.05941
    """
    from keras import layers

    return layers.Activation("silu")


@component("activation")
def softplus() -> keras.Layer:
    """Return log(1 + exp(x)), a smooth relu.  (B, ...) → (B, ...).

    Dugas et al. 2001, "Incorporating second-order functional knowledge for better option pricing"
    """
    from keras import layers

    return layers.Activation("softplus")


@component("activation")
def sigmoid() -> keras.Layer:
    """Return 1 / (1 + exp(-x)), between 0 and 1.  (B, ...) → (B, ...).

    As a generator's last activation, it needs images in [0, 1].
    """
    from keras import layers

    return layers.Activation("sigmoid")


@component("activation")
def tanh(
    *,
    low: Annotated[float, Field(ge=-1e6, le=1e6, description="limit for x → -∞")] = -1.0,
    high: Annotated[float, Field(ge=-1e6, le=1e6, description="limit for x → ∞")] = 1.0,
) -> list[keras.Layer]:
    """Apply tanh, then rescale from (-1, 1) to (low, high).  (B, ...) → (B, ...).

    Raises:
        ValueError: low is not less than high.

    The generator's last activation in Radford et al. 2015, arXiv 1511.06434
    """
    from keras import layers

    if low >= high:
        raise ValueError(f"low must be less than high. Received: low={low}, high={high}")
    squash = layers.Activation("tanh")
    if (low, high) == (-1.0, 1.0):
        return [squash]
    return [squash, layers.Rescaling(scale=(high - low) / 2, offset=(high + low) / 2)]


@component("activation")
def hard_tanh() -> keras.Layer:
    """Return x clipped to [-1, 1].  (B, ...) → (B, ...).

    The gradient is 0 where x is clipped.

    Collobert 2004, "Large scale machine learning", thesis
    """
    from keras import layers

    return layers.Activation("hard_tanh")


@component("activation")
def linear() -> list[keras.Layer]:
    """Return x itself: no activation.  (B, ...) → (B, ...)."""
    return []


@hookimpl
def dcgan_kit_components() -> list[Component]:
    """Every activation."""
    return [relu, leaky_relu, prelu, elu, selu, gelu, silu, softplus, sigmoid, tanh, hard_tanh, linear]
