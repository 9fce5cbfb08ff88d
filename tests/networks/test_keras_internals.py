"""Private names of Keras and TensorFlow: each gives what it says, is missed in plain words, and is in one file."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from dcgan_kit import UserError
from dcgan_kit.networks import keras_internals as internals

ROOT = Path(__file__).parents[2]


class Keeping(layers.Layer):
    """A layer that keeps others where Keras finds them: in an attribute, a list and a mapping."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(2)
        self.several = [layers.Dropout(0.5), keras.Sequential([layers.ReLU(name="deep")])]
        self.named = {"noise": layers.GaussianNoise(1.0)}

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, inputs):
        return self.dense(inputs)


def names(found):
    return [type(layer).__name__ for layer in found]


def missed(name: str, library: str = "keras", read_in: str = "3.15.1"):
    """Expect the message for a missing name."""
    version = re.escape(importlib.import_module(library).__version__)
    return pytest.raises(
        UserError,
        match=rf"^{library} {version} has no {re.escape(name)}, a private part .* It exists in {library} {re.escape(read_in)}: install ",
    )


class Without:
    """An object of another version of a library: it has other attributes."""


class TestWeightless:
    def test_no_weight_is_created_now_or_later(self):
        made = []
        with tf.variable_creator_scope(lambda create, **given: made.append(given) or create(**given)):
            with internals.weightless():
                symbolic = layers.Dense(3)
                symbolic(keras.Input((2,)))
            self.create_what_is_owed()
        assert symbolic.kernel.shape == (2, 3)
        assert made == []

    def test_weights_that_others_wait_for_are_still_created(self):
        with keras.StatelessScope(initialize_variables=False):
            waiting = layers.Dense(3)
            waiting.build((None, 2))
        with internals.weightless():
            layers.Dense(3).build((None, 2))
        self.create_what_is_owed()
        assert isinstance(waiting.kernel.value, tf.Variable)

    @staticmethod
    def create_what_is_owed():
        with keras.StatelessScope():
            pass

    @pytest.mark.parametrize("name", ["get_global_attribute", "set_global_attribute"])
    def test_missing(self, monkeypatch, name):
        monkeypatch.delattr(f"keras.src.backend.common.global_state.{name}")
        with missed(f"keras.src.backend.common.global_state.{name}"), internals.weightless():
            pass

    def test_missing_module(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "keras.src.backend.common.global_state", None)
        with missed("keras.src.backend.common.global_state"), internals.weightless():
            pass


class TestLayersWithin:
    def test_a_layer_comes_before_all_that_it_holds_at_any_depth(self):
        found = internals.layers_within(Keeping())
        assert sorted(names(found)) == ["Dense", "Dropout", "GaussianNoise", "Keeping", "ReLU", "Sequential"]
        assert isinstance(found[0], Keeping)

    def test_several_come_one_after_the_other(self):
        model = keras.Sequential([keras.Input((2,)), layers.Dense(2), layers.ReLU()])
        found = internals.layers_within(layers.Flatten(), model)
        assert names(found[:2]) == ["Flatten", "Sequential"]
        assert {"Dense", "ReLU"} < set(names(found))

    def test_missing(self):
        with missed("keras.Layer._flatten_layers"):
            internals.layers_within(Without())


class TestSublayers:
    def test_what_sublayers_hold_is_left_out(self):
        assert sorted(names(internals.sublayers(Keeping()))) == ["Dense", "Dropout", "GaussianNoise", "Sequential"]

    def test_missing(self):
        with missed("keras.Layer._layers"):
            internals.sublayers(Without())


class TestIsPlainModel:
    def test_of_keras_own_two_kinds(self):
        inputs = keras.Input((2,))
        assert internals.is_plain_model(keras.Sequential([layers.ReLU()]))
        assert internals.is_plain_model(keras.Model(inputs, layers.ReLU()(inputs)))

    def test_others(self):
        class Own(keras.Model):
            pass

        class OwnSequential(keras.Sequential):
            pass

        assert not any(map(internals.is_plain_model, (Own(), OwnSequential(), layers.ReLU(), Keeping())))

    def test_missing(self, monkeypatch):
        monkeypatch.delattr("keras.src.models.functional.Functional")
        with missed("keras.src.models.functional.Functional"):
            internals.is_plain_model(layers.ReLU())


class TestSeedGenerators:
    def test_each_of_a_model_comes_once(self):
        outer, dropout = Keeping(), layers.Dropout(0.5)
        outer.shared = dropout.seed_generator
        inputs = keras.Input((2,))
        model = keras.Model(inputs, dropout(outer(inputs)))
        found = internals.seed_generators(model)
        expected = (dropout.seed_generator, outer.several[0].seed_generator, outer.named["noise"].seed_generator)
        assert len(found) == 3
        assert {id(generator) for generator in found} == {id(generator) for generator in expected}

    def test_there_may_be_none(self):
        assert internals.seed_generators(layers.Dense(2)) == []

    def test_missing(self):
        layer = types.SimpleNamespace(_flatten_layers=lambda: [Without()])
        with missed("keras.Layer._seed_generators"):
            internals.seed_generators(layer)


class TestReplaceNextSeed:
    def test_a_layer_draws_from_the_replacement(self):
        dropout, asked = layers.Dropout(0.5, seed=3), []

        def replacement(own):
            def following(ordered=True):
                asked.append(own)
                return tf.constant([1, 2], tf.int32)

            return following

        own = dropout.seed_generator.next
        internals.replace_next_seed(dropout.seed_generator, replacement)
        first, again = (np.asarray(dropout(tf.ones((8, 8)), training=True)) for _ in range(2))
        assert asked == [own, own]
        np.testing.assert_array_equal(first, again)

    def test_missing(self):
        with missed("keras.random.SeedGenerator.next"):
            internals.replace_next_seed(Without(), lambda own: own)


class TestLeaveGradientsAlone:
    @pytest.mark.parametrize(("leaves_alone", "moved"), [(True, -1.0), (False, -2.0)])
    def test_what_replicas_would_add_up_is_taken_as_it_is(self, monkeypatch, leaves_alone, moved):
        """A second replica with the same gradient is played; without our function the weight moves by both."""
        monkeypatch.setattr(tf.distribute.ReplicaContext, "all_reduce", lambda _, how, given: [2.0 * g for g in given])
        optimizer, weight = keras.optimizers.SGD(1.0), keras.Variable(np.zeros(1, "float32"))
        if leaves_alone:
            internals.leave_gradients_alone(optimizer)
        optimizer.apply([tf.ones(1)], [weight])
        assert np.asarray(weight) == [moved]

    def test_missing(self):
        with missed("keras.optimizers.Optimizer._all_reduce_sum_gradients"):
            internals.leave_gradients_alone(Without())


class TestReplaceAdamUpdate:
    def test_what_is_prepared_once_reaches_the_update_of_each_weight(self):
        optimizer = keras.optimizers.Adam(0.5)
        weights = [keras.Variable(np.zeros(2, "float32")), keras.Variable(np.zeros(3, "float32"))]
        optimizer.build(weights)
        prepared = []

        def prepare(rate):
            prepared.append(10 * tf.convert_to_tensor(rate))
            return prepared[-1]

        def update(gradient, weight, mean, square, rate):
            weight.assign_add(rate * gradient)
            mean.assign_add(gradient)
            square.assign_add(2 * gradient)

        internals.replace_adam_update(optimizer, prepare, update)
        optimizer.apply([tf.ones(2), 3 * tf.ones(3)], weights)
        assert len(prepared) == 1
        values = [np.asarray(variable).tolist() for variable in (*weights, *optimizer.variables[2:])]
        assert values == [[5.0] * 2, [15.0] * 3, [1.0] * 2, [2.0] * 2, [3.0] * 3, [6.0] * 3]

    @pytest.mark.parametrize(
        "name",
        [
            "keras.optimizers.Optimizer._backend_update_step",
            "keras.optimizers.Optimizer._get_variable_index",
            "keras.optimizers.Adam._momentums",
            "keras.optimizers.Adam._velocities",
        ],
    )
    def test_missing(self, name):
        names = ("_backend_update_step", "_get_variable_index", "_momentums", "_velocities")
        others = {one: None for one in names if not name.endswith(one)}
        with missed(name):
            internals.replace_adam_update(types.SimpleNamespace(**others), lambda rate: rate, lambda *given: None)


class TestCallThatMade:
    def test_of_a_layer_that_was_called_twice(self):
        inputs, layer = keras.Input((2,)), layers.Dense(2)
        once = layer(inputs)
        twice = layer(once)
        call = internals.call_that_made(twice)
        assert call.operation is layer
        assert call.inputs[0] is once
        assert len(call.inputs) == len(call.arguments) == 1

    def test_of_a_bare_operation(self):
        inputs = keras.Input((2,))
        call = internals.call_that_made(keras.ops.multiply(inputs, 3.0))
        assert call.operation.name.startswith("multiply")
        assert call.inputs == (inputs,)
        assert call.arguments[1:] == (3.0,)

    def test_keywords(self):
        normalization = layers.BatchNormalization()
        call = internals.call_that_made(normalization(keras.Input((2,)), training=True))
        assert call.keywords["training"] is True

    @pytest.mark.parametrize(
        ("attribute", "name"),
        [
            ("", "keras.KerasTensor._keras_history"),
            ("_keras_history", "keras.Operation._inbound_nodes"),
            ("_inbound_nodes", "keras.src.ops.node.Node.input_tensors"),
            ("input_tensors", "keras.src.ops.node.Node.arguments"),
        ],
    )
    def test_missing(self, attribute, name):
        node = types.SimpleNamespace(input_tensors=[]) if attribute == "input_tensors" else Without()
        operation = Without() if attribute == "_keras_history" else types.SimpleNamespace(_inbound_nodes=[node])
        tensor = types.SimpleNamespace(_keras_history=(operation, 0, 0)) if attribute else Without()
        with missed(name):
            internals.call_that_made(tensor)


class TestGraphOfFunction:
    def test_of_a_function_that_an_operation_calls(self):
        inner = tf.function(lambda x: tf.nn.relu(x), autograph=False)
        outer = tf.function(lambda x: inner(x), autograph=False)
        graph = outer.get_concrete_function(tf.TensorSpec((1, 2))).graph
        (called,) = [one for one in graph.get_operations() if "PartitionedCall" in one.type]
        found = internals.graph_of_function(graph, called.get_attr("f").name)
        assert "Relu" in [operation.type for operation in found.get_operations()]

    def test_a_graph_may_not_know_it(self):
        assert internals.graph_of_function(tf.Graph(), "nothing") is None

    def test_missing(self):
        with missed("tensorflow.Graph._get_function", "tensorflow", "2.21.0"):
            internals.graph_of_function(Without(), "nothing")


class TestAddGradientsWith:
    @pytest.fixture
    def added(self):
        """Return a list that receives the gradients of each sum; TensorFlow adds them itself again at the end."""
        found = []

        def add(gradients):
            found.append(len(gradients))
            return tf.add_n(gradients) * 10.0

        internals.add_gradients_with(add)
        yield found
        internals.add_gradients_with(tf.add_n)

    def gradient(self, function):
        x = tf.constant([2.0, 3.0])
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
        return tape.gradient(y, x)

    def test_dense_gradients_of_a_tensor_used_several_times(self, added):
        assert self.gradient(lambda x: x + 2.0 * x + 4.0 * x).numpy().tolist() == [70.0, 70.0]
        assert added == [3]

    def test_one_gradient_and_sparse_gradients_are_left_to_tensorflow(self, added):
        assert self.gradient(lambda x: 2.0 * x).numpy().tolist() == [2.0, 2.0]
        sparse = self.gradient(lambda x: tf.gather(x, [0]) + 2.0 * tf.gather(x, [0]))
        assert tf.convert_to_tensor(sparse).numpy().tolist() == [3.0, 0.0]
        assert added == []

    def test_a_second_call_replaces_the_first(self, added):
        internals.add_gradients_with(tf.add_n)
        assert self.gradient(lambda x: x + 2.0 * x).numpy().tolist() == [3.0, 3.0]
        assert added == []

    @pytest.mark.parametrize(
        ("module", "attribute", "name"),
        [
            ("tensorflow.python.eager.backprop", "_default_vspace", "tensorflow.python.eager.backprop._default_vspace"),
            (
                "tensorflow.python.pywrap_tfe",
                "TFE_Py_RegisterVSpace",
                "tensorflow.python.pywrap_tfe.TFE_Py_RegisterVSpace",
            ),
        ],
    )
    def test_missing(self, monkeypatch, module, attribute, name):
        monkeypatch.delattr(importlib.import_module(module), attribute)
        with missed(name, "tensorflow", "2.21.0"):
            internals.add_gradients_with(tf.add_n)

    @pytest.mark.parametrize("attribute", ["aggregate_fn", "_replace"])
    def test_missing_of_the_space(self, monkeypatch, attribute):
        others = {"aggregate_fn": tf.add_n, "_replace": dict}
        others.pop(attribute)
        backprop = importlib.import_module("tensorflow.python.eager.backprop")
        monkeypatch.setattr(backprop, "_default_vspace", types.SimpleNamespace(**others))
        with missed(f"tensorflow.python.eager.imperative_grad.VSpace.{attribute}", "tensorflow", "2.21.0"):
            internals.add_gradients_with(tf.add_n)


class TestSwitchOffCoordinationService:
    @pytest.fixture
    def own_context(self, monkeypatch):
        """Return a context of TensorFlow's that has not begun, in place of the one of this process."""
        from tensorflow.python.eager import context

        made = context.Context()
        monkeypatch.setattr(context, "context", lambda: made)
        return made

    def test_it_is_configured_and_of_no_kind(self, own_context):
        assert own_context.coordination_service is None
        internals.switch_off_coordination_service()
        # A strategy for several workers asks whether it is None, and leaves it alone if it is not.
        assert own_context.coordination_service.service_type == ""

    def test_missing(self, monkeypatch):
        from tensorflow.python.eager import context

        monkeypatch.setattr(context, "context", Without)
        name = "tensorflow.python.eager.context.Context.configure_coordination_service"
        with missed(name, "tensorflow", "2.21.0"):
            internals.switch_off_coordination_service()


INTERNALS = "dcgan_kit/networks/keras_internals.py"
ALLOWED = {
    ("dcgan_kit/data/tiff_pixels.py", "super()._setup"): "Pillow has no other place between tags and pixels; tested",
    ("dcgan_kit_command.py", "os._exit"): "Python documents it, as the way to end without cleaning up",
    ("dcgan_kit/distributed/cluster.py", "os._exit"): "Python documents it, as the way to end without cleaning up",
    ("plugins/data/hugging_face.py", "dataset._fingerprint"): "Hugging Face documents it, under no other name",
}
"""Private names outside the one file, each with its reason."""
LIBRARIES = re.compile(r"\b(?:keras\.src|tensorflow\.python|tensorflow\._api|tf\._api)\b")
KERAS_CLASS = re.compile(r"^(?:keras|layers|tf|tensorflow)\.")


def private_touches(source: str) -> Iterator[str]:
    """Find private names of others in a module's text: attributes, imports, and names as text."""
    tree = ast.parse(source)
    own = {node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef)} | {"self", "cls"}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name)) if name in own:
                continue
            case ast.Attribute(attr=name) if is_private(name):
                yield ast.unparse(node)
            case ast.Call(func=ast.Name(id="getattr" | "setattr" | "hasattr" | "delattr"), args=[_, second, *_]):
                if isinstance(second, ast.Constant) and is_private(str(second.value)):
                    yield ast.unparse(node)
            case ast.ClassDef(bases=bases) if any(KERAS_CLASS.match(ast.unparse(base)) for base in bases):
                yield from private_members(node)
            case ast.Import(names=names) | ast.ImportFrom(module="tensorflow" | "keras", names=names):
                yield from (a.name for a in names if LIBRARIES.search(a.name) or is_private(a.name))
            case ast.ImportFrom(module=str(module)) if LIBRARIES.search(module):
                yield module
            case ast.Constant(value=str(text)) if LIBRARIES.search(text):
                yield text


def private_members(cls: ast.ClassDef) -> Iterator[str]:
    """Find private names in a class of Keras' kind: they may be Keras' own, by intention or by chance."""
    for node in ast.walk(cls):
        match node:
            case ast.FunctionDef(name=name) | ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                if is_private(name):
                    yield f"{cls.name}.{name}"


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("model._flatten_layers()", "model._flatten_layers"),
        ("optimizer._sum = lambda pairs: pairs", "optimizer._sum"),
        ("getattr(layer, '_call_has_training_arg', False)", "getattr(layer, '_call_has_training_arg', False)"),
        ("from keras.src.backend import config", "keras.src.backend"),
        ("import tensorflow.python.eager.context as context", "tensorflow.python.eager.context"),
        ("from tensorflow import _api", "_api"),
        ("importlib.import_module('keras.src.models')", "keras.src.models"),
        ("class Own(keras.Layer):\n    def _build(self): pass", "Own._build"),
        ("class Own(layers.Layer):\n    def call(self): self._layers", "Own._layers"),
    ],
)
def test_a_private_touch_is_found(source, found):
    assert list(private_touches(source)) == [found]


def test_what_is_public_or_a_modules_own_is_no_private_touch():
    source = """
class Own:
    def own(self): return self._mine, Own._ours, self.__class__
    def __eq__(self, other): return keras.__version__, keras.Layer
"""
    assert list(private_touches(source)) == []


def test_private_names_of_others_are_in_one_file():
    files = [ROOT / "dcgan_kit_command.py", *(ROOT / "dcgan_kit").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    texts = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in files}
    found = {(name, touch) for name, text in texts.items() for touch in private_touches(text) if name != INTERNALS}
    assert found == set(ALLOWED)
    assert list(private_touches(texts[INTERNALS]))
