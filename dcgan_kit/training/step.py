"""The whole adversarial step, and the compiled function that runs several."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from dcgan_kit.errors import ComponentError
from dcgan_kit.networks.forward import forward_of
from dcgan_kit.recipes.resolved import ResolvedRecipe, Role
from dcgan_kit.training.descent import Descent
from dcgan_kit.training.devices import Devices
from dcgan_kit.training.layer_noise import LayerNoise
from dcgan_kit.training.noise import StepNoise
from dcgan_kit.training.parts import Parts
from dcgan_kit.training.state import TrainingState

METRICS = (
    "generator_loss",
    "discriminator_loss",
    "discriminator_real",
    "discriminator_fake",
    "penalty",
    "generator_gradient",
    "discriminator_gradient",
    "generator_rate",
    "discriminator_rate",
    "augmentation",
)
"""What a step reports: both losses; D's mean probability that real and generated images are real; the penalty; the
norms of both gradients; both learning rates; the probability of augmentation."""

Steps = Callable[[Any, Any, Any], Any]
Scalars = dict[str, Any]


@dataclass(frozen=True)
class Turn:
    """What one step does: how many updates of each network, and whether D is penalized."""

    discriminator: int
    generator: int
    penalty: bool


class AdversarialStep:
    """The step of a recipe.

    Args:
        recipe: what is trained.
        state: what the step moves.
        parts: losses, penalty, augmentation, schedules, latent vectors.
        devices: who shares the batch.
        scaled_loss: whether losses are scaled up, as float16 needs.
    """

    def __init__(
        self, recipe: ResolvedRecipe, state: TrainingState, parts: Parts, devices: Devices, scaled_loss: bool = False
    ) -> None:
        self.recipe, self.training = recipe, recipe.training
        self.state, self.parts, self.devices = state, parts, devices
        generator, discriminator = state.networks.generator.model, state.networks.discriminator.model
        self.weights = {
            "generator": [variable.value for variable in generator.trainable_variables],
            "discriminator": [variable.value for variable in discriminator.trainable_variables],
        }
        synchronized = devices.replicas > 1 and recipe.distribution.synchronized
        self.generator, self.discriminator = (
            _forward(model, self.training.fuse, synchronized) for model in (generator, discriminator)
        )
        self.descent = Descent(recipe, state, parts, devices, scaled_loss)
        self.layer_noise = LayerNoise(generator, discriminator)
        self.generator_sees_real = _depends_on_real(parts)

    def replica_step(self, pixels: Any, labels: Any, step: Any, turn: Turn) -> Any:
        """Take one step on one replica: uint8 images (batches, parts, B, H, W, C) → ``METRICS``, float32."""
        training, parts = self.training, self.parts
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        scalars: Scalars = {}
        finite: list[Any] = []

        def noise(purpose: str) -> StepNoise:
            return StepNoise(training.seed, step, purpose, replica, self.devices.replicas)

        def generated(latents: str, part: int) -> tuple[Any, Any]:
            with self._recording("generator") as tape:
                fake = tf.cast(self.generator(self._latent(noise(latents), part, replica), True), tf.float32)
            return tape, fake

        def gradients(roles: Sequence[Role], update: int, part: int, made: tuple[Any, Any]) -> tuple[Any, Scalars]:
            """Send real and generated images through D once → gradients of the losses of some networks, and facts."""
            facts: Scalars = {}
            reported = ("generator", "discriminator") if training.updates == "in_turn" else roles
            tapes = {"generator": made[0], "discriminator": self._recording("discriminator")}
            real, fake = self._images(pixels[update, part]), made[1]
            labelling = noise(f"labels{update}.{part}").whole()
            with ExitStack() as recording:
                for role in roles:
                    recording.enter_context(tapes[role])
                see_real = "discriminator" in reported or self.generator_sees_real
                logits = self._logits(real if see_real else None, fake, noise(f"augmentation{update}.{part}"))
                real_logits, fake_logits = self._of_all_replicas(*logits, replica)
                losses: Scalars = {}
                if "discriminator" in reported:
                    losses["discriminator"] = parts.loss.discriminator(real_logits, fake_logits, labelling)
                if "discriminator" in roles and turn.penalty:
                    facts["penalty"] = self.penalty_of(real, fake, noise(f"penalty{update}.{part}"))
                if "generator" in reported:
                    losses["generator"] = parts.loss.generator(real_logits, fake_logits, labelling)
                minimized = dict(losses)
                if "discriminator" in roles and turn.penalty:
                    minimized["discriminator"] += facts["penalty"] / self.devices.replicas
                minimized = {role: self.descent.scaled(minimized[role]) for role in roles}
            facts.update({f"{role}_loss": loss for role, loss in losses.items()})
            if "discriminator" in reported:
                facts["discriminator_real"] = tf.reduce_mean(tf.sigmoid(real_logits))
                facts["discriminator_fake"] = tf.reduce_mean(tf.sigmoid(fake_logits))
                facts["real_logits"] = real_logits
            return {role: tapes[role].gradient(minimized[role], self.weights[role]) for role in roles}, facts

        def update(roles: Sequence[Role], number: int, latents: str, made: tuple[Any, Any] | None = None) -> Any:
            """Add the gradients of all parts of a batch up, then move the weights."""
            total: dict[Role, Any] = {}
            told: list[Scalars] = []
            for part in range(training.accumulate):
                with tf.control_dependencies([g for role in total for g in total[role]]):
                    # One part after the other: memory holds the activations of one.
                    found = made or generated(latents, part)
                    new, facts = gradients(roles, number, part, found)
                total = {r: _added(total.get(r), new[r], self.weights[r], training.accumulate) for r in roles}
                told.append(facts)
            real_logits = [facts.pop("real_logits") for facts in told if "real_logits" in facts]
            scalars.update({name: tf.add_n([facts[name] for facts in told]) / len(told) for name in told[0]})
            for role in roles:
                scalars[f"{role}_gradient"], whole = self.descent.move(role, total[role])
                finite.append(whole)
            if "discriminator" in roles:
                self._adapt_augmentation(tf.concat(real_logits, 0))

        with self.layer_noise.drawn_from(StepNoise(training.seed, step, "layers"), replica):
            if training.updates == "simultaneous":
                update(("generator", "discriminator"), 0, "latent0")
                return self._reported(scalars, finite)
            last = max(turn.discriminator - 1, 0)
            latents = [f"latent{number}" for number in range(last + 1)]
            # Where G's first update sees what D's last one saw, the forward pass of G serves both.
            shared = training.latents == "shared" and training.accumulate == 1 and turn.generator > 0
            made = generated(latents[last], 0) if shared else None
            for number in range(turn.discriminator):
                update(("discriminator",), number, latents[number], made if number == last else None)
            for number in range(turn.generator):
                fresh = f"fresh{number}" if training.latents == "fresh" else latents[last]
                update(("generator",), last, fresh, made if number == 0 else None)
            return self._reported(scalars, finite)

    def _recording(self, role: Role) -> Any:
        tape = tf.GradientTape(watch_accessed_variables=False)
        with tape:
            tape.watch(self.weights[role])
        return tape

    def _latent(self, noise: StepNoise, part: int, replica: Any) -> Any:
        # Every replica draws for the whole batch and takes its rows: as many numbers as there are latent sizes.
        training, replicas = self.training, self.devices.replicas
        rows = training.batch_size // training.accumulate // replicas
        drawn = self.parts.latent(training.batch_size, noise.seed())
        drawn = tf.reshape(drawn, (training.accumulate, replicas, rows, self.recipe.latent_size))
        return tf.ensure_shape(drawn[part, replica], (rows, self.recipe.latent_size))

    def _images(self, pixels: Any) -> Any:
        low, high = self.recipe.value_range
        return tf.cast(pixels, tf.float32) * ((high - low) / 255.0) + low

    def _logits(self, real: Any, fake: Any, noise: StepNoise) -> tuple[Any, Any]:
        """D's logits (B, 1), float32, of real images, if there are any, and of generated ones."""
        if real is None:
            logits = self._critic(fake, noise)
            return logits, logits
        if self.training.discriminator_passes == "concatenated":
            # Augmented apart: noise is drawn by the rows of the batch, and a replica has its own of either kind.
            both = tf.concat([self.augmented(real, noise), self.augmented(fake, noise)], 0)
            real_logits, fake_logits = tf.split(tf.cast(self.discriminator(both, True), tf.float32), 2)
            return real_logits, fake_logits
        return self._critic(real, noise), self._critic(fake, noise)

    def _critic(self, images: Any, noise: StepNoise) -> Any:
        return tf.cast(self.discriminator(self.augmented(images, noise), True), tf.float32)

    def augmented(self, images: Any, noise: StepNoise) -> Any:
        """Images (B, H, W, C) in the networks' range, as D is to see them."""
        augmentation, (low, high) = self.parts.augmentation, self.recipe.value_range
        if augmentation is None:
            return images
        images = (images - low) * (2.0 / (high - low)) - 1.0
        images = augmentation.transform(images, self.state.augmentation[0], noise)
        return (images + 1.0) * ((high - low) / 2.0) + low

    def penalty_of(self, real: Any, fake: Any, noise: StepNoise) -> Any:
        """What D minimizes besides its loss, in a step that penalizes: images (B, H, W, C) → scalar."""
        penalty = self.parts.penalty
        assert penalty is not None
        value = penalty.value(lambda images: self._critic(images, noise), real, tf.stop_gradient(fake), noise)
        return tf.cast(value, tf.float32) * penalty.every

    def _of_all_replicas(self, real: Any, fake: Any, replica: Any) -> tuple[Any, Any]:
        """Logits of this replica → those of the whole batch; gradients flow to this replica's own alone.

        A loss may compare images with each other: it must see all. The gradients of all replicas add up.
        """
        replicas = self.devices.replicas
        if replicas == 1:
            return real, fake
        own = tf.stack([real, fake])
        here = tf.one_hot(replica, replicas, on_value=True, off_value=False)[:, None, None, None]
        placed = tf.where(here, own[None], tf.zeros_like(own)[None])
        context = tf.distribute.get_replica_context()
        everywhere = context.all_reduce(tf.distribute.ReduceOp.SUM, tf.stop_gradient(placed))
        whole = tf.where(here, own[None], tf.stop_gradient(everywhere))
        whole = tf.reshape(tf.transpose(whole, (1, 0, 2, 3)), (2, replicas * real.shape[0], 1))
        return whole[0], whole[1]

    def _adapt_augmentation(self, real_logits: Any) -> None:
        augmentation = self.parts.augmentation
        if augmentation is not None and augmentation.adapt is not None:
            adapted = augmentation.adapt(tf.identity(self.state.augmentation), tf.stop_gradient(real_logits))
            self.state.augmentation.assign(adapted)

    def _reported(self, scalars: Scalars, finite: list[Any]) -> Any:
        self.descent.rescale(finite)
        if "penalty" in scalars and self.devices.replicas > 1:
            # The one number that is a replica's own: all must report the same, or they part where it is not finite.
            context = tf.distribute.get_replica_context()
            scalars["penalty"] = context.all_reduce(tf.distribute.ReduceOp.MEAN, scalars["penalty"])
        scalars["augmentation"] = self.state.augmentation[0]
        scalars["generator_rate"] = self.state.generator_optimizer.learning_rate
        scalars["discriminator_rate"] = self.state.discriminator_optimizer.learning_rate
        return tf.stack([tf.cast(scalars.get(name, 0.0), tf.float32) for name in METRICS])

    def turns(self) -> tuple[tuple[Turn, ...], Callable[[Any], Any]]:
        """Every kind of step that the recipe has, and which one a step (int64 tensor) is."""
        training, every = self.training, self.parts.penalty.every if self.parts.penalty else 0
        discriminator, generator = training.discriminator.updates, training.generator.updates
        if training.updates != "in_turn":
            if every <= 1:
                return (Turn(discriminator, generator, every == 1),), lambda step: tf.constant(0)
            both = (Turn(discriminator, generator, False), Turn(discriminator, generator, True))
            return both, lambda step: tf.cast(step % every == 0, tf.int32)
        cycle = generator + discriminator
        turns = (Turn(0, 1, False), Turn(1, 0, False), Turn(1, 0, True))

        def which(step: Any) -> Any:
            # Penalties are counted in updates of D.
            number = step // cycle * discriminator + step % cycle - generator
            penalized = tf.cast(number % every == 0, tf.int32) if every else tf.constant(0)
            return tf.where(step % cycle < generator, 0, 1 + penalized)

        return turns if every else turns[:2], which


def batches_a_step(recipe: ResolvedRecipe) -> int:
    """How many batches of real images a step takes."""
    return recipe.training.discriminator.updates if recipe.training.updates == "alternating" else 1


def compiled_steps(step: AdversarialStep, xla: bool) -> Steps:
    """Return a function that trains on K steps: (images, labels, first step) → means of ``METRICS``.

    Images are uint8 (K, batches, parts, replicas here, B, H, W, C), labels int32 of the same shape up to B.

    Args:
        step: the step.
        xla: whether XLA compiles it.
    """
    recipe, state, devices = step.recipe, step.state, step.devices
    strategy, local = devices.strategy, devices.local_replicas
    turns, which = step.turns()
    replica_step = tf.function(step.replica_step, jit_compile=True, autograph=False) if xla else step.replica_step

    def run(turn: Turn, pixels: Any, labels: Any, number: Any) -> Any:
        def on_replica(pixels: Any, labels: Any, number: Any) -> Any:
            here = tf.distribute.get_replica_context().replica_id_in_sync_group - devices.first_replica
            return replica_step(pixels[:, :, here], labels[:, :, here], number, turn)

        results = strategy.run(on_replica, args=(pixels, labels, number))
        # Losses are those of the whole batch, so that each replica knows the same.
        return strategy.experimental_local_results(results)[0]

    def one_step(pixels: Any, labels: Any, number: Any) -> Any:
        step.descent.set_rates(number)
        # One kind of step after the other: no step is a branch of a graph that replicas must meet in.
        branches = [lambda turn=turn: run(turn, pixels, labels, number) for turn in turns]
        metrics = branches[0]() if len(turns) == 1 else tf.switch_case(which(number), branches)
        with tf.control_dependencies([metrics]):
            step.descent.average()
            state.step.assign(number + 1)
        return metrics

    shape = (None, batches_a_step(recipe), recipe.training.accumulate, local)
    rows = recipe.training.batch_size // recipe.training.accumulate // devices.replicas
    signature = (
        tf.TensorSpec((*shape, rows, *recipe.image.shape), tf.uint8),
        tf.TensorSpec((*shape, rows), tf.int32),
        tf.TensorSpec((), tf.int64),
    )

    @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
    def steps(images: Any, labels: Any, first: Any) -> Any:
        count = tf.shape(images)[0]

        def body(index: Any, totals: Any) -> tuple[Any, Any]:
            metrics = one_step(images[index], labels[index], first + tf.cast(index, tf.int64))
            return index + 1, totals + metrics

        start = (tf.constant(0), tf.zeros(len(METRICS)))
        _, totals = tf.while_loop(lambda index, _: index < count, body, start, parallel_iterations=1)
        return totals / tf.cast(count, tf.float32)

    compiled: Steps = steps.get_concrete_function()
    return compiled


def _forward(model: Any, fused: bool, synchronized: bool) -> Any:
    try:
        return forward_of(model, fused=fused, synchronized=synchronized)
    except ValueError as error:
        raise ComponentError(str(error)) from error


def _added(total: Any, new: Any, weights: Any, parts: int) -> Any:
    """Add a part's gradients to those before it; a weight that no loss reaches has a gradient of zeros."""
    new = [tf.zeros_like(w) if g is None else tf.convert_to_tensor(g) for g, w in zip(new, weights, strict=True)]
    if parts == 1:
        return new
    new = [g / parts for g in new]
    return new if total is None else [t + g for t, g in zip(total, new, strict=True)]


def _depends_on_real(parts: Parts) -> bool:
    """Whether the generator's loss is a function of D's logits on real images."""
    real, fake = tf.constant([[0.5], [-1.0]]), tf.constant([[0.25], [1.0]])
    with tf.GradientTape() as tape:
        tape.watch(real)
        value = parts.loss.generator(real, fake, StepNoise(0, 0, "check"))
    # A loss may hold the logits of real images fixed, and depend on them all the same.
    told = parts.loss.generator(real * float("nan"), fake, StepNoise(0, 0, "check"))
    return tape.gradient(value, real) is not None or bool(tf.math.is_nan(told))
