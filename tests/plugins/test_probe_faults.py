"""Probes of what no training can repair: losses, data, batch norm in the wrong mode, noise, a collapse from the start."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from dcgan_kit_plugins import loss, probe
from dcgan_kit_plugins.probe import balance


def examined(component, context):
    """Readings, and the diseases that they are a sign of at step 0."""
    made = component()
    readings = made.measure(context)
    return readings, {finding.disease for finding in made.diagnose(readings, readings)}


def images_of(made, real):
    """Networks that make some images beside real ones."""
    return SimpleNamespace(generator=("last",), real=real, after=lambda place: made, value_range=(-1.0, 1.0))


def test_a_collapse_that_is_the_same_at_every_step_is_told():
    """A generator of one image has the readings of step 0 at every later step."""
    real = np.random.default_rng(0).uniform(-1, 1, (64, 8, 8, 1))
    first, later = (probe.diversity().measure(images_of(real[:1].repeat(64, 0), real)) for _ in range(2))
    assert first == later
    assert [found.disease for found in probe.diversity().diagnose(later, first)] == ["samples collapse"]


@pytest.mark.parametrize(
    ("change", "disease"),
    [
        (lambda real: real, set()),
        (lambda real: 0.5 * real, {"narrow data"}),
        (lambda real: 0.6 * real, set()),
        (lambda real: real[:1].repeat(64, 0), {"repeated data"}),
        # Each image is there twice, as an epoch of half a batch shows it.
        (lambda real: real[:32].repeat(2, 0), {"repeated data"}),
    ],
)
def test_faults_of_the_data_are_told_at_step_0_too(change, disease):
    real = np.random.default_rng(0).uniform(-1, 1, (64, 8, 8, 1))
    readings = probe.diversity().measure(images_of(real, change(real)))
    assert {found.disease for found in probe.diversity().diagnose(readings, readings)} == disease


@pytest.mark.parametrize(
    ("signs", "opposition"),
    # Signs of dL_D/dD(G(z)), dL_D/dD(x) and dL_G/dD(G(z)).
    [
        ((1, -1, -1), 1.0),
        # A loss may call generated images large, as long as both networks agree on it.
        ((-1, 1, 1), 1.0),
        ((-1, 1, -1), -1.0),
        ((1, -1, 1), -1.0),
        ((1, 1, -1), 0.0),
        ((1, -1, 0), 0.0),
        ((0, 0, -1), 0.0),
    ],
)
def test_losses_that_do_not_oppose_each_other_are_no_contest(signs, opposition):
    of = {("discriminator", "generated"): 0, ("discriminator", "real"): 1, ("generator", "generated"): 2}
    context = SimpleNamespace(
        logits=lambda of: np.array([[0.1], [-0.1]]),
        logit_gradient=lambda role, images="generated": np.full((2, 1), 0.25 * signs[of[role, images]]),
    )
    readings = balance.measure(context)
    assert readings["losses/opposition"] == opposition
    found = [finding.disease for finding in balance.diagnose(readings, readings, 0.02, 1.0, 0.25)]
    assert found == ([] if opposition == 1.0 else ["no contest"])


@pytest.mark.parametrize("name", [component.name for component in loss.dcgan_kit_components()])
def test_every_built_in_loss_is_a_contest(specimen, name):
    readings, diseases = examined(probe.contest, specimen(f"training.loss={name}").context())
    assert readings["losses/opposition"] > 0.9
    assert "no contest" not in diseases


@pytest.mark.parametrize("passes", ["separate", "concatenated"])
def test_batch_norm_that_uses_no_batch_is_told(specimen, passes):
    batch = specimen(f"training.discriminator_passes={passes}")
    place = "discriminator.stage2.normalization/normalized"
    # First images hardly differ. Here their features vary by more than epsilon.
    for variable in batch.session.state.networks.discriminator.model.trainable_variables:
        variable.assign(variable * 10.0 if "kernel" in variable.path else variable)
    readings, diseases = examined(probe.batch_statistics, batch.context())
    assert 0.7 < readings[place] <= 1.0
    assert "batch norm not in effect" not in diseases
    frozen = specimen(f"training.discriminator_passes={passes}")
    for network in (frozen.session.state.networks.generator, frozen.session.state.networks.discriminator):
        for part in network.parts:
            if part.kind == "normalization":
                part.layers[0].trainable = False
    readings, diseases = examined(probe.batch_statistics, frozen.context())
    assert readings["generator.stage1.normalization/normalized"] < 0.5
    assert "batch norm not in effect" in diseases


@pytest.mark.parametrize(("rate", "ill"), [(0.5, False), (0.95, True)])
def test_the_noise_of_dropout_is_measured(specimen, rate, ill):
    batch = specimen(f"discriminator.stages.1.regularizer={{use: dropout, rate: {rate}}}")
    readings, diseases = examined(probe.batch_statistics, batch.context())
    expected = np.sqrt(rate / (1.0 - rate))
    assert readings["discriminator.stage2.regularizer/noise"] == pytest.approx(expected, rel=0.2)
    assert ("noise drowns features" in diseases) == ill
