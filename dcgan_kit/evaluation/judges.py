"""Judges: unlike ways to see images. What one of them is blind to, another may see.

A judge is a score in the features of an extractor, or a score of pixels. A generator that was tuned by one judge can be
better by that judge alone. So an evaluation asks several, and says in words where they disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dcgan_kit.components.contracts.training import Images
from dcgan_kit.evaluation.evaluator import Number
from dcgan_kit.evaluation.selection import default_extractor, is_embedded

NEAR = 2.0
"""Up to this many times the number of real images, a judge hardly tells samples from them."""
FAR = 4.0
"""From this many times the number of real images on, a judge tells samples from them easily."""


@dataclass(frozen=True)
class Judge:
    """One way to see images.

    Attributes:
        name: the extractor, or the score of pixels.
        sees: what it looks at, in a few words.
        scores: the scores to compute.
        numbers: the numbers of these scores that count. The first stands for this judge in words; lower is better, and
            it is above 0.
        extractor: computes the features; empty if the scores see pixels only.
    """

    name: str
    sees: str
    scores: tuple[str, ...]
    numbers: tuple[str, ...]
    extractor: str = ""

    def of(self, numbers: Sequence[Number]) -> Judgement | None:
        """Return the judgement that these numbers give, those of other judges among them; None if they give none."""
        own = tuple(one for name in self.numbers for one in numbers if one.number == name and self._made(one))
        if not own or own[0].number != self.numbers[0]:
            return None
        return Judgement(self.name, self.sees, own)

    def _made(self, number: Number) -> bool:
        return not number.protocol.options and number.protocol.extractor_name == self.extractor


@dataclass(frozen=True)
class Judgement:
    """What a judge found.

    Attributes:
        judge: the name of the judge.
        sees: what it looks at.
        numbers: its numbers, at least one. The first stands for the judge in words; lower is better.
    """

    judge: str
    sees: str
    numbers: tuple[Number, ...]

    @property
    def value(self) -> float:
        """The number that stands for the judge."""
        return self.numbers[0].value

    @property
    def times_real(self) -> float | None:
        """How many times the number of real images it is; None if that is missing or not above 0."""
        floor = self.numbers[0].floor
        return None if floor is None or floor <= 0.0 else self.value / floor


def judges_of(images: Images, source: str) -> tuple[Judge, ...]:
    """Return the judges for images of a data component.

    Without labels, no classifier can learn, so there are four judges instead of five.
    """
    found = [
        _of_features("random_convolution", "textures"),
        _of_features("fashion_reconstruction" if is_embedded(images, source) else "self_reconstruction", "shapes"),
        Judge("sliced_wasserstein", "patches", ("sliced_wasserstein",), ("swd",)),
        Judge("spectrum", "frequencies", ("spectrum",), ("spectrum_db", "high_band_db")),
    ]
    name, _ = default_extractor(images, source)
    return (*([] if name == "random_convolution" else [_of_features(name, "classes")]), *found)


def _of_features(extractor: str, sees: str) -> Judge:
    return Judge(extractor, sees, ("frechet", "kid"), ("fd", "kid"), extractor)


def disagreement(judgements: Sequence[Judgement]) -> tuple[str, ...]:
    """Return in words how far from real images the judges see the samples, and where they disagree."""
    ratios = {one.judge: one.times_real for one in judgements}
    known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    if not known:
        return ()
    near, far = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    span = f"from {_times(known[near])} ({near}) to {_times(known[far])} ({far}) the distance of real images"
    seen = {one.judge: f"{one.judge} ({one.sees})" for one in judgements}
    if known[near] > NEAR:
        told = "all judges tell samples from real images"
    elif known[far] < FAR:
        told = "no judge easily tells samples from real images"
    else:
        hard = _joined([seen[name] for name, ratio in known.items() if ratio <= NEAR])
        easy = _joined([seen[name] for name, ratio in known.items() if ratio >= FAR])
        told = f"the judges disagree: samples are hard to tell from real images for {hard}, easy for {easy}"
    return (f"{told}: {span}", *_detail(judgements))


def _detail(judgements: Sequence[Judgement]) -> list[str]:
    """Say whether fine detail is missing or too strong, if the difference is larger than that of real images."""
    found = next((n for one in judgements for n in one.numbers if n.number == "high_band_db"), None)
    if found is None or found.floor is None or abs(found.value) <= 2.0 * abs(found.floor):
        return []
    fault = "too smooth: fine detail is missing" if found.value < 0 else "too rough: fine detail is too strong"
    return [f"samples are {fault} (high_band_db {found.value:.2g}, real images {found.floor:.2g})"]


def against(judgements: Sequence[Judgement], before: Sequence[Judgement], name: str) -> tuple[str, ...]:
    """Return in words by which judges the samples are closer to real images than those of another evaluation.

    Judges that only one of them has are left out.
    """
    values = {one.judge: one.value for one in before}
    both = [one for one in judgements if one.judge in values]
    closer = [one.judge for one in both if one.value < values[one.judge]]
    farther = [one.judge for one in both if one.value > values[one.judge]]
    if not closer and not farther:
        return ()
    if closer and farther:
        return (f"the judges disagree: closer than {name} by {_joined(closer)}, farther by {_joined(farther)}",)
    direction, by = ("closer", closer) if closer else ("farther", farther)
    every = f"all {len(by)} judges" if len(by) == len(both) > 1 else _joined(by)
    return (f"{direction} than {name} by {every}",)


def _times(ratio: float) -> str:
    return f"{ratio:.3g} times"


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
