"""The commands ``check`` and ``show``: what a recipe contains, before training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcgan_kit.cli.options import (
    json_option,
    overrides_argument,
    plugin_options,
    plugin_settings,
    recipe_argument,
)
from dcgan_kit.process.exit_codes import WRONG_INPUT
from dcgan_kit.terminal.console import facts, note, say, table

if TYPE_CHECKING:
    from dcgan_kit.api import Recipe
    from dcgan_kit.api.results import Summary
    from dcgan_kit.errors import Mark


def _place(mark: Mark, key: str, message: str) -> dict[str, Any]:
    return {"key": key, "source": mark.source, "line": mark.line, "column": mark.column, "message": message}


@click.command()
@recipe_argument
@overrides_argument
@click.option("--strict", is_flag=True, help="Exit with status 2 if there is any advice.")
@json_option
@plugin_options
def check(recipe: str, overrides: tuple[str, ...], strict: bool, as_json: bool) -> None:
    """Check RECIPE for problems and give advice. Builds no weights and reads no data.

    \b
    dcgan-kit check lecture-fashion28 generator.activation=sigmoid
    """  # noqa: D301
    from dcgan_kit.api import load_recipe
    from dcgan_kit.errors import RecipeError

    try:
        loaded = load_recipe(recipe, *overrides, settings=plugin_settings())
        advice = loaded.check()
        missing = loaded.missing_data()
        start = None if missing else loaded.warm_start()
    except RecipeError as error:
        if not as_json:
            raise
        facts({"valid": False, "problems": [_place(p.mark, p.key, p.message) for p in error.problems], "advice": []})
        sys.exit(WRONG_INPUT)
    from dcgan_kit.api.recipe import lint_reason
    from dcgan_kit.errors import counted

    if as_json:
        entries = [{"lint": a.lint, "why": lint_reason(a.lint), **_place(a.mark, a.key, a.message)} for a in advice]
        fit = {} if start is None else {"start": start.as_data()}
        facts({"valid": True, "problems": [], "advice": entries, **fit})
    else:
        for name in sorted({item.lint for item in advice}):
            say(f"{name}: {lint_reason(name)}")
            for item in advice:
                if item.lint == name:
                    say(f"  {item.mark}: {item.key}: {item.message}")
        found = f"{counted(len(advice), 'piece')} of advice" if advice else "no advice"
        note(f"{loaded.name}: valid; {found}")
        # Missing data are no problem of the recipe: another machine may have them.
        for line in () if start is None else start.lines():
            note(line)
        if missing:
            note(f"on this machine it cannot be trained yet: {missing}")
    if strict and advice:
        sys.exit(WRONG_INPUT)


@click.command()
@recipe_argument
@overrides_argument
@click.option("--diff", "other", metavar="OTHER", help="Show how RECIPE differs from OTHER, key by key.")
@click.option("--unfold", is_flag=True, help="Show every copy of a repeated stage.")
@click.option(
    "--picture",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Draw both networks into FILE, an SVG, instead of printing tables.",
)
@json_option
@plugin_options
def show(
    recipe: str, overrides: tuple[str, ...], other: str | None, unfold: bool, picture: Path | None, as_json: bool
) -> None:
    """Show the networks of RECIPE: layers, shapes, parameters, operations, receptive fields, memory.

    \b
    dcgan-kit show lecture-fashion28
    dcgan-kit show radford-faces64 --diff mmgeneration-64
    dcgan-kit show sngan-cifar32 --picture networks.svg
    """  # noqa: D301
    from dcgan_kit.api import load_recipe
    from dcgan_kit.errors import counted

    if picture is not None and (other is not None or as_json):
        raise click.UsageError(
            f"--picture draws one recipe and prints nothing; leave out {'--diff' if other else '--json'}"
        )
    loaded = load_recipe(recipe, *overrides, settings=plugin_settings())
    if picture is not None:
        loaded.draw(picture, unfold=unfold)
        return
    if other is not None:
        against = load_recipe(other, settings=plugin_settings())
        labels = (loaded.name, against.name)
        if labels[0] == labels[1]:
            labels = (recipe, other) if recipe != other else (f"{recipe} as given", other)
        _show_difference(loaded, against, labels, as_json)
        return
    summary = loaded.summary()
    summaries, memory = (summary.generator, summary.discriminator), summary.training_memory
    if as_json:
        facts({**{one.role: _as_json(one) for one in summaries}, "training_memory_bytes": memory})
        return
    folded = False
    for network in summaries:
        groups = [(row, 1) for row in network.rows] if unfold else network.folded()
        folded = folded or len(groups) < len(network.rows)
        rows = [
            (r.name if count == 1 else f"{r.name} x{count}", r.component, _times(r.output_shape),
             f"{r.parameters:,}", f"{r.macs:,}",
             "all" if r.receptive_field is None else _times(r.receptive_field))
            for r, count in groups
        ]  # fmt: skip
        columns = ("layer", "component", "output", "parameters", "multiply accumulates", "sees")
        table(columns, rows, right=("parameters", "multiply accumulates"), title=f"{network.role} of {loaded.name}")
        say(
            f"{network.trainable_parameters:,} trainable and {network.non_trainable_parameters:,} other parameters, "
            f"{counted(network.macs, 'multiply-accumulate')} an image\n"
        )
    say(
        f"Training with {counted(loaded.resolved.training.batch_size, 'image')} a step needs about "
        f"{memory / 2**20:,.0f} MiB, without TensorFlow's own 550 MB and the data set."
    )
    say("'sees': pixels of the network's first map that one number of the output depends on. One image, no batch.")
    if folded:
        say("'x2' stands for two equal copies of a stage, and --unfold shows each.")


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
                "parameters": row.parameters,
                "macs": row.macs,
                "receptive_field": None if row.receptive_field is None else list(row.receptive_field),
            }
            for row in summary.rows
        ],
    }


def _show_difference(one: Recipe, two: Recipe, labels: tuple[str, str], as_json: bool) -> None:
    from dcgan_kit.api.recipe import written_value
    from dcgan_kit.errors import counted

    found = one.differences(two)
    if as_json:
        facts({key: dict(zip(labels, values, strict=True)) for key, values in found.items()})
        return
    left, right = one.keys(), two.keys()
    if found:
        rows = [(key, written_value(left, key), written_value(right, key)) for key in found]
        table(("key", *labels), rows)
    note(f"{counted(len(found), 'key')} differ{'s' if len(found) == 1 else ''}")


def _times(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))
