"""Checks of a run: does it resume exactly, and which tensor became infinite or NaN first."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dcgan_kit.api.arguments import require_whole
from dcgan_kit.api.catalogue import chosen
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import RunError, UserError
from dcgan_kit.files import is_there
from dcgan_kit.process import tensorflow_startup
from dcgan_kit.runs.run_folder import RECIPE, RunFolder
from dcgan_kit.runs.run_plugins import load_stored_recipe
from dcgan_kit.terminal.console import note

if TYPE_CHECKING:
    from dcgan_kit.training.nonfinite import Crash
    from dcgan_kit.training.resume_check import Verdict


def verify_resume(
    recipe: str,
    overrides: Sequence[str] = (),
    *,
    steps: int = 10,
    folder: str | Path | None = None,
    say: Callable[[str], None] = note,
    settings: PluginSettings | None = None,
) -> Verdict:
    """Check that a recipe resumes exactly, bit for bit.

    One run trains N steps, is killed, and trains N more steps. Another run trains 2N steps. Both must end with the
    same variables. Each training runs in its own process.

    Args:
        recipe: a recipe name or a path.
        overrides: ``dotted.key=VALUE`` texts.
        steps: N, at least 1.
        folder: a new folder that keeps both runs; default: a temporary folder, which is removed.
        say: a function that takes one line of text about each action; default: print it on standard error.
        settings: which plugins may be loaded; default: the settings of the environment.

    Returns:
        The variables that differ; none if the recipe resumes exactly.

    Raises:
        UserError: the folder is not empty, or a training failed.
    """
    require_whole("steps", steps, 1, 100_000)
    path = None if folder is None else Path(folder)
    if path is not None and path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path}: is not empty; name a new folder with --run")
    from dcgan_kit.training.resume_check import verify_resume as verified

    with tempfile.TemporaryDirectory(prefix="dcgan-kit-") as scratch:
        return verified(recipe, tuple(overrides), chosen(settings), steps, path or Path(scratch), say)


def replay(bundle: str | Path, *, settings: PluginSettings | None = None) -> tuple[Crash, str]:
    """Repeat the step of a crash bundle, and check it tensor by tensor.

    Args:
        bundle: a crash bundle: a folder that a run keeps in ``RUN/crashes``.
        settings: which plugins may be loaded; default: the settings of the environment.

    Returns:
        The crash that happens now, and the message that the run gave when it crashed.

    Raises:
        RunError: the folder is no crash bundle, or it is damaged.
        UserError: its recipe cannot be loaded or built here.
    """
    path = Path(bundle)
    if not is_there(path / RECIPE):
        raise RunError(f"{path}: is no crash bundle: it has no recipe.yaml. A run keeps its own in RUN/crashes")
    RunFolder(path).require_ordinary(RECIPE)
    one_device = ("distribute.strategy=one_device", "distribute.cpu_devices=1")
    loaded = load_stored_recipe(path, path.resolve().parent.parent, one_device, chosen(settings))
    tensorflow_startup.start_tensorflow()
    from dcgan_kit.training.nonfinite import replayed

    return replayed(loaded.recipe, path)
