"""Advice about a data set, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dcgan_kit.errors import counted
from dcgan_kit.inspection.inspection import Inspection
from dcgan_kit.inspection.size_ladder import LADDER, median_side, shown_share

FEW = 1000
"""Below this many images, augmentation is worth trying: Zhao et al. 2020, arXiv 2006.10738, have 100 to 1,000."""
VERY_FEW = 100
"""The smallest data sets of the same source."""
BROKEN_SHARE = 0.1
"""Default of ``max_broken_share``: above it, training refuses the images."""
KEPT_SHARE = 0.8
"""Below this share of the pixels, it matters that images are cut."""
DARK = 128
"""16-bit images that stay below half of the levels have fewer bits in fact, such as 12."""
UNEVEN = 10
"""The largest class may have this many times the images of the smallest."""


def advice(found: Inspection) -> tuple[str, ...]:
    """Return sentences about what would harm a training, and what to do; the worst first."""
    return tuple(sentence for rule in _RULES for sentence in rule(found))


def stopping_advice(found: Inspection) -> str:
    """Return the sentence that says why training with these images will stop; empty if none does."""
    return next(_broken(found), "")


def _share(part: int, whole: int) -> str:
    percent = 100 * part / whole
    return f"{percent:.0f} %" if percent >= 1 else f"{percent:.1g} %"


def _duplicates(found: Inspection) -> Iterator[str]:
    if found.equal.count:
        yield (
            f"{_share(found.equal.count, found.count)} of the images ({found.equal.count:,}) repeat others, pixel by "
            "pixel: a held-out split would contain training images, and scores would be too good. Remove the copies"
        )
    if found.close.count:
        yield (
            f"{counted(found.close.count, 'image')} look{'s' if found.close.count == 1 else ''} much like another "
            "one: look at the examples, and remove copies in another size or compression"
        )


def _number(found: Inspection) -> Iterator[str]:
    distinct = found.count - found.equal.count
    if distinct < VERY_FEW:
        yield (
            f"{counted(distinct, 'different image')}: a GAN learns them by heart, or nothing. Collect a few hundred at "
            "least, better thousands"
        )
    elif distinct < FEW:
        yield f"{distinct:,} different images are few: let the discriminator see them augmented"


def _broken(found: Inspection) -> Iterator[str]:
    total = found.count + found.broken
    most = found.options.get("max_broken_share", BROKEN_SHARE)
    if isinstance(most, int | float) and found.broken > most * total:
        yield (
            f"{_share(found.broken, total)} of the images cannot be read, and training stops above "
            f"{most:.0%}: repair or remove them, or set max_broken_share"
        )


def _sizes(found: Inspection) -> Iterator[str]:
    if not found.resizes and len(found.sizes) > 1:
        yield f"{found.component} does not resize images, and they have {len(found.sizes)} sizes"
    if not found.resizes:
        return
    side, size = median_side(found.sizes), found.size
    if side < LADDER[0]:
        yield f"half of the images have a side below {LADDER[0]} pixels: they are enlarged, and look soft"
    kept = shown_share(found.sizes, size.height, size.width)
    if kept < KEPT_SHARE and found.options.get("fit", "crop") == "crop":
        yield (
            f"cut to {size.height}x{size.width}, images keep {kept:.0%} of their pixels on average: take a size of "
            "their ratio, or keep all of them with margins, fit=pad"
        )


def _channels(found: Inspection) -> Iterator[str]:
    if 0 < found.grey < found.count:
        few = min(found.grey, found.count - found.grey)
        if few <= found.count / 2:
            what = "grey" if few == found.grey else "in colour"
            yield (
                f"{counted(few, 'image')} of {found.count:,} {'is' if few == 1 else 'are'} {what}, the others are "
                f"{'in colour' if what == 'grey' else 'grey'}: a generator learns both, unless you remove one kind"
            )
    if found.clear:
        yield (
            f"{counted(found.clear, 'image')} {'has' if found.clear == 1 else 'have'} transparent pixels: they show "
            "the background (white, unless you set background)"
        )


def _levels(found: Inspection) -> Iterator[str]:
    if found.deep and found.deep_brightest < DARK:
        yield (
            f"images with more than 8 bits are dark: they reach level {found.deep_brightest} of 255. They may hold 12 "
            "bits in 16: multiply their values, and save them again"
        )
    if found.flat:
        yield f"{counted(found.flat, 'image')} {'is' if found.flat == 1 else 'are'} of one colour only: remove them"


def _frames(found: Inspection) -> Iterator[str]:
    if found.several:
        yield (
            f"{counted(found.several, 'file')} {'has' if found.several == 1 else 'have'} more frames or pages: only "
            "the first is used"
        )


def _classes(found: Inspection) -> Iterator[str]:
    if found.classes is None:
        return
    counts = found.classes.values()
    if min(counts) * UNEVEN < max(counts):
        small = min(found.classes, key=lambda name: found.classes[name] if found.classes else 0)
        yield (
            f"classes are uneven: {small} has {counted(min(counts), 'image')}, the largest has {max(counts):,}. A "
            "network with classes learns little about the small ones"
        )


_RULES: tuple[Callable[[Inspection], Iterator[str]], ...] = (
    _broken, _duplicates, _number, _sizes, _levels, _channels, _classes, _frames,
)  # fmt: skip
