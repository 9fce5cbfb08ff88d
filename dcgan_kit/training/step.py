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
from dcgan_kit.training.critic import Critic
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
        self.recipe, self.state, self.parts, self.devices = recipe, state, parts, devices
        generator, discriminator = state.networks.generator.model, state.networks.discriminator.model
        self.weights = {
            "generator": [variable.value for variable in generator.trainable_variables],
            "discriminator": [variable.value for variable in discriminator.trainable_variables],
        }
        synchronized = devices.replicas > 1 and recipe.distribution.synchronized
        self.generator = _forward(generator, recipe.training.fuse, synchronized)
        forward = _forward(discriminator, recipe.training.fuse, synchronized)
        self.critic = Critic(recipe, state, parts, devices, forward)
        self.descent = Descent(recipe, state, parts, devices, scaled_loss)
        self.layer_noise = LayerNoise(generator, discriminator)
        self.generator_sees_real = _depends_on_real(parts)

    def replica_step(self, pixels: Any, labels: Any, step: Any, turn: Turn) -> Any:
        """Take one step on one replica: uint8 images (batches, parts, B, H, W, C) → ``METRICS``, float32."""
        ours = _ReplicaStep(self, pixels, step, turn)
        with self.layer_noise.drawn_from(StepNoise(self.recipe.training.seed, step, "layers"), ours.replica):
            ours.take()
        return ours.reported()

    def turns(self) -> tuple[tuple[Turn, ...], Callable[[Any], Any]]:
        """Every kind of step that the recipe has, and which one a step (int64 tensor) is."""
        training, every = self.recipe.training, self.parts.penalty.every if self.parts.penalty else 0
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


class _ReplicaStep:
    """One step on one replica, while it is traced."""

    def __init__(self, adversaries: AdversarialStep, pixels: Any, step: Any, turn: Turn) -> None:
        self.ours, self.training, self.loss = adversaries, adversaries.recipe.training, adversaries.parts.loss
        self.pixels, self.step, self.turn = pixels, step, turn
        self.replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        self.in_turn = self.training.updates == "in_turn"
        self.scalars: Scalars = {}
        self.finite: list[Any] = []

    def take(self) -> None:
        """Update both networks in the order that the recipe says."""
        if self.training.updates == "simultaneous":
            self.update(("generator", "discriminator"), 0, "latent0")
            return
        last = max(self.turn.discriminator - 1, 0)
        latents = [f"latent{number}" for number in range(last + 1)]
        # Where G's first update sees what D's last one saw, the forward pass of G serves both.
        shared = self.training.latents == "shared" and self.training.accumulate == 1 and self.turn.generator > 0
        made = self.generated(latents[last], 0) if shared else None
        for number in range(self.turn.discriminator):
            self.update(("discriminator",), number, latents[number], made if number == last else None)
        for number in range(self.turn.generator):
            fresh = f"fresh{number}" if self.training.latents == "fresh" else latents[last]
            self.update(("generator",), last, fresh, made if number == 0 else None)

    def update(self, roles: Sequence[Role], number: int, latents: str, made: Any = None) -> None:
        """Add the gradients of all parts of a batch up, then move the weights."""
        total: dict[Role, Any] = {}
        told: list[Scalars] = []
        for part in range(self.training.accumulate):
            with tf.control_dependencies([g for role in total for g in total[role]]):
                # One part after the other: memory holds the activations of one.
                new, facts = self.gradients(roles, number, part, made or self.generated(latents, part))
            total = {r: _added(total.get(r), new[r], self.ours.weights[r], self.training.accumulate) for r in roles}
            told.append(facts)
        real_logits = [facts.pop("real_logits") for facts in told if "real_logits" in facts]
        self.scalars.update({name: tf.add_n([facts[name] for facts in told]) / len(told) for name in told[0]})
        for role in roles:
            self.scalars[f"{role}_gradient"], whole = self.ours.descent.move(role, total[role])
            self.finite.append(whole)
        if "discriminator" in roles:
            self.ours.critic.adapt(tf.concat(real_logits, 0))

    def gradients(self, roles: Sequence[Role], number: int, part: int, made: Any) -> tuple[Any, Scalars]:
        """Send real and generated images through D once → gradients of the losses of some networks, and facts."""
        critic, facts, losses = self.ours.critic, {}, {}
        reported = ("generator", "discriminator") if self.in_turn else roles
        tapes = {"generator": made[0], "discriminator": self.recording("discriminator")}
        real, fake = self.images(number, part), made[1]
        labelling = self.noise(f"labels{number}.{part}").whole()
        with ExitStack() as recorded:
            for role in roles:
                recorded.enter_context(tapes[role])
            see_real = "discriminator" in reported or self.ours.generator_sees_real
            logits = critic.logits(real if see_real else None, fake, self.noise(f"augmentation{number}.{part}"))
            real_logits, fake_logits = critic.of_all_replicas(*logits, self.replica)
            if "discriminator" in reported:
                losses["discriminator"] = self.loss.discriminator(real_logits, fake_logits, labelling)
            if "generator" in reported:
                losses["generator"] = self.loss.generator(real_logits, fake_logits, labelling)
            minimized = dict(losses)
            if "discriminator" in roles and self.turn.penalty:
                facts["penalty"] = critic.penalty(real, fake, self.noise(f"penalty{number}.{part}"))
                minimized["discriminator"] += facts["penalty"] / self.ours.devices.replicas
            minimized = {role: self.ours.descent.scaled(minimized[role]) for role in roles}
        facts.update({f"{role}_loss": loss for role, loss in losses.items()})
        if "discriminator" in reported:
            facts["discriminator_real"] = tf.reduce_mean(tf.sigmoid(real_logits))
            facts["discriminator_fake"] = tf.reduce_mean(tf.sigmoid(fake_logits))
            facts["real_logits"] = real_logits
        return {role: tapes[role].gradient(minimized[role], self.ours.weights[role]) for role in roles}, facts

    def generated(self, latents: str, part: int) -> tuple[Any, Any]:
        """Return images (B, H, W, C) and the tape that knows how G made them."""
        with self.recording("generator") as tape:
            fake = tf.cast(self.ours.generator(self.latent(latents, part), True), tf.float32)
        return tape, fake

    def recording(self, role: Role) -> Any:
        """Return a tape for the weights of one network."""
        tape = tf.GradientTape(watch_accessed_variables=False)
        with tape:
            tape.watch(self.ours.weights[role])
        return tape

    def noise(self, purpose: str) -> StepNoise:
        """Return this replica's noise for a purpose."""
        return StepNoise(self.training.seed, self.step, purpose, self.replica, self.ours.devices.replicas)

    def latent(self, purpose: str, part: int) -> Any:
        """Return latent vectors (B, size) of this replica."""
        # Every replica draws for the whole batch and takes its rows: as many numbers as there are latent sizes.
        replicas, size = self.ours.devices.replicas, self.ours.recipe.latent_size
        rows = self.training.batch_size // self.training.accumulate // replicas
        drawn = self.ours.parts.latent(self.training.batch_size, self.noise(purpose).seed())
        drawn = tf.reshape(drawn, (self.training.accumulate, replicas, rows, size))
        return tf.ensure_shape(drawn[part, self.replica], (rows, size))

    def images(self, number: int, part: int) -> Any:
        """Return real images (B, H, W, C), float32, in the networks' range."""
        low, high = self.ours.recipe.value_range
        return tf.cast(self.pixels[number, part], tf.float32) * ((high - low) / 255.0) + low

    def reported(self) -> Any:
        """Return ``METRICS``, the same on every replica."""
        state = self.ours.state
        self.ours.descent.rescale(self.finite)
        if "penalty" in self.scalars and self.ours.devices.replicas > 1:
            # The one number that is a replica's own: all must report the same, or they part where it is not finite.
            context = tf.distribute.get_replica_context()
            self.scalars["penalty"] = context.all_reduce(tf.distribute.ReduceOp.MEAN, self.scalars["penalty"])
        self.scalars["augmentation"] = state.augmentation[0]
        self.scalars["generator_rate"] = state.generator_optimizer.learning_rate
        self.scalars["discriminator_rate"] = state.discriminator_optimizer.learning_rate
        return tf.stack([tf.cast(self.scalars.get(name, 0.0), tf.float32) for name in METRICS])


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
