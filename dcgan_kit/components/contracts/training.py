"""Typed values that cross between the engine and the components that training is made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class ImageSpec:
    """The images that a recipe asks for: height and width in pixels, and 1 to 4 channels."""

    height: int
    width: int
    channels: int

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return (self.height, self.width, self.channels)


@dataclass(frozen=True)
class Images:
    """A data set, or a part of one. ``len(images)`` is how many images it has.

    Attributes:
        pixels: uint8 array (N, H, W, C); a ``numpy.memmap`` where they are more than memory should hold.
        labels: integer array, one for each image, or None.
        skipped: files that could not be read, each with the reason.
        indices: integer array (M,): which of ``pixels`` belong to the part, in order; None: all N.
        left_out: what lies where the images are and is none: a line for each reason, with the number.
        notes: what a user should know of the images besides, such as where the labels come from; a line each.
    """

    pixels: Any
    labels: Any = None
    skipped: tuple[str, ...] = ()
    indices: Any = None
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels if self.indices is None else self.indices)

    def batch(self, indices: Any) -> Any:
        """Return a uint8 array (..., H, W, C) of the images at an integer array (...) of places in 0 … len - 1."""
        return self.pixels[indices if self.indices is None else self.indices[indices]]


class RandomStream(Protocol):
    """Random numbers that depend on the recipe's seed and the step alone, so that a resumed run draws the same.

    Each call draws anew. On several replicas each gets its own rows of what one device would draw for the whole
    batch: the first side of a shape is the number of images at hand.
    """

    def uniform(self, shape: tuple[int, ...]) -> Any:
        """Return a float32 tensor, uniform in [0, 1)."""

    def normal(self, shape: tuple[int, ...]) -> Any:
        """Return a float32 tensor, standard normal."""


@dataclass(frozen=True)
class AdversarialLoss:
    """Two functions of D's logits on real and on generated images, each float32 (B, 1) → scalar.

    The logits are those of the whole batch, also where several replicas share the work.

    Attributes:
        generator: ``(real_logits, fake_logits, random) -> scalar`` that G minimizes.
        discriminator: ``(real_logits, fake_logits, random) -> scalar`` that D minimizes.
    """

    generator: Callable[[Any, Any, RandomStream], Any]
    discriminator: Callable[[Any, Any, RandomStream], Any]


@dataclass(frozen=True)
class Penalty:
    """What D minimizes besides its loss.

    Attributes:
        value: ``(discriminator, real, fake, random) -> scalar``, a mean over the images, weight included.
            ``discriminator`` is D as it is trained, augmentation included: images (B, H, W, C) → logits (B, 1). The
            images are float32, in the networks' range; a gradient by them is taken with a tf.GradientTape of the
            component's own.
        every: updates of D from one that is penalized to the next; such an update minimizes ``every`` times the value,
            so that the mean over all stays.
    """

    value: Callable[[Callable[[Any], Any], Any, Any, RandomStream], Any]
    every: int = 1


@dataclass(frozen=True)
class Augmentation:
    """A random change of all images that D sees, real and generated, through which gradients flow to G.

    Attributes:
        transform: ``(images, probability, random) -> images``: float32 (B, H, W, C) in [-1, 1] and a scalar tensor that
            says how probable each change is.
        state: what it remembers from step to step; its first number is the probability.
        adapt: ``(state, real_logits) -> state``: float32 tensors (len(state),) and (B, 1) of the whole batch, after
            each update of D; None: the state stays.
    """

    transform: Callable[[Any, Any, RandomStream], Any]
    state: tuple[float, ...] = (1.0,)
    adapt: Callable[[Any, Any], Any] | None = None


Schedule = Callable[[Any, int], Any]
"""(step as float32 scalar tensor, steps of the whole training) → factor of the optimizer's learning rate."""
