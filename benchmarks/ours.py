"""The training step of dcgan-kit on the networks of the peers."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.session import Session
from dcgan_kit.adversarial.step import ROLES
from dcgan_kit.adversarial.step_comparison import compared
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.terminal.progress import Quiet

LONG = "training.steps=1000000"
"""So many steps that ``auto`` compares whatever the device allows."""
HERE = Path(__file__).parent / "recipes"
RECIPES = {
    "28": "tensorflow-mnist28",
    "64": str(HERE / "peer64.yaml"),
    "64resize": str(HERE / "peer64resize.yaml"),
    "residual32": str(HERE / "residual32.yaml"),
    "classes28": str(HERE / "classes28.yaml"),
}


class OurLoop(NamedTuple):
    """A function that takes some steps, the trainable parameters of G and D, and the precision that was chosen."""

    call: Callable[[], None]
    parameters: tuple[int, ...]
    precision: str


def prepare(net: str, batch: int, *overrides: str, steps: int = 1) -> OurLoop:
    """Return a function that takes some steps in one call, with facts about it.

    Args:
        net: the networks, a key of ``RECIPES``.
        batch: images per step.
        steps: how many steps a call takes.
        overrides: what the recipe changes, such as ``training.fuse=false``.
    """
    settings = PluginSettings(builtins_only=True)
    loaded = load_recipe(RECIPES[net], (f"training.batch_size={batch}", LONG, *overrides), settings)
    recipe = loaded.recipe
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (4 * batch, *recipe.image.shape), np.uint8)
    images, done = Images(pixels, random.integers(0, 10, 4 * batch)), 0
    session = compared(Session.create(recipe), images, loaded.plugins, Quiet().preparation)
    call = session.compile()

    def step() -> None:
        nonlocal done
        # Reading images and sending them to the step is part of it.
        call(*session.batches(images, done, steps), tf.constant(done, tf.int64)).numpy()
        done += steps

    counts = tuple(sum(math.prod(v.shape) for v in session.step.weights[role]) for role in ROLES)
    return OurLoop(step, counts, session.choice.precision)
