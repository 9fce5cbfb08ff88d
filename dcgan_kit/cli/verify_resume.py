"""The commands ``verify-resume`` and ``replay``: checks that a run resumes and repeats exactly."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dcgan_kit.api.results import Crash

from dcgan_kit.cli.options import (
    json_option,
    overrides_argument,
    plugin_options,
    plugin_settings,
    recipe_argument,
)
from dcgan_kit.terminal.console import facts, note, table

DIFFERENT = 1
"""Exit status if results differ that should be equal."""


@click.command("verify-resume")
@recipe_argument
@overrides_argument
@click.option(
    "--steps", type=click.IntRange(1, 100_000), default=10, show_default=True, help="Number of steps before the kill."
)
@click.option(
    "--run",
    "folder",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Keep both runs in this folder.  [default: keep none]",
)
@json_option
@plugin_options
def verify_resume(recipe: str, overrides: tuple[str, ...], steps: int, folder: Path | None, as_json: bool) -> None:
    """Check that RECIPE resumes exactly: N steps, a kill and N more steps must equal 2N steps, bit for bit.

    \b
    dcgan-kit verify-resume tiny-fashion28
    """  # noqa: D301
    from dcgan_kit.api import verify_resume as verified
    from dcgan_kit.errors import counted

    verdict = verified(recipe, overrides, steps=steps, folder=folder, settings=plugin_settings())
    if as_json:
        facts(
            {
                "recipe": recipe,
                "steps": 2 * steps,
                "variables": verdict.variables,
                "numbers": verdict.numbers,
                "differences": [vars(difference) for difference in verdict.differences],
            }
        )
    elif verdict.differences:
        rows = [(d.name, d.count, f"{d.largest:g}") for d in verdict.differences]
        table(("variable", "numbers that differ", "by at most"), rows, right=("numbers that differ", "by at most"))
    if verdict.differences:
        differing = f"{len(verdict.differences)} of {counted(verdict.variables, 'variable')}"
        note(f"{recipe}: {differing} differ after {counted(2 * steps, 'step')}")
        sys.exit(DIFFERENT)
    note(f"{recipe}: all {verdict.numbers:,} numbers of {verdict.variables} variables are equal, bit for bit")


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Show every tensor, not only those around the first bad one.")
@json_option
@plugin_options
def replay(bundle: Path, everything: bool, as_json: bool) -> None:
    """Repeat the step of a crash BUNDLE tensor by tensor, and show where numbers first become infinite or NaN.

    \b
    dcgan-kit replay runs/lecture-fashion28/crashes/step-000000007
    """  # noqa: D301
    from dcgan_kit.api import replay as replayed

    crash, recorded = replayed(bundle, settings=plugin_settings())
    same = str(crash) == recorded
    if as_json:
        facts(
            {
                "step": crash.step,
                "recorded": recorded,
                "now": str(crash),
                "reproduced": same,
                "tensors": [vars(tensor) for tensor in crash.tensors],
            }
        )
    else:
        _show(crash, everything)
        note(f"then: {recorded}\nnow:  {crash}")
    if not same:
        note("the step does not fail in the same way here: another machine, device or version may compute differently")
        sys.exit(DIFFERENT)


AROUND = 6
"""Number of tensors shown before and after the first one that is not finite."""


def _show(crash: Crash, everything: bool) -> None:
    tensors = crash.tensors
    bad = next((index for index, tensor in enumerate(tensors) if tensor.not_finite), len(tensors))
    shown = tensors if everything else tensors[max(0, bad - AROUND) : bad + AROUND]
    numbers = ("smallest", "mean", "largest", "not finite")
    table(
        ("tensor", "shape", *numbers),
        [
            (
                tensor.place,
                "x".join(map(str, tensor.shape)) or "scalar",
                *("-" if value is None else f"{value:.4g}" for value in (tensor.minimum, tensor.mean, tensor.maximum)),
                tensor.not_finite,
            )
            for tensor in shown
        ],
        right=numbers,
    )
