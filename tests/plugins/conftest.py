"""What the tests of the built-in components share: a place to put one, and a model of it."""

from __future__ import annotations

import os
import re
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
from PIL import Image

from dcgan_kit import Features, Images, ScoreInputs, Site


@pytest.fixture
def place():
    """Return a function (shape, filters) -> Site."""

    def place(shape, filters=8, bias=True, slot="slot"):
        return Site(
            role="discriminator",
            block="stage1",
            slot=slot,
            input_shape=shape,
            filters=filters,
            bias=bias,
            initializer=lambda seed: keras.initializers.RandomNormal(stddev=0.02, seed=seed),
            classes=3,
            latent_size=5,
        )

    return place


@pytest.fixture
def layers_of(place):
    """Return a function that builds a component's layers as the engine does: through its validated options."""

    def layers_of(component, shape, filters=8, bias=True, **options):
        validated = dict(component.options(**options))
        built = component.build(place(shape, filters, bias), validated)
        return list(built) if isinstance(built, (list, tuple)) else [built]

    return layers_of


@pytest.fixture
def model_of(layers_of):
    """Return a function that builds a component as a model of its own."""

    def model_of(component, shape, filters=8, bias=True, **options):
        inputs = outputs = keras.Input(shape)
        for layer in layers_of(component, shape, filters, bias, **options):
            outputs = layer(outputs)
        return keras.Model(inputs, outputs)

    return model_of


@pytest.fixture
def noise():
    """Return a function shape -> standard normal float32 numbers, always the same."""
    return lambda *shape: np.random.default_rng(0).standard_normal(shape).astype("float32")


@pytest.fixture
def read(tmp_path_factory, monkeypatch):
    """Return a function (component, spec, **options) -> Images that keep the contract of ``data``; an empty cache."""
    monkeypatch.setenv("DCGAN_KIT_CACHE", str(tmp_path_factory.mktemp("cache")))

    def read(component, spec, **options):
        images = component.build(spec, dict(component.options(**options)))
        assert isinstance(images, Images)
        assert images.pixels.dtype == np.uint8
        assert images.pixels.shape == (len(images), *spec.shape)
        assert images.labels is None or images.labels.shape == (len(images),)
        return images

    return read


@pytest.fixture
def picture():
    """Return a function (path, colour, size, mode, **options) that saves an image of one colour."""

    def picture(path, colour, size=(16, 16), mode="RGB", **options):
        if isinstance(path, Path):
            path.parent.mkdir(parents=True, exist_ok=True)
        Image.new(mode, size, colour).save(path, **options)

    return picture


@pytest.fixture
def page_recipe(tmp_path, load, monkeypatch):
    """Return a function: name of a source -> the recipe that docs/data.md shows for it, loaded in an empty folder."""
    page = (Path(__file__).parents[2] / "docs" / "data.md").read_text(encoding="utf-8")
    recipes = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DCGAN_KIT_CACHE", str(tmp_path / "cache"))

    def page_recipe(source):
        (text,) = (text for text in recipes if re.search(rf"(data: |use: ){source}\b", text))
        (tmp_path / "page.yaml").write_text(text)
        return load(tmp_path / "page.yaml").recipe

    return page_recipe


@pytest.fixture
def compared():
    """Return a function (score, fake, reference, training=None) -> numbers, of features, pixels or probabilities."""

    def compared(score, fake, reference, training=None):
        sides = [None if side is None else _summary(score, np.asarray(side)) for side in (fake, reference, training)]
        return score.compare(ScoreInputs(*sides))

    return compared


def _summary(score, side, batch=50):
    accumulator = score.gathering.start()
    for start in range(0, len(side), batch):
        part = side[start : start + batch]
        sees = score.gathering.sees
        features = part if sees == "features" else np.zeros((len(part), 0))
        pixels = part if sees == "pixels" else np.zeros((len(part), 8, 8, 1), np.uint8)
        accumulator.add(pixels, Features(features, part if sees == "probabilities" else None))
    return accumulator.summary()


@pytest.fixture(scope="session")
def vectors():
    """Return a function (seed, n, m, d) -> two sets of features, those that test vectors are reported for."""

    def vectors(seed, n, m, d):
        random = np.random.RandomState(seed)
        return random.randn(n, d), random.randn(m, d) * 1.2 + 0.1

    return vectors
