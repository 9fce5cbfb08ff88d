"""Checkpoints: each holds all variables of a run in one file, is written atomically, and has a checksum."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dcgan_kit.errors import RunError
from dcgan_kit.files import open_regular, read_regular
from dcgan_kit.runs.best_checkpoint import Judgement, best_so_far
from dcgan_kit.runs.checkpoint_removal import remove_file, remove_replaced
from dcgan_kit.runs.manifest import (
    BEST,
    Best,
    Damaged,
    Entry,
    Manifest,
    entries_of,
    manifest_of,
    read_manifest,
    write_manifest,
)
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.variable_archive import (
    MAX_TEXT_BYTES,
    META,
    expected_arrays,
    most_bytes,
    packed,
    read_header,
    unpacked_variables,
)

if TYPE_CHECKING:
    from dcgan_kit.adversarial.state import TrainingState

MEMORY = "memory"
MAX_MEMORY_BYTES = 64 * 2**20
"""Most bytes of the observers' memory."""


def save_checkpoint(
    run: RunFolder,
    state: TrainingState,
    keep: int,
    judgement: Judgement | None = None,
    values: dict[str, Any] | None = None,
    memory: str = "",
) -> Path:
    """Write every variable, the recipe and the versions; remove all but the newest ``keep`` checkpoints.

    Args:
        run: the run folder.
        state: the training state to save.
        keep: how many checkpoints stay.
        judgement: if it is the best so far, a copy of the checkpoint is kept as the best; None: never.
        values: values of the state, if they have been read already.
        memory: observers' memory, which ``memory_in`` returns later.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    content = packed(
        state.values() if values is None else values,
        {"recipe": _text(run.recipe_file), "environment": _text(run.environment_file), MEMORY: memory.encode()},
    )
    step, again = state.steps_done, int(np.asarray(state.recoveries))
    path = run.checkpoints / (f"step-{step:09d}.npz" if not again else f"step-{step:09d}-again-{again}.npz")
    entry = Entry(path.name, step, hashlib.sha256(content).hexdigest(), len(content))
    before = manifest_of(run)
    best = None if before is None else before.best
    known = [one for one in entries_of(run) if one.file != path.name]
    # Later checkpoints are dropped: training did not continue from them, and their steps will run again.
    entries = [*(one for one in known if one.step <= step), entry]
    if judgement is not None and judgement.beats(best):
        # The best copy is written first: once the other file exists, a resumed run does not judge this step again.
        best = Best(replace(entry, file=f"{BEST}{path.name}"), judgement.metric, judgement.value, judgement.measured)
        run.write(run.checkpoints / best.entry.file, content)
    # The manifest is written before the file, because a file without an entry would have no checksum.
    write_manifest(run, Manifest(tuple(entries), best))
    run.write(path, content)
    for old in known:
        if old not in entries:
            remove_file(run.checkpoints / old.file)
    remove_replaced(run, path, keep)
    return path


def restore_best(run: RunFolder, state: TrainingState) -> Path:
    """Load the best checkpoint into the state.

    Raises:
        RunError: the run keeps no best checkpoint, or it is damaged.
    """
    best = best_so_far(run)
    if best is None:
        raise RunError(
            f"{run.path}: keeps no best checkpoint: its recipe does not choose one by training.best.metric, e.g. fd, a "
            "number of the score frechet in training.evaluation.scores"
        )
    return restore_entry(run, state, best.entry)


def restore_entry(run: RunFolder, state: TrainingState, entry: Entry) -> Path:
    """Load one checkpoint into the state.

    Raises:
        RunError: it is damaged, is not there any more, or belongs to other networks.
    """
    path = run.checkpoints / entry.file
    try:
        state.assign(_read(path, entry, state))
    except (Damaged, OSError) as error:
        raise RunError(f"{path}: is damaged: {error}") from error
    return path


def restore_checkpoint(run: RunFolder, state: TrainingState) -> tuple[Path | None, list[str]]:
    """Load the newest undamaged checkpoint into the state.

    Returns:
        The file, or None if there is none; and messages about the manifest and each newer file that is damaged.

    Raises:
        RunError: an undamaged checkpoint belongs to other networks.
    """
    messages, entries = [], entries_of(run)
    try:
        problem = "is not there" if read_manifest(run) is None and entries else ""
    except Damaged as error:
        problem = f"is damaged and is ignored ({error})"
    if problem:
        messages.append(f"{run.manifest_file}: {problem}; checkpoints are checked by the checksums in their archives")
    for entry in reversed(entries):
        path = run.checkpoints / entry.file
        if not os.path.lexists(path):
            messages.append(f"{path}: is not there: the process ended while it was written, or it was removed")
            continue
        try:
            values = _read(path, entry, state)
        except Damaged as error:
            messages.append(f"{path}: is damaged and is ignored ({error})")
            continue
        state.assign(values)
        return path, messages
    return None, messages


def restore_for_inference(run: RunFolder, state: TrainingState, best: bool = False) -> tuple[str, ...]:
    """Load the newest undamaged checkpoint, or the best one, to read a run without training it.

    Returns:
        A message about each newer checkpoint that is damaged.

    Raises:
        RunError: the run has no such checkpoint, or it belongs to other networks.
    """
    if best:
        restore_best(run, state)
        return ()
    checkpoint, damaged = restore_checkpoint(run, state)
    if checkpoint is None:
        lines = "".join(f"\n  {line}" for line in damaged)
        raise RunError(f"{run.path}: has no checkpoint yet{lines}")
    return tuple(damaged)


def require_nothing_lost(run: RunFolder, messages: Sequence[str]) -> None:
    """Raise if a run has checkpoints but none could be restored, so that training does not begin again at step 0.

    Args:
        run: the run folder.
        messages: the messages of ``restore_checkpoint``.

    Raises:
        RunError: the run has checkpoints of later steps, which the user may be able to repair or bring back.
    """
    if any(entry.step > 0 for entry in entries_of(run)):
        lines = "".join(f"\n  {line}" for line in messages)
        raise RunError(
            f"{run.path}: no checkpoint can be read, and nothing was changed. Restore one, or choose another folder "
            f"with --run; to start this run again from step 0, remove {run.path}{lines}"
        )


def _read(path: Path, entry: Entry, state: TrainingState) -> dict[str, Any]:
    return unpacked(_content(path, entry, state), state, str(path))


def _content(path: Path, entry: Entry, state: TrainingState) -> bytes:
    most = max_bytes(state)
    try:
        with open_regular(path, follow_links=False) as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            content = b"" if size > most else stream.read(most)
        if size > most:
            if entry.sha256 and size != entry.bytes:
                raise Damaged(f"it has {size} bytes, and {entry.bytes} were written")
            raise RunError(
                f"{path}: is a checkpoint of other networks than the recipe's ({size} bytes; this recipe's have at "
                f"most {most})"
            )
    except OSError as error:
        raise Damaged(f"cannot be read: {error.strerror or error}") from error
    if entry.sha256 and hashlib.sha256(content).hexdigest() != entry.sha256:
        raise Damaged("its checksum is not the one in the manifest")
    return content


def _text(file: Path) -> bytes:
    """Return the content of a text file for a checkpoint; empty if there is no such file."""
    try:
        return read_regular(file, MAX_TEXT_BYTES // 2, follow_links=False)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise RunError(f"{file}: cannot be read: {error.strerror or error}") from error


def max_bytes(state: TrainingState) -> int:
    """Return the largest possible size of the state's file; larger files are not read into memory."""
    return most_bytes(expected_arrays(state.variables())) + MAX_MEMORY_BYTES


def unpacked(content: bytes, state: TrainingState, where: str) -> dict[str, Any]:
    """Return the state's variables from the content of a checkpoint; see ``variable_archive.unpacked_variables``.

    Raises:
        Damaged: the archive is damaged, or holds numbers that are not finite, which training never writes.
        RunError: the variables belong to other networks.
    """
    return unpacked_variables(content, expected_arrays(state.variables()), f"{where}: is a checkpoint")


def memory_in(path: Path, state: TrainingState) -> str:
    """Return the observers' memory in a checkpoint.

    Raises:
        RunError: it cannot be read.
    """
    try:
        content = io.BytesIO(_content(path, Entry(path.name, 0, "", 0), state))
        with zipfile.ZipFile(content) as archive, archive.open(f"{META}{MEMORY}.npy") as stream:
            return read_header(stream)[2].decode()
    except RunError:
        raise
    except Exception as error:
        # zipfile and NumPy may raise any exception for a damaged archive.
        raise RunError(f"{path}: is damaged: {error}") from error
