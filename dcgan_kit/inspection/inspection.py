"""Read every image of a source once, and say what is in it."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from dcgan_kit.components.contracts.stored import StoredImage, StoredImages
from dcgan_kit.components.contracts.training import ImageSpec
from dcgan_kit.data.fitted_image import WHITE, Colour
from dcgan_kit.data.image_file import unreadable_reason
from dcgan_kit.data.progress import report_progress
from dcgan_kit.data.threads import in_threads
from dcgan_kit.errors import DataError, printable
from dcgan_kit.inspection.duplicates import Duplicates, DuplicateSearch
from dcgan_kit.inspection.image_facts import ImageFacts, image_facts
from dcgan_kit.inspection.size_ladder import fitting_side

MOST_COUNTED = 10_000
"""Labels beyond this are no class numbers, and those between them are not counted."""
EXAMPLES = 5
"""Most broken images that are named."""


@dataclass(frozen=True)
class Levels:
    """Levels of the pixels, from 0 to 255. Each image counts the same, whatever its size.

    Attributes:
        darkest: the lowest level of any pixel and channel.
        brightest: the highest level.
        mean: of red, green and blue.
        deviation: the standard deviation of red, green and blue.
    """

    darkest: int
    brightest: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


@dataclass(frozen=True)
class Inspection:
    """What is in a data set.

    Attributes:
        source: its name.
        component: the component of kind ``data`` that reads it.
        options: the options of the component that were given.
        count: the images that can be read.
        sizes: (height, width) → number of images, the most frequent first; upright.
        kinds: how files store their pixels (``grey``, ``colour``, ``palette and transparency``, ``colour, 16 bits``, …)
            → number of images.
        formats: ``PNG``, ``JPEG``, …; ``array`` for arrays → number of images.
        grey: images without colour, also such as are stored with three channels.
        clear: images with transparent pixels.
        deep: images with more than 8 bits in a channel.
        deep_brightest: the highest level of these images, after the conversion to 8 bits.
        several: files with more frames or pages than the first.
        turned: files whose metadata say that the image must be turned or mirrored.
        flat: images in which all pixels are equal.
        levels: of all images.
        equal: images whose pixels are those of an earlier one.
        close: images that look like an earlier one and have other pixels.
        classes: name of each class → number of images; None if there are no labels.
        broken: the images that cannot be read.
        broken_examples: a line for some of them, with the reason.
        left_out: a line for each reason why files are left out, with their number.
        notes: other lines, such as where labels come from.
        size: the size that fits: from the ladder 28, 32, 64, 128, or the images' own if the source does not resize;
            grey if all images are.
        resizes: whether the source resizes images.
        advice: sentences about what would harm a training, and what to do.
    """

    source: str
    component: str
    options: Mapping[str, Any]
    count: int
    sizes: Mapping[tuple[int, int], int]
    kinds: Mapping[str, int]
    formats: Mapping[str, int]
    grey: int
    clear: int
    deep: int
    deep_brightest: int
    several: int
    turned: int
    flat: int
    levels: Levels
    equal: Duplicates
    close: Duplicates
    classes: Mapping[str, int] | None
    broken: int
    broken_examples: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    size: ImageSpec
    resizes: bool
    advice: tuple[str, ...] = ()


@dataclass
class _Tally:
    """What is counted while images are read."""

    count: int = 0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    flags: Counter[str] = field(default_factory=Counter)
    labels: Counter[int] = field(default_factory=Counter)
    levels: np.ndarray = field(default_factory=lambda: np.zeros((3, 256)))
    deep_brightest: int = 0
    search: DuplicateSearch = field(default_factory=DuplicateSearch)
    broken: int = 0
    broken_examples: list[str] = field(default_factory=list)

    def add(self, name: str, label: int | None, facts: ImageFacts) -> None:
        self.count += 1
        self.sizes[facts.height, facts.width] += 1
        self.kinds[facts.stored.kind] += 1
        self.formats[facts.stored.format] += 1
        self.levels += facts.levels
        present = np.flatnonzero(facts.levels.any(axis=0))
        deep = facts.stored.bits > 8
        if deep:
            self.deep_brightest = max(self.deep_brightest, int(present[-1]))
        flags = {
            "grey": facts.grey, "clear": facts.clear, "deep": deep, "several": facts.stored.several,
            "turned": facts.stored.turned, "flat": all(np.count_nonzero(channel) == 1 for channel in facts.levels),
        }  # fmt: skip
        self.flags.update(name for name, holds in flags.items() if holds)
        if label is not None:
            self.labels[label] += 1
        self.search.add(printable(name), facts.digest, facts.small)

    def add_broken(self, line: str) -> None:
        self.broken += 1
        if len(self.broken_examples) < EXAMPLES:
            self.broken_examples.append(printable(line))


def inspect(stored: StoredImages, component: str, options: Mapping[str, Any]) -> Inspection:
    """Return what is in a source of images, without ``advice``. It calls ``report_progress``.

    Memory holds a few images at a time, and about 500 bytes for each image that was read.

    Args:
        stored: the images.
        component: the name of the component that reads them.
        options: its options. ``background`` is the level, or red, green and blue, behind transparent pixels.

    Raises:
        DataError: no image can be read; the message names the first that cannot.
    """
    tally = _Tally()
    read = partial(_read, background=_background(options))
    with warnings.catch_warnings():
        # Pillow warns about unusual metadata.
        warnings.simplefilter("ignore")
        beginning = f"{stored.name}/"
        for done, (image, facts) in enumerate(in_threads(read, stored.images()), start=1):
            if isinstance(image, str):
                tally.add_broken(image)
            elif isinstance(facts, str):
                tally.add_broken(f"{image.name}: {facts}")
            else:
                tally.add(image.name.removeprefix(beginning), image.label, facts)
            report_progress(done, stored.count)
    if not tally.count:
        lines = [f"no image in {stored.name} can be read: give images (PNG, JPEG, WebP, …)"]
        raise DataError("\n  ".join([*lines, *tally.broken_examples, *stored.left_out]))
    return _result(tally, stored, component, options)


def _background(options: Mapping[str, Any]) -> Colour:
    """Return the colour that the built-in sources put behind transparent pixels."""
    match options.get("background"):
        case int(level):
            return level, level, level
        case [int(red), int(green), int(blue)]:
            return red, green, blue
        case _:
            return WHITE


def _read(image: StoredImage | str, background: Colour) -> tuple[StoredImage | str, ImageFacts | str]:
    if isinstance(image, str):
        return image, ""
    try:
        content = image.read()
        if isinstance(content, np.ndarray):
            return image, image_facts(content, background)
        with content:
            return image, image_facts(content, background)
    except Exception as error:
        # On a damaged image, Pillow raises almost any error.
        return image, unreadable_reason(error)


def _result(tally: _Tally, stored: StoredImages, component: str, options: Mapping[str, Any]) -> Inspection:
    channels = 1 if tally.flags["grey"] == tally.count else 3
    return Inspection(
        source=printable(stored.name),
        component=component,
        options=options,
        count=tally.count,
        sizes=dict(tally.sizes.most_common()),
        kinds=dict(tally.kinds.most_common()),
        formats=dict(tally.formats.most_common()),
        grey=tally.flags["grey"],
        clear=tally.flags["clear"],
        deep=tally.flags["deep"],
        deep_brightest=tally.deep_brightest,
        several=tally.flags["several"],
        turned=tally.flags["turned"],
        flat=tally.flags["flat"],
        levels=_levels(tally.levels / tally.count),
        equal=tally.search.equal(),
        close=tally.search.close(),
        classes=_classes(tally.labels, stored.class_names),
        broken=tally.broken,
        broken_examples=tuple(tally.broken_examples),
        left_out=stored.left_out,
        notes=stored.notes,
        size=_size(tally, channels, stored.resizes),
        resizes=stored.resizes,
    )


def _size(tally: _Tally, channels: int, resizes: bool) -> ImageSpec:
    if resizes:
        side = fitting_side(tally.sizes)
        return ImageSpec(side, side, channels)
    (height, width), _ = tally.sizes.most_common(1)[0]
    (kind, _) = tally.kinds.most_common(1)[0]
    own = (1 if kind.startswith("grey") else 3) + kind.endswith("transparency")
    return ImageSpec(height, width, own)


def _levels(shares: np.ndarray) -> Levels:
    level = np.arange(256)
    present = np.flatnonzero(shares.any(axis=0))
    mean = shares @ level
    deviation = np.sqrt(np.maximum(shares @ level**2 - mean**2, 0.0))
    red, green, blue = (float(value) for value in mean)
    return Levels(int(present[0]), int(present[-1]), (red, green, blue), tuple(map(float, deviation)))  # type: ignore[arg-type]


def _classes(labels: Counter[int], names: tuple[str, ...]) -> Mapping[str, int] | None:
    if not labels:
        return None
    most = len(names) - 1 if names else max(labels)
    # Recipes count classes from 0, so a number without an image is a class too.
    numbers = range(most + 1) if 0 <= most < MOST_COUNTED else sorted(labels)
    return {printable(names[number]) if number < len(names) else str(number): labels[number] for number in numbers}
