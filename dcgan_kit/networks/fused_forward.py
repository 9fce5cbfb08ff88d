"""Run a network faster: the same layers and variables, with some layers computed as one fused operation.

    forward = forward_of(model)
    y = forward(x, training=True)  # same result, updates and gradients as model(x, training=True), in less time

The model itself does not change, so it is saved as it was built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from dcgan_kit.networks import fused_ops
from dcgan_kit.networks.accelerator import has_accelerator
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.model_calls import ModelCall, ModelCalls, Tensor
from dcgan_kit.networks.product_gradients import suits_products
from dcgan_kit.networks.reparametrization import Reparametrization

_Step = Callable[[Any, bool], Any]
"""(input, training) → output; the input is a list if the layer takes several tensors."""

FEW_CHANNELS = 4
"""Most input channels for which a 4x4 convolution at stride 2 is faster on blocks of pixels."""
LEAST_CHANNELS = 2
"""Least channels of a map for which the fused batch normalization is faster than Keras' layer."""
LEAST_FEATURES = 2048
"""Least features of a vector for which the fused batch normalization is faster than Keras' layer."""


@dataclass(frozen=True)
class Forward:
    """A network's forward pass.

    Attributes:
        model: the Keras model whose layers it runs. It reads precision (``dtype_policy``) and ``trainable`` from the
            layers at each call.
        fused: a line for each fused operation, with the names of its layers.
        synchronized: names of the batch normalization layers that use the statistics of all replicas.
    """

    model: Any
    fused: tuple[str, ...]
    synchronized: tuple[str, ...]
    _plan: _Plan

    def __call__(self, x: Any, training: bool) -> Any:
        """Return the result of ``model(x, training=training)``, and update the same variables.

        Args:
            x: (B, *input shape), or a list with a tensor for each input of the model; cast to the input's type, as
                the model does.
            training: whether layers run in training mode.

        Raises:
            ValueError: ``x`` does not have the input shape of the model.
        """
        given = list(x) if isinstance(x, list | tuple) else [x]
        values = [self._converted(each, expected) for each, expected in zip(given, self.model.inputs, strict=True)]
        found = dict(zip(self._plan.inputs, values, strict=True))
        # If an operation of a compiled step fails, only its scope identifies it: network, then layer.
        with tf.name_scope(self.model.name):
            for call in self._plan.calls:
                taken = [found[tensor] for tensor in call.inputs]
                with tf.name_scope(call.scope) if call.scope else nullcontext():
                    found[call.output] = call.step(taken[0] if len(taken) == 1 else taken, training)
        return found[self._plan.output]

    def _converted(self, x: Any, expected: Any) -> Any:
        x = keras.ops.convert_to_tensor(x, dtype=expected.dtype)
        if not x.shape.is_compatible_with(expected.shape):
            raise ValueError(f"{self.model.name} takes the shape {expected.shape}. Received: shape {tuple(x.shape)}")
        return x


@dataclass(frozen=True)
class _PlannedCall:
    """One layer or one fused operation; see ``ModelCall`` for ``inputs``, ``output`` and ``scope``."""

    step: _Step
    inputs: tuple[Tensor, ...]
    output: Tensor
    scope: str


@dataclass(frozen=True)
class _Plan:
    """The calls of a forward pass, in order, with the model's inputs and its output."""

    calls: tuple[_PlannedCall, ...]
    inputs: tuple[Tensor, ...]
    output: Tensor


def forward_of(model: Any, *, fused: bool = True, synchronized: bool = False) -> Forward:
    """Return the forward pass of a network.

    These are fused if the layers are Keras' own and directly follow each other:

    * nearest upsampling by 2 and a 3x3 convolution become one 4x4 transposed convolution at stride 2;
    * a 3x3 convolution and average pooling of 2x2 become one 4x4 convolution at stride 2;
    * a 4x4 convolution at stride 2 on at most 4 channels becomes a 2x2 convolution on blocks of pixels;
    * batch normalization becomes TensorFlow's fused operation;
    * on a CPU, a convolution with groups becomes a convolution for each group;
    * on a CPU, a wide convolution that is in bfloat16 now computes its gradient by weights as matrix products;
    * on a CPU, dropout that is in bfloat16 now draws half as many random bits.

    A convolution may be reparametrized, for example by spectral normalization.

    Values, gradients and moving statistics are the same as those of the layers, up to rounding. Second-order gradients
    are the same too, except through the statistics of a batch: Keras' layer omits a term there, the fused operation
    does not.

    Args:
        model: a functional Keras model with one output. Nested models of Keras are taken apart.
        fused: whether to use fused operations; if False, every layer runs unchanged.
        synchronized: whether batch normalization uses the statistics of the batches of all replicas. If so, every
            replica must call the forward pass in replica context, with batches of the same size.

    Raises:
        ValueError: the model has several outputs; or ``synchronized`` is set and one of its batch normalizations
            cannot be synchronized.
    """
    found = ModelCalls.of(model)
    planned: list[_PlannedCall] = []
    lines: list[str] = []
    together: list[str] = []
    fused_away: set[Tensor] = set()
    for call in found.calls:
        if call.output in fused_away:
            continue
        layer, last = call.operation, call
        following = found.following(call)
        match = next(_rewrites(call, following), None) if fused else None
        if synchronized and isinstance(layer, layers.BatchNormalization):
            step = _synchronized(call)
            together.append(layer.name)
        elif match:
            members = [call, following] if following is not None and match.count == 2 else [call]
            last = members[-1]
            fused_away.update(member.output for member in members)
            step = _grouped(match.run, [member.operation for member in members])
            lines.append(f"{' + '.join(member.operation.name for member in members)}: {match.becomes}")
        else:
            inside = _normalizations_inside(layer) if synchronized else []
            step = _synchronizing(call, inside) if inside else call.run
            together.extend(inner.name for inner in inside)
        planned.append(_PlannedCall(step, call.inputs, last.output, call.scope))
    plan = _Plan(tuple(planned), found.inputs, found.output)
    return Forward(model, tuple(lines), tuple(together), plan)


def may_be_fused(layer: Any) -> bool:
    """Return whether a fused operation could take a layer: each takes one of these classes."""
    return type(_plain_of(layer)) in (layers.Conv2D, layers.BatchNormalization)


@dataclass(frozen=True)
class _Rewrite:
    """A fused operation for ``count`` layers in a row: run(*layers, x, training)."""

    count: int
    becomes: str
    run: Callable[..., Any]


def _rewrites(call: ModelCall, following: ModelCall | None) -> Iterator[_Rewrite]:
    """Yield the fused operations that can replace a layer, or this layer and the one that follows it."""
    first, shape, second = _plain_of(call.operation), call.shape, following and _plain_of(following.operation)
    if _is_resizing(first) and _is_convolution(second, kernel=3, stride=1):
        yield _Rewrite(
            2,
            "one 4x4 transposed convolution, stride 2",
            lambda resize, convolution, x, _: fused_ops.resized_convolution(resize, convolution, x),
        )
    pooled = _is_mean_of_four(second) and _even(shape)
    if pooled and _is_convolution(first, kernel=3, stride=1) and first.activation is keras.activations.linear:
        yield _Rewrite(
            2,
            "one 4x4 convolution, stride 2",
            lambda convolution, pool, x, _: fused_ops.pooled_convolution(convolution, pool, x),
        )
    if _is_convolution(first, kernel=4, stride=2) and _even(shape) and shape[-1] <= FEW_CHANNELS:
        yield _Rewrite(
            1,
            "one 2x2 convolution on blocks of 2x2 pixels",
            lambda convolution, x, _: fused_ops.first_convolution(convolution, x),
        )
    if _is_batch_normalization(first, shape) and _suits_fused_kernel(first, shape):
        yield _Rewrite(1, "fused batch normalization", fused_ops.fused_batch_normalization)
    by_products = _by_products(first, shape)
    if by_products is not None:
        becomes = "its gradient by weights is of matrix products, for small batches of small maps"
        yield _Rewrite(1, becomes, lambda convolution, x, _: by_products(convolution, x))
    if _is_dropout_in_bfloat16(first) and not has_accelerator():
        yield _Rewrite(1, "dropout with 16 random bits for each number", fused_ops.dropout_by_halves)
    if _is_grouped(first) and not has_accelerator():
        yield _Rewrite(
            1,
            f"{first.groups} convolutions, one for each group",
            lambda convolution, x, _: fused_ops.grouped_convolution(convolution, x),
        )


def _is_resizing(layer: Any) -> bool:
    return _is_plain(layer, layers.UpSampling2D) and tuple(layer.size) == (2, 2) and layer.interpolation == "nearest"


def _is_convolution(layer: Any, kernel: int, stride: int) -> bool:
    return (
        _is_plain(layer, layers.Conv2D)
        and layer.kernel_size == (kernel, kernel)
        and layer.strides == (stride, stride)
        and layer.padding == "same"
        and layer.dilation_rate == (1, 1)
        and layer.groups == 1
    )


def _is_grouped(layer: Any) -> bool:
    return _is_plain(layer, layers.Conv2D) and layer.groups > 1 and layer.dilation_rate == (1, 1)


def _by_products(layer: Any, shape: Any) -> Callable[[Any, Any], Any] | None:
    """Return the fused operation of a convolution that, for few images, takes its gradient by weights by products."""
    if not _has_one_stride(layer):
        return None
    stride, (height, width, channels) = layer.strides[0], shape[1:]
    if _is_plain(layer, layers.Conv2D) and layer.groups == 1:
        kernel, run = (*layer.kernel_size, channels, layer.filters), fused_ops.convolution_by_products
    elif _is_plain(layer, layers.Conv2DTranspose) and layer.output_padding is None:
        height, width = (side and stride * side for side in (height, width))
        kernel, run = (*layer.kernel_size, layer.filters, channels), fused_ops.transposed_convolution_by_products
    else:
        return None
    return run if suits_products(layer.compute_dtype, (1, height, width), kernel, stride) else None


def _has_one_stride(layer: Any) -> bool:
    """Return whether a layer is a convolution of maps with padding, one stride along both axes, and no dilation."""
    is_convolution = isinstance(layer, layers.Conv2D | layers.Conv2DTranspose) and layer.padding == "same"
    return is_convolution and len(set(layer.strides)) == 1 and set(layer.dilation_rate) == {1}


def _is_dropout_in_bfloat16(layer: Any) -> bool:
    halved = type(layer) is layers.Dropout and layer.compute_dtype == "bfloat16" and layer.noise_shape is None
    return halved and 0 < round(layer.rate * 2**16) < 2**16


def _is_mean_of_four(layer: Any) -> bool:
    return _is_plain(layer, layers.AveragePooling2D) and tuple(layer.pool_size) == tuple(layer.strides) == (2, 2)


def _is_batch_normalization(layer: Any, shape: Any) -> bool:
    return (
        _is_plain(layer, layers.BatchNormalization)
        and len(shape) in (2, 4)
        and layer.axis in (-1, len(shape) - 1)
        # Keras 3.15 added batch renormalization.
        and not getattr(layer, "renorm", False)
    )


def _suits_fused_kernel(layer: Any, shape: Any) -> bool:
    """Return whether the fused operation can replace a batch normalization layer and is faster."""
    least = LEAST_FEATURES if len(shape) == 2 else LEAST_CHANNELS
    double = "float64" in (layer.compute_dtype, layer.variable_dtype)
    return shape[-1] >= least and not layer.synchronized and not double


def _is_plain(layer: Any, of: Any) -> bool:
    """Return whether a layer has exactly this Keras class, and calling it runs only its ``call`` method."""
    return (
        type(layer) is of
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and layer.activity_regularizer is None
        and layer.autocast
    )


def _even(shape: Any) -> bool:
    _, height, width, _ = shape
    return height is not None and width is not None and height % 2 == 0 == width % 2


def _synchronized(call: ModelCall) -> _Step:
    layer = call.operation
    if _is_batch_normalization(layer, call.shape):
        return _grouped(fused_ops.synchronized_batch_normalization, [layer])
    if layer.synchronized:
        return call.run
    if getattr(layer, "follows_synchronized", False):
        return _synchronizing(call, [layer])
    raise ValueError(
        f"{layer.name} ({type(layer).__name__}) cannot take its statistics over all replicas from outside: "
        "build it with synchronized=True"
    )


def _normalizations_inside(layer: Any) -> list[Any]:
    """Return the batch normalizations inside a layer that use the statistics of one replica only.

    The layer may be a model or a block of a plugin.
    """
    if not isinstance(layer, keras.Layer):
        return []
    _, *inside = layers_within(layer)
    return [inner for inner in inside if isinstance(inner, layers.BatchNormalization) and not inner.synchronized]


def _synchronizing(call: ModelCall, normalizations: Sequence[Any]) -> _Step:
    """Return a step that runs a layer whose inner batch normalizations use the statistics of all replicas."""

    def step(x: Any, training: bool) -> Any:
        # Keras reads this attribute at each call. Mirrored replicas are traced in threads, which wait for each other at
        # each statistic. So no replica leaves the layer before all replicas have read the attribute for the last time.
        for inner in normalizations:
            inner.synchronized = True
        try:
            return call.run(x, training)
        finally:
            for inner in normalizations:
                inner.synchronized = False

    return step


def _grouped(run: Callable[..., Any], members: Sequence[Any]) -> _Step:
    def step(x: Any, training: bool) -> Any:
        with ExitStack() as entered:
            effective = [
                entered.enter_context(member.reparametrized()) if isinstance(member, Reparametrization) else member
                for member in members
            ]
            return run(*effective, x, training)

    return step


def _plain_of(layer: Any) -> Any:
    """Return the layer that runs: inside a reparametrization, the wrapped one with its effective kernels."""
    return layer.layer if isinstance(layer, Reparametrization) else layer
