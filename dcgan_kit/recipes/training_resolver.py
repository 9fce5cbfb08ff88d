"""What a recipe says under ``training`` and ``distribute``: problems between its keys, and the plan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dcgan_kit.errors import did_you_mean
from dcgan_kit.recipes import model
from dcgan_kit.recipes.nodes import Node
from dcgan_kit.recipes.resolved import Choice, EvaluationPlan, NetworkTraining, ProbingPlan, TrainingPlan
from dcgan_kit.recipes.validation import Path

PARAMETER_SERVER = (
    "parameter servers train each worker on stale weights: the two networks of a GAN would meet old opponents, and no "
    "run could be repeated. Choose multi_worker"
)

LOSS_METRICS = ("generator_loss", "discriminator_loss", "discriminator_real", "discriminator_fake")
"""What the best checkpoint may be kept by, besides the numbers of scores."""


@dataclass(frozen=True)
class ComponentsOfTraining:
    """The components that training names; those of the networks are G's and D's."""

    loss: Choice | None
    penalty: Choice | None
    augmentation: Choice | None
    generator_optimizer: Choice | None
    discriminator_optimizer: Choice | None
    generator_schedule: Choice | None
    discriminator_schedule: Choice | None
    extractor: Choice | None
    scores: tuple[Choice, ...]
    probes: tuple[Choice, ...]


def training_problems(recipe: Node) -> Iterator[tuple[Path, str, Node]]:
    """Yield what keys of training do not allow each other: the key, what is wrong, where it stands."""

    def at(*path: str) -> Node | None:
        node: Node | None = recipe
        for part in path:
            node = node.child(part) if node is not None else None
        return node

    updates = at("training", "updates")
    if updates is None or updates.value in (None, "simultaneous"):
        for role in ("generator", "discriminator"):
            own = at("training", role, "updates")
            if own is not None and type(own.value) is int and own.value > 1:
                message = (
                    f"simultaneous updates come one to one; choose training.updates alternating (given: {own.value})"
                )
                yield ("training", role, "updates"), message, own
        latents = at("training", "latents")
        if latents is not None and latents.value == "fresh":
            message = (
                "simultaneous updates share one forward pass; choose training.updates alternating (given: 'fresh')"
            )
            yield ("training", "latents"), message, latents
    strategy = at("distribute", "strategy")
    if strategy is not None and strategy.value == "parameter_server":
        yield ("distribute", "strategy"), PARAMETER_SERVER, strategy
    metric, scores = at("training", "best", "metric"), at("training", "evaluation", "scores")
    name = None if metric is None else metric.value
    if metric is not None and isinstance(name, str) and name not in LOSS_METRICS and (not scores or not scores.value):
        message = f"no scores are evaluated, and no loss is called {name!r}.{did_you_mean(name, LOSS_METRICS)}"
        yield ("training", "best", "metric"), message, metric
    parts, batch = at("training", "accumulate"), at("training", "batch_size")
    images = model.Training.model_fields["batch_size"].default if batch is None else batch.value
    if parts is None or type(parts.value) is not int or type(images) is not int:
        # What is no whole number is told by the model of the recipe.
        return
    if parts.value > 0 and images % parts.value:
        yield ("training", "accumulate"), f"must divide training.batch_size {images} (given: {parts.value})", parts


def training_plan(training: model.Training, chosen: ComponentsOfTraining) -> TrainingPlan:
    """Return the plan of a recipe without problems."""
    assert chosen.loss is not None
    generator, discriminator = training.generator, training.discriminator
    return TrainingPlan(
        steps=training.steps,
        batch_size=training.batch_size,
        seed=training.seed,
        updates=training.updates,
        latents=training.latents,
        discriminator_passes=training.discriminator_passes,
        accumulate=training.accumulate,
        loss=chosen.loss,
        penalty=chosen.penalty,
        augmentation=chosen.augmentation,
        generator=_of_network(training, generator, chosen.generator_optimizer, chosen.generator_schedule),
        discriminator=_of_network(
            training, discriminator, chosen.discriminator_optimizer, chosen.discriminator_schedule
        ),
        ema=training.ema,
        ema_ramp=training.ema_ramp,
        precision=training.precision,
        xla=training.xla,
        fuse=training.fuse,
        held_out=training.held_out,
        log_every=training.log_every,
        sample_every=training.sample_every,
        checkpoint_every=training.checkpoint_every,
        keep=training.keep,
        best_metric=training.best.metric,
        best_mode=training.best.mode,
        recover_times=training.recover.times,
        recover_rate=training.recover.rate,
        evaluation=EvaluationPlan(
            training.evaluation.every, training.evaluation.samples, chosen.extractor, chosen.scores
        ),
        probing=ProbingPlan(training.probing.every, chosen.probes),
        on_disease=training.on_disease,
        sample_grid=training.sample_grid,
    )


def _of_network(
    training: model.Training, own: model.TrainingOfNetwork, optimizer: Choice | None, schedule: Choice | None
) -> NetworkTraining:
    assert optimizer is not None
    return NetworkTraining(
        optimizer=optimizer,
        schedule=schedule,
        updates=own.updates,
        clip_norm=own.clip_norm,
        clip_value=own.clip_value,
        l2=training.l2 if own.l2 is None else own.l2,
    )
