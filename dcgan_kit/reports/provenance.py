"""The last sections: the full recipe, the differences between runs, and the environment of the runs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from dcgan_kit.errors import counted
from dcgan_kit.reports.content import Block, Listing, Paragraph, Section, Table
from dcgan_kit.reports.facts import RunFacts
from dcgan_kit.reports.run_files import shown

MOST_ROWS = 500
MOST_TEXT = 200_000
"""Most characters of a recipe to show."""
_PLUGINS = "plugins."


def recipe(runs: Sequence[RunFacts]) -> Section:
    """Return the section of resolved recipes. For several runs, it starts with a table of the differences."""
    blocks: list[Block] = []
    if len(runs) > 1:
        rows = _differing([run.recipe for run in runs])
        columns = ("key", *(run.label for run in runs))
        if rows:
            title = f"{counted(len(rows), 'key')} {'differs' if len(rows) == 1 else 'differ'}"
            blocks.append(Table(title, columns, tuple(rows[:MOST_ROWS])))
        else:
            blocks.append(Paragraph("All recipes are the same, key by key."))
    for run in runs:
        blocks.append(Listing(f"{run.label}: recipe.yaml", run.recipe_text[:MOST_TEXT], opened=len(runs) == 1))
    lead = "With every default written out: `dcgan-kit train` with this text repeats the training."
    return Section("recipe", "Recipe", lead, tuple(blocks))


def environment(runs: Sequence[RunFacts]) -> Section:
    """Return the section of versions, machine and plugins."""
    known = [{k: v for k, v in run.environment.items() if not k.startswith(_PLUGINS)} for run in runs]
    keys = list(dict.fromkeys(key for facts in known for key in facts))[:MOST_ROWS]
    blocks: list[Block] = []
    if keys:
        rows = tuple((shown(key), *(_cell(facts, key) for facts in known)) for key in keys)
        blocks.append(Table("What the runs started with", ("", *(run.label for run in runs)), rows))
    for run, facts in zip(runs, known, strict=True):
        if not facts:
            text = f"{run.label}: there is no `environment.json`, which `dcgan-kit train` writes when a run begins."
            blocks.append(Paragraph(text, "missing"))
        plugins = _third_party_plugins(run)
        if plugins:
            blocks.append(Paragraph(f"{run.label}: third-party plugins: {', '.join(plugins)}."))
    return Section("environment", "Environment", "", tuple(blocks))


def _differing(recipes: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    keys = dict.fromkeys(key for one in recipes for key in one)
    rows = [(shown(key), *(_cell(one, key) for one in recipes)) for key in keys]
    return [row for row in rows if len(set(row[1:])) > 1]


def _cell(facts: Mapping[str, Any], key: str) -> str:
    if key not in facts:
        return "–"
    value = facts[key]
    return shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str))


def _third_party_plugins(run: RunFacts) -> list[str]:
    facts, plugins = run.environment, []
    for key, origin in facts.items():
        if key.startswith(_PLUGINS) and key.endswith(".origin") and origin != "built-in":
            plugin = key.removesuffix("origin")
            names = [str(facts.get(f"{plugin}{fact}", "")) for fact in ("name", "distribution")]
            plugins.append(shown(" ".join(filter(None, names))))
    return plugins[:MOST_ROWS]
