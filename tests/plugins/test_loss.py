from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import loss
from pydantic import ValidationError

from dcgan_kit.adversarial.random_streams import StepStream

LOSSES = loss.dcgan_kit_components()
REAL = tf.constant([[1.5], [-0.5], [3.0]])
FAKE = tf.constant([[-2.0], [0.25], [1.0]])
X, G = (np.asarray(logits, "float64") for logits in (REAL, FAKE))
LABELLED = [loss.non_saturating, loss.minimax, loss.least_squares]


class NoNoise:
    """Refuses to draw."""

    def uniform(self, shape):
        raise AssertionError("nothing is to be drawn")

    normal = uniform


class Recorded(StepStream):
    """Keeps what was drawn."""

    def __init__(self, step=1):
        super().__init__(0, tf.constant(step, tf.int64), "loss")
        self.drawn = []

    def uniform(self, shape):
        self.drawn.append(np.asarray(super().uniform(shape), "float64"))
        return tf.constant(self.drawn[-1], tf.float32)


def both(losses, noise=None, real=REAL, fake=FAKE):
    noise = noise or NoNoise()
    return float(losses.generator(real, fake, noise)), float(losses.discriminator(real, fake, noise))


def softplus(x):
    return np.log1p(np.exp(x))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_non_saturating_is_binary_cross_entropy_on_probabilities():
    real, fake = sigmoid(X), sigmoid(G)
    expected = (-np.log(fake).mean(), -np.log(real).mean() - np.log(1 - fake).mean())
    assert both(loss.non_saturating()) == pytest.approx(expected, rel=1e-6)


def test_minimax_is_the_value_of_the_game_for_both():
    value = np.log(sigmoid(X)).mean() + np.log(1 - sigmoid(G)).mean()
    generator, discriminator = both(loss.minimax())
    assert discriminator == pytest.approx(-value, rel=1e-6)
    assert generator == pytest.approx(np.log(1 - sigmoid(G)).mean(), rel=1e-6)


@pytest.mark.parametrize(("a", "b", "c"), [(0.0, 1.0, 1.0), (-1.0, 1.0, 0.0)])
def test_least_squares(a, b, c):
    losses = loss.least_squares(fake_label=a, real_label=b, generator_label=c)
    expected = (((G - c) ** 2).mean() / 2, ((X - b) ** 2).mean() / 2 + ((G - a) ** 2).mean() / 2)
    assert both(losses) == pytest.approx(expected, rel=1e-6)


def test_wasserstein():
    assert both(loss.wasserstein()) == pytest.approx((-G.mean(), G.mean() - X.mean()), rel=1e-6)


def test_hinge_stops_beyond_1():
    # max(0, 1 - x): 0, 1.5, 0; max(0, 1 + g): 0, 1.25, 2
    assert both(loss.hinge()) == pytest.approx((0.25, 1.5 / 3 + 3.25 / 3), rel=1e-6)


BASES = [
    ("logistic", lambda d: softplus(-d)),
    ("hinge", lambda d: np.maximum(0, 1 - d)),
    ("least_squares", lambda d: (d - 1) ** 2),
]


@pytest.mark.parametrize(("base", "f"), BASES)
def test_relativistic_average(base, f):
    r, g = X - G.mean(), G - X.mean()
    expected = (f(g).mean() + f(-r).mean(), f(r).mean() + f(-g).mean())
    assert both(loss.relativistic_average(base=base)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("base", "f"), BASES)
def test_relativistic_paired(base, f):
    # 1.5 with -2, -0.5 with 0.25, 3 with 1
    d = np.array([3.5, -0.75, 2.0])
    assert both(loss.relativistic_paired(base=base)) == pytest.approx((f(-d).mean(), f(d).mean()), rel=1e-6)


def test_pairs_are_those_of_the_order():
    losses = loss.relativistic_paired()
    turned = tf.reverse(FAKE, [0])
    assert both(losses, fake=turned) != pytest.approx(both(losses), rel=1e-3)
    assert both(losses, real=tf.reverse(REAL, [0]), fake=turned) == pytest.approx(both(losses), rel=1e-6)


def test_relativistic_losses_see_no_common_shift_of_all_logits():
    for base in ("logistic", "hinge", "least_squares"):
        for losses in (loss.relativistic_average(base=base), loss.relativistic_paired(base=base)):
            assert both(losses, real=REAL + 7.0, fake=FAKE + 7.0) == pytest.approx(both(losses), rel=1e-5)


def test_an_undecided_discriminator_gives_log_2_and_log_4():
    zero = tf.zeros((4, 1))
    assert both(loss.non_saturating(), real=zero, fake=zero) == pytest.approx((np.log(2), np.log(4)))


@pytest.mark.parametrize("logit", [-1e4, 1e4])
def test_extreme_logits_neither_overflow_nor_lose_the_generators_gradient(logit):
    fake = tf.constant([[logit]])
    for component, gradient in (
        (loss.non_saturating, -1.0 if logit < 0 else 0.0),
        (loss.minimax, float(logit < 0) - 1),
    ):
        losses = component()
        with tf.GradientTape() as tape:
            tape.watch(fake)
            value = losses.generator(fake, fake, NoNoise())
        assert np.isfinite(value)
        # D being sure of a fake is where G needs its gradient: the non-saturating loss gives it, minimax does not.
        assert float(tape.gradient(value, fake)[0, 0]) == pytest.approx(gradient)
        assert np.isfinite(losses.discriminator(fake, fake, NoNoise()))
        disturbed = component(label_smoothing=0.1, label_noise=0.1, label_flipping=0.5)
        assert np.isfinite(disturbed.discriminator(fake, fake, Recorded()))


@pytest.mark.parametrize("component", LABELLED, ids=lambda c: c.name)
def test_label_options_of_0_change_no_bit_and_draw_nothing(component):
    plain = component(label_smoothing=0.0, label_flipping=0.0, label_noise=0.0)
    assert both(plain) == both(component())
    assert both(loss.minimax())[1] == both(loss.non_saturating())[1]
    smooth = component(label_smoothing=0.1)
    assert np.isfinite(both(smooth)).all()


@pytest.mark.parametrize("component", [loss.non_saturating, loss.minimax], ids=lambda c: c.name)
def test_smoothing_moves_the_label_of_real_images_alone(component):
    real = -(0.9 * np.log(sigmoid(X)) + 0.1 * np.log(1 - sigmoid(X))).mean()
    generator, discriminator = both(component(label_smoothing=0.1))
    assert discriminator == pytest.approx(real - np.log(1 - sigmoid(G)).mean(), rel=1e-6)
    assert generator == both(component())[0]


def test_smoothing_of_least_squares_is_a_share_of_the_way_between_the_labels():
    losses = loss.least_squares(fake_label=-1.0, real_label=1.0, label_smoothing=0.1)
    expected = ((X - 0.8) ** 2).mean() / 2 + ((G + 1) ** 2).mean() / 2
    assert both(losses)[1] == pytest.approx(expected, rel=1e-6)


def test_noise_mirrors_the_example_that_adds_it_to_labels_of_1_for_generated_images():
    noise = Recorded()
    generator, discriminator = both(loss.non_saturating(label_noise=0.05), noise)
    real_noise, fake_noise = noise.drawn
    # There D gives the probability that an image is generated; its labels are 1 and 0, plus 0.05 u for all.
    generated = np.concatenate([sigmoid(-G), sigmoid(-X)])
    labels = np.concatenate([1 + 0.05 * fake_noise, 0 + 0.05 * real_noise])
    entropy = -(labels * np.log(generated) + (1 - labels) * np.log(1 - generated)).mean()
    assert discriminator == pytest.approx(2 * entropy, rel=1e-5)
    assert generator == both(loss.non_saturating())[0]


def test_flipping_strikes_the_share_of_images_that_it_says():
    real, fake = tf.zeros((4000, 1)), tf.zeros((4000, 1))
    losses = loss.least_squares(label_flipping=0.25)
    # At logits of 0 a real image costs 1/2, and nothing when its label is exchanged; a generated one the other way.
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        value = losses.discriminator(real, fake, Recorded())
    real_pull, fake_pull = (-4000 * np.asarray(g) for g in tape.gradient(value, [real, fake]))
    assert set(np.round(np.concatenate([real_pull, fake_pull]).ravel(), 3)) == {0.0, 1.0}
    assert real_pull.mean() == pytest.approx(0.75, abs=0.03)
    assert fake_pull.mean() == pytest.approx(0.25, abs=0.03)


@pytest.mark.parametrize("component", LABELLED, ids=lambda c: c.name)
def test_what_is_drawn_depends_on_the_step_alone_and_compiles(component):
    losses = component(label_flipping=0.3, label_noise=0.2)

    def value(step):
        return losses.discriminator(REAL, FAKE, StepStream(0, step, "loss"))

    one, other = tf.constant(1, tf.int64), tf.constant(2, tf.int64)
    assert float(value(one)) == float(value(one))
    assert float(value(one)) != float(value(other))
    assert float(tf.function(value)(one)) == pytest.approx(float(value(one)), rel=1e-6)
    assert np.isfinite(tf.function(value, jit_compile=True)(one))


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (loss.non_saturating, {"label_smoothing": 1.0}),
        (loss.minimax, {"label_flipping": 0.6}),
        (loss.least_squares, {"label_noise": -0.1}),
        (loss.relativistic_average, {"base": "wasserstein"}),
        (loss.relativistic_paired, {"base": "logit"}),
        (loss.hinge, {"label_smoothing": 0.1}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)


def test_least_squares_needs_two_labels():
    with pytest.raises(ValueError, match=r"fake_label and real_label must differ. Received: 1.0 for both"):
        loss.least_squares(fake_label=1.0)
