"""Arrays of images as they are stored, one image after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from dcgan_kit_plugins.data.arrays import CHUNK, NpzArchive, mapped, opened_archive

from dcgan_kit import (
    ArrayHeader,
    DataError,
    ImageSpec,
    StoredImage,
    StoredImages,
    resized_pixels,
)

NO_SIZE = "it does not resize images, so a recipe's 'image' must say their size and channels"


def stored_arrays(
    name: str, pixels: np.ndarray, labels: np.ndarray | None, resize: bool, class_names: Sequence[str] = ()
) -> StoredImages:
    """Return arrays as images as they are stored.

    Args:
        name: their name in messages.
        pixels: uint8 (N, H, W, C) or (N, H, W).
        labels: (N,) or (N, 1), or None.
        resize: whether a recipe may have another size.
        class_names: the names of the classes.

    Raises:
        DataError: pixels are not uint8 images, or labels are not one integer for each.
    """
    _require(name, pixels, labels)
    rows = pixels if pixels.ndim == 4 else pixels[..., None]
    numbers = None if labels is None else labels.reshape(-1)

    def images() -> Iterator[StoredImage]:
        for index in range(len(rows)):
            label = None if numbers is None else int(numbers[index])
            yield StoredImage(f"{name}, image {index}", partial(np.array, rows[index]), label)

    return StoredImages(name, len(rows), images, _fitted(name, resize), resize, class_names=tuple(class_names))


def stored_npy(file: Path, labels: Path | None) -> StoredImages:
    """Return the images of an .npy file as they are stored.

    Raises:
        FileNotFoundError: a file does not exist.
        DataError: a file is damaged, or holds something else.
    """
    return stored_arrays(str(file), mapped(file), None if labels is None else mapped(labels), resize=False)


def stored_npz(file: Path, images: str, labels: str | None) -> StoredImages:
    """Return the images of an archive as they are stored. Memory holds a few of them at a time.

    Raises:
        FileNotFoundError: the file does not exist.
        DataError: the archive is damaged, or an array is missing or holds something else.
    """
    with opened_archive(file) as archive:
        header = archive.header(images, "images")
        name = None if labels == "y" and "y" not in archive.names else labels
        label_header = None if name is None else archive.header(name, "labels")
        _require(str(file), header, label_header)
        if header.fortran:
            raise DataError(f"{file}: images must be in C order. Received: Fortran order")
        # The check has shown that labels are one integer for each image, so they need little memory.
        classes = None if name is None or label_header is None else archive.array(name, label_header).reshape(-1)

    def entries() -> Iterator[StoredImage]:
        with opened_archive(file) as archive:
            for index, pixels in enumerate(_images_of(archive, images, header)):
                label = None if classes is None else int(classes[index])
                yield StoredImage(f"{file}, image {index}", partial(np.array, pixels), label)

    return StoredImages(str(file), header.shape[0], entries, _fitted(str(file), resize=False), False)


def _images_of(archive: NpzArchive, name: str, header: ArrayHeader) -> Iterator[np.ndarray]:
    shape = header.shape[1:] if len(header.shape) == 4 else (*header.shape[1:], 1)
    each = math.prod(shape)
    rest = b""
    for part in archive.parts(name, header, max(1, CHUNK // each) * each):
        content = rest + part
        complete = len(content) // each * each
        yield from np.frombuffer(content[:complete], np.uint8).reshape(-1, *shape)
        rest = content[complete:]


def _require(source: str, pixels: ArrayHeader | np.ndarray, labels: ArrayHeader | np.ndarray | None) -> None:
    shape, dtype = pixels.shape, pixels.dtype
    if dtype != np.uint8 or len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] not in (1, 2, 3, 4)):
        raise DataError(f"{source}: images must be uint8, (N, H, W, C) or (N, H, W). Received: {dtype}, {shape}")
    if not math.prod(shape):
        raise DataError(f"{source}: there is no image in it")
    if labels is not None and (math.prod(labels.shape) != shape[0] or not np.issubdtype(labels.dtype, np.integer)):
        raise DataError(
            f"{source}: labels must be one integer for each of the {shape[0]} images. "
            f"Received: {labels.dtype}, {labels.shape}: set 'labels' to others, or to null"
        )


def _fitted(source: str, resize: bool) -> Callable[[np.ndarray, ImageSpec], np.ndarray]:
    def fitted(pixels: np.ndarray, spec: ImageSpec) -> np.ndarray:
        if pixels.shape != spec.shape and not resize:
            own, wanted = ("x".join(map(str, shape)) for shape in (pixels.shape, spec.shape))
            raise DataError(f"{source}: images are {own}, and {wanted} is asked for: {NO_SIZE}")
        try:
            resized: np.ndarray = resized_pixels(pixels[None], spec)[0]
        except ValueError as error:
            raise DataError(f"{source}: {error}") from error
        return resized

    return fitted
