"""Reading arrays of images: NumPy archives, and whether an array fits a recipe."""

from __future__ import annotations

import zipfile
from typing import IO

import numpy as np

from dcgan_kit import DataError, Images, ImageSpec

LARGEST_ARRAY = 32 * 2**30
"""Bytes that one array of an archive may have unpacked: a small file can claim to hold more than any machine."""


def read_npz(stream: IO[bytes], images: str, labels: str | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the arrays of an archive.

    Raises:
        DataError: no archive, a damaged one, or no array of that name.
    """
    try:
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
        stream.seek(0)
        with np.load(stream, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in (images, labels) if name}
    except DataError:
        raise
    except Exception as error:  # A damaged archive makes zipfile, zlib, NumPy or tokenize raise whatever they like.
        raise DataError(f"not a readable .npz archive: {error}") from error
    for name, array in found.items():
        # NumPy returns the bytes of what does not begin like an array.
        if not isinstance(array, np.ndarray):
            raise DataError(f"{name!r} is no NumPy array")
    return found[images], found[labels] if labels else None


def fitting(pixels: np.ndarray, labels: np.ndarray | None, spec: ImageSpec, source: str) -> Images:
    """Return arrays as Images of the size asked for.

    Raises:
        DataError: pixels are no uint8 images of that size, or labels no integer for each.
    """
    if pixels.dtype != np.uint8 or pixels.ndim not in (3, 4):
        raise DataError(
            f"{source}: images must be uint8, (N, H, W, C) or (N, H, W). Received: {pixels.dtype}, {pixels.shape}"
        )
    if pixels.ndim == 3:
        pixels = pixels[..., None]
    if not len(pixels):
        raise DataError(f"{source}: there is no image in it")
    if pixels.shape[1:] != spec.shape:
        given, asked = ("x".join(map(str, shape)) for shape in (pixels.shape[1:], spec.shape))
        raise DataError(f"{source}: images are {given}, and the recipe's 'image' asks for {asked}")
    if labels is not None:
        if labels.size != len(pixels) or not np.issubdtype(labels.dtype, np.integer):
            raise DataError(
                f"{source}: labels must be one integer for each of the {len(pixels)} images. "
                f"Received: {labels.dtype}, {labels.shape}"
            )
        labels = labels.reshape(-1).astype(np.int64)
    return Images(pixels, labels)
