"""Encoded images in TFRecord files. Each record is a tf.train.Example with the bytes of an image and maybe a label."""

from __future__ import annotations

import glob
import gzip
import io
import os
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from dcgan_kit_plugins.data.image_reading import Source
from dcgan_kit_plugins.data.pixel_cache import file_facts

from dcgan_kit import DataError, StoredImage, open_regular, run_folder_between

LARGEST_RECORD = 64 * 2**20
"""Largest record in bytes. A damaged or malicious length must not make the program allocate that much memory."""
DEFAULT_LABEL = "label"
GZIP = b"\x1f\x8b"
LENGTH = struct.Struct("<Q")
FRAME = 4 + 4
"""Bytes of a record besides length and content: one checksum of each."""


def tfrecord_source(path: str, image: str, label: str | None, hint: str) -> Source:
    """Return the images of TFRecord files: one file, all files of a folder, or those that match a pattern with ``*``.

    Raises:
        DataError: there is no such file, no record, or no feature of that name in the first record.
    """
    files, left_out = _files(path, hint)
    counts, ends = zip(*(_scan(file) for file in files), strict=True)
    if not sum(counts):
        reasons = "; ".join(f"{file}: {end}" for file, end in zip(files, ends, strict=True) if end)
        raise DataError(f"no record in {path}{reasons and ': '}{reasons}: give TFRecord files of tf.train.Example")
    labelled = _first_has_label(files[next(n for n, count in enumerate(counts) if count)], image, label)

    def entries() -> Iterator[StoredImage | str]:
        for file, count, end in zip(files, counts, ends, strict=True):
            yield from _entries(file, count, image, label if labelled else None)
            if end:
                yield f"{file}: {end}"

    total = sum(counts) + sum(1 for end in ends if end)
    facts = ["tfrecord", image, label]
    return Source(path, total, entries, lambda: [*facts, file_facts(files)], labelled, left_out)


def check_files(path: str, hint: str) -> None:
    """Check that a path has TFRecord files.

    Raises:
        DataError: it has none.
    """
    _files(path, hint)


def _files(path: str, hint: str) -> tuple[list[str], tuple[str, ...]]:
    """Return the sorted files, and lines about files that are left out."""
    place = os.path.expanduser(path)
    if os.path.isdir(place):
        found = [
            str(file) for file in Path(place).iterdir() if "tfrecord" in file.name and not file.name.startswith(".")
        ]
    else:
        found = [place] if os.path.lexists(place) else glob.glob(place)
    special = [file for file in found if not os.path.isfile(file) and not os.path.isdir(file)]
    outputs = {file: _run_folder(file, place) for file in found}
    files = sorted(file for file in found if os.path.isfile(file) and not outputs[file])
    runs = sorted({run for run in outputs.values() if run})
    lines = [f"{path}: left out {file}: it is not a regular file" for file in sorted(special)]
    lines += [f"{path}: left out the run folder {run}, as output is no input" for run in runs]
    if not files:
        remedy = hint or "give a file, a folder of files whose names hold 'tfrecord', or a pattern: train-*.tfrecord"
        raise DataError("\n  ".join([f"no TFRecord file at {place}: {remedy}", *lines]))
    return files, tuple(lines)


def _run_folder(file: str, place: str) -> str:
    """Return the run folder that contains a file, below the part of a pattern without wildcards; empty if none."""
    fixed = place if os.path.isdir(place) else os.path.dirname(re.split(r"[*?[]", place)[0])
    found = run_folder_between(Path(file), Path(fixed))
    return "" if found is None else str(found)


@contextmanager
def _opened(file: str) -> Iterator[tuple[IO[bytes], int | None]]:
    """Yield a stream of the uncompressed records, and the file's size, or None for a compressed file."""
    with open_regular(file) as stream:
        packed = stream.read(2) == GZIP
        stream.seek(0)
        if packed:
            with gzip.open(stream, "rb") as unpacked:
                yield cast("IO[bytes]", unpacked), None
        else:
            yield stream, os.fstat(stream.fileno()).st_size


def _scan(file: str) -> tuple[int, str]:
    """Return the number of complete records of a file, and what is wrong after them; empty if nothing is wrong."""
    count = 0
    try:
        with _opened(file) as (stream, size):
            while head := stream.read(LENGTH.size):
                if len(head) < LENGTH.size:
                    return count, f"cut off in record {count + 1}"
                (length,) = LENGTH.unpack(head)
                if length > LARGEST_RECORD:
                    return count, f"record {count + 1} claims {length} bytes: damaged, or no TFRecord file"
                if size is not None:
                    if stream.seek(length + FRAME, os.SEEK_CUR) > size:
                        return count, f"cut off in record {count + 1}"
                elif len(stream.read(length + FRAME)) < length + FRAME:
                    return count, f"cut off in record {count + 1}"
                count += 1
    except (OSError, EOFError, zlib.error) as error:
        return count, f"unreadable after record {count}: {getattr(error, 'strerror', None) or 'damaged'}"
    return count, ""


def examples_or_reasons(examples: Iterable[Any], count: int, name: str) -> Iterator[Any]:
    """Yield ``count`` examples. If TensorFlow cannot continue, yield the reason for each remaining example."""
    import tensorflow as tf

    done = 0
    try:
        for example in examples:
            yield example
            done += 1
    except tf.errors.OpError as error:
        reason = str(error.message).partition(" [Op")[0].rpartition("}} ")[2]
        for number in range(done, count):
            yield f"{name}, record {number + 1}: lost: {reason}"


def _records(file: str, count: int) -> Iterator[Any]:
    """Yield the first ``count`` records, with checksums verified. From a damaged record on, yield reasons instead."""
    import tensorflow as tf

    with open_regular(file) as stream:
        packed = "GZIP" if stream.read(2) == GZIP else ""
    return examples_or_reasons(tf.data.TFRecordDataset(file, packed).take(count).as_numpy_iterator(), count, file)


def _entries(file: str, count: int, image: str, label: str | None) -> Iterator[StoredImage | str]:
    for number, record in enumerate(_records(file, count), start=1):
        if isinstance(record, str):
            yield record
            continue
        name = f"{file}, record {number}"
        try:
            features = _features(record)
            content = _one(features, image, "bytes_list")
            value = None if label is None else _one(features, label, "int64_list")
        except ValueError as error:
            yield f"{name}: {error}"
            continue
        yield StoredImage(name, lambda content=content: io.BytesIO(content), value)  # type: ignore[misc]


def _features(record: bytes) -> Any:
    import tensorflow as tf

    try:
        return tf.train.Example.FromString(record).features.feature
    except Exception as error:  # protobuf's DecodeError: protobuf is not a direct dependency, so it is not imported.
        raise ValueError(f"no tf.train.Example ({error})") from error


def _one(features: Any, name: str, kind: str) -> Any:
    if name not in features:
        raise ValueError(f"no feature {name!r}. It has {', '.join(sorted(features)) or 'none'}")
    values = getattr(features[name], kind).value
    if len(values) != 1:
        held = features[name].WhichOneof("kind") or "nothing"
        raise ValueError(f"feature {name!r} must hold one value as {kind}. Received: {held}, {len(values)} of {kind}")
    return values[0]


def _first_has_label(file: str, image: str, label: str | None) -> bool:
    """Return whether images are labelled, and check the feature names, from the first record.

    Raises:
        DataError: the first record has no such feature.
    """
    record = next(_records(file, 1))
    if isinstance(record, str):
        return label is not None
    try:
        features = _features(record)
        _one(features, image, "bytes_list")
        # The default name may be missing: images need no labels.
        if label is not None and (label in features or label != DEFAULT_LABEL):
            _one(features, label, "int64_list")
    except ValueError as error:
        raise DataError(f"{file}, record 1: {error}: set 'image' and 'label' to the names of features") from error
    return label is not None and label in features
