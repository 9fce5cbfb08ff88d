"""A constraint reaches every kernel of its block, or ``check`` says which it does not reach."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.lint import lint
from dcgan_kit.networks.reparametrization import updated_after

PLUGIN = '''
import keras
from keras import layers
from dcgan_kit import component, hookimpl


@component("convolution")
def sequential(site):
    """Two convolutions in a model."""
    return keras.Sequential([site.conv(name="one"), layers.ReLU(), site.conv(name="two")])


@component("convolution")
def nested(site):
    """A model in a model, built already."""
    inner = keras.Sequential([keras.Input(site.input_shape), site.conv(name="one")])
    return keras.Sequential([keras.Input(site.input_shape), inner, site.conv(name="two")])


@component("convolution")
def functional(site):
    """A residual block, as a functional model."""
    inputs = keras.Input(site.input_shape)
    x = site.conv(name="one")(inputs)
    return keras.Model(inputs, x + site.conv(name="two")(layers.ReLU()(x)))


@component("convolution")
def separable(site):
    """Keras' layer with two kernels."""
    return layers.SeparableConv2D(site.filters, 3, padding="same")


class Block(layers.Layer):
    def __init__(self, conv):
        super().__init__()
        self.conv = conv

    def call(self, inputs):
        return self.conv(inputs)


@component("convolution")
def block(site):
    """A layer that holds a convolution."""
    return Block(site.conv(name="hidden"))


@component("convolution")
def in_list(site):
    """A block in a model beside a convolution."""
    return keras.Sequential([site.conv(name="seen"), Block(site.conv(name="hidden"))])


class Own(layers.Layer):
    def __init__(self, filters):
        super().__init__()
        self.filters = filters

    def build(self, shape):
        self.matrix = self.add_weight(shape=(shape[-1], self.filters), name="matrix")

    def call(self, inputs):
        return inputs @ self.matrix


@component("convolution")
def own(site):
    """A kernel of its own, by another name."""
    return Own(site.filters)


class Table(layers.Layer):
    def __init__(self):
        super().__init__()
        self.table = layers.Embedding(3, 4, name="classes")

    def build(self, shape):
        self.table.build()

    def call(self, inputs):
        return inputs


@component("convolution")
def table(site):
    """An embedding inside a layer."""
    return [site.conv(), Table()]


@component("convolution")
def attention(site):
    """A convolution, and a layer of scales for channels, which is no kernel."""
    return [site.conv(), layers.PReLU(shared_axes=[1, 2])]


class Rescaled(layers.Layer):
    """Normalizes, then scales each pixel by a convolution of the map."""

    def __init__(self, conv):
        super().__init__()
        self.conv, self.norm = conv, layers.LayerNormalization()

    def build(self, shape):
        self.conv.build(shape)
        self.norm.build(shape)

    def call(self, inputs):
        return self.norm(inputs) * self.conv(inputs)


@component("normalization")
def spatial(site):
    """A normalization with a convolution inside."""
    return Rescaled(layers.Conv2D(site.input_shape[-1], 3, padding="same", name="scale"))


@hookimpl
def dcgan_kit_components():
    return [sequential, nested, functional, separable, block, in_list, own, table, attention, spatial]
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("composites")
    (folder / "composites.py").write_text(PLUGIN)
    return folder


def _overrides(name, constraint="{use: spectral, power_iterations: 40}"):
    return (
        f"discriminator.constraint={constraint}",
        f"discriminator.stages.1={{filters: 8, downsample: average_pool, convolution: {name}}}",
    )


@pytest.mark.parametrize("name", ["sequential", "nested", "functional", "separable", "attention"])
def test_kernels_inside_models_are_constrained(base, folder, name):
    recipe = base(*_overrides(name), folder=folder)
    networks = build_networks(recipe)
    model = networks.discriminator.model
    stored = [weight for weight in model.trainable_weights if "kernel" in weight.name]
    kernels = [(layer, kernel) for layer in updated_after(model) for kernel in layer.kernels]
    assert {id(kernel.variable) for _, kernel in kernels} == {id(weight) for weight in stored}
    assert len(kernels) == (3 if name == "attention" else 4)
    for layer, kernel in kernels:
        matrices = np.asarray(kernel.matrices(layer.effective(kernel)))
        largest = np.linalg.svd(matrices, compute_uv=False).max()
        assert largest == pytest.approx(1.0, abs=0.03), kernel.variable.path
    assert not [advice for advice in lint(recipe, networks) if advice.lint == "unconstrained_kernel"]


@pytest.mark.parametrize(
    ("name", "reported"),
    [
        ("block", r"hidden (Conv2D)"),
        ("in_list", r"hidden (Conv2D)"),
        ("own", r"stage2_convolution (Own)"),
        ("table", "classes (Embedding)"),
    ],
)
@pytest.mark.parametrize("symbolic", [True, False])
def test_what_is_not_reached_is_told(base, folder, name, reported, symbolic):
    recipe = base(*_overrides(name), folder=folder)
    networks = build_networks(recipe, symbolic=symbolic)
    (advice,) = [a for a in lint(recipe, networks) if a.lint == "unconstrained_kernel"]
    assert advice.message == f"the block's constraint does not reach {reported} in {name}"
    assert advice.key == "discriminator.stages.1.convolution"


def test_a_convolution_in_a_normalization_is_reported(base, folder):
    recipe = base("discriminator.constraint=spectral", "discriminator.stages.1.normalization=spatial", folder=folder)
    (advice,) = [a for a in lint(recipe, build_networks(recipe, symbolic=True)) if a.lint == "unconstrained_kernel"]
    assert advice.message == "the block's constraint does not reach scale (Conv2D) in spatial"
    assert advice.key == "discriminator.stages.1.normalization"


@pytest.mark.parametrize(
    ("name", "condition"),
    [
        ("conditional_batch", ["condition.classes=10", "discriminator.output.head=projection"]),
        ("self_modulated_batch", []),
    ],
)
def test_scales_of_a_class_or_a_latent_vector_are_no_kernels(base, name, condition):
    recipe = base("generator.constraint=spectral", f"generator.normalization={name}", *condition)
    found = lint(recipe, build_networks(recipe, symbolic=True))
    assert not [advice for advice in found if advice.lint == "unconstrained_kernel"]


def test_without_a_constraint_nothing_is_told(base, folder):
    for constraint in ("none", "null"):
        recipe = base(*_overrides("block", constraint), folder=folder)
        networks = build_networks(recipe, symbolic=True)
        assert not any(a.lint == "unconstrained_kernel" for a in lint(recipe, networks))


def test_first_weights_are_those_without_the_constraint(base, folder):
    for name in ("nested", "functional"):
        free, held = (
            build_networks(base(*_overrides(name, constraint), folder=folder)).discriminator.model.trainable_weights
            for constraint in ("none", "spectral")
        )
        assert len(free) == len(held)
        for one, other in zip(free, held, strict=True):
            np.testing.assert_array_equal(one, other)


def test_batch_normalization_inside_a_model_is_seen(base, tmp_path):
    (tmp_path / "inside.py").write_text(
        "import keras\nfrom dcgan_kit import component, hookimpl\n\n"
        "@component('normalization')\ndef inside():\n    '''A model that normalizes.'''\n"
        "    scale = keras.initializers.RandomNormal(0.0, 0.02, seed=1)\n"
        "    return keras.Sequential([keras.layers.BatchNormalization(gamma_initializer=scale)])\n\n"
        "@hookimpl\ndef dcgan_kit_components():\n    return [inside]\n"
    )
    recipe = base(
        "discriminator.stages.1={filters: 8, normalization: inside, bias: true}",
        "training.batch_size=8",
        folder=tmp_path,
    )
    found = {advice.lint for advice in lint(recipe, build_networks(recipe, symbolic=True))}
    assert {"bias_before_batch_normalization", "batch_scale_near_zero", "small_batch"} <= found
    assert keras.config.floatx() == "float32"
