"""One step against what a reader of the recipe would write down with a tape."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dcgan_kit.networks.building import build_networks
from dcgan_kit.training.state import TrainingState
from dcgan_kit.training.step import METRICS, compiled_steps

RATE = 0.05


@pytest.fixture(scope="module")
def plain(small, sample_plugins):
    """Return a function (*overrides) -> recipe without dropout, with gradient descent."""

    def plain(*overrides):
        descent = f"training.optimizer={{use: sgd, learning_rate: {RATE}}}"
        return small(
            "discriminator.output.head.dropout=0.0", "training.ema=0.0", descent, *overrides,
            folder=sample_plugins / "folder",
        ).recipe  # fmt: skip

    return plain


@pytest.fixture
def pixels():
    """Return a function steps -> uint8 images (steps, 8, 28, 28, 1)."""
    return lambda steps: np.random.default_rng(3).integers(0, 256, (steps, 8, 28, 28, 1), np.uint8)


def state_of(recipe):
    return TrainingState.create(recipe, build_networks(recipe))


def weights_of(model):
    return [np.asarray(variable) for variable in model.trainable_variables]


def cross_entropy(labels, logits):
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits))


def by_hand(recipe, pixels, low, high, alternating):
    """A step of gradient descent on networks built anew; return them and the losses."""
    networks = build_networks(recipe)
    generator, discriminator = networks.generator.model, networks.discriminator.model
    of_g = [variable.value for variable in generator.trainable_variables]
    of_d = [variable.value for variable in discriminator.trainable_variables]
    real = tf.constant(low + (high - low) * pixels.astype("float64") / 255, tf.float32)
    z = tf.random.stateless_normal((8, 100), [recipe.training.seed, 0])
    ones, zeros = tf.ones((8, 1)), tf.zeros((8, 1))

    with tf.GradientTape() as tape:
        fake = generator(z, training=True)
        real_logits, fake_logits = discriminator(real, training=True), discriminator(fake, training=True)
        d_loss = cross_entropy(ones, real_logits) + cross_entropy(zeros, fake_logits)
    d_gradients = tape.gradient(d_loss, of_d)
    if alternating:
        for weight, gradient in zip(of_d, d_gradients, strict=True):
            weight.assign_sub(RATE * gradient)
    with tf.GradientTape() as tape:
        g_loss = cross_entropy(ones, discriminator(generator(z, training=True), training=True))
    g_gradients = tape.gradient(g_loss, of_g)
    for weight, gradient in zip(of_g, g_gradients, strict=True):
        weight.assign_sub(RATE * gradient)
    if not alternating:
        for weight, gradient in zip(of_d, d_gradients, strict=True):
            weight.assign_sub(RATE * gradient)
    return generator, discriminator, float(g_loss), float(d_loss), real_logits, fake_logits


@pytest.mark.parametrize("updates", ["simultaneous", "alternating"])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1.0)])
def test_one_step(updates, low, high, plain, pixels):
    recipe = plain(f"training.updates={updates}", f"image.range=[{low}, {high}]")
    state, images = state_of(recipe), pixels(1)
    before = weights_of(state.networks.generator.model)
    means = compiled_steps(recipe, state)(tf.constant(images), tf.constant(0, tf.int64)).numpy()

    generator, discriminator, g_loss, d_loss, real, fake = by_hand(
        recipe, images[0], low, high, updates == "alternating"
    )
    expected = [g_loss, d_loss, tf.reduce_mean(tf.sigmoid(real)), tf.reduce_mean(tf.sigmoid(fake))]
    np.testing.assert_allclose(means, expected, rtol=1e-5)
    for ours, theirs in (
        (state.networks.generator.model, generator),
        (state.networks.discriminator.model, discriminator),
    ):
        for one, other in zip(weights_of(ours), weights_of(theirs), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-7)
    moved = [np.abs(a - b).max() for a, b in zip(before, weights_of(state.networks.generator.model), strict=True)]
    assert min(moved) > 1e-6, "every weight of the generator moves"
    assert int(state.step) == 1


def test_the_two_ways_to_update_differ(plain, pixels):
    moved = []
    for updates in ("simultaneous", "alternating"):
        recipe = plain(f"training.updates={updates}")
        state = state_of(recipe)
        compiled_steps(recipe, state)(tf.constant(pixels(1)), tf.constant(0, tf.int64))
        moved.append((weights_of(state.networks.discriminator.model), weights_of(state.networks.generator.model)))
    for one, other in zip(moved[0][0], moved[1][0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, err_msg="the discriminator's step is the same")
    assert any(not np.allclose(one, other, rtol=1e-6) for one, other in zip(moved[0][1], moved[1][1], strict=True))


def test_adam_moves_each_weight_by_the_learning_rate_at_first(small, pixels):
    """At the first step mean gradient and root mean square agree: a step is the sign of the gradient."""
    recipe = small("training.optimizer.learning_rate=0.01", "training.ema=0.0").recipe
    state = state_of(recipe)
    before = weights_of(state.networks.discriminator.model)
    compiled_steps(recipe, state)(tf.constant(pixels(1)), tf.constant(0, tf.int64))
    for one, other in zip(before, weights_of(state.networks.discriminator.model), strict=True):
        moved = np.abs(one - other)
        assert moved.max() == pytest.approx(0.01, rel=1e-2)
        assert np.median(moved) == pytest.approx(0.01, rel=0.05)


def test_several_steps_in_one_call_are_the_same_as_one_by_one(plain, pixels):
    recipe, images = plain("discriminator.regularizer={use: dropout, rate: 0.3}"), pixels(3)
    together, apart = state_of(recipe), state_of(recipe)
    all_at_once = compiled_steps(recipe, together)(tf.constant(images), tf.constant(0, tf.int64)).numpy()
    single = compiled_steps(recipe, apart)
    means = [single(tf.constant(images[i : i + 1]), tf.constant(i, tf.int64)).numpy() for i in range(3)]
    np.testing.assert_allclose(all_at_once, np.mean(means, axis=0), rtol=1e-6)
    for (name, one), other in zip(together.variables().items(), apart.variables().values(), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other), err_msg=name)


def test_the_average_follows_the_generator(plain, pixels):
    recipe, images = plain("training.ema=0.75"), pixels(3)
    state = state_of(recipe)
    steps = compiled_steps(recipe, state)
    generator = state.networks.generator.model
    expected = [np.asarray(weight) for weight in generator.weights]
    for weight, average in zip(expected, state.averaged.weights, strict=True):
        np.testing.assert_array_equal(weight, average)
    for index in range(3):
        steps(tf.constant(images[index : index + 1]), tf.constant(index, tf.int64))
        now = [np.asarray(weight) for weight in generator.weights]
        expected = [0.75 * mean + 0.25 * weight for mean, weight in zip(expected, now, strict=True)]
    assert state.sampled is state.averaged
    for mean, average, weight in zip(expected, state.averaged.weights, generator.weights, strict=True):
        np.testing.assert_allclose(average, mean, rtol=1e-4, atol=1e-7, err_msg=weight.path)
    assert any("moving_variance" in weight.path for weight in generator.weights), "running statistics are averaged too"


def test_the_average_of_layers_with_weights_of_their_own(plain, pixels):
    """Spectral normalization wraps layers; the average must hold their vectors too."""
    recipe = plain("training.ema=0.5", "generator.constraint=spectral")
    state = state_of(recipe)
    compiled_steps(recipe, state)(tf.constant(pixels(1)), tf.constant(0, tf.int64))
    assert np.isfinite(state.sampled(tf.zeros((2, 100)), training=False)).all()


def test_a_discriminator_learns_to_tell_noise_from_black(small, listener):
    still = "training.generator.optimizer.learning_rate=1e-9"
    recipe = small("training.optimizer.learning_rate=0.01", still).recipe
    state = state_of(recipe)
    steps = compiled_steps(recipe, state)
    black = np.zeros((10, 8, 28, 28, 1), np.uint8)
    losses = [
        dict(zip(METRICS, steps(tf.constant(black), tf.constant(10 * i, tf.int64)).numpy(), strict=True))
        for i in range(4)
    ]
    assert losses[-1]["discriminator_loss"] < 0.5 * losses[0]["discriminator_loss"]
    assert losses[-1]["discriminator_real"] > 0.8
    assert losses[-1]["discriminator_fake"] < 0.3


def test_latent_vectors_never_repeat_between_steps_and_the_grid(small):
    from dcgan_kit.training.sampling import latent_vectors

    recipe = small().recipe
    drawn = [latent_vectors(recipe, 8, seed, step).numpy() for seed, step in ((0, -1), (0, -2), (0, 0), (0, 1), (1, 0))]
    for index, one in enumerate(drawn):
        for other in drawn[:index]:
            assert (one != other).all()
    np.testing.assert_array_equal(latent_vectors(recipe, 8, 0), drawn[0])
