"""What dcgan-kit uses of Keras and TensorFlow though they do not promise to keep it; no other file does.

A private name may go with any new version. Each function here says what it gives and in which version the name was
read; where the name is missing, it raises a ``UserError`` that says which name of which library, and what to install.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from dcgan_kit.errors import UserError

READ_IN = {"keras": "3.15.1", "tensorflow": "2.21.0"}
"""The version of each library in which the private names were read."""


@contextmanager
def weightless() -> Iterator[None]:
    """Build layers without creating their weights, now or ever: they have a shape and take no memory.

    Keras 3.15.1 keeps a list of the weights that it still owes under ``uninitialized_variables`` of
    ``keras.src.backend.common.global_state``, and would create them at the end of the next scope of this kind; it opens
    one to find out which shape a layer returns. It offers no public way to strike them off.

    Raises:
        UserError: this version of Keras has no such state.
    """
    state = _module("keras.src.backend.common.global_state")
    get = _attribute(state, "keras.src.backend.common.global_state.get_global_attribute")
    put = _attribute(state, "keras.src.backend.common.global_state.set_global_attribute")
    waiting = list(get("uninitialized_variables") or ())
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        put("uninitialized_variables", waiting)


def layers_within(*layers: Any) -> list[Any]:
    """Return each layer, followed by all layers inside it at any depth: of a model, a wrapper, a layer that keeps some.

    Keras 3.15.1: ``Layer._flatten_layers``. In public only models name their layers, and only those one level down.

    Args:
        layers: Keras layers or models; what two of them hold comes twice.

    Raises:
        UserError: this version of Keras has no such method.
    """
    return [inner for outer in layers for inner in _attribute(outer, "keras.Layer._flatten_layers")()]


def sublayers(outer: Any) -> list[Any]:
    """Return the layers that a layer or model keeps itself, without those inside them.

    Keras 3.15.1: ``Layer._layers``. In public only models name them.

    Raises:
        UserError: this version of Keras has no such list.
    """
    return list(_attribute(outer, "keras.Layer._layers"))


def is_plain_model(layer: Any) -> bool:
    """Return whether a layer is a model of Keras' own two kinds, which is its layers and how they are connected.

    Keras 3.15.1: ``keras.src.models.functional.Functional`` is the class of ``keras.Model(inputs, outputs)``, and has
    no public name.

    Raises:
        UserError: this version of Keras has no such class.
    """
    module = _module("keras.src.models.functional")
    functional = _attribute(module, "keras.src.models.functional.Functional")
    return type(layer) in (keras.Sequential, functional)


def seed_generators(model: Any) -> list[Any]:
    """Return the seed generators of a layer or model and of all layers inside it, each once.

    Keras 3.15.1: ``Layer._seed_generators`` lists what a layer keeps in an attribute, a list or a mapping, at any
    depth. In public only the variables of the generators can be found.

    Raises:
        UserError: this version of Keras has no such list.
    """
    found = [one for inner in layers_within(model) for one in _attribute(inner, "keras.Layer._seed_generators")]
    return list({id(generator): generator for generator in found}.values())


def replace_next_seed(generator: Any, replacement: Callable[[Any], Any]) -> None:
    """Let a seed generator give other seeds, for good.

    Keras 3.15.1: the random functions of ``keras.random`` ask a generator for a seed by ``SeedGenerator.next``. The
    method is public; that an instance may have another one is promised to nobody.

    Args:
        generator: a ``keras.random.SeedGenerator``.
        replacement: the method so far, ``next(ordered=True)`` → the one to use, which takes the same and returns a seed
            of two integers.

    Raises:
        UserError: this version of Keras has no such method.
    """
    generator.next = replacement(_attribute(generator, "keras.random.SeedGenerator.next"))


def leave_gradients_alone(optimizer: Any) -> None:
    """Keep an optimizer from adding up the gradients of replicas: it takes those that it is given as the sum.

    Keras 3.15.1: ``_all_reduce_sum_gradients`` of the optimizers of its TensorFlow backend. There is no public switch.

    Raises:
        UserError: this version of Keras has no such method.
    """
    _attribute(optimizer, "keras.optimizers.Optimizer._all_reduce_sum_gradients")
    optimizer._all_reduce_sum_gradients = lambda pairs: pairs


@dataclass(frozen=True)
class OperationCall:
    """One call of a layer or a bare Keras operation while a functional model was built.

    Attributes:
        operation: what was called.
        inputs: the symbolic tensors among its arguments, in order.
        arguments: positional arguments.
        keywords: arguments by name.
    """

    operation: Any
    inputs: tuple[Any, ...]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


def call_that_made(tensor: Any) -> OperationCall:
    """Return the call whose result a symbolic tensor is.

    Keras 3.15.1: ``KerasTensor._keras_history`` says which operation and which of its calls, and
    ``Operation._inbound_nodes`` lists the calls. In public only the tensors of an operation that was called once are
    known.

    Raises:
        UserError: this version of Keras keeps no such history.
    """
    operation, number, _ = _attribute(tensor, "keras.KerasTensor._keras_history")
    node = _attribute(operation, "keras.Operation._inbound_nodes")[number]
    inputs = _attribute(node, "keras.src.ops.node.Node.input_tensors")
    given = _attribute(node, "keras.src.ops.node.Node.arguments")
    return OperationCall(operation, tuple(inputs), tuple(given.args), dict(given.kwargs))


def graph_of_function(graph: Any, name: str) -> Any:
    """Return the graph of a function that operations of a graph call by name; None if the graph knows none.

    TensorFlow 2.21.0: ``Graph._get_function``. In public only the serialized form of the function can be had.

    Raises:
        UserError: this version of TensorFlow has no such method.
    """
    return getattr(_attribute(graph, "tensorflow.Graph._get_function")(name), "graph", None)


def switch_off_coordination_service() -> None:
    """Keep TensorFlow from starting its coordination service among workers; before it connects them.

    TensorFlow 2.21.0: ``configure_coordination_service`` of the context in ``tensorflow.python.eager.context``, where
    ``MultiWorkerMirroredStrategy`` switches the service on unless it is configured already. There is no public switch.

    Raises:
        UserError: this version of TensorFlow has no such method.
    """
    module = _module("tensorflow.python.eager.context")
    context = _attribute(module, "tensorflow.python.eager.context.context")()
    _attribute(context, "tensorflow.python.eager.context.Context.configure_coordination_service")("")


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise _missing(name) from error


def _attribute(owner: Any, name: str) -> Any:
    """Return an attribute of an object; ``name`` is written out from the library on, to be shown if it is missing."""
    try:
        return getattr(owner, name.rpartition(".")[2])
    except AttributeError as error:
        raise _missing(name) from error


def _missing(name: str) -> UserError:
    library = name.partition(".")[0]
    version = importlib.import_module(library).__version__
    return UserError(
        f"{library} {version} has no {name}, which dcgan-kit uses though it is private. It was read in {library} "
        f"{READ_IN[library]}: install {library}=={READ_IN[library]}"
    )
