"""A recipe that is ready to train: devices, networks, state, step, and how the step computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.compiled_steps import Steps, compiled_steps
from dcgan_kit.adversarial.dry_run import require_compilable, require_trainable, unsupported_by_xla
from dcgan_kit.adversarial.error_owner import blaming
from dcgan_kit.adversarial.fixed_order import fix_order_of_sums
from dcgan_kit.adversarial.precision import set_precision
from dcgan_kit.adversarial.state import TrainingState
from dcgan_kit.adversarial.step import AdversarialStep
from dcgan_kit.adversarial.step_choice import ChoiceSoFar, StepChoice, first_choice
from dcgan_kit.adversarial.training_components import build_parts
from dcgan_kit.adversarial.update_schedule import batches_a_step
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.data.batch_order import batch_indices
from dcgan_kit.distributed.devices import Devices, choose_devices
from dcgan_kit.errors import Problem, RecipeError, collect_problems
from dcgan_kit.networks.builder import build_networks
from dcgan_kit.networks.network import Networks
from dcgan_kit.recipes.resolved import ResolvedRecipe


@dataclass(frozen=True)
class Session:
    """A recipe on the devices of this process.

    Attributes:
        recipe: the recipe to train.
        devices: the devices that train it.
        choice: the precision, and whether XLA compiles the step, with the reason.
        state: all variables of training.
        step: the adversarial step.
        compiled: the compiled steps, if they were compiled to choose.
    """

    recipe: ResolvedRecipe
    devices: Devices
    choice: StepChoice
    state: TrainingState
    step: AdversarialStep
    compiled: Steps | None = None

    @staticmethod
    def create(
        recipe: ResolvedRecipe,
        so_far: ChoiceSoFar | None = None,
        third_party: frozenset[str] = frozenset(),
        devices: Devices | None = None,
    ) -> Session:
        """Build everything at step 0; a process must do this before anything else with TensorFlow.

        Where the recipe says ``auto``, the session has the choice of an earlier part of the run, or the one that needs
        no measurement; ``step_comparison.compared`` measures.

        Args:
            recipe: the recipe to train.
            so_far: how the steps of the run were computed so far; default: this is a new run.
            third_party: names of third-party plugins, whose layers may fail.
            devices: devices that this process has set up already; default: those that the recipe asks for.

        Raises:
            ComponentError: a third-party layer failed.
            RecipeError: the recipe cannot be built or trained here; it lists every reason with its place.
        """
        devices = choose_devices(recipe) if devices is None else devices
        devices.require_shares(recipe)
        if devices.kind != "TPU":
            # TPUs are deterministic without this mode, in which XLA refuses the gradient of max pooling.
            tf.config.experimental.enable_op_determinism()
        fix_order_of_sums()
        keras.utils.set_random_seed(recipe.training.seed)
        with devices.strategy.scope():
            networks, parts = collect_problems(lambda: build_networks(recipe), lambda: build_parts(recipe))
            require_trainable(recipe, networks, parts, third_party)
            with blaming(networks, third_party):
                state = TrainingState.create(recipe, networks, parts)
        choice = first_choice(recipe.training, devices.kind, so_far, _allows_xla(recipe, devices, networks))
        set_precision(networks, choice.precision)
        step = AdversarialStep(recipe, state, parts, devices, choice.precision == "mixed_float16")
        return Session(recipe, devices, choice, state, step)

    def compile(self) -> Steps:
        """Return the function of K steps; trace it if that is not done yet."""
        return self.compiled or compiled_steps(self.step, self.choice.xla)

    def alone(self) -> Session:
        """Return a session of the same recipe on one device, at step 0; itself if it already uses one device."""
        if self.devices.name == "one_device":
            return self
        one = Devices(tf.distribute.get_strategy(), "one_device", 1, None, self.devices.kind)
        return Session.create(self.recipe, ChoiceSoFar(self.choice.precision, self.choice.xla), devices=one)

    def batches(self, images: Images, first: int, count: int) -> tuple[Any, Any]:
        """Return the uint8 images and int32 labels of this process' replicas for ``count`` steps from ``first``."""
        here = slice(self.devices.first_replica, self.devices.first_replica + self.devices.local_replicas)
        indices = self._indices(images, first, count)[:, :, :, here]
        return tf.constant(images.batch(indices)), tf.constant(_labels(images, indices))

    def whole_batch(self, images: Images, step: int) -> tuple[Any, Any]:
        """Return what all replicas see in a step.

        Returns:
            Images, uint8 (batches, parts, replicas, B, H, W, C), and their labels, int32 (batches, parts, replicas, B).
        """
        indices = self._indices(images, step, 1)[0]
        return images.batch(indices), _labels(images, indices)

    def _indices(self, images: Images, first: int, count: int) -> Any:
        training, each = self.recipe.training, batches_a_step(self.recipe.training)
        indices = np.stack([
            batch_indices(len(images), training.batch_size, training.seed, number)
            for number in range(first * each, (first + count) * each)
        ])  # fmt: skip
        # The replicas divide the rows of each part, so that together they see what a single device would see.
        return indices.reshape((count, each, training.accumulate, self.devices.replicas, -1))


def _labels(images: Images, indices: Any) -> Any:
    labels = np.zeros(indices.shape) if images.labels is None else images.labels[indices]
    return labels.astype(np.int32)


def _allows_xla(recipe: ResolvedRecipe, devices: Devices, networks: Networks) -> bool:
    """Return whether XLA can compile the step on these devices.

    Raises:
        RecipeError: the recipe asks for XLA, and it cannot.
    """
    alone = devices.replicas == 1 and devices.kind != "TPU"
    if recipe.training.xla == "on" and devices.replicas > 1 and devices.kind != "TPU":
        message = "XLA compiles the step of one device only; choose auto or off, or distribute.strategy one_device"
        raise RecipeError([Problem(recipe.mark(("training", "xla")), "training.xla", message)])
    require_compilable(recipe, networks)
    return alone and not unsupported_by_xla(recipe, networks)
