"""Turn pydantic's errors into problems with places and plain messages, one for each value."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dcgan_kit.components.option_types import number_text
from dcgan_kit.errors import Problem, counted, did_you_mean
from dcgan_kit.recipes.nodes import Node, described, dotted
from dcgan_kit.recipes.section_types import section_in

Model = TypeVar("Model", bound=BaseModel)
Path = tuple[str | int, ...]
Unknown = Callable[[Path], str]
"""Path of an unknown key → message."""

_TYPES = {
    "int_type": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "set_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "none_required": "null",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "greater_than": ("more than", "gt"),
    "less_than_equal": ("at most", "le"),
    "less_than": ("less than", "lt"),
    "multiple_of": ("a multiple of", "multiple_of"),
}


def problems_of(model: type[BaseModel], node: Node, base: Path, unknown: Unknown) -> list[Problem]:
    """Validate a node's data; return every problem, sorted by key.

    Args:
        model: the model that the node should match.
        node: a mapping.
        base: path of the node in the recipe.
        unknown: returns the message for a key that the model does not have; takes its path below the node.
    """
    try:
        validated(model, node)
    except ValidationError as error:
        return _problems(error.errors(include_url=False), node, base, unknown)
    return []


def validated(model: type[Model], node: Node) -> Model:
    """Return a node as a model. It is read as JSON, because pydantic then accepts a list for any type of sequence."""
    return model.model_validate_json(json.dumps(node.data()))


def known_keys(model: type[BaseModel], path: Path) -> list[str]:
    """Return the keys of the section at a path."""
    for part in path:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        inner = section_in(field.annotation) if field else None
        if inner is None:
            return []
        model = inner
    return list(model.model_fields)


def paths_to(model: type[BaseModel], key: str, base: Path = ()) -> Iterator[Path]:
    """Yield the paths at which a model has a key, outside of lists."""
    for name, field in model.model_fields.items():
        if name == key:
            yield (*base, name)
        inner = section_in(field.annotation)
        if inner is not None and not _is_list(field.annotation):
            yield from paths_to(inner, key, (*base, name))


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) in (list, tuple) or any(map(_is_list, get_args(annotation)))


def _problems(errors: list[ErrorDetails], node: Node, base: Path, unknown: Unknown) -> list[Problem]:
    by_path: dict[Path, list[ErrorDetails]] = defaultdict(list)
    for error in errors:
        by_path[_data_path(error, node)].append(error)
    problems = []
    for path, found in by_path.items():
        place = node.locate(path)
        if all(e["type"] in _TYPES or _miscounted(e, place) for e in found) and any(_below(p, path) for p in by_path):
            # One type of a union failed at the value itself, the other inside it. The inner error is the useful one.
            continue
        problems.append(_problem(path, found, node, base, unknown))
    return problems


def _miscounted(error: ErrorDetails, place: Node) -> bool:
    """Return whether a list is called too short only because pydantic does not count its wrong items."""
    items = place.value if isinstance(place.value, list) else []
    return error["type"] == "too_short" and len(items) >= error.get("ctx", {})["min_length"]


def _below(path: Path, above: Path) -> bool:
    return len(path) > len(above) and path[: len(above)] == above


def _data_path(error: ErrorDetails, node: Node) -> Path:
    # pydantic's location contains names of union types. Keep only the parts that exist in the data.
    path: Path = ()
    for part in error["loc"]:
        child = node.child(part)
        if child is not None:
            path, node = (*path, part), child
    key = error["loc"][-1]
    # A missing item of a list is reported for the list.
    return (*path, key) if error["type"] == "missing" and isinstance(key, str) else path


def _problem(path: Path, found: list[ErrorDetails], node: Node, base: Path, unknown: Unknown) -> Problem:
    place = node.locate(path)
    key = dotted((*base, *path))
    first = found[0]
    if first["type"] == "missing" and isinstance(first["loc"][-1], str):
        return Problem(node.own(path).place, key, "is missing")
    if first["type"] == "extra_forbidden":
        return Problem(place.place, key, unknown(path))
    beyond_type = [e for e in found if e["type"] not in _TYPES]
    # Of a key that takes some words or something else, the message names both.
    literal = next((e for e in beyond_type if e["type"] == "literal_error"), None)
    detail = literal or (beyond_type[0] if beyond_type else None)
    if detail is None:
        names = dict.fromkeys(_TYPES[e["type"]] for e in found if e["type"] != "none_required")
        message = f"must be {' or '.join(names)}"
    elif detail["type"] == "missing":
        message = _too_short(found)
    else:
        message = _message(detail)
        if detail["type"] == "literal_error":
            message += "".join(f" or {other}" for other in _alternatives(found))
    return Problem(place.mark, key, f"{message} (given: {described(place)}){_near(detail)}")


def _alternatives(errors: list[ErrorDetails]) -> list[str]:
    """Return what else a value may be, besides the words of a literal; each once."""
    others = [e for e in errors if e["type"] not in ("literal_error", "none_required")]
    texts = [_TYPES.get(e["type"]) or _message(e).removeprefix("must be ") for e in others]
    return list(dict.fromkeys(text for text in texts if not text.startswith("must ")))


def _too_short(errors: list[ErrorDetails]) -> str:
    lacking = [int(e["loc"][-1]) for e in errors if e["type"] == "missing"]
    return f"must have {counted(max(lacking) + 1, 'item')}"


def _near(error: ErrorDetails | None) -> str:
    if error is None or error["type"] != "literal_error" or not isinstance(error["input"], str):
        return ""
    expected = error.get("ctx", {})["expected"].replace(" or ", ", ").split(", ")
    hint = did_you_mean(error["input"], [word.strip("'") for word in expected])
    return f".{hint}" if "Did you mean" in hint else ""


def _message(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    if error["type"] in _BOUNDS:
        words, bound = _BOUNDS[error["type"]]
        limit = context[bound]
        return f"must be {words} {number_text(limit) if isinstance(limit, float) else limit}"
    if error["type"] == "literal_error":
        return f"must be {context['expected']}"
    if error["type"] in ("too_long", "too_short"):
        length = int(context.get("max_length", context.get("min_length", 0)))
        limit = "at most" if error["type"] == "too_long" else "at least"
        return f"must have {limit} {counted(length, 'item')}"
    if error["type"] == "string_too_short":
        return "must not be empty" if context["min_length"] == 1 else f"must have {context['min_length']} characters"
    if error["type"] == "finite_number":
        return "must be a finite number"
    return error["msg"].removeprefix("Value error, ")
