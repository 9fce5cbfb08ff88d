"""JSON Schema of the options of components, and facts about them for listings."""

from __future__ import annotations

from typing import Any

from dcgan_kit.components.component import Component
from dcgan_kit.components.option_types import number_text


def options_schema(component: Component) -> dict[str, Any]:
    """Return the JSON Schema (draft-07) of a mapping that chooses this component, with its options inline."""
    schema = draft_07(component.options.model_json_schema())
    schema = _inlined(schema, schema.get("definitions", {}), ())
    properties: dict[str, Any] = {}
    for name, option in schema.get("properties", {}).items():
        option.pop("title", None)
        if name in component.nested:
            description = {"description": option["description"]} if "description" in option else {}
            arms = [{"$ref": f"#/definitions/{component.nested[name]}"}, {"type": "null"}]
            properties[name] = {"anyOf": arms, **description}
        else:
            properties[name] = option
    return {
        "type": "object",
        "description": component.documentation,
        "properties": properties,
        "required": schema.get("required", []),
    }


def draft_07(schema: Any) -> Any:
    """Convert a schema that pydantic wrote for a later draft: fixed-length arrays and the name of definitions."""
    if isinstance(schema, dict):
        schema = {key: draft_07(value) for key, value in schema.items()}
        if "prefixItems" in schema:
            schema["items"] = schema.pop("prefixItems")
            schema["additionalItems"] = False
        if "$defs" in schema:
            schema["definitions"] = schema.pop("$defs")
        if "$ref" in schema:
            schema["$ref"] = schema["$ref"].replace("#/$defs/", "#/definitions/")
        return schema
    return [draft_07(item) for item in schema] if isinstance(schema, list) else schema


def _inlined(schema: Any, definitions: dict[str, Any], within: tuple[str, ...]) -> Any:
    """Replace references by their definitions: a recipe's schema has no place for definitions of one component."""
    if isinstance(schema, list):
        return [_inlined(item, definitions, within) for item in schema]
    if not isinstance(schema, dict):
        return schema
    name = str(schema.get("$ref", "")).removeprefix("#/definitions/")
    if name in within:
        return {}
    if name in definitions:
        return {**_inlined(definitions[name], definitions, (*within, name)), **_without_reference(schema)}
    return {key: _inlined(value, definitions, within) for key, value in schema.items()}


def _without_reference(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in schema.items() if key != "$ref"}


def option_facts(component: Component) -> list[dict[str, Any]]:
    """Return name, type with range, default and description of each option, for listings."""
    schema = options_schema(component)
    facts = []
    for name, option in schema["properties"].items():
        field = component.options.model_fields[name]
        facts.append(
            {
                "name": name,
                "type": type_of(option),
                "default": "required" if field.is_required() else _default(field.default),
                "description": option.get("description", ""),
            }
        )
    return facts


def _default(value: Any) -> Any:
    return {True: "true", False: "false", None: "null"}.get(value, value) if isinstance(value, bool | None) else value


def type_of(option: dict[str, Any]) -> str:
    """Return the type and the range of an option's schema, for listings: ``integer [1, 31]``."""
    if "anyOf" in option:
        return " or ".join(dict.fromkeys(type_of(arm) for arm in option["anyOf"]))
    if "$ref" in option:
        return str(option["$ref"].rpartition("/")[2])
    if "enum" in option:
        return " | ".join(map(str, option["enum"]))
    if "const" in option:
        return str(option["const"])
    kind = option.get("type", "any")
    if kind == "array":
        items = option.get("items", [])
        return (
            f"[{', '.join(type_of(item) for item in items)}]"
            if isinstance(items, list)
            else f"list of {type_of(items)}"
        )
    low = option.get("minimum", option.get("exclusiveMinimum"))
    high = option.get("maximum", option.get("exclusiveMaximum"))
    if low is None and high is None:
        return str(kind)
    left = "(" if "exclusiveMinimum" in option or low is None else "["
    right = ")" if "exclusiveMaximum" in option or high is None else "]"
    return f"{kind} {left}{'-inf' if low is None else _bound(low)}, {'inf' if high is None else _bound(high)}{right}"


def shown_default(value: Any) -> Any:
    """Return a default from ``option_facts`` as a recipe writes it."""
    return number_text(value) if isinstance(value, float) else value


def _bound(value: float) -> str:
    return number_text(value) if isinstance(value, float) else str(value)
