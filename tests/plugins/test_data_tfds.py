from __future__ import annotations

import json
import os
import re
import shutil
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from dcgan_kit_plugins.data import libraries

from dcgan_kit import DataError, ImageSpec
from dcgan_kit.data.loading import load_images

GREY8 = ImageSpec(8, 8, 1)


@pytest.fixture(scope="module")
def tfds():
    """The library, which is an extra."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("tensorflow_datasets")


@pytest.fixture(scope="module")
def prepared(tfds, tmp_path_factory):
    """A folder of data sets that TFDS itself wrote: pictures 1.0.0, labelled, grey level 10 times the number."""

    class Pictures(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {
                "image": tfds.features.Image(shape=(16, 16, 1), encoding_format="png"),
                "label": tfds.features.ClassLabel(num_classes=3),
                "name": tfds.features.Text(),
            }
            return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

        def _split_generators(self, _):
            return {"train": self._generate_examples(20), "test": self._generate_examples(2)}

        def _generate_examples(self, count):
            for number in range(count):
                image = np.full((16, 16, 1), 10 * number, np.uint8)
                yield number, {"image": image, "label": number % 3, "name": str(number)}

    root = tmp_path_factory.mktemp("tfds")
    tfds.disable_progress_bar()
    Pictures(data_dir=root).download_and_prepare()
    return root


@pytest.fixture
def root(prepared, tmp_path, monkeypatch):
    """A copy of that folder, which is where data sets lie; nothing may be asked of the network."""
    shutil.copytree(prepared, tmp_path / "root")
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path / "root"))
    monkeypatch.setattr("tensorflow_datasets.builder", lambda *_, **__: pytest.fail("it must not be looked for"))
    return tmp_path / "root"


def test_images_and_labels(root, read):
    images = read(libraries.tfds, GREY8, name="pictures")
    order = np.argsort(images.pixels[:, 0, 0, 0])
    np.testing.assert_array_equal(images.pixels[order, 4, 4, 0], range(0, 200, 10))
    np.testing.assert_array_equal(images.labels[order], np.arange(20) % 3)
    again = read(libraries.tfds, GREY8, name="pictures", memory_mib=0)
    assert isinstance(again.pixels, np.memmap)
    np.testing.assert_array_equal(again.pixels, images.pixels)
    np.testing.assert_array_equal(again.labels, images.labels)


def test_the_recipe_of_the_documentation_loads(root, page_recipe):
    (root / "pictures").rename(root / "fashion_mnist")
    images = load_images(page_recipe("tfds"))
    assert images.pixels.shape == (10, 28, 28, 1)
    assert images.labels.shape == (10,)


@pytest.mark.parametrize(("split", "count"), [("train", 20), ("test", 2), ("train[:25%]", 5), ("train+test", 22)])
def test_splits(split, count, root, read):
    assert len(read(libraries.tfds, GREY8, name="pictures", split=split)) == count


def test_labels_may_be_left_out(root, read):
    assert read(libraries.tfds, GREY8, name="pictures", label=None).labels is None


def test_a_version_a_config_a_folder_and_another_place(root, read):
    shutil.copytree(root / "pictures" / "1.0.0", root / "sets" / "small" / "1.0.0")
    assert len(read(libraries.tfds, GREY8, name="pictures:1.0.0")) == 20
    assert len(read(libraries.tfds, GREY8, name="sets/small")) == 20
    assert len(read(libraries.tfds, GREY8, name="sets")) == 20
    assert len(read(libraries.tfds, GREY8, name=str(root / "pictures" / "1.0.0"))) == 20
    assert len(read(libraries.tfds, GREY8, name="small", data_dir=str(root / "sets"))) == 20
    shutil.copytree(root / "pictures" / "1.0.0", root / "sets" / "large" / "1.0.0")
    with pytest.raises(DataError, match=r"sets has several configs; write sets/large or sets/small"):
        read(libraries.tfds, GREY8, name="sets")


def test_the_newest_version_is_taken(root):
    from dcgan_kit_plugins.data.tfds import _prepared

    for version in ("1.0.2", "1.0.10"):
        shutil.copytree(root / "pictures" / "1.0.0", root / "pictures" / version)
    (root / "pictures" / "2.0.0.incomplete123").mkdir()
    assert _prepared("pictures", root) == root / "pictures" / "1.0.10"


@pytest.mark.parametrize("name", ["mnist", "mnist:3.0.1", "pictures:2.0.0", "pictures/large"])
def test_what_is_not_there_is_told_without_asking_the_network(name, root, read):
    with pytest.raises(
        DataError, match=rf"data set {name} is not in {root} yet: prepare it .* or set 'download: true'"
    ):
        read(libraries.tfds, GREY8, name=name)
    with pytest.raises(DataError, match=r"yet: from the moon"):
        read(libraries.tfds, GREY8, name=name, hint="from the moon")


def test_a_failed_download_is_a_data_error(root, read, monkeypatch):
    def fail(*_, **__):
        raise ValueError("no such data set\nwith a long list of those that there are")

    monkeypatch.setattr("tensorflow_datasets.builder", fail)
    with pytest.raises(DataError, match=r"^TFDS data set mnist, split 'train': ValueError: no such data set$"):
        read(libraries.tfds, GREY8, name="mnist", download=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "../pictures"}, r"no TFDS data set is called '../pictures': give name, name/config"),
        ({"split": "val"}, r"TFDS data set pictures, split 'val': .*val"),
        (
            {"image": "picture"},
            r"no image feature 'picture': set 'image'. It has image \(Image\), label \(ClassLabel\), name",
        ),
        ({"image": "name"}, r"no image feature 'name'"),
        ({"label": "name"}, r"no integer feature 'name': set 'label', or null"),
        ({"label": "class"}, r"no integer feature 'class': set 'label', or null"),
    ],
)
def test_options_that_do_not_serve(options, message, root, read):
    with pytest.raises(DataError, match=message):
        read(libraries.tfds, GREY8, **{"name": "pictures", **options})


def test_a_folder_that_asks_for_foreign_code_is_refused(root, read, tmp_path, monkeypatch):
    (tmp_path / "evil_module.py").write_text(f"open({str(tmp_path / 'exploded')!r}, 'w')")
    monkeypatch.syspath_prepend(tmp_path)
    file = root / "pictures" / "1.0.0" / "features.json"
    text = file.read_text()
    file.write_text(re.sub(r"tensorflow_datasets\.core\.features\.text_feature\.Text", "evil_module.Text", text))
    assert file.read_text() != text
    with pytest.raises(DataError, match=r"features.json needs code outside TFDS, evil_module.Text: use a data set"):
        read(libraries.tfds, GREY8, name="pictures")
    assert not (tmp_path / "exploded").exists()
    assert "evil_module" not in sys.modules


@pytest.mark.parametrize("name", ["features.json", "dataset_info.json"])
@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"a": 1})])
def test_a_damaged_folder(name, content, root, read):
    (root / "pictures" / "1.0.0" / name).write_text(content)
    with pytest.raises(DataError, match=r"pictures"):
        read(libraries.tfds, GREY8, name="pictures")


def test_records_that_are_lost_are_counted(root, read):
    (file,) = (root / "pictures" / "1.0.0").glob("*train*tfrecord*")
    os.truncate(file, os.path.getsize(file) - 5)
    with pytest.raises(
        DataError, match=r"1 of 20 images in TFDS pictures cannot be read: .*(?s:.)*record 20: lost: tru"
    ):
        read(libraries.tfds, GREY8, name="pictures", max_broken_share=0.0)
    images = read(libraries.tfds, GREY8, name="pictures")
    assert len(images) == 19
    assert len(images.skipped) == 1


def test_without_the_package_the_extra_is_named(read, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(DataError, match=r"TFDS cannot be imported: pip install 'dcgan-kit\[tfds\]'"):
        read(libraries.tfds, GREY8, name="mnist", data_dir=str(Path(tmp_path)))
