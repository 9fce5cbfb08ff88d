"""Typed values that cross between the engine and the components that judge images: extractors and scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Summary = Mapping[str, Any]
"""What is kept of a set of images: NumPy arrays by name, numbers only, so that a file can hold them without pickle."""

Better = Literal["lower", "higher", "floor", "neither"]
"""Which way a number improves. ``floor``: towards what real images get; ``neither``: it judges nothing, as an error."""


@dataclass(frozen=True)
class Features:
    """What an extractor sees in a batch of images.

    Attributes:
        features: float32 or float64 array (N, D).
        probabilities: float array (N, K), how probable each class is, rows sum to 1; None: it knows no classes.
    """

    features: Any
    probabilities: Any = None


@dataclass(frozen=True)
class Extractor:
    """A function from images to features, the same for all images that are ever compared by it.

    Attributes:
        describe: uint8 pixels (N, H, W, C) → Features, each image by itself, whatever else is in a batch.
        key: everything that its numbers depend on besides the pixels, in few characters without comma or bracket: the
            first hex digits of a hash of its weights, and how it resizes. It becomes a part of every number's name.
        classifies: whether descriptions have probabilities.
    """

    describe: Callable[[Any], Features]
    key: str
    classifies: bool = False


class Accumulator(Protocol):
    """Takes the images of one side, batch after batch, in constant memory where the score allows it."""

    def add(self, pixels: Any, description: Features) -> None:
        """Take uint8 pixels (N, H, W, C) and what the extractor sees in them; keep no reference to the pixels.

        Raises:
            ValueError: a number is not finite, or shapes differ from the batch before.
        """

    def summary(self) -> dict[str, Any]:
        """Return what is kept so far, as NumPy arrays of numbers.

        Raises:
            ValueError: there were too few images.
        """


@dataclass(frozen=True)
class Gathering:
    """What a score keeps of a set of images. Scores with equal gatherings share one.

    Attributes:
        name: what it is, with the options that it depends on: summaries are kept on disk under it.
        start: returns a fresh accumulator.
        sees: ``pixels``: it looks at nothing else, and the extractor is no part of the number's name; ``features`` or
            ``probabilities``: it looks at these too.
    """

    name: str
    start: Callable[[], Accumulator]
    sees: Literal["pixels", "features", "probabilities"] = "features"


@dataclass(frozen=True)
class ScoreInputs:
    """The summaries that a score compares.

    Attributes:
        fake: of the images that are judged.
        reference: of real images that the generator never saw, or of training images where none are held out.
        training: of the images that the generator was trained on; None unless the score asks for it.
    """

    fake: Summary
    reference: Summary
    training: Summary | None = None


@dataclass(frozen=True)
class Score:
    """A judgement of images by their distance from real ones, in one number or a few.

    Attributes:
        gathering: what it keeps of each side.
        compare: ScoreInputs → float by name; some or all of the names in ``better``. Raises ValueError where these
            images are too few or too small for it.
        better: which way each number improves.
        needs_training: whether ``ScoreInputs.training`` must be there.
        warn: what ``compare`` returned → what people should know that it is a sign of, one line; empty: nothing.
    """

    gathering: Gathering
    compare: Callable[[ScoreInputs], Mapping[str, float]]
    better: Mapping[str, Better]
    needs_training: bool = False
    warn: Callable[[Mapping[str, float]], str] | None = None
