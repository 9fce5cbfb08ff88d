"""All uses of private names of Keras and TensorFlow. No other file uses such names.

A new version of a library may remove a private name. Each function here says which name it uses, and which version has
it. If the name is missing, the function raises a ``UserError`` that says which name of which library is missing, and
which version to install.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras

from dcgan_kit.errors import UserError

READ_IN = {"keras": "3.15.1", "tensorflow": "2.21.0"}
"""The version of each library in which the private names were found."""


@contextmanager
def weightless() -> Iterator[None]:
    """Build layers whose weights are never created: they have a shape, but take no memory.

    Keras 3.15.1 keeps a list of weights that it must still create: ``uninitialized_variables`` of
    ``keras.src.backend.common.global_state``. It would create them at the end of the next scope of this kind, and it
    opens such a scope itself to infer the output shape of a layer. There is no public way to remove weights from the
    list.

    Raises:
        UserError: this version of Keras has no such state.
    """
    state = _module("keras.src.backend.common.global_state")
    get_attribute = _attribute(state, "keras.src.backend.common.global_state.get_global_attribute")
    set_attribute = _attribute(state, "keras.src.backend.common.global_state.set_global_attribute")
    waiting = list(get_attribute("uninitialized_variables") or ())
    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        set_attribute("uninitialized_variables", waiting)


def layers_within(*layers: Any) -> list[Any]:
    """Return each layer, followed by all layers inside it at any depth, as in a model or a wrapper.

    Keras 3.15.1: ``Layer._flatten_layers``. The public API lists only the layers of models, and only one level deep.

    Args:
        layers: Keras layers or models. A layer that is inside two of them appears twice.

    Raises:
        UserError: this version of Keras has no such method.
    """
    return [inner for outer in layers for inner in _attribute(outer, "keras.Layer._flatten_layers")()]


def sublayers(outer: Any) -> list[Any]:
    """Return the direct sublayers of a layer or model.

    Keras 3.15.1: ``Layer._layers``. The public API lists them only for models.

    Raises:
        UserError: this version of Keras has no such list.
    """
    return list(_attribute(outer, "keras.Layer._layers"))


def is_plain_model(layer: Any) -> bool:
    """Return whether a layer is a sequential or functional model of Keras, and not of a subclass.

    Such a model consists only of its layers and their connections. Keras 3.15.1:
    ``keras.src.models.functional.Functional`` is the class of ``keras.Model(inputs, outputs)``, and has no public name.

    Raises:
        UserError: this version of Keras has no such class.
    """
    module = _module("keras.src.models.functional")
    functional = _attribute(module, "keras.src.models.functional.Functional")
    return type(layer) in (keras.Sequential, functional)


def seed_generators(model: Any) -> list[Any]:
    """Return the seed generators of a layer or model and of all layers inside it, each once.

    Keras 3.15.1: ``Layer._seed_generators`` lists the generators that a layer keeps in an attribute, a list or a
    mapping, at any depth. The public API gives only the variables of the generators.

    Raises:
        UserError: this version of Keras has no such list.
    """
    found = [one for inner in layers_within(model) for one in _attribute(inner, "keras.Layer._seed_generators")]
    return list({id(generator): generator for generator in found}.values())


def replace_next_seed(generator: Any, replacement: Callable[[Any], Any]) -> None:
    """Permanently replace the method that gives the seeds of a seed generator.

    Keras 3.15.1: the random functions of ``keras.random`` get a seed from ``SeedGenerator.next``. The method is public,
    but Keras does not promise that it can be replaced on an instance.

    Args:
        generator: a ``keras.random.SeedGenerator``.
        replacement: old method ``next(ordered=True)`` → new method, which takes the same argument and returns a seed of
            two integers.

    Raises:
        UserError: this version of Keras has no such method.
    """
    generator.next = replacement(_attribute(generator, "keras.random.SeedGenerator.next"))


def leave_gradients_alone(optimizer: Any) -> None:
    """Stop an optimizer from summing gradients over replicas: it treats its input gradients as the sum.

    Keras 3.15.1: ``_all_reduce_sum_gradients`` of the optimizers of its TensorFlow backend. There is no public switch.

    Raises:
        UserError: this version of Keras has no such method.
    """
    _attribute(optimizer, "keras.optimizers.Optimizer._all_reduce_sum_gradients")
    optimizer._all_reduce_sum_gradients = lambda pairs: pairs


def replace_adam_update(
    optimizer: Any, prepare: Callable[[Any], Any], update: Callable[[Any, Any, Any, Any, Any], None]
) -> None:
    """Permanently replace how an Adam updates its weights.

    Keras 3.15.1: ``_backend_update_step`` of the optimizers of its TensorFlow backend updates all weights. It gives the
    learning rate to ``update_step``, which is public and updates one weight. ``_get_variable_index`` finds the place of
    a weight in ``_momentums`` and ``_velocities``. There is no public place for what all weights share.

    Args:
        optimizer: a ``keras.optimizers.Adam`` that is built.
        prepare: learning rate → a tensor that the updates of all weights need; called once a step on each replica.
        update: (gradient, weight, mean of its gradients, mean of their squares, tensor of ``prepare``) → None; changes
            the three variables.

    Raises:
        UserError: this version of Keras has no such methods or lists.
    """
    update_all = _attribute(optimizer, "keras.optimizers.Optimizer._backend_update_step")
    index = _attribute(optimizer, "keras.optimizers.Optimizer._get_variable_index")
    means = _attribute(optimizer, "keras.optimizers.Adam._momentums")
    squares = _attribute(optimizer, "keras.optimizers.Adam._velocities")

    def update_one(gradient: Any, weight: Any, prepared: Any) -> None:
        update(gradient, weight, means[index(weight)], squares[index(weight)], prepared)

    optimizer.update_step = update_one
    optimizer._backend_update_step = lambda gradients, weights, rate: update_all(gradients, weights, prepare(rate))


@dataclass(frozen=True)
class OperationCall:
    """One call of a layer or a single Keras operation in a functional model.

    Attributes:
        operation: the layer or operation.
        inputs: the symbolic tensors among its arguments, in order.
        arguments: positional arguments.
        keywords: keyword arguments.
    """

    operation: Any
    inputs: tuple[Any, ...]
    arguments: tuple[Any, ...]
    keywords: dict[str, Any]


def call_that_made(tensor: Any) -> OperationCall:
    """Return the call that produced a symbolic tensor.

    Keras 3.15.1: ``KerasTensor._keras_history`` has the operation and the number of the call, and
    ``Operation._inbound_nodes`` lists the calls. The public API gives the tensors only of an operation that was called
    once.

    Raises:
        UserError: this version of Keras keeps no such history.
    """
    operation, number, _ = _attribute(tensor, "keras.KerasTensor._keras_history")
    node = _attribute(operation, "keras.Operation._inbound_nodes")[number]
    inputs = _attribute(node, "keras.src.ops.node.Node.input_tensors")
    arguments = _attribute(node, "keras.src.ops.node.Node.arguments")
    return OperationCall(operation, tuple(inputs), tuple(arguments.args), dict(arguments.kwargs))


def graph_of_function(graph: Any, name: str) -> Any:
    """Return the graph of a function that operations of a graph call by name; None if there is no such function.

    TensorFlow 2.21.0: ``Graph._get_function``. The public API gives only the serialized form of the function.

    Raises:
        UserError: this version of TensorFlow has no such method.
    """
    return getattr(_attribute(graph, "tensorflow.Graph._get_function")(name), "graph", None)


def add_gradients_with(add: Callable[[list[Any]], Any]) -> None:
    """Let every ``tf.GradientTape`` of the process add the gradients of a tensor that is used several times by ``add``.

    TensorFlow 2.21.0: ``_default_vspace`` of ``tensorflow.python.eager.backprop`` has the function that adds them, and
    ``TFE_Py_RegisterVSpace`` of ``tensorflow.python.pywrap_tfe`` replaces it. The public API cannot change how a tape
    adds. Sparse gradients (``tf.IndexedSlices``) are still added by TensorFlow.

    Args:
        add: takes two tensors or more of one shape and dtype, and returns their sum.

    Raises:
        UserError: this version of TensorFlow has no such name.
    """
    backprop = _module("tensorflow.python.eager.backprop")
    original = _attribute(backprop, "tensorflow.python.eager.backprop._default_vspace")
    aggregate = _attribute(original, "tensorflow.python.eager.imperative_grad.VSpace.aggregate_fn")
    replace = _attribute(original, "tensorflow.python.eager.imperative_grad.VSpace._replace")
    register = _attribute(_module("tensorflow.python.pywrap_tfe"), "tensorflow.python.pywrap_tfe.TFE_Py_RegisterVSpace")

    def sum_of(gradients: list[Any]) -> Any:
        dense = len(gradients) > 1 and not any(hasattr(gradient, "indices") for gradient in gradients)
        return add(gradients) if dense else aggregate(gradients)

    register(replace(aggregate_fn=sum_of))


@contextmanager
def random_operations_replaced(functions: Mapping[str, Callable[..., Any]]) -> Iterator[None]:
    """Let the random functions of TensorFlow and Keras draw from other operations.

    TensorFlow 2.21.0: those functions ask ``get_key_counter_alg`` of ``tensorflow.python.ops.random_ops_util`` for a
    key and a counter, and then call an operation of ``tensorflow.python.ops.gen_stateless_random_ops_v2``. The public
    functions can only choose among algorithms, and none of these draws the same numbers in XLA as without it.

    Args:
        functions: name of such an operation, as ``stateless_random_normal_v2`` → what to call in its place.

    Raises:
        UserError: this version of TensorFlow has no such name.
    """
    util = _module("tensorflow.python.ops.random_ops_util")
    operations = _module("tensorflow.python.ops.gen_stateless_random_ops_v2")
    keys = _attribute(util, "tensorflow.python.ops.random_ops_util.get_key_counter_alg")
    replaced = {name: _attribute(operations, f"{operations.__name__}.{name}") for name in functions}
    try:
        # Key and counter of Philox depend on the seed alone. Those that TensorFlow chooses by itself depend on XLA.
        util.get_key_counter_alg = lambda seed, alg: keys(seed, "philox")
        vars(operations).update(functions)
        yield
    finally:
        util.get_key_counter_alg = keys
        vars(operations).update(replaced)


def switch_off_coordination_service() -> None:
    """Stop TensorFlow from starting its coordination service for workers. Call it before the workers connect.

    TensorFlow 2.21.0: ``configure_coordination_service`` of the context in ``tensorflow.python.eager.context``.
    ``MultiWorkerMirroredStrategy`` starts the service unless it is configured already. There is no public switch.

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
    """Return an attribute of an object. ``name`` is the full name with the library, for the error message."""
    try:
        return getattr(owner, name.rpartition(".")[2])
    except AttributeError as error:
        raise _missing(name) from error


def _missing(name: str) -> UserError:
    library = name.partition(".")[0]
    version = importlib.import_module(library).__version__
    return UserError(
        f"{library} {version} has no {name}, a private part that dcgan-kit needs. It exists in {library} "
        f"{READ_IN[library]}: install {library}=={READ_IN[library]}"
    )
