"""What tests of the step share: networks that are trained by hand, and that no processor is asked."""

from __future__ import annotations

import numpy as np
import pytest

from dcgan_kit.adversarial.random_streams import StepStream
from dcgan_kit.adversarial.training_components import build_latent
from dcgan_kit.networks.builder import build_networks


@pytest.fixture(scope="module", autouse=True)
def _unasked_processor(unasked_processor):
    """See ``unasked_processor``."""


class ByHand:
    """Networks of a recipe built anew, for what a reader of the recipe would write down with a tape.

    Attributes:
        generator: the Keras model.
        discriminator: the Keras model.
        of_g: the generator's trainable variables.
        of_d: the discriminator's.
    """

    def __init__(self, recipe):
        self._recipe = recipe
        networks = build_networks(recipe)
        self.generator, self.discriminator = networks.generator.model, networks.discriminator.model
        self.of_g = [variable.value for variable in self.generator.trainable_variables]
        self.of_d = [variable.value for variable in self.discriminator.trainable_variables]

    def latent(self, step, purpose="latent0"):
        """Draw the latent vectors of a step."""
        recipe = self._recipe
        seed = StepStream(recipe.training.seed, step, purpose).seed()
        return build_latent(recipe)(recipe.training.batch_size, seed)

    def fake(self, step, purpose="latent0"):
        """Generate the images of a step, in training."""
        return self.generator(self.latent(step, purpose), training=True)

    def real(self, pixels):
        """Scale uint8 images of one update, (..., B, H, W, C), to the networks' range, (N, H, W, C)."""
        low, high = self._recipe.image.range
        scaled = low + (high - low) * pixels.astype("float64") / 255
        return scaled.reshape(-1, *self._recipe.image.shape).astype("float32")

    def logits(self, images):
        """Judge images, in training."""
        return self.discriminator(images, training=True)

    @staticmethod
    def descend(weights, gradients, rate):
        """Step along the gradient."""
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.assign_sub(rate * gradient)

    def agrees_with(self, taken, rtol=1e-4, atol=1e-6):
        """Assert that a session's networks have come to the same weights, statistics included."""
        networks = taken.state.networks
        for ours, theirs in ((networks.generator, self.generator), (networks.discriminator, self.discriminator)):
            for one, other in zip(ours.model.weights, theirs.weights, strict=True):
                if "seed" not in one.path:
                    np.testing.assert_allclose(one, other, rtol=rtol, atol=atol, err_msg=f"{ours.role} {one.path}")


@pytest.fixture(scope="session")
def by_hand():
    """Return a function recipe -> ByHand."""
    return ByHand
