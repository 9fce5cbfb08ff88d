from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from dcgan_kit import Images, ImageSpec
from dcgan_kit.data.loading import broken_contract, load_images, require_data
from dcgan_kit.errors import ComponentError, DataError

RECIPE = """version: 1
extends: dcgan
image: {size: 28, channels: 1}
generator:
  input: {projection: dense, filters: 8}
discriminator: {}
data: fashion_mnist_4k
training: {steps: 1}
"""


@pytest.fixture
def recipe(load, sample_plugins, tmp_path):
    """Return a function (*overrides) -> ResolvedRecipe with the components that break their contracts."""
    (tmp_path / "mine.yaml").write_text(RECIPE)
    return lambda *overrides: load(tmp_path / "mine.yaml", *overrides, folder=sample_plugins / "broken").recipe


def test_the_embedded_images(recipe):
    images = load_images(recipe())
    assert images.pixels.shape == (4000, 28, 28, 1)
    assert images.pixels.dtype == np.uint8
    assert np.bincount(images.labels).tolist() == [400] * 10
    assert images.skipped == ()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("floats", r"with uint8 pixels \(returned: float64\)"),
        ("other_size", r"of shape \(N, 28, 28, 1\) \(returned: \(10, 29, 28, 1\)\)"),
        ("nothing", r"with at least one image \(returned: none\)"),
        ("few_labels", r"with one label for each of the 10 images \(returned: \(9,\)\)"),
        ("bare_array", r"\(returned: ndarray\)"),
    ],
)
def test_a_source_that_breaks_its_contract_is_named(name, message, recipe):
    with pytest.raises(
        ComponentError, match=rf"^override:1:1: data: data bad_components/{name} must return dcgan_kit.Images {message}"
    ):
        load_images(recipe(f"data={name}"))


def test_a_source_that_raises_is_named(recipe):
    with pytest.raises(
        ComponentError,
        match=r"^override:1:1: data: data bad_components/raises: .*: the bucket is on fire \(.*\.py:\d+\)$",
    ):
        load_images(recipe("data=raises"))


def test_missing_images_are_told_with_the_place_in_the_recipe(recipe, load, tmp_path):
    with pytest.raises(DataError, match=r"^override:1:1: data: .*nowhere does not exist"):
        load_images(recipe("data={use: images, path: nowhere}"))
    file = tmp_path / "mine.yaml"
    file.write_text(RECIPE.replace("data: fashion_mnist_4k", "data: {use: npz, path: nowhere.npz}"))
    recipe = load(file).recipe
    with pytest.raises(DataError, match=rf"^{file}:7:1: data: nowhere.npz does not exist: give an archive"):
        load_images(recipe)


def test_what_is_missing_is_told_without_tensorflow(recipe, tmp_path):
    (tmp_path / "pictures").mkdir()
    for source, reported in (
        ("images, path: nowhere", "nowhere does not exist: give a folder of images"),
        ("image_zip, path: nowhere, hint: the moon", "nowhere does not exist: put it there: the moon"),
        ("npy, path: nowhere", "nowhere does not exist: give an array"),
        ("tfrecord, path: 'nowhere-*'", "no TFRecord file at nowhere-"),
        (f"npz, path: {tmp_path / 'pictures'}", "is a folder, which 'npz' does not read"),
        (f"images, path: {tmp_path / 'pictures'}", "pictures is empty: put images"),
    ):
        with pytest.raises(DataError, match=rf"^override:1:1: data: .*{reported}"):
            require_data(recipe(f"data={{use: {source}}}"))
    Image.new("L", (28, 28)).save(tmp_path / "pictures" / "0.png")
    require_data(recipe(f"data={{use: images, path: {tmp_path / 'pictures'}}}"))
    require_data(recipe("data=fashion_mnist_4k"))


def test_a_check_of_a_stranger_that_raises_is_named(recipe):
    found = recipe("data=fashion_mnist_4k")
    broken = replace(found.data.component, check=lambda **_: 1 / 0, owner="strange")
    with pytest.raises(ComponentError, match="data strange/fashion_mnist_4k: its check failed: ZeroDivisionError"):
        require_data(found.model_copy(update={"data": replace(found.data, component=broken)}))


COMMANDS = """
import sys
from click.testing import CliRunner
from dcgan_kit.cli import cli
for name in ("train", "launch", "probe"):
    found = CliRunner().invoke(cli, [name, "tiny-fashion28", "data={use: images, path: nowhere}"])
    assert (found.exit_code, "nowhere does not exist" in found.output) == (2, True), (name, found.output)
    assert "tensorflow" not in sys.modules, name
"""


def test_commands_refuse_what_is_missing_before_tensorflow_starts(tmp_path):
    subprocess.run([sys.executable, "-c", COMMANDS], cwd=tmp_path, check=True, timeout=120)
    assert list(tmp_path.iterdir()) == []


def test_loading_tells_its_progress(recipe, tmp_path, monkeypatch):
    monkeypatch.setattr("dcgan_kit.data.progress.SILENT_SECONDS", 0.0)
    for number in range(3):
        Image.new("L", (28, 28)).save(tmp_path / f"{number}.png")
    reported = []
    load_images(recipe(f"data={{use: images, path: {tmp_path}}}"), lambda *report: reported.append(report))
    assert reported[-1] == (3, 3)


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        (np.arange(3), ""),
        ([0, 1], r"with integer indices or None (returned: list)"),
        (np.zeros(2), r"with integer indices or None (returned: float64)"),
        (np.zeros((2, 2), int), r"with indices of shape (M,), at least one (returned: (2, 2))"),
        (np.zeros(0, int), r"with indices of shape (M,), at least one (returned: (0,))"),
        (np.array([0, 5]), r"with indices in 0 … 4 (returned: 0 … 5)"),
        (np.array([-1, 2]), r"with indices in 0 … 4 (returned: -1 … 2)"),
    ],
)
def test_a_part_has_indices_of_its_images(indices, message):
    images = Images(np.zeros((5, 8, 8, 1), np.uint8), indices=indices)
    assert broken_contract(images, ImageSpec(8, 8, 1)) == message


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["a", "b"], "with class_names as a tuple of texts"),
        (("a", 1), "with class_names as a tuple of texts"),
        (("a",), r"with a name for each class \(returned: 1 names, and the label 1\)"),
    ],
)
def test_names_of_classes_are_texts_one_for_each_class(names, message):
    images = Images(np.zeros((2, 4, 4, 1), np.uint8), np.arange(2), class_names=names)
    assert re.match(message, broken_contract(images, ImageSpec(4, 4, 1)))
    assert broken_contract(replace(images, class_names=("a", "b")), ImageSpec(4, 4, 1)) == ""
