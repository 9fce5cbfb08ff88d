"""Probes look inside the two networks during training. They return readings (numbers) and findings (diseases).

A probe computes readings from a ``ProbeContext``. It may compare them with its readings at step 0 and report findings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from dcgan_kit.components.kinds import Shape

Readings = Mapping[str, float]
"""Numbers by ``place/name``: ``{"generator.stage2.activation/dead": 0.31, "samples/spread": 0.8}``."""
Role = Literal["generator", "discriminator"]
Of = Literal["generated", "real"]
Mode = Literal["training", "inference"]
PROBE_FAILED = "probe failed"
"""Recorded in place of a disease when a probe fails. It says nothing about the health of the networks."""


@dataclass(frozen=True)
class LayerSlot:
    """One part of a network: the layers that fill one slot of a block.

    Attributes:
        role: ``"generator"`` or ``"discriminator"``.
        block: ``"input"``, ``"stage1"``, …, ``"output"``.
        slot: name of the slot, such as ``"activation"``; the second one of a block is ``"activation_2"``.
        kind: kind of the component in the slot.
        component: name of the component.
        layers: its Keras layers in order. Do not call them directly; use ``ProbeContext.apply``.
        input_shape: shape of its input without the batch dimension: ``(H, W, C)`` or ``(N,)``.
        output_shape: shape of its output without the batch dimension.
        inputs: the parts of the network whose outputs it takes, as indices; -1 is the network's input. Several where a
            shortcut joins its stage: ``kind`` is then ``"join"``.
    """

    role: Role
    block: str
    slot: str
    kind: str
    component: str
    layers: tuple[Any, ...]
    input_shape: Shape
    output_shape: Shape
    inputs: tuple[int, ...] = (-1,)

    def __str__(self) -> str:
        return f"{self.role}.{self.block}.{self.slot}"


class ProbeContext(Protocol):
    """The two networks at one step, on a batch that stays the same for the whole run. A probe must not change them.

    All arrays are NumPy arrays, float32 unless stated otherwise. B is the number of images in the batch. Each value is
    computed at its first use and then shared: one forward and one backward pass serve all values in training mode.
    Random operations (dropout, noise, augmentation) draw the same numbers at every step. The networks compute in
    float32, whatever precision they train in.
    """

    step: int
    """Number of finished steps."""
    value_range: tuple[float, float]
    """Values of the darkest and the brightest pixel in the networks' range."""
    generator: Sequence[LayerSlot]
    """The generator's parts, in order from the latent vector to the image."""
    discriminator: Sequence[LayerSlot]
    """The discriminator's parts, in order from the image to the logit."""
    latent: Any
    """Latent vectors (B, size)."""
    real: Any
    """Real images (B, H, W, C) in the networks' range."""

    def on_batch(self, number: int) -> ProbeContext:
        """Return a context for the same networks at the same step on another batch.

        Batch 0 is the one that every probe receives. Each further batch costs its own forward and backward passes.
        ``loss_at`` uses batch 0 in every context.
        """

    def before(self, place: LayerSlot, mode: Mode = "training", of: Of = "generated") -> Any:
        """Return the input (B, ...) of a place; of a join, what its stage returns without the shortcut.

        Mode ``training`` uses the statistics of the batch, and updates no moving statistics. For a place in the
        discriminator, ``of`` chooses generated or real images.
        """

    def after(self, place: LayerSlot, mode: Mode = "training", of: Of = "generated") -> Any:
        """Return the output (B, ...) of a place."""

    def logits(self, mode: Mode = "training", of: Of = "generated") -> Any:
        """Return the discriminator's logits (B, 1)."""

    def loss(self, role: Role) -> float:
        """Return a network's loss as the recipe defines it, without penalty and weight decay."""

    def gradient(self, place: LayerSlot, of: Of = "generated") -> Any:
        """Return the gradient (B, ...) of the loss of the place's network with respect to the place's input.

        Losses are means over the batch. Multiply by B to get the gradient of one image's loss.
        """

    def weight_gradients(self, place: LayerSlot) -> Mapping[str, Any]:
        """Return the gradients of the network's loss with respect to the place's trainable parameters, by name."""

    def image_gradient(self) -> Any:
        """Return the gradient of the generator's loss with respect to its images (B, H, W, C).

        This is the signal that the generator receives from the discriminator.
        """

    def logit_gradient(self, role: Role, of: Of = "generated") -> Any:
        """Return the gradient of a network's loss with respect to the discriminator's logits (B, 1)."""

    def samples(self, count: int) -> Any:
        """Return generated images (count, H, W, C) as users get them.

        The generator runs in inference mode, with averaged weights if the recipe averages them. The first images come
        from ``latent``. The same count uses the same latent vectors at every step.
        """

    def real_images(self, count: int) -> Any:
        """Return real images (count, H, W, C) in the networks' range; the first are ``real``.

        There are fewer than ``count`` if the data set has fewer.
        """

    def weights(self, role: Role) -> Sequence[Any]:
        """Return the trainable parameters of a network, in the order of its layers."""

    def loss_at(self, role: Role, weights: Sequence[Any]) -> tuple[float, Sequence[Any]]:
        """Return the loss of a network at other weights, and the gradients with respect to those weights."""

    def learning_rate(self, role: Role) -> float:
        """Return the current learning rate of a network's optimizer."""

    def apply(self, place: LayerSlot, values: Any) -> Any:
        """Return the output of a place for other inputs (N, ...), in inference mode; a shortcut then gives zeros."""

    def slope(self, place: LayerSlot, of: Of = "generated") -> Any:
        """Return the derivative of an activation at its input in training mode, for each unit (B, ...)."""

    def limits(self, place: LayerSlot) -> tuple[float, float] | None:
        """Return the range of outputs in which an activation's slope is at least 1 % of its steepest slope.

        The result is None if the activation is not flat at both ends: only a bounded activation saturates.
        """

    def operations(self, place: LayerSlot) -> Sequence[Any]:
        """Return the windows and resizes of a place, as ``overlap_factor`` and ``stack_evenness`` take them."""


@dataclass(frozen=True)
class Finding:
    """A disease that a probe found in the networks or in their images.

    Attributes:
        disease: name of the disease, such as ``"dead channels"``. Later findings with the same name and place count as
            the same disease.
        where: the place, written as in the keys of readings, or another subject such as ``"samples"``.
        observation: what was found, as text that follows the place in a sentence: ``"31 % dead channels"``.
        value: the number that shows the disease.
        baseline: the number to compare it with: that of real data, or of the same network at step 0.
        advice: what to try.
        page: where it is explained: a file of docs/ with an anchor, or a web address.
    """

    disease: str
    where: str
    observation: str
    value: float
    baseline: float
    advice: str
    page: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return the fields as JSON data. JSON has no infinity or NaN, so a value that is not finite becomes None."""
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(self).items()
        }

    def __str__(self) -> str:
        role, _, place = self.where.partition(".")
        # The block of a repeated stage has the number of its copy: ``stage2.1``.
        block = re.sub(r"(?<=[a-z])(?=\d)", " ", place.rpartition(".")[0] or place)
        return f"{role} {block}: {self.observation}" if block else f"{role}: {self.observation}"


def _healthy(readings: Readings, first: Readings) -> Iterable[Finding]:
    """Return no findings."""
    return ()


@dataclass(frozen=True)
class SecondReading:
    """A second reading some steps after the first, for changes that only two steps can show.

    Attributes:
        after: number of steps between the first and the second reading.
        remember: ``(context) -> kept``: returns what to keep from the first reading: numbers, strings, arrays, or
            lists, tuples, sets and mappings of these. Checkpoints store it until the second reading.
        compare: ``(kept, context) -> readings``: called at the second reading.
    """

    after: int
    remember: Callable[[ProbeContext], Any]
    compare: Callable[[Any, ProbeContext], Readings]


def _nothing(context: ProbeContext) -> Readings:
    """Return no readings."""
    return {}


@dataclass(frozen=True)
class Probe:
    """What a component of kind ``probe`` returns: functions that compute readings and findings.

    Attributes:
        measure: ``(context) -> readings``.
        diagnose: ``(readings, readings at step 0) -> findings``. It receives only this probe's readings. At step 0 both
            arguments are the same object, so ``readings is first`` tells whether training has begun.
        cheap: if True, the probe runs every ``training.probing.every`` steps; if False, only at evaluations.
        second: a second reading some steps later, or None. ``diagnose`` does not receive its readings.
    """

    measure: Callable[[ProbeContext], Readings] = _nothing
    diagnose: Callable[[Readings, Readings], Iterable[Finding]] = _healthy
    cheap: bool = True
    second: SecondReading | None = None
