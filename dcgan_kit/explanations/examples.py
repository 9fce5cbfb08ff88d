"""The worked example of each kind of component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dcgan_kit.components.guard import guarded
from dcgan_kit.errors import UserError
from dcgan_kit.explanations.activations import activation_example
from dcgan_kit.explanations.explanation import Example, Explanation, finite
from dcgan_kit.explanations.feature_changes import (
    conditioning_example,
    influence_example,
    projection_example,
    regularizer_example,
)
from dcgan_kit.explanations.normalizations import normalization_example
from dcgan_kit.explanations.training_parts import (
    augmentation_example,
    initializer_example,
    latent_example,
    loss_example,
    schedule_example,
)
from dcgan_kit.explanations.weight_changes import constraint_example, optimizer_example
from dcgan_kit.explanations.windows import window_example
from dcgan_kit.recipes.resolved import Choice
from dcgan_kit.recipes.yaml_writer import as_value, choice_data

WINDOWS = ("convolution", "downsample", "upsample")
_WITH_INPUT: Mapping[str, Callable[[Choice, Any], Example]] = {
    "activation": activation_example,
    "normalization": normalization_example,
}
_WITHOUT_INPUT: Mapping[str, Callable[[Choice], Example]] = {
    "attention": influence_example,
    "augmentation": augmentation_example,
    "conditioning": conditioning_example,
    "constraint": constraint_example,
    "head": influence_example,
    "initializer": initializer_example,
    "latent": latent_example,
    "loss": loss_example,
    "optimizer": optimizer_example,
    "projection": projection_example,
    "regularizer": regularizer_example,
    "schedule": schedule_example,
}
EXPLAINED = ("activation", "normalization", *WINDOWS, *_WITHOUT_INPUT)
"""The kinds of component that have a worked example; of equal names, the first kind is meant."""


def explained(choice: Choice, given: Any = None, kernel: Any = None) -> Explanation:
    """Work an example through a component.

    Args:
        choice: the component with its options.
        given: the input, for kinds that take one.
        kernel: the kernel, as rows of numbers, for kinds that have one.

    Raises:
        UserError: the kind has no worked example, takes no such input, or the component breaks its contract.
    """
    kind = choice.component.kind
    if kind not in EXPLAINED:
        raise UserError(
            f"{choice.component}: components of kind {kind} have no worked example; those of these kinds have one: "
            f"{', '.join(EXPLAINED)}"
        )
    if kernel is not None and kind not in WINDOWS:
        raise UserError(f"kernel: a component of kind {kind} has none; leave it out")
    if given is not None and kind not in (*WINDOWS, *_WITH_INPUT):
        raise UserError(f"input: the example of kind {kind} takes none; leave it out")
    with guarded(choice.component, "its worked example"):
        if kind in WINDOWS:
            example = window_example(choice, given, kernel)
        elif kind in _WITH_INPUT:
            example = _WITH_INPUT[kind](choice, given)
        else:
            example = _WITHOUT_INPUT[kind](choice)
    options = {name: value for name, value in choice_data(choice).items() if name != "use"}
    fields = choice.component.options.model_fields
    chosen = [name for name, value in choice.options.items() if value != fields[name].default]
    return Explanation(
        kind=kind,
        name=choice.component.name,
        owner=choice.component.owner,
        options=options,
        chosen=", ".join(f"{name} {_written(options[name])}" for name in chosen),
        summary=choice.component.summary,
        panels=example.panels,
        steps=example.steps,
        sentences=example.sentences,
        facts=finite(dict(example.facts)),
    )


def _written(value: Any) -> str:
    return value if isinstance(value, str) else as_value(value)
