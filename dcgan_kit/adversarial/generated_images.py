"""The images that the generator (G) makes in a step, with the gradient tape that recorded how."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dcgan_kit.adversarial.image_batch import ImageBatch
from dcgan_kit.adversarial.replica_inputs import ReplicaInputs
from dcgan_kit.adversarial.step_tap import Forward, StepTap
from dcgan_kit.adversarial.update_schedule import Update
from dcgan_kit.networks.side_inputs import inputs_of


class GeneratedImages:
    """Generated images of a step; G makes them at the first request.

    Args:
        forward: G's forward pass.
        weights: G's trainable parameters.
        inputs: gives the latent vectors.
        tap: runs and may record the forward pass.
    """

    def __init__(self, forward: Forward, weights: list[Any], inputs: ReplicaInputs, tap: StepTap) -> None:
        self._forward, self._weights, self._inputs, self._tap = forward, weights, inputs, tap
        self._made: dict[str, tuple[Any, ImageBatch]] = {}

    def of(self, update: Update, part: int) -> tuple[Any, ImageBatch]:
        """Return the gradient tape of G's forward pass, and the images with their classes."""
        latents = update.latents
        if latents in self._made:
            # G has not changed since then, so one forward pass serves D's last update and G's first.
            return self._made[latents]
        classes = self._inputs.generated_classes(latents, update.batch, part)
        with weight_tape(self._weights) as tape:
            vectors = inputs_of(self._forward.model, self._inputs.latent_vectors(latents, part), classes)
            images = tf.cast(self._tap.forward("generator", "latent vectors", self._forward, vectors), tf.float32)
        # A batch is divided into parts to save memory, so images of several parts are not kept.
        made = tape, ImageBatch(images, classes)
        self._made = {latents: made} if self._inputs.parts == 1 else {}
        return made

    def forget(self) -> None:
        """Drop the images, because G's weights have changed."""
        self._made = {}


def weight_tape(weights: list[Any]) -> Any:
    """Return a gradient tape that watches only these weights."""
    tape = tf.GradientTape(watch_accessed_variables=False)
    with tape:
        tape.watch(weights)
    return tape
