"""Reading a folder of image files: finding, decoding, fitting."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dcgan_kit import DataError, Images, ImageSpec

if TYPE_CHECKING:
    from PIL import Image

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".bmp": "BMP", ".gif": "GIF"}
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def read_folder(root: Path, spec: ImageSpec, fit: str, background: int, max_broken_share: float) -> Images:
    """Return every image below a folder.

    Raises:
        DataError: no such folder, no image in it, or too many that cannot be read.
    """
    if not root.is_dir():
        there = "is not a folder" if root.exists() else "does not exist"
        raise DataError(f"{root} {there}: give a folder of images ({', '.join(FORMATS)}), with or without sub-folders")
    files, skipped = _image_files(root)
    if not files:
        raise DataError(f"no image in {root}: put files into it that end in {', '.join(FORMATS)}")

    pixels = np.empty((len(files), *spec.shape), np.uint8)
    kept: list[Path] = []
    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        _treat_warnings()
        read = partial(_read_image, spec=spec, fit=fit, background=background)
        for file, result in zip(files, pool.map(read, files), strict=True):
            if isinstance(result, str):
                skipped.append(f"{file}: {result}")
            else:
                pixels[len(kept)] = result
                kept.append(file)
    found = len(kept) + len(skipped)
    if not kept or len(skipped) > max_broken_share * found:
        shown = "\n".join(f"  {reason}" for reason in skipped[:5])
        raise DataError(
            f"{len(skipped)} of {found} files in {root} cannot be read, "
            f"and max_broken_share={max_broken_share}; the first:\n{shown}"
        )
    return Images(pixels[: len(kept)], _folder_labels(root, kept), tuple(skipped))


def _image_files(root: Path) -> tuple[list[Path], list[str]]:
    """Return the image files below a folder, sorted, and what could not be looked into."""
    files: list[Path] = []
    unreadable: list[str] = []
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True, onerror=lambda e: unreadable.append(str(e))):
        # A link may lead to a folder above or beside it: each real folder is entered once.
        if os.path.realpath(folder) in seen:
            subfolders.clear()
            continue
        seen.add(os.path.realpath(folder))
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in names:
            file = Path(folder, name)
            # is_file also keeps out pipes, which would block for ever.
            if not name.startswith(".") and file.suffix.lower() in FORMATS and file.is_file():
                files.append(file)
    return sorted(files, key=lambda file: file.relative_to(root).parts), unreadable


def _folder_labels(root: Path, files: list[Path]) -> np.ndarray | None:
    folders = [file.relative_to(root).parts[0] for file in files if file.parent != root]
    if len(folders) < len(files) or len(set(folders)) < 2:
        return None
    return np.unique(folders, return_inverse=True)[1]


def _treat_warnings() -> None:
    """Make an oversized image an error, and be silent about oddities of metadata."""
    from PIL import Image

    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def _read_image(file: Path, spec: ImageSpec, fit: str, background: int) -> np.ndarray | str:
    """Return uint8 pixels (H, W, C), or the reason why there are none."""
    from PIL import Image, ImageOps

    try:
        with Image.open(file, formats=sorted(set(FORMATS.values()))) as opened:
            image = ImageOps.exif_transpose(opened)
            image = _converted(image, MODES[spec.channels], background)
        image = _resized(image, spec, fit, background)
    except Exception as error:  # Pillow raises almost anything on a damaged file.
        return f"{type(error).__name__}: {error}"
    return np.asarray(image, np.uint8).reshape(spec.shape)


def _converted(image: Image.Image, mode: str, background: int) -> Image.Image:
    from PIL import Image

    if image.mode.startswith("I"):
        # 16-bit grey: Pillow's own conversion would clip at 255.
        image = Image.fromarray((np.asarray(image).clip(0, 65535) >> 8).astype(np.uint8))
    if image.has_transparency_data and not mode.endswith("A"):
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (background,) * 3 + (255,)), image)
    return image.convert(mode)


def _resized(image: Image.Image, spec: ImageSpec, fit: str, background: int) -> Image.Image:
    from PIL import Image

    wide, high = spec.width / image.width, spec.height / image.height
    resize: Callable[..., Image.Image] = partial(image.resize, resample=Image.Resampling.LANCZOS, reducing_gap=3.0)
    if fit == "crop":
        scale = max(wide, high)
        left = (image.width - spec.width / scale) / 2
        top = (image.height - spec.height / scale) / 2
        # min: rounding may step over the edge by a hair, which Pillow refuses.
        right = min(left + spec.width / scale, image.width)
        bottom = min(top + spec.height / scale, image.height)
        return resize((spec.width, spec.height), box=(max(left, 0.0), max(top, 0.0), right, bottom))
    scale = min(wide, high)
    inner = resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    bands = len(inner.getbands())
    # Margins of an image that has transparency are transparent.
    colour = {1: (background,), 2: (background, 0), 3: (background,) * 3, 4: (background,) * 3 + (0,)}[bands]
    canvas = Image.new(inner.mode, (spec.width, spec.height), colour)
    canvas.paste(inner, ((spec.width - inner.width) // 2, (spec.height - inner.height) // 2))
    return canvas
