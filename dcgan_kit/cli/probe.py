"""The command ``probe``: probes of the networks of a recipe or a run."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dcgan_kit.cli.options import (
    complete_recipe,
    json_option,
    overrides_argument,
    plugin_options,
    plugin_settings,
)
from dcgan_kit.errors import UserError
from dcgan_kit.files import is_there
from dcgan_kit.process.exit_codes import WRONG_INPUT
from dcgan_kit.terminal.console import facts, note, table

if TYPE_CHECKING:
    from dcgan_kit.api.results import Examination, Readings


@click.command()
@click.argument("target", metavar="RUN|RECIPE", shell_complete=complete_recipe)
@overrides_argument
@click.option(
    "--probes",
    "names",
    metavar="NAMES",
    help="Probes, separated by commas; NAME:option=value sets an option.  [default: all]",
)
@click.option("--best", is_flag=True, help="Use the best checkpoint, which the run keeps for good.")
@json_option
@plugin_options
def probe(target: str, overrides: tuple[str, ...], names: str | None, best: bool, as_json: bool) -> None:
    """Run probes on the newest checkpoint of a RUN folder, or on the networks of a RECIPE before training.

    Some probes compare two steps. For them, the command trains a few steps in memory. It writes no file. If a probe
    fails, the command shows the results of the others and exits with status 2.

    \b
    dcgan-kit probe runs/lecture-fashion28
    dcgan-kit probe lecture-fashion28 generator.activation=sigmoid --probes units
    """  # noqa: D301
    from dcgan_kit.api import load_recipe, open_run

    run = Path(target) if is_there(Path(target, "recipe.yaml")) else None
    if best and run is None:
        raise UserError(f"{target}: is no run folder, and --best is about the checkpoints of a run")
    probes = None if names is None else names.split(",")
    if run is None:
        found = load_recipe(target, *overrides, settings=plugin_settings()).probe(probes)
    else:
        found = open_run(run, overrides=overrides, settings=plugin_settings()).probe(probes, best=best)
    if as_json:
        facts(_as_json(found))
    else:
        _show(found)
    for line in found.failed:
        note(line)
    if found.silent:
        note(f"no readings from: {', '.join(found.silent)}")
    if found.failed:
        # A probe that failed proves nothing about the networks.
        sys.exit(WRONG_INPUT)


def _show(found: Examination) -> None:
    trained = found.step > 0
    for name, readings in found.now.items():
        rows: dict[str, dict[str, str]] = {}
        for key, value in readings.items():
            place, _, quantity = key.rpartition("/")
            first = found.first.get(name, {}).get(key)
            beside = f" ({first:.3g})" if trained and first is not None else ""
            rows.setdefault(place, {})[quantity] = f"{value:.3g}{beside}"
        quantities = list(dict.fromkeys(quantity for row in rows.values() for quantity in row))
        component = found.components[name]
        click.echo(f"{component.name}: {component.summary.partition('  ')[0]}")
        cells = [(place, *(row.get(quantity, "") for quantity in quantities)) for place, row in rows.items()]
        table(("place", *quantities), cells, right=quantities)
    from dcgan_kit.api.probe import health_of

    click.echo(f"Step {found.step}{'; in brackets: the same at step 0' if trained else ''}.")
    click.echo(health_of(found))
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
        "findings": [{**finding.as_data(), "sentence": str(finding)} for finding in found.findings],
        "failed": list(found.failed),
        "silent": list(found.silent),
    }


def _numbers(readings: Readings) -> dict[str, Any]:
    return {key: _number(value) for key, value in readings.items()}


def _number(value: Any) -> Any:
    """Return a value for JSON, which has no infinity: a number that is not finite becomes None."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
