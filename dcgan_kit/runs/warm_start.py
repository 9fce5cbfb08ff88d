"""A warm start: networks begin with weights of another run instead of initial ones.

The run folder keeps a copy of the weights that were taken, so that the run does not depend on the other run any more.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dcgan_kit.errors import Problem, RecipeError, RunError, UserError, printable
from dcgan_kit.recipes.loading import expanded_path
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.manifest import Damaged, Entry, entries_of
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.source_checkpoint import SourceCheckpoint, candidates, checksum_of, opened
from dcgan_kit.runs.start_record import Origin, origin_of, read_record
from dcgan_kit.runs.variable_archive import packed
from dcgan_kit.runs.weight_fit import AVERAGED, Fit, fits_of, weights_of

if TYPE_CHECKING:
    from dcgan_kit.adversarial.state import TrainingState
    from dcgan_kit.networks.network import Networks

KEY = ("training", "start_from")
NO_OPTIMIZERS = "both optimizers start anew"


@dataclass(frozen=True)
class WarmStart:
    """The weights that a training starts from.

    Attributes:
        origin: where they come from.
        fits: how they fit the networks; empty if the run folder's copy gave them.
        values: the weights, by the names that checkpoints give them.
        notes: a line about each newer checkpoint that is damaged.
    """

    origin: Origin
    fits: tuple[Fit, ...]
    values: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return what to say about it: what was taken, and what was not."""
        if not self.fits:
            return [f"starting from {self.origin}, as this run folder kept it"]
        return [*self.notes, f"starting from {self.origin}; {NO_OPTIMIZERS}", *(fit.line() for fit in self.fits)]

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data, without the weights."""
        origin, fits = self.origin, {fit.network: fit.as_data() for fit in self.fits}
        return {
            "from": origin.source,
            "file": origin.file,
            "step": origin.step,
            "sha256": origin.sha256,
            "networks": fits,
        }

    def assign(self, state: TrainingState) -> None:
        """Give the weights to the networks of a state."""
        variables = state.variables()
        for name, value in self.values.items():
            variables[name].assign(value)

    def write(self, run: RunFolder) -> None:
        """Keep the weights in a run folder, with what they are.

        Raises:
            RunError: the folder cannot be written.
        """
        content = packed(self.values, {})
        run.write(run.start_weights_file, content)
        record = {
            "version": 1,
            "copy": {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)},
            **self.as_data(),
        }
        # The record is written last: weights without it count as not there.
        run.write(run.start_file, json.dumps(record, indent=1).encode() + b"\n")


def warm_start(recipe: ResolvedRecipe, state: TrainingState, run: RunFolder | None = None) -> WarmStart | None:
    """Return the weights from which a training of this recipe starts; None if the recipe names no run.

    Args:
        recipe: the recipe.
        state: the state of its networks.
        run: the folder of the training; if it has begun, it holds a copy of the weights.

    Raises:
        RecipeError: there is no such run, no array fits, or the run names itself.
        RunError: the folder's copy is damaged or missing; or the recipe names a run, and the folder's training began
            without it.
    """
    if recipe.training.start_from is None:
        return None
    begun = run is not None and bool(entries_of(run))
    kept = None if run is None else _kept(recipe.training.start_from, state, run, begun)
    if kept is not None:
        return kept
    with _problems(recipe):
        _require_source(recipe, run)
        networks = {"generator": state.networks.generator.model, "discriminator": state.networks.discriminator.model}
        averaged = {} if state.averaged is None else {AVERAGED: state.averaged}
        return _from_source(recipe.training.start_from, {**networks, **averaged})


def fit_of(recipe: ResolvedRecipe, networks: Networks) -> WarmStart | None:
    """Return how the weights fit that a recipe starts from, without reading them; None if it names no run.

    Args:
        recipe: the recipe.
        networks: its networks; they may be symbolic.

    Raises:
        RecipeError: there is no such run, or no array fits.
    """
    if recipe.training.start_from is None:
        return None
    with _problems(recipe):
        models = {"generator": networks.generator.model, "discriminator": networks.discriminator.model}
        return _from_source(recipe.training.start_from, models, read=False)


def require_start(recipe: ResolvedRecipe, run: RunFolder | None = None) -> None:
    """Check, without TensorFlow, that the run exists from which a recipe starts, and is another one.

    A training that has begun does not need it any more.

    Args:
        recipe: the recipe.
        run: the folder of the training.

    Raises:
        RecipeError: there is no such run, it has no checkpoint, or it is the run itself.
    """
    if run is None or origin_of(run) is None:
        with _problems(recipe):
            _require_source(recipe, run)


def _require_source(recipe: ResolvedRecipe, run: RunFolder | None) -> None:
    if recipe.training.start_from is None:
        return
    path = _path(recipe.training.start_from)
    if run is not None:
        here, there = (Path(os.path.realpath(one)) for one in (run.path, path))
        if here == there or here in there.parents:
            raise RunError(f"{path}: is the run folder itself. Name another run, or choose another folder with --run")
    found = candidates(path)
    if not found:
        raise RunError(f"{path}: has no checkpoint yet")
    if not any(os.path.isfile(file) for file, _ in found):
        raise RunError(f"{path}: none of its checkpoints is there any more")


def source_facts(recipe: ResolvedRecipe) -> dict[str, str]:
    """Return the checksum of the checkpoint from which a recipe starts, which its path does not say; else nothing.

    Raises:
        RecipeError: there is no such run, it has no checkpoint, or its newest one cannot be read.
    """
    if recipe.training.start_from is None:
        return {}
    require_start(recipe)
    with _problems(recipe):
        file, entry = candidates(_path(recipe.training.start_from))[0]
        try:
            return {"weights to start from": checksum_of(file, entry)}
        except Damaged as error:
            raise RunError(f"{file}: {error}") from error


@contextmanager
def _problems(recipe: ResolvedRecipe) -> Iterator[None]:
    """Give errors about the source the place of the key in the recipe."""
    try:
        yield
    except RunError as error:
        raise RecipeError([Problem(recipe.mark(KEY), dotted(KEY), str(error))]) from error


def _path(source: str) -> Path:
    try:
        return expanded_path(source)
    except UserError as error:
        raise RunError(str(error)) from error


def _from_source(source: str, models: Mapping[str, Any], read: bool = True) -> WarmStart:
    path = _path(source)
    damaged: list[str] = []
    for file, entry in candidates(path):
        try:
            with opened(file, entry) as checkpoint:
                return _taken(source, checkpoint, models, read, tuple(damaged))
        except Damaged as error:
            damaged.append(f"{file}: is damaged and is ignored ({error})")
    lines = "".join(f"\n  {line}" for line in damaged)
    raise RunError(f"{path}: has no checkpoint that can be read{lines}")


def _taken(
    source: str, checkpoint: SourceCheckpoint, models: Mapping[str, Any], read: bool, notes: tuple[str, ...]
) -> WarmStart:
    fits = fits_of(weights_of(models), checkpoint.arrays)
    if not any(fit.pairs for fit in fits):
        lines = "".join(f"\n  {fit.line()}" for fit in fits)
        raise RunError(f"{checkpoint.path}: no array fits these networks by path, shape and type{lines}")
    pairs = [pair for fit in fits for pair in fit.pairs]
    arrays = checkpoint.read({array.name for _, array in pairs}) if read else {}
    values = {weight.name: arrays[array.name] for weight, array in pairs} if read else {}
    return WarmStart(Origin(source, checkpoint.path.name, checkpoint.step, checkpoint.sha256), fits, values, notes)


def _kept(source: str, state: TrainingState, run: RunFolder, begun: bool) -> WarmStart | None:
    """Return the copy in a run folder; None if the training has not begun, and no copy of this source is there."""
    record = read_record(run)
    if record is None or record.source != source:
        if not begun:
            return None
        found = "no record of a start" if record is None else f"a training that started from {record.source}"
        raise RunError(
            f"{run.path}: holds {found}, and {dotted(KEY)} acts only before the first step. Choose another folder "
            "with --run, or restore start.json and start.npz"
        )
    entry = Entry(run.start_weights_file.name, record.step, record.copied.sha256, record.copied.bytes)
    try:
        with opened(run.start_weights_file, entry) as copy:
            values = copy.read(_own_names(copy, state))
    except Damaged as error:
        if not begun:
            return None
        raise RunError(
            f"{run.start_weights_file}: {error}. It holds the weights of step 0, with which probes compare. Restore "
            f"it, or continue without them: {dotted(KEY)}=null --may-change {dotted(KEY)}"
        ) from error
    return WarmStart(Origin(record.source, record.file, record.step, record.sha256), (), values)


def _own_names(copy: SourceCheckpoint, state: TrainingState) -> list[str]:
    variables = state.variables()
    for name, (shape, _) in copy.arrays.items():
        if name not in variables or tuple(variables[name].shape) != shape:
            raise RunError(f"{copy.path}: holds weights of other networks than the recipe's ({printable(name)})")
    return list(copy.arrays)
