"""Images in another size than their own, so that models of different sizes can be compared by the same scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from dcgan_kit.components.contracts.training import Images, ImageSpec
from dcgan_kit.errors import UserError, counted
from dcgan_kit.evaluation.evaluator import Reals

_MODES = {1: "L", 3: "RGB"}


def resized_reals(reals: Reals, spec: ImageSpec) -> Reals:
    """Return real images in another size. They are resized whenever they are read.

    Raises:
        UserError: see ``resized_pixels``.
    """
    return replace(
        reals,
        reference=_resized(reals.reference, spec),
        others=_resized(reals.others, spec),
        rest=_resized(reals.rest, spec),
        training=_resized(reals.training, spec),
        resized=True,
    )


def resized_pixels(pixels: Any, spec: ImageSpec) -> Any:
    """Return uint8 pixels (N, H, W, C) in another size, by an antialiased Lanczos filter.

    Grey becomes three equal channels, and colour becomes its luma (ITU-R BT.601).

    Raises:
        UserError: the images have transparency, or are to get some.
    """
    from PIL import Image

    if pixels.shape[1:] == spec.shape:
        return pixels
    modes = [_MODES.get(channels) for channels in (pixels.shape[-1], spec.channels)]
    if None in modes:
        raise UserError(
            "--size: only grey images and RGB images can be resized. Received: images with "
            f"{counted(pixels.shape[-1], 'channel')}, to be resized to {spec.channels}"
        )
    found = np.empty((len(pixels), *spec.shape), np.uint8)
    for place, image in enumerate(pixels):
        before = Image.fromarray(np.ascontiguousarray(image[..., 0] if modes[0] == "L" else image), modes[0])
        after = before.convert(modes[1]).resize((spec.width, spec.height), Image.Resampling.LANCZOS)
        found[place] = np.asarray(after).reshape(spec.shape)
    return found


@dataclass(frozen=True)
class _ResizedArray:
    """An array of images (N, H, W, C) in another size. Like a mapped file, it makes the images that are asked for."""

    pixels: Any
    spec: ImageSpec

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.pixels), *self.spec.shape)

    @property
    def dtype(self) -> Any:
        return np.dtype(np.uint8)

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, indices: Any) -> Any:
        return resized_pixels(self.pixels[indices], self.spec)


def _resized(images: Images, spec: ImageSpec) -> Images:
    # Nothing is read from an empty array, so an error about the channels must come now.
    resized_pixels(images.pixels[:0], spec)
    return replace(images, pixels=_ResizedArray(images.pixels, spec))
