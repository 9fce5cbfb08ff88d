"""``check`` names a layer of a plugin whose inside is not seen, and says what that means; it is right about it."""

from __future__ import annotations

import re

import keras
import pytest

from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.fused_forward import forward_of
from dcgan_kit.networks.lint import LINTS, lint
from dcgan_kit.networks.lint_rule import LintContext
from dcgan_kit.networks.model_calls import taken_apart

PLUGIN = '''
import keras
from keras import layers
from dcgan_kit import component, hookimpl


class Block(layers.Layer):
    def __init__(self, *inner, **kwargs):
        super().__init__(**kwargs)
        self.inner = list(inner)

    def build(self, shape):
        for layer in self.inner:
            layer.build(shape)
            shape = layer.compute_output_shape(shape)

    def call(self, inputs):
        for layer in self.inner:
            inputs = layer(inputs)
        return inputs


class Mixed(layers.Layer):
    def __init__(self, filters, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters

    def build(self, shape):
        self.matrix = self.add_weight(shape=(shape[-1], self.filters), name="matrix")

    def call(self, inputs):
        return inputs @ self.matrix


class Doubled(keras.Sequential):
    pass


class Shifted(layers.Layer):
    def build(self, shape):
        self.shift = self.add_weight(shape=(shape[-1],), name="shift")

    def call(self, inputs):
        return inputs + self.shift


@component("convolution")
def block(site):
    """A layer that holds layers."""
    return Block(site.conv(name="hidden"), layers.BatchNormalization(name="norm"))


@component("convolution")
def in_model(site):
    """The same in a model, beside a convolution."""
    return keras.Sequential([site.conv(name="seen"), Block(site.conv(name="hidden"), name="rest")])


@component("convolution")
def subclass(site):
    """A model of a class of its own."""
    return Doubled([site.conv(name="hidden")])


@component("convolution")
def mixed(site):
    """A kernel of its own."""
    return Mixed(site.filters)


@component("convolution")
def light(site):
    """A convolution, and a layer that holds layers without kernels."""
    return [site.conv(), Block(layers.ReLU())]


@component("convolution")
def sequential(site):
    """A model in a model."""
    inner = keras.Sequential([site.conv(name="one"), layers.BatchNormalization(name="norm")])
    return keras.Sequential([inner, layers.ReLU()])


@component("convolution")
def functional(site):
    """A functional model."""
    x = keras.Input(site.input_shape)
    return keras.Model(x, layers.ReLU()(site.conv(name="one")(x)) + layers.Dense(site.filters)(x))


@component("convolution")
def shifted(site):
    """A convolution, and a layer with a weight that is no kernel."""
    return [site.conv(), Shifted()]


@hookimpl
def dcgan_kit_components():
    return [block, in_model, subclass, mixed, light, sequential, functional, shifted]
'''
HEAD = "discriminator.stage2.convolution: the inside of "
PROBES = "probes see only what it returns"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("closed")
    (folder / "closed.py").write_text(PLUGIN)
    return folder


@pytest.fixture(scope="module")
def recipe_with(base, folder):
    """Return a function (component, *overrides) -> the base recipe with this convolution in its second stage."""
    return lambda name, *overrides: base(
        f"discriminator.stages.1={{filters: 8, downsample: average_pool, convolution: {name}}}",
        *overrides,
        folder=folder,
    )


@pytest.fixture(scope="module")
def told(recipe_with):
    """Return a function (component, *overrides, symbolic=True) -> what ``opaque_layer`` says."""

    def told(name, *overrides, symbolic=True):
        recipe = recipe_with(name, *overrides)
        found = [a for a in lint(recipe, build_networks(recipe, symbolic=symbolic)) if a.lint == "opaque_layer"]
        assert {advice.key for advice in found} <= {"discriminator.stages.1.convolution"}
        return [advice.message.removeprefix(HEAD) for advice in found]

    return told


@pytest.mark.parametrize("symbolic", [True, False])
def test_a_layer_that_holds_layers(told, symbolic):
    fused = "no fused operation takes hidden (Conv2D), norm (BatchNormalization)"
    subject = "stage2_convolution (Block) of convolution closed/block is not seen"
    assert told("block", symbolic=symbolic) == [f"{subject}: {fused}; {PROBES}"]


def test_a_constraint_does_not_reach_it(told):
    (message,) = told("block", "discriminator.constraint=spectral")
    assert "is not seen: the block's constraint does not reach hidden (Conv2D); no fused" in message


def test_without_fused_operations_they_are_not_mentioned(told):
    (message,) = told("block", "training.fuse=false")
    assert message.endswith(f"is not seen: {PROBES}")


def test_inside_a_model_that_is_seen(told):
    subject = "rest (Block) of convolution closed/in_model is not seen"
    assert told("in_model") == [f"{subject}: no fused operation takes hidden (Conv2D); {PROBES}"]


def test_a_model_of_another_class(told):
    assert [message.partition(" of ")[0] for message in told("subclass")] == ["stage2_convolution (Doubled)"]


def test_layers_without_kernels(told):
    assert told("light") == [f"stage2_convolution_block (Block) of convolution closed/light is not seen: {PROBES}"]


def test_a_kernel_of_its_own_matters_only_to_orthogonal(told):
    assert told("mixed") == []
    subject = "stage2_convolution (Mixed) of convolution closed/mixed is not seen"
    left = "orthogonal leaves the kernel of stage2_convolution (Mixed) as it is"
    assert told("mixed", "training.orthogonal=0.1") == [f"{subject}: {left}"]


def test_orthogonal_reaches_kernels_of_keras_layers_at_any_depth(told):
    assert "orthogonal" not in told("block", "training.orthogonal=0.1")[0]


@pytest.mark.parametrize("name", ["sequential", "functional", "shifted", "conv"])
@pytest.mark.parametrize("extra", [[], ["discriminator.constraint=spectral", "training.orthogonal=0.1"]])
def test_what_is_seen_is_not_named(told, name, extra):
    assert told(name, *extra) == []


def test_it_can_be_silenced(told):
    assert told("block", "silence=[opaque_layer]") == []


@pytest.mark.parametrize(("name", "seen"), [("block", False), ("sequential", True)])
def test_what_it_says_of_fused_operations_is_so(recipe_with, name, seen):
    lines = forward_of(build_networks(recipe_with(name)).discriminator.model).fused
    assert any(re.search(r"\bnorm\b", line) for line in lines) == seen


def test_statistics_inside_are_synchronized_so_it_says_nothing_of_them(recipe_with):
    model = build_networks(recipe_with("block")).discriminator.model
    assert "norm" in forward_of(model, synchronized=True).synchronized


@pytest.mark.parametrize("name", sorted(set(load_builtins().recipes) - {"dcgan"}))
def test_no_shipped_recipe_has_one(resolve, name):
    recipe = resolve(name)
    # This lint reads no summaries, which take long.
    assert (
        list(LINTS["opaque_layer"].find(LintContext(recipe, build_networks(recipe, symbolic=True), None, None))) == []
    )


def test_models_are_taken_apart_and_other_layers_are_not():
    one, two, block = keras.layers.ReLU(), keras.layers.ReLU(), keras.layers.TimeDistributed(keras.layers.ReLU())
    x = keras.Input((4, 3))
    model = keras.Model(x, block(two(keras.Sequential([one])(one(x)))))
    assert taken_apart([model]) == [one, two, block]
