"""Images at a path, read by the data components: a folder, a zip archive, or an array in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dcgan_kit.components.contracts.training import Images, ImageSpec
from dcgan_kit.components.registry import Registry
from dcgan_kit.data.array_header import array_header
from dcgan_kit.data.content import reader_of
from dcgan_kit.data.image_archive import open_archive, unpacking_fault
from dcgan_kit.data.image_file import image_size
from dcgan_kit.data.image_files import ImageFiles, image_archive, image_folder
from dcgan_kit.data.loading import broken_contract
from dcgan_kit.data.progress import report_progress
from dcgan_kit.errors import ComponentError, DataError
from dcgan_kit.files import open_regular
from dcgan_kit.recipes.resolved import Choice

MEMORY_MIB = 128
"""Larger sets of decoded images are memory-mapped from the cache, so that two sets fit in memory."""


def images_at(path: Path, spec: ImageSpec, registry: Registry) -> Images:
    """Return the images of a folder, a .zip, a .npz or a .npy. Image files are resized to ``spec``, arrays are not.

    Raises:
        DataError: there are no images, they cannot be read, or an array has another size.
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
    """Return the common size of all images in a folder, a .zip, a .npz or a .npy. Reads only their headers.

    Raises:
        DataError: the images have several sizes, or no image can be read.
    """
    name = _component(path)
    try:
        if name == "npy":
            with open_regular(path) as stream:
                return _spec_of(array_header(stream).shape, path)
        if name == "npz":
            return _size_in_archive(path, f"{_array_name(path)}.npy")
        return _common_size(image_folder(path) if name == "images" else image_archive(path))
    except DataError as error:
        raise DataError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except Exception as error:
        # For a damaged archive, zipfile can raise any exception.
        raise DataError(f"{path}: its images cannot be read: it is damaged") from error


def _component(path: Path) -> str:
    try:
        path.stat()
    except FileNotFoundError as error:
        kind = "file" if path.suffix else "folder"
        raise DataError(f"{path}: there is no such {kind}") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    if path.is_dir():
        return "images"
    # The content of a damaged archive cannot be recognized, so its name decides.
    named = {".npz": "npz", ".npy": "npy", ".zip": "image_zip"}.get(path.suffix.lower())
    found = reader_of(path)
    component = found if found in ("npz", "npy", "image_zip") else named
    if component is None:
        raise DataError(f"{path}: give a folder of images, a .zip of them, or an array in a .npz or .npy")
    return component


def _array_name(path: Path) -> str:
    """Return the name of the array of images in an archive: the only array, else ``x``."""
    with open_archive(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
    if "x" in names or len(names) != 1:
        return "x"
    return names[0]


def _size_in_archive(path: Path, name: str) -> ImageSpec:
    with open_archive(path) as archive:
        if name not in archive.namelist():
            held = ", ".join(archive.namelist()) or "nothing"
            raise DataError(f"{path}: needs an array x, or exactly one array. It has {held}")
        info = archive.getinfo(name)
        fault = unpacking_fault(info)
        if fault:
            raise DataError(f"{path}: array {name.removesuffix('.npy')!r}: {fault}")
        with archive.open(info) as member:
            return _spec_of(array_header(member).shape, path)


def _spec_of(shape: tuple[int, ...], path: Path) -> ImageSpec:
    if len(shape) not in (3, 4):
        raise DataError(f"{path}: images are an array (N, H, W, C) or (N, H, W). Received: {shape}")
    return ImageSpec(shape[1], shape[2], shape[3] if len(shape) == 4 else 1)


def _common_size(files: ImageFiles) -> ImageSpec:
    """Return the size that all headers give. Files that cannot be read are skipped, as they are when decoding."""
    first: tuple[str, ImageSpec] | None = None
    for number, path in enumerate(files.paths):
        spec = _size_of(files, number)
        report_progress(number + 1, len(files.paths))
        if spec is None or (first is not None and spec == first[1]):
            continue
        name = "/".join(path)
        if first is not None:
            one, other = ("x".join(map(str, each.shape)) for each in (first[1], spec))
            raise DataError(
                f"{files.source}: has images of {one} ({first[0]}) and of {other} ({name}): give --size, e.g. "
                f"--size {one}"
            )
        first = name, spec
    if first is None:
        raise DataError(f"{files.source}: there is no image in it that can be read")
    return first[1]


def _size_of(files: ImageFiles, number: int) -> ImageSpec | None:
    try:
        with files.open(number) as stream:
            return image_size(stream)
    except (DataError, OSError):
        return None
