"""Trainable parameters of every twin, as counted in the published code: the shipped recipes, and those of ``recipes/``.

A recipe of ``recipes/`` says in its comment what it leaves out.
"""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.summary import summarize

RECIPES = Path(__file__).parent / "recipes"
SHIPPED = {
    "sngan-cifar32": (4_276_739, 1_053_824),
    "wgangp-resnet-cifar32": (1_204_483, 1_053_825),
    "cganpd-cifar32": (4_304_387, 1_055_104),
    "wgangp-resnet-cifar32-acgan": (1_218_307, 1_055_115),
    "sagan64-small": (2_428_356, 1_225_970),
    "acgan-mnist28": (857_065, 121_932),
    "cdcgan-mnist28": (7_065_211, 3_769_479),
    "wgan-cifar32": (1_068_928, 663_296),
    "r3gan-cifar32": (20_732_160, 20_683_776),
    "r3gan-cifar32-conditional": (20_781_952, 21_280_512),
    "r3gan-tiny32": (145_600, 141_568),
}
OTHERS = {
    "sngan-cifar32-mimicry": (4_276_739, 1_053_825),
    "wgangp-resnet-cifar32-256": (4_276_739, 1_053_825),
    "cganpd-cifar32-mimicry": (4_304_387, 1_055_105),
    "sagan-cifar32": (4_386_308, 1_075_586),
    "sagan128-small": (2_436_324, 2_407_090),
    "sagan-imagenet128": (42_078_852, 39_463_618),
    "acganmod-cifar32": (4_304_387, 1_057_159),
    "acgan-mnist32": (1_050_985, 103_243),
    "cdcgan-mnist28-keras": (1_491_215, 80_385),
    "cdcgan-mnist28-labelmap": (1_169_336, 196_773),
    "wgan-cifar32-resnet": (4_276_739, 1_055_879),
    "sagan-celeba64-dcgan": (3_832_885, 3_175_299),
    "wgan-lsun64": (3_576_704, 2_765_568),
    "wgan-cifar32-5x5": (5_179_907, 4_116_225),
    "wgangp-cifar32-5x5": (5_179_907, 4_114_689),
    "wgan-cifar32-cnn": (3_584_003, 5_860_865),
    "wgan-mnist28-keras": (1_028_545, 99_393),
    "r3gan-ffhq64": (22_429_824, 22_381_440),
}


def networks_of(recipe):
    networks = build_networks(recipe, symbolic=True)
    return networks.generator, networks.discriminator


@pytest.mark.parametrize(("name", "counts"), [*SHIPPED.items(), *OTHERS.items()])
def test_trainable_parameters(name, counts, resolve):
    networks = networks_of(resolve(name if name in SHIPPED else RECIPES / f"{name}.yaml"))
    assert tuple(summarize(network).trainable_parameters for network in networks) == counts
    by_keras = tuple(sum(int(np.prod(v.shape)) for v in n.model.trainable_variables) for n in networks)
    assert by_keras == counts


def test_every_recipe_here_is_counted():
    assert {file.stem for file in RECIPES.glob("*.yaml")} == set(OTHERS)


@pytest.mark.parametrize(
    ("name", "epsilon"),
    [
        ("sngan-cifar32", 2e-5),
        ("cganpd-cifar32", 2e-5),
        ("wgangp-resnet-cifar32", 1e-5),
        ("wgangp-resnet-cifar32-acgan", 1e-5),
        ("wgan-cifar32", 1e-5),
    ],
)
def test_batch_normalization(name, epsilon, resolve):
    layers = layers_within(*(network.model for network in networks_of(resolve(name))))
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    assert norms
    assert {(norm.epsilon, norm.momentum) for norm in norms} == {(epsilon, 0.9)}


@pytest.mark.parametrize(
    ("name", "rates", "betas", "epsilon", "batch", "updates"),
    [
        ("sngan-cifar32", (2e-4, 2e-4), (0.0, 0.9), 1e-8, 64, (1, 5)),
        ("wgangp-resnet-cifar32", (2e-4, 2e-4), (0.0, 0.9), 1e-8, 64, (1, 5)),
        ("cganpd-cifar32", (2e-4, 2e-4), (0.0, 0.9), 1e-8, 64, (1, 5)),
        ("wgangp-resnet-cifar32-acgan", (2e-4, 2e-4), (0.0, 0.9), 1e-8, 64, (1, 5)),
        ("sagan64-small", (1e-4, 4e-4), (0.0, 0.999), 1e-8, 64, (1, 1)),
        ("acgan-mnist28", (2e-4, 2e-4), (0.5, 0.999), 1e-7, 32, (1, 1)),
        ("cdcgan-mnist28", (2e-4, 2e-4), (0.5, 0.999), 1e-8, 64, (2, 1)),
        ("r3gan-cifar32", (2e-4, 2e-4), (0.0, 0.99), 1e-8, 512, (1, 1)),
        ("r3gan-cifar32-conditional", (2e-4, 2e-4), (0.0, 0.99), 1e-8, 512, (1, 1)),
        ("r3gan-tiny32", (2e-4, 2e-4), (0.0, 0.99), 1e-8, 64, (1, 1)),
        ("wgan-cifar32", (5e-5, 5e-5), None, 1e-16, 64, (1, 5)),
    ],
)
def test_optimizers_and_batches(name, rates, betas, epsilon, batch, updates, resolve):
    """Rates and updates are those of G, then of D."""
    training = resolve(name).training
    networks = (training.generator, training.discriminator)
    assert training.batch_size == batch
    assert tuple(network.updates for network in networks) == updates
    for network, rate in zip(networks, rates, strict=True):
        options = network.optimizer.options
        assert (options["learning_rate"], options["epsilon"]) == (rate, epsilon)
        assert betas is None or (options["beta_1"], options["beta_2"]) == betas


@pytest.mark.parametrize("name", ["r3gan-cifar32", "r3gan-cifar32-conditional", "r3gan-tiny32"])
def test_penalties_of_r3gan(name, resolve):
    options = resolve(name).training.penalty.options
    assert [options[side].options["weight"] for side in ("first", "second")] == [0.005, 0.005]


def laws(network):
    """Return what draws each kernel, by slot: name, scale and mode of the initializer."""
    found = {}
    for outer in network.model.layers:
        law = getattr(getattr(outer, "layer", outer), "kernel_initializer", None)
        if law is not None:
            found[outer.name] = (type(law).__name__, getattr(law, "scale", None), getattr(law, "mode", None))
    return found


@pytest.mark.parametrize("name", ["sngan-cifar32", "wgangp-resnet-cifar32"])
def test_convolutions_inside_blocks_start_larger_by_the_root_of_two(name, resolve):
    for network in networks_of(resolve(name)):
        for slot, (law, scale, mode) in laws(network).items():
            if "stage" in slot and "shortcut" not in slot:
                assert (law, scale, mode) == ("VarianceScaling", pytest.approx(2.0), "fan_avg"), slot
            else:
                assert law == "GlorotUniform", slot


@pytest.mark.parametrize(("name", "blocks"), [("r3gan-cifar32", 8), ("r3gan-tiny32", 4)])
def test_first_kernels_of_r3gan(name, blocks, resolve):
    for network in networks_of(resolve(name)):
        found = laws(network)
        assert sum(slot.endswith("convolution_3") for slot in found) == blocks
        for slot, (law, scale, mode) in found.items():
            if slot.startswith("blocks") and slot.endswith("convolution_3"):
                assert law == "Zeros", slot
            elif "head_depthwise" not in slot:
                inside = slot.startswith("blocks")
                expected = 2 / 1.04 / blocks**0.5 if inside else 1.0
                assert (law, scale, mode) == ("VarianceScaling", pytest.approx(expected), "fan_in"), slot
