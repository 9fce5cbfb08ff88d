"""Runs one step layer by layer, with the same updates as in training, and records facts about every tensor."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.session import Session
from dcgan_kit.adversarial.step import AdversarialStep
from dcgan_kit.adversarial.step_tap import Forward
from dcgan_kit.adversarial.update_schedule import Update, Updates
from dcgan_kit.networks.network import Network
from dcgan_kit.recipes.resolved import Role

LOSSES = ("generator_loss", "discriminator_loss", "penalty")


@dataclass(frozen=True)
class TensorFacts:
    """One tensor of a step.

    Attributes:
        place: what it is, e.g. ``discriminator, real images: output of stage2_normalization``.
        shape: its shape.
        minimum: smallest finite number; None if there is none.
        maximum: largest finite number; None if there is none.
        mean: mean of the finite numbers; None if there are none.
        not_finite: how many numbers are not finite.
    """

    place: str
    shape: tuple[int, ...]
    minimum: float | None
    maximum: float | None
    mean: float | None
    not_finite: int

    @staticmethod
    def of(place: str, tensor: Any) -> TensorFacts:
        """Return the facts about a tensor."""
        values = np.asarray(tf.cast(tensor, tf.float32))
        finite = values[np.isfinite(values)].astype(np.float64)
        count = int(values.size - finite.size)
        if not finite.size:
            return TensorFacts(place, values.shape, None, None, None, count)
        return TensorFacts(place, values.shape, float(finite.min()), float(finite.max()), float(finite.mean()), count)


def traced(session: Session, values: dict[str, Any], pixels: Any, labels: Any, step: int) -> list[TensorFacts]:
    """Run a step, and record every tensor until the end of the update in which one is not finite.

    No operations are fused here, and the images of all replicas are one batch. So the numbers equal those of training
    up to rounding, except gradients of penalties through batch normalization, which Keras computes here.

    Args:
        session: the training session, on one device; its state changes.
        values: every variable before the step.
        pixels: uint8 images (batches, parts, replicas, B, H, W, C).
        labels: their labels, int32 (batches, parts, replicas, B).
        step: number of steps done before.

    Returns:
        Weights, outputs of layers, losses and gradients, in the order in which the step's updates make them.
    """
    session.state.assign(values)
    number = tf.constant(step, tf.int64)
    session.step.optimizer_step.set_rates(number)
    updates = session.step.schedule.at(step)
    pixels = tf.reshape(pixels, (*pixels.shape[:2], -1, *session.recipe.image.shape))
    labels = tf.reshape(labels, pixels.shape[:3])
    trace = StepTrace(session.step, updates)
    with suppress(_Broken):
        session.step.replica_step(pixels, labels, number, updates, trace)
    return trace.facts


class StepTrace:
    """A tap that runs the networks layer by layer, and records every tensor.

    If an update has a number that is not finite, the tap ends the step before the next update.

    Args:
        step: the adversarial step.
        updates: the updates of the step.

    Attributes:
        facts: facts about the tensors, in the order in which the step makes them.
    """

    def __init__(self, step: AdversarialStep, updates: Updates) -> None:
        self.facts: list[TensorFacts] = []
        self._networks: dict[Role, Network] = {role: getattr(step.state.networks, role) for role in step.models}
        self._models, self._parts, self._updates = step.models, step.training.accumulate, len(updates)
        self._update_number, self._update_name, self._place = 0, "", ""
        self._moved: tuple[Role, ...] = tuple(step.models)

    def begin(self, update: Update, part: int) -> None:
        """Record the weights that the previous update changed; before the first update, record all weights."""
        if part == 0:
            self._next(update)
        self._place = f"{self._update_name}part {part + 1} of {self._parts}: " if self._parts > 1 else self._update_name

    def forward(self, role: Role, input_name: str, forward: Forward, x: Any) -> Any:
        """Run a network layer by layer, and record the output of each layer."""
        network = self._networks[role]

        def call(layer: Any, values: Any) -> Any:
            # Every layer gets ``training``, even one without this argument: layers inside it read it from the call.
            result = layer(values, training=True)
            self._note(f"{role}, {input_name}: output of {layer.name}", result)
            return result

        return network.outputs(x, call)[-1]

    def end(self, facts: Mapping[str, Any], gradients: Mapping[Role, list[Any]]) -> None:
        """Record losses and gradients."""
        for name in LOSSES:
            if name in facts:
                self._note(name.replace("_", ": "), facts[name])
        for role, found in gradients.items():
            for variable, gradient in zip(self._models[role].trainable_variables, found, strict=True):
                if gradient is not None:
                    self._note(f"{role}: gradient of {variable.path}", gradient)

    def _next(self, update: Update) -> None:
        if any(fact.not_finite for fact in self.facts):
            raise _Broken
        self._update_number += 1
        name = f"update {self._update_number} of {self._updates} ({' and '.join(update.roles)}): "
        self._place = self._update_name = name if self._updates > 1 else ""
        for role in self._moved:
            for weight in self._models[role].weights:
                if "seed" not in weight.path:
                    self._note(f"{role}: weight {weight.path}", weight.value)
        self._moved = update.roles

    def _note(self, tensor_name: str, tensor: Any) -> None:
        self.facts.append(TensorFacts.of(self._place + tensor_name, tensor))


class _Broken(Exception):
    """An update made a number that is not finite."""
