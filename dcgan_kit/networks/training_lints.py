"""Lints of training: sizes of both networks, the optimizer and memory."""

from __future__ import annotations

from dcgan_kit.networks.lint_rule import LintContext, Results, lint_rule
from dcgan_kit.networks.summary import training_memory

MEMORY_LIMIT = 16 * 2**30
"""Memory in bytes of a common workstation or graphics card."""
SIZE_RATIO = 10.0
"""Eight of the ten published models in this kit stay within this ratio of parameters."""


@lint_rule(
    "When one network is far larger it tends to win, and the other learns nothing more "
    "(eight of the ten published models shipped here stay within a factor of ten).",
    lambda _: [("discriminator",)],
)
def size_balance(context: LintContext) -> Results:
    generator, discriminator = context.generator.trainable_parameters, context.discriminator.trainable_parameters
    if min(generator, discriminator) == 0:
        return
    ratio = generator / discriminator
    if not 1 / SIZE_RATIO <= ratio <= SIZE_RATIO:
        yield ("generator",), f"{generator:,} parameters against {discriminator:,} of the discriminator"


@lint_rule(
    "A generator that starts from a learned constant draws one image only, unless a later part takes the latent "
    "vector (Karras et al. 2018, arXiv 1812.04948, section 2).",
)
def latent_not_seen(context: LintContext) -> Results:
    parts = zip(context.networks.generator.parts, context.generator.rows, strict=True)
    for part, row in parts:
        if part.kind == "projection" and row.trace.field is not None and row.trace.field.widest == (0, 0):
            yield part.path, f"{part.component} does not depend on the latent vector; a later part must take it"


@lint_rule(
    "A class for generated images is trained only by the class loss of generated images in D's loss "
    "(Odena et al. 2016, arXiv 1610.09585, authors' code).",
    lambda _: [("discriminator", "output", "head")],
)
def unused_class_logit(context: LintContext) -> Results:
    choice, classes = context.recipe.training.class_loss, context.recipe.classes
    class_logits = context.networks.discriminator.model.outputs[0].shape[-1] - 1
    if choice is not None and classes is not None and class_logits > classes and choice.options.get("fake") == 0.0:
        yield choice.path, "fake is 0, so the logit for generated images is never a target; fake: 1 makes it one"


@lint_rule(
    "Adam's default momentum 0.9 made adversarial training oscillate; 0.5 was stable "
    "(Radford et al. 2015, arXiv 1511.06434, section 4)."
)
def adam_momentum(context: LintContext) -> Results:
    training = context.recipe.training
    for choice in (training.generator.optimizer, training.discriminator.optimizer):
        if choice.options.get("beta_1", 0.0) > 0.8:
            yield choice.path, f"beta_1 {choice.options['beta_1']:g} with an adversarial loss; 0.5 is usual"


@lint_rule(
    "A recipe can ask for more memory than a machine has; this estimate comes before anything is allocated.",
    lambda _: [("image", "size"), ("generator",), ("discriminator",)],
)
def memory(context: LintContext) -> Results:
    training = context.recipe.training
    needed = training_memory(context.networks, training.batch_size, training.ema > 0)
    if needed > MEMORY_LIMIT:
        yield ("training", "batch_size"), f"a training step needs about {needed / 2**30:.0f} GiB"
