from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import augmentation, penalty
from pydantic import ValidationError

from dcgan_kit import Augmentation, Penalty
from dcgan_kit.adversarial.random_streams import StepStream

PENALTIES = penalty.dcgan_kit_components()
NUMBERS = np.random.default_rng(0)
REAL, FAKE = (tf.constant(NUMBERS.uniform(-1, 1, (4, 6, 5, 2)).astype("float32")) for _ in range(2))
WEIGHTS = NUMBERS.standard_normal((6, 5, 2)).astype("float32") / 4


def linear(images):
    """D(x) = w · x, whose gradient is w everywhere."""
    return tf.reduce_sum(images * WEIGHTS, axis=[1, 2, 3])[:, None]


def half_square(images):
    """D(x) = |x|² / 2, whose gradient is x."""
    return 0.5 * tf.reduce_sum(images**2, axis=[1, 2, 3])[:, None]


def noise(step=1):
    return StepStream(0, tf.constant(step, tf.int64), "penalty")


def value(built, critic, real=REAL, fake=FAKE, step=1):
    return float(built.value(critic, real, fake, noise(step)))


@pytest.fixture
def critic():
    """A discriminator with batch normalization."""
    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((6, 5, 2)),
            layers.Conv2D(4, 3, strides=2),
            layers.BatchNormalization(),
            layers.LeakyReLU(),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    return model


@pytest.mark.parametrize("component", PENALTIES, ids=lambda c: c.name)
def test_with_batch_normalization_under_xla(component, critic):
    built = component()
    weights = [weight.value for weight in critic.trainable_weights]

    def gradients(step):
        with tf.GradientTape() as tape:
            total = built.value(lambda x: critic(x, training=True), REAL, FAKE, StepStream(0, step, "penalty"))
        return total, tape.gradient(total, weights)

    total, by_weights = tf.function(gradients, jit_compile=True, autograph=False)(tf.constant(1, tf.int64))
    assert np.isfinite(total)
    assert total >= 0.0
    found = [gradient for gradient in by_weights if gradient is not None]
    assert found
    assert all(np.isfinite(gradient).all() for gradient in found)


@pytest.mark.parametrize(("component", "draws"), [(c, c.name in ("gradient_penalty", "dragan", "consistency")) for c in PENALTIES],
                         ids=lambda x: getattr(x, "name", ""))  # fmt: skip
def test_what_is_drawn_depends_on_the_step_alone(component, draws):
    built = component()
    assert value(built, half_square) == value(built, half_square)
    assert (value(built, half_square) != value(built, half_square, step=2)) == draws


@pytest.mark.parametrize("component", [penalty.gradient_penalty, penalty.dragan], ids=lambda c: c.name)
@pytest.mark.parametrize("target", [0.0, 1.0, 3.0])
def test_gradients_of_a_linear_critic_are_its_weights(component, target):
    expected = 7.0 * (np.linalg.norm(WEIGHTS) - target) ** 2
    assert value(component(weight=7.0, target=target), linear) == pytest.approx(expected, rel=1e-5)


def test_gradient_penalty_looks_between_real_and_generated_images():
    # The gradient of |x|²/2 is x itself: with all images on one line, norms are those of the points between.
    ones = tf.ones((1000, 1, 1, 1))
    built = penalty.gradient_penalty(weight=1.0, target=0.0)
    # E[(1 + 2u)²] = 1 + 2 + 4/3
    assert value(built, half_square, 3.0 * ones, ones) == pytest.approx(13 / 3, rel=0.03)
    assert value(built, half_square, ones, ones) == pytest.approx(1.0, rel=1e-5)


def test_dragan_looks_around_real_images_as_far_as_they_spread():
    real = tf.constant(np.where(np.arange(2000) % 2, 3.0, 1.0).astype("float32").reshape(2000, 1, 1, 1))
    # Around x = 1 and 3 of deviation 1: E[(x + a u / 2)²] = 5 + 2 · E[a u] + E[a² u²] / 4 = 5 + 1/2 + 1/36
    built = penalty.dragan(weight=1.0, target=0.0)
    assert value(built, half_square, real, 100.0 * real) == pytest.approx(5 + 1 / 2 + 1 / 36, rel=0.03)
    near = penalty.dragan(weight=1.0, target=0.0, spread=1e-4)
    assert value(near, half_square, real, 100.0 * real) == pytest.approx(5.0, rel=1e-3)


def test_r1_and_r2_are_half_gamma_times_the_squared_norm():
    for component in (penalty.r1, penalty.r2):
        assert value(component(weight=6.0), linear) == pytest.approx(3.0 * (WEIGHTS**2).sum(), rel=1e-5)
    squares = [(np.asarray(images) ** 2).sum(axis=(1, 2, 3)).mean() for images in (REAL, FAKE)]
    assert value(penalty.r1(), half_square) == pytest.approx(5.0 * squares[0], rel=1e-5)
    assert value(penalty.r2(), half_square) == pytest.approx(5.0 * squares[1], rel=1e-5)


def test_r1_moves_weights_as_its_formula_says():
    weights = tf.Variable(WEIGHTS)
    with tf.GradientTape() as tape:
        critic = lambda images: tf.reduce_sum(images * weights, axis=[1, 2, 3])[:, None]  # noqa: E731
        total = penalty.r1(weight=6.0).value(critic, REAL, FAKE, noise())
    np.testing.assert_allclose(tape.gradient(total, weights), 6.0 * WEIGHTS, rtol=1e-5)


def test_consistency_is_the_squared_change_of_the_logit():
    built = penalty.consistency(weight=3.0, augmentation=_negated)
    # D(-x) = -D(x) for a linear critic.
    expected = 3.0 * (4.0 * np.asarray(linear(REAL)) ** 2).mean()
    assert value(built, linear) == pytest.approx(expected, rel=1e-5)
    assert value(built, half_square) == pytest.approx(0.0, abs=1e-6)


def test_consistency_flips_and_shifts_by_itself():
    # A sum over all pixels stays when an image is mirrored, and changes when a part of it is moved out.
    total = lambda images: tf.reduce_sum(images, axis=[1, 2, 3])[:, None]  # noqa: E731
    assert value(penalty.consistency(augmentation=augmentation.flip), total) == pytest.approx(0.0, abs=1e-5)
    assert value(penalty.consistency(), total) > 0.1


def test_both_is_the_sum():
    built = penalty.both(first=lambda _: penalty.r1(weight=2.0), second=lambda _: penalty.r2(weight=6.0))
    assert value(built, linear) == pytest.approx(4.0 * (WEIGHTS**2).sum(), rel=1e-5)
    expected = value(penalty.r1(), half_square) + value(penalty.r2(), half_square)
    assert value(penalty.both(), half_square) == pytest.approx(expected, rel=1e-6)


def test_every_is_told_to_the_engine():
    assert penalty.r1().every == 1
    assert penalty.gradient_penalty(every=4).every == 4
    lazy = [lambda _: penalty.r1(every=16), lambda _: penalty.r2(every=16)]
    assert penalty.both(first=lazy[0], second=lazy[1]).every == 16
    with pytest.raises(ValueError, match=r"first and second must have one 'every'. Received: 16 and 1"):
        penalty.both(first=lazy[0])


@pytest.mark.parametrize("component", [penalty.gradient_penalty, penalty.dragan], ids=lambda c: c.name)
def test_a_flat_critic_has_finite_gradients(component):
    scale = tf.Variable(0.0)
    with tf.GradientTape() as tape:
        total = component().value(lambda images: scale * linear(images), REAL, FAKE, noise())
    assert float(total) == pytest.approx(10.0, rel=1e-4)
    assert np.isfinite(tape.gradient(total, scale))


def test_a_recipe_nests_them(resolve):
    chosen = (
        "{use: both, first: {use: r1, weight: 2.0}, second: {use: consistency, augmentation: {use: shift, pixels: 1}}}"
    )
    built = resolve("tiny-fashion28", f"training.penalty={chosen}").training.penalty.build((-1.0, 1.0))
    assert isinstance(built, Penalty)
    assert value(built, linear) > (WEIGHTS**2).sum()


def test_what_is_nested_must_fit():
    with pytest.raises(ValueError, match=r"second must make Penalty. Received: 'r2'"):
        penalty.both(second=lambda _: "r2")
    with pytest.raises(ValueError, match=r"augmentation must not be adaptive"):
        penalty.consistency(augmentation=augmentation.adaptive)


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (penalty.gradient_penalty, {"weight": 0.0}),
        (penalty.gradient_penalty, {"target": -1.0}),
        (penalty.dragan, {"spread": 0.0}),
        (penalty.r1, {"every": 0}),
        (penalty.r2, {"every": 1.5}),
        (penalty.consistency, {"weight": float("nan")}),
        (penalty.both, {"every": 2}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)


def _negated():
    return Augmentation(lambda images, probability, random: -probability * images)
