"""Write a resolved recipe as YAML with all defaults. The text resolves to the same recipe again.

The text means the same in YAML 1.2, the language of recipes, and in YAML 1.1, which many editors and tools read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from dcgan_kit.components.option_types import number_text
from dcgan_kit.recipes import yaml_scalars
from dcgan_kit.recipes.key_declarations import Recipe
from dcgan_kit.recipes.keys import WRITTEN_IF_SET
from dcgan_kit.recipes.resolved import Block, BlockItem, Choice, NetworkPlan, ResolvedRecipe, ShortcutPlan
from dcgan_kit.recipes.section_types import Strict


def as_data(recipe: ResolvedRecipe) -> dict[str, Any]:
    """Return the recipe as plain mappings, lists and scalars, in the order of the keys in ``key_declarations.py``."""
    # The parents are merged already, so ``extends`` is left out.
    return {key: _plain(getattr(recipe, key)) for key in Recipe.model_fields if key != "extends"}


def as_yaml(data: Mapping[str, Any]) -> str:
    """Return plain data as YAML text."""
    return yaml.dump(
        dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, default_flow_style=None
    )


def as_value(data: Any) -> str:
    """Return plain data in one line, in the form of an override's value, with quotes around texts as in JSON."""
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
    """Return any value or section of a recipe as plain data."""
    if isinstance(value, Choice):
        return choice_data(value)
    if isinstance(value, NetworkPlan):
        return _network(value)
    if isinstance(value, Strict):
        return {key: _plain(getattr(value, key)) for key in type(value).model_fields if not _left_out(value, key)}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _left_out(section: Strict, key: str) -> bool:
    return key in WRITTEN_IF_SET and getattr(section, key) is None


def _network(plan: NetworkPlan) -> dict[str, Any]:
    stages = [_block(block) for block in plan.blocks if block.name not in ("input", "output")]
    ends = {block.name: _block(block) for block in plan.blocks if block.name in ("input", "output")}
    return {**({"input": ends["input"]} if "input" in ends else {}), "stages": stages, "output": ends["output"]}


def _block(block: Block) -> dict[str, Any]:
    data: dict[str, Any] = {} if block.filters is None else {"filters": block.filters}
    if block.path[1:2] == ("stages",) and block.name != f"stage{int(block.path[2]) + 1}":
        data["name"] = block.name
    if block.repeat > 1:
        data["repeat"] = block.repeat
    data["order"] = [_item(item) for item in block.order]
    if block.shortcut is not None:
        data["shortcut"] = _shortcut(block.shortcut)
    data.update({slot: choice_data(choice) for slot, choice in block.slots.items()})
    data["initializer"] = choice_data(block.initializer)
    if block.constraint is not None:
        data["constraint"] = choice_data(block.constraint)
    data["bias"] = block.bias
    return data


def _item(item: BlockItem) -> Any:
    if not item.own:
        return item.slot
    width = {} if item.filters is None else {"filters": item.filters}
    return {item.slot: {**(choice_data(item.choice) if item.choice else {}), **width}}


def _shortcut(shortcut: ShortcutPlan) -> dict[str, Any]:
    order = {} if shortcut.order is None else {"order": [_item(item) for item in shortcut.order]}
    return {**order, "join": shortcut.join, "scale": shortcut.scale}


def choice_data(choice: Choice) -> dict[str, Any]:
    """Return a component with all its options, as a slot of a recipe has them."""
    options = {name: _plain(value) for name, value in choice.options.items()}
    # Write the owner too, so that the file means the same component if more plugins are installed.
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
"""Plain text that YAML 1.1 reads as another type (https://yaml.org/type/), in addition to that of YAML 1.2."""


class _Dumper(yaml.SafeDumper):
    """Puts quotes only around text that YAML 1.2 or 1.1 would read as another type."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML folds text at characters that it does not read back as line ends, so quote all unprintable text.
    plain = (
        text.isprintable() and isinstance(yaml_scalars.resolved(text), str) and not NO_TEXT_IN_YAML_1_1.fullmatch(text)
    )
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


def _represent_float(dumper: yaml.SafeDumper, number: float) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", number_text(number))


_Dumper.yaml_implicit_resolvers = {}
_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(float, _represent_float)
for _tag, _pattern in (
    ("null", yaml_scalars.NULL),
    ("bool", yaml_scalars.TRUE),
    ("bool", yaml_scalars.FALSE),
    ("int", yaml_scalars.DECIMAL),
    ("float", yaml_scalars.FLOAT),
    ("float", yaml_scalars.INFINITY),
    ("float", yaml_scalars.NOT_A_NUMBER),
):
    _Dumper.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern.pattern})$"), None)
