"""Images side by side as one PNG."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}
GAP = 2
"""Pixels between two images."""
PAPER = 255
LARGE = 640
"""Small grids are enlarged by whole factors up to this width."""


def tiles_png(images: np.ndarray, columns: int) -> bytes:
    """Return images, uint8 (N, H, W, C), in rows of ``columns`` as a PNG. Small grids are enlarged."""
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    factor = max(1, LARGE // (columns * width))
    large = images.repeat(factor, axis=1).repeat(factor, axis=2)
    tall, wide = height * factor + GAP, width * factor + GAP
    sheet = np.full((rows * tall - GAP, columns * wide - GAP, channels), PAPER, np.uint8)
    for index, image in enumerate(large):
        top, left = index // columns * tall, index % columns * wide
        sheet[top : top + tall - GAP, left : left + wide - GAP] = image
    squeezed = sheet[:, :, 0] if channels == 1 else sheet
    picture = Image.fromarray(squeezed, _MODES[channels]) if channels == 2 else Image.fromarray(squeezed)
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    return stream.getvalue()
