"""The folder that a training writes: it is checked, opened, and given the recipe of the training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dcgan_kit.errors import RunError, counted
from dcgan_kit.files import TEMPORARY
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml
from dcgan_kit.runs.environment import environment_of
from dcgan_kit.runs.folder_content import holds_no_run
from dcgan_kit.runs.recipe_differences import recipe_differences, require_same_recipe
from dcgan_kit.runs.run_folder import WRITTEN, RunFolder
from dcgan_kit.runs.write_errors import writing


def open_run(path: Path, recipe: ResolvedRecipe, facts: Mapping[str, Any], may_change: Sequence[str] = ()) -> RunFolder:
    """Create a run folder, or open an unfinished run of the same recipe.

    If the recipe has allowed changes, they are not written yet; ``adopt`` writes them after all checks have passed.

    Args:
        path: the folder.
        recipe: the recipe to train.
        facts: what ``environment`` returned.
        may_change: recipe keys, or beginnings of keys, that may differ from the recipe that the run began with;
            ``training.steps`` always may.

    Raises:
        RunError: the folder holds something else, a run of another recipe, or a finished run; or cannot be written.
    """
    run = RunFolder(path)
    new = holds_no_run(run)
    require_usable(run, recipe, facts, may_change)
    # The recipe, which makes the folder a run, is written first. If the disk is full afterwards, the same command
    # still finds its own run.
    if new:
        run.write(run.recipe_file, as_yaml(as_data(recipe)).encode())
    with writing(path):
        run.samples.mkdir(exist_ok=True)
        run.checkpoints.mkdir(exist_ok=True)
        for left in path.rglob(f".*{TEMPORARY}"):
            if not left.is_dir() or left.is_symlink():
                left.unlink()
    return run


def require_usable(
    run: RunFolder, recipe: ResolvedRecipe, facts: Mapping[str, Any], may_change: Sequence[str] = ()
) -> None:
    """Make the checks of ``open_run`` without writing anything.

    Raises:
        RunError: the folder holds something else, a run of another recipe or on other images, or a finished run.
    """
    run.require_ordinary(*WRITTEN)
    if not holds_no_run(run):
        require_same_recipe(run, recipe, may_change)
    before = environment_of(run.path)
    if "data" in may_change or all(before.get(key, facts[key]) == facts[key] for key in ("images", "pixels")):
        return
    images = before.get("images")
    trained = counted(images, "image") if type(images) is int else f"{images} images"
    now = "other images or labels" if before.get("images") == facts["images"] else counted(facts["images"], "image")
    raise RunError(
        f"{run.path}: was trained on {trained}, and the data now has {now}, so training would not continue as before. "
        "Restore the images, or continue nevertheless with --may-change data"
    )


def require_own(path: Path, recipe: ResolvedRecipe, may_change: Sequence[str] = ()) -> None:
    """Check, without images and without TensorFlow, that a training of this recipe may use a folder.

    Raises:
        RunError: the folder holds something else, a run of another recipe, or a finished run.
    """
    run = RunFolder(path)
    if not holds_no_run(run):
        require_same_recipe(run, recipe, may_change)


def adopt(run: RunFolder, recipe: ResolvedRecipe, facts: Mapping[str, Any]) -> None:
    """Store a recipe, precision, XLA and images in the run folder; if the recipe changed, remove old generators.

    Raises:
        RunError: the folder cannot be read or written.
    """
    # If the process ends before the recipe is written, the run of the old recipe is unfinished, and the same command
    # continues it.
    if recipe_differences(run, recipe):
        with writing(run.path):
            run.generator_file.unlink(missing_ok=True)
            run.raw_generator_file.unlink(missing_ok=True)
            run.end_file.unlink(missing_ok=True)
        run.write(run.recipe_file, as_yaml(as_data(recipe)).encode())
    before = environment_of(run.path)
    now = {**(before or facts), **{key: facts[key] for key in ("precision", "xla", "images", "pixels")}}
    if now != before:
        run.write(run.environment_file, json.dumps(now, indent=2).encode() + b"\n")
