"""``verify-resume`` and ``replay``: what a run promises, tried out."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dcgan_kit.training.nonfinite import Crash

from dcgan_kit.cli.console import facts, note, table
from dcgan_kit.cli.options import (
    json_option,
    overrides_argument,
    plugin_options,
    plugin_settings,
    recipe_argument,
)
from dcgan_kit.files import is_there

DIFFERENT = 1
"""Exit status where what should be the same is not."""


@click.command("verify-resume")
@recipe_argument
@overrides_argument
@click.option("--steps", type=click.IntRange(1, 100_000), default=10, show_default=True, help="Before the kill.")
@click.option(
    "--run", "folder", type=click.Path(path_type=Path), metavar="DIR", help="Keep both runs here.  [default: nowhere]"
)
@json_option
@plugin_options
def verify_resume(recipe: str, overrides: tuple[str, ...], steps: int, folder: Path | None, as_json: bool) -> None:
    """Check that RECIPE resumes exactly: N steps, a kill and N more must give what 2N steps give, bit for bit."""
    from dcgan_kit.errors import UserError, counted

    if folder is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: is not empty; name a new folder with --run")
    from dcgan_kit.training.resume_check import verify_resume as verified

    with tempfile.TemporaryDirectory(prefix="dcgan-kit-") as scratch:
        verdict = verified(recipe, overrides, plugin_settings(), steps, folder or Path(scratch), note)
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
    """Run the step of a crash BUNDLE again, tensor by tensor, and show where numbers stop being finite."""
    from dcgan_kit.errors import RunError
    from dcgan_kit.runs.run_folder import RunFolder
    from dcgan_kit.runs.run_plugins import load_begun

    recipe_file = bundle / "recipe.yaml"
    if not is_there(recipe_file):
        raise RunError(f"{bundle}: is no crash bundle: it has no recipe.yaml. A run keeps its own in RUN/crashes")
    RunFolder(bundle).require_ordinary(recipe_file.name)
    here = ("distribute.strategy=one_device", "distribute.cpu_devices=1")
    loaded = load_begun(bundle, bundle.resolve().parent.parent, here, plugin_settings())
    from dcgan_kit.cli.tensorflow_startup import start_tensorflow

    start_tensorflow()
    from dcgan_kit.training.nonfinite import replayed

    crash, told = replayed(loaded.recipe, bundle)
    same = str(crash) == told
    if as_json:
        facts(
            {
                "step": crash.step,
                "told": told,
                "now": str(crash),
                "reproduced": same,
                "tensors": [vars(tensor) for tensor in crash.tensors],
            }
        )
    else:
        _show(crash, everything)
        note(f"then: {told}\nnow:  {crash}")
    if not same:
        note("the step does not go wrong in the same way here: another machine, device or version computes otherwise")
        sys.exit(DIFFERENT)


AROUND = 6
"""Tensors shown before and after the first that is not finite."""


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
