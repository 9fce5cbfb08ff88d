"""Other options of a component than its defaults, found by their types: each way that it may compute in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic import ValidationError

from dcgan_kit.components.component import Component

_NUMBERS = ((3, 2), 2, 3, 0.1)
"""Two unlike sides, an even number, an odd one, and a share."""


def variations(component: Component, options: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (``name=value``, all options) for each other value of one option: each choice, each switch, one number.

    Options that are components are left alone, as are numbers that are not 0: another one takes the same way.

    Args:
        component: the component.
        options: all of its options.
    """
    for name, field in component.options.model_fields.items():
        if name in component.nested:
            continue
        for value in _others(component, options, name, field.annotation):
            yield f"{name}={value}", {**options, name: value}


def _others(component: Component, options: Mapping[str, Any], name: str, annotation: Any) -> Iterator[Any]:
    now = options[name]
    choices = _literals(annotation)
    yield from _valid(component, options, name, [True, False, *choices, *((choice,) for choice in choices)])
    if type(now) is not float or now == 0.0:
        yield from list(_valid(component, options, name, _NUMBERS))[:1]


def _valid(component: Component, options: Mapping[str, Any], name: str, values: Any) -> Iterator[Any]:
    for value in values:
        try:
            valid = getattr(component.options(**{**options, name: value}), name)
        except ValidationError:
            continue
        if valid != options[name]:
            yield valid


def _literals(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Literal:
        return list(get_args(annotation))
    return [literal for inner in get_args(annotation) for literal in _literals(inner)]
