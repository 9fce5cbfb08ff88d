"""A built network: a Keras model and its parts. Parts form a row; a part may take the output of any earlier part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dcgan_kit.components.guard import Author, CodeOwner
from dcgan_kit.components.kinds import Shape
from dcgan_kit.networks.side_inputs import with_sides

BUILDER = "builder"
"""Component name of a layer that the builder added, such as a convolution that changes the number of channels."""
OF_BUILDER = Author(f"convolution of the {BUILDER}", f"{__package__}.builder")
"""The code owner of a layer that the builder added."""
JOIN = "join"
"""Kind of a part that joins a shortcut with its stage. It is the only kind whose first layer takes two tensors."""
INPUT = -1
"""Stands for the network's input among the parts that a part takes."""
Call = Callable[[Any, Any], Any]
"""(layer, tensor or list of tensors) → the layer's output."""


@dataclass(frozen=True)
class Part:
    """One part of a network: the layers that fill one slot.

    Attributes:
        name: name such as ``stage2_upsample``. A single layer has this name; several layers have it as a prefix.
        kind: kind of the component.
        component: name of the component.
        owner: the plugin that offers the component; empty for a layer of the builder.
        path: the place in the recipe that chooses the component.
        layers: its layers, in order.
        input_shape: shape of its input without the batch dimension; of its first input if there are several.
        output_shape: shape of its output without the batch dimension.
        unconstrained: names of its layers whose kernels the block's constraint does not reach.
        author: the code owner that error messages name if one of its layers fails.
        inputs: the parts whose outputs it takes, as indices into the network's parts, or ``INPUT``.
    """

    name: str
    kind: str
    component: str
    owner: str
    path: tuple[str | int, ...]
    layers: tuple[Any, ...]
    input_shape: Shape
    output_shape: Shape
    unconstrained: tuple[str, ...] = ()
    author: CodeOwner = OF_BUILDER
    inputs: tuple[int, ...] = (INPUT,)

    @property
    def block(self) -> str:
        """Name of the block that contains it; of a repeated stage with the number of its copy: ``stage2.1``."""
        return self.name.partition("_")[0]


@dataclass(frozen=True)
class Network:
    """A built network: the Keras model and its parts, in order."""

    role: str
    model: Any
    parts: tuple[Part, ...]

    def part_of(self, layer_name: str) -> Part | None:
        """Return the part that contains the layer with this name, or None."""
        return next((p for p in self.parts if any(layer.name == layer_name for layer in p.layers)), None)

    def outputs(self, x: Any, call: Call) -> list[Any]:
        """Run the network layer by layer. Return its input and then the output of each part, in order.

        Args:
            x: the network's input; a list of it and the classes if the network takes them.
            call: runs one layer.
        """
        given = list(x) if isinstance(x, list | tuple) else [x]
        sides = dict(zip((tensor.name for tensor in self.model.inputs), given, strict=True))
        found = given[:1]
        for part in self.parts:
            found.append(applied(part.layers, [found[index + 1] for index in part.inputs], call, sides))
        return found

    @property
    def side_shapes(self) -> dict[str, Shape]:
        """Shape of each input of the model, by name, without the batch dimension: layers may take them as well."""
        return {tensor.name: tuple(tensor.shape[1:]) for tensor in self.model.inputs}


@dataclass(frozen=True)
class Networks:
    """The two networks of a recipe."""

    generator: Network
    discriminator: Network


def applied(layers: Sequence[Any], tensors: Sequence[Any], call: Call, sides: Mapping[str, Any]) -> Any:
    """Apply layers in order; the first one takes all tensors, as a list if there are several.

    Args:
        layers: the layers.
        tensors: what the first layer takes.
        call: runs one layer.
        sides: side inputs by name; each layer takes those that it names.
    """
    value: Any = tensors[0] if len(tensors) == 1 else list(tensors)
    for layer in layers:
        value = call(layer, with_sides(layer, value, sides))
    return value
