"""The identity of a run: what decides about its numbers, as one short text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dcgan_kit.components.component import Component
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin import LoadedPlugins, Plugin
from dcgan_kit.components.plugin_files import code_hash
from dcgan_kit.recipes.resolved import Choice, ResolvedRecipe
from dcgan_kit.recipes.yaml_writer import as_data, flattened
from dcgan_kit.runs.environment import image_checksum
from dcgan_kit.runs.warm_start import source_facts
from dcgan_kit.version import PACKAGES, __version__, package_version

LENGTH = 16
"""Hexadecimal digits of an identity: 64 bits."""
TEXTS = ("description", "silence")
"""Keys of a recipe that change no number."""
Facts = Mapping[str, Any]


def facts_of(recipe: ResolvedRecipe, plugins: LoadedPlugins, images: Images, threads: int) -> dict[str, Any]:
    """Return all that decides about the numbers of a run: recipe, images, plugins, threads and versions.

    The processor is no part of it: numbers from two processors may differ in their last bits.

    Args:
        recipe: the recipe, with its seed.
        plugins: the plugins that it may use.
        images: the images that it reads.
        threads: threads of the run.
    """
    return {
        **{key: value for key, value in flattened(as_data(recipe)).items() if key.split(".")[0] not in TEXTS},
        "images": [len(images), image_checksum(images, with_labels=recipe.condition is not None)],
        **source_facts(recipe),
        **{f"plugin {plugin.name}": _plugin(plugin) for plugin in _third_party(recipe, plugins)},
        "threads": threads,
        "dcgan-kit": __version__,
        **{name: package_version(name) for name in PACKAGES},
    }


def identity_of(facts: Facts) -> str:
    """Return the identity of a run: equal for equal facts. 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:LENGTH]


def _third_party(recipe: ResolvedRecipe, plugins: LoadedPlugins) -> list[Plugin]:
    """Return the third-party plugins that take part: those of the recipe's components, and those with callbacks."""
    used = set(_owners(recipe))
    loaded = (plugin for plugin in plugins.plugins if plugin.origin != "built-in" and plugin.status == "loaded")
    return [plugin for plugin in loaded if plugin.callbacks is not None or plugin.name in used]


def _owners(value: Any) -> Iterator[str]:
    """Yield the owner of each component in a recipe."""
    if isinstance(value, Choice):
        yield value.component.owner
    if isinstance(value, BaseModel):
        inner: Iterable[Any] = (getattr(value, name) for name in type(value).model_fields)
    elif is_dataclass(value) and not isinstance(value, Component):
        inner = (getattr(value, field.name) for field in fields(value))
    elif isinstance(value, Mapping):
        inner = value.values()
    else:
        inner = value if isinstance(value, tuple | list) else ()
    for item in inner:
        yield from _owners(item)


def _plugin(plugin: Plugin) -> str:
    if plugin.origin != "folder":
        return plugin.distribution
    try:
        return code_hash(Path(plugin.file))
    except OSError:
        # It was read a moment ago; without its text, its name must do.
        return plugin.name
