"""Extractors: turn images into features that scores compare.  uint8 (N, H, W, C) → features (N, D)."""

from typing import Annotated

from dcgan_kit import Extractor, Features, Images, component
from pydantic import Field


@component("extractor")
def thumbnail(
    images: Images, *, cells: Annotated[int, Field(ge=1, le=64, description="rows and columns of means")] = 4
):
    """Describe images by the means of a grid of cells.  (N, H, W, C) → (N, cells · cells · C).

    Raises:
        ValueError: the images have fewer pixels than cells along a side.
    """
    import numpy

    height, width = images.pixels.shape[1:3]
    if min(height, width) < cells:
        raise ValueError(f"cells must be at most the shorter side. Received: cells={cells}, images of {height}x{width}")
    rows, columns = (numpy.arange(cells) * side // cells for side in (height, width))

    def describe(pixels):
        sums = numpy.add.reduceat(numpy.add.reduceat(pixels.astype(numpy.float64), rows, 1), columns, 2)
        areas = numpy.outer(numpy.diff([*rows, height]), numpy.diff([*columns, width]))
        means = sums / (255.0 * areas[None, :, :, None])
        return Features(means.reshape(len(pixels), -1))

    # The key stands for all that the features depend on besides the pixels.
    return Extractor(describe, key=f"thumbnail{cells}")
