"""Images of any origin, brought by the data components: a folder, a zip archive, an array in a file."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

import numpy as np

from dcgan_kit.components.registry import Registry
from dcgan_kit.components.results import Images, ImageSpec
from dcgan_kit.data.loading import broken_contract
from dcgan_kit.data.progress import report_progress
from dcgan_kit.errors import ComponentError, DataError
from dcgan_kit.recipes.resolved import Choice

MEMORY_MIB = 128
"""Decoded images of more are mapped from the cache: two sides, and what scores keep of them, are to fit beside."""
LARGEST_MEMBER = 64 * 2**20
"""Bytes that an image in an archive may unpack to."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif")
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
"""What the data components read."""
ORIENTATION = 0x0112
"""EXIF's tag, and its values that turn an image by 90 degrees."""
TURNED = (5, 6, 7, 8)
_CHANNELS = {"1": 1, "L": 1, "I;16": 1, "I": 1, "F": 1, "LA": 2, "RGBA": 4, "PA": 4}
"""Of Pillow's modes; all others are colours."""


def images_at(path: Path, spec: ImageSpec, registry: Registry) -> Images:
    """Return the images of a folder, a .zip, a .npz or a .npy, those that are files of their own resized to ``spec``.

    Raises:
        DataError: there are none, they cannot be read, or arrays are of another size.
    """
    options: dict[str, Any] = {"path": str(path), "memory_mib": MEMORY_MIB}
    name = _component(path)
    if name == "npz":
        options["images"] = _array_name(path)
    component = registry.find("data", name)
    images = Choice(component, dict(component.options(**options))).build(spec)
    complaint = broken_contract(images, spec)
    if complaint:
        raise ComponentError(f"{component} must return dcgan_kit.Images {complaint}")
    return images  # type: ignore[no-any-return]


def size_at(path: Path) -> ImageSpec:
    """Return the size that all images of a folder, a .zip, a .npz or a .npy have, by their headers.

    Raises:
        DataError: they have several, or there is none that can be read.
    """
    name = _component(path)
    try:
        if name == "npy":
            with path.open("rb") as stream:
                return _spec_of(_header(stream), path)
        if name == "npz":
            with zipfile.ZipFile(path) as archive, archive.open(f"{_array_name(path)}.npy") as stream:
                return _spec_of(_header(stream), path)
        return _common_size(path, name)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file or folder") from error
    except Exception as error:
        # A damaged file makes zipfile, NumPy and Pillow raise whatever they like.
        raise DataError(f"{path}: its images cannot be read: {error}") from error


def _component(path: Path) -> str:
    if path.suffix.lower() in (".npz", ".npy"):
        return path.suffix.lower()[1:]
    if path.suffix.lower() == ".zip":
        return "image_zip"
    if path.is_file():
        raise DataError(f"{path}: give a folder of images, a .zip of them, or an array in a .npz or .npy")
    return "images"


def _array_name(path: Path) -> str:
    """The array of images in an archive: ``x``, or the only one there is."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file") from error
    except Exception as error:
        # A damaged archive makes zipfile raise whatever it likes.
        raise DataError(f"{path}: not a readable .npz archive: {error}") from error
    if "x" in names or len(names) != 1:
        return "x"
    return names[0]


def _header(stream: Any) -> tuple[int, ...]:
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape: tuple[int, ...] = read(stream)[0]
    return shape


def _spec_of(shape: tuple[int, ...], path: Path) -> ImageSpec:
    if len(shape) not in (3, 4):
        raise DataError(f"{path}: images are an array (N, H, W, C) or (N, H, W). Received: {shape}")
    return ImageSpec(shape[1], shape[2], shape[3] if len(shape) == 4 else 1)


def _common_size(path: Path, name: str) -> ImageSpec:
    if name == "images":
        if not path.is_dir():
            raise DataError(f"{path}: there is no such folder")
        files = _picture_files(path)
        return _compared(path, [(str(file.relative_to(path)), partial(_opened, file)) for file in files])
    with zipfile.ZipFile(path) as archive:
        members = [info for info in archive.infolist() if _is_picture(PurePosixPath(info.filename))]
        members.sort(key=lambda info: info.filename)
        return _compared(path, [(info.filename, partial(_member, archive, info)) for info in members])


def _compared(path: Path, pictures: Sequence[tuple[str, Callable[[], IO[bytes]]]]) -> ImageSpec:
    """Return the size that all headers tell; what cannot be read is left out here as it is when it is decoded."""
    first: tuple[str, ImageSpec] | None = None
    for number, (name, opened) in enumerate(pictures, start=1):
        spec = _picture_spec(opened)
        report_progress(number, len(pictures))
        if spec is None or (first is not None and spec == first[1]):
            continue
        if first is not None:
            one, other = ("x".join(map(str, each.shape)) for each in (first[1], spec))
            raise DataError(
                f"{path}: has images of {one} ({first[0]}) and of {other} ({name}): give --size, e.g. --size {one}"
            )
        first = name, spec
    if first is None:
        raise DataError(f"{path}: there is no image in it that can be read")
    return first[1]


def _picture_files(path: Path) -> list[Path]:
    found: list[Path] = []
    seen: set[str] = set()
    for folder, below, names in os.walk(path, followlinks=True):
        # A link may lead to a folder above: each is entered once.
        if os.path.realpath(folder) in seen:
            below.clear()
            continue
        seen.add(os.path.realpath(folder))
        below[:] = [name for name in below if not name.startswith(".")]
        files = (Path(folder, name) for name in names)
        # is_file: a pipe would be waited for.
        found += [file for file in files if _is_picture(PurePosixPath(file.name)) and file.is_file()]
    return sorted(found)


def _opened(file: Path) -> IO[bytes]:
    return file.open("rb")


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    if info.file_size > LARGEST_MEMBER:
        raise DataError(f"{info.filename}: unpacks to more than an image may have")
    with archive.open(info) as stream:
        # A bare read() would unpack all there is, whatever the directory says.
        return io.BytesIO(stream.read(info.file_size + 1))


def _is_picture(path: PurePosixPath) -> bool:
    hidden = any(part.startswith(".") for part in path.parts) or "__MACOSX" in path.parts
    return not hidden and path.suffix.lower() in SUFFIXES


def _picture_spec(opened: Callable[[], IO[bytes]]) -> ImageSpec | None:
    """Return the size that a header tells, turned as its EXIF says; None if it cannot be read."""
    from PIL import Image

    try:
        with opened() as stream, Image.open(stream, formats=FORMATS) as image:
            # Pillow would decode all of a PNG to look for EXIF behind its pixels, where hardly anybody writes it.
            told = image.format != "PNG" or "exif" in image.info
            turned = told and image.getexif().get(ORIENTATION) in TURNED
            height, width = (image.width, image.height) if turned else (image.height, image.width)
            return ImageSpec(height, width, _CHANNELS.get(image.mode, 3))
    except Exception:
        # A damaged file makes Pillow raise whatever it likes.
        return None
