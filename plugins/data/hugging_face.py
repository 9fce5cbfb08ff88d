"""Images of Hugging Face datasets, from a folder on disk or by name. The local cache is tried before the network."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any

from dcgan_kit_plugins.data.image_reading import Source
from dcgan_kit_plugins.data.pixel_cache import file_facts

from dcgan_kit import DataError, StoredImage, open_image_file, require_ordinary_files

_HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_SAVED = ("dataset_info.json", "dataset_dict.json")
"""Each folder that ``save_to_disk`` wrote contains one of these files."""


def hugging_face_source(
    name: str, config: str | None, split: str, image: str, label: str | None, download: bool, hint: str
) -> Source:
    """Return the images of one split of a dataset.

    Args:
        name: a folder that ``save_to_disk`` wrote, or ``owner/name`` on the Hub.
        config: the configuration, if a dataset on the Hub has several.
        split: ``train``; for a dataset on the Hub also ``train[:10%]``.
        image: a column of images, or of their bytes.
        label: a column of integers, or None.
        download: whether to download a dataset that is not in the local cache.
        hint: what the error message says if the dataset is missing.

    Raises:
        DataError: the package or the dataset is missing, or it has no such split or column.
    """
    try:
        import datasets
        from datasets import load_dataset  # noqa: F401 - a folder called 'datasets' can be imported too, empty
    except ImportError as error:
        raise DataError(f"'datasets' cannot be imported: pip install 'dcgan-kit[huggingface]' ({error})") from error

    with _quiet(datasets):
        folder = Path(name).expanduser()
        if folder.is_dir():
            dataset = _from_disk(datasets, folder, split)
        elif _HUB_NAME.fullmatch(name):
            dataset = _from_hub(datasets, name, config, split, download, hint)
        else:
            remedy = hint or "give a folder that save_to_disk wrote, or owner/name on the Hub"
            raise DataError(f"no Hugging Face dataset {name}: {remedy}")
        # A dataset in memory has no files that identify it, so its fingerprint is used too.
        files, content = [entry["filename"] for entry in dataset.cache_files], dataset._fingerprint
        dataset, labelled = _columns(datasets, dataset, name, image, label)
        names = tuple(getattr(dataset.features[label], "names", None) or ()) if labelled else ()

    def entries() -> Iterator[StoredImage | str]:
        for number, row in enumerate(dataset, start=1):
            place = f"{name}, {split} {number}"
            value = row[label] if labelled else None
            if row[image] is None or (labelled and value is None):
                yield f"{place}: no {'image' if row[image] is None else 'label'}"
            else:
                yield StoredImage(place, partial(_opened, row[image]), value)

    facts = ["hugging_face", name, config, split, image, label, content]
    return Source(
        name,
        len(dataset),
        entries,
        lambda: [*facts, len(dataset), file_facts(files)],
        labelled,
        class_names=names,
    )


def _from_disk(datasets: Any, folder: Path, split: str) -> Any:
    if not any((folder / file).is_file() for file in _SAVED):
        raise DataError(
            f"{folder} holds no Hugging Face dataset: write one with save_to_disk; for image files use 'images'"
        )
    require_ordinary_files(folder)
    try:
        dataset = datasets.load_from_disk(str(folder))
    except Exception as error:  # JSON, Arrow and fsspec raise their own errors for a damaged folder.
        raise DataError(f"{folder}: {type(error).__name__}: {error}") from error
    if isinstance(dataset, datasets.DatasetDict):
        if split not in dataset:
            raise DataError(f"{folder} has no split {split!r}. It has {', '.join(dataset)}")
        return dataset[split]
    return dataset


def _from_hub(datasets: Any, name: str, config: str | None, split: str, download: bool, hint: str) -> Any:
    try:
        with _offline(datasets):
            return datasets.load_dataset(name, config, split=split)
    except Exception as error:
        # Whatever is wrong with the cache, a download can help. So the message suggests it.
        if not download:
            remedy = hint or "load it once where there is a network, or set 'download: true'"
            place = datasets.config.HF_DATASETS_CACHE
            raise DataError(f"{name} cannot be read from {place} alone ({error}): {remedy}") from error
    try:
        return datasets.load_dataset(name, config, split=split)
    except Exception as error:  # HTTP, Arrow and fsspec raise their own errors.
        raise DataError(f"{name} could not be fetched: {type(error).__name__}: {error}") from error


@contextmanager
def _offline(datasets: Any) -> Iterator[None]:
    """Keep ``datasets`` from using the network. Without a network, it would wait for minutes.

    ``datasets`` reads its environment variable only once, at import. So this sets the constants that hold the value.
    """
    import huggingface_hub

    switches = (datasets.config, huggingface_hub.constants)
    before = [switch.HF_HUB_OFFLINE for switch in switches]
    try:
        for switch in switches:
            switch.HF_HUB_OFFLINE = True
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.HF_HUB_OFFLINE = value


@contextmanager
def _quiet(datasets: Any) -> Iterator[None]:
    """Silence progress bars, and the warning that a dataset comes from the cache, which is intended."""
    verbosity, bars = datasets.logging.get_verbosity(), datasets.is_progress_bar_enabled()
    datasets.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.logging.set_verbosity(verbosity)
        if bars:
            datasets.enable_progress_bars()


def _columns(datasets: Any, dataset: Any, name: str, image: str, label: str | None) -> tuple[Any, bool]:
    """Return the dataset with encoded images, and whether they are labelled."""
    features = dataset.features
    has = f"It has {', '.join(f'{key} ({_type(value)})' for key, value in features.items())}"
    if image not in features or not (isinstance(features[image], datasets.Image) or _type(features[image]) == "binary"):
        raise DataError(f"{name} has no column of images {image!r}: set 'image'. {has}")
    if label == "label" and label not in features:
        label = None
    if label is not None and (label not in features or "int" not in _type(features[label])):
        raise DataError(f"{name} has no column of integers {label!r}: set 'label', or null. {has}")
    if isinstance(features[image], datasets.Image):
        dataset = dataset.cast_column(image, datasets.Image(decode=False))
    return dataset.select_columns([image] if label is None else [image, label]), label is not None


def _type(feature: Any) -> str:
    return str(getattr(feature, "dtype", None) or type(feature).__name__)


def _opened(image: Any) -> IO[bytes]:
    """Open the content of a cell: bytes, or a local file. It never downloads an address.

    Raises:
        DataError: the cell holds neither.
        OSError: the file cannot be opened.
    """
    content = image if isinstance(image, bytes) else image.get("bytes")
    if content is not None:
        return io.BytesIO(content)
    path = image.get("path")
    if not path:
        raise DataError(f"neither bytes nor a local file ({path})")
    try:
        return open_image_file(path)
    except FileNotFoundError as error:
        raise DataError(f"neither bytes nor a local file ({path})") from error
