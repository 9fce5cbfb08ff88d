"""Decoded pixels on disk: one file per data set, mapped into memory. A damaged file is detected and written again.

A file holds the pixels, int64 labels if there are any, the skipped files as JSON, and a trailer with the size of each
part and a checksum. The file gets its final name only when it is complete.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from dcgan_kit import DataError, Images, cache_folder, open_regular, replacing, report_progress

FORMAT = b"dcgkpx01"
"""Marks files of this layout. Change it with the layout; older files are then written again."""
TRAILER = struct.Struct("<8sQQQI")
"""Mark, number of images, bytes of labels, bytes of JSON, checksum of everything before the trailer."""
CHUNK = 2**23
STALE_SECONDS = 24 * 3600
"""An unfinished file without changes for this long is left over from a killed process."""

Add = Callable[[Any], None]
Fill = Callable[[Add], "tuple[np.ndarray | None, tuple[str, ...]]"]


def cache_file(key: Any) -> Path:
    """Return the file for pixels that depend only on ``key``, a value for JSON."""
    text = json.dumps(key, sort_keys=True, default=str)
    return cache_folder() / f"{hashlib.sha256(text.encode()).hexdigest()}.pixels"


def file_facts(files: Iterable[str | Path]) -> list[tuple[str, int, int]]:
    """Return (absolute name, bytes, modification time in ns) of each file. Equal facts count as equal content."""
    facts = []
    for file in files:
        with suppress(FileNotFoundError):  # The file was deleted after listing. Reading it will report that.
            found = os.stat(file)
            facts.append((os.path.abspath(file), found.st_size, found.st_mtime_ns))
    return facts


def cached(key: Any, shape: tuple[int, int, int], count: int, fill: Fill) -> Images:
    """Return the images in the cache under ``key``. If they are missing or damaged, ``fill`` makes them.

    Args:
        key: everything that the pixels depend on.
        shape: (H, W, C).
        count: largest possible number of images.
        fill: gets a function ``add``, calls it with the uint8 pixels of one image (H, W, C) or several, in order, and
            returns labels and skipped files.

    Raises:
        DataError: the cache cannot be read or written.
    """
    file = cache_file(key)
    with _telling(file):
        images = read_pixels(file, shape)
    if images is None:
        _write_pixels(file, shape, count, fill)
        with _telling(file):
            images = read_pixels(file, shape)
        if images is None:
            raise DataError(
                f"the cache {file} is damaged right after it was written: set DCGAN_KIT_CACHE to another folder"
            )
    return images


def read_pixels(file: Path, shape: tuple[int, int, int]) -> Images | None:
    """Return images with pixels mapped read-only from the file. Return None if the file is missing or damaged."""
    try:
        with open_regular(file) as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(max(0, size - TRAILER.size))
            trailer = stream.read()
            if len(trailer) != TRAILER.size:
                return None
            mark, count, label_bytes, json_bytes, checksum = TRAILER.unpack(trailer)
            pixel_bytes = count * shape[0] * shape[1] * shape[2]
            if mark != FORMAT or pixel_bytes + label_bytes + json_bytes + TRAILER.size != size:
                return None
            stream.seek(0)
            if _checksum(stream, size - TRAILER.size, count) != checksum:
                return None
            stream.seek(pixel_bytes)
            labels = np.frombuffer(stream.read(label_bytes), "<i8").astype(np.int64) if label_bytes else None
            skipped = tuple(json.loads(stream.read(json_bytes)))
            pixels = np.memmap(stream, np.uint8, "r", 0, (count, *shape))
    except FileNotFoundError:
        return None
    return Images(pixels, labels, skipped)


def _checksum(stream: IO[bytes], size: int, count: int) -> int:
    checksum = done = 0
    while done < size:
        chunk = stream.read(min(CHUNK, size - done))
        if not chunk:
            break
        checksum = zlib.crc32(chunk, checksum)
        done += len(chunk)
        report_progress(done * count // size, count)
    return checksum


def _write_pixels(file: Path, shape: tuple[int, int, int], count: int, fill: Fill) -> None:
    bytes_each = shape[0] * shape[1] * shape[2]
    with _telling(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        _remove_stale(file.parent)
        free = shutil.disk_usage(file.parent).free
        if free < count * bytes_each:
            raise DataError(
                f"{count} decoded images take {count * bytes_each / 2**30:.1f} GiB, and {file.parent} has "
                f"{free / 2**30:.1f} GiB left: free some, or set DCGAN_KIT_CACHE to a folder on a larger disk"
            )
    with ExitStack() as held:
        with _telling(file):
            stream = held.enter_context(replacing(file))
        checksum = added = 0

        def add(pixels: Any) -> None:
            nonlocal checksum, added
            content = np.ascontiguousarray(pixels, np.uint8).tobytes()
            checksum = zlib.crc32(content, checksum)
            added += len(content) // bytes_each
            with _telling(file):
                stream.write(content)

        labels, skipped = fill(add)
        texts = b"" if labels is None else labels.astype("<i8").tobytes(), json.dumps(skipped).encode()
        for text in texts:
            checksum = zlib.crc32(text, checksum)
        with _telling(file):
            stream.writelines([*texts, TRAILER.pack(FORMAT, added, *map(len, texts), checksum)])
            # Close here, so that errors of the disk are reported as errors of the cache. Errors of 'fill' are not.
            held.close()


def _remove_stale(folder: Path) -> None:
    for left in folder.glob(".*.tmp"):
        with suppress(OSError):  # The file belongs to another user, or is gone.
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink()


@contextmanager
def _telling(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"the cache {file.parent} cannot be used: {error.strerror or error}: "
            f"set DCGAN_KIT_CACHE to a writable folder, or raise 'memory_mib' to need no cache"
        ) from error
