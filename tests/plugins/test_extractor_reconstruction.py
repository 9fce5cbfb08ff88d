"""Autoencoders as extractors."""

from __future__ import annotations

import numpy as np
import pytest
from dcgan_kit_plugins import data, extractor
from dcgan_kit_plugins.extractor.reconstruction import decoded, decoder_shapes, encoded, encoder_shapes, trained

from dcgan_kit import Images, ImageSpec
from dcgan_kit.testing import check_component


@pytest.fixture(scope="module")
def clothes():
    return data.fashion_mnist_4k(ImageSpec(28, 28, 1))


@pytest.mark.parametrize(
    ("component", "options", "sizes"),
    [
        (extractor.fashion_reconstruction, {}, None),
        (extractor.self_reconstruction, {"steps": 3}, [(8, 8, 1), (40, 24, 3), (5, 7, 4)]),
    ],
    ids=["fashion_reconstruction", "self_reconstruction"],
)
def test_contract(component, options, sizes):
    check_component(component, shapes=sizes, **options)


def test_the_shipped_encoder_has_features_of_deviation_1(clothes):
    made = extractor.fashion_reconstruction(clothes)
    features = np.concatenate([made.describe(clothes.pixels[i : i + 500]).features for i in range(0, 4000, 500)])
    # They have a deviation of exactly 1 over the 56,000 images that the encoder learned from.
    assert features.std(axis=0) == pytest.approx(np.ones(64), abs=0.1)
    assert sum(int(np.prod(shape)) for shape in encoder_shapes(28, 28, 1).values()) == 121_344
    assert made.key == "16ef6ee5"


@pytest.mark.parametrize("shape", [(28, 28, 1), (9, 30, 3)])
def test_a_decoded_code_has_the_size_of_the_image(shape):
    random = np.random.default_rng(0)
    shapes = {**encoder_shapes(*shape), **decoder_shapes(*shape)}
    weights = {name: random.standard_normal(wanted).astype(np.float32) for name, wanted in shapes.items()}
    code = encoded(random.standard_normal((2, *shape)).astype(np.float32), weights)
    assert code.shape == (2, 64)
    assert decoded(code, weights, shape[:2]).shape == (2, *shape)


def test_it_learns_to_reconstruct_without_labels(clothes):
    pixels = clothes.pixels[::8]
    _, begun = trained(pixels, 5, 0)
    weights, error = trained(pixels, 60, 0)
    assert error < 0.6 * begun
    assert all(np.array_equal(weights[name], value) for name, value in trained(pixels, 60, 0)[0].items())


def test_other_sizes_are_refused_with_what_to_choose():
    images = Images(np.zeros((4, 32, 32, 3), np.uint8))
    with pytest.raises(ValueError, match=r"these images are 32x32x3: choose self_reconstruction"):
        extractor.fashion_reconstruction(images)
