from __future__ import annotations

import keras
import numpy as np
import pytest
from dcgan_kit_plugins import data
from pydantic import ValidationError

from dcgan_kit import DataError, ImageSpec

# The embedded images


def test_embedded_images_are_4000_in_ten_classes(read):
    images = read(data.fashion_mnist_4k, ImageSpec(28, 28, 1))
    assert len(images.pixels) == 4000
    assert set(images.labels) == set(range(10))
    assert images.class_names[1] == "Trouser"
    assert images.pixels.max() == 255


def test_another_size_names_both_sizes(read):
    with pytest.raises(DataError, match=r"images are 28x28x1, and the recipe's 'image' asks for 32x32x3"):
        read(data.fashion_mnist_4k, ImageSpec(32, 32, 3))


def test_embedded_images_are_resized_if_the_recipe_says_so(read):
    images = read(data.fashion_mnist_4k, ImageSpec(64, 32, 1), resize=True)
    original = read(data.fashion_mnist_4k, ImageSpec(28, 28, 1), resize=True)
    assert images.pixels.shape == (4000, 64, 32, 1)
    assert np.array_equal(images.labels, original.labels)
    assert images.pixels.mean() == pytest.approx(original.pixels.mean(), abs=1)
    with pytest.raises(DataError, match=r"images are 28x28x1, and the recipe's 'image' asks for 28x28x3"):
        read(data.fashion_mnist_4k, ImageSpec(28, 28, 3))
    with pytest.raises(DataError, match="only grey images and RGB images can be resized"):
        read(data.fashion_mnist_4k, ImageSpec(32, 32, 4), resize=True)
    assert read(data.fashion_mnist_4k, ImageSpec(32, 32, 3), resize=True).pixels.shape == (4000, 32, 32, 3)


# Keras' data sets


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("mnist", "mnist.npz"),
        ("fashion_mnist", "fashion-mnist/train-images-idx3-ubyte.gz"),
        ("cifar10", "cifar-10-batches-py-target_archive"),
        ("cifar100", "cifar-100-python-target_archive"),
    ],
)
def test_a_missing_data_set_says_what_to_put_where_and_touches_no_network(name, file, tmp_path, monkeypatch, read):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlretrieve", lambda *_: pytest.fail("it must not download"))
    with pytest.raises(DataError, match=rf"{tmp_path}/datasets/{file}.* or set 'download: true'"):
        read(data.keras_dataset, ImageSpec(28, 28, 1), name=name)


def test_a_failed_download_is_a_data_error(tmp_path, monkeypatch, read):
    def fail():
        raise Exception("URL fetch failure on https://… : None -- timed out")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", fail)
    with pytest.raises(DataError, match=r"mnist could not be read .* URL fetch failure"):
        read(data.keras_dataset, ImageSpec(28, 28, 1), name="mnist", download=True)


def test_a_data_set_that_is_there_is_read(tmp_path, monkeypatch, read):
    pixels = np.arange(5 * 32 * 32 * 3, dtype=np.uint8).reshape(5, 32, 32, 3)
    labels = np.arange(5, dtype=np.uint8)[:, None]
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "cifar-10-batches-py-target_archive").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.datasets.cifar10, "load_data", lambda: ((pixels, labels), (pixels, labels)))
    small = read(data.keras_dataset, ImageSpec(16, 16, 1), name="cifar10", resize=True)
    assert small.pixels.shape == (len(pixels), 16, 16, 1)
    images = read(data.keras_dataset, ImageSpec(32, 32, 3), name="cifar10")
    np.testing.assert_array_equal(images.pixels, pixels)
    np.testing.assert_array_equal(images.labels, range(5))


# Options


@pytest.mark.parametrize(
    ("component", "options"),
    [
        (data.images, {}),
        (data.images, {"path": ""}),
        (data.images, {"path": "a", "fit": "stretch"}),
        (data.images, {"path": "a", "max_broken_share": 1.5}),
        (data.images, {"path": "a", "background": 256}),
        (data.images, {"path": "a", "background": (1, 2)}),
        (data.images, {"path": "a", "memory_mib": -1}),
        (data.npz, {}),
        (data.npy, {}),
        (data.image_zip, {}),
        (data.tfrecord, {"path": "a", "image": ""}),
        (data.keras_dataset, {}),
        (data.keras_dataset, {"name": "imagenet"}),
        (data.fashion_mnist_4k, {"path": "a"}),
    ],
)
def test_options_out_of_range_are_refused(component, options):
    with pytest.raises(ValidationError):
        component.options(**options)
