"""``check`` and ``show``: what a recipe is, before anything is trained."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from dcgan_kit.cli.console import facts, note, say, table
from dcgan_kit.cli.exit_codes import WRONG_INPUT
from dcgan_kit.cli.options import (
    json_option,
    overrides_argument,
    plugin_options,
    plugin_settings,
    recipe_argument,
    warn_of_broken,
)

if TYPE_CHECKING:
    from dcgan_kit.errors import Mark
    from dcgan_kit.networks.lint import Advice
    from dcgan_kit.networks.summary import Summary
    from dcgan_kit.recipes.loading import LoadedRecipe
    from dcgan_kit.recipes.resolved import ResolvedRecipe


def _checked(recipe: str, overrides: tuple[str, ...]) -> tuple[ResolvedRecipe, tuple[Advice, ...]]:
    loaded = _load(recipe, overrides)
    resolved = loaded.recipe
    from dcgan_kit.cli.tensorflow_startup import start_tensorflow

    start_tensorflow()
    from dcgan_kit.adversarial.dry_run import require_trainable
    from dcgan_kit.adversarial.training_components import build_parts
    from dcgan_kit.errors import ComponentError, Problem, RecipeError, gathered
    from dcgan_kit.evaluation.observer import require_observable
    from dcgan_kit.networks.builder import build_networks
    from dcgan_kit.networks.lint import check_silence, lint
    from dcgan_kit.recipes.nodes import dotted

    networks, _, parts, _ = gathered(
        lambda: build_networks(resolved, symbolic=True),
        lambda: check_silence(resolved),
        lambda: build_parts(resolved),
        lambda: require_observable(resolved),
    )
    try:
        require_trainable(resolved, networks, parts, loaded.plugins.strangers)
    except ComponentError as error:
        raise RecipeError([Problem(resolved.mark(error.path), dotted(error.path), str(error))]) from error
    return resolved, lint(resolved, networks)


def _place(mark: Mark, key: str, message: str) -> dict[str, Any]:
    return {"key": key, "source": mark.source, "line": mark.line, "column": mark.column, "message": message}


def _load(recipe: str, overrides: tuple[str, ...], warn: bool = True) -> LoadedRecipe:
    from dcgan_kit.recipes.loading import load_recipe

    loaded = load_recipe(recipe, overrides, plugin_settings())
    if warn:
        warn_of_broken(loaded.plugins)
    return loaded


@click.command()
@recipe_argument
@overrides_argument
@click.option("--strict", is_flag=True, help="Exit with status 2 if there is any advice.")
@json_option
@plugin_options
def check(recipe: str, overrides: tuple[str, ...], strict: bool, as_json: bool) -> None:
    """Validate RECIPE and give advice; builds no weights and reads no data."""
    from dcgan_kit.errors import RecipeError

    try:
        resolved, advice = _checked(recipe, overrides)
    except RecipeError as error:
        if not as_json:
            raise
        facts({"valid": False, "problems": [_place(p.mark, p.key, p.message) for p in error.problems], "advice": []})
        sys.exit(WRONG_INPUT)
    from dcgan_kit.errors import counted
    from dcgan_kit.networks.lint import LINTS

    if as_json:
        given = [{"lint": a.lint, "why": LINTS[a.lint].why, **_place(a.mark, a.key, a.message)} for a in advice]
        facts({"valid": True, "problems": [], "advice": given})
    else:
        for name in sorted({item.lint for item in advice}):
            say(f"{name}: {LINTS[name].why}")
            for item in advice:
                if item.lint == name:
                    say(f"  {item.mark}: {item.key}: {item.message}")
        found = f"{counted(len(advice), 'piece')} of advice" if advice else "nothing to advise"
        note(f"{resolved.name}: valid; {found}")
        _note_missing_data(resolved)
    if strict and advice:
        sys.exit(WRONG_INPUT)


def _note_missing_data(resolved: ResolvedRecipe) -> None:
    """Say where images are not here: no fault of the recipe, which may be trained on another machine."""
    from dcgan_kit.data.loading import require_data
    from dcgan_kit.errors import DataError

    try:
        require_data(resolved)
    except DataError as error:
        note(f"on this machine it cannot be trained yet: {error}")


@click.command()
@recipe_argument
@overrides_argument
@click.option("--diff", "other", metavar="OTHER", help="Show how RECIPE differs from OTHER, key by key.")
@json_option
@plugin_options
def show(recipe: str, overrides: tuple[str, ...], other: str | None, as_json: bool) -> None:
    """Show the networks of RECIPE: layers, shapes, parameters, operations, receptive fields, memory."""
    loaded = _load(recipe, overrides)
    if other is not None:
        against = _load(other, (), warn=False)
        labels = (loaded.recipe.name, against.recipe.name)
        if labels[0] == labels[1]:
            labels = (recipe, other) if recipe != other else (f"{recipe} as given", other)
        _show_difference(loaded, against, labels, as_json)
        return
    from dcgan_kit.cli.tensorflow_startup import start_tensorflow

    start_tensorflow()
    from dcgan_kit.errors import counted
    from dcgan_kit.networks.builder import build_networks
    from dcgan_kit.networks.summary import summarize, training_memory

    resolved = loaded.recipe
    networks = build_networks(resolved, symbolic=True)
    summaries = [summarize(networks.generator), summarize(networks.discriminator)]
    memory = training_memory(networks, resolved.training.batch_size, resolved.training.ema > 0)
    if as_json:
        facts({**{summary.role: _as_json(summary) for summary in summaries}, "training_memory_bytes": memory})
        return
    for summary in summaries:
        rows = [
            (r.name, r.component, _times(r.output_shape), f"{r.trainable_parameters + r.non_trainable_parameters:,}",
             f"{r.macs:,}", "all" if r.receptive_field is None else _times(r.receptive_field))
            for r in summary.rows
        ]  # fmt: skip
        columns = ("layer", "component", "output", "parameters", "multiply accumulates", "sees")
        table(columns, rows, right=("parameters", "multiply accumulates"), title=f"{summary.role} of {resolved.name}")
        say(
            f"{summary.trainable_parameters:,} trainable and {summary.non_trainable_parameters:,} other parameters, "
            f"{counted(summary.macs, 'multiply-accumulate')} an image\n"
        )
    say(
        f"Training with {counted(resolved.training.batch_size, 'image')} a step holds about {memory / 2**20:,.0f} MiB, "
        "TensorFlow's own 550 MB and the data set not counted."
    )
    say("'sees': pixels of the network's first map that one number of the output depends on. One image, no batch.")


def _as_json(summary: Summary) -> dict[str, Any]:
    return {
        "trainable_parameters": summary.trainable_parameters,
        "non_trainable_parameters": summary.non_trainable_parameters,
        "macs": summary.macs,
        "layers": [
            {
                "name": row.name,
                "component": row.component,
                "output_shape": list(row.output_shape),
                "parameters": row.trainable_parameters + row.non_trainable_parameters,
                "macs": row.macs,
                "receptive_field": None if row.receptive_field is None else list(row.receptive_field),
            }
            for row in summary.rows
        ],
    }


def _show_difference(one: LoadedRecipe, two: LoadedRecipe, labels: tuple[str, str], as_json: bool) -> None:
    from dcgan_kit.errors import counted
    from dcgan_kit.recipes.yaml_writer import as_data, as_value, flattened

    def shown(flat: dict[str, Any], key: str) -> str:
        return as_value(flat[key]) if key in flat else "-"

    left, right = flattened(as_data(one.recipe)), flattened(as_data(two.recipe))
    keys = [key for key in dict.fromkeys((*left, *right)) if shown(left, key) != shown(right, key)]
    if as_json:
        facts({key: dict(zip(labels, (left.get(key), right.get(key)), strict=True)) for key in keys})
        return
    if keys:
        table(("key", *labels), [(key, shown(left, key), shown(right, key)) for key in keys])
    note(f"{counted(len(keys), 'key')} differ{'s' if len(keys) == 1 else ''}")


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
