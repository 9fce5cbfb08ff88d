"""The differences between a recipe and the recipe in a run folder, and whether training may continue with them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dcgan_kit.errors import RunError, counted, did_you_mean
from dcgan_kit.recipes.key_declarations import Recipe
from dcgan_kit.recipes.keys import WRITTEN_IF_SET
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.recipes.validation import paths_to
from dcgan_kit.recipes.yaml_writer import as_data, flattened
from dcgan_kit.runs.folder_content import require_name
from dcgan_kit.runs.manifest import entries_of
from dcgan_kit.runs.run_end import read_end
from dcgan_kit.runs.run_folder import RECIPE, RunFolder

STEPS = "training.steps"
START = "training.start_from"


def require_same_recipe(run: RunFolder, recipe: ResolvedRecipe, may_change: Sequence[str]) -> None:
    """Check that the recipe differs from the run's only in allowed keys, and that there is something left to train."""
    _require_keys(recipe, may_change)
    differences = recipe_differences(run, recipe)
    # Another number of steps is allowed; ``require_continuable`` checks that it leaves the steps done unchanged.
    allowed = (*may_change, STEPS)
    forbidden = [key for key in differences if not any(f"{key}.".startswith(f"{may}.") for may in allowed)]
    if forbidden:
        pairs = ((key, *differences[key]) for key in forbidden[:20])
        lines = [f"  {key}: {old} in the run, {new} in this recipe" for key, old, new in pairs]
        more = [f"  and {len(forbidden) - 20} more"] if len(forbidden) > 20 else []
        warm = START in forbidden and differences[START][1] not in (None, "-")
        if warm and entries_of(run):
            remedy = (
                f"This training has begun, and {START} acts only before the first step: choose another folder with "
                "--run"
            )
        else:
            remedy = (
                f"Choose another folder with --run, or name the keys that may change, e.g. --may-change {forbidden[0]}"
            )
        raise RunError("\n".join([f"{run.path}: holds a run of another recipe. {remedy}", *lines, *more]))
    if run.finished and not differences:
        raise RunError(
            f"{run.path}: holds a finished run of this recipe. {_sample_hint(run.path)}, or choose another folder with "
            "--run"
        )


def finished_message(path: Path, recipe: ResolvedRecipe, may_change: Sequence[str] = ()) -> str:
    """Return a message if a folder holds a finished run of this recipe; empty if something is left to train.

    Raises:
        RunError: ``may_change`` holds a name that is not a recipe key, or the run cannot be read.
    """
    _require_keys(recipe, may_change)
    require_name(path)
    run = RunFolder(path)
    if not run.recipe_file.is_file() or not run.finished:
        return ""
    differences = recipe_differences(run, recipe)
    there, here = differences.get(STEPS, (recipe.training.steps,) * 2)
    if differences.keys() - {STEPS} or type(there) is not int or there < here:
        return ""
    steps = counted(there, "step")
    held = "a finished run of this recipe" if there == here else "a finished run of this recipe with more steps"
    end = read_end(run)
    lasted = steps if end is None else str(end)
    return (
        f"{path}: holds {held}: {lasted}. {_sample_hint(path)}, raise training.steps above {there} to continue, or "
        "choose another folder with --run"
    )


def _sample_hint(path: Path) -> str:
    return f"Look at it with `{shlex.join(['dcgan-kit', 'sample', str(path)])}`"


def steps_of(run: RunFolder, recipe: ResolvedRecipe) -> int:
    """Return the number of steps in the recipe that the run folder holds."""
    steps = recipe_differences(run, recipe).get(STEPS, (recipe.training.steps,))[0]
    return steps if type(steps) is int else recipe.training.steps


def _require_keys(recipe: ResolvedRecipe, may_change: Sequence[str]) -> None:
    unset = (dotted(path) for key in WRITTEN_IF_SET for path in paths_to(Recipe, key))
    keys = dict.fromkeys((*flattened(as_data(recipe)), *unset))
    for may in may_change:
        if not any(f"{key}.".startswith(f"{may}.") for key in keys):
            near = next((key for key in keys if key.endswith(f".{may}")), None)
            hint = f" Did you mean {near!r}?" if near else did_you_mean(may, keys)
            raise RunError(f"--may-change {may}: a recipe has no such key.{hint if 'Did' in hint else ''}")


def recipe_differences(run: RunFolder, recipe: ResolvedRecipe) -> dict[str, tuple[Any, Any]]:
    """Return the keys that differ, each with the value in the run's recipe and in this one; format does not count."""
    from dcgan_kit.recipes.recipe_file import read_bounded
    from dcgan_kit.recipes.yaml_reader import read_text

    before = read_bounded(run.recipe_file, str(run.recipe_file))
    old = flattened(_lists(read_text(before, RECIPE).data()))
    new = flattened(as_data(recipe))
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return {key: (old.get(key, "-"), new.get(key, "-")) for key in keys}


def _lists(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _lists(value) for key, value in data.items()}
    return [_lists(item) for item in data] if isinstance(data, tuple) else data
