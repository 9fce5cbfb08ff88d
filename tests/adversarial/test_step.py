"""One step against what a reader of the recipe would write down with a tape."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

RATE = 0.05


@pytest.fixture(scope="module")
def plain(tiny):
    """Return a function (*overrides) -> recipe with gradient descent."""
    descent = f"training.optimizer={{use: sgd, learning_rate: {RATE}, momentum: 0.0}}"
    return lambda *overrides: tiny(descent, *overrides).recipe


def cross_entropy(label, logits):
    return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(tf.fill(logits.shape, label), logits))


def of_d(real_logits, fake_logits):
    return cross_entropy(1.0, real_logits) + cross_entropy(0.0, fake_logits)


@pytest.mark.parametrize("updates", ["simultaneous", "alternating"])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 1.0), (0.0, 1.0)])
def test_one_step(updates, low, high, plain, taken, by_hand):
    recipe = plain(f"training.updates={updates}", f"image.range=[{low}, {high}]")
    ours, hand = taken(recipe), by_hand(recipe)
    before = ours.weights("generator")
    metrics = ours.take()

    real = hand.real(ours.pixels[0, 0])
    with tf.GradientTape(persistent=True) as tape:
        fake = hand.fake(0)
        real_logits, fake_logits = hand.logits(real), hand.logits(fake)
        d_loss, g_loss = of_d(real_logits, fake_logits), cross_entropy(1.0, fake_logits)
    d_gradients, g_gradients = tape.gradient(d_loss, hand.of_d), tape.gradient(g_loss, hand.of_g)
    if updates == "simultaneous":
        hand.descend(hand.of_g, g_gradients, RATE)
        hand.descend(hand.of_d, d_gradients, RATE)
    else:
        hand.descend(hand.of_d, d_gradients, RATE)
        with tape:
            g_loss = cross_entropy(1.0, hand.logits(fake))
        g_gradients = tape.gradient(g_loss, hand.of_g)
        hand.descend(hand.of_g, g_gradients, RATE)
    hand.agrees_with(ours)
    expected = {
        "generator_loss": g_loss,
        "discriminator_loss": d_loss,
        "discriminator_real": tf.reduce_mean(tf.sigmoid(real_logits)),
        "discriminator_fake": tf.reduce_mean(tf.sigmoid(fake_logits)),
        "generator_gradient": tf.linalg.global_norm(g_gradients),
        "discriminator_gradient": tf.linalg.global_norm(d_gradients),
        "generator_rate": RATE,
        "discriminator_rate": RATE,
        "augmentation": 0.0,
    }
    assert list(metrics) == list(expected)
    np.testing.assert_allclose(list(metrics.values()), [float(value) for value in expected.values()], rtol=1e-4)
    moved = [np.abs(a - b).max() for a, b in zip(before, ours.weights("generator"), strict=True)]
    assert min(moved) > 1e-6, "every weight of the generator moves"
    assert ours.state.steps_done == 1


def test_in_turn_the_generator_steps_first_and_then_the_discriminator(plain, taken, by_hand):
    recipe = plain("training.updates=in_turn")
    ours, hand = taken(recipe, steps=3), by_hand(recipe)
    first = ours.take(0, 1)
    with tf.GradientTape() as tape:
        real_logits, fake_logits = hand.logits(hand.real(ours.pixels[0, 0])), hand.logits(hand.fake(0))
        # The images of that tape's generator were judged second, as training judges them.
        g_loss = cross_entropy(1.0, fake_logits)
    hand.descend(hand.of_g, tape.gradient(g_loss, hand.of_g), RATE)
    hand.agrees_with(ours)
    assert first["generator_loss"] == pytest.approx(float(g_loss), rel=1e-5)
    assert first["discriminator_loss"] == pytest.approx(float(of_d(real_logits, fake_logits)), rel=1e-5)

    second = ours.take(1, 1)
    fake = hand.fake(1)
    with tf.GradientTape() as tape:
        d_loss = of_d(hand.logits(hand.real(ours.pixels[1, 0])), hand.logits(fake))
    hand.descend(hand.of_d, tape.gradient(d_loss, hand.of_d), RATE)
    hand.agrees_with(ours)
    assert second["discriminator_loss"] == pytest.approx(float(d_loss), rel=1e-5)

    before = ours.weights("discriminator"), ours.weights("generator")
    ours.take(2, 1)
    for one, other in zip(before[0], ours.weights("discriminator"), strict=True):
        np.testing.assert_array_equal(one, other, err_msg="the third step is the generator's again")
    assert any((one != other).any() for one, other in zip(before[1], ours.weights("generator"), strict=True))


@pytest.mark.parametrize("latents", ["shared", "fresh"])
def test_two_updates_of_each_network_in_one_step(latents, plain, taken, by_hand):
    recipe = plain(
        "training.updates=alternating", f"training.latents={latents}",
        "training.discriminator.updates=2", "training.generator.updates=2",
    )  # fmt: skip
    ours, hand = taken(recipe), by_hand(recipe)
    assert ours.pixels.shape[1] == 2, "each update of the discriminator sees a batch of its own"
    metrics = ours.take()
    d_losses, g_losses = [], []
    for number in range(2):
        fake = hand.fake(0, f"latent{number}")
        with tf.GradientTape() as tape:
            d_loss = of_d(hand.logits(hand.real(ours.pixels[0, number])), hand.logits(fake))
        hand.descend(hand.of_d, tape.gradient(d_loss, hand.of_d), RATE)
        d_losses.append(float(d_loss))
    for number in range(2):
        purpose = f"fresh{number}" if latents == "fresh" else "latent1"
        statistics = [np.asarray(v) for v in hand.generator.non_trainable_variables]
        with tf.GradientTape() as tape:
            g_loss = cross_entropy(1.0, hand.logits(hand.fake(0, purpose)))
        if latents == "shared" and number == 0:
            # One forward pass serves D's last update and G's first: its statistics count once.
            for variable, value in zip(hand.generator.non_trainable_variables, statistics, strict=True):
                variable.assign(value)
        hand.descend(hand.of_g, tape.gradient(g_loss, hand.of_g), RATE)
        g_losses.append(float(g_loss))
    hand.agrees_with(ours)
    assert metrics["generator_loss"] == pytest.approx(np.mean(g_losses), rel=1e-4)
    assert metrics["discriminator_loss"] == pytest.approx(np.mean(d_losses), rel=1e-4)


def test_a_step_takes_as_many_batches_as_the_discriminator_has_updates(plain, taken):
    from dcgan_kit.data.batch_order import batch_indices
    from dcgan_kit.data.loading import load_images

    recipe = plain("training.updates=alternating", "training.discriminator.updates=3")
    images = load_images(recipe)
    pixels, labels = taken(recipe).session.batches(images, 5, 2)
    assert pixels.shape == (2, 3, 1, 1, 4, 8, 8, 1)
    assert labels.shape == (2, 3, 1, 1, 4)
    for step in range(2):
        for update in range(3):
            wanted = images.pixels[batch_indices(64, 4, 0, (5 + step) * 3 + update)]
            np.testing.assert_array_equal(pixels[step, update, 0, 0], wanted)
    in_turn = plain("training.updates=in_turn", "training.discriminator.updates=3")
    assert taken(in_turn).session.batches(images, 0, 2)[0].shape[1] == 1


def test_in_turn_with_several_updates_goes_round(plain, taken):
    ours = taken(
        plain("training.updates=in_turn", "training.discriminator.updates=2", "training.generator.updates=1"), 6
    )
    turns = []
    for step in range(6):
        before = {role: ours.weights(role) for role in ("generator", "discriminator")}
        ours.take(step, 1)
        moved = [r[0] for r in before if any((a != b).any() for a, b in zip(before[r], ours.weights(r), strict=True))]
        turns.append("".join(moved))
    assert turns == ["g", "d", "d", "g", "d", "d"]


def test_in_turn_norms_are_means_over_the_updates_that_there_were(plain, taken):
    recipe = plain("training.updates=in_turn", "training.discriminator.updates=2")
    together, apart = taken(recipe, 6), taken(recipe, 6)
    found, steps = together.take(), [apart.take(step, 1) for step in range(6)]
    for role, taking in (("generator", (0, 3)), ("discriminator", (1, 2, 4, 5))):
        name = f"{role}_gradient"
        assert [step for step, metrics in enumerate(steps) if name in metrics] == list(taking)
        assert found[name] == pytest.approx(np.mean([steps[step][name] for step in taking]), rel=1e-5)
    assert found["generator_loss"] == pytest.approx(np.mean([m["generator_loss"] for m in steps]), rel=1e-5)


def test_concatenated_passes_share_the_statistics_of_a_batch(plain, taken, by_hand):
    recipe = plain("training.discriminator_passes=concatenated")
    ours, hand = taken(recipe), by_hand(recipe)
    assert any("moving_mean" in weight.path for weight in hand.discriminator.weights), "D normalizes batches"
    ours.take()
    with tf.GradientTape(persistent=True) as tape:
        together = hand.logits(tf.concat([hand.real(ours.pixels[0, 0]), hand.fake(0)], 0))
        d_loss, g_loss = of_d(together[:4], together[4:]), cross_entropy(1.0, together[4:])
    hand.descend(hand.of_g, tape.gradient(g_loss, hand.of_g), RATE)
    hand.descend(hand.of_d, tape.gradient(d_loss, hand.of_d), RATE)
    hand.agrees_with(ours)
    separate = taken(plain())
    separate.take()
    pairs = zip(ours.weights("discriminator"), separate.weights("discriminator"), strict=True)
    assert any(not np.allclose(a, b, rtol=1e-4) for a, b in pairs), "and that is another step"


def test_a_relativistic_generator_is_told_of_real_images_in_alternating_updates(plain, taken, by_hand):
    recipe = plain("training.updates=alternating", "training.loss=relativistic_average")
    ours, hand = taken(recipe), by_hand(recipe)
    metrics = ours.take()

    def losses():
        real_logits, fake_logits = hand.logits(real), hand.logits(fake)
        r, g = real_logits - tf.reduce_mean(fake_logits), fake_logits - tf.reduce_mean(real_logits)
        mean = lambda x: tf.reduce_mean(tf.math.softplus(x))  # noqa: E731
        return mean(-r) + mean(g), mean(-g) + mean(r)

    real = hand.real(ours.pixels[0, 0])
    with tf.GradientTape(persistent=True) as tape:
        fake = hand.fake(0)
        d_loss, _ = losses()
    hand.descend(hand.of_d, tape.gradient(d_loss, hand.of_d), RATE)
    with tape:
        _, g_loss = losses()
    hand.descend(hand.of_g, tape.gradient(g_loss, hand.of_g), RATE)
    hand.agrees_with(ours)
    assert metrics["generator_loss"] == pytest.approx(float(g_loss), rel=1e-5)
    assert metrics["discriminator_loss"] == pytest.approx(float(d_loss), rel=1e-5), "as it was when D learnt from it"


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("passes", ["separate", "concatenated"])
def test_real_and_generated_images_are_paired_in_the_order_of_the_batch(passes, parts, plain, taken, by_hand):
    recipe = plain(
        "training.loss=relativistic_paired", f"training.accumulate={parts}", f"training.discriminator_passes={passes}",
        "generator.normalization=none", "discriminator.normalization=none",
    )  # fmt: skip
    ours, hand = taken(recipe), by_hand(recipe)
    ours.take()
    with tf.GradientTape(persistent=True) as tape:
        real_logits, fake_logits = hand.logits(hand.real(ours.pixels[0])), hand.logits(hand.fake(0))
        d_loss = tf.reduce_mean(tf.math.softplus(fake_logits - real_logits))
        g_loss = tf.reduce_mean(tf.math.softplus(real_logits - fake_logits))
    hand.descend(hand.of_g, tape.gradient(g_loss, hand.of_g), RATE)
    hand.descend(hand.of_d, tape.gradient(d_loss, hand.of_d), RATE)
    hand.agrees_with(ours)


def test_the_ways_to_update_differ(plain, taken):
    moved = []
    for updates in ("simultaneous", "alternating"):
        ours = taken(plain(f"training.updates={updates}"))
        ours.take()
        moved.append((ours.weights("discriminator"), ours.weights("generator")))
    for one, other in zip(moved[0][0], moved[1][0], strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, err_msg="the discriminator's step is the same")
    assert any(not np.allclose(one, other, rtol=1e-6) for one, other in zip(moved[0][1], moved[1][1], strict=True))


def test_several_steps_in_one_call_are_the_same_as_one_by_one(plain, taken):
    recipe = plain("discriminator.regularizer={use: dropout, rate: 0.3}")
    together, apart = taken(recipe, steps=3), taken(recipe, steps=3)
    all_at_once = list(together.take().values())
    means = [list(apart.take(step, 1).values()) for step in range(3)]
    np.testing.assert_allclose(all_at_once, np.mean(means, axis=0), rtol=1e-6)
    for (name, one), other in zip(together.state.variables().items(), apart.state.variables().values(), strict=True):
        np.testing.assert_array_equal(np.asarray(one), np.asarray(other), err_msg=name)


def test_random_layers_draw_anew_in_each_step_and_pass(plain, taken):
    """With rate 0 all steps on the same images are one; with dropout no two are."""
    losses = []
    for rate in (0.0, 0.5):
        still = "training.optimizer={use: sgd, learning_rate: 1e-20}"
        noisy = f"discriminator.regularizer={{use: dropout, rate: {rate}}}"
        ours = taken(plain(still, noisy, "discriminator.normalization=none", "generator.normalization=none"), steps=4)
        ours.pixels[:] = ours.pixels[:1]
        losses.append({ours.take(step, 1)["discriminator_real"] for step in range(4)})
    assert len(losses[0]) == 1
    assert len(losses[1]) == 4


def test_a_discriminator_learns_to_tell_noise_from_black(tiny, taken):
    still = "training.generator.optimizer.learning_rate=1e-9"
    ours = taken(tiny("training.optimizer.learning_rate=0.02", still).recipe, steps=60)
    ours.pixels[:] = 0
    first, last = ours.take(0, 1), [ours.take(start, 20) for start in (0, 20, 40)][-1]
    assert last["discriminator_loss"] < 0.5 * first["discriminator_loss"]
    assert last["discriminator_real"] > 0.7
    assert last["discriminator_fake"] < 0.3


def test_latent_vectors_never_repeat_between_steps_and_the_grid(tiny, by_hand):
    from dcgan_kit.runs.image_grid import latent_vectors

    recipe = tiny().recipe
    drawn = [latent_vectors(recipe, 4, seed, step).numpy() for seed, step in ((0, -1), (0, -2), (1, -1))]
    drawn += [by_hand(recipe).latent(step, purpose) for step in (0, 1) for purpose in ("latent0", "latent1", "fresh0")]
    for index, one in enumerate(drawn):
        for other in drawn[:index]:
            assert (np.asarray(one) != np.asarray(other)).all()
    np.testing.assert_array_equal(latent_vectors(recipe, 4, 0), drawn[0])
