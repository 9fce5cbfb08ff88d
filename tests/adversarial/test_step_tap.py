"""What a tap hears of a step, and that listening changes nothing."""

from __future__ import annotations

import pytest
import tensorflow as tf

from dcgan_kit.adversarial.step_tap import QUIET


class Listening:
    """Keeps what it is called with, and runs networks as training does."""

    def __init__(self):
        self.heard = []

    def begin(self, update, part):
        self.heard.append(f"{' and '.join(update.roles)}, part {part}")

    def forward(self, role, given, forward, x):
        self.heard.append(f"{role}: {given}")
        return forward(x, True)

    def end(self, facts, gradients):
        self.heard.append(sorted(facts) + [f"{role}: {len(found)} gradients" for role, found in gradients.items()])


@pytest.fixture(scope="module")
def session(tiny, taken):
    """An alternating step in two parts, with a penalty."""
    ways = ("training.updates=alternating", "training.accumulate=2", "training.penalty=r1")
    return taken(tiny(*ways, "discriminator.normalization=none").recipe).session


@pytest.fixture(scope="module")
def program(session):
    """Return a function tap -> the types of all operations of the step, as TensorFlow traces it."""

    def program(tap):
        def step(pixels, labels, number):
            return session.step.replica_step(pixels, labels, number, session.step.schedule.at(0), tap)

        shape = (1, 2, 2)
        signature = [
            tf.TensorSpec((*shape, 8, 8, 1), tf.uint8),
            tf.TensorSpec(shape, tf.int32),
            tf.TensorSpec((), tf.int64),
        ]
        traced = tf.function(step, autograph=False).get_concrete_function(*signature)
        return [operation.type for operation in traced.graph.get_operations()]

    return program


def test_a_tap_hears_each_part_and_each_pass_and_adds_no_operation(session, program):
    tap = Listening()
    assert program(tap) == program(QUIET)
    means = ["discriminator_fake", "discriminator_loss", "discriminator_real", "penalty"]
    of_d, of_g = (len(session.step.weights[role]) for role in ("discriminator", "generator"))
    expected = []
    for part in (0, 1):
        expected += [
            f"discriminator, part {part}", "generator: latent vectors", "discriminator: real images",
            "discriminator: generated images", "discriminator: penalty", [*means, f"discriminator: {of_d} gradients"],
        ]  # fmt: skip
    for part in (0, 1):
        expected += [
            f"generator, part {part}", "generator: latent vectors", "discriminator: generated images",
            ["generator_loss", f"generator: {of_g} gradients"],
        ]  # fmt: skip
    assert tap.heard == expected
