"""Which weights of a checkpoint fit the networks of a recipe: those with the same path, shape and type."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcgan_kit.networks.variable_path import path_of

AVERAGED = "averaged"
NETWORKS = ("generator", "discriminator", AVERAGED)
TITLES = {AVERAGED: "moving average of the generator"}
MAX_LISTED = 3
"""Most arrays of one kind in a message."""
Shape = tuple[int, ...]

_NAME = re.compile(rf"(?P<network>{'|'.join(NETWORKS)})/(?P<index>\d{{4,9}})/(?P<path>.+)")


@dataclass(frozen=True)
class Weight:
    """A weight of a network, or an array of a checkpoint.

    Attributes:
        name: its name in checkpoints: network, number and path.
        path: its path in the network, such as ``stage1_upsample/kernel``.
        shape: its shape.
        dtype: its type, such as ``float32``.
    """

    name: str
    path: str
    shape: Shape
    dtype: Any


@dataclass(frozen=True)
class Fit:
    """How the arrays of a checkpoint fit one network.

    Attributes:
        network: ``generator``, ``discriminator`` or ``averaged``.
        pairs: each weight that is taken, with the array that it takes.
        reshaped: paths whose shape differs, each with the shape here and there.
        retyped: paths whose type alone differs, each with the type here and there.
        only_here: paths of the other weights of the network, which keep their initial values.
        only_there: paths of the other arrays of the checkpoint, which are not used.
    """

    network: str
    pairs: tuple[tuple[Weight, Weight], ...]
    reshaped: tuple[tuple[str, Shape, Shape], ...]
    retyped: tuple[tuple[str, str, str], ...]
    only_here: tuple[str, ...]
    only_there: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of weights of the network."""
        return len(self.pairs) + len(self.reshaped) + len(self.retyped) + len(self.only_here)

    def line(self) -> str:
        """Return one line for people."""
        shapes = [f"{path} has {here} here and {there} there" for path, here, there in self.reshaped]
        types = [f"{path} is {here} here and {there} there" for path, here, there in self.retyped]
        parts = [
            f"{TITLES.get(self.network, self.network)}: {len(self.pairs)} of {self.count} arrays taken",
            *([f"other shapes: {_first(shapes, '; ')}"] if shapes else []),
            *([f"other types: {_first(types, '; ')}"] if types else []),
            *([f"only here: {_first(self.only_here)}"] if self.only_here else []),
            *([f"only there: {_first(self.only_there)}"] if self.only_there else []),
        ]
        return "; ".join(parts)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "taken": [weight.path for weight, _ in self.pairs],
            "other_shape": [{"name": path, "here": here, "there": there} for path, here, there in self.reshaped],
            "other_type": [{"name": path, "here": here, "there": there} for path, here, there in self.retyped],
            "only_here": self.only_here,
            "only_there": self.only_there,
        }


def weights_of(networks: Mapping[str, Any]) -> dict[str, list[Weight]]:
    """Return the weights of Keras models by network: kernels, biases, statistics; no states of random layers."""
    found: dict[str, list[Weight]] = {}
    for network, model in networks.items():
        own = {id(weight) for weight in model.weights}
        found[network] = [
            Weight(f"{network}/{index:04d}/{path_of(one)}", path_of(one), tuple(one.shape), np.dtype(one.dtype))
            for index, one in enumerate(model.variables)
            if id(one) in own
        ]
    return found


def fits_of(weights: Mapping[str, Sequence[Weight]], arrays: Mapping[str, tuple[Shape, Any]]) -> tuple[Fit, ...]:
    """Compare networks with the arrays of a checkpoint.

    The moving average takes that of the checkpoint, or its generator if the checkpoint has no average.

    Args:
        weights: the weights of each network, as ``weights_of`` returns them.
        arrays: shape and dtype of each array of the checkpoint, by name.
    """
    there = _by_network(arrays)
    fits = []
    for network, own in weights.items():
        source = "generator" if network == AVERAGED and not there[AVERAGED] else network
        fits.append(_fit(network, own, there[source]))
    return tuple(fits)


def _fit(network: str, own: Sequence[Weight], there: Sequence[Weight]) -> Fit:
    offered = _numbered(there)
    pairs, reshaped, retyped, only_here = [], [], [], []
    for key, weight in _numbered(own).items():
        array = offered.pop(key, None)
        if array is None:
            only_here.append(weight.path)
        elif array.shape != weight.shape:
            reshaped.append((weight.path, weight.shape, array.shape))
        elif array.dtype != weight.dtype:
            retyped.append((weight.path, str(weight.dtype), str(array.dtype)))
        else:
            pairs.append((weight, array))
    only_there = tuple(one.path for one in offered.values())
    return Fit(network, tuple(pairs), tuple(reshaped), tuple(retyped), tuple(only_here), only_there)


def _numbered(weights: Iterable[Weight]) -> dict[tuple[str, int], Weight]:
    """Return weights by path. Weights of the same path, which layers without a name may have, are counted."""
    seen: dict[str, int] = {}
    found = {}
    for weight in weights:
        seen[weight.path] = seen.get(weight.path, -1) + 1
        found[weight.path, seen[weight.path]] = weight
    return found


def _by_network(arrays: Mapping[str, tuple[Shape, Any]]) -> dict[str, list[Weight]]:
    found: dict[str, list[Weight]] = {network: [] for network in NETWORKS}
    for name in sorted(arrays):
        match = _NAME.fullmatch(name)
        # States of random layers are whole numbers; weights are not.
        if match is not None and arrays[name][1].kind == "f":
            found[match["network"]].append(Weight(name, match["path"], *arrays[name]))
    return found


def _first(items: Sequence[str], separator: str = ", ") -> str:
    more = f" and {len(items) - MAX_LISTED} more" if len(items) > MAX_LISTED else ""
    return f"{separator.join(items[:MAX_LISTED])}{more}"
