"""Images of TensorFlow Datasets (TFDS). The disk is searched first, so nothing waits for a missing network."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from dcgan_kit_plugins.data.image_reading import Source
from dcgan_kit_plugins.data.pixel_cache import file_facts
from dcgan_kit_plugins.data.tfrecord_files import examples_or_reasons

from dcgan_kit import DataError, StoredImage, open_regular, require_ordinary_files

INFO = "dataset_info.json"
LARGEST_FEATURES = 2**24
"""Largest size in bytes of the file that lists a data set's features."""
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")


def tfds_source(
    name: str, split: str, image: str, label: str | None, data_dir: str | None, download: bool, hint: str
) -> Source:
    """Return the images of one split of a data set.

    Args:
        name: ``name`` or ``name/config``, each also with ``:version``; or a folder with a ``dataset_info.json``.
        split: a split in the syntax of TFDS: ``train``, ``train[:10%]``.
        image: an ``Image`` feature.
        label: an integer feature, or None.
        data_dir: folder of the data sets; None: ``$TFDS_DATA_DIR`` or ``~/tensorflow_datasets``.
        download: whether to download and prepare a data set that is missing.
        hint: what the error message says if the data set is missing.

    Raises:
        DataError: the package or the data set is missing, or it has no such split or feature.
    """
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise DataError(f"TFDS cannot be imported: pip install 'dcgan-kit[tfds]' ({error})") from error

    root = Path(data_dir or os.environ.get("TFDS_DATA_DIR") or "~/tensorflow_datasets").expanduser()
    folder = _prepared(name, root)
    try:
        if folder is None:
            if not download:
                remedy = hint or f"prepare it where there is a network (tfds build {name}), or set 'download: true'"
                raise DataError(f"TFDS data set {name} is not in {root} yet: {remedy}")
            tfds.disable_progress_bar()
            builder = tfds.builder(name, data_dir=root)
            builder.download_and_prepare()
        else:
            require_ordinary_files(folder)
            _refuse_foreign_code(folder)
            builder = tfds.builder_from_directory(folder)
        features, splits = builder.info.features, builder.info.splits
        count = splits[split].num_examples if splits else 0
    except DataError:
        raise
    except Exception as error:  # Builders can raise any error, also for a damaged folder.
        raise DataError(
            f"TFDS data set {name}, split {split!r}: {type(error).__name__}: {_first_line(error)}"
        ) from error

    labelled = _check_features(tfds, features, image, label, name)
    if not count:
        raise DataError(f"split {split!r} of TFDS data set {name} has no image")

    def entries() -> Iterator[StoredImage | str]:
        # Keep the bytes encoded: all sources of images rotate, convert and resize them in the same way.
        decoders = {image: tfds.decode.SkipDecoding()}
        features_to_read = {image: True, **({label: True} if labelled else {})}
        examples = builder.as_dataset(
            split,
            decoders=tfds.decode.PartialDecoding(features_to_read, decoders=decoders),
            read_config=tfds.ReadConfig(try_autocache=False),
        )
        for number, example in enumerate(examples_or_reasons(tfds.as_numpy(examples), count, name), start=1):
            if isinstance(example, str):
                yield example
                continue
            content = example[image]
            value = int(example[label]) if labelled else None
            yield StoredImage(f"{name}, {split} {number}", lambda content=content: io.BytesIO(content), value)  # type: ignore[misc]

    files = sorted(Path(builder.data_dir).iterdir())
    return Source(
        f"TFDS {name}",
        count,
        entries,
        lambda: ["tfds", split, image, label, file_facts(files)],
        labelled,
        class_names=_names(features[label]) if labelled else (),
    )


def _prepared(name: str, root: Path) -> Path | None:
    """Return the folder of a prepared data set, in its newest version; None if there is none."""
    place = Path(name).expanduser()
    if (place / INFO).is_file():
        return place
    title, _, version = name.partition(":")
    if not re.fullmatch(r"\w+(/[\w.-]+)?", title):
        raise DataError(f"no TFDS data set is called {name!r}: give name, name/config, name:1.2.3, or a folder")
    base = root / title
    if version:
        return base / version if (base / version / INFO).is_file() else None
    found = _newest(base)
    if found is not None or not base.is_dir():
        return found
    configs = {folder.name: newest for folder in sorted(base.iterdir()) if (newest := _newest(folder))}
    if len(configs) > 1:
        raise DataError(
            f"TFDS data set {name} has several configs; write {' or '.join(f'{name}/{c}' for c in configs)}"
        )
    return next(iter(configs.values()), None)


def _newest(folder: Path) -> Path | None:
    if not folder.is_dir():
        return None
    versions = [child for child in folder.iterdir() if _VERSION.fullmatch(child.name) and (child / INFO).is_file()]
    return max(versions, key=lambda child: [int(part) for part in child.name.split(".")], default=None)


def _refuse_foreign_code(folder: Path) -> None:
    """Reject a data set whose ``features.json`` names classes outside TFDS, because TFDS would import their code.

    Raises:
        DataError: it names such a class, or cannot be read.
    """
    file = folder / "features.json"
    try:
        with open_regular(file) as stream:
            content = stream.read(LARGEST_FEATURES + 1)
        if len(content) > LARGEST_FEATURES:
            raise ValueError(f"is larger than {LARGEST_FEATURES // 2**20} MiB")
        todo = [json.loads(content.decode("utf-8"))]
    except (OSError, ValueError, RecursionError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        raise DataError(f"{file}: {reason}: prepare the data set again") from error
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo.extend(value)
        elif isinstance(value, dict):
            todo.extend(value.values())
            # TFDS up to 4.4 calls it 'type'.
            named = value.get("pythonClassName") or value.get("python_class_name") or value.get("type") or ""
            if isinstance(named, str) and "." in named and not named.startswith("tensorflow_datasets."):
                raise DataError(f"{file} needs code outside TFDS, {named}: use a data set without it")


def _check_features(tfds: Any, features: Any, image: str, label: str | None, name: str) -> bool:
    """Return whether images are labelled.

    Raises:
        DataError: there is no such image or label feature.
    """
    named = dict(features) if isinstance(features, tfds.features.FeaturesDict) else {}
    has = f"It has {', '.join(f'{key} ({type(value).__name__})' for key, value in sorted(named.items())) or 'none'}"
    if not isinstance(named.get(image), tfds.features.Image):
        raise DataError(f"TFDS data set {name} has no image feature {image!r}: set 'image'. {has}")
    if label is None or (label == "label" and label not in named):
        return False
    if label not in named or named[label].shape != () or not np.issubdtype(named[label].np_dtype, np.integer):
        raise DataError(f"TFDS data set {name} has no integer feature {label!r}: set 'label', or null. {has}")
    return True


def _names(feature: Any) -> tuple[str, ...]:
    # TFDS cannot return names of a feature without a number of classes.
    return tuple(feature.names) if getattr(feature, "num_classes", None) else ()


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
