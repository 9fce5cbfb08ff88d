from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import augmentation
from pydantic import ValidationError

from dcgan_kit import Augmentation
from dcgan_kit.adversarial.random_streams import StepStream

AUGMENTATIONS = augmentation.dcgan_kit_components()
ALWAYS, NEVER = tf.constant(1.0), tf.constant(0.0)


class Scripted:
    """Returns what it is reported, one constant a call."""

    def __init__(self, *values):
        self.values = list(values)

    def uniform(self, shape):
        return tf.fill(shape, tf.constant(self.values.pop(0), tf.float32))


def images(count=8, height=16, width=12, channels=3):
    return tf.constant(np.random.default_rng(0).uniform(-1, 1, (count, height, width, channels)).astype("float32"))


def changed(built, x, probability=1.0, step=1):
    noise = StepStream(0, tf.constant(step, tf.int64), "augmentation")
    return np.asarray(built.transform(x, tf.constant(probability), noise))


def share_changed(built, x, probability):
    return (changed(built, x, probability) != np.asarray(x)).any(axis=(1, 2, 3)).mean()


@pytest.mark.parametrize("component", AUGMENTATIONS, ids=lambda c: c.name)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_probability_0_changes_no_bit_and_every_step_draws_its_own(component, channels):
    built, x = component(), images(channels=channels)
    np.testing.assert_array_equal(changed(built, x, 0.0), x)
    one = changed(built, x, 1.0, step=1)
    np.testing.assert_array_equal(one, changed(built, x, 1.0, step=1))
    assert not np.array_equal(one, changed(built, x, 1.0, step=2))


def test_flip_mirrors_half_of_the_images_at_probability_1_and_fewer_below():
    x = images(count=2000, height=2, width=3, channels=1)
    y = changed(augmentation.flip(), x)
    mirrored = (y == np.asarray(x)[:, :, ::-1]).all(axis=(1, 2, 3))
    same = (y == np.asarray(x)).all(axis=(1, 2, 3))
    assert (mirrored ^ same).all()
    assert mirrored.mean() == pytest.approx(0.5, abs=0.05)
    assert share_changed(augmentation.flip(), x, 0.4) == pytest.approx(0.2, abs=0.04)


def test_shift_moves_by_whole_pixels_and_fills_with_0():
    x = images(count=3, height=6, width=5)
    # Never more than 2: the draws 0.999 are as far as it goes, and 0 as far to the other side.
    y = np.asarray(augmentation.shift(pixels=2).transform(x, ALWAYS, Scripted(0.5, 0.999, 0.0)))
    np.testing.assert_array_equal(y[:, :-2, 2:], np.asarray(x)[:, 2:, :-2])
    assert not y[:, -2:].any()
    assert not y[:, :, :2].any()


def test_every_move_within_reach_is_as_likely():
    x = tf.constant(np.eye(9, dtype="float32")[4][None, :, None, None] * np.ones((7000, 1, 9, 1), "float32"))
    rows = changed(augmentation.diffaugment(policy=("translation",)), x).max(axis=2).argmax(axis=1).ravel()
    assert np.bincount(rows, minlength=9).tolist()[:3] == [0, 0, 0]
    np.testing.assert_allclose(np.bincount(rows, minlength=9)[3:6] / 7000, 1 / 3, atol=0.03)


def test_color_changes_brightness_saturation_and_contrast_as_published():
    x = images()
    built = augmentation.diffaugment(policy=("color",))
    # A coin and an amount for each of the three.
    y = built.transform(x, ALWAYS, Scripted(0.0, 0.9, 0.0, 0.2, 0.0, 0.7))
    expected = np.asarray(x) + (0.9 - 0.5)
    expected = (expected - expected.mean(axis=3, keepdims=True)) * (2 * 0.2) + expected.mean(axis=3, keepdims=True)
    mean = expected.mean(axis=(1, 2, 3), keepdims=True)
    np.testing.assert_allclose(y, (expected - mean) * (0.7 + 0.5) + mean, atol=1e-5)


def test_gray_images_have_no_saturation():
    x = images(channels=1)
    built = augmentation.diffaugment(policy=("color",))
    y = np.asarray(built.transform(x, ALWAYS, Scripted(0.0, 0.5, 0.0, 0.5)))
    np.testing.assert_array_equal(y, x)


def test_cutout_blanks_half_of_each_side_wherever_its_centre_is():
    x = tf.ones((4000, 16, 8, 1))
    holes = changed(augmentation.diffaugment(policy=("cutout",)), x) == 0
    rows, columns = holes.any(axis=(2, 3)), holes.any(axis=(1, 3))
    np.testing.assert_array_equal(holes[..., 0], rows[:, :, None] & columns[:, None, :])
    # Centres from 0 to the side itself, uniform: half of a hole can be outside.
    assert (rows.sum(1).min(), rows.sum(1).max()) == (4, 8)
    assert (columns.sum(1).min(), columns.sum(1).max()) == (2, 4)
    sizes = [min(c + 4, 16) - max(c - 4, 0) for c in range(17)]
    assert rows.sum(1).mean() == pytest.approx(np.mean(sizes), rel=0.03)


@pytest.mark.parametrize(
    ("sides", "reach", "hole"),
    [
        # int(side · 0.125 + 0.5) and int(side · 0.5 + 0.5), as github.com/mit-han-lab/data-efficient-gans has them.
        ((28, 28), (4, 4), (14, 14)),
        ((32, 64), (4, 8), (16, 32)),
        ((20, 36), (3, 5), (10, 18)),
        ((11, 12), (1, 2), (6, 6)),
        ((13, 27), (2, 3), (7, 14)),
        ((3, 4), (0, 1), (2, 2)),
        ((1, 2), (0, 0), (1, 1)),
        ((48, 97), (6, 12), (24, 49)),
        ((60, 5), (8, 1), (30, 3)),
    ],
    ids=str,
)
def test_sizes_of_any_side_are_the_published_ones(sides, reach, hole):
    x = tf.ones((1, *sides, 1))
    for axis in (0, 1):
        draws = [0.5, 0.5]
        draws[axis] = 0.9999
        moved = np.asarray(
            augmentation.diffaugment(policy=("translation",)).transform(x, ALWAYS, Scripted(0.0, *draws))
        )[0, ..., 0]
        assert (moved.min(1 - axis) == 0).sum() == reach[axis]
    cut = np.asarray(augmentation.diffaugment(policy=("cutout",)).transform(x, ALWAYS, Scripted(0.0, 0.5, 0.5)))
    empty = cut[0, ..., 0] == 0
    assert (empty.any(1).sum(), empty.any(0).sum()) == hole


@pytest.mark.parametrize(("side", "centres"), [(4, 5), (5, 5), (7, 8), (9, 9), (28, 29)])
def test_a_hole_may_lie_anywhere_and_never_wholly_outside(side, centres):
    """An even hole has a centre more than the side has pixels, so that both borders are cut as often."""
    cut = augmentation.diffaugment(policy=("cutout",))
    seen = set()
    for number in range(centres):
        y = cut.transform(tf.ones((1, side, 1, 1)), ALWAYS, Scripted(0.0, (number + 0.5) / centres, 0.0))
        rows = np.flatnonzero(np.asarray(y)[0, :, 0, 0] == 0)
        seen.add((rows[0], rows[-1]))
    assert len(seen) == centres
    assert {(side - 1 - last, side - 1 - first) for first, last in seen} == seen


@pytest.mark.parametrize("name", ["color", "translation", "cutout"])
def test_each_change_strikes_the_share_of_images_that_probability_says(name):
    x = images(count=2000, height=16, width=16, channels=1)
    built = augmentation.diffaugment(policy=(name,))
    # Two colours for one channel; a translation by nothing at all has a probability of 1/25.
    expected = {"color": 1 - 0.7**2, "translation": 0.3 * 24 / 25, "cutout": 0.3}[name]
    assert share_changed(built, x, 0.3) == pytest.approx(expected, abs=0.04)


def test_the_policy_says_the_order():
    x = tf.ones((1, 16, 16, 1))
    shift = (0.0, 0.999, 0.5)
    hole = (0.0, 0.0, 0.0)
    moved_last = augmentation.diffaugment(policy=("cutout", "translation"))
    cut_last = augmentation.diffaugment(policy=("translation", "cutout"))
    first = np.asarray(moved_last.transform(x, ALWAYS, Scripted(*hole, *shift)))
    second = np.asarray(cut_last.transform(x, ALWAYS, Scripted(*shift, *hole)))
    # The hole over the first four rows and columns moves up with the image, or is cut after that.
    assert first[0, :5, 0, 0].tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert second[0, :5, 0, 0].tolist() == [0.0, 0.0, 0.0, 0.0, 1.0]


def test_gradients_follow_the_pixels_that_moved():
    x = images(count=2, height=8, width=8, channels=1)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = augmentation.shift(pixels=1).transform(x, ALWAYS, Scripted(0.0, 0.999, 0.5))
        value = tf.reduce_sum(y[:, 2, 3])
    gradient = np.asarray(tape.gradient(value, x))
    assert gradient[:, 3, 3].tolist() == [[1.0], [1.0]]
    assert gradient.sum() == 2.0


def test_gradients_of_gradients_go_through():
    x = images()
    weights = tf.Variable(tf.ones((16 * 12 * 3, 1)))
    built = augmentation.diffaugment()
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            inner.watch(x)
            y = built.transform(x, ALWAYS, StepStream(0, tf.constant(1, tf.int64), "augmentation"))
            logits = tf.matmul(tf.reshape(tf.tanh(y), (8, -1)), weights)
        penalty = tf.reduce_mean(inner.gradient(logits, x) ** 2)
    gradient = outer.gradient(penalty, weights)
    assert np.isfinite(gradient).all()
    assert np.asarray(gradient).any()


def test_both_does_one_after_the_other():
    x = images()
    chain = augmentation.both(first=augmentation.shift, second=augmentation.flip)
    y = chain.transform(x, ALWAYS, Scripted(0.0, 0.999, 0.0, 0.1))
    moved = augmentation.shift().transform(x, ALWAYS, Scripted(0.0, 0.999, 0.0))
    np.testing.assert_array_equal(y, np.asarray(moved)[:, :, ::-1])
    assert chain.state == (1.0,)
    assert chain.adapt is None


def test_the_probability_of_a_nested_one_is_kept_as_its_limit():
    half = Augmentation(lambda images, probability, random: images * probability, (0.5,))
    assert float(augmentation.both(first=lambda: half, second=lambda: half).transform(ALWAYS, ALWAYS, None)) == 0.25
    assert float(augmentation.adaptive(augmentation=lambda: half).transform(ALWAYS, ALWAYS, None)) == 0.5


def adapted(built, logits, updates, state=None):
    state = tf.constant(built.state if state is None else state, tf.float32)
    adapt = tf.function(built.adapt, jit_compile=True, autograph=False)
    seen = []
    for _ in range(updates):
        state = adapt(state, logits)
        seen.append(np.asarray(state).tolist())
    return seen


def test_ada_moves_every_fourth_update_by_4_batches_of_its_half_million():
    built = augmentation.adaptive()
    assert built.state == (0.0, 0.0, 0.0)
    seen = adapted(built, tf.ones((64, 1)), 8)
    step = 4 * 64 / 500_000
    assert [state[0] for state in seen] == pytest.approx([0, 0, 0, step, step, step, step, 2 * step])
    assert [state[1:] for state in seen[:4]] == [[1, 1], [2, 2], [3, 3], [0, 0]]


def test_ada_rises_from_0_to_1_in_the_images_it_says_and_stays_within():
    built = augmentation.adaptive(kimg=10.0)
    updates = 10_000 // 100
    seen = adapted(built, tf.ones((100, 1)), updates + 20)
    assert seen[updates - 5][0] < 1.0
    assert seen[updates + 3][0] == 1.0
    assert seen[-1][0] == 1.0
    falling = adapted(built, -tf.ones((100, 1)), updates + 20, state=(1.0, 0.0, 0.0))
    assert falling[-1][0] == 0.0


def test_ada_holds_its_target():
    """D's real logits grow less positive as augmentation grows: the probability settles where their signs average 0.6."""
    built = augmentation.adaptive(kimg=5.0)
    state, seen = tf.constant(built.state, tf.float32), []
    random = np.random.default_rng(0)
    for _ in range(800):
        positive = 1.0 - 0.5 * float(state[0])
        logits = np.where(random.uniform(size=(50, 1)) < positive, 2.0, -3.0).astype("float32")
        state = built.adapt(state, tf.constant(logits))
        seen.append(float(state[0]))
    # Signs average 2 · positive - 1 = 1 - p, which is 0.6 at p = 0.4.
    assert np.mean(seen[400:]) == pytest.approx(0.4, abs=0.05)


def test_ada_averages_signs_over_four_updates_not_the_last_alone():
    built = augmentation.adaptive(kimg=1.0)
    state = tf.constant(built.state, tf.float32)
    for sign in (1.0, 1.0, 1.0, 0.0):
        state = built.adapt(state, sign * tf.ones((10, 1)))
    assert float(state[0]) == pytest.approx(0.04)
    for sign in (1.0, 1.0, 0.0, 0.0):
        state = built.adapt(state, sign * tf.ones((10, 1)))
    assert float(state[0]) == pytest.approx(0.0)


@pytest.mark.parametrize("component", [augmentation.both, augmentation.adaptive], ids=lambda c: c.name)
def test_what_adapts_is_the_outermost(component):
    option = "second" if component is augmentation.both else "augmentation"
    with pytest.raises(
        ValueError, match=rf"{option} must not be adaptive; make the adaptive augmentation the outermost"
    ):
        component(**{option: augmentation.adaptive})


def test_what_is_nested_must_be_an_augmentation():
    with pytest.raises(ValueError, match=r"first must make Augmentation. Received: 'flip'"):
        augmentation.both(first=lambda: "flip")


def test_a_recipe_nests_them(resolve):
    value = "{use: adaptive, kimg: 50, augmentation: {use: both, second: {use: diffaugment, policy: [cutout]}}}"
    built = resolve("tiny-fashion28", f"training.augmentation={value}").training.augmentation.build()
    assert changed(built, images(channels=1)).shape == (8, 16, 12, 1)


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (augmentation.shift, {"pixels": 0}),
        (augmentation.diffaugment, {"policy": ()}),
        (augmentation.diffaugment, {"policy": ("colour",)}),
        (augmentation.adaptive, {"target": 1.5}),
        (augmentation.adaptive, {"kimg": 0.0}),
        (augmentation.flip, {"probability": 0.5}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)
