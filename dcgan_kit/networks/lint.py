"""Static advice about a valid recipe: what will probably train badly, and why. Each lint names its source.

Lints examine the symbolic networks, not the names of components. So they treat components of plugins like built-in
ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from dcgan_kit.errors import Mark, Problem, RecipeError, did_you_mean
from dcgan_kit.networks import (
    activation_lints,
    initializer_lints,
    normalization_lints,
    opaque_layer_lints,
    optimizer_lints,
    order_lints,
    resampling_lints,
    training_lints,
)
from dcgan_kit.networks.lint_rule import Lint, LintContext, Path
from dcgan_kit.networks.network import Networks
from dcgan_kit.networks.summary import summarize
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import ResolvedRecipe

_RULES = (
    resampling_lints.kernel_overlap,
    resampling_lints.checkerboard_stack,
    activation_lints.output_range,
    normalization_lints.normalization_on_generator_output,
    normalization_lints.normalization_on_discriminator_input,
    normalization_lints.bias_before_batch_normalization,
    normalization_lints.batch_scale_near_zero,
    normalization_lints.unconstrained_kernel,
    opaque_layer_lints.opaque_layer,
    order_lints.empty_item,
    normalization_lints.small_batch,
    training_lints.size_balance,
    training_lints.latent_not_seen,
    training_lints.unused_class_logit,
    resampling_lints.receptive_field,
    training_lints.adam_momentum,
    activation_lints.dying_units,
    activation_lints.saturating_activation,
    activation_lints.no_hidden_activation,
    activation_lints.bounded_logit,
    initializer_lints.zeros_in_a_row,
    initializer_lints.large_first_weights,
    optimizer_lints.step_size,
    optimizer_lints.frozen_layer,
    optimizer_lints.slow_average,
    optimizer_lints.unbounded_loss,
    training_lints.memory,
)
LINTS: dict[str, Lint] = {rule.name: rule for rule in _RULES}
"""Every lint by name."""


@dataclass(frozen=True, order=True)
class Advice:
    """One result of a lint: the place, the name of the lint, and the message."""

    mark: Mark
    key: str
    lint: str
    message: str

    def __str__(self) -> str:
        return f"{self.mark}: {self.key}: {self.message} [{self.lint}]"


def lint(recipe: ResolvedRecipe, networks: Networks) -> tuple[Advice, ...]:
    """Return the advice of all lints that the recipe does not silence, sorted by place."""
    context = LintContext(recipe, networks, summarize(networks.generator), summarize(networks.discriminator))
    found = [
        Advice(recipe.mark(path, *rule.related(path)), dotted(path), rule.name, message)
        for rule in LINTS.values()
        if rule.name not in recipe.silence
        for path, message in rule.find(context)
    ]
    return tuple(sorted(set(found)))


def check_silence(recipe: ResolvedRecipe) -> None:
    """Check that every lint that the recipe silences exists.

    Raises:
        RecipeError: one of them does not exist.
    """
    problems = []
    for index, name in enumerate(recipe.silence):
        if name not in LINTS:
            path: Path = ("silence", index)
            problems.append(Problem(recipe.mark(path), dotted(path), f"no lint {name!r}.{did_you_mean(name, LINTS)}"))
    if problems:
        raise RecipeError(problems)
