"""Probes: what is asked of the two networks while they train, and what an answer is a sign of.

A probe reads numbers off a ``ProbeContext`` and may say, of these numbers and of those at step 0, what is ill.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

from dcgan_kit.components.kinds import Shape

Readings = Mapping[str, float]
"""Numbers by place and what they are: ``{"generator.stage2.activation/dead": 0.31, "samples/spread": 0.8}``."""
Role = Literal["generator", "discriminator"]
Of = Literal["generated", "real"]
Mode = Literal["training", "inference"]
PROBE_FAILED = "probe failed"
"""Stands for a disease in the record of a probe that failed: no network is ill, and none is known to be well."""


@dataclass(frozen=True)
class LayerSlot:
    """One part of a network: what a slot of a block became.

    Attributes:
        role: ``"generator"`` or ``"discriminator"``.
        block: ``"input"``, ``"stage1"``, …, ``"output"``.
        slot: what was filled: ``"activation"``; the second of a block is ``"activation_2"``.
        kind: of the component.
        component: its name.
        layers: its Keras layers in order. Call them by ``ProbeContext.apply`` alone.
        input_shape: what it is given, without the batch: ``(H, W, C)`` or ``(N,)``.
        output_shape: what it returns.
    """

    role: Role
    block: str
    slot: str
    kind: str
    component: str
    layers: tuple[Any, ...]
    input_shape: Shape
    output_shape: Shape

    def __str__(self) -> str:
        return f"{self.role}.{self.block}.{self.slot}"


class ProbeContext(Protocol):
    """A pair of networks at one step, on a batch that stays the same through a run: to look at, never to change.

    All arrays are numpy's, float32 unless said otherwise; B is the number of images of the batch. Everything is
    computed when it is first asked for, and shared: one forward and one backward pass serve all that is asked about
    training. What is random (dropout, noise, augmentation) is drawn alike at every step. Networks compute in float32,
    whatever they train in.
    """

    step: int
    """Steps that are done."""
    value_range: tuple[float, float]
    """What the darkest and the brightest pixel are for the networks."""
    generator: Sequence[LayerSlot]
    """From the latent vector to the image."""
    discriminator: Sequence[LayerSlot]
    """From the image to the logit."""
    latent: Any
    """(B, size)."""
    real: Any
    """(B, H, W, C), real images in the networks' range."""

    def on_batch(self, number: int) -> ProbeContext:
        """The same networks at the same step on another batch: 0 is the first, on which every probe looks.

        Each costs passes of its own. What is asked about losses at other weights stays that of the first.
        """

    def before(self, place: LayerSlot, mode: Mode = "training", of: Of = "generated") -> Any:
        """What a place is given (B, ...). ``training`` is with the statistics of the batch, and moves none.

        ``of`` says which images, where the place is the discriminator's.
        """

    def after(self, place: LayerSlot, mode: Mode = "training", of: Of = "generated") -> Any:
        """What a place returns (B, ...)."""

    def logits(self, mode: Mode = "training", of: Of = "generated") -> Any:
        """The discriminator's logits (B, 1)."""

    def loss(self, role: Role) -> float:
        """The recipe's own loss of a network, without penalty and weight decay."""

    def gradient(self, place: LayerSlot, of: Of = "generated") -> Any:
        """Gradient of the place's own network's loss by what the place is given (B, ...).

        Losses are means over the batch; multiply by B for the gradient of one image's share.
        """

    def weight_gradients(self, place: LayerSlot) -> Mapping[str, Any]:
        """Gradients of the own network's loss by the place's trained weights, by the weights' names."""

    def image_gradient(self) -> Any:
        """Gradient of the generator's loss by its images (B, H, W, C): what the discriminator sends back."""

    def logit_gradient(self, role: Role, of: Of = "generated") -> Any:
        """Gradient of a network's loss by the discriminator's logits (B, 1)."""

    def samples(self, count: int) -> Any:
        """Generated images (count, H, W, C) as users get them: at inference, averaged where the recipe averages.

        The first are those of ``latent``; the same count gives those of the same latent vectors at every step.
        """

    def real_images(self, count: int) -> Any:
        """Real images (count, H, W, C) in the networks' range, fewer if there are no more; the first are ``real``."""

    def weights(self, role: Role) -> Sequence[Any]:
        """The trained weights of a network, in the order of its layers."""

    def loss_at(self, role: Role, weights: Sequence[Any]) -> tuple[float, Sequence[Any]]:
        """A network's loss, and its gradients by its weights, if its weights were these."""

    def learning_rate(self, role: Role) -> float:
        """The learning rate of a network's optimizer, as it is now."""

    def apply(self, place: LayerSlot, values: Any) -> Any:
        """What a place would return, at inference, for other values (N, ...)."""

    def slope(self, place: LayerSlot, of: Of = "generated") -> Any:
        """Derivative of an activation at what it is given in training (B, ...), unit by unit."""

    def limits(self, place: LayerSlot) -> tuple[float, float] | None:
        """Outputs of an activation between which its slope is at least 1 % of its steepest.

        None where it is not flat at both ends: only a bounded activation saturates.
        """

    def operations(self, place: LayerSlot) -> Sequence[Any]:
        """The windows and resizes that a place consists of, as ``overlap_factor`` and ``stack_evenness`` take them."""


@dataclass(frozen=True)
class Finding:
    """Something that is ill.

    Attributes:
        disease: its name, by which it is known again at the next look: ``"dead channels"``.
        where: a place as in the keys of readings, or what else has it: ``"samples"``.
        told: what is seen, to follow the place in a sentence: ``"31 % dead channels"``.
        value: the number that tells.
        baseline: what it is compared with: the number of real data, or of the same network at step 0.
        advice: what to try.
        page: where it is explained: a file of docs/ and an anchor, or a web address.
    """

    disease: str
    where: str
    told: str
    value: float
    baseline: float
    advice: str
    page: str = ""

    def as_data(self) -> dict[str, Any]:
        """Return what JSON can write, which has no infinity: a value that is not finite becomes None."""
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(self).items()
        }

    def __str__(self) -> str:
        role, _, place = self.where.partition(".")
        block = re.sub(r"(?<=[a-z])(?=\d)", " ", place.partition(".")[0])
        return f"{role} {block}: {self.told}" if block else f"{role}: {self.told}"


def _healthy(readings: Readings, first: Readings) -> Iterable[Finding]:
    """Find nothing."""
    return ()


@dataclass(frozen=True)
class SecondLook:
    """For what shows only between two steps.

    Attributes:
        after: steps from the first look to the second.
        remember: ``(subject) -> kept``: what is kept of the first look: numbers, texts, arrays, or lists, tuples, sets
            and mappings of these, which lie in checkpoints until the second.
        compare: ``(kept, subject) -> readings`` at the second.
    """

    after: int
    remember: Callable[[ProbeContext], Any]
    compare: Callable[[Any, ProbeContext], Readings]


def _nothing(subject: ProbeContext) -> Readings:
    """Read nothing."""
    return {}


@dataclass(frozen=True)
class Probe:
    """A question to the networks.

    Attributes:
        measure: ``(subject) -> readings``.
        diagnose: ``(readings, readings at step 0) -> findings``; it is given the probe's own readings.
        cheap: whether it is asked every ``training.probing.every`` steps, or at evaluations only.
        second: a second look some steps later, or None. Its readings are not diagnosed.
    """

    measure: Callable[[ProbeContext], Readings] = _nothing
    diagnose: Callable[[Readings, Readings], Iterable[Finding]] = _healthy
    cheap: bool = True
    second: SecondLook | None = None
