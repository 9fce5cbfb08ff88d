"""The whole adversarial step, and the compiled function that runs several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.training.parts import build_latent, build_loss
from dcgan_kit.training.state import TrainingState

METRICS = ("generator_loss", "discriminator_loss", "discriminator_real", "discriminator_fake")
"""What a step reports: both losses, and D's mean probability that real and generated images are real."""

Steps = Callable[[Any, Any], Any]


def compiled_steps(recipe: ResolvedRecipe, state: TrainingState) -> Steps:
    """Return a function that trains on K batches: (uint8 images (K, B, H, W, C), first step) → means of ``METRICS``.

    Raises:
        RecipeError: the loss or latent component raised or broke its contract.
    """
    training = recipe.training
    loss, draw_latent = build_loss(recipe), build_latent(recipe)
    generator, discriminator = state.networks.generator.model, state.networks.discriminator.model
    low, high = recipe.value_range

    def one_step(pixels: Any, step: Any) -> Any:
        real = tf.cast(pixels, tf.float32) * ((high - low) / 255.0) + low
        # Latent vectors depend on (seed, step) alone, so that a resumed run draws the same.
        latent = draw_latent(training.batch_size, tf.stack([training.seed, tf.cast(step, tf.int32)]))
        with tf.GradientTape(watch_accessed_variables=False) as generator_tape:
            generator_tape.watch(_weights(generator))
            fake = generator(latent, training=True)
            with tf.GradientTape(watch_accessed_variables=False) as discriminator_tape:
                discriminator_tape.watch(_weights(discriminator))
                real_logits = discriminator(real, training=True)
                fake_logits = discriminator(fake, training=True)
                discriminator_loss = loss.discriminator(real_logits, fake_logits)
            if training.updates == "alternating":
                with generator_tape.stop_recording():
                    _descend(state.discriminator_optimizer, discriminator, discriminator_tape, discriminator_loss)
                generator_loss = loss.generator(real_logits, discriminator(fake, training=True))
            else:
                generator_loss = loss.generator(real_logits, fake_logits)
        _descend(state.generator_optimizer, generator, generator_tape, generator_loss)
        if training.updates == "simultaneous":
            _descend(state.discriminator_optimizer, discriminator, discriminator_tape, discriminator_loss)
        if state.averaged is not None:
            for average, current in zip(state.averaged.weights, generator.weights, strict=True):
                average.assign_add((1.0 - training.ema) * (current - average))
        state.step.assign(step + 1)
        real_probability, fake_probability = (tf.reduce_mean(tf.sigmoid(x)) for x in (real_logits, fake_logits))
        return tf.stack([generator_loss, discriminator_loss, real_probability, fake_probability])

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def steps(images: Any, first_step: Any) -> Any:
        count = tf.shape(images)[0]
        totals = tf.zeros(len(METRICS))
        for index in tf.range(count):
            totals += one_step(images[index], first_step + tf.cast(index, tf.int64))
        return totals / tf.cast(count, tf.float32)

    signature = tf.TensorSpec((None, training.batch_size, *recipe.image.shape), tf.uint8)
    compiled: Steps = steps.get_concrete_function(signature, tf.TensorSpec((), tf.int64))
    return compiled


def _descend(optimizer: Any, network: Any, tape: Any, loss: Any) -> None:
    optimizer.apply(tape.gradient(loss, _weights(network)), network.trainable_variables)


def _weights(network: Any) -> list[Any]:
    """The tf.Variables behind Keras' variables, which a tape can watch."""
    return [variable.value for variable in network.trainable_variables]
