from __future__ import annotations

import numpy as np
import pytest
from dcgan_kit_plugins import data, extractor
from dcgan_kit_plugins.extractor import classifier
from dcgan_kit_plugins.extractor.antialiased_resize import shrunk, shrunk_pixels, shrunk_size

from dcgan_kit import DataError, Images, ImageSpec
from dcgan_kit.testing import check_component

SELF = {"steps": 3}


@pytest.fixture(scope="module")
def clothes():
    return data.fashion_mnist_4k(ImageSpec(28, 28, 1))


@pytest.fixture(scope="module")
def shapes():
    """120 images of light squares, left or right."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 60, (120, 12, 16, 1), np.uint8)
    labels = np.arange(120) % 2
    for image, label in zip(pixels, labels, strict=True):
        image[4:8, 10 * label + 1 : 10 * label + 5] += 150
    return Images(pixels, labels * 3 + 5)


@pytest.mark.parametrize(
    ("component", "options", "sizes"),
    [
        (extractor.fashion_classifier, {}, None),
        (extractor.self_classifier, SELF, [(8, 8, 1), (40, 24, 3)]),
        (extractor.random_convolution, {}, [(28, 28, 1), (8, 12, 4), (80, 64, 3)]),
    ],
    ids=["fashion_classifier", "self_classifier", "random_convolution"],
)
def test_contract(component, options, sizes):
    check_component(component, shapes=sizes, **options)


def test_the_shipped_classifier_knows_the_clothes_it_learned_from(clothes):
    made = extractor.fashion_classifier(clothes)
    seen = made.describe(clothes.pixels[:1000])
    assert (seen.probabilities.argmax(axis=1) == clothes.labels[:1000]).mean() > 0.9
    features = np.concatenate([made.describe(clothes.pixels[i : i + 500]).features for i in range(0, 4000, 500)])
    assert features.shape == (4000, 64)
    assert features.std(axis=0) == pytest.approx(np.ones(64), abs=0.01)


def test_the_shipped_weights_are_small_and_named_by_their_hash(clothes):
    shapes = classifier.weight_shapes(1, 10)
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == 90_506
    assert extractor.fashion_classifier(clothes).key == "826f4525"


def test_the_shipped_classifier_refuses_other_sizes():
    with pytest.raises(ValueError, match=r"28x28x1 clothes, and these images are 32x32x3: choose self_classifier"):
        extractor.fashion_classifier(Images(np.zeros((2, 32, 32, 3), np.uint8)))


def test_a_classifier_of_its_own_learns_the_labels_and_is_repeatable(shapes):
    first, again, other = (extractor.self_classifier(shapes, steps=60, seed=seed) for seed in (0, 0, 1))
    seen = first.describe(shapes.pixels)
    right = seen.probabilities.argmax(axis=1) == np.arange(120) % 2
    assert right.mean() > 0.95
    assert first.key == again.key != other.key
    np.testing.assert_array_equal(seen.features, again.describe(shapes.pixels).features)
    deviations = seen.features.std(axis=0)
    assert np.isclose(deviations, 1.0, atol=1e-3).sum() + (deviations == 0.0).sum() == 64


def test_a_classifier_of_its_own_needs_labels_that_differ(shapes):
    with pytest.raises(ValueError, match="no labels to learn from: choose random_convolution"):
        extractor.self_classifier(Images(shapes.pixels))
    with pytest.raises(ValueError, match="all images have the same label"):
        extractor.self_classifier(Images(shapes.pixels, np.ones(120, int)))


def test_a_classifier_of_its_own_learns_from_its_part_of_the_pixels(shapes):
    part = Images(shapes.pixels, shapes.labels[40:], indices=np.arange(40, 120))
    alone = Images(shapes.pixels[40:], shapes.labels[40:])
    assert extractor.self_classifier(part, **SELF).key == extractor.self_classifier(alone, **SELF).key


def test_a_classifier_of_its_own_reads_large_images_a_batch_at_a_time(shapes):
    read = []

    class Counted(Images):
        def batch(self, indices):
            read.append(len(indices))
            return super().batch(indices)

    large = shapes.pixels.repeat(4, axis=1).repeat(4, axis=2)
    made = extractor.self_classifier(Counted(np.tile(large, (5, 1, 1, 1)), np.tile(shapes.labels, 5)), steps=60)
    assert read == [256, 256, 88]
    right = made.describe(large).probabilities.argmax(axis=1) == np.arange(120) % 2
    assert right.mean() > 0.95
    assert made.key.endswith("-antialiased24x32")
    small = shrunk_pixels(Images(large), np.arange(120), 32)
    np.testing.assert_allclose(small, shrunk(large, 32), atol=0.5)


def test_constant_features_are_0_and_leave_the_probabilities_as_they_are(shapes):
    random = np.random.Generator(np.random.Philox(0))
    weights = {
        name: classifier.first_weights(random, name, shape) for name, shape in classifier.weight_shapes(1, 2).items()
    }
    weights["features/kernel"][:, :5] = 0.0
    weights["features/bias"][:5] = 2.0
    before = classifier.describing(weights, (12, 16, 1))(shapes.pixels)
    after = classifier.describing(classifier._scaled(weights, shapes.pixels), (12, 16, 1))(shapes.pixels)
    assert np.abs(after.features[:, :5]).max() == 0.0
    assert after.features[:, 5:].std(axis=0) == pytest.approx(np.ones(59), abs=1e-3)
    np.testing.assert_allclose(after.probabilities, before.probabilities, atol=1e-5)


def test_random_features_need_no_images_and_depend_on_the_seed_alone():
    some, others = (Images(np.full((4, 16, 16, 3), grey, np.uint8)) for grey in (0, 200))
    assert extractor.random_convolution(some).key == extractor.random_convolution(others).key
    assert extractor.random_convolution(some).key != extractor.random_convolution(some, seed=1).key
    assert extractor.random_convolution(some).describe(some.pixels).features.shape == (4, 320)


def test_large_images_are_shrunk_without_aliasing_and_the_key_says_so():
    assert shrunk_size(128, 64, 32) == (32, 16)
    assert shrunk_size(20, 32, 32) == (20, 32)
    stripes = np.zeros((1, 64, 64, 1), np.uint8)
    stripes[:, ::2] = 200
    assert np.ptp(shrunk(stripes, 32)[0, 4:-4].numpy()) < 20.0
    key = extractor.random_convolution(Images(np.zeros((2, 96, 128, 1), np.uint8))).key
    assert key.endswith("-antialiased48x64")


def test_inception_is_never_fetched(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    images = Images(np.zeros((2, 32, 32, 3), np.uint8))
    with pytest.raises(DataError, match=rf"no file {tmp_path}/models/inception_v3_\S+: put the ImageNet weights there"):
        extractor.inception_v3(images)
    with pytest.raises(ValueError, match=r"takes grey or RGB images. Received: 4 channels"):
        extractor.inception_v3(Images(np.zeros((2, 32, 32, 4), np.uint8)))
    wrong = tmp_path / "wrong.h5"
    wrong.write_bytes(b"no weights")
    with pytest.raises(DataError, match=r"wrong\.h5: holds no weights of Keras' InceptionV3"):
        extractor.inception_v3(images, path=str(wrong))
    assert sorted(tmp_path.iterdir()) == [wrong]


@pytest.mark.slow
def test_inception_from_a_file_of_weights(tmp_path):
    import keras

    file = tmp_path / "inception.weights.h5"
    keras.applications.InceptionV3(weights=None).save_weights(file)
    made = extractor.inception_v3(Images(np.zeros((2, 32, 32, 3), np.uint8)), path=str(file))
    seen = made.describe(np.zeros((3, 32, 32, 3), np.uint8))
    assert (seen.features.shape, seen.probabilities.shape) == ((3, 2048), (3, 1000))
    assert made.key.endswith("-bicubic299")
