"""The whole adversarial step, and the compiled function that runs several."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import tensorflow as tf

from dcgan_kit.adversarial.discriminator_pass import Critic
from dcgan_kit.adversarial.layer_seeds import LayerNoise
from dcgan_kit.adversarial.optimizer_step import Descent
from dcgan_kit.adversarial.random_streams import StepNoise
from dcgan_kit.adversarial.state import TrainingState
from dcgan_kit.adversarial.step_metrics import METRICS, Tally
from dcgan_kit.adversarial.training_components import Parts
from dcgan_kit.adversarial.update_schedule import Turn, Update, all_turns, batches_a_step
from dcgan_kit.distributed.devices import Devices
from dcgan_kit.errors import ComponentError
from dcgan_kit.networks.fused_forward import forward_of
from dcgan_kit.recipes.resolved import ResolvedRecipe, Role

Steps = Callable[[Any, Any, Any], Any]
Scalars = dict[str, Any]


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
        synchronized = devices.replicas > 1 and recipe.distribute.synchronized
        self.generator = _forward(generator, recipe.training.fuse, synchronized)
        forward = _forward(discriminator, recipe.training.fuse, synchronized)
        self.critic = Critic(recipe, state, parts, devices, forward)
        self.descent = Descent(recipe, state, parts, devices, scaled_loss)
        self.layer_noise = LayerNoise(generator, discriminator)
        self.generator_sees_real = _depends_on_real(parts)

    def replica_step(self, pixels: Any, labels: Any, step: Any, turn: Turn) -> Any:
        """Take one step on one replica: uint8 images (batches, parts, B, H, W, C) → totals of ``METRICS``."""
        ours = ReplicaStep(self, pixels, step, turn)
        with self.layer_noise.drawn_from(StepNoise(self.recipe.training.seed, step, "layers"), ours.replica):
            ours.take()
        return ours.reported()

    def turns(self) -> tuple[tuple[Turn, ...], Callable[[Any], Any]]:
        """Every kind of step that the recipe has, and which one a step (int64 tensor) is."""
        turns, taken = all_turns(self.recipe.training, self.parts.penalty.every if self.parts.penalty else 0)
        return turns, lambda step: tf.gather(tf.constant(taken), step % len(taken))


class ReplicaStep:
    """One step on one replica, while it is traced."""

    def __init__(self, adversaries: AdversarialStep, pixels: Any, step: Any, turn: Turn) -> None:
        self.ours, self.training, self.loss = adversaries, adversaries.recipe.training, adversaries.parts.loss
        self.pixels, self.step, self.turn = pixels, step, turn
        self.replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        self.in_turn = self.training.updates == "in_turn"
        self.tally = Tally()
        self.made: dict[str, tuple[Any, Any]] = {}
        self.finite: list[Any] = []

    def take(self) -> None:
        """Update both networks in the order that the recipe says."""
        for update in self.turn:
            self.update(update)

    def update(self, update: Update) -> None:
        """Add the gradients of all parts of a batch up, then move the weights."""
        total: dict[Role, Any] = {}
        told: list[Scalars] = []
        for part in range(self.training.accumulate):
            with tf.control_dependencies([g for role in total for g in total[role]]):
                # One part after the other: memory holds the activations of one.
                new, facts = self.gradients(update, part)
            total = {
                r: _added(total.get(r), new[r], self.ours.weights[r], self.training.accumulate) for r in update.roles
            }
            told.append(facts)
        real_logits = [facts.pop("real_logits") for facts in told if "real_logits" in facts]
        for name in told[0]:
            self.tally.add(name, tf.add_n([facts[name] for facts in told]) / len(told))
        for role in update.roles:
            norm, counts, whole = self.ours.descent.move(role, total[role])
            self.tally.add(f"{role}_gradient", norm, counts)
            self.finite.append(whole)
        if "discriminator" in update.roles:
            self.ours.critic.adapt(tf.concat(real_logits, 0))
        if "generator" in update.roles:
            self.made = {}

    def gradients(self, update: Update, part: int) -> tuple[Any, Scalars]:
        """Send real and generated images through D once → gradients of the losses of some networks, and facts."""
        critic, roles, facts, losses = self.ours.critic, update.roles, {}, {}
        reported = ("generator", "discriminator") if self.in_turn else roles
        tape, fake = self.generated(update.latents, part)
        tapes = {"generator": tape, "discriminator": self.recording("discriminator")}
        real, place = self.images(update.batch, part), f"{update.batch}.{part}"
        labelling = self.noise(f"labels{place}").whole()
        with ExitStack() as recorded:
            for role in roles:
                recorded.enter_context(tapes[role])
            see_real = "discriminator" in reported or self.ours.generator_sees_real
            logits = critic.logits(real if see_real else None, fake, self.noise(f"augmentation{place}"))
            real_logits, fake_logits = critic.of_all_replicas(*logits, self.replica)
            if "discriminator" in reported:
                losses["discriminator"] = self.loss.discriminator(real_logits, fake_logits, labelling)
            if "generator" in reported:
                losses["generator"] = self.loss.generator(real_logits, fake_logits, labelling)
            minimized = dict(losses)
            if update.penalized:
                penalty, weight = critic.penalty(real, fake, self.noise(f"penalty{place}"))
                facts["penalty"] = self.of_all_replicas(penalty)
                minimized["discriminator"] += weight / self.ours.devices.replicas * penalty
            minimized = {role: self.ours.descent.scaled(minimized[role]) for role in roles}
        facts.update({f"{role}_loss": loss for role, loss in losses.items()})
        if "discriminator" in reported:
            facts["discriminator_real"] = tf.reduce_mean(tf.sigmoid(real_logits))
            facts["discriminator_fake"] = tf.reduce_mean(tf.sigmoid(fake_logits))
            facts["real_logits"] = real_logits
        return {role: tapes[role].gradient(minimized[role], self.ours.weights[role]) for role in roles}, facts

    def generated(self, latents: str, part: int) -> tuple[Any, Any]:
        """Return the tape that knows how G made images, and the images (B, H, W, C)."""
        if latents in self.made:
            # G has not moved since: one forward pass serves D's last update and G's first.
            return self.made[latents]
        with self.recording("generator") as tape:
            fake = tf.cast(self.ours.generator(self.latent(latents, part), True), tf.float32)
        self.made = {latents: (tape, fake)} if self.training.accumulate == 1 else {}
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
        low, high = self.ours.recipe.image.range
        return tf.cast(self.pixels[number, part], tf.float32) * ((high - low) / 255.0) + low

    def of_all_replicas(self, value: Any) -> Any:
        """Return the mean of a number that each replica has of its own; what is reported is the same on all."""
        if self.ours.devices.replicas == 1:
            return value
        return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, tf.stop_gradient(value))

    def reported(self) -> Any:
        """Return sums and counts of ``METRICS``, float32 (2, metrics), the same on every replica."""
        state = self.ours.state
        self.ours.descent.rescale(self.finite)
        self.tally.add("augmentation", state.augmentation[0])
        self.tally.add("generator_rate", state.generator_optimizer.learning_rate)
        self.tally.add("discriminator_rate", state.discriminator_optimizer.learning_rate)
        return self.tally.totals()


def compiled_steps(step: AdversarialStep, xla: bool) -> Steps:
    """Return a function that trains on K steps: (images, labels, first step) → what each of them reports.

    Images are uint8 (K, batches, parts, replicas here, B, H, W, C), labels int32 of the same shape up to B; a step
    reports sums and counts of ``METRICS``, float32 (K, 2, metrics) in all.

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
            step.descent.average(number)
            state.step.assign(number + 1)
        return metrics

    shape = (None, batches_a_step(recipe.training), recipe.training.accumulate, local)
    rows = recipe.training.batch_size // recipe.training.accumulate // devices.replicas
    signature = (
        tf.TensorSpec((*shape, rows, *recipe.image.shape), tf.uint8),
        tf.TensorSpec((*shape, rows), tf.int32),
        tf.TensorSpec((), tf.int64),
    )

    @tf.function(input_signature=signature, autograph=False)  # type: ignore[untyped-decorator]
    def steps(images: Any, labels: Any, first: Any) -> Any:
        count = tf.shape(images)[0]

        def body(index: Any, rows: Any) -> tuple[Any, Any]:
            found = one_step(images[index], labels[index], first + tf.cast(index, tf.int64))
            return index + 1, rows.write(index, found)

        rows = tf.TensorArray(tf.float32, count, element_shape=(2, len(METRICS)))
        start = (tf.constant(0), rows)
        _, rows = tf.while_loop(lambda index, _: index < count, body, start, parallel_iterations=1)
        return rows.stack()

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
