"""What training writes of a recipe with classes: grids with one class in each row, and the names of the classes."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dcgan_kit.data import loading
from dcgan_kit.runs.image_grid import generated, grid_of, latent_vectors, one_hot, png_of


def pictures(folder):
    """Return the pictures of a TensorBoard folder, by name and step."""
    found = {}
    for file in folder.iterdir():
        for record in tf.data.TFRecordDataset(str(file)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                content = tf.make_ndarray(value.tensor)
                if content.dtype == object:
                    found[value.tag, event.step] = np.asarray(Image.open(io.BytesIO(content[2])))
    return found


@pytest.fixture
def named(monkeypatch):
    """Let the images of any recipe have names of their classes."""
    load = loading.load_images
    monkeypatch.setattr(
        loading, "load_images", lambda *given: replace(load(*given), class_names=("dark", "grey", "bright"))
    )


def test_a_row_of_a_grid_is_a_class_and_tensorboard_says_which(classed, run, named, tmp_path):
    outcome, _ = run(classed(), tmp_path / "run")
    recipe = classed().recipe
    model = tf.keras.models.load_model(outcome.run.generator_file)
    classes = one_hot(recipe, [0, 0, 1, 1, 2, 2, 0, 0])
    images = generated(model, latent_vectors(recipe, 8, recipe.training.seed), recipe.image.range, classes)
    assert (outcome.run.samples / "step-000002.png").read_bytes() == png_of(grid_of(images, 4, 2))
    picture = pictures(outcome.run.tensorboard)["samples", 2]
    assert picture.shape[0] == 2 * 32, "rows of 8 pixels are too low for a text"
    np.testing.assert_array_equal(picture[::2, -32::2], grid_of(images, 4, 2)[:, :, 0])
    assert picture[:, :-32].max() > 200
    assert json.loads((tmp_path / "run" / "environment.json").read_text())["class_names"] == ["dark", "grey", "bright"]


def test_without_classes_nothing_is_written_beside_a_grid(tiny, run, named, tmp_path):
    outcome, _ = run(tiny("training.steps=1"), tmp_path / "run")
    assert pictures(outcome.run.tensorboard)["samples", 0].shape == (16, 24)
    assert "class_names" not in json.loads((tmp_path / "run" / "environment.json").read_text())
