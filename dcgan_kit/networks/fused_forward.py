"""Run a network faster: the same layers and variables, with some layers computed as one fused operation.

    forward = forward_of(model)
    y = forward(x, training=True)  # same result, updates and gradients as model(x, training=True), in less time

The model itself does not change, so it is saved as it was built.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import tensorflow as tf
from keras import layers

from dcgan_kit.networks import fused_ops
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.model_calls import ModelCall, ModelCalls, Tensor
from dcgan_kit.networks.reparametrization import Reparametrization
from dcgan_kit.networks.rewrites import is_batch_normalization, plain_of, rewrites

_Step = Callable[[Any, bool], Any]
"""(input, training) → output; the input is a list if the layer takes several tensors."""


@dataclass(frozen=True)
class Forward:
    """A network's forward pass.

    Attributes:
        model: the Keras model whose layers it runs. It reads precision (``dtype_policy``) and ``trainable`` from the
            layers at each call.
    """

    model: Any
    _planned: Callable[[], _Plan]
    _plans: dict[tuple[str, ...], _Plan] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def fused(self) -> tuple[str, ...]:
        """A line for each fused operation, with the names of its layers."""
        return self._plan.fused

    @property
    def synchronized(self) -> tuple[str, ...]:
        """Names of the batch normalization layers that use the statistics of all replicas."""
        return self._plan.synchronized

    @property
    def _plan(self) -> _Plan:
        """The plan for the precision that the layers have now: some operations are faster in one of them only."""
        precisions = tuple(layer.compute_dtype for layer in layers_within(self.model))
        if precisions not in self._plans:
            self._plans[precisions] = self._planned()
        return self._plans[precisions]

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
        plan = self._plan
        found = dict(zip(plan.inputs, values, strict=True))
        # If an operation of a compiled step fails, only its scope identifies it: network, then layer.
        with tf.name_scope(self.model.name):
            for call in plan.calls:
                taken = [found[tensor] for tensor in call.inputs]
                with tf.name_scope(call.scope) if call.scope else nullcontext():
                    found[call.output] = call.step(taken[0] if len(taken) == 1 else taken, training)
        return found[plan.output]

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
    """The calls of a forward pass, in order, with the model's inputs and its output; see ``Forward``."""

    calls: tuple[_PlannedCall, ...]
    inputs: tuple[Tensor, ...]
    output: Tensor
    fused: tuple[str, ...]
    synchronized: tuple[str, ...]


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
    forward = Forward(model, partial(_plan_of, model, fused, synchronized))
    # What cannot be synchronized is told now, not at the first call.
    _ = forward.synchronized
    return forward


def _plan_of(model: Any, fused: bool, synchronized: bool) -> _Plan:
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
        match = next(rewrites(call, following), None) if fused else None
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
    return _Plan(tuple(planned), found.inputs, found.output, tuple(lines), tuple(together))


def may_be_fused(layer: Any) -> bool:
    """Return whether a fused operation could take a layer: each takes one of these classes."""
    return type(plain_of(layer)) in (layers.Conv2D, layers.BatchNormalization)


def _synchronized(call: ModelCall) -> _Step:
    layer = call.operation
    if is_batch_normalization(layer, call.shape):
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
