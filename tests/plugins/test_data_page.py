"""The recipes of docs/data.md load, each with images of the kind that it names (those of extras: in their own files)."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from dcgan_kit_plugins import data

from dcgan_kit import Images
from dcgan_kit.data.loading import load_images
from dcgan_kit.testing import check_component

PAGE = Path(__file__).parents[2] / "docs" / "data.md"


@pytest.fixture
def faces(tmp_path, picture, monkeypatch):
    """Every file that the page's recipes name, in one folder: six grey images in two classes."""
    names = [f"{label}/{number}.png" for label in "ab" for number in range(3)]
    for number, name in enumerate(names):
        picture(tmp_path / "faces" / name, 20 * number, mode="L", size=(28, 28))
    with zipfile.ZipFile(tmp_path / "faces.zip", "w") as archive:
        for name in names:
            archive.write(tmp_path / "faces" / name, f"faces/{name}")
    with tf.io.TFRecordWriter(str(tmp_path / "faces-00000.tfrecord")) as writer:
        for number, name in enumerate(names):
            content = (tmp_path / "faces" / name).read_bytes()
            features = {
                "image/encoded": tf.train.Feature(bytes_list=tf.train.BytesList(value=[content])),
                "image/class/label": tf.train.Feature(int64_list=tf.train.Int64List(value=[number // 3])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString())
    pixels = np.repeat(np.arange(0, 120, 20, dtype=np.uint8), 28 * 28).reshape(6, 28, 28)
    labels = np.repeat([0, 1], 3)
    np.savez(tmp_path / "faces.npz", x=pixels, y=labels)
    np.save(tmp_path / "faces.npy", pixels)
    np.save(tmp_path / "classes.npy", labels)
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "mnist.npz").touch()
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(keras.datasets.mnist, "load_data", lambda: ((pixels, labels), (pixels, labels)))


@pytest.mark.parametrize("source", ["images", "image_zip", "tfrecord", "npz", "npy", "keras_dataset"])
def test_the_recipe_of_each_source_loads(source, page_recipe, faces):
    images = load_images(page_recipe(source))
    np.testing.assert_array_equal(images.pixels[:, 14, 14, 0], range(0, 120, 20))
    np.testing.assert_array_equal(images.labels, [0, 0, 0, 1, 1, 1])
    assert images.skipped == ()


def test_the_recipe_of_the_embedded_images_loads(page_recipe):
    assert len(load_images(page_recipe("fashion_mnist_4k"))) == 4000


def test_every_source_is_in_the_table_and_has_a_recipe():
    page = PAGE.read_text(encoding="utf-8")
    for component in data.dcgan_kit_components():
        assert f"| `{component.name}` |" in page
        assert re.search(rf"\ndata: (\{{use: )?{component.name}\b", page)


def test_the_source_of_ones_own_keeps_the_contract():
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    module = {"__name__": "discs"}
    exec(code, module)
    (discs,) = module["dcgan_kit_components"]()
    check_component(discs, count=10)
    images = discs.build(type("Spec", (), {"height": 8, "width": 8, "shape": (8, 8, 1)}), {"count": 3})
    assert isinstance(images, Images)
    assert set(np.unique(images.pixels)) == {0, 255}
