"""The calls of layers and operations that a functional Keras model consists of, also inside nested models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras

from dcgan_kit.networks.keras_internals import OperationCall, call_that_made, is_plain_model

Tensor = tuple[int, ...]
"""Stands for a symbolic tensor: the ids of the outputs of the nested models around it, then its own id."""


@dataclass(frozen=True)
class ModelCall:
    """One call of a layer or of a single Keras operation.

    Attributes:
        operation: the layer or operation.
        inputs: the symbolic tensors that it takes, in the order of its arguments.
        output: the symbolic tensor that it returns.
        shape: shape of its first input.
        scope: names of the nested models around it, each with a slash.
    """

    operation: Any
    inputs: tuple[Tensor, ...]
    output: Tensor
    shape: Any
    scope: str
    _made: OperationCall

    def run(self, values: Any, training: bool) -> Any:
        """Call the operation.

        Args:
            values: its input; a list if there are several.
            training: whether layers run in training mode.
        """
        given = iter(values if len(self.inputs) > 1 else [values])
        arguments, keywords = keras.tree.map_structure(
            lambda each: next(given) if isinstance(each, keras.KerasTensor) else each,
            (self._made.arguments, self._made.keywords),
        )
        if isinstance(self.operation, keras.Layer):
            keywords = {**keywords, "training": training}
        return self.operation(*arguments, **keywords)


@dataclass(frozen=True)
class ModelCalls:
    """The calls of a model, in an order in which each one finds its inputs made.

    Attributes:
        calls: the calls; a layer that is applied twice appears twice.
        inputs: the model's inputs.
        output: the model's output.
    """

    calls: tuple[ModelCall, ...]
    inputs: tuple[Tensor, ...]
    output: Tensor

    @staticmethod
    def of(model: Any) -> ModelCalls:
        """Return the calls of a functional model with one output. Nested models of Keras are taken apart.

        Raises:
            ValueError: the model has several outputs.
        """
        inputs = tuple((id(tensor),) for tensor in model.inputs)
        calls: list[ModelCall] = []
        output = _collect(model, inputs, (), "", calls)
        return ModelCalls(tuple(calls), inputs, output)

    def following(self, call: ModelCall) -> ModelCall | None:
        """Return the call that alone takes the output of a call, and takes nothing else; None if there is none."""
        takers = [other for other in self.calls if call.output in other.inputs]
        alone = len(takers) == 1 and len(takers[0].inputs) == 1 and call.output != self.output
        return takers[0] if alone else None


def taken_apart(layers: Sequence[Any]) -> list[Any]:
    """Return the layers that constraints and forward passes see: models of Keras are taken apart, all others are not.

    Args:
        layers: layers; a layer that is used twice is returned once.
    """
    found: dict[Any, None] = {}
    for layer in layers:
        inside = taken_apart(layer.layers) if is_plain_model(layer) else [layer]
        found.update(dict.fromkeys(each for each in inside if not isinstance(each, keras.layers.InputLayer)))
    return list(found)


def _collect(model: Any, inputs: Sequence[Tensor], within: Tensor, scope: str, calls: list[ModelCall]) -> Tensor:
    """Append the calls of a model; return the symbolic tensor of its output."""
    if len(model.outputs) != 1:
        raise ValueError(f"{model.name} must have one output")
    found: dict[int, Tensor] = {id(tensor): given for tensor, given in zip(model.inputs, inputs, strict=True)}
    waiting = [model.outputs[0]]
    while waiting:
        tensor = waiting[-1]
        if id(tensor) in found:
            waiting.pop()
            continue
        made = call_that_made(tensor)
        missing = [each for each in made.inputs if id(each) not in found]
        if missing:
            waiting.extend(reversed(missing))
            continue
        taken, output = tuple(found[id(each)] for each in made.inputs), (*within, id(tensor))
        if is_plain_model(made.operation):
            name = f"{scope}{made.operation.name}/"
            found[id(tensor)] = _collect(made.operation, taken, output, name, calls)
        else:
            found[id(tensor)] = output
            calls.append(ModelCall(made.operation, taken, output, made.inputs[0].shape, scope, made))
    return found[id(model.outputs[0])]
