"""Sources of images.  ImageSpec → Images: uint8 pixels (N, H, W, C), and labels."""

from typing import Annotated

from dcgan_kit import Images, ImageSpec, component
from pydantic import Field


@component("data")
def stripes(spec: ImageSpec, *, count: Annotated[int, Field(ge=1, le=1_000_000, description="number of images")] = 256):
    """Make images of horizontal (label 0) and vertical (label 1) stripes.  → uint8 (N, H, W, C)."""
    import numpy

    random = numpy.random.default_rng(0)
    labels = numpy.arange(count) % 2
    period, phase = random.uniform(4.0, 12.0, (2, count, 1, 1))
    row, column = numpy.mgrid[: spec.height, : spec.width]
    along = numpy.where(labels[:, None, None] == 0, row, column)
    waves = numpy.sin(2.0 * numpy.pi * (along + phase) / period)
    pixels = numpy.rint(127.5 * (1.0 + waves)).astype(numpy.uint8)
    return Images(numpy.repeat(pixels[..., None], spec.channels, axis=3), labels)
