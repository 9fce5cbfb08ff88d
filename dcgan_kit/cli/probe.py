"""``probe``: what happens inside the networks of a recipe or a run."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcgan_kit.cli.console import facts, note, table
from dcgan_kit.cli.exit_codes import WRONG_INPUT
from dcgan_kit.cli.options import (
    all_plugins,
    complete_recipe,
    json_option,
    overrides_argument,
    plugin_options,
    plugin_settings,
    warn_of_broken,
)
from dcgan_kit.errors import UserError
from dcgan_kit.files import is_there

if TYPE_CHECKING:
    from dcgan_kit.components.component import Component
    from dcgan_kit.components.contracts.probe import Readings
    from dcgan_kit.components.plugin_loading import LoadedPlugins
    from dcgan_kit.probing.run_probes import Examination
    from dcgan_kit.recipes.resolved import Choice


@click.command()
@click.argument("target", metavar="RUN|RECIPE", shell_complete=complete_recipe)
@overrides_argument
@click.option(
    "--probes",
    "names",
    metavar="NAMES",
    help="Probes, with commas between; NAME:option=value sets an option.  [default: all]",
)
@click.option("--best", is_flag=True, help="Look at the checkpoint that the run keeps for good.")
@json_option
@plugin_options
def probe(target: str, overrides: tuple[str, ...], names: str | None, best: bool, as_json: bool) -> None:
    """Look into the networks of a RUN folder at its newest checkpoint, or of a RECIPE before it is trained.

    Trains a few steps in memory for what shows only between two of them, and writes nothing. Ends with status 2 if a
    probe fails: what the others found is shown all the same.
    """
    from dcgan_kit.data.loading import require_data
    from dcgan_kit.recipes.loading import load_recipe
    from dcgan_kit.runs.run_folder import read_run, require_checkpoint
    from dcgan_kit.runs.run_plugins import load_begun

    run = Path(target) if is_there(Path(target, "recipe.yaml")) else None
    if best and run is None:
        raise UserError(f"{target}: is no run folder, and --best is about the checkpoints of a run")
    if run is None:
        loaded = load_recipe(target, overrides, plugin_settings())
    else:
        read_run(run)
        loaded = load_begun(run, run, overrides, plugin_settings())
    warn_of_broken(loaded.plugins)
    choices = _choices(names, loaded.plugins, loaded.recipe.training.probing.probes)
    if run is not None:
        require_checkpoint(read_run(run))
    require_data(loaded.recipe)
    from dcgan_kit.cli.tensorflow_startup import start_tensorflow

    start_tensorflow()
    from dcgan_kit.probing.probe_run import build_probes
    from dcgan_kit.probing.run_probes import examine

    probes = build_probes(choices)
    strangers = frozenset(plugin.name for plugin in loaded.plugins.plugins if plugin.origin != "built-in")
    found = examine(loaded.recipe, probes, run, best, strangers, note)
    if as_json:
        facts(_as_json(found))
    else:
        _show(found, {p.name: p.component for p in probes})
    for line in found.failed:
        note(line)
    if found.silent:
        note(f"no readings here from: {', '.join(found.silent)}")
    if found.failed:
        # What was not looked at is not well.
        sys.exit(WRONG_INPUT)


def _choices(names: str | None, plugins: LoadedPlugins, of_the_recipe: Sequence[Choice]) -> list[Choice]:
    """Choose probes: with the options that the command gives them, else the recipe, else as they are by default."""
    from dcgan_kit.evaluation.selection import choice_of
    from dcgan_kit.probing.probe_run import by_default

    known = {(choice.component.owner, choice.component.name): choice for choice in of_the_recipe}

    def as_known(component: Component) -> Choice:
        return known.get((component.owner, component.name)) or by_default(component)

    if names is None:
        return [as_known(component) for component in plugins.registry.of_kind("probe")]
    asked = [text.strip() for text in names.split(",")]
    # A name may be a stranger's, which a recipe of built-ins has not loaded.
    known_names = {text.partition(":")[0] for text in asked} <= set(plugins.registry.names("probe"))
    registry = plugins.registry if known_names else all_plugins().registry
    chosen: list[Choice] = []
    for text in asked:
        choice = choice_of("probe", text, registry) if ":" in text else as_known(registry.find("probe", text))
        if any(choice.component == other.component for other in chosen):
            raise UserError(f"--probes: {choice.component.name} is named twice: name each probe once")
        chosen.append(choice)
    return chosen


def _show(found: Examination, components: dict[str, Component]) -> None:
    trained = found.step > 0
    for name, readings in found.now.items():
        rows: dict[str, dict[str, str]] = {}
        for key, value in readings.items():
            where, _, what = key.rpartition("/")
            first = found.first.get(name, {}).get(key)
            beside = f" ({first:.3g})" if trained and first is not None else ""
            rows.setdefault(where, {})[what] = f"{value:.3g}{beside}"
        whats = list(dict.fromkeys(what for row in rows.values() for what in row))
        click.echo(f"{components[name].name}: {components[name].summary.partition('  ')[0]}")
        cells = [(where, *(row.get(what, "") for what in whats)) for where, row in rows.items()]
        table(("place", *whats), cells, right=whats)
    from dcgan_kit.probing.health_line import health_line

    click.echo(f"Step {found.step}{'; in brackets: the same at step 0' if trained else ''}.")
    click.echo(health_line(found.findings, found.asked, len(found.failed)))
    for finding in found.findings:
        click.echo(
            f"  {finding.where}: {finding.disease}: {finding.value:.3g} (baseline {finding.baseline:.3g}); try "
            f"{finding.advice}{f' (docs/{finding.page})' if finding.page else ''}"
        )


def _as_json(found: Examination) -> dict[str, Any]:
    return {
        "step": found.step,
        "readings": {name: _numbers(readings) for name, readings in found.now.items()},
        "first": {name: _numbers(readings) for name, readings in found.first.items()},
        "findings": [{**finding.as_data(), "told": str(finding)} for finding in found.findings],
        "failed": list(found.failed),
        "silent": list(found.silent),
    }


def _numbers(readings: Readings) -> dict[str, Any]:
    return {key: _number(value) for key, value in readings.items()}


def _number(value: Any) -> Any:
    """JSON has no infinity."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
