"""The check of network layers: build, run, differentiate, compile and save them, as training does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_kit.components.component import Component
from dcgan_kit.components.kinds import KINDS, Shape
from dcgan_kit.components.site import Site
from dcgan_kit.networks.keras_internals import layers_within, seed_generators
from dcgan_kit.networks.part_builder import as_layers
from dcgan_kit.networks.side_inputs import LABEL, LATENT, with_sides
from dcgan_kit.networks.trace import takes_training
from dcgan_kit.networks.xla_faults import xla_faults
from dcgan_kit.testing.complaints import built, called, complaining, finite, reached, require
from dcgan_kit.testing.xla import Case

BATCH = 4
CLASSES = 3
LATENT_SIZE = 5
OTHER_BATCHES = (1, 3)
"""The last batch of a data set, of samples or of scores can have any size."""
POLICIES = ("mixed_bfloat16", "mixed_float16")
ROUGH = 0.1
"""Largest allowed relative error in half precision: bfloat16 has 8 bits."""
_UNKNOWN_VARIABLE = "keep a variable that Keras does not know"


def check_layers(
    component: Component,
    options: dict[str, Any],
    shape: Shape,
    filters: int,
    thorough: bool,
    mixed_precision: bool,
    input_gradient: bool = True,
) -> None:
    """Check the layers that a component makes for one place.

    Args:
        component: a component of a kind that makes layers of a network.
        options: its validated options.
        shape: the input shape of its layers, without the batch dimension.
        filters: the requested number of output channels.
        thorough: also check tracing, saving and other batch sizes.
        mixed_precision: also check half precision.
        input_gradient: also check that a gradient reaches the input.

    Raises:
        AssertionError: the component breaks its contract.
    """
    where = f"{component} at {shape} with {filters} filters"

    def build() -> tuple[list[Any], Any]:
        made = built(component, site(shape, filters), options, where)
        layers = as_layers(made)
        if layers is None:
            raise AssertionError(f"{where}: must return {KINDS[component.kind].returns}. Received: {made!r:.200}")
        return layers, model_of(layers, shape, where)

    with _created() as created:
        layers, model = build()
    rule = KINDS[component.kind].shape_rule
    complaint = rule(shape, model.output_shape[1:], CLASSES if component.kind == "head" else filters) if rule else None
    require(complaint is None, f"{where}: {complaint}. Received: {model.output_shape[1:]}")
    _require_known(created, model, where)
    for layer in layers:
        _require_channels_last(layer, where)

    check_numbers(model, shape, where, thorough, input_gradient)
    again, same = build()
    shared = {id(layer) for layer in layers} & {id(layer) for layer in again}
    require(not shared, f"{where}: must return fresh layers at each call, and returned one of them twice")
    _, other = build()
    # The first model has already run in training mode, so compare the initial weights of two models that have not.
    for one, another in zip(same.weights, other.weights, strict=True):
        equal = np.array_equal(np.asarray(one), np.asarray(another))
        require(equal, f"{where}: first weights of {one.path} differ at the same place; draw them from site.seed()")
    x = tf.constant(noise(BATCH, *shape))
    drawn = (called(where, m, x, training=True) for m in (same, other))
    require(
        close(*drawn), f"{where}: draws other numbers in training each time; give its random layers seed=site.seed()"
    )
    if thorough:
        check_saving(same, shape, where)
    if mixed_precision:
        for policy in POLICIES:
            _check_half(build()[1], other, shape, policy, component.kind == "head", where)


def site(shape: Shape, filters: int) -> Site:
    """Return a typical place in a discriminator."""
    return Site(
        role="discriminator",
        block="stage1",
        slot="slot",
        input_shape=shape,
        filters=filters,
        bias=True,
        initializer=lambda seed: keras.initializers.RandomNormal(stddev=0.02, seed=seed),
        classes=CLASSES,
        latent_size=LATENT_SIZE,
    )


def model_of(layers: list[Any], shape: Shape, where: str) -> Any:
    """Return a Keras model of the layers in order, as the builder makes it."""
    inputs = outputs = keras.Input(shape)
    for layer in layers:
        with complaining(where, f"applying {layer.name}"):
            outputs = layer(with_sides(layer, outputs, _sides(inputs)))
        single = isinstance(outputs, keras.KerasTensor)
        require(single, f"{where}: {layer.name} must map one tensor to one tensor. Received: {outputs!r:.200}")
    return keras.Model(inputs, outputs)


@keras.saving.register_keras_serializable(package="dcgan_kit_testing")
class _SideInput(keras.layers.Layer):  # type: ignore[misc]
    """Stands for a side input: the same numbers for each image of a batch in turn."""

    def __init__(self, side: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.side = side

    def call(self, inputs: Any) -> Any:
        """(B, ...) → one-hot classes (B, 3), or latent vectors (B, 5)."""
        rows = keras.ops.arange(keras.ops.shape(inputs)[0])
        if self.side == LABEL:
            return keras.ops.one_hot(rows % CLASSES, CLASSES)
        return keras.ops.cast(keras.ops.sin(rows[:, None] + keras.ops.arange(LATENT_SIZE)[None]), "float32")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(B, ...) → (B, 3) or (B, 5)."""
        return (input_shape[0], CLASSES if self.side == LABEL else LATENT_SIZE)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that rebuild the layer."""
        return {**super().get_config(), "side": self.side}


def _sides(inputs: Any) -> dict[str, Any]:
    return {side: _SideInput(side)(inputs) for side in (LABEL, LATENT)}


def check_numbers(model: Any, shape: Shape, where: str, thorough: bool = True, input_gradient: bool = True) -> None:
    """Check outputs and gradients for noise and for zeros, in training mode and in inference mode.

    If ``thorough``, also check that the outputs are the same each time and when traced, and that any batch size works.
    If not ``input_gradient``, no gradient need reach the input.
    """
    inputs = {"normal noise": noise(BATCH, *shape), "zeros": np.zeros((BATCH, *shape), "float32")}
    found = [
        _differentiated(model, tf.constant(x), training, f"{where}, given {name}, training={training}")
        for name, x in inputs.items()
        for training in (False, True)
    ]
    _require_gradients(model, found[1][1], where, input_gradient)
    if not thorough:
        return
    x = tf.constant(inputs["normal noise"])
    first, again = (called(where, model, x, training=False) for _ in range(2))
    require(close(first, again), f"{where}: must give the same numbers each time outside training")
    traced = tf.function(lambda x: model(x, training=False), autograph=False)
    compiled = called(f"{where}, inside a tf.function", traced, x)
    # The second call uses the trace of the first: Python code that ran during tracing does not run again.
    compiled = called(f"{where}, inside a tf.function", traced, x)
    require(close(first, compiled, 1e-4), f"{where}: must give the same numbers inside a tf.function")
    in_training = tf.function(lambda x: model(x, training=True), autograph=False)
    called(f"{where}, inside a tf.function, training=True", in_training, x)
    for count in OTHER_BATCHES:
        result = called(f"{where}, given {count} images", model, x[:count], training=False)
        expected = (count, *model.output_shape[1:])
        shown = tuple(result.shape)
        require(
            shown == expected, f"{where}: given {count} images, must return the shape {expected}. Received: {shown}"
        )


def xla_cases(layers: list[Any], shape: Shape, where: str) -> list[Case]:
    """Return what XLA must compute in the same way of some layers; empty if training does not use XLA with them."""
    if xla_faults(layers_within(*layers)):
        return []
    model = model_of(layers, shape, where)
    for number, weight in enumerate(model.trainable_weights):
        # Biases start at 0, and so do gates, behind which nothing would be seen.
        weight.assign(weight + 0.1 * noise(*weight.shape, seed=number))
    return [case_of(model, model, where)]


def case_of(model: Any, forward: Callable[..., Any], where: str) -> Case:
    """Return what XLA must compute in the same way: outputs, gradients by the input and all weights, and statistics.

    Gradients are those in training. Second-order gradients are those of the squared gradient by the input, which
    gradient penalties take.

    Args:
        model: a Keras model of one input.
        forward: ``(x, training=...)`` → its output, as the model or a fused pass computes it.
        where: what it is, for the message.
    """
    weights = list(model.trainable_weights)
    names = ["the input", *(weight.path for weight in weights)]

    def step(x: Any, direction: Any, penalized: bool) -> dict[str, Any]:
        sources = [x, *(weight.value for weight in weights)]
        results = {"the output": forward(x, training=False)}
        with tf.GradientTape() as outer:
            outer.watch(sources)
            with tf.GradientTape() as inner:
                inner.watch(sources)
                total = tf.reduce_sum(tf.cast(forward(x, training=True), tf.float32) * direction)
            gradients = inner.gradient(total, sources, unconnected_gradients="zero")
            slope = tf.reduce_sum(tf.square(gradients[0]))
        results |= {f"the gradient of {name}": gradient for name, gradient in zip(names, gradients, strict=True)}
        if penalized:
            second = outer.gradient(slope, sources, unconnected_gradients="zero")
            results |= {f"the second-order gradient of {name}": g for name, g in zip(names, second, strict=True)}
        return results

    shapes = model.input_shape[1:], model.output_shape[1:]
    tensors = tuple(tf.constant(noise(BATCH, *shape, seed=seed)) for seed, shape in enumerate(shapes))
    once, twice = (
        Case(where, partial(step, penalized=penalized), tensors, tuple(model.variables)) for penalized in (False, True)
    )
    return replace(twice, otherwise=once)


def check_saving(model: Any, shape: Shape, where: str) -> None:
    """Check that a model gives the same numbers after saving and loading, and that it can be saved again."""
    x = tf.constant(noise(BATCH, *shape))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "model.keras")
        own = "@keras.saving.register_keras_serializable(package=...) and get_config()"
        with complaining(where, "saving and loading it", f"A layer of your own needs {own}"):
            model.save(file)
            loaded = keras.saving.load_model(file, compile=False)
            loaded.save(Path(folder, "again.keras"))
            keras.models.clone_model(model)
    # A file does not hold the state of random layers, so their numbers in training mode are not compared.
    for training in (False,) if seed_generators(model) else (False, True):
        same = close(model(x, training=training), loaded(x, training=training), 1e-5)
        mode = "in training" if training else "outside training"
        require(
            same,
            f"{where}: gives other numbers {mode} after being saved and loaded; does get_config() return every option?",
        )


def _differentiated(model: Any, x: Any, training: bool, where: str) -> tuple[Any, list[Any]]:
    """Return the output, and the gradients of a random projection of it with respect to the input and each weight.

    Raises:
        AssertionError: a number is not finite, or the layers use a variable that Keras does not know.
    """
    weights = [variable.value for variable in model.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(x)
        result = called(where, model, x, training=training)
        require(result.dtype == tf.float32, f"{where}: must return float32. Received: {result.dtype.name}")
        # A plain sum has no gradient after normalization, because the sum of normalized values is constant.
        total = tf.reduce_sum(result * noise(*result.shape))
    require(finite(result), f"{where}: must return finite numbers, and some are not")
    known = {id(_bare(variable)) for variable in model.variables}
    hidden = [variable.name for variable in tape.watched_variables() if id(variable) not in known]
    require(not hidden, f"{where}: must not {_UNKNOWN_VARIABLE}: {', '.join(hidden)}. Use add_weight()")
    gradients = [None if g is None else tf.convert_to_tensor(g) for g in tape.gradient(total, [x, *weights])]
    every = all(gradient is None or finite(gradient) for gradient in gradients)
    require(every, f"{where}: must have finite gradients, and some are not")
    return result, gradients


def _require_gradients(model: Any, gradients: list[Any], where: str, of_input: bool) -> None:
    """Raise an AssertionError if no gradient reaches the input or a weight, at initial and at changed weights."""
    names = ["its input", *(f"its weight {variable.path}" for variable in model.trainable_variables)]
    skipped = 0 if of_input else 1
    if all(map(reached, gradients[skipped:])):
        return
    # A gate that starts at 0 blocks gradients at first. It opens when its weight changes.
    before = model.get_weights()
    random = np.random.default_rng(1)
    for variable in model.trainable_variables:
        variable.assign(np.asarray(variable) + 0.1 * random.standard_normal(variable.shape))
    x = tf.constant(noise(BATCH, *model.input_shape[1:]))
    _, moved = _differentiated(model, x, True, where)
    model.set_weights(before)
    for name, first, second in list(zip(names, gradients, moved, strict=True))[skipped:]:
        effect = "nothing before it learns" if name == names[0] else "it never learns"
        require(
            reached(first) or reached(second),
            f"{where}: no gradient reaches {name}, so that {effect}; stop_gradient, rounding, signs, comparisons and "
            "NumPy block gradients",
        )


def _check_half(model: Any, exact: Any, shape: Shape, policy: str, may_be_float32: bool, where: str) -> None:
    """Check that layers compute in mixed precision, with the dtype policy that training sets."""
    for layer in layers_within(*model.layers[1:]):
        layer.dtype_policy = policy
    half = tf.as_dtype(policy.removeprefix("mixed_"))
    x, about = tf.constant(noise(BATCH, *shape)), f"{where}, in {policy}"
    hint = "Cast constants to inputs.dtype; or check it with without=['mixed_precision'], and say that it needs float32"
    with complaining(about, "calling it", hint):
        with tf.GradientTape() as tape:
            tape.watch(x)
            # The layer before gives its output in half precision.
            result = _half_forward(model, tf.cast(x, half))
            total = tf.reduce_sum(tf.cast(result, tf.float32))
        gradient = tape.gradient(total, x, unconnected_gradients="zero")
        outside = model(x, training=False)
    correct = result.dtype == half or (may_be_float32 and result.dtype == tf.float32)
    require(correct, f"{about}: must return {half.name}, and returned {result.dtype.name}. {hint}")
    require(finite(tf.cast(result, tf.float32)) and finite(gradient), f"{about}: must be finite, with its gradients")
    expected = exact(x, training=False)
    # Compare the mean: near a jump of a function, a single number may fall on the other side.
    difference = np.abs(np.asarray(tf.cast(outside, tf.float32)) - np.asarray(expected)).mean()
    near = difference <= ROUGH * max(np.abs(np.asarray(expected)).mean(), 1e-6)
    require(near, f"{about}: gives other numbers than in float32, by more than rounding")


def _half_forward(model: Any, x: Any) -> Any:
    sides = _sides(x)
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer | _SideInput):
            value = with_sides(layer, x, sides)
            x = layer(value, training=True) if takes_training(layer) else layer(value)
    return x


def _require_known(created: list[Any], model: Any, where: str) -> None:
    known = {id(_bare(variable)) for variable in model.variables}
    hidden = [variable.name for variable in created if id(variable) not in known]
    require(not hidden, f"{where}: must not {_UNKNOWN_VARIABLE}: {', '.join(hidden[:3])}. Use add_weight() in build()")


def _require_channels_last(layer: Any, where: str) -> None:
    for inner in layers_within(layer):
        first = getattr(inner, "data_format", None) == "channels_first"
        if isinstance(inner, keras.layers.BatchNormalization | keras.layers.GroupNormalization):
            first = first or inner.axis % inner.input_spec.ndim != inner.input_spec.ndim - 1
        require(not first, f"{where}: {inner.name} takes channels first, and maps are (H, W, C)")


@contextmanager
def _created() -> Iterator[list[Any]]:
    """Collect every variable that TensorFlow creates inside the context."""
    made: list[Any] = []

    def note(create: Any, **arguments: Any) -> Any:
        made.append(create(**arguments))
        return made[-1]

    with tf.variable_creator_scope(note):
        yield made


def _bare(variable: Any) -> Any:
    """Return the TensorFlow variable inside a Keras variable."""
    return variable.value if isinstance(variable, keras.Variable) else variable


def close(one: Any, other: Any, share: float = 1e-5) -> bool:
    """Whether two arrays differ by at most ``share`` times the largest absolute number of both."""
    one, other = np.asarray(one, "float64"), np.asarray(other, "float64")
    return bool(np.abs(one - other).max() <= share * max(np.abs(one).max(), np.abs(other).max(), 1e-6))


def noise(*shape: int, seed: int = 0) -> Any:
    """Return normal noise, the same at every call with the same seed."""
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")
