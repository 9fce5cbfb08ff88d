"""Another way to run a network: the same layers with the same variables, some computed together.

    forward = forward_of(model)
    y = forward(x, training=True)  # what model(x, training=True) computes, updates and differentiates to, in less time

The model stays as it was built, and is saved as it was built.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from dcgan_kit.networks import fused_ops
from dcgan_kit.networks.keras_internals import call_that_made, layers_within

_Step = Callable[[Any, bool], Any]

FEW_CHANNELS = 4
"""A first convolution on at most so many channels is quicker on blocks of pixels."""
LEAST_CHANNELS = 2
"""A map of one channel is normalized quicker by Keras' layer than by the fused kernel."""
LEAST_FEATURES = 2048
"""So are vectors of fewer features than this."""


@dataclass(frozen=True)
class Forward:
    """A network's forward pass.

    Attributes:
        model: the Keras model whose layers it runs. Precision (``dtype_policy``) and ``trainable`` are read off the
            layers at each call.
        fused: what it computes otherwise than layer by layer, one line a place, with the names of the layers.
        synchronized: names of the batch normalizations whose statistics it takes over all replicas.
    """

    model: Any
    fused: tuple[str, ...]
    synchronized: tuple[str, ...]
    _steps: tuple[_Step, ...]

    def __call__(self, x: Any, training: bool) -> Any:
        """Return what ``model(x, training=training)`` returns, and update the same variables.

        Args:
            x: (B, *input shape); cast to the input's type, as the model does.
            training: whether layers that act otherwise in training do so.

        Raises:
            ValueError: ``x`` has another shape than the model takes.
        """
        wanted = self.model.inputs[0]
        x = keras.ops.convert_to_tensor(x, dtype=wanted.dtype)
        if not x.shape.is_compatible_with(wanted.shape):
            raise ValueError(f"{self.model.name} takes the shape {wanted.shape}. Received: shape {tuple(x.shape)}")
        # An operation that fails in a compiled step is known by its scope alone: network, then layer.
        with tf.name_scope(self.model.name):
            for step in self._steps:
                x = step(x, training)
        return x


def forward_of(model: Any, *, fused: bool = True, synchronized: bool = False) -> Forward:
    """Return the forward pass of a network.

    Fused are, where nothing lies between and the layers are Keras' own:

    * nearest up-sampling by 2 and a 3x3 convolution: one 4x4 transposed convolution at stride 2;
    * a 3x3 convolution and average pooling of 2x2: one 4x4 convolution at stride 2;
    * a 4x4 convolution at stride 2 on at most 4 channels: a 2x2 convolution on blocks of pixels;
    * batch normalization: TensorFlow's fused kernel.

    Values, gradients and moving statistics are those of the layers, up to rounding. So are gradients of gradients, but
    for those through the statistics of a batch, where Keras' layer leaves a term out and the fused kernel does not.

    Args:
        model: a Keras model that is one chain of layers, with one input and one output.
        fused: compute these together; otherwise every layer is run as it is.
        synchronized: batch normalization takes the statistics of the batches of all replicas. The forward pass must
            then be called by every replica, in replica context, on batches of one size.

    Raises:
        ValueError: the model is no chain; or ``synchronized`` and it normalizes in a way that cannot be synchronized.
    """
    chain = _chain(model)
    steps: list[_Step] = []
    lines: list[str] = []
    together: list[str] = []
    place = 0
    while place < len(chain):
        layer, shape = chain[place]
        match = next(_rewrites(chain[place:]), None) if fused else None
        if synchronized and isinstance(layer, layers.BatchNormalization):
            steps.append(_synchronized(layer, shape))
            together.append(layer.name)
            place += 1
        elif match:
            members = [member for member, _ in chain[place : place + match.count]]
            steps.append(_grouped(match.run, members))
            lines.append(f"{' + '.join(member.name for member in members)}: {match.becomes}")
            place += match.count
        else:
            inside = _normalizations_inside(layer) if synchronized else []
            steps.append(_synchronizing(layer, inside) if inside else _as_it_is(layer))
            together.extend(inner.name for inner in inside)
            place += 1
    return Forward(model, tuple(lines), tuple(together), tuple(steps))


@dataclass(frozen=True)
class _Rewrite:
    """How the first ``count`` layers of a chain can be computed: run(*layers, x, training)."""

    count: int
    becomes: str
    run: Callable[..., Any]


def _rewrites(chain: Sequence[tuple[Any, Any]]) -> Iterator[_Rewrite]:
    """Yield what the beginning of a chain can be rewritten to."""
    (first, shape), (second, _) = chain[0], chain[1] if len(chain) > 1 else (None, None)
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


def _is_mean_of_four(layer: Any) -> bool:
    return _is_plain(layer, layers.AveragePooling2D) and tuple(layer.pool_size) == tuple(layer.strides) == (2, 2)


def _is_batch_normalization(layer: Any, shape: Any) -> bool:
    return (
        _is_plain(layer, layers.BatchNormalization)
        and len(shape) in (2, 4)
        and layer.axis in (-1, len(shape) - 1)
        # Keras 3.15 brought batch renormalization.
        and not getattr(layer, "renorm", False)
    )


def _suits_fused_kernel(layer: Any, shape: Any) -> bool:
    """Whether the fused kernel can do what a batch normalization does, in less time."""
    least = LEAST_FEATURES if len(shape) == 2 else LEAST_CHANNELS
    double = "float64" in (layer.compute_dtype, layer.variable_dtype)
    return shape[-1] >= least and not layer.synchronized and not double


def _is_plain(layer: Any, of: Any) -> bool:
    """Whether a layer is Keras' own, not a subclass of it, and nothing but its ``call`` happens when it is called."""
    return (
        type(layer) is of
        and getattr(layer, "data_format", "channels_last") == "channels_last"
        and layer.activity_regularizer is None
        and layer.autocast
    )


def _even(shape: Any) -> bool:
    _, height, width, _ = shape
    return height is not None and width is not None and height % 2 == 0 == width % 2


def _synchronized(layer: Any, shape: Any) -> _Step:
    if _is_batch_normalization(layer, shape):
        return _grouped(fused_ops.synchronized_batch_normalization, [layer])
    if layer.synchronized:
        return _as_it_is(layer)
    raise ValueError(
        f"{layer.name} ({type(layer).__name__}) cannot take its statistics over all replicas from outside: "
        "build it with synchronized=True"
    )


def _normalizations_inside(layer: Any) -> list[Any]:
    """The batch normalizations inside a layer (a model, a stranger's block) that take statistics of their own batch."""
    if not isinstance(layer, keras.Layer):
        return []
    _, *inside = layers_within(layer)
    return [inner for inner in inside if isinstance(inner, layers.BatchNormalization) and not inner.synchronized]


def _synchronizing(layer: Any, normalizations: Sequence[Any]) -> _Step:
    """Run a layer whose batch normalizations, inside it, take their statistics over all replicas meanwhile."""
    run = _as_it_is(layer)

    def step(x: Any, training: bool) -> Any:
        # Keras looks at this at each call. Mirrored replicas are traced in threads, which meet at each statistic: none
        # is through with the layer before all have looked for the last time.
        for inner in normalizations:
            inner.synchronized = True
        try:
            return run(x, training)
        finally:
            for inner in normalizations:
                inner.synchronized = False

    return step


def _grouped(run: Callable[..., Any], members: Sequence[Any]) -> _Step:
    return lambda x, training: run(*members, x, training)


def _as_it_is(operation: Any) -> _Step:
    if isinstance(operation, keras.Layer):
        return lambda x, training: operation(x, training=training)
    return lambda x, _: operation(x)


def _chain(model: Any) -> list[tuple[Any, Any]]:
    """The layers (and bare Keras operations) of a model in order, each with the shape that it is given.

    A layer that is applied twice comes twice.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(f"{model.name} must have one input and one output")
    chain: list[tuple[Any, Any]] = []
    tensor = model.outputs[0]
    while tensor is not model.inputs[0]:
        call = call_that_made(tensor)
        # Keras notes None for the mask where there is none, and a model's call overrules what it noted of ``training``.
        named = {name for name, value in call.keywords.items() if value is not None} - {"training"}
        if len(call.inputs) != 1 or len(call.arguments) != 1 or named:
            more = f"{call.operation.name} takes more than a tensor"
            raise ValueError(f"{model.name} must be one chain of layers, and {more}")
        tensor = call.inputs[0]
        chain.append((call.operation, tensor.shape))
    return chain[::-1]
