"""What the tests of networks share: recipes as text, their networks, and components on their own."""

from __future__ import annotations

import keras
import pytest

from dcgan_kit import Site
from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.part_builder import as_layers

BASE = """version: 1
extends: dcgan
image: {size: 16, channels: 1}
latent: {size: 6}
generator:
  input: {projection: {use: dense, size: 4}, filters: 8}
  stages:
    - filters: 4
discriminator:
  stages:
    - {filters: 4, normalization: none, bias: true}
    - filters: 8
data: fashion_mnist_4k
training: {steps: 10}
"""


@pytest.fixture(scope="session")
def base(load, tmp_path_factory):
    """Return a function (*overrides, folder=None) -> ResolvedRecipe: 16x16, one stage up, two down."""
    file = tmp_path_factory.mktemp("base") / "base16.yaml"
    file.write_text(BASE)
    return lambda *overrides, folder=None: load(file, *overrides, folder=folder).recipe


@pytest.fixture(scope="session")
def networks_of(base):
    """Return a function (*overrides, symbolic=True, folder=None) -> Networks of the base with overrides."""

    def networks_of(*overrides, symbolic=True, folder=None):
        return build_networks(base(*overrides, folder=folder), symbolic=symbolic)

    return networks_of


@pytest.fixture(scope="session")
def layers_of():
    """Return a function (kind, name, shape, filters=8, **options) -> fresh layers of a built-in component."""
    registry = load_builtins().registry

    def layers_of(kind, name, shape, filters=8, bias=False, **options):
        component = registry.find(kind, name)
        site = Site(
            role="generator",
            block="stage1",
            slot=kind,
            input_shape=shape,
            filters=filters,
            bias=bias,
            initializer=lambda seed: keras.initializers.RandomNormal(stddev=0.1, seed=seed),
        )
        return as_layers(component.build(site, dict(component.options(**options))))

    return layers_of
