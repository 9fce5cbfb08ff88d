"""The JSON Schema (draft-07) of recipes, for editors. It includes the components of the installed plugins."""

from __future__ import annotations

import json
from typing import Any

from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.option_schema import draft_07, options_schema
from dcgan_kit.components.registry import Registry
from dcgan_kit.recipes.block_order import RESHAPE, WITH_FILTERS
from dcgan_kit.recipes.extends import STAGES
from dcgan_kit.recipes.key_declarations import Recipe
from dcgan_kit.recipes.keys import LIST_KEYS, SLOT_KEYS


def schema_text(registry: Registry) -> str:
    """Return the schema as text."""
    return json.dumps(recipe_schema(registry), indent=1, sort_keys=False) + "\n"


def recipe_schema(registry: Registry) -> dict[str, Any]:
    """Return the schema of a recipe file.

    No key is required, because a missing key may come from the recipe that the file extends.
    """
    schema = _with_slots(draft_07(Recipe.model_json_schema()))
    definitions = {name: _relaxed(model) for name, model in schema.pop("definitions").items()}
    for kind in KINDS:
        definitions[kind] = _slot(registry, kind)
    for name in ("Generator", "Discriminator"):
        stages = definitions[name]["properties"][STAGES]
        changes = {"type": "object", "additionalProperties": stages["items"]}
        definitions[name]["properties"][STAGES] = {"anyOf": [stages, changes], "description": stages["description"]}
    item = definitions["OrderItem"]["properties"]
    for kind in WITH_FILTERS:
        definitions[f"{kind}_item"] = _with_filters(definitions[kind])
        item[kind] = {"anyOf": [{"$ref": f"#/definitions/{kind}_item"}, {"type": "null"}]}
    definitions["OrderItem"].update(minProperties=1, maxProperties=1)
    for properties in (definition.get("properties", {}) for definition in definitions.values()):
        if "order" in properties:
            # The bare names of slots, which the declarations leave to ``block_order.py``.
            properties["order"]["anyOf"][0]["items"]["anyOf"][0] = {"enum": [*item, RESHAPE]}
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "dcgan-kit recipe",
        **_relaxed({key: value for key, value in schema.items() if key != "title"}),
        "definitions": definitions,
    }


def _with_slots(schema: Any) -> Any:
    if isinstance(schema, dict):
        changed = {key: _with_slots(value) for key, value in schema.items()}
        for name, value in changed.get("properties", {}).items():
            if name in SLOT_KEYS:
                reference = {"anyOf": [{"$ref": f"#/definitions/{name}"}, {"type": "null"}]}
                changed["properties"][name] = {**reference, "description": value.get("description", "")}
            elif name in LIST_KEYS:
                changed["properties"][name] = {**value, "items": {"$ref": f"#/definitions/{LIST_KEYS[name]}"}}
        return changed
    return [_with_slots(item) for item in schema] if isinstance(schema, list) else schema


def _with_filters(slot: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a slot in an order, where ``filters`` sets the channels of this item."""
    width = {"filters": {"type": "integer", "minimum": 1, "description": "channels that this item returns"}}
    arms = [
        {**arm, "properties": {**arm["properties"], **width}} if "properties" in arm else arm for arm in slot["anyOf"]
    ]
    return {**slot, "anyOf": arms}


def _relaxed(model: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in model.items() if key != "required"}


def _slot(registry: Registry, kind: str) -> dict[str, Any]:
    """Return the schema of a slot: a name, a mapping with ``use``, or options of an inherited component."""
    arms: list[dict[str, Any]] = []
    names = registry.names(kind)
    for name, component in zip(names, registry.of_kind(kind), strict=True):
        options = options_schema(component)
        allowed = sorted({name, component.name, f"{component.owner}/{component.name}"}) if "/" not in name else [name]
        arms.append(
            {"const": name, "description": component.summary}
            if len(allowed) == 1
            else {"enum": allowed, "description": component.summary}
        )
        arms.append(
            {
                **options,
                "properties": {"use": {"enum": allowed}, **options["properties"]},
                "required": ["use", *options["required"]],
                "additionalProperties": False,
            }
        )
    every_option: dict[str, Any] = {option: {} for c in registry.of_kind(kind) for option in c.options.model_fields}
    arms.append(
        {
            "type": "object",
            "description": f"Options for the {kind} that this slot inherits.",
            "properties": every_option,
            "not": {"required": ["use"]},
            "additionalProperties": False,
        }
    )
    return {"description": KINDS[kind].summary, "anyOf": arms}
