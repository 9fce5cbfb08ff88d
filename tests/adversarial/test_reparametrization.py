"""Reparametrized layers in training: their own variables move once for each update of their network."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from dcgan_kit.networks.reparametrization import updated_after

PLUGIN = '''
from dcgan_kit import Reparametrization, component, hookimpl
import keras


@keras.saving.register_keras_serializable(package="counting")
class Counting(Reparametrization):
    def build(self, input_shape=None):
        super().build(input_shape)
        self.updates = self.add_weight(
            shape=(), initializer="zeros", trainable=False, aggregation="only_first_replica", name="updates"
        )

    def effective(self, kernel):
        return 2.0 * kernel.variable.value

    def after_update(self):
        self.updates.assign(self.updates + 1.0)


@component("constraint")
def counting(site):
    """Double each kernel."""
    return lambda layer: Counting(layer, name=layer.name)


@hookimpl
def dcgan_kit_components():
    return [counting]
'''
BOTH = ("generator.constraint={}", "discriminator.constraint={}")
SPECTRAL = tuple(place.format("spectral") for place in BOTH)


@pytest.fixture(scope="module")
def counting(tiny, tmp_path_factory):
    """Return a function (*overrides) -> recipe whose layers count the updates of their network."""
    folder = tmp_path_factory.mktemp("counting")
    (folder / "counting.py").write_text(PLUGIN)
    overrides = tuple(place.format("counting") for place in BOTH)
    return lambda *more: tiny(*overrides, *more, folder=folder).recipe


@pytest.mark.parametrize(
    ("overrides", "updates"),
    [
        ((), (5, 5)),
        (("training.accumulate=2", "training.discriminator_passes=concatenated"), (5, 5)),
        (("training.updates=alternating", "training.discriminator.updates=3"), (5, 15)),
        (("training.updates=alternating", "training.generator.updates=2", "training.latents=fresh"), (10, 5)),
        (("training.updates=in_turn", "training.accumulate=2"), (3, 2)),
        (("training.xla=on", "training.updates=alternating", "training.penalty=gradient_penalty"), (5, 5)),
        (("training.precision=mixed_bfloat16", "training.ema=0.9"), (5, 5)),
    ],
    ids=str,
)
def test_each_update_of_a_network_moves_its_layers_once(overrides, updates, counting, taken):
    ours = taken(counting(*overrides), 5)
    ours.take()
    networks = ours.state.networks
    for network, expected in zip((networks.generator, networks.discriminator), updates, strict=True):
        layers = updated_after(network.model)
        assert len(layers) == 2
        assert [float(layer.updates) for layer in layers] == [expected] * 2


def test_the_optimizer_moves_the_stored_kernel(counting, tiny, taken):
    """An effective kernel of 2 W: half the first kernel computes the same, and its gradient is twice as large."""
    descent = "training.optimizer={use: sgd, learning_rate: 0.05, momentum: 0.0}"
    ours, plain = taken(counting(descent)), taken(tiny(descent).recipe)
    for role in ("generator", "discriminator"):
        model = getattr(ours.state.networks, role).model
        for layer in updated_after(model):
            layer.layer.kernel.assign(layer.layer.kernel / 2.0)
    before, first = ours.weights("discriminator"), plain.weights("discriminator")
    assert ours.take()["discriminator_loss"] == pytest.approx(plain.take()["discriminator_loss"], rel=1e-4)
    kernels = ["kernel" in v.path for v in ours.state.networks.discriminator.model.trainable_variables]
    rows = zip(kernels, before, ours.weights("discriminator"), first, plain.weights("discriminator"), strict=True)
    for kernel, start, end, plain_start, plain_end in rows:
        np.testing.assert_allclose(end - start, (1 + kernel) * (plain_end - plain_start), rtol=1e-2, atol=1e-6)


def unit(vector):
    return vector / np.linalg.norm(vector)


def test_vectors_follow_the_kernel_that_each_update_leaves(tiny, taken):
    ours = taken(tiny(*SPECTRAL, "training.ema=0.5").recipe, 4)
    layer = updated_after(ours.state.networks.discriminator.model)[0]
    (kernel,), ((u, v),) = layer.kernels, layer.vectors
    expected = np.asarray(u)[0]
    for step in range(4):
        ours.take(step, 1)
        w = np.asarray(kernel.matrices())[0].T
        right = unit(w.T @ expected)
        expected = unit(w @ right)
        np.testing.assert_allclose(np.asarray(u)[0], expected, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(np.asarray(v)[0], right, rtol=1e-4, atol=1e-5)


def test_vectors_of_the_average_are_those_of_its_kernels(tiny, taken):
    ours = taken(tiny(*SPECTRAL, "training.ema=0.9").recipe, 5)
    ours.take()
    layers = updated_after(ours.state.averaged)
    assert layers
    for layer in layers:
        for kernel, (u, v) in zip(layer.kernels, layer.vectors, strict=True):
            np.testing.assert_allclose(np.linalg.norm(u, axis=-1), 1.0, rtol=1e-5)
            w = np.asarray(kernel.matrices())[0].T
            np.testing.assert_allclose(np.asarray(u)[0], unit(w @ np.asarray(v)[0]), rtol=1e-4, atol=1e-5)


def test_an_update_that_overflows_moves_no_vector(tiny, taken):
    ours = taken(tiny(*SPECTRAL, "training.precision=mixed_float16").recipe, 1)
    ours.state.loss_scale.assign((3e38, 0.0))
    before = ours.state.values()
    ours.take()
    after = ours.state.values()
    vectors = [name for name in before if "vector_" in name]
    assert len(vectors) >= 8
    for name in vectors:
        if not name.startswith("averaged"):
            np.testing.assert_array_equal(before[name], after[name], err_msg=name)


@pytest.mark.parametrize("name", ["spectral", "equalized", "weight_standardization"])
@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_a_run_goes_on_bit_for_bit(name, precision, tiny, taken, goes_on):
    both = [place.format(name) for place in BOTH]
    recipe = tiny(*both, f"training.precision={precision}", "training.ema=0.9", "training.steps=6").recipe
    goes_on(taken(recipe, 6), 6)


def test_xla_gives_the_second_order_gradients_of_eager(tiny, taken):
    """As a gradient penalty takes them. Whole steps draw other latent vectors under XLA, so they cannot be compared."""
    model = taken(tiny(*SPECTRAL, "discriminator.normalization=none").recipe).state.networks.discriminator.model
    images = tf.constant(np.random.default_rng(0).standard_normal((4, 8, 8, 1)), tf.float32)
    weights = [variable.value for variable in model.trainable_variables]

    def differentiated(images):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                inner.watch(images)
                total = tf.reduce_sum(model(images, training=True))
            slopes = inner.gradient(total, images)
            penalty = tf.reduce_mean(tf.square(tf.norm(tf.reshape(slopes, (4, -1)), axis=1) - 1.0))
        return slopes, penalty, outer.gradient(penalty, weights, unconnected_gradients="zero")

    eager, compiled = differentiated(images), tf.function(differentiated, jit_compile=True)(images)
    assert max(float(tf.reduce_max(tf.abs(gradient))) for gradient in eager[2]) > 0.01
    for one, other in zip(tf.nest.flatten(eager), tf.nest.flatten(compiled), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-5)


def test_fused_operations_leave_a_reparametrized_layer_as_it_is(tiny, taken):
    ours = [taken(tiny(*SPECTRAL, f"training.fuse={fuse}").recipe, 2) for fuse in ("true", "false")]
    for session in ours:
        session.take()
    for a, b in zip(*(session.weights("generator") for session in ours), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_a_surrounding_scope_reaches_the_wrapped_layer():
    """As probes run a network with other weights."""
    from dcgan_kit import Reparametrization

    class Doubled(Reparametrization):
        def effective(self, kernel):
            return 2.0 * kernel.variable.value

    dense = keras.layers.Dense(2)
    layer = Doubled(dense)
    layer.build((None, 2))
    weights = [(dense.kernel, tf.eye(2)), (dense.bias, tf.constant([1.0, -1.0]))]
    with keras.StatelessScope(weights):
        np.testing.assert_array_equal(layer(tf.ones((1, 2))), [[3.0, 1.0]])
    with pytest.raises(NotImplementedError, match=r"must define effective\(kernel\)"):
        Reparametrization(keras.layers.Dense(2))(tf.ones((1, 2)))
