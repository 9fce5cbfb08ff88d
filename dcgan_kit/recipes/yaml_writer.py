"""A resolved recipe → YAML with every default written out, which resolves to the same recipe again.

What is written means the same in YAML 1.2, which recipes are, and in YAML 1.1, which many editors and tools read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from dcgan_kit.components.option_types import number_text
from dcgan_kit.recipes import core_schema
from dcgan_kit.recipes.model import Recipe, Strict
from dcgan_kit.recipes.resolved import Block, Choice, NetworkPlan, ResolvedRecipe


def as_data(recipe: ResolvedRecipe) -> dict[str, Any]:
    """Return the recipe as plain mappings, lists and scalars, in the order in which people read it."""
    # The parents are merged, and a name or a place is no key of the language.
    return {key: _plain(getattr(recipe, key)) for key in Recipe.model_fields if key != "extends"}


def as_yaml(data: Mapping[str, Any]) -> str:
    """Return plain data as YAML text."""
    return yaml.dump(
        dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
    )


def as_value(data: Any) -> str:
    """Return plain data in one line, as the value of an override can be given: texts in quotes, as in JSON."""
    if isinstance(data, Mapping):
        return "{" + ", ".join(f"{json.dumps(key, ensure_ascii=False)}: {as_value(data[key])}" for key in data) + "}"
    if isinstance(data, list | tuple):
        return "[" + ", ".join(map(as_value, data)) + "]"
    return number_text(data) if isinstance(data, float) else json.dumps(data, ensure_ascii=False)


def flattened(data: Any, prefix: str = "") -> dict[str, Any]:
    """Return nested data as dotted keys: ``{"training.loss.use": "non_saturating"}``."""
    if isinstance(data, Mapping):
        items = [(str(key), value) for key, value in data.items()]
    elif isinstance(data, list | tuple) and any(isinstance(item, Mapping) for item in data):
        items = [(str(index), value) for index, value in enumerate(data)]
    else:
        return {prefix: data}
    flat: dict[str, Any] = {}
    for key, value in items:
        flat.update(flattened(value, f"{prefix}.{key}" if prefix else key))
    return flat


def _plain(value: Any) -> Any:
    """Return any value of a recipe, a section of it included, as plain data."""
    if isinstance(value, Choice):
        return _choice(value)
    if isinstance(value, NetworkPlan):
        return _network(value)
    if isinstance(value, Strict):
        return {key: _plain(getattr(value, key)) for key in type(value).model_fields}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _network(plan: NetworkPlan) -> dict[str, Any]:
    stages = [_block(block) for block in plan.blocks if block.name not in ("input", "output")]
    ends = {block.name: _block(block) for block in plan.blocks if block.name in ("input", "output")}
    return {**({"input": ends["input"]} if "input" in ends else {}), "stages": stages, "output": ends["output"]}


def _block(block: Block) -> dict[str, Any]:
    data: dict[str, Any] = {} if block.filters is None else {"filters": block.filters}
    data["order"] = list(block.order)
    data.update({slot: _choice(choice) for slot, choice in block.slots.items()})
    data["initializer"] = _choice(block.initializer)
    if block.constraint is not None:
        data["constraint"] = _choice(block.constraint)
    data["bias"] = block.bias
    return data


def _choice(choice: Choice) -> dict[str, Any]:
    options = {name: _plain(value) for name, value in choice.options.items()}
    # The owner is written too: the same file must mean the same component where more plugins are installed.
    return {"use": f"{choice.component.owner}/{choice.component.name}", **options}


NO_TEXT_IN_YAML_1_1 = re.compile(
    r"""y|Y|yes|Yes|YES|n|N|no|No|NO|on|On|ON|off|Off|OFF  # true and false
    |=|<<  # the default value and the merge key
    |[-+]?0b[01_]+|[-+]?0[0-7_]+|[-+]?0x[0-9a-fA-F_]+|[-+]?[0-9][0-9_]*  # whole numbers
    |[-+]?(?:[0-9][0-9_]*)?\.[0-9._]*(?:[eE][-+]?[0-9]+)?  # numbers
    |[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?  # numbers to the base 60
    |[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+).*)?  # points in time
    """,
    re.VERBOSE,
)
"""Plain text that YAML 1.1 takes for something else (https://yaml.org/type/), beside what YAML 1.2 does."""


class _Dumper(yaml.SafeDumper):
    """Quotes what YAML 1.2 or 1.1 would read as something else than text, and only that."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML folds text that it takes for several lines, and takes more for line ends than it reads back.
    plain = (
        text.isprintable() and isinstance(core_schema.resolved(text), str) and not NO_TEXT_IN_YAML_1_1.fullmatch(text)
    )
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


def _represent_float(dumper: yaml.SafeDumper, number: float) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", number_text(number))


_Dumper.yaml_implicit_resolvers = {}
_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(float, _represent_float)
for _tag, _pattern in (
    ("null", core_schema.NULL),
    ("bool", core_schema.TRUE),
    ("bool", core_schema.FALSE),
    ("int", core_schema.DECIMAL),
    ("float", core_schema.FLOAT),
    ("float", core_schema.INFINITY),
    ("float", core_schema.NOT_A_NUMBER),
):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern.pattern})$"), None)
