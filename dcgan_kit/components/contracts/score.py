"""Types that the engine exchanges with the components that judge images: extractors and scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Summary = Mapping[str, Any]
"""What a score keeps of a set of images: NumPy arrays by name. They hold numbers only, so files need no pickle."""

Better = Literal["lower", "higher", "floor", "neither"]
"""Which way a number improves.

``floor``: towards the floor, which is the score of real images. ``neither``: the number judges nothing, such as a
standard error.
"""


@dataclass(frozen=True)
class Features:
    """What an extractor returns for a batch of images.

    Attributes:
        features: float32 or float64 array (N, D).
        probabilities: float array (N, K) of class probabilities; rows sum to 1. None if the extractor has no classes.
    """

    features: Any
    probabilities: Any = None


@dataclass(frozen=True)
class Extractor:
    """A fixed function from images to features: it must not change between images that are compared.

    Attributes:
        describe: uint8 pixels (N, H, W, C) → Features. The features of an image must not depend on the other images in
            the batch.
        key: short text that stands for everything besides the pixels that the features depend on, such as the first
            hex digits of a hash of the weights, and the way of resizing. It has no comma and no bracket, and becomes
            part of the name of every number.
        classifies: whether the features come with probabilities.
        learned_labels: whether the probabilities are those of the labels of the images that it was built for, in
            ascending order, learned from these images alone. Such an extractor can say which class other images show.
    """

    describe: Callable[[Any], Features]
    key: str
    classifies: bool = False
    learned_labels: bool = False


class Accumulator(Protocol):
    """Collects what a score needs from one set of images, batch by batch, in constant memory if the score allows it."""

    def add(self, pixels: Any, description: Features) -> None:
        """Add uint8 pixels (N, H, W, C) and their features; keep no reference to the pixels.

        Raises:
            ValueError: a number is not finite, or shapes differ from those of the batch before.
        """

    def summary(self) -> dict[str, Any]:
        """Return the summary of all images so far, as NumPy arrays of numbers.

        Raises:
            ValueError: there were too few images.
        """


@dataclass(frozen=True)
class Gathering:
    """How a score summarizes a set of images. Scores with equal gatherings share one summary.

    Attributes:
        name: name of the summary, with the options that it depends on. Summaries are stored on disk under this name.
        start: returns a new accumulator.
        sees: ``pixels``: it uses the pixels only, and the extractor is no part of the score's name. ``features`` or
            ``probabilities``: it uses these too.
    """

    name: str
    start: Callable[[], Accumulator]
    sees: Literal["pixels", "features", "probabilities"] = "features"


@dataclass(frozen=True)
class ScoreInputs:
    """The summaries that a score compares.

    Attributes:
        fake: summary of the images to judge.
        reference: summary of the held-out split; of the training images if none are held out.
        training: summary of the training images; None unless the score sets ``needs_training``.
    """

    fake: Summary
    reference: Summary
    training: Summary | None = None


@dataclass(frozen=True)
class Score:
    """One or several numbers that compare generated with real images.

    Attributes:
        gathering: how it summarizes each set of images.
        compare: ScoreInputs → float by name, for some or all of the names in ``better``. It raises ValueError if the
            images are too few or too small.
        better: which way each number improves.
        needs_training: whether it needs ``ScoreInputs.training``.
        warn: result of ``compare`` → one line that warns the user of what the numbers show; empty for no warning.
        fewest_of_class: smallest number of images of each side for scoring a class alone; None: the score says nothing
            about a single class.
    """

    gathering: Gathering
    compare: Callable[[ScoreInputs], Mapping[str, float]]
    better: Mapping[str, Better]
    needs_training: bool = False
    warn: Callable[[Mapping[str, float]], str] | None = None
    fewest_of_class: int | None = 20
