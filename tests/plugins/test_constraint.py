from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import constraint
from keras import layers
from pydantic import ValidationError

from dcgan_kit.networks.reparametrization import updated_after

MAPS = (5, 5, 4)
KERNELS = {
    "conv": (lambda: layers.Conv2D(6, 3), MAPS, {"kernel": 1}),
    "transposed": (lambda: layers.Conv2DTranspose(6, 4, strides=2), MAPS, {"kernel": 1}),
    "dense": (lambda: layers.Dense(6), (4,), {"kernel": 1}),
    "embedding": (lambda: layers.Embedding(10, 6), (), {"embeddings": "embedding"}),
    "depthwise": (lambda: layers.DepthwiseConv2D(3), MAPS, {"kernel": "depthwise"}),
    "multiplied": (lambda: layers.DepthwiseConv2D(3, depth_multiplier=3), MAPS, {"kernel": "depthwise"}),
    "separable": (
        lambda: layers.SeparableConv2D(6, (2, 3), depth_multiplier=2), MAPS,
        {"depthwise_kernel": "depthwise", "pointwise_kernel": 1},
    ),
    "grouped": (lambda: layers.Conv2D(6, 3, groups=2), MAPS, {"kernel": 2}),
    "narrow_groups": (lambda: layers.Conv2D(8, 2, groups=4), MAPS, {"kernel": 4}),
}  # fmt: skip


@pytest.fixture
def constrained(place):
    """Return a function (constraint, layer, shape, **options) -> a model of the layer with the constraint."""

    def constrained(component, layer, shape=MAPS, **options):
        made = component.build(place(MAPS, slot="constraint"), dict(component.options(**options)))(layer)
        assert made.name == layer.name
        inputs = keras.Input(shape, dtype="int32" if isinstance(layer, layers.Embedding) else None)
        return keras.Model(inputs, made(inputs))

    return constrained


@pytest.fixture
def given(noise):
    """Return a function shape -> two inputs; class numbers for the shape of an embedding's input."""
    return lambda shape: noise(2, *shape) if shape else np.array([3, 7])


def settle(model, times):
    """Do what training does after each update of a network."""
    for _ in range(times):
        for layer in updated_after(model):
            layer.after_update()


def used(model):
    """Return the kernels that the constrained layer computes with."""
    held = model.layers[-1]
    return [np.asarray(held.effective(kernel)) for kernel in held.kernels]


def in_place_of(layer, kernels, x):
    """Return what the layer alone gives with other kernels."""
    plain = type(layer).from_config(layer.get_config())
    plain(x)
    plain.set_weights(layer.get_weights())
    for name, kernel in kernels.items():
        getattr(plain, name).assign(kernel)
    return plain(x)


def columns(kernel, groups):
    """Return the diagonal blocks of a kernel's matrix, by its definition."""
    if groups == "embedding":
        return [kernel.T]
    if groups == "depthwise":
        return [kernel[..., channel, :].reshape(-1, kernel.shape[-1]) for channel in range(kernel.shape[-2])]
    return [block.reshape(-1, block.shape[-1]) for block in np.split(kernel, groups, axis=-1)]


def test_none_constrains_nothing():
    assert constraint.none() is None


@pytest.mark.parametrize(("layer", "shape", "kernels"), KERNELS.values(), ids=KERNELS)
def test_spectral_divides_by_the_largest_singular_value(layer, shape, kernels, constrained, given, tmp_path):
    layer, x = layer(), given(shape)
    model = constrained(constraint.spectral, layer, shape)
    first = {name: np.asarray(getattr(layer, name)) for name in kernels}
    settle(model, 300)
    divided = {
        name: kernel / max(np.linalg.svd(block, compute_uv=False)[0] for block in columns(kernel, kernels[name]))
        for name, kernel in first.items()
    }
    for effective, (name, expected) in zip(used(model), divided.items(), strict=True):
        np.testing.assert_allclose(effective, expected, rtol=1e-3, atol=1e-6)
        np.testing.assert_array_equal(getattr(layer, name), first[name], err_msg="the stored kernel is the optimizer's")
    for training in (True, False):
        y = model(x, training=training)
        np.testing.assert_allclose(y, in_place_of(layer, divided, x), rtol=1e-3, atol=1e-5)

    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(x), model(x))


def unit(vector):
    return vector / np.linalg.norm(vector)


@pytest.mark.parametrize("power_iterations", [1, 3])
def test_vectors_move_by_power_iteration_when_training_says_so(power_iterations, constrained, noise):
    """W has a row for each filter, as in the paper; a round before the first update makes the first u fit."""
    layer = layers.Conv2D(6, 3)
    model = constrained(constraint.spectral, layer, power_iterations=power_iterations)
    held = model.layers[-1]
    ((u, v),) = held.vectors
    drawn = keras.initializers.RandomNormal(stddev=1.0, seed=held.seed)((1, 6))
    expected = unit(np.asarray(drawn)[0])
    for update in range(4):
        w = np.asarray(layer.kernel).reshape(-1, 6).T
        for _ in range(power_iterations):
            right = unit(w.T @ expected)
            expected = unit(w @ right)
        np.testing.assert_allclose(u.value[0], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(v.value[0], right, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(used(model)[0].reshape(-1, 6).T, w / (expected @ w @ right), rtol=1e-4, atol=1e-6)
        before = u.numpy(), v.numpy()
        for training in (True, False):
            model(noise(2, *MAPS), training=training)
        assert (before[0] == u.numpy()).all(), "no forward pass moves u"
        assert (before[1] == v.numpy()).all(), "no forward pass moves v"
        layer.kernel.assign(np.random.default_rng(update).standard_normal((3, 3, 4, 6)))
        settle(model, 1)


def test_gradients_flow_through_the_norm_and_the_vectors_are_constants(constrained, noise):
    """L(W / σ) with σ = uᵀWv: dL/dW = (G - <G, W / σ> u vᵀ) / σ, where G = dL/d(W / σ)."""
    layer = layers.Dense(6)
    model = constrained(constraint.spectral, layer, (4,))
    x, (u, v) = noise(5, 4), model.layers[-1].vectors[0]
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.tanh(model(x, training=True)))
    kernel, bias = tape.gradient(loss, model.trainable_variables)
    w = np.asarray(layer.kernel).T
    u, v = u.numpy()[0], v.numpy()[0]
    sigma = u @ w @ v
    slope = 1 - np.tanh(x @ w.T / sigma) ** 2
    by_effective = slope.T @ x
    expected = (by_effective - np.sum(by_effective * w / sigma) * np.outer(u, v)) / sigma
    np.testing.assert_allclose(kernel, expected.T, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(bias, slope.sum(0), rtol=1e-4)
    assert len(model.trainable_variables) == 2
    assert len(model.non_trainable_variables) == 2


def test_a_grouped_kernel_counts_as_the_dense_kernel_that_does_the_same(constrained):
    """A convolution in groups is a convolution whose kernel is 0 between groups; that one has the same norm."""
    grouped = layers.Conv2D(6, 3, groups=2, use_bias=False)
    model = constrained(constraint.spectral, grouped)
    kernel = np.asarray(grouped.kernel)
    dense = np.zeros((3, 3, 4, 6), "float32")
    dense[:, :, :2, :3], dense[:, :, 2:, 3:] = kernel[..., :3], kernel[..., 3:]
    settle(model, 300)
    largest = np.linalg.svd(dense.reshape(-1, 6), compute_uv=False)[0]
    np.testing.assert_allclose(used(model)[0], kernel / largest, rtol=1e-3, atol=1e-6)


def test_a_kernel_of_zeros_stays_one_and_can_leave(constrained, noise):
    layer = layers.DepthwiseConv2D(3, depthwise_initializer="zeros")
    model = constrained(constraint.spectral, layer)
    settle(model, 2)
    with tf.GradientTape() as tape:
        y = model(noise(1, *MAPS), training=True)
        loss = tf.reduce_sum(y * noise(*y.shape))
    np.testing.assert_array_equal(used(model)[0], 0.0)
    gradient = np.asarray(tape.gradient(loss, layer.kernel.value))
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0
    layer.kernel.assign(np.full((3, 3, 4, 1), 2.0))
    settle(model, 1)
    np.testing.assert_allclose(used(model)[0], 1 / 3, rtol=1e-5)


def test_first_vectors_depend_on_the_place_alone(constrained, place):
    one, other = (constrained(constraint.spectral, layers.Conv2D(6, 3)) for _ in range(2))
    assert one.layers[-1].seed == other.layers[-1].seed
    constrain = constraint.spectral.build(place(MAPS), dict(constraint.spectral.options()))
    assert len({constrain(layers.Dense(3)).seed for _ in range(3)}) == 3


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_the_norm_is_computed_in_float32(policy, when, constrained, noise):
    """Whether the policy was there when the layer was made, or is set later, as training sets it."""
    keras.config.set_dtype_policy(policy if when == "before" else "float32")
    try:
        layer = layers.Conv2D(6, 3, kernel_initializer=keras.initializers.RandomNormal(seed=1))
        model = constrained(constraint.spectral, layer)
    finally:
        keras.config.set_dtype_policy("float32")
    for inner in model._flatten_layers():
        inner.dtype_policy = policy
    settle(model, 1)
    half, kernel, held = model(noise(2, *MAPS), training=True), used(model)[0], model.layers[-1]
    assert layer.compute_dtype == half.dtype.name == policy.removeprefix("mixed_")
    assert {variable.dtype for variable in held.variables} == {"float32"}
    # Also where no model surrounds the layer, as in the forward pass of training.
    np.testing.assert_array_equal(held(tf.cast(noise(2, *MAPS), half.dtype), training=True), half)
    for inner in model._flatten_layers():
        inner.dtype_policy = "float32"
    np.testing.assert_array_equal(used(model)[0], kernel)
    np.testing.assert_allclose(tf.cast(half, "float32"), model(noise(2, *MAPS)), atol=0.05)


FAN_IN = {
    "conv": (36,), "transposed": (64,), "dense": (4,), "embedding": (6,), "depthwise": (9,), "multiplied": (9,),
    "separable": (6, 8), "grouped": (18,), "narrow_groups": (4,),
}  # fmt: skip
"""Weights of one filter, of each kernel."""


@pytest.mark.parametrize("name", KERNELS)
def test_equalized_scales_by_the_weights_of_a_filter(name, constrained, given, tmp_path):
    build, shape, kernels = KERNELS[name]
    layer, x = build(), given(shape)
    model = constrained(constraint.equalized, layer, shape, gain=3.0)
    stored = {kernel: np.asarray(getattr(layer, kernel)) for kernel in kernels}
    scaled = {
        kernel: stored[kernel] * 3.0 / np.sqrt(fan_in) for kernel, fan_in in zip(kernels, FAN_IN[name], strict=True)
    }
    for effective, expected in zip(used(model), scaled.values(), strict=True):
        np.testing.assert_allclose(effective, expected, rtol=1e-5)
    np.testing.assert_allclose(model(x, training=True), in_place_of(layer, scaled, x), rtol=1e-4, atol=1e-5)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(x), model(x))


def test_equalized_starts_as_he_normal(constrained):
    layer = layers.Conv2D(512, 3, kernel_initializer=keras.initializers.RandomNormal(stddev=1.0, seed=1))
    model = constrained(constraint.equalized, layer)
    assert used(model)[0].std() == pytest.approx(np.sqrt(2 / 36), rel=0.02)


AXES = {
    "conv": ((0, 1, 2),), "transposed": ((0, 1, 3),), "dense": (0,), "embedding": (1,), "depthwise": ((0, 1),),
    "multiplied": ((0, 1),), "separable": ((0, 1), (0, 1, 2)), "grouped": ((0, 1, 2),), "narrow_groups": ((0, 1, 2),),
}  # fmt: skip


@pytest.mark.parametrize("name", KERNELS)
def test_weights_of_each_filter_are_standardized(name, constrained, given, tmp_path):
    build, shape, kernels = KERNELS[name]
    layer, x = build(), given(shape)
    model, standardized = constrained(constraint.weight_standardization, layer, shape, epsilon=1e-3), {}
    for kernel, axis in zip(kernels, AXES[name], strict=True):
        w = np.asarray(getattr(layer, kernel))
        standardized[kernel] = (w - w.mean(axis, keepdims=True)) / np.sqrt(w.var(axis, keepdims=True) + 1e-3)
    for effective, expected in zip(used(model), standardized.values(), strict=True):
        np.testing.assert_allclose(effective, expected, rtol=1e-3, atol=1e-5)
    expected = in_place_of(layer, standardized, x)
    np.testing.assert_allclose(model(x, training=True), expected, rtol=1e-3, atol=1e-4)
    model.save(tmp_path / "model.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "model.keras")(x), model(x))


def test_weight_standardization_keeps_gradients_finite_where_a_filter_is_constant(constrained, noise):
    layer = layers.Conv2D(6, 3, kernel_initializer="zeros")
    model = constrained(constraint.weight_standardization, layer)
    with tf.GradientTape() as tape:
        y = model(noise(2, *MAPS), training=True)
        loss = tf.reduce_sum(y * noise(*y.shape))
    np.testing.assert_array_equal(used(model)[0], 0.0)
    gradient = np.asarray(tape.gradient(loss, layer.kernel.value))
    assert np.isfinite(gradient).all()
    # Standardized weights do not depend on the mean of the stored ones.
    np.testing.assert_allclose(gradient.mean((0, 1, 2)), 0.0, atol=1e-2 * np.abs(gradient).max())


@pytest.mark.parametrize(
    "options", [{"power_iterations": 0}, {"power_iterations": 1.5}, {"epsilon": 0.0}, {"iterations": 1}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(ValidationError):
        constraint.spectral.options(**options)
    with pytest.raises(ValidationError):
        constraint.equalized.options(gain=0.0)
    with pytest.raises(ValidationError):
        constraint.weight_standardization.options(epsilon=-1e-5)
