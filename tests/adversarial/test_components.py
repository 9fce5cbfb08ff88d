"""Every built-in component inside the whole step: it trains, goes on bit for bit, and XLA compiles it.

XLA is given static shapes and no calls back to the host: what a TPU needs, as far as it can be seen without one.
"""

from __future__ import annotations

import re
from itertools import zip_longest

import numpy as np
import pytest
import tensorflow as tf

from dcgan_kit.components.plugin_loader import load_builtins
from dcgan_kit.errors import RecipeError

pytestmark = pytest.mark.slow

BUILTINS = load_builtins().registry
NO_BATCH_NORM = ("discriminator.normalization=layer",)
PLACES = {
    "activation": ("generator.activation={}", "discriminator.activation={}"),
    "normalization": ("generator.normalization={}", "discriminator.normalization={}"),
    "regularizer": ("generator.regularizer={}", "discriminator.regularizer={}"),
    "initializer": ("generator.initializer={}", "discriminator.initializer={}"),
    "constraint": ("generator.constraint={}", "discriminator.constraint={}"),
    "projection": ("generator.input.projection={}",),
    "upsample": ("generator.stages=[{{filters: 4, upsample: {}}}]",),
    "downsample": ("discriminator.stages=[{{filters: 4, downsample: {}}}]",),
    "convolution": (
        "generator.convolution={}", "generator.output.upsample=nearest",
        "discriminator.convolution={}", "discriminator.stages=[{{filters: 4, downsample: average_pool}}]",
    ),
    "head": ("discriminator.output.head={}",),
    "latent": ("latent={{use: {}, size: 4}}",),
    "loss": ("training.loss={}",),
    "penalty": ("training.penalty={}", *NO_BATCH_NORM),
    "optimizer": ("training.optimizer={}",),
    "schedule": ("training.schedule={}",),
    "augmentation": ("training.augmentation={}",),
}  # fmt: skip
"""Where the components of a kind go in the tiny recipe; data are read before any step."""


def attending(attention):
    """Return overrides that put an attention into a stage of each network."""
    stage = f"generator.stages=[{{filters: 4, upsample: conv, attention: {attention}}}]"
    return stage, f"discriminator.stages.0.attention={attention}"


CLASSES = "condition={classes: 10}"
TOLD = {
    "generator": "generator.input.conditioning=concatenate",
    "discriminator": "discriminator.output.head=projection",
}
"""What tells each network the class, if the component that is tried does not."""
# Sizes that fit the tiny recipe: the first map is 4x4, or 2x2 before a stage that doubles it.
SIZED = {
    ("projection", "dense"): ("generator.input.projection={use: dense, size: 4}",),
    ("projection", "transposed_conv"): ("generator.input.projection={use: transposed_conv, kernel_size: 4}",),
    ("upsample", "conv"): ("generator.stages=[{filters: 4, upsample: conv}]",),
    # Without max pooling, of which XLA has no gradient.
    ("attention", "self_attention"): attending("{use: self_attention, query_ratio: 4, pool: false}"),
    ("attention", "squeeze_excitation"): attending("{use: squeeze_excitation, ratio: 2}"),
    ("normalization", "group"): tuple(
        f"{role}.normalization={{use: group, groups: 2}}" for role in ("generator", "discriminator")
    ),
    ("normalization", "conditional_batch"): (
        CLASSES,
        "generator.normalization=conditional_batch",
        TOLD["discriminator"],
    ),
    ("normalization", "self_modulated_batch"): ("generator.normalization=self_modulated_batch",),
    ("head", "projection"): (CLASSES, TOLD["generator"], "discriminator.output.head=projection"),
    ("head", "depthwise_projection"): (CLASSES, TOLD["generator"], "discriminator.output.head=depthwise_projection"),
    ("head", "auxiliary_classifier"): (
        CLASSES,
        TOLD["generator"],
        "discriminator.output.head=auxiliary_classifier",
        "training.class_loss=cross_entropy",
    ),
    ("conditioning", "concatenate"): (
        CLASSES,
        TOLD["generator"],
        "discriminator.stages.0.conditioning=concatenate",
    ),
    ("conditioning", "multiply"): (
        CLASSES,
        "generator.input.conditioning=multiply",
        "discriminator.stages.0.conditioning=multiply",
    ),
    ("conditioning", "label_map"): (
        CLASSES,
        "generator.output.conditioning=label_map",
        "discriminator.stages.0.conditioning=label_map",
    ),
    ("schedule", "warm_up"): ("training.schedule={use: warm_up, steps: 2, then: cosine}",),
}
HALF = "generator.input.projection={use: dense, size: 2}"


def names(kind):
    return [component.name for component in BUILTINS.of_kind(kind)]


def placed(kind, name):
    overrides = SIZED.get((kind, name)) or tuple(place.format(name) for place in PLACES[kind])
    return (*overrides, HALF) if kind == "upsample" and name != "conv" else overrides


STEPS = 4
MAX_POOLS = [name for name in names("downsample") if "max_pool" in name]
"""Of these XLA has no gradient that gives the same twice."""


def rows(*columns):
    """Return rows of (kind, name), one of each column, until the longest column ends."""
    return [tuple(filter(None, row)) for row in zip_longest(*columns)]


def of(*kinds):
    """Return the (kind, name) of all built-in components of some kinds, except max pooling."""
    return [(kind, name) for kind in kinds for name in names(kind) if name not in MAX_POOLS]


# One recipe holds one component of several kinds, so that few recipes hold them all. What sets the size of a map has
# a network to itself: an upsampling or a projection the generator, a downsampling and a head the discriminator.
ROWS = [
    *rows(of("activation"), of("normalization"), of("regularizer"), of("constraint"), of("initializer")),
    *rows(of("projection", "upsample"), of("downsample"), of("head")),
    *rows(of("convolution"), of("attention")),
    *rows(of("conditioning")),
    *rows(of("latent"), of("optimizer"), of("schedule"), of("augmentation")),
]


def test_every_component_is_tried():
    """Losses and penalties meet each other below."""
    tried = {held for row in ROWS for held in row} | set(of("loss", "penalty"))
    tried |= {("downsample", name) for name in MAX_POOLS} | {("class_loss", "cross_entropy")}
    # What brings images, and what only looks, is no part of a step.
    others = ("data", "extractor", "score", "probe")
    assert tried == {(component.kind, component.name) for component in BUILTINS if component.kind not in others}


def compiled_text(step, updates, *arguments):
    """Return what XLA is given for one kind of step, with its learning rates and the moving average."""

    def one(pixels, labels, number):
        step.optimizer_step.set_rates(number)
        metrics = step.replica_step(pixels, labels, number, updates)
        with tf.control_dependencies([metrics]):
            step.optimizer_step.average(number)
        return metrics

    compiled = tf.function(one, jit_compile=True, autograph=False)
    return compiled.experimental_get_compiler_ir(*arguments)(stage="hlo")


@pytest.fixture(scope="module")
def compiled():
    """Return a function that compiles every kind of step of a recipe under XLA, and checks that no side is dynamic."""

    def compiled(ours):
        pixels = tf.constant(ours.pixels[0][:, :, 0])
        labels, number = tf.zeros(pixels.shape[:3], tf.int32), tf.constant(0, tf.int64)
        for updates in ours.session.step.schedule.kinds:
            text = compiled_text(ours.session.step, updates, pixels, labels, number)
            assert text.startswith("HloModule")
            # XLA writes a side of which it knows only a bound as [<=8], and calls back to the host by name.
            assert not re.search(r"\[[^\]]*<=", text), "a side is dynamic"
            assert "callback" not in text

    return compiled


@pytest.fixture(scope="module")
def trains(tiny, taken, goes_on):
    """Return a function (*overrides, holds=()) -> Taken, after steps that went on bit for bit from the middle.

    ``holds`` are (kind, name) that the recipe must hold, or the overrides try something else.
    """

    def trains(*overrides, holds=()):
        recipe = tiny(f"training.steps={STEPS}", *overrides).recipe
        assert set(holds) <= set(chosen(recipe))
        ours = taken(recipe, steps=STEPS)
        metrics = goes_on(ours, STEPS)
        assert np.isfinite(list(metrics.values())).all(), metrics
        for name, value in ours.state.values().items():
            assert np.isfinite(value).all(), name
        return ours

    return trains


def chosen(recipe):
    """Yield (kind, name) of the components that a recipe trains with."""
    training = recipe.training
    choices = [recipe.latent, training.loss, training.penalty, training.augmentation]
    choices += [
        getattr(own, kind) for own in (training.generator, training.discriminator) for kind in ("optimizer", "schedule")
    ]
    for block in (*recipe.generator.blocks, *recipe.discriminator.blocks):
        choices += [*block.slots.values(), block.initializer, block.constraint]
    yield from {(choice.component.kind, choice.component.name) for choice in choices if choice is not None}


@pytest.fixture(scope="module")
def trains_and_compiles(trains, compiled):
    """Return a function (*overrides, holds=()) that trains, and compiles every kind of step of a recipe under XLA."""
    return lambda *overrides, holds=(): compiled(trains(*overrides, holds=holds))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: ", ".join(name for _, name in row))
def test_components_train_and_compile(row, trains_and_compiles):
    trains_and_compiles(*(override for held in row for override in placed(*held)), holds=row)


@pytest.mark.parametrize("name", MAX_POOLS)
def test_max_pooling_trains_without_xla_and_is_refused_with_it(name, tiny, taken, trains):
    trains(*placed("downsample", name), holds=[("downsample", name)])
    message = r"override:2:1: training.xla: XLA has no repeatable gradient of max pooling \(stage1_downsample"
    with pytest.raises(RecipeError, match=message):
        taken(tiny(*placed("downsample", name), "training.xla=on").recipe)


@pytest.mark.parametrize("name", MAX_POOLS)
def test_max_pooling_compiles_where_operations_need_not_repeat(name, tiny, taken, compiled, determinism):
    ours = taken(tiny(*placed("downsample", name)).recipe, steps=1)
    # As on TPUs.
    determinism(False)
    compiled(ours)


PENALTIES = names("penalty")
CONDITIONAL = (
    CLASSES, "generator.normalization=conditional_batch", "generator.input.conditioning=concatenate",
    "discriminator.stages.0={filters: 4, conditioning: label_map, downsample: average_pool, "
    "shortcut: {order: [downsample, convolution: {kernel_size: 1}]}}",
    "discriminator.output.head=projection", "training.loss=hinge",
)  # fmt: skip


RESTRAINED = (
    CLASSES, "generator.input.conditioning=multiply", "discriminator.output.head=auxiliary_classifier",
    "training.class_loss={use: cross_entropy, fake: 1.0}", "training.loss=relativistic_paired",
    "training.orthogonal=0.1", "training.discriminator.weight_clip=0.05",
)  # fmt: skip


@pytest.mark.parametrize(("index", "loss"), list(enumerate(names("loss"))), ids=[f"{loss}" for loss in names("loss")])
def test_every_loss_trains_with_a_penalty_in_every_order_of_updates(index, loss, trains_and_compiles):
    penalty = PENALTIES[index % len(PENALTIES)]
    trains_and_compiles(
        f"training.loss={loss}", f"training.penalty={{use: {penalty}, every: 2}}" if penalty != "both" else
        "training.penalty=both", *NO_BATCH_NORM,
        f"training.updates={('simultaneous', 'alternating', 'in_turn')[index % 3]}",
        holds=[("loss", loss), ("penalty", penalty)],
    )  # fmt: skip


@pytest.mark.parametrize(
    "overrides",
    [
        ("training.discriminator_passes=concatenated",),
        ("training.accumulate=2", "training.augmentation=adaptive", "training.ema=0.9"),
        (
            "training.accumulate=2",
            "training.updates=alternating",
            "training.discriminator.updates=2",
            "training.loss=wasserstein",
            "training.penalty=gradient_penalty",
            *NO_BATCH_NORM,
        ),
        ("training.precision=mixed_bfloat16",),
        ("training.precision=mixed_float16", "training.penalty=r1"),
        ("training.precision=mixed_bfloat16", *CONDITIONAL),
        ("training.precision=mixed_float16", *CONDITIONAL, "discriminator.constraint=spectral"),
        ("training.precision=mixed_bfloat16", *RESTRAINED),
        ("training.precision=mixed_float16", *RESTRAINED),
        ("training.updates=alternating", "training.discriminator.updates=2", "training.latents=fresh"),
        ("training.loss={use: non_saturating, label_noise: 0.1, label_flipping: 0.1, label_smoothing: 0.1}",),
        ("training.generator={clip_norm: 1.0, l2: 1e-4}", "training.discriminator.clip_value=0.1"),
    ],
    ids=lambda overrides: (
        overrides[0].partition("=")[2]
        + (" classes" if CLASSES in overrides else "")
        + (" restrained" if "training.orthogonal=0.1" in overrides else "")
    ),
)
def test_ways_to_train_compile(overrides, trains_and_compiles):
    trains_and_compiles(*overrides)
