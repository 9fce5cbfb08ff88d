"""Reading arrays of images from NumPy files, and checking that they fit a recipe."""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Literal

import numpy as np
from dcgan_kit_plugins.data.pixel_cache import Add, cached, file_facts

from dcgan_kit import (
    ArrayHeader,
    DataError,
    Images,
    ImageSpec,
    array_header,
    open_regular,
    report_progress,
    resized_pixels,
)

LARGEST_ARRAY = 32 * 2**30
"""Largest unpacked array of an archive in bytes. A small archive can claim an array larger than any memory."""
AT_ONCE = 256
"""Images that are resized at once."""
CHUNK = 2**24
"""Bytes of an archive's array that memory holds at once while the array is copied to the cache."""
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Methods of numpy.savez and numpy.savez_compressed. For other methods, Python unpacks without a limit."""


class NpzArchive:
    """The arrays of an archive. It reads the header of an array before the content.

    Raises:
        DataError: the file is not an archive, or is damaged. Methods also raise it if an array is missing or cannot be
            read.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        with reading_archive():
            self._archive = zipfile.ZipFile(stream)
            self._members = {
                info.filename[:-4]: info for info in self._archive.infolist() if info.filename.endswith(".npy")
            }

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all arrays."""
        return tuple(self._members)

    def header(self, name: str, option: str) -> ArrayHeader:
        """Return the header of an array. ``option`` is the option with its name, for error messages."""
        if name not in self._members:
            held = ", ".join(self._members) or "none"
            hint = f"set '{option}' to one of them" if self._members else "for image files use image_zip"
            if option in self._members or (option == "images" and len(self._members) == 1):
                hint += f", with {option}={option if option in self._members else held}"
            if self._members and option == "labels":
                hint += ", or to null"
            raise DataError(f"no array {name!r} in the archive. It has {held}: {hint}")
        info = self._members[name]
        if info.flag_bits & 1 or info.compress_type not in METHODS:
            raise DataError(f"array {name!r} is encrypted, or packed by another method than deflate: save it again")
        if info.file_size > LARGEST_ARRAY:
            raise DataError(f"array {name!r} would take {info.file_size / 2**30:.0f} GiB. At most: 32 GiB")
        with self._opened(name) as member:
            try:
                header = array_header(member)
            except DataError as error:
                raise DataError(f"{name!r} {error}") from error
        if header.size + header.nbytes > info.file_size:
            available = info.file_size - header.size
            raise DataError(f"array {name!r} ends after {available} of {header.nbytes} bytes")
        return header

    def parts(self, name: str, header: ArrayHeader, most: int) -> Iterator[bytes]:
        """Yield the bytes of an array's elements, ``most`` at a time."""
        with self._opened(name) as member:
            member.read(header.size)
            done = 0
            while done < header.nbytes:
                content = member.read(min(most, header.nbytes - done))
                if not content:
                    raise DataError(f"array {name!r} ends after {done} of {header.nbytes} bytes")
                yield content
                done += len(content)
            # zipfile verifies the checksum at the end of the member.
            member.read(1)

    def array(self, name: str, header: ArrayHeader) -> np.ndarray:
        """Return an array in memory."""
        with reading_archive():
            content = np.empty(header.nbytes, np.uint8)
        done = 0
        for part in self.parts(name, header, CHUNK):
            content[done : done + len(part)] = np.frombuffer(part, np.uint8)
            done += len(part)
        return content.view(header.dtype).reshape(header.shape, order="F" if header.fortran else "C")

    @contextmanager
    def _opened(self, name: str) -> Iterator[IO[bytes]]:
        with reading_archive(), self._archive.open(self._members[name]) as member:
            yield member


@contextmanager
def reading_archive() -> Iterator[None]:
    """Turn all errors that zipfile, zlib and NumPy raise for a damaged archive into one DataError."""
    try:
        yield
    except DataError:
        raise
    except MemoryError as error:
        raise DataError("the array does not fit into memory: lower 'memory_mib'") from error
    except Exception as error:
        raise DataError("not a readable .npz archive: it is cut off, damaged, or something else") from error


def read_npz(stream: IO[bytes], images: str, labels: str | None, spec: ImageSpec, source: str) -> Images:
    """Return the images of an archive, in memory.

    Raises:
        DataError: it is not an archive or is damaged, or an array is missing or does not fit the recipe.
    """
    archive = NpzArchive(stream)
    header, classes = _checked(archive, images, labels, spec, source)
    return fitting(archive.array(images, header), classes, spec, source)


def npz_images(file: Path, images: str, labels: str | None, spec: ImageSpec, memory_mib: int) -> Images:
    """Return the images of an archive: in memory, or, above the limit, mapped from the cache.

    Raises:
        FileNotFoundError: the file does not exist.
        DataError: the archive is damaged, or an array is missing or does not fit.
    """
    source = str(file)
    with opened_archive(file) as archive:
        header, classes = _checked(archive, images, labels, spec, source)
        if header.nbytes <= memory_mib * 2**20:
            return fitting(archive.array(images, header), classes, spec, source)
        if header.fortran:
            order = f"{header.dtype}, {header.shape}, Fortran order"
            raise DataError(f"{source}: images must be uint8, in C order. Received: {order}")
        key = ["npz", images, labels, spec.shape, file_facts([file])]
        return cached(
            key, spec.shape, header.shape[0], lambda add: _copy_npz(archive, images, header, classes, spec, add)
        )


@contextmanager
def opened_archive(file: Path) -> Iterator[NpzArchive]:
    """Yield the arrays of an archive. Errors inside the block name the file.

    Raises:
        FileNotFoundError: the file does not exist.
        DataError: the archive is damaged, or the body raised a DataError or an OSError.
    """
    try:
        with open_regular(file) as stream:
            yield NpzArchive(stream)
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise DataError(f"{file}: {error.strerror or error}") from error
    except DataError as error:
        text = str(error)
        raise DataError(text if str(file) in text else f"{file}: {text}") from error


def _checked(
    archive: NpzArchive, images: str, labels: str | None, spec: ImageSpec, source: str
) -> tuple[ArrayHeader, np.ndarray | None]:
    """Return the header of the images and the labels, after checking that both fit."""
    header = archive.header(images, "images")
    name = None if labels == "y" and "y" not in archive.names else labels
    label_header = None if name is None else archive.header(name, "labels")
    try:
        _check_fit(header, label_header, spec, source)
    except DataError as error:
        others = [other for other in archive.names if other not in (images, name)]
        also = f". The archive also has {', '.join(others)}: set 'images' if one of them is meant" if others else ""
        raise DataError(f"{error}{also}") from error
    # The check has shown that labels are one integer per image, so they need little memory.
    return header, None if name is None or label_header is None else archive.array(name, label_header)


def _copy_npz(
    archive: NpzArchive, images: str, header: ArrayHeader, classes: np.ndarray | None, spec: ImageSpec, add: Add
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Pass the images of an archive to ``add``, part by part. Return the labels and no skipped files."""
    each = math.prod(spec.shape)
    rest, done = b"", 0
    for part in archive.parts(images, header, max(1, CHUNK // each) * each):
        content = rest + part
        complete = len(content) // each * each
        add(np.frombuffer(content[:complete], np.uint8))
        rest, done = content[complete:], done + complete // each
        report_progress(done, header.shape[0])
    return None if classes is None else classes.reshape(-1).astype(np.int64), ()


def npy_images(file: Path, labels: Path | None, spec: ImageSpec, memory_mib: int) -> Images:
    """Return the images of an .npy file: in memory, or, above the limit, mapped from the file.

    Raises:
        FileNotFoundError: a file does not exist.
        DataError: a file is damaged, or an array does not fit.
    """
    # Map the file first, even to copy it: a header that claims too much fails before memory is allocated.
    pixels = mapped(file)
    classes = None if labels is None else mapped(labels)
    images = fitting(pixels, classes, spec, str(file))
    if pixels.nbytes > memory_mib * 2**20:
        return images
    return Images(np.array(images.pixels), images.labels)


def mapped(file: Path) -> np.ndarray:
    """Return the array of an .npy file, mapped from it.

    Raises:
        FileNotFoundError: the file does not exist.
        DataError: it is damaged, or no such file.
    """
    try:
        with open_regular(file) as stream:
            header = array_header(stream)
            size = os.fstat(stream.fileno()).st_size
            if header.size + header.nbytes > size:
                raise DataError(f"ends after {size - header.size} of {header.nbytes} bytes")
            if not header.nbytes:
                return np.empty(header.shape, header.dtype)
            order: Literal["F", "C"] = "F" if header.fortran else "C"
            return np.memmap(stream, header.dtype, "r", header.size, header.shape, order)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DataError(f"{file}: {error.strerror or error}") from error
    except (DataError, ValueError, OverflowError) as error:
        reason = error if isinstance(error, DataError) else "it is damaged"
        raise DataError(f"{file}: not a readable .npy file: {reason}") from error


def fitting(pixels: np.ndarray, labels: np.ndarray | None, spec: ImageSpec, source: str) -> Images:
    """Return arrays as Images of the recipe's size.

    Raises:
        DataError: pixels are not uint8 images of that size, or labels are not one integer per image.
    """
    _check_fit(pixels, labels, spec, source)
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    return Images(pixels, None if labels is None else labels.reshape(-1).astype(np.int64))


def fitting_resized(pixels: np.ndarray, labels: np.ndarray | None, spec: ImageSpec, source: str) -> Images:
    """Return grey or RGB arrays as Images, resized to the recipe's size; see ``dcgan_kit.resized_pixels``.

    Raises:
        DataError: pixels are not uint8 images, they or the recipe have transparency, labels are not one integer per
            image, or the resized images do not fit into memory.
    """
    own = pixels if pixels.ndim == 4 else pixels[..., None]
    images = fitting(pixels, labels, ImageSpec(*own.shape[1:]), source)
    size = "x".join(map(str, spec.shape))
    try:
        resized = np.empty((len(images), *spec.shape), np.uint8)
    except MemoryError as error:
        raise DataError(f"{source}: {len(images):,} images of {size} do not fit into memory") from error
    for start in range(0, len(images), AT_ONCE):
        rows = slice(start, start + AT_ONCE)
        try:
            resized[rows] = resized_pixels(images.pixels[rows], spec)
        except ValueError as error:
            raise DataError(f"{source}: {error}") from error
        report_progress(min(start + AT_ONCE, len(images)), len(images))
    return replace(images, pixels=resized)


def _check_fit(
    images: ArrayHeader | np.ndarray, labels: ArrayHeader | np.ndarray | None, spec: ImageSpec, source: str
) -> None:
    shape, dtype = images.shape, images.dtype
    if dtype != np.uint8 or len(shape) not in (3, 4):
        raise DataError(f"{source}: images must be uint8, (N, H, W, C) or (N, H, W). Received: {dtype}, {shape}")
    if not shape[0]:
        raise DataError(f"{source}: there is no image in it")
    each = shape[1:] if len(shape) == 4 else (*shape[1:], 1)
    if each != spec.shape:
        received, expected = ("x".join(map(str, size)) for size in (each, spec.shape))
        raise DataError(f"{source}: images are {received}, and the recipe's 'image' asks for {expected}")
    if labels is not None and (math.prod(labels.shape) != shape[0] or not np.issubdtype(labels.dtype, np.integer)):
        raise DataError(
            f"{source}: labels must be one integer for each of the {shape[0]} images. "
            f"Received: {labels.dtype}, {labels.shape}: set 'labels' to others, or to null"
        )
