"""Checkpoints: each holds all variables of a run in one file, is written atomically, and has a checksum."""

from __future__ import annotations

import hashlib
import io
import math
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

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

if TYPE_CHECKING:
    from dcgan_kit.adversarial.state import TrainingState

META = "meta/"
"""Prefix of entries that are not variables: the resolved recipe, the versions and the observers' memory, as UTF-8."""
MEMORY = "memory"

MAX_HEADER_BYTES = 64 * 2**10
"""Most bytes that an array in an archive needs besides its data: NumPy's header, and its name twice."""
MAX_TEXT_BYTES = 16 * 2**20
"""Most bytes of the recipe and the versions together."""
MAX_MEMORY_BYTES = 64 * 2**20
"""Most bytes of the observers' memory."""
MAX_LISTED = 6
"""Most names in a message."""


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
            f"{run.path}: keeps no best checkpoint: its recipe does not choose one by training.best.metric, e.g. fd"
        )
    path = run.checkpoints / best.entry.file
    try:
        state.assign(_read(path, best.entry, state))
    except (Damaged, OSError) as error:
        raise RunError(f"{path}: is damaged: {error}") from error
    return path


def packed(values: Mapping[str, Any], texts: Mapping[str, bytes]) -> bytes:
    """Return arrays and texts as the content of one npz file."""
    arrays = {name: value for name, value in values.items()}
    for name, text in texts.items():
        arrays[META + name] = np.frombuffer(text, np.uint8)
    stream = io.BytesIO()
    # Slashes in names become folders inside the archive; the names are read back unchanged.
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


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
    variables = state.variables().values()
    numbers: int = sum(math.prod(v.shape) * np.dtype(getattr(v.dtype, "name", v.dtype)).itemsize for v in variables)
    return numbers + len(variables) * MAX_HEADER_BYTES + MAX_TEXT_BYTES + MAX_MEMORY_BYTES


def unpacked(content: bytes, state: TrainingState, where: str) -> dict[str, Any]:
    """Return the state's variables from the content of an npz file; each is checked before it is read.

    Raises:
        Damaged: the archive is damaged, or holds numbers that are not finite, which training never writes.
        RunError: the variables belong to other networks.
    """
    expected = {name: (tuple(v.shape), np.dtype(v.dtype.name if hasattr(v.dtype, "name") else v.dtype))
                for name, v in state.variables().items()}  # fmt: skip
    values = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # Uncompressed entries cannot be larger than the file. ``testzip`` then compares checksums.
            entries = archive.infolist()
            if any(info.compress_type != zipfile.ZIP_STORED for info in entries) or archive.testzip():
                raise Damaged("an entry is not what was written")
            # These bytes hold the number of entries. Python does not check it, so lost entries would go unnoticed.
            if int.from_bytes(content[-12:-10], "little") != len(entries):
                raise Damaged("its directory is not what was written")
            found = {name.removesuffix(".npy") for name in archive.namelist() if not name.startswith(META)}
            if found != set(expected):
                raise RunError(f"{where}: is a checkpoint of other networks than the recipe's")
            for name, (shape, dtype) in expected.items():
                values[name] = _array(archive, f"{name}.npy", shape, dtype, where)
    except (Damaged, RunError):
        raise
    except Exception as error:
        # zipfile and NumPy may raise any exception for a damaged archive.
        raise Damaged(str(error)) from error
    wrong = not_finite(values)
    if wrong:
        more = f" and {len(wrong) - MAX_LISTED} more" if len(wrong) > MAX_LISTED else ""
        raise Damaged(f"numbers that are not finite in {', '.join(wrong[:MAX_LISTED])}{more}")
    return values


def not_finite(values: Mapping[str, Any]) -> list[str]:
    """Return the names of the variables with numbers that are not finite."""
    return [name for name, value in values.items() if value.dtype.kind == "f" and not np.isfinite(value).all()]


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


def _array(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: Any, where: str) -> Any:
    """Read one array after checking its header, because a damaged header may ask for any amount of memory."""
    with archive.open(name) as stream:
        found, kind, data = read_header(stream)
        if found != shape or kind != dtype:
            raise RunError(f"{where}: is a checkpoint of other networks than the recipe's ({name}: {found} {kind})")
    return np.frombuffer(data, dtype).reshape(shape)


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], Any, bytes]:
    """Return shape, dtype and bytes of a NumPy array, without allocating the memory that its header asks for.

    Raises:
        Damaged: there are more or fewer bytes than the header says.
        ValueError: the content is not an array.
    """
    np.lib.format.read_magic(stream)
    shape, _, kind = np.lib.format.read_array_header_1_0(stream)
    data = stream.read()
    if kind.hasobject or len(data) != math.prod(shape) * kind.itemsize:
        raise Damaged(f"there are {len(data)} bytes for an array of {kind} {shape}")
    return shape, kind, data
