"""Images of any origin, brought by the data components: a folder, a zip archive, an array in a file."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit.components.registry import Registry
from dcgan_kit.components.results import Images, ImageSpec
from dcgan_kit.data.loading import broken_contract
from dcgan_kit.errors import ComponentError, DataError
from dcgan_kit.recipes.resolved import Choice

MEMORY_MIB = 128
"""Decoded images of more are mapped from the cache: two sides, and what scores keep of them, are to fit beside."""
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
    """Return the size of the first image of a folder or a .zip, or of all in a .npz or .npy.

    Raises:
        DataError: there is none that can be read.
    """
    name = _component(path)
    try:
        if name == "npy":
            with path.open("rb") as stream:
                return _spec_of(_header(stream), path)
        if name == "npz":
            with zipfile.ZipFile(path) as archive, archive.open(f"{_array_name(path)}.npy") as stream:
                return _spec_of(_header(stream), path)
        return _first_picture(path, name)
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


def _first_picture(path: Path, name: str) -> ImageSpec:
    from PIL import Image

    if name == "images":
        if not path.is_dir():
            raise DataError(f"{path}: there is no such folder")
        for file in sorted(path.rglob("*")):
            if _is_picture(file):
                with Image.open(file) as image:
                    return _picture_spec(image)
    else:
        with zipfile.ZipFile(path) as archive:
            for member in sorted(archive.namelist()):
                if _is_picture(Path(member)):
                    with archive.open(member) as stream, Image.open(stream) as image:
                        return _picture_spec(image)
    raise DataError(f"{path}: there is no image in it")


def _is_picture(path: Path) -> bool:
    from PIL import Image

    return not path.name.startswith(".") and path.suffix.lower() in Image.registered_extensions()


def _picture_spec(image: Any) -> ImageSpec:
    return ImageSpec(image.height, image.width, _CHANNELS.get(image.mode, 3))
