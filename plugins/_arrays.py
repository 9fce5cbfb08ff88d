"""Reading arrays of images: NumPy archives, and whether an array fits a recipe."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np
from dcgan_kit_plugins._pixel_cache import Add, cached, file_facts

from dcgan_kit import DataError, Images, ImageSpec, report_progress

LARGEST_ARRAY = 32 * 2**30
"""Bytes that one array of an archive may have unpacked: a small file can claim to hold more than any machine."""


CHUNK = 2**24
"""Bytes of an archive's array that are in memory at once while it is copied to the cache."""


def read_npz(stream: IO[bytes], images: str, labels: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the arrays of an archive.

    Raises:
        DataError: no archive, a damaged one, or no array of that name.
    """
    with _reading_archive():
        labels = _sizes(stream, images, labels)[1]
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in (images, labels) if name}
    for name, array in found.items():
        # NumPy returns the bytes of what does not begin like an array.
        if not isinstance(array, np.ndarray):
            raise DataError(f"{name!r} is no NumPy array")
    return found[images], found[labels] if labels else None


def npz_images(file: Path, images: str, labels: str | None, spec: ImageSpec, memory_mib: int) -> Images:
    """Return the images of an archive: in memory, or past the limit mapped from the cache.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: the archive is damaged, or an array is missing or does not fit.
    """
    try:
        with file.open("rb") as stream:
            with _reading_archive():
                sizes, _ = _sizes(stream, images, labels)
            if sizes[images] <= memory_mib * 2**20:
                return fitting(*read_npz(stream, images, labels), spec, str(file))
            key = ["npz", images, labels, spec.shape, file_facts([file])]
            count = sizes[images] // (spec.height * spec.width * spec.channels)
            return cached(key, spec.shape, count, lambda add: _copy_npz(stream, images, labels, spec, str(file), add))
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DataError(f"{file}: {error.strerror or error}") from error
    except DataError as error:
        text = str(error)
        raise DataError(text if str(file) in text else f"{file}: {text}") from error


@contextmanager
def _reading_archive() -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # A damaged archive makes zipfile, zlib, NumPy or tokenize raise whatever they like.
        raise DataError(f"not a readable .npz archive: {error}") from error


def _sizes(stream: IO[bytes], images: str, labels: str | None) -> tuple[dict[str, int], str | None]:
    """Return the unpacked bytes of each array, and the name of the labels if there are any."""
    with zipfile.ZipFile(stream) as archive:
        entries = archive.infolist()
    sizes = {entry.filename[:-4]: entry.file_size for entry in entries if entry.filename.endswith(".npy")}
    if labels == "y" and "y" not in sizes:
        labels = None
    for name in (images, labels or images):
        if name not in sizes:
            raise DataError(f"no array {name!r} in the archive. It has {', '.join(sizes) or 'none'}")
        if sizes[name] > LARGEST_ARRAY:
            raise DataError(f"array {name!r} would take {sizes[name] / 2**30:.0f} GiB. At most: 32 GiB")
    return sizes, labels


def _copy_npz(
    stream: IO[bytes], images: str, labels: str | None, spec: ImageSpec, source: str, add: Add
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Give ``add`` the images of an archive, part by part; return the labels."""
    with _reading_archive():
        _, labels = _sizes(stream, images, labels)
        with zipfile.ZipFile(stream) as archive:
            classes = read_npz(stream, labels, None)[0] if labels else None
            with archive.open(f"{images}.npy") as member:
                shape = _checked_header(member, source)
                _check_fit(np.dtype(np.uint8), shape, classes, spec, source)
                size, done = math.prod(shape), 0
                each = math.prod(spec.shape)
                while done < size:
                    content = member.read(min(max(1, CHUNK // each) * each, size - done))
                    if not content or len(content) % each:
                        raise DataError(f"array {images!r} ends after {done} of {size} bytes")
                    add(np.frombuffer(content, np.uint8))
                    done += len(content)
                    report_progress(done // each, shape[0])
    return None if classes is None else classes.reshape(-1).astype(np.int64), ()


def _checked_header(member: IO[bytes], source: str) -> tuple[int, ...]:
    """Return the shape of a uint8 array whose bytes follow, in C order."""
    version = np.lib.format.read_magic(member)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(member)
    if dtype != np.uint8 or fortran:
        order = ", Fortran order" if fortran else ""
        raise DataError(f"{source}: images must be uint8, in C order. Received: {dtype}, {shape}{order}")
    return tuple(shape)


def npy_images(file: Path, labels: Path | None, spec: ImageSpec, memory_mib: int) -> Images:
    """Return the images of one array's file: in memory, or past the limit mapped from the file itself.

    Raises:
        FileNotFoundError: there is no such file.
        DataError: a file is damaged, or an array does not fit.
    """
    pixels = _mapped(file)
    classes = None if labels is None else np.array(_mapped(labels))
    images = fitting(pixels, classes, spec, str(file))
    if pixels.nbytes > memory_mib * 2**20:
        return images
    return Images(np.array(images.pixels), images.labels)


def _mapped(file: Path) -> np.ndarray:
    try:
        # Mapped first, even where it is then copied: a header that claims too much is noticed before memory is taken.
        return np.lib.format.open_memmap(file, "r")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}") from error
    except Exception as error:  # A damaged header makes NumPy, mmap or tokenize raise whatever they like.
        raise DataError(f"{file}: not a readable .npy file: {error}") from error


def fitting(pixels: np.ndarray, labels: np.ndarray | None, spec: ImageSpec, source: str) -> Images:
    """Return arrays as Images of the size asked for.

    Raises:
        DataError: pixels are no uint8 images of that size, or labels no integer for each.
    """
    _check_fit(pixels.dtype, pixels.shape, labels, spec, source)
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    return Images(pixels, None if labels is None else labels.reshape(-1).astype(np.int64))


def _check_fit(
    dtype: np.dtype, shape: tuple[int, ...], labels: np.ndarray | None, spec: ImageSpec, source: str
) -> None:
    if dtype != np.uint8 or len(shape) not in (3, 4):
        raise DataError(f"{source}: images must be uint8, (N, H, W, C) or (N, H, W). Received: {dtype}, {shape}")
    if not shape[0]:
        raise DataError(f"{source}: there is no image in it")
    each = shape[1:] if len(shape) == 4 else (*shape[1:], 1)
    if each != spec.shape:
        given, asked = ("x".join(map(str, size)) for size in (each, spec.shape))
        raise DataError(f"{source}: images are {given}, and the recipe's 'image' asks for {asked}")
    if labels is not None and (labels.size != shape[0] or not np.issubdtype(labels.dtype, np.integer)):
        raise DataError(
            f"{source}: labels must be one integer for each of the {shape[0]} images. "
            f"Received: {labels.dtype}, {labels.shape}"
        )
