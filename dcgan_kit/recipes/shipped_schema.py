"""The schema file that is shipped with the recipes. It is used if only built-in plugins are installed.

Reading the file is much faster than generating the schema. ``scripts/generate_docs.py`` writes the file, and a test
checks that it matches the built-in components.
"""

from __future__ import annotations

import json

from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.plugin import LoadedPlugins

SCHEMA_FILE = "recipe.schema.json"
"""Name of the schema file beside the recipes. The first line of each recipe refers editors to it."""


def shipped_schema(plugins: LoadedPlugins) -> str | None:
    """Return the text of the shipped schema, or None if the plugins offer other components than the schema has."""
    if any(plugin.origin != "built-in" or plugin.status != "loaded" for plugin in plugins.plugins):
        return None
    folder = next(path.parent for path in plugins.find("recipes").recipes.values())
    text = (folder / SCHEMA_FILE).read_text(encoding="utf-8")
    definitions = json.loads(text)["definitions"]
    for kind in KINDS:
        known = {name for arm in definitions[kind]["anyOf"] for name in arm.get("enum", ())}
        if known != {n for c in plugins.registry.of_kind(kind) for n in (c.name, f"{c.owner}/{c.name}")}:
            return None
    return text
