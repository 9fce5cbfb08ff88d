"""The forward pass computes, differentiates and updates what the model does, whatever it computes together."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import keras
import numpy as np
import pytest
import tensorflow as tf
from forward_comparison import assert_same, everything, inputs_of, scales_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keras import layers

from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.fused_forward import forward_of
from dcgan_kit.testing.layers import case_of
from dcgan_kit.testing.xla import require_same_in_xla

FLOAT32 = 2e-5


def chain(shape, *members, dtype=None):
    """A model of layers in a row, with every weight drawn, biases and moving statistics too."""
    given = keras.Input(shape, dtype=dtype)
    tensor = given
    for member in members:
        if dtype:
            member.dtype_policy = dtype
        tensor = member(tensor)
    model = keras.Model(given, tensor)
    draw = np.random.default_rng(0)
    for variable in model.weights:
        if "float" in variable.dtype:
            positive = variable.path.endswith(("variance", "gamma"))
            law = draw.uniform(0.5, 1.5, variable.shape) if positive else draw.normal(0, 0.3, variable.shape)
            variable.assign(law)
    return model


def assert_runs_alike(model, tolerance=FLOAT32, places=None, batch=4, training=(True, False)):
    forward = forward_of(model)
    if places is not None:
        assert len(forward.fused) == places, forward.fused
    x = inputs_of(model, batch)
    for mode in training:
        assert_same(everything(model, forward, x, mode), everything(model, model, x, mode), tolerance)
    return forward


def convolution(filters, size=3, **options):
    return layers.Conv2D(filters, size, **{"padding": "same", **options})


SIZES = [(4, 4), (5, 7), (1, 1), (1, 3), (2, 6)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bias", [True, False])
def test_resized_convolution(size, bias):
    model = chain((*size, 3), layers.UpSampling2D(2), convolution(5, use_bias=bias, activation="tanh"))
    assert_runs_alike(model, places=1)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("strides", [1, 2])
def test_grouped_convolution(strides, padding):
    model = chain((6, 5, 4), convolution(8, strides=strides, padding=padding, groups=2), convolution(8, 1, groups=8))
    forward = assert_runs_alike(model, places=2)
    assert forward.fused[0].endswith(": 2 convolutions, one for each group")


@pytest.mark.parametrize("size", SIZES)
def test_pooled_convolution(size):
    even = all(side % 2 == 0 for side in size)
    for padding in ("valid", "same") if min(size) > 1 else ("same",):
        model = chain((*size, 3), convolution(5), layers.AveragePooling2D(2, padding=padding))
        assert_runs_alike(model, places=int(even))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_first_convolution(size, channels):
    even = all(side % 2 == 0 for side in size)
    model = chain((*size, channels), convolution(5, 4, strides=2, activation="relu"))
    assert_runs_alike(model, places=int(even and channels <= 4))


@pytest.mark.parametrize("shape", [(4, 3, 5), (1, 1, 2), (2048,)])
@pytest.mark.parametrize("epsilon", [1e-3, 1e-5, 1e-8])
def test_batch_normalization(shape, epsilon):
    model = chain(shape, layers.BatchNormalization(epsilon=epsilon, momentum=0.8))
    assert_runs_alike(model, places=1, batch=8)


def test_batch_normalization_without_scale_and_shift():
    assert_runs_alike(chain((4, 4, 3), layers.BatchNormalization(center=False, scale=False)), places=1)
    assert_runs_alike(chain((4, 4, 3), layers.BatchNormalization(scale=False, axis=3)), places=1)


def test_batch_normalization_of_one_sample():
    assert_runs_alike(chain((1, 1, 16), layers.BatchNormalization()), places=1, batch=1)


def test_moving_statistics_keep_the_biased_variance():
    layer = layers.BatchNormalization(momentum=0.5)
    model = chain((1, 1, 2), layer)
    x = inputs_of(model, batch=2)
    before = np.array(layer.moving_variance)
    forward_of(model)(x, training=True)
    expected = 0.5 * before + 0.5 * x.var(axis=(0, 1, 2))
    np.testing.assert_allclose(np.array(layer.moving_variance), expected, rtol=1e-6)


def test_a_frozen_layer_uses_its_moving_statistics():
    layer = layers.BatchNormalization()
    model = chain((4, 4, 3), layer)
    forward = forward_of(model)
    layer.trainable = False
    before = np.array(layer.moving_mean)
    x = inputs_of(model)
    np.testing.assert_allclose(forward(x, training=True), model(x, training=False), atol=1e-6)
    np.testing.assert_array_equal(layer.moving_mean, before)


class Twin(layers.BatchNormalization):
    """Somebody's own batch normalization."""


@pytest.mark.parametrize(
    ("shape", "members"),
    [
        ((4, 4, 2), [layers.UpSampling2D(2, interpolation="bilinear"), convolution(3)]),
        ((4, 4, 2), [layers.UpSampling2D(3), convolution(3)]),
        ((4, 4, 2), [layers.UpSampling2D(2), convolution(3, 5)]),
        ((4, 4, 2), [layers.UpSampling2D(2), convolution(3, padding="valid")]),
        ((4, 4, 2), [layers.UpSampling2D(2), convolution(3, dilation_rate=2)]),
        ((4, 4, 2), [layers.UpSampling2D(2), layers.ReLU(), convolution(3)]),
        ((4, 4, 2), [convolution(2, groups=2, dilation_rate=2)]),
        ((4, 4, 2), [layers.UpSampling2D(2), convolution(3, activity_regularizer="l2")]),
        ((4, 4, 2), [layers.UpSampling2D(2), layers.SpectralNormalization(convolution(3))]),
        ((4, 4, 2), [convolution(3, activation="relu"), layers.AveragePooling2D(2)]),
        ((4, 4, 2), [convolution(3), layers.AveragePooling2D(3, strides=2)]),
        ((4, 4, 2), [convolution(3), layers.MaxPooling2D(2)]),
        ((4, 4, 5), [convolution(3, 4, strides=2)]),
        ((4, 4, 2), [convolution(3, 4, strides=2, padding="valid")]),
        ((4, 4, 1), [layers.BatchNormalization()]),
        ((4, 4, 2), [layers.BatchNormalization(axis=1)]),
        ((8,), [layers.BatchNormalization()]),
        ((4, 2), [layers.BatchNormalization()]),
        ((4, 4, 2), [Twin()]),
    ],
    ids=lambda value: "-".join(layer.name for layer in value) if isinstance(value, list) else None,
)
def test_what_is_not_recognised_runs_as_it_is(shape, members):
    assert_runs_alike(chain(shape, *members), places=0)


def test_every_layer_runs_as_it_is_on_demand():
    model = chain((4, 4, 2), layers.UpSampling2D(2), convolution(3), layers.BatchNormalization())
    forward = forward_of(model, fused=False)
    assert forward.fused == ()
    x = inputs_of(model)
    np.testing.assert_array_equal(forward(x, training=False), model(x, training=False))


def test_it_tells_what_it_fused_by_name():
    model = chain(
        (4, 4, 16),
        layers.UpSampling2D(2, name="resize"),
        convolution(8, name="conv"),
        layers.BatchNormalization(name="norm"),
    )
    assert forward_of(model).fused == (
        "resize + conv: one 4x4 transposed convolution, stride 2",
        "norm: fused batch normalization",
    )


def test_a_layer_applied_twice_runs_twice():
    shared = convolution(3)
    model = chain((4, 4, 3), layers.UpSampling2D(2), shared, layers.ReLU(), shared, layers.AveragePooling2D(2))
    assert_runs_alike(model, places=2)


def test_inputs_are_cast_and_checked_as_by_the_model():
    model = chain((4, 4, 3), layers.BatchNormalization())
    x = inputs_of(model).astype("float64")
    y = forward_of(model)(x, training=False)
    assert y.dtype == tf.float32
    np.testing.assert_allclose(y, model(x, training=False), atol=1e-6)
    with pytest.raises(ValueError, match=r"takes the shape \(None, 4, 4, 3\).*\(4, 4, 4, 2\)"):
        forward_of(model)(np.zeros((4, 4, 4, 2)), training=False)


def test_a_model_with_two_outputs_is_refused():
    given = keras.Input((4,))
    model = keras.Model(given, [layers.Dense(4)(given), given])
    with pytest.raises(ValueError, match="must have one output"):
        forward_of(model)


def network(normalized=True, dtype=None):
    """Every rewrite, one after another."""
    members = [
        convolution(3, 4, strides=2),
        layers.UpSampling2D(2),
        convolution(16),
        layers.BatchNormalization(epsilon=1e-5),
        layers.LeakyReLU(0.2),
        convolution(16, groups=4),
        convolution(6),
        layers.AveragePooling2D(2),
        layers.BatchNormalization(),
        layers.Activation("tanh"),
        layers.Flatten(),
        layers.Dense(1),
    ]
    kept = [m for m in members if normalized or not isinstance(m, layers.BatchNormalization)]
    return chain((4, 6, 3), *kept, dtype=dtype)


def assert_as_precise(model, set_policies, factor=2.0, slack=1e-2):
    """Under a policy of lower precision the forward pass is about as near to float32 as the layers are."""
    x = inputs_of(model, batch=16)
    forward = forward_of(model)
    for training in (True, False):
        truth = everything(model, model, x, training)
        set_policies(model)
        found, expected = everything(model, forward, x, training), everything(model, model, x, training)
        assert forward(x, training=training).dtype == model(x, training=training).dtype
        for layer in model.layers:
            layer.dtype_policy = "float32"
        scales = scales_of(truth)
        for name, number in truth.items():
            error, usual = (np.sqrt(np.mean((n[name] - number) ** 2)) / scales[name] for n in (found, expected))
            assert error <= factor * usual + slack, (name, error, usual)
    return forward


def half_precision(policy):
    def set_policies(model):
        for layer in model.layers:
            layer.dtype_policy = policy

    return set_policies


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision(policy):
    model = network()
    assert len(assert_as_precise(model, half_precision(policy)).fused) == 6
    half_precision(policy)(model)
    assert forward_of(model)(inputs_of(model), training=True).dtype == policy.removeprefix("mixed_")


@pytest.mark.parametrize("channels", [16, 6])
def test_batch_normalization_in_mixed_precision(channels):
    """The two ways of normalizing in half precision lose nothing against the layer, which computes in float32."""
    model = chain((4, 6, channels), layers.BatchNormalization())
    assert_as_precise(model, half_precision("mixed_bfloat16"), factor=1.05, slack=1e-5)


@pytest.mark.parametrize("position", range(1, 12))
def test_mixed_precision_with_one_layer_of_float32(position):
    def set_policies(model):
        for index, layer in enumerate(model.layers):
            layer.dtype_policy = "float32" if index == position else "mixed_bfloat16"

    assert_as_precise(network(), set_policies)


def test_float64_and_bfloat16_throughout():
    model = network(dtype="float64")
    for synchronized in (False, True):
        forward = forward_of(model, synchronized=synchronized)
        assert len(forward.fused) == 4
        x = inputs_of(model).astype("float64")
        assert_same(everything(model, forward, x), everything(model, model, x), 1e-9)
    model = chain((4, 4, 16), layers.BatchNormalization(), dtype="bfloat16")
    assert_runs_alike(model, tolerance=1e-2, places=1)


@pytest.mark.parametrize("compiler", ["graph", "XLA"])
def test_in_compiled_functions(compiler):
    model = network()
    forward = forward_of(model)

    def run(x, training):
        shapes = tf.TensorSpec((None, *x.shape[1:]) if compiler == "graph" else x.shape, tf.float32)
        return tf.function(lambda x: forward(x, training), [shapes], jit_compile=compiler == "XLA")(x)

    x = inputs_of(model, batch=8)
    for training in (True, False):
        assert_same(everything(model, run, x, training), everything(model, model, x, training), 1e-4)


FUSED = {
    "resizing": ((5, 7, 3), lambda: [layers.UpSampling2D(2), convolution(5)]),
    "pooling": ((4, 6, 3), lambda: [convolution(5), layers.AveragePooling2D(2)]),
    "first": ((6, 8, 3), lambda: [convolution(5, 4, strides=2)]),
    "groups": ((6, 5, 4), lambda: [convolution(8, groups=2)]),
    "normalization": ((4, 3, 5), lambda: [layers.BatchNormalization()]),
}


def test_xla_gives_each_fused_operation_its_values_and_gradients_also_of_second_order():
    cases = []
    for name, (shape, members) in FUSED.items():
        model = chain(shape, *members())
        forward = forward_of(model)
        assert len(forward.fused) == 1, name
        cases.append(case_of(model, forward, name))
    require_same_in_xla(cases)


def penalty(run, x):
    """The gradient penalty of WGAN-GP about the inputs themselves."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = run(x, training=True)
    gradient = tape.gradient(y, x)
    return tf.reduce_sum(tf.square(tf.norm(tf.reshape(gradient, (len(x), -1)), axis=1) - 1.0))


def test_gradients_of_gradients_without_batch_normalization():
    model = network(normalized=False)
    forward = forward_of(model)
    assert len(forward.fused) == 4

    def penalized(run):
        return lambda x, training: penalty(run, x)

    x = inputs_of(model)
    assert_same(everything(model, penalized(forward), x), everything(model, penalized(model), x), FLOAT32)


def test_gradients_of_gradients_through_batch_normalization():
    """Judged by differences of float64 penalties: Keras' own second-order gradients are off by about 1 % here."""
    model = network()
    exact = network(dtype="float64")
    exact.set_weights(model.get_weights())
    x = inputs_of(model, batch=8)
    weights = model.trainable_variables
    with tf.GradientTape() as tape:
        value = penalty(forward_of(model), tf.constant(x))
    gradients = tape.gradient(value, [v.value for v in weights])
    assert float(value) == pytest.approx(float(penalty(exact, tf.constant(x, tf.float64))), rel=1e-4)
    draw = np.random.default_rng(3)
    for gradient, variable in zip(gradients, exact.trainable_variables, strict=True):
        direction = draw.normal(size=variable.shape)
        start, ends = np.array(variable), []
        for sign in (1, -1):
            variable.assign(start + sign * 1e-6 * direction)
            ends.append(float(penalty(exact, tf.constant(x, tf.float64))))
        variable.assign(start)
        expected = (ends[0] - ends[1]) / 2e-6
        found = float(np.sum(direction * (0.0 if gradient is None else np.array(gradient))))
        assert found == pytest.approx(expected, rel=1e-3, abs=1e-4), variable.path


def test_dropout_draws_what_it_draws_in_the_model():
    assert_runs_alike(chain((4, 4, 3), layers.Dropout(0.5, seed=1), layers.BatchNormalization(), layers.Dropout(0.2)))


def test_a_model_that_ran_fused_is_saved_as_keras_own(tmp_path):
    model = network()
    forward = forward_of(model)
    x = inputs_of(model)
    forward(x, training=True)
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "x.npy", x)
    run = """
        import sys
        sys.modules["dcgan_kit"] = sys.modules["dcgan_kit_plugins"] = None
        import keras, numpy
        model = keras.models.load_model("model.keras")
        numpy.save("y.npy", model(numpy.load("x.npy"), training=False))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(run)], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), forward(x, training=False), atol=1e-5)


MEMBERS = {
    "resize": lambda: layers.UpSampling2D(2),
    "resize3": lambda: layers.UpSampling2D((1, 3)),
    "conv": lambda: convolution(3),
    "conv4": lambda: convolution(2, 4, strides=2),
    "conv relu": lambda: convolution(3, activation="softplus"),
    "transposed": lambda: layers.Conv2DTranspose(3, 4, 2, padding="same"),
    "mean": lambda: layers.AveragePooling2D(2, padding="same"),
    "norm": lambda: layers.BatchNormalization(),
    "tanh": lambda: layers.Activation("tanh"),
    "dropout": lambda: layers.Dropout(0.3, seed=1),
    "spectral": lambda: layers.SpectralNormalization(convolution(2)),
}


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.tuples(st.integers(1, 6), st.integers(1, 6), st.integers(1, 5)),
    st.lists(st.sampled_from(sorted(MEMBERS)), min_size=1, max_size=6),
)
def test_any_chain(shape, names):
    model = chain(shape, *(MEMBERS[name]() for name in names))
    assert_runs_alike(model, tolerance=1e-3, batch=8, training=(True,))


# The two large models take minutes; tests/twins compares them narrowed.
@pytest.mark.parametrize(
    "name", sorted(set(load_builtins().recipes) - {"dcgan", "r3gan-cifar32", "r3gan-cifar32-conditional"})
)
def test_every_recipe(name, resolve):
    networks = build_networks(resolve(name))
    for model in (networks.generator.model, networks.discriminator.model):
        for layer in model.layers:
            if isinstance(layer, layers.ReLU | layers.LeakyReLU):
                # Where an activation has a kink, the rounding of its input decides between two gradients.
                layer.negative_slope = 1.0
        # With four images, terms of its gradients by biases nearly cancel, and leave the rounding of their sums.
        batch = 5 if name == "wgangp-resnet-cifar32-acgan" else 4
        assert_runs_alike(model, tolerance=1e-4, batch=batch, training=(True,))


def test_synchronized_on_one_device():
    model = network()
    forward = forward_of(model, synchronized=True)
    x = inputs_of(model)
    for training in (True, False):
        assert_same(everything(model, forward, x, training), everything(model, model, x, training), 1e-4)


def test_a_normalization_that_cannot_be_synchronized_is_refused():
    with pytest.raises(ValueError, match=r"mine .Twin. cannot .* synchronized=True"):
        forward_of(chain((4, 4, 3), Twin(name="mine")), synchronized=True)
    forward_of(chain((4, 4, 3), Twin(synchronized=True)), synchronized=True)


@pytest.mark.parametrize("rate", [0.3, 0.001])
def test_dropout_in_bfloat16_keeps_its_rate_and_its_mean(rate):
    model = chain((15, 15, 3), layers.Dropout(rate, seed=1), dtype="bfloat16")
    forward, x = forward_of(model), tf.ones((401, 15, 15, 3), "bfloat16")
    assert forward.fused[0].endswith(": dropout with 16 random bits for each number")
    first, second = (np.asarray(tf.cast(forward(x, training=True), tf.float32)) for _ in range(2))
    assert (first == 0).mean() == pytest.approx(rate, rel=0.1)
    assert first.mean() == pytest.approx(1.0, abs=0.01)
    assert (first == second).mean() == pytest.approx(1 - 2 * rate * (1 - rate), abs=0.01)
    np.testing.assert_array_equal(tf.cast(forward(x, training=False), tf.float32), 1.0)
    assert not forward_of(chain((4, 4, 3), layers.Dropout(rate))).fused
