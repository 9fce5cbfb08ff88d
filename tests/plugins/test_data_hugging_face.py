from __future__ import annotations

import io
import json
import os
import shutil
import socket
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from dcgan_kit_plugins.data import libraries
from PIL import Image

from dcgan_kit import DataError, ImageSpec
from dcgan_kit.data.loading import load_images

GREY8 = ImageSpec(8, 8, 1)


def png(grey):
    stream = io.BytesIO()
    Image.new("L", (16, 16), grey).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture(scope="module")
def datasets():
    """The library, which is an extra."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        library = pytest.importorskip("datasets")
    library.disable_progress_bars()
    return library


@pytest.fixture
def table(datasets):
    """Return a function (images, labels) -> Dataset."""

    def table(images, labels):
        features = datasets.Features(
            {
                "image": datasets.Image(),
                "label": datasets.ClassLabel(names=["a", "b", "c"]),
                "text": datasets.Value("string"),
            }
        )
        rows = {"image": images, "label": labels, "text": ["t"] * len(labels)}
        return datasets.Dataset.from_dict(rows, features)

    return table


@pytest.fixture
def pictures(table):
    """20 images, grey level 10 times the number."""
    return table([{"bytes": png(10 * n), "path": None} for n in range(20)], [n % 3 for n in range(20)])


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Fail where the network is asked."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: pytest.fail("it must not ask the network"))
    monkeypatch.setattr(socket.socket, "connect", lambda *_, **__: pytest.fail("it must not ask the network"))


def test_a_folder_with_images_and_labels(pictures, tmp_path, read):
    pictures.save_to_disk(tmp_path / "a")
    images = read(libraries.hugging_face, GREY8, name=str(tmp_path / "a"))
    np.testing.assert_array_equal(images.pixels[:, 4, 4, 0], range(0, 200, 10))
    np.testing.assert_array_equal(images.labels, np.arange(20) % 3)
    assert images.class_names == ("a", "b", "c")
    again = read(libraries.hugging_face, GREY8, name=str(tmp_path / "a"), memory_mib=0)
    assert isinstance(again.pixels, np.memmap)
    np.testing.assert_array_equal(again.pixels, images.pixels)
    assert read(libraries.hugging_face, GREY8, name=str(tmp_path / "a"), label=None).labels is None


@pytest.mark.parametrize("in_memory", [False, True], ids=["mapped", "in memory"])
def test_what_is_cached_of_one_dataset_is_not_taken_for_another(
    in_memory, datasets, table, tmp_path, read, monkeypatch
):
    monkeypatch.setattr(datasets.config, "IN_MEMORY_MAX_SIZE", 2**30 if in_memory else 0)

    def save(grey, name):
        table([{"bytes": png(grey), "path": None}] * 3, [0] * 3).save_to_disk(tmp_path / name)

    def seen(name):
        images = read(libraries.hugging_face, GREY8, name=str(tmp_path / name), memory_mib=0)
        return int(images.pixels[0, 4, 4, 0])

    save(10, "a")
    save(20, "b")
    assert bool(datasets.load_from_disk(str(tmp_path / "a")).cache_files) != in_memory
    assert [seen("a"), seen("b")] == [10, 20]
    assert len(list(Path(os.environ["DCGAN_KIT_CACHE"]).glob("*.pixels"))) == 2
    assert [seen("a"), seen("b")] == [10, 20]
    assert len(list(Path(os.environ["DCGAN_KIT_CACHE"]).glob("*.pixels"))) == 2, "what was decoded serves again"
    shutil.rmtree(tmp_path / "a")
    save(30, "a")
    assert seen("a") == 30


def test_a_folder_with_splits(datasets, pictures, tmp_path, read):
    parts = {"train": pictures, "test": pictures.select(range(5))}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "a")
    assert len(read(libraries.hugging_face, GREY8, name=str(tmp_path / "a"))) == 20
    assert len(read(libraries.hugging_face, GREY8, name=str(tmp_path / "a"), split="test")) == 5
    with pytest.raises(DataError, match=r"a has no split 'val'. It has train, test"):
        read(libraries.hugging_face, GREY8, name=str(tmp_path / "a"), split="val")


def test_a_column_of_bytes(datasets, tmp_path, read):
    datasets.Dataset.from_dict({"png": [png(10), png(20)], "class": [5, 6]}).save_to_disk(tmp_path / "a")
    options = {"name": str(tmp_path / "a"), "image": "png", "label": "class"}
    features = datasets.load_from_disk(str(tmp_path / "a")).features
    assert features["png"].dtype == "binary"
    images = read(libraries.hugging_face, GREY8, **options)
    np.testing.assert_array_equal(images.pixels[:, 4, 4, 0], [10, 20])
    np.testing.assert_array_equal(images.labels, [5, 6])


def test_cells_that_hold_no_image(datasets, table, tmp_path, read):
    local = tmp_path / "local.png"
    local.write_bytes(png(70))
    cells = [{"bytes": png(10), "path": None}] * 20 + [
        {"bytes": None, "path": str(local)},
        {"bytes": None, "path": "https://example.org/a.png"},
        {"bytes": None, "path": str(tmp_path)},
        {"bytes": b"hello", "path": None},
        None,
        {"bytes": png(10), "path": None},
    ]
    # Plain cells first: an image that is no file cannot be written, only found.
    plain = table(cells, [0] * 25 + [None]).cast_column(
        "image", {"bytes": datasets.Value("binary"), "path": datasets.Value("string")}
    )
    plain.save_to_disk(tmp_path / "a")
    info = json.loads((tmp_path / "a" / "dataset_info.json").read_text())
    info["features"]["image"] = {"_type": "Image"}
    (tmp_path / "a" / "dataset_info.json").write_text(json.dumps(info))
    images = read(libraries.hugging_face, GREY8, name=str(tmp_path / "a"), max_broken_share=0.5)
    assert images.pixels[20, 4, 4, 0] == 70
    assert len(images) == 21
    name = f"{tmp_path / 'a'}, train"
    assert images.skipped == (
        f"{name} 22: neither bytes nor a local file (https://example.org/a.png)",
        f"{name} 23: neither bytes nor a local file ({tmp_path})",
        f"{name} 24: not a PNG, JPEG, WEBP, BMP or GIF image",
        f"{name} 25: no image",
        f"{name} 26: no label",
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"image": "picture"},
            r"no column of images 'picture': set 'image'. It has image \(.*\), label \(int64\), text",
        ),
        ({"image": "text"}, r"no column of images 'text'"),
        ({"label": "text"}, r"no column of integers 'text': set 'label', or null"),
        ({"label": "class"}, r"no column of integers 'class'"),
    ],
)
def test_columns_that_do_not_serve(options, message, pictures, tmp_path, read):
    pictures.save_to_disk(tmp_path / "a")
    with pytest.raises(DataError, match=message):
        read(libraries.hugging_face, GREY8, name=str(tmp_path / "a"), **options)


def test_folders_that_do_not_serve(datasets, pictures, tmp_path, read):
    with pytest.raises(DataError, match=r"holds no Hugging Face dataset: write one with save_to_disk"):
        read(libraries.hugging_face, GREY8, name=str(tmp_path))
    with pytest.raises(DataError, match=r"no Hugging Face dataset .*nowhere: give a folder that save_to_disk wrote"):
        read(libraries.hugging_face, GREY8, name=str(tmp_path / "nowhere"))
    pictures.save_to_disk(tmp_path / "a")
    for name in ("state.json", "data-00000-of-00001.arrow"):
        os.truncate(tmp_path / "a" / name, 20)
        with pytest.raises(DataError, match=rf"{tmp_path / 'a'}: \w+: "):
            read(libraries.hugging_face, GREY8, name=str(tmp_path / "a"))
        pictures.save_to_disk(tmp_path / "a")


@pytest.fixture
def hub_cache(datasets, pictures, tmp_path, monkeypatch):
    """The cache of the Hub with a dataset someone/pictures in it, laid out as a download leaves it."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "hub"))
    pictures.to_parquet(str(tmp_path / "a.parquet"))
    with monkeypatch.context() as patch:
        patch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
        files = {"train": str(tmp_path / "a.parquet")}
        datasets.load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "made"))
    (made,) = (path.parent for path in (tmp_path / "made").rglob("dataset_info.json"))
    place = tmp_path / "hub" / "someone___pictures" / "default" / "0.0.0" / "abc"
    place.parent.mkdir(parents=True)
    made.rename(place)
    (place / "parquet-train.arrow").rename(place / "pictures-train.arrow")
    info = json.loads((place / "dataset_info.json").read_text())
    info.update(config_name="default", dataset_name="pictures")
    (place / "dataset_info.json").write_text(json.dumps(info))
    return tmp_path / "hub"


def test_a_dataset_of_the_hub_is_served_from_the_cache_and_says_nothing(hub_cache, read, capfd):
    capfd.readouterr()
    images = read(libraries.hugging_face, GREY8, name="someone/pictures")
    np.testing.assert_array_equal(images.pixels[:, 4, 4, 0], range(0, 200, 10))
    np.testing.assert_array_equal(images.labels, np.arange(20) % 3)
    assert len(read(libraries.hugging_face, GREY8, name="someone/pictures", split="train[:25%]")) == 5
    assert capfd.readouterr() == ("", "")


def test_the_recipe_of_the_documentation_loads(hub_cache, page_recipe):
    place = hub_cache / "zalando-datasets___fashion_mnist" / "default" / "0.0.0" / "abc"
    (hub_cache / "someone___pictures").rename(place.parents[2])
    (place / "pictures-train.arrow").rename(place / "fashion_mnist-train.arrow")
    info = (place / "dataset_info.json").read_text()
    (place / "dataset_info.json").write_text(info.replace('"pictures"', '"fashion_mnist"'))
    images = load_images(page_recipe("hugging_face"))
    assert images.pixels.shape == (20, 28, 28, 1)
    assert images.labels.shape == (20,)


def test_a_dataset_that_is_not_in_the_cache(datasets, hub_cache, read):
    message = rf"someone/else cannot be read from {hub_cache} alone \(.*\): load it once where there is a network, or"
    with pytest.raises(DataError, match=message):
        read(libraries.hugging_face, GREY8, name="someone/else")
    with pytest.raises(DataError, match=r"from the moon"):
        read(libraries.hugging_face, GREY8, name="someone/else", hint="from the moon")
    with pytest.raises(DataError, match=r"someone/pictures cannot be read from .* alone \(.*val.*\): load it once"):
        read(libraries.hugging_face, GREY8, name="someone/pictures", split="val")
    assert not datasets.config.HF_HUB_OFFLINE


def test_a_failed_download_is_a_data_error(datasets, hub_cache, read, monkeypatch):
    def fail(*_, **__):
        if datasets.config.HF_HUB_OFFLINE:
            raise FileNotFoundError("not cached")
        raise ConnectionError("no network")

    monkeypatch.setattr(datasets, "load_dataset", fail)
    with pytest.raises(DataError, match=r"^someone/else could not be fetched: ConnectionError: no network$"):
        read(libraries.hugging_face, GREY8, name="someone/else", download=True)


@pytest.mark.parametrize("name", ["pandas", "https://example.org/a", "a/b/c", "hf://datasets/a/b", "../nowhere"])
def test_only_folders_and_names_of_the_hub_are_names(name, datasets, read, monkeypatch):
    monkeypatch.setattr(datasets, "load_dataset", lambda *_, **__: pytest.fail("it must not be asked for"))
    with pytest.raises(DataError, match=rf"no Hugging Face dataset {name}: give a folder"):
        read(libraries.hugging_face, GREY8, name=name)


def test_without_the_package_the_extra_is_named(read, monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"'datasets' cannot be imported: pip install 'dcgan-kit\[huggingface\]'"):
        read(libraries.hugging_face, GREY8, name="a/b")
