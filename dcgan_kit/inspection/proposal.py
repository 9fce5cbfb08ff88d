"""The choices of a recipe that fits a data set, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass

from dcgan_kit.errors import UserError, counted
from dcgan_kit.inspection.advice import FEW, VERY_FEW
from dcgan_kit.inspection.inspection import Inspection
from dcgan_kit.inspection.network_shape import NetworkShape, network_shape

LEAST_OF_A_CLASS, MOST_CLASSES = 50, 1000
"""Folders are taken for classes if there are at most so many, and each has at least so many images."""
HELD_OUT_FROM = 500
"""With fewer images, a tenth is too little for any score."""
HELD_OUT_SHARE, MOST_HELD_OUT = 0.1, 2000
SMALL_SIDE = 32
"""Up to this side, the settings of lecture-fashion28 were measured: docs/tuning.md."""
SMALL_BATCH, BATCH = 32, 64
LEAST_BATCH = 16
"""Batch norm needs so many; a batch repeats images if there are fewer (Wu, He 2018, arXiv 1803.08494)."""
BATCH_OPTIONS = (64, 32, 16, 8, 4, 2, 1)
MEMORY_SHARE = 0.5
"""The part of the free memory that a step may take: the workspace of convolutions is not in the estimate."""
TENSORFLOW = 550 * 10**6
"""Bytes that TensorFlow takes by itself."""
PER_CORE = 30e9
"""Multiply-accumulates per second and core. Two server cores trained eight shipped recipes with 44 to 94 thousand
million: their measured images/s (in their headers) times the cost below."""
GENERATOR_PASSES, DISCRIMINATOR_PASSES = 3, 6
"""Passes of an image in a step, where a backward pass costs two: G once, D with a real and a generated image."""
SECONDS = 3600.0
"""A first result should take an hour at most."""
MOST_STEPS, LEAST_STEPS, GPU_STEPS = 10_000, 1_000, 20_000


@dataclass(frozen=True)
class Cost:
    """What a recipe costs on this machine.

    Attributes:
        generator: multiply-accumulates for one image.
        discriminator: the same.
        memory: batch size → estimated bytes of a step.
        free: free bytes of memory.
        cores: processors that may be used.
        gpu: whether there is a GPU.
    """

    generator: int
    discriminator: int
    memory: dict[int, int]
    free: int
    cores: int
    gpu: bool

    def step_seconds(self, batch: int) -> float:
        """Return the estimated time of a step on the processors."""
        passes = GENERATOR_PASSES * self.generator + DISCRIMINATOR_PASSES * self.discriminator
        return batch * passes / (PER_CORE * self.cores)


@dataclass(frozen=True)
class Proposal:
    """The choices of a recipe.

    Attributes:
        found: what is in the data set.
        shape: of the networks.
        classes: number of classes; 0 for a recipe without classes.
        why_classes: the reason.
        held_out: the share of the images that training never sees.
        batch: images in a step.
        why_batch: the reason.
        steps: of the training.
        why_steps: the reason.
        augment: whether D sees augmented images.
    """

    found: Inspection
    shape: NetworkShape
    classes: int
    why_classes: str
    held_out: float
    batch: int
    why_batch: str
    steps: int
    why_steps: str
    augment: bool


def first_proposal(found: Inspection, conditional: bool | None) -> Proposal:
    """Return a proposal whose batch and steps do not depend on the machine.

    Args:
        found: what is in the data set.
        conditional: whether the recipe has classes; None: if they look like classes.

    Raises:
        UserError: the networks cannot have the size, or there are no classes to learn.
    """
    classes, why = _classes(found, conditional)
    distinct = found.count - found.equal.count
    held_out = 0.0 if found.count < HELD_OUT_FROM else min(HELD_OUT_SHARE, MOST_HELD_OUT / found.count)
    held_out = float(f"{held_out:.3g}")
    side = min(found.size.height, found.size.width)
    wanted = SMALL_BATCH if side <= SMALL_SIDE else BATCH
    batch = next(size for size in BATCH_OPTIONS if size <= max(LEAST_BATCH, min(wanted, found.count)))
    return Proposal(found, network_shape(found.size), classes, why, held_out, batch, "", MOST_STEPS, "", distinct < FEW)


def batch_for(first: Proposal, cost: Cost) -> tuple[int, str]:
    """Return the number of images in a step that fits the memory, and the reason."""
    most = MEMORY_SHARE * cost.free
    fits = [size for size in BATCH_OPTIONS if size <= first.batch and cost.memory[size] + TENSORFLOW <= most]
    batch = fits[0] if fits else 1
    need = f"a step takes about {cost.memory[batch] / 2**20:,.0f} MiB of the {cost.free / 2**30:,.1f} GiB that are free"
    if batch < first.batch:
        return batch, f"{first.batch} images would take more than half of the free memory; {need}"
    if batch < SMALL_BATCH:
        return batch, f"there are only {counted(first.found.count, 'image')}; {need}"
    return batch, need


def steps_for(batch: int, cost: Cost) -> tuple[int, str]:
    """Return the number of steps after which there is a first result, and the reason."""
    if cost.gpu:
        return GPU_STEPS, "a usual number for a GPU; more may bring more"
    seconds = cost.step_seconds(batch)
    bounded = int(SECONDS / seconds) // 1000 * 1000
    steps = max(LEAST_STEPS, min(MOST_STEPS, bounded))
    time = f"{steps * seconds / 60:,.0f} minutes" if steps * seconds >= 90 else f"{steps * seconds:,.0f} seconds"
    limit = "" if steps != bounded else ", as many as fit into an hour"
    cores = counted(cost.cores, "processor core")
    return steps, f"about {time} on {cores}{limit}: estimated from the size of the networks"


def few(found: Inspection) -> bool:
    """Return whether there are too few images for scores."""
    return found.count < VERY_FEW


def _classes(found: Inspection, conditional: bool | None) -> tuple[int, str]:
    if found.classes is None:
        if conditional:
            raise UserError(
                "conditional: the images have no classes. Sort them into folders, two or more, one for each class "
                "(docs/data.md#classes)"
            )
        return 0, ""
    count, least = len(found.classes), min(found.classes.values())
    if conditional is False:
        return 0, f"there are {count} classes, and conditional=False (--unconditional) leaves them out"
    fits = 2 <= count <= MOST_CLASSES and least >= LEAST_OF_A_CLASS
    if conditional:
        if count < 2 or not least:
            raise UserError(
                f"conditional: there must be two classes, each with an image. Received: {dict(found.classes)}"
            )
        return count, f"{count} classes, the smallest of {counted(least, 'image')}"
    if fits:
        return count, f"{count} classes of {LEAST_OF_A_CLASS} images or more; the smallest has {least:,}"
    return 0, (
        f"{count} classes, the smallest of {counted(least, 'image')}: too few or too many to learn them (2 to "
        f"{MOST_CLASSES:,}, {LEAST_OF_A_CLASS} images each); conditional=True (--conditional) takes them"
    )
