"""From gradients to weights: parts, L2, clipping, schedules, lazy penalties, adaptive augmentation, averages."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf

RATE = 0.05
DESCENT = f"training.optimizer={{use: sgd, learning_rate: {RATE}, momentum: 0.0}}"
NO_BATCH_NORM = ("generator.normalization=layer", "discriminator.normalization=none", "discriminator.bias=true")


@pytest.fixture(scope="module")
def plain(tiny):
    """Return a function (*overrides) -> recipe with gradient descent."""
    return lambda *overrides: tiny(DESCENT, *overrides).recipe


@pytest.fixture(scope="module")
def moved(plain, taken):
    """Return a function (*overrides) -> (first weights, weights after a step, metrics) of both networks by role."""

    def moved(*overrides):
        ours = taken(plain(*overrides))
        before = {role: ours.weights(role) for role in ("generator", "discriminator")}
        metrics = ours.take()
        return before, {role: ours.weights(role) for role in before}, metrics

    return moved


def norm(before, after):
    return math.sqrt(sum(float(np.sum((a - b) ** 2.0)) for a, b in zip(before, after, strict=True))) / RATE


@pytest.mark.parametrize("updates", ["simultaneous", "alternating"])
def test_parts_of_a_batch_add_up_to_the_whole_batch(updates, plain, taken):
    whole, parts = (
        taken(plain(*NO_BATCH_NORM, f"training.updates={updates}", f"training.accumulate={n}")) for n in (1, 2)
    )
    parts.pixels = whole.pixels.reshape(parts.pixels.shape)
    one, other = whole.take(), parts.take()
    np.testing.assert_allclose(list(one.values()), list(other.values()), rtol=1e-4)
    for role in ("generator", "discriminator"):
        for a, b in zip(whole.weights(role), parts.weights(role), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_l2_adds_a_share_of_each_weight_to_its_gradient(moved):
    before, without, _ = moved()
    _, both, _ = moved("training.l2=0.5")
    _, one, _ = moved("training.l2=0.5", "training.generator.l2=0.0")
    for role, results in (("generator", (both,)), ("discriminator", (both, one))):
        for found in results:
            for w, a, b in zip(before[role], without[role], found[role], strict=True):
                np.testing.assert_allclose(a - b, RATE * 0.5 * w, rtol=1e-3, atol=1e-7)
    for a, b in zip(without["generator"], one["generator"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_clipping_the_norm_keeps_the_direction(moved):
    before, without, metrics = moved()
    assert norm(before["discriminator"], without["discriminator"]) == pytest.approx(
        metrics["discriminator_gradient"], rel=1e-3
    )
    assert metrics["discriminator_gradient"] > 0.1
    _, clipped, reported = moved("training.discriminator.clip_norm=0.1")
    assert norm(before["discriminator"], clipped["discriminator"]) == pytest.approx(0.1, rel=1e-3)
    assert reported["discriminator_gradient"] == pytest.approx(metrics["discriminator_gradient"]), (
        "reported before clipping"
    )
    share = 0.1 / metrics["discriminator_gradient"]
    for w, a, b in zip(before["discriminator"], without["discriminator"], clipped["discriminator"], strict=True):
        np.testing.assert_allclose(b - w, share * (a - w), rtol=1e-3, atol=1e-7)
    for a, b in zip(without["generator"], clipped["generator"], strict=True):
        np.testing.assert_array_equal(a, b)


def test_clipping_values_bounds_each_gradient(moved):
    before, without, _ = moved()
    _, clipped, _ = moved("training.generator.clip_value=0.01")
    bounded = 0
    for w, a, b in zip(before["generator"], without["generator"], clipped["generator"], strict=True):
        np.testing.assert_allclose(b - w, np.clip(a - w, -0.01 * RATE, 0.01 * RATE), rtol=1e-3, atol=1e-7)
        bounded += int(np.sum(np.abs(a - w) > 0.01 * RATE))
    assert bounded > 10


def overlap_gradient(kernel):
    """Return the gradient of ‖WᵀW ∘ (1 - I)‖²_F, where W has a column for each index of the kernel's last axis."""
    w = kernel.reshape(-1, kernel.shape[-1])
    products = w.T @ w
    return (4 * w @ (products - np.diag(np.diag(products)))).reshape(kernel.shape)


def test_orthogonal_adds_the_gradient_of_the_overlap_of_filters(moved):
    before, without, _ = moved()
    _, both, _ = moved("training.orthogonal=20.0")
    _, one, _ = moved("training.orthogonal=20.0", "training.generator.orthogonal=0.0")
    for role, results in (("generator", (both,)), ("discriminator", (both, one))):
        for found in results:
            for w, a, b in zip(before[role], without[role], found[role], strict=True):
                expected = RATE * 20.0 * overlap_gradient(w) if w.ndim > 1 else np.zeros_like(w)
                np.testing.assert_allclose(a - b, expected, rtol=1e-2, atol=1e-7)
    assert max(np.abs(overlap_gradient(w)).max() for w in before["generator"] if w.ndim > 1) > 1e-5
    for a, b in zip(without["generator"], one["generator"], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_overlap_compares_the_filters_that_see_the_same_channels():
    """A network that has each type of kernel once, an embedding and scales for channels among them."""
    from keras import Input, Model, layers

    from dcgan_kit.adversarial.orthogonality import overlap_gradients, regularized_kernels

    inputs = Input((4, 4, 4))
    x = layers.Conv2D(6, 3, groups=2, padding="same", name="grouped")(inputs)
    x = layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", name="depthwise")(x)
    x = layers.PReLU(shared_axes=[1, 2])(layers.Conv2DTranspose(3, 2, name="transposed")(x))
    x = layers.Embedding(3, 2)(layers.ReLU(max_value=2.0)(layers.Dense(1)(layers.Flatten()(x))))
    model = Model(inputs, x)
    kernels = regularized_kernels(model)
    assert [kernel.variable.path.split("/")[0] for kernel in kernels][:3] == ["grouped", "depthwise", "transposed"]
    assert len(kernels) == 4, "no embedding and no scales"
    variables = [kernel.variable for kernel in kernels]
    found = overlap_gradients(kernels, [variable.value for variable in variables])
    grouped, depthwise, transposed, dense = map(np.asarray, variables)
    blocks = [overlap_gradient(grouped[..., first : first + 3]) for first in (0, 3)]
    np.testing.assert_allclose(found[0], np.concatenate(blocks, -1), rtol=1e-4, atol=1e-6)
    by_channel = [overlap_gradient(depthwise[:, :, channel]) for channel in range(6)]
    np.testing.assert_allclose(found[1], np.stack(by_channel, 2), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found[2], overlap_gradient(transposed), rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(found[3], np.zeros_like(dense), "one filter overlaps with no other")


def test_clipping_weights_after_an_update(moved):
    """As in algorithm 1 of Arjovsky et al.: scales and biases too, of this network alone."""
    _, without, _ = moved()
    _, clipped, _ = moved("training.discriminator.weight_clip=0.01")
    for a, b in zip(without["discriminator"], clipped["discriminator"], strict=True):
        np.testing.assert_array_equal(b, np.clip(a, np.float32(-0.01), np.float32(0.01)))
    assert any((a != b).any() for a, b in zip(without["discriminator"], clipped["discriminator"], strict=True))
    for a, b in zip(without["generator"], clipped["generator"], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("updates", ["simultaneous", "alternating"])
def test_clipping_weights_before_an_update(updates, plain, taken):
    """As the authors' code does: the update starts from clipped weights, and what it leaves is not clipped."""
    clips = "training.discriminator={weight_clip: 0.01, weight_clip_when: before}"
    ours, other = taken(plain(f"training.updates={updates}", clips)), taken(plain(f"training.updates={updates}"))
    for variable in other.state.networks.discriminator.model.trainable_variables:
        variable.assign(tf.clip_by_value(variable.value, -0.01, 0.01))
    ours.take(), other.take()
    left = ours.weights("discriminator")
    assert any((np.abs(weight) > 0.01).any() for weight in left)
    for a, b in zip(left, other.weights("discriminator"), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-8)


def test_a_generator_that_is_clipped_makes_its_images_anew(plain, taken, by_hand):
    """It does not use those that it made for the discriminator's update."""
    recipe = plain("training.updates=alternating", "training.generator={weight_clip: 0.01, weight_clip_when: before}")
    ours, hand = taken(recipe), by_hand(recipe)
    ours.take()

    def cross_entropy(label, logits):
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(logits.shape, label), logits))

    fake = hand.fake(0)
    with tf.GradientTape() as tape:
        real_logits = hand.logits(hand.real(ours.pixels[0, 0]))
        loss = cross_entropy(1.0, real_logits) + cross_entropy(0.0, hand.logits(fake))
    hand.descend(hand.of_d, tape.gradient(loss, hand.of_d), RATE)
    for weight in hand.of_g:
        weight.assign(tf.clip_by_value(weight, -0.01, 0.01))
    with tf.GradientTape() as tape:
        loss = cross_entropy(1.0, hand.logits(hand.fake(0)))
    hand.descend(hand.of_g, tape.gradient(loss, hand.of_g), RATE)
    hand.agrees_with(ours)


def test_clipping_weights_changes_nothing_when_an_update_overflows(tiny, taken):
    ours = taken(tiny("training.precision=mixed_float16", "training.discriminator.weight_clip=0.01").recipe)
    ours.state.loss_scale.assign((3e38, 0.0))
    before = ours.weights("discriminator")
    ours.take()
    for a, b in zip(before, ours.weights("discriminator"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_learning_rates_follow_their_schedules(tiny, taken):
    """Two time scales, one falling along half a cosine, the other along a line from the middle on."""
    recipe = tiny(
        "training.steps=8", "training.optimizer={use: adam, learning_rate: 1e-3}",
        "training.generator.schedule={use: cosine, to: 0.1}",
        "training.discriminator={optimizer: {learning_rate: 4e-3}, schedule: {use: linear, start: 0.5}}",
    ).recipe  # fmt: skip
    ours = taken(recipe, steps=8)
    for step in range(8):
        metrics = ours.take(step, 1)
        half_cosine = 0.1 + 0.9 * (1 + math.cos(math.pi * step / 8)) / 2
        assert metrics["generator_rate"] == pytest.approx(1e-3 * half_cosine, rel=1e-5)
        assert metrics["discriminator_rate"] == pytest.approx(4e-3 * min(1.0, 2 - step / 4), rel=1e-5)


def test_a_rate_is_what_weights_move_by(tiny, taken):
    """Adam's first step is the sign of the gradient; a warm-up of 10 steps begins with a tenth of the rate."""
    ours = taken(
        tiny(
            "training.optimizer={use: adam, learning_rate: 0.01}", "training.schedule={use: warm_up, steps: 10}"
        ).recipe
    )
    before = ours.weights("discriminator")
    ours.take()
    for one, other in zip(before, ours.weights("discriminator"), strict=True):
        assert np.abs(one - other).max() == pytest.approx(0.001, rel=1e-2)
        assert np.median(np.abs(one - other)) == pytest.approx(0.001, rel=0.05)


def test_the_scale_of_both_rates_is_part_of_the_state(plain, taken):
    ours = taken(plain())
    ours.state.rate_scale.assign(0.25)
    metrics = ours.take()
    assert metrics["generator_rate"] == metrics["discriminator_rate"] == pytest.approx(0.25 * RATE)


def test_a_penalty_every_third_step_weighs_three_times_as_much(plain, taken, by_hand):
    penalty = "training.penalty={{use: r1, weight: 2.0, every: {}}}"
    lazy, each, without = taken(plain(penalty.format(3)), 4), taken(plain(penalty.format(1)), 4), taken(plain(), 4)
    hand = by_hand(plain())
    first = [ours.take(0, 1) for ours in (lazy, each, without)]
    real = tf.constant(hand.real(lazy.pixels[0, 0]))
    with tf.GradientTape() as tape:
        tape.watch(real)
        total = tf.reduce_sum(hand.logits(real))
    r1 = float(tf.reduce_mean(tf.reduce_sum(tf.square(tape.gradient(total, real)), [1, 2, 3])))
    assert [m["penalty"] for m in first[:2]] == pytest.approx([r1, r1], rel=1e-4)
    assert "penalty" not in first[2]
    start = by_hand(plain()).of_d
    # The gradient of the penalty comes on top of the loss's: three times in the lazy one.
    for w, a, b, c in zip(start, *(ours.weights("discriminator") for ours in (lazy, each, without)), strict=True):
        np.testing.assert_allclose(a - c, 3.0 * (b - c), rtol=1e-2, atol=1e-6, err_msg=str(w.shape))
    assert ["penalty" in lazy.take(step, 1) for step in (1, 2, 3)] == [False, False, True]


def test_a_lazy_penalty_is_told_as_the_mean_over_the_updates_that_it_came_in(plain, taken):
    recipe = plain("training.penalty={use: r1, every: 3}")
    together, apart = taken(recipe, 5), taken(recipe, 5)
    found, steps = together.take(), [apart.take(step, 1) for step in range(5)]
    assert found["penalty"] == pytest.approx((steps[0]["penalty"] + steps[3]["penalty"]) / 2, rel=1e-5)


@pytest.mark.parametrize(
    ("updates", "penalized"),
    [
        # g d d g d d …: the updates 0, 3 and 6 of D.
        (("in_turn", 2), [1, 5, 10]),
        # d d g, d d g, …: likewise.
        (("alternating", 2), [0, 1, 3, 4, 6, 7, 9, 10]),
        (("alternating", 1), [0, 3, 6, 9]),
        (("simultaneous", 1), [0, 3, 6, 9]),
    ],
    ids=str,
)
def test_penalties_are_counted_in_updates_of_the_discriminator(updates, penalized, plain, taken):
    order, of_d = updates
    recipe = plain(
        f"training.updates={order}", f"training.discriminator.updates={of_d}", "training.penalty={use: r1, every: 3}"
    )
    ours = taken(recipe, 12)
    assert [step for step in range(12) if "penalty" in ours.take(step, 1)] == penalized


def test_a_penalty_changes_the_discriminator_alone(moved):
    _, without, _ = moved()
    _, found, metrics = moved("training.penalty=gradient_penalty")
    assert metrics["penalty"] > 0
    for a, b in zip(without["generator"], found["generator"], strict=True):
        np.testing.assert_array_equal(a, b)
    assert any((a != b).any() for a, b in zip(without["discriminator"], found["discriminator"], strict=True))


@pytest.mark.parametrize("accumulate", [1, 2])
def test_adaptive_augmentation_follows_the_discriminator(accumulate, tiny, taken):
    """4 updates of 4 images each move p by 4 · 4 / 1000 kimg: 0.16 at kimg 0.1, at first upwards to any target of -1."""
    recipe = tiny(
        "training.augmentation={use: adaptive, kimg: 0.1, target: -1.0}", f"training.accumulate={accumulate}"
    ).recipe
    ours = taken(recipe, 9)
    found = [ours.take(step, 1)["augmentation"] for step in range(9)]
    moves = [step for step in range(1, 9) if found[step] != found[step - 1]]
    assert moves == [3, 7], "after every fourth update of D"
    assert found[3] == pytest.approx(0.16)
    state = ours.state.variables()["augmentation"].numpy()
    assert state[0] == pytest.approx(found[-1])
    assert state[2] == 1.0, "one update of D since p moved"


def test_augmentation_changes_what_the_discriminator_sees(moved):
    before, without, _ = moved()
    _, found, metrics = moved("training.augmentation=diffaugment")
    assert metrics["augmentation"] == 1.0
    for role in before:
        assert any((a != b).any() for a, b in zip(without[role], found[role], strict=True))


def test_images_are_augmented_in_one_range_whatever_the_recipes(plain, taken):
    """Zero padding is middle grey in both: what moves in is the same colour."""
    seen = []
    for low, high in ((-1.0, 1.0), (0.0, 1.0)):
        session = taken(plain(f"image.range=[{low}, {high}]", "training.augmentation={use: shift, pixels: 3}")).session
        from dcgan_kit.adversarial.random_streams import StepStream

        changed = np.asarray(session.step.discriminator.augmented(tf.fill((4, 8, 8, 1), high), StepStream(0, 0, "a")))
        seen.append((changed - low) / (high - low))
        assert set(np.unique(seen[-1]).tolist()) == {0.5, 1.0}
    np.testing.assert_allclose(seen[0], seen[1], atol=1e-6)


@pytest.mark.parametrize(
    ("overrides", "decays"),
    [
        (("training.ema=0.75", "training.ema_ramp=false"), (0.75, 0.75, 0.75)),
        (("training.ema=0.15",), (0.1, 0.15, 0.15)),
        (("training.ema=0.999",), (1 / 10, 2 / 11, 3 / 12)),
    ],
    ids=str,
)
def test_the_average_follows_the_generator(overrides, decays, plain, taken):
    ours = taken(plain(*overrides), 3)
    generator, averaged = ours.state.networks.generator.model, ours.state.averaged
    expected = [np.asarray(weight) for weight in generator.weights]
    for weight, average in zip(expected, averaged.weights, strict=True):
        np.testing.assert_array_equal(weight, average)
    for step, decay in enumerate(decays):
        ours.take(step, 1)
        now = [np.asarray(weight) for weight in generator.weights]
        expected = [decay * mean + (1 - decay) * weight for mean, weight in zip(expected, now, strict=True)]
    assert ours.state.sampled is averaged
    for mean, average, weight in zip(expected, averaged.weights, generator.weights, strict=True):
        np.testing.assert_allclose(average, mean, rtol=1e-4, atol=1e-7, err_msg=weight.path)
        if "moving" in weight.path:
            assert (np.asarray(average) != np.asarray(weight)).any(), "running statistics are averaged too"
    assert any("moving_variance" in weight.path for weight in generator.weights)


def test_the_decay_rises_until_it_is_what_the_recipe_says(plain, taken):
    """9 / (10 + t) is less than 1 - ema from t = 9 / (1 - ema) - 10 on."""
    session = taken(plain("training.ema=0.99")).session
    averaged, generator = session.state.averaged.weights[0], session.state.networks.generator.model.weights[0]
    for step, share in ((30, 9 / 40), (889, 9 / 899), (890, 0.01), (100_000, 0.01)):
        averaged.assign(tf.zeros_like(averaged.value))
        generator.assign(tf.ones_like(generator.value))
        session.step.optimizer_step.average(tf.constant(step, tf.int64))
        np.testing.assert_allclose(averaged, share, rtol=1e-5)


def test_samples_of_the_average_are_not_grey_after_fifty_steps(tiny, taken):
    """Without the ramp most of an average of 0.999 is still the first weights."""
    deviations = {}
    for ramp in ("true", "false"):
        given = ("training.ema=0.999", f"training.ema_ramp={ramp}", "training.optimizer.learning_rate=0.002")
        recipe = tiny(*given).recipe
        ours = taken(recipe, 50)
        ours.take(0, 50)
        latent = tf.random.stateless_normal((64, recipe.latent_size), (1, 2))
        models = ours.state.averaged, ours.state.networks.generator.model
        own, raw = (float(np.asarray(model(latent, training=False)).std(0).mean()) for model in models)
        deviations[ramp] = own / raw
    assert 0.5 < deviations["true"] < 1.5
    assert deviations["false"] < 0.25


def test_without_an_average_the_generator_itself_is_sampled(plain, taken):
    state = taken(plain("training.ema=0.0")).state
    assert state.averaged is None
    assert state.sampled is state.networks.generator.model


def test_the_average_of_layers_with_weights_of_their_own(plain, taken):
    """Spectral normalization wraps layers; the average must hold their vectors too."""
    ours = taken(plain("training.ema=0.5", "generator.constraint=spectral"))
    ours.take()
    assert np.isfinite(ours.state.sampled(tf.zeros((2, 4)), training=False)).all()
