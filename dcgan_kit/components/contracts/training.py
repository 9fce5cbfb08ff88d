"""Types that the engine exchanges with the components that take part in training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class ImageSpec:
    """The size of the images that a recipe sets: height and width in pixels, and 1 to 4 channels."""

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
        pixels: uint8 array (N, H, W, C); a ``numpy.memmap`` if the images should not all be in memory.
        labels: integer array with one label for each image, or None.
        skipped: a line for each image file that could not be read, with the reason.
        indices: integer array (M,): which of ``pixels`` belong to this part, in order. None: all N.
        left_out: a line for each reason why files in the same place were left out, with their number.
        notes: other lines for the user, such as where the labels come from.
        class_names: the name of each class, in order of the labels from 0; empty if the classes have no names.
    """

    pixels: Any
    labels: Any = None
    skipped: tuple[str, ...] = ()
    indices: Any = None
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.pixels if self.indices is None else self.indices)

    def batch(self, indices: Any) -> Any:
        """Return the images at some positions: integer array (...) in 0 … len - 1 → uint8 array (..., H, W, C)."""
        return self.pixels[indices if self.indices is None else self.indices[indices]]


@dataclass(frozen=True)
class ClassLoss:
    """What both networks minimize so that the auxiliary classifier of D finds the class of each image.

    Logits are float32 (B, classes), classes are one-hot, float32 (B, classes). If the head has a class for generated
    images, logits are (B, classes + 1), and the last is that of this class. With several replicas, B is the share of
    one replica.

    Attributes:
        generator: (logits of generated images, their classes) → scalar.
        discriminator: (logits of real images, their classes, logits of generated images, their classes) → scalar.
    """

    generator: Callable[[Any, Any], Any]
    discriminator: Callable[[Any, Any, Any, Any], Any]


class RandomStream(Protocol):
    """A random stream that depends only on the recipe's seed and the step. A resumed run draws the same numbers.

    Each call draws new numbers. The first dimension of a shape must be the number of images. With several replicas,
    each replica gets its own rows of what one device would draw for the whole batch.
    """

    def uniform(self, shape: tuple[int, ...]) -> Any:
        """Return a float32 tensor, uniform in [0, 1)."""

    def normal(self, shape: tuple[int, ...]) -> Any:
        """Return a float32 tensor, standard normal."""


@dataclass(frozen=True)
class AdversarialLoss:
    """Two functions of the discriminator's (D's) logits for real and generated images, each float32 (B, 1) → scalar.

    The functions receive the logits of the whole batch, also with several replicas.

    Attributes:
        generator: ``(real_logits, fake_logits, random) -> scalar`` that G minimizes.
        discriminator: ``(real_logits, fake_logits, random) -> scalar`` that D minimizes.
    """

    generator: Callable[[Any, Any, RandomStream], Any]
    discriminator: Callable[[Any, Any, RandomStream], Any]


@dataclass(frozen=True)
class Penalty:
    """A term that D minimizes in addition to its loss.

    Attributes:
        value: ``(discriminator, real, fake, random) -> scalar``: a mean over the images, multiplied by its weight.
            ``discriminator`` is D in training mode, with augmentation: images (B, H, W, C) → logits (B, 1). The images
            are float32, in the networks' range. To get a gradient with respect to them, the component opens its own
            tf.GradientTape.
        every: the penalty applies to one of ``every`` updates of D. That update minimizes ``every`` times the value, so
            the mean over all updates stays the same.
    """

    value: Callable[[Callable[[Any], Any], Any, Any, RandomStream], Any]
    every: int = 1


@dataclass(frozen=True)
class Augmentation:
    """A random, differentiable change of all images that D sees, real and generated. Gradients flow through it to G.

    Attributes:
        transform: ``(images, probability, random) -> images``: float32 (B, H, W, C) in [-1, 1]. ``probability`` is a
            scalar tensor: the probability of each change.
        state: numbers that it keeps from step to step; the first is the probability.
        adapt: ``(state, real_logits) -> state``: float32 tensors (len(state),) and (B, 1) of the whole batch. It is
            called after each update of D. None: the state stays the same.
    """

    transform: Callable[[Any, Any, RandomStream], Any]
    state: tuple[float, ...] = (1.0,)
    adapt: Callable[[Any, Any], Any] | None = None


Schedule = Callable[[Any, int], Any]
"""(step as float32 scalar tensor, steps of the whole training) → factor of the optimizer's learning rate."""
