"""The schema that is shipped beside the recipes: at hand at once, where only what is shipped is installed.

Generating one takes longer than all else that the command ``schema`` does. ``scripts/generate_docs.py`` writes the
shipped one, and a test holds it to what the built-in components give.
"""

from __future__ import annotations

import json

from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.plugin_loading import LoadedPlugins

SCHEMA_FILE = "recipe.schema.json"
"""Name of the schema beside recipes; their first line points editors to it."""


def shipped_schema(plugins: LoadedPlugins) -> str | None:
    """Return the shipped schema's text, or None where the plugins offer other components than it knows."""
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
