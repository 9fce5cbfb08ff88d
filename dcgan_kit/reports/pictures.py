"""PNG files of samples → small pictures for a page, with whole pixels, whole samples and few bytes."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from dcgan_kit.reports.content import Picture
from dcgan_kit.reports.run_files import Unusable, read_document

if TYPE_CHECKING:
    from PIL import Image

MOST_OF_A_FILE = 32 * 2**20
MOST_PIXELS = 64 * 2**20
"""Most pixels of a grid: 32 x 32 samples of 256 x 256."""
MOST_OF_A_PICTURE = 96 * 2**10
"""Most bytes of one picture on the page: 24 of them stay below 4 MB as text."""

_T = TypeVar("_T")


def evenly(items: Sequence[_T], most: int) -> tuple[_T, ...]:
    """Return at most ``most`` (≥ 2) items, evenly chosen, including the first and the last."""
    count = len(items)
    if count <= most:
        return tuple(items)
    return tuple(items[round(i * (count - 1) / (most - 1))] for i in range(most))


def grid_picture(path: Path, rows: int, columns: int, alt: str, caption: str, titles: Sequence[str] = ()) -> Picture:
    """Return the grid of samples in a PNG file, in its original size; see ``fitted`` and ``native_grid``.

    Raises:
        Unusable: the file is missing, too large, or no PNG.
    """
    return fitted(native_grid(path), rows, columns, alt, caption, titles)


def native_grid(path: Path) -> Image.Image:
    """Return the grid of samples in a PNG file. If the file enlarges samples by repeated pixels, this is undone.

    Raises:
        Unusable: the file is missing, too large, or no PNG.
    """
    return _native(_decoded(path))


def array_picture(
    pixels: Any, alt: str, caption: str, rows: int = 1, columns: int = 1, titles: Sequence[str] = ()
) -> Picture:
    """Return a picture of uint8 pixels (H, W, 1 to 4 channels): one image or a grid of images; see ``fitted``."""
    from PIL import Image

    height, width, channels = pixels.shape
    mode = ("L", "LA", "RGB", "RGBA")[channels - 1]
    return fitted(Image.frombytes(mode, (width, height), pixels.tobytes()), rows, columns, alt, caption, titles)


def fitted(image: Image.Image, rows: int, columns: int, alt: str, caption: str, titles: Sequence[str] = ()) -> Picture:
    """Return a picture of a grid of images. If it has too many bytes, show only its first rows and columns.

    Args:
        image: the grid.
        rows: number of rows of images.
        columns: number of columns of images.
        alt: the alternative text; if only a part is shown, this is added.
        caption: the text below the picture.
        titles: what each row shows; empty if the rows show the same.
    """
    if image.height % rows or image.width % columns:
        rows = columns = 1
        titles = ()
    height, width, shown_rows, shown_columns = image.height // rows, image.width // columns, rows, columns
    while len(content := png(image)) > MOST_OF_A_PICTURE:
        if shown_rows * shown_columns == 1:
            # A single image is too large, so halve its size.
            image = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
            continue
        if shown_rows >= shown_columns:
            shown_rows = (shown_rows + 1) // 2
        else:
            shown_columns = (shown_columns + 1) // 2
        image = image.crop((0, 0, shown_columns * width, shown_rows * height))
    if (shown_rows, shown_columns) != (rows, columns):
        alt = f"{alt}; the first {shown_rows} by {shown_columns} of {rows} by {columns}"
    return Picture(data_uri(content), alt, caption, image.width, image.height, tuple(titles[:shown_rows]))


def png(image: Image.Image) -> bytes:
    """Encode an image as PNG, with the strongest compression."""
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()


def data_uri(content: bytes) -> str:
    """Return a PNG as a ``data:`` address."""
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"


def _decoded(path: Path) -> Image.Image:
    from PIL import Image

    content = read_document(path, MOST_OF_A_FILE)
    if content is None:
        raise Unusable(f"{path.name} is not there")
    try:
        image = Image.open(io.BytesIO(content), formats=["PNG"])
        if image.width * image.height > MOST_PIXELS:
            raise Unusable(f"{path.name} has {image.width} x {image.height} pixels, more than a report takes")
        image.load()
    except Unusable:
        raise
    except Exception as error:
        # For a broken file or a decompression bomb, Pillow can raise any exception.
        raise Unusable(f"{path.name} is no PNG that can be read: {error}") from error
    # The conversion removes comments, colour profiles and palettes of the file.
    return image.convert(image.mode if image.mode in ("L", "LA", "RGB", "RGBA") else "RGB")


def _native(image: Image.Image) -> Image.Image:
    """Undo an enlargement by repeated pixels."""
    import numpy as np

    pixels = np.asarray(image)
    for factor in range(16, 1, -1):
        if image.width % factor or image.height % factor:
            continue
        small = pixels[::factor, ::factor]
        if np.array_equal(small.repeat(factor, axis=0).repeat(factor, axis=1), pixels):
            return image.resize((image.width // factor, image.height // factor), 0)
    return image
