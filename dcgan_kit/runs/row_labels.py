"""A grid of samples with the class of each row written beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

FEWEST_PIXELS = 12
"""Height of a row that holds a line of text. Lower rows are enlarged."""
MOST_CHARACTERS = 24
"""Most characters of a label; longer names are cut."""
GAP = 4
"""Pixels between a text and what is beside it."""


def row_titles(rows: int, classes: int, names: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the title of each row of a grid with one class in each row, such as ``3 Dress``.

    Args:
        rows: number of rows.
        classes: number of classes, at least 1. After the last one, the first one follows.
        names: the names of the classes; a class without a name has its number alone.
    """
    numbers = [row % classes for row in range(rows)]
    return tuple(f"{number} {names[number] if number < len(names) else ''}".strip() for number in numbers)


def with_row_labels(grid: Any, titles: Sequence[str]) -> Any:
    """Return a grid with a title left of each row, white on black: uint8 (H, W, C) → (H', W', C).

    Args:
        grid: uint8 (rows x height, W, 1 to 4 channels).
        titles: one title for each row.
    """
    import numpy as np

    factor = -(-FEWEST_PIXELS * len(titles) // grid.shape[0])
    enlarged = grid.repeat(max(1, factor), 0).repeat(max(1, factor), 1)
    margin = _margin([title[:MOST_CHARACTERS] for title in titles], enlarged.shape[0], grid.shape[2])
    return np.concatenate([margin, enlarged], axis=1)


def _margin(titles: Sequence[str], height: int, channels: int) -> Any:
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    # Pillow's own font is on every machine. It lacks most alphabets, so a title begins with the number of the class.
    font = ImageFont.load_default()
    texts = [title.encode("latin-1", "replace").decode("latin-1") for title in titles]
    width = 2 * GAP + int(max(font.getlength(text) for text in texts))
    picture = Image.new("L", (width, height))
    draw, row = ImageDraw.Draw(picture), height / len(texts)
    for number, text in enumerate(texts):
        _, top, _, bottom = font.getbbox(text)
        draw.text((GAP, (number + 0.5) * row - (top + bottom) / 2), text, fill=255, font=font)
    written = np.repeat(np.asarray(picture)[:, :, None], channels, 2)
    if channels in (2, 4):
        written[:, :, -1] = 255
    return written
