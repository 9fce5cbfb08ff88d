"""What a TPU asks of the step, as far as it can be seen without one: XLA compiles all of it, and no shape is open."""

from __future__ import annotations

import re

import pytest
import tensorflow as tf

from dcgan_kit.adversarial.session import Session


def program_of(step, updates, batch):
    """What XLA makes of a step, with its learning rates and the moving average."""

    @tf.function(jit_compile=True, autograph=False)
    def one_step(pixels, labels, number):
        step.optimizer_step.set_rates(number)
        metrics = step.replica_step(pixels, labels, number, updates)
        with tf.control_dependencies([metrics]):
            step.optimizer_step.average(number)
        return metrics

    return one_step.experimental_get_compiler_ir(*batch)(stage="hlo")


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [
    ["training.ema=0.9", "training.augmentation=adaptive", "training.penalty={use: r1, every: 2}"],
    ["training.loss=wasserstein", "training.penalty=gradient_penalty", "training.updates=alternating",
     "training.discriminator.updates=2", "training.accumulate=2"],
], ids=["simultaneous", "alternating"])  # fmt: skip
def test_the_step_compiles_under_xla_with_static_shapes(overrides, small):
    recipe = small(*overrides).recipe
    session = Session.create(recipe)
    updates, parts = recipe.training.discriminator.updates, recipe.training.accumulate
    rows = (updates, parts, recipe.training.batch_size // parts)
    batch = (tf.zeros((*rows, *recipe.image.shape), tf.uint8), tf.zeros(rows, tf.int32), tf.constant(0, tf.int64))
    for kind in session.step.schedule.kinds:
        program = program_of(session.step, kind, batch)
        assert program.startswith("HloModule")
        # XLA writes a dimension that only a bound is known of as [<=8], and calls back to the host by name.
        assert not re.search(r"\[[^\]]*<=", program)
        assert "callback" not in program
