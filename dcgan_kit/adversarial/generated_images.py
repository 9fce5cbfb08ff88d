"""The images that G makes in a step, each with the tape that leads back to G's weights."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dcgan_kit.adversarial.replica_inputs import ReplicaInputs
from dcgan_kit.adversarial.step_tap import Forward, StepTap


class GeneratedImages:
    """Generated images, made when they are first asked for.

    Args:
        forward: G's forward pass.
        weights: G's trainable weights.
        inputs: where latent vectors come from.
        tap: sees the forward pass.
    """

    def __init__(self, forward: Forward, weights: list[Any], inputs: ReplicaInputs, tap: StepTap) -> None:
        self._forward, self._weights, self._inputs, self._tap = forward, weights, inputs, tap
        self._made: dict[str, tuple[Any, Any]] = {}

    def of(self, latents: str, part: int) -> tuple[Any, Any]:
        """Return the tape that knows how G made images, and the images (B, H, W, C), float32."""
        if latents in self._made:
            # G has not moved since: one forward pass serves D's last update and G's first.
            return self._made[latents]
        with weight_tape(self._weights) as tape:
            vectors = self._inputs.latent_vectors(latents, part)
            images = tf.cast(self._tap.forward("generator", "latent vectors", self._forward, vectors), tf.float32)
        # Those of several parts are not kept: parts are there to save memory.
        self._made = {latents: (tape, images)} if self._inputs.parts == 1 else {}
        return tape, images

    def forget(self) -> None:
        """Forget the images: G has moved."""
        self._made = {}


def weight_tape(weights: list[Any]) -> Any:
    """Return a tape that watches some weights, and nothing else."""
    tape = tf.GradientTape(watch_accessed_variables=False)
    with tape:
        tape.watch(weights)
    return tape
