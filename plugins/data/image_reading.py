"""Decoding many images in order, in threads: into memory, or, if they are too large for it, into the cache."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from dcgan_kit_plugins.data.image_decoding import Fitting, decode
from dcgan_kit_plugins.data.pixel_cache import Add, cached

from dcgan_kit import (
    DataError,
    Images,
    ImageSpec,
    StoredImage,
    StoredImages,
    in_threads,
    report_progress,
    unreadable_reason,
)

MIB = 2**20
DECODER = 3
"""Part of every cache key. Increase it when decoding a file gives other pixels than before."""
SHOWN = 5
"""Number of reasons that an error lists."""


@dataclass(frozen=True)
class Source:
    """Encoded images.

    Attributes:
        name: name for messages.
        count: number of entries.
        entries: returns the entries in order. For an entry that cannot be read, it returns a text with the reason.
        facts: returns everything that the content depends on, as values for JSON.
        labelled: whether entries have labels.
        left_out: lines about files that are not images.
        notes: other lines for the user.
        class_names: the name of each class; empty if they have none.
    """

    name: str
    count: int
    entries: Callable[[], Iterable[StoredImage | str]]
    facts: Callable[[], Any]
    labelled: bool
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decoding:
    """The options of all sources of encoded images. ``dcgan_kit_plugins.data.options`` describes them."""

    fit: str
    background: int | Sequence[int]
    max_broken_share: float
    memory_mib: int

    def fitting(self, spec: ImageSpec) -> Fitting:
        """Return how images of any size become images of the recipe's size."""
        colour = (self.background,) * 3 if isinstance(self.background, int) else tuple(self.background)
        return Fitting(spec, self.fit, colour)


def collect(source: Source, spec: ImageSpec, decoding: Decoding) -> Images:
    """Return every image of a source.

    Raises:
        DataError: too many images cannot be read.
    """
    images = _collected(source, spec, decoding)
    left_out, notes, names = (
        tuple(map(_one_line, texts)) for texts in (source.left_out, source.notes, source.class_names)
    )
    return replace(images, left_out=left_out, notes=notes, class_names=names)


def stored_images(source: Source, decoding: Decoding) -> StoredImages:
    """Return every image of a source as it is stored."""
    left_out, notes, names = (
        tuple(map(_one_line, texts)) for texts in (source.left_out, source.notes, source.class_names)
    )
    return StoredImages(
        _one_line(source.name),
        source.count,
        lambda: (_one_line(entry) if isinstance(entry, str) else entry for entry in source.entries()),
        lambda stream, spec: decode(stream, decoding.fitting(spec)),
        left_out=left_out,
        notes=notes,
        class_names=names,
    )


def _collected(source: Source, spec: ImageSpec, decoding: Decoding) -> Images:
    fitting = decoding.fitting(spec)
    if source.count * spec.height * spec.width * spec.channels > decoding.memory_mib * MIB:
        from PIL import __version__ as pillow

        key = [DECODER, source.facts(), spec.shape, fitting.fit, fitting.colour, source.labelled, pillow]
        images = cached(
            key, spec.shape, source.count, lambda add: _decode_all(source, fitting, decoding.max_broken_share, add)
        )
        # max_broken_share is not in the key, because pixels do not depend on it. So check it for cached images too.
        _check_broken(source, images.skipped, len(images) + len(images.skipped), decoding.max_broken_share)
        return images
    pixels = np.empty((source.count, *spec.shape), np.uint8)
    places = iter(pixels)
    labels, skipped = _decode_all(
        source, fitting, decoding.max_broken_share, lambda image: np.copyto(next(places), image)
    )
    return Images(pixels[: source.count - len(skipped)], labels, skipped)


def _decode_all(
    source: Source, fitting: Fitting, max_broken_share: float, add: Add
) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Pass the images to ``add``, one after the other. Return labels, and the reasons for skipped images."""

    def read(entry: StoredImage | str) -> tuple[np.ndarray | str, int | None]:
        if isinstance(entry, str):
            return entry, None
        try:
            with entry.read() as stream:
                return decode(stream, fitting), entry.label
        except Exception as error:  # Pillow can raise almost any error, also in a resize.
            return f"{entry.name}: {unreadable_reason(error)}", None

    labels: list[int | None] = []
    skipped: list[str] = []
    done = 0
    with warnings.catch_warnings():
        # Pillow warns about unusual metadata.
        warnings.simplefilter("ignore")
        for done, (image, label) in enumerate(in_threads(read, source.entries()), start=1):
            if done > source.count:
                break
            if isinstance(image, str):
                skipped.append(_one_line(image))
                if len(skipped) > max_broken_share * source.count:
                    break
            else:
                add(image)
                labels.append(label)
            report_progress(done, source.count)
    _check_broken(source, skipped, done, max_broken_share)
    if done != source.count:
        raise DataError(f"{source.name} changed while it was read: do not change it, and start again")
    return np.array(labels, np.int64) if source.labelled else None, tuple(skipped)


def _one_line(text: str) -> str:
    """Escape line breaks, control codes and invalid UTF-8: names of files and members can contain anything."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _check_broken(source: Source, skipped: Sequence[str], done: int, max_broken_share: float) -> None:
    if len(skipped) > max_broken_share * source.count or len(skipped) == source.count:
        shown = "\n".join(f"  {reason}" for reason in skipped[:SHOWN])
        rest = "" if done >= source.count else f"; there are {source.count}, and reading stopped here"
        raise DataError(
            f"{len(skipped)} of {done} images in {source.name} cannot be read{rest}: repair or remove them, or "
            f"allow a larger share in the recipe (data.max_broken_share, now {max_broken_share}); the first:\n{shown}"
        )
