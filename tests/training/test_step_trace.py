"""A step taken apart is the step that trains, whatever the recipe's way to update."""

from __future__ import annotations

import numpy as np
import pytest

from dcgan_kit.training.step_trace import traced

WAYS = {
    "simultaneous": ("training.penalty=r1", "discriminator.normalization=layer"),
    "alternating": ("training.updates=alternating", "training.discriminator.updates=2", "training.generator.updates=2"),
    "fresh": ("training.updates=alternating", "training.latents=fresh", "training.generator.updates=2"),
    "in turn": ("training.updates=in_turn",),
    "accumulated": ("training.accumulate=2", "training.discriminator_passes=concatenated"),
    "relativistic": ("training.updates=alternating", "training.loss=relativistic_average"),
    "noisy": ("training.augmentation={use: adaptive, kimg: 0.1}", "discriminator.regularizer=dropout"),
    "float16": ("training.precision=mixed_float16",),
}


def labelled(ours):
    """The images of the first step, and the labels that its compiled steps are given."""
    pixels = ours.pixels[0]
    return pixels, np.zeros(pixels.shape[:4], np.int32)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_it_measures_and_moves_what_training_does(way, tiny, taken):
    ours = taken(tiny("training.optimizer={use: sgd, learning_rate: 0.01}", *way).recipe)
    before = ours.state.values()
    facts = traced(ours.session, before, *labelled(ours), 0)
    apart = ours.state.values()
    ours.state.assign(before)
    metrics = ours.take()
    half = "float16" in ours.session.choice.precision
    for name, value in ours.state.values().items():
        if name not in ("step", "loss_scale"):
            np.testing.assert_allclose(apart[name], value, rtol=1e-3, atol=1e-3 if half else 1e-6, err_msg=name)
    assert any(fact.place.startswith("part 2 of 2: ") for fact in facts) == ("training.accumulate=2" in way)
    for name in ("generator_loss", "discriminator_loss", "penalty"):
        reported = [fact.mean for fact in facts if fact.place.endswith(name.replace("_", ": "))]
        assert bool(reported) == (name in metrics)
        if reported:
            assert np.mean(reported) == pytest.approx(metrics[name], rel=1e-2 if half else 1e-4)


def test_it_follows_branches(branched, taken):
    """Every layer of every way, and the join after both; the step is the one that trains."""
    ours = taken(branched("training.optimizer={use: sgd, learning_rate: 0.01}"))
    before = ours.state.values()
    places = [fact.place for fact in traced(ours.session, before, *labelled(ours), 0)]
    apart = ours.state.values()
    ours.state.assign(before)
    ours.take()
    for name, value in ours.state.values().items():
        if name not in ("step", "loss_scale"):
            np.testing.assert_allclose(apart[name], value, rtol=1e-3, atol=1e-6, err_msg=name)
    outputs = [place.rpartition("output of ")[2] for place in places if place.startswith("generator, latent vectors: ")]
    assert outputs == [layer.name for part in ours.session.state.networks.generator.parts for layer in part.layers]
    assert "discriminator, real images: output of stage3_join_concatenate" in places
    assert "discriminator: gradient of stage1_shortcut_convolution/kernel" in places


def test_every_update_is_named_with_what_it_sees(tiny, taken):
    ours = taken(tiny("training.updates=alternating", "training.discriminator.updates=2", "training.penalty=r1").recipe)
    places = [fact.place for fact in traced(ours.session, ours.state.values(), *labelled(ours), 0)]
    for number, role in ((1, "discriminator"), (2, "discriminator"), (3, "generator")):
        of_update = [place for place in places if place.startswith(f"update {number} of 3 ({role}): ")]
        reported = "\n".join(of_update)
        assert f"{role}: loss" in reported
        assert f"{role}: gradient of " in reported
        assert "discriminator, generated images: output of output_head" in reported
        assert ("discriminator, real images: output of " in reported) == (role == "discriminator")
        assert ("): penalty" in reported) == (role == "discriminator")
        # G makes images of its own for each update, but for the last: those of the one before serve again.
        assert ("generator, latent vectors: output of " in reported) == (number < 3)
