"""What probes look at is what training does, and looking changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from dcgan_kit.components.contracts.probe import ProbeContext
from dcgan_kit.networks.fused_forward import forward_of

RANDOM = (
    "generator.regularizer={use: gaussian_noise, stddev: 0.1}",
    "discriminator.output.head={use: dense, dropout: 0.5}",
    "discriminator.constraint=spectral",
    "training.augmentation=flip",
)


def everything_of(context):
    """Ask all that can be asked."""
    places = (*context.generator, *context.discriminator)
    for of in ("generated", "real"):
        for mode in ("training", "inference"):
            context.logits(mode, of)
            for place in places:
                context.before(place, mode, of), context.after(place, mode, of)
        for place in places:
            context.gradient(place, of)
        context.logit_gradient("discriminator", of)
    for place in places:
        context.weight_gradients(place), context.operations(place)
        context.apply(place, np.zeros((2, *place.input_shape), np.float32))
        if place.kind == "activation":
            context.slope(place), context.limits(place)
    for role in ("generator", "discriminator"):
        context.loss(role), context.learning_rate(role)
        context.loss_at(role, [1.1 * weight for weight in context.weights(role)])
    context.image_gradient(), context.samples(20), context.real_images(20)


@pytest.mark.parametrize(
    "overrides",
    [
        RANDOM,
        (*RANDOM, "training.precision=mixed_bfloat16", "training.discriminator_passes=concatenated"),
        ("training.precision=mixed_float16", "training.ema=0.99"),
    ],
    ids=["random layers", "bfloat16, one pass", "float16"],
)
def test_looking_changes_no_variable(specimen, overrides):
    batch = specimen(*overrides)
    before = batch.session.state.values()
    assert any("seed" in name for name in before) == (overrides[: len(RANDOM)] == RANDOM)
    everything_of(batch.context())
    after = batch.session.state.values()
    assert before.keys() == after.keys()
    assert [name for name in before if before[name].tobytes() != after[name].tobytes()] == []


@pytest.mark.parametrize("overrides", [RANDOM, ("training.precision=mixed_bfloat16",)], ids=["random", "bfloat16"])
def test_training_goes_the_same_way_with_and_without_looks(specimen, overrides):
    values = []
    for looks in (True, False):
        batch = specimen(*overrides)
        steps = batch.session.compile()
        for step in range(3):
            if looks:
                everything_of(batch.context())
            steps(*batch.session.batches(batch.images, step, 1), tf.constant(step, tf.int64))
        values.append(batch.session.state.values())
    assert [name for name in values[0] if values[0][name].tobytes() != values[1][name].tobytes()] == []


def test_it_is_what_plugins_are_promised(specimen):
    promised = {name for name in vars(ProbeContext) if not name.startswith("_")} | set(ProbeContext.__annotations__)
    assert sorted(promised - set(dir(specimen().context()))) == []


def test_the_chain_of_parts_is_the_network(specimen):
    context = specimen().context()
    networks = context._batch.session.state.networks
    made = context.after(context.generator[-1])
    np.testing.assert_allclose(made, networks.generator.model(context.latent, training=True), atol=1e-6)
    made = context.after(context.generator[-1], "inference")
    np.testing.assert_allclose(made, networks.generator.model(context.latent, training=False), atol=1e-6)
    logits = context.logits("inference", "real")
    np.testing.assert_allclose(logits, networks.discriminator.model(context.real, training=False), atol=1e-5)
    for one, other in zip(context.discriminator[:-1], context.discriminator[1:], strict=True):
        np.testing.assert_array_equal(context.after(one), context.before(other))
    assert [str(place) for place in context.generator][-3:] == [
        "generator.stage1.activation", "generator.output.upsample", "generator.output.activation",
    ]  # fmt: skip


def test_another_batch_is_another_one_of_the_same_networks_and_the_same_each_time(specimen):
    batch = specimen()
    context = batch.context()
    other, again = context.on_batch(3), batch.context().on_batch(3)
    place = context.discriminator[-1]
    for of in ("generated", "real"):
        assert not np.array_equal(context.before(place, of=of), other.before(place, of=of))
        np.testing.assert_array_equal(other.before(place, of=of), again.before(place, of=of))
    np.testing.assert_array_equal(context.on_batch(0).after(place), context.after(place))


def test_gradients_are_those_of_the_recipes_own_losses(specimen):
    context = specimen("training.loss=hinge").context()
    batch = context._batch
    networks = batch.session.state.networks
    generate, judge = (forward_of(n.model) for n in (networks.generator, networks.discriminator))
    weights = {role: batch.passes.variables(role) for role in ("generator", "discriminator")}
    values = batch.session.state.values()
    with tf.GradientTape(persistent=True) as tape:
        images = generate(tf.constant(context.latent), True)
        fake, real = judge(images, True), judge(tf.constant(context.real), True)
        losses = {
            "generator": -tf.reduce_mean(fake),
            "discriminator": tf.reduce_mean(tf.nn.relu(1.0 - real)) + tf.reduce_mean(tf.nn.relu(1.0 + fake)),
        }
    batch.session.state.assign(values)
    np.testing.assert_allclose(context.image_gradient(), tape.gradient(losses["generator"], images), atol=1e-6)
    np.testing.assert_allclose(context.logit_gradient("generator"), -1 / 16, atol=1e-7)
    for role, loss in losses.items():
        assert context.loss(role) == pytest.approx(float(loss), abs=1e-5)
        expected = tape.gradient(loss, [variable.value for variable in weights[role]])
        found = [g for place in getattr(context, role) for g in context.weight_gradients(place).values()]
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-4 * np.abs(other).max() + 1e-7)
        value, gradients = context.loss_at(role, context.weights(role))
        assert value == pytest.approx(context.loss(role), abs=1e-6)
        for one, other in zip(found, gradients, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-6)


def test_the_loss_at_other_weights_is_that_of_a_network_that_has_them(specimen):
    batch = specimen()
    context = batch.context()
    others = [0.5 * weight for weight in context.weights("discriminator")]
    before, (value, _) = context.loss("discriminator"), context.loss_at("discriminator", others)
    for variable, other in zip(batch.passes.variables("discriminator"), others, strict=True):
        variable.assign(other)
    assert batch.context().loss("discriminator") == pytest.approx(value, abs=1e-6)
    assert value != pytest.approx(before, abs=1e-4)


def test_samples_begin_with_those_of_the_fixed_latent_vectors_and_are_averaged(specimen):
    batch = specimen("training.ema=0.9")
    context = batch.context()
    np.testing.assert_allclose(context.samples(20)[:16], context.after(context.generator[-1], "inference"), atol=1e-6)
    assert context.samples(20).shape == (20, 16, 16, 1)
    np.testing.assert_array_equal(context.samples(40)[:20], context.samples(20))
    np.testing.assert_array_equal(context.real_images(20)[:16], context.real)
    assert len(context.real_images(1000)) == 64
    for variable in batch.session.state.networks.generator.model.trainable_variables:
        variable.assign(2.0 * variable)
    np.testing.assert_array_equal(batch.context().samples(20), context.samples(20))
