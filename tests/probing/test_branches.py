"""Probes look into stages that branch and repeat, at places with readable names."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from dcgan_kit.components.contracts.probe import Finding, LayerSlot
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.networks.kernel_overlap import stack_evenness
from dcgan_kit.networks.resampling import Window
from dcgan_kit.probing.probe_run import build_probes, by_default

BRANCHES = (
    "generator.stages.0={filters: 4, repeat: 2, upsample: nearest, shortcut: true, "
    "order: [normalization, activation, upsample, convolution, normalization, activation, convolution]}",
    "discriminator.stages.1={filters: 4, repeat: 2, downsample: average_pool, shortcut: {join: concatenate}, "
    "order: [normalization, activation, convolution, downsample]}",
)
PROBES = [component for component in load_builtins().registry if component.kind == "probe"]


@pytest.fixture(scope="module")
def batch(specimen):
    """A fixed batch of networks with a residual generator, and a discriminator that concatenates."""
    return specimen(*BRANCHES)


def test_places_are_named_by_stage_copy_and_slot(batch):
    names = [str(place) for place in batch.places["generator"]]
    assert names[4:14] == [
        f"generator.stage1.1.{slot}"
        for slot in (
            "normalization", "activation", "upsample", "convolution", "normalization_2", "activation_2",
            "convolution_2", "shortcut_upsample", "shortcut_convolution", "join",
        )
    ]  # fmt: skip
    assert names[14:21] == [
        f"generator.stage1.2.{slot}"
        for slot in (
            "normalization", "activation", "convolution", "normalization_2", "activation_2", "convolution_2", "join",
        )
    ]  # fmt: skip


def test_a_finding_names_the_copy():
    finding = Finding("dead channels", "generator.stage2.1.activation", "31 % dead channels", 0.31, 0.0, "rest")
    assert str(finding) == "generator stage 2.1: 31 % dead channels"


def test_each_place_is_given_what_it_takes(batch):
    context = batch.context()
    for places in (context.generator, context.discriminator):
        for place in places:
            sources = [places[index] for index in place.inputs if index >= 0]
            for one in sources[:1]:
                np.testing.assert_array_equal(context.before(place), context.after(one))
    join = next(place for place in context.generator if str(place) == "generator.stage1.1.join")
    stage, shortcut = (context.generator[index] for index in join.inputs)
    assert (stage.slot, shortcut.slot) == ("convolution_2", "shortcut_convolution")
    np.testing.assert_allclose(context.after(join), context.after(stage) + context.after(shortcut), atol=1e-6)


def test_the_passes_are_the_networks(batch):
    context = batch.context()
    networks = batch.session.state.networks
    made = networks.generator.model(context.latent, training=True)
    np.testing.assert_allclose(context.after(context.generator[-1]), made, atol=1e-6)
    logits = networks.discriminator.model(context.real, training=False)
    np.testing.assert_allclose(context.logits("inference", "real"), logits, atol=1e-5)


def test_a_gradient_at_a_fork_comes_from_both_ways(batch):
    """What a stage is given also goes into its shortcut, so both ways send gradients back."""
    context = batch.context()
    normalization = next(place for place in context.generator if str(place) == "generator.stage1.2.normalization")
    join = next(place for place in context.generator if str(place) == "generator.stage1.2.join")
    # The shortcut of the second copy changes nothing: its gradient is that of the sum.
    through_the_stage = context.gradient(normalization) - context.gradient(join)
    assert np.abs(through_the_stage).max() > 0
    assert np.abs(context.gradient(join)).max() > 0


@pytest.mark.parametrize("join", ["generator.stage1.1.join", "discriminator.stage2.1.join"])
def test_a_join_alone_is_applied_with_zeros_for_the_shortcut(join, batch):
    context = batch.context()
    place = next(place for place in (*context.generator, *context.discriminator) if str(place) == join)
    values = np.ones((2, *place.input_shape), np.float32)
    found = context.apply(place, values)
    assert found.shape == (2, *place.output_shape)
    assert found.sum() == values.sum()


@pytest.mark.parametrize("component", PROBES, ids=lambda component: component.name)
def test_every_built_in_probe_reads_such_networks(component, batch):
    (probe,) = build_probes([by_default(component)])
    context = batch.context()
    readings = dict(probe.measure(context))
    assert all(np.isfinite(value) for value in readings.values())
    list(probe.diagnose(readings, readings))
    if component.name in ("units", "gradients"):
        assert any(name.startswith("generator.stage1.2.") for name in readings)


def test_the_overlap_of_a_stack_is_not_that_of_its_ways_in_a_row(specimen):
    stage = (
        "generator.stages.0={filters: 4, order: [upsample: {kernel_size: 3}, activation], "
        "shortcut: {order: [upsample: {kernel_size: 3}]}}"
    )
    (probe,) = build_probes([by_default(next(one for one in PROBES if one.name == "overlap"))])
    readings = probe.measure(specimen(stage, "generator.output.upsample.kernel_size=6").context())
    three, six = (Window(True, True, (size, size), (2, 2)) for size in (3, 6))
    assert readings["generator/stack_ratio"] == pytest.approx(stack_evenness([three, six])[0])
    assert readings["generator.stage1.shortcut_upsample/overlap"] == 4.0


def test_a_shortcut_makes_no_network_deeper():
    """Gradients of 1, 10 and 100 along a stage with a shortcut around its middle: a decade a layer."""
    sizes = {"first": 1.0, "middle": 10.0, "shortcut": 10.0, "join": None, "last": 100.0}
    inputs = {"first": (-1,), "middle": (0,), "shortcut": (0,), "join": (1, 2), "last": (3,)}
    places = [LayerSlot("generator", "stage1", name, "", "", (), (1,), (1,), inputs[name]) for name in sizes]

    def gradients(place):
        return {} if sizes[place.slot] is None else {"kernel": np.full((2, 2), sizes[place.slot])}

    context = SimpleNamespace(
        generator=places, discriminator=(), weight_gradients=gradients, image_gradient=lambda: np.ones((2, 4, 4, 1))
    )
    (probe,) = build_probes([by_default(next(one for one in PROBES if one.name == "gradients"))])
    assert probe.measure(context)["generator/decades_per_layer"] == pytest.approx(-1.0)
