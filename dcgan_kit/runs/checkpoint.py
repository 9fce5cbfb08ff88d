"""Checkpoints: every variable of a run in one file, written whole or not at all, found damaged by a checksum."""

from __future__ import annotations

import hashlib
import io
import math
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from dcgan_kit.errors import RunError
from dcgan_kit.files import open_regular, read_regular
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
from dcgan_kit.runs.run_folder import RunFolder, writing

if TYPE_CHECKING:
    from dcgan_kit.adversarial.state import TrainingState

META = "meta/"
"""Before the names of what is no variable: the resolved recipe, the versions and what observers remember, as UTF-8."""
MEMORY = "memory"

MOST_OF_A_HEADER = 64 * 2**10
"""Bytes, of one array in an archive: NumPy's header, and its name twice."""
MOST_OF_TEXTS = 16 * 2**20
"""Bytes, of the recipe and the versions."""
MOST_OF_MEMORY = 64 * 2**20
"""Bytes, of what observers remember."""
MAX_TOLD = 6
"""Names in a message."""


@dataclass(frozen=True)
class Judgement:
    """What a checkpoint is worth.

    Attributes:
        metric: the number that it is judged by.
        value: that number.
        highest: whether more is better.
        measured: how a score was measured, its full name; empty: it is a loss.
    """

    metric: str
    value: float
    highest: bool
    measured: str = ""

    def beats(self, best: Best | None) -> bool:
        """Whether it is better; numbers that were measured otherwise tell nothing, and what is new counts."""
        if best is None or (best.metric, best.measured) != (self.metric, self.measured):
            return True
        return self.value > best.value if self.highest else self.value < best.value


def save_checkpoint(
    run: RunFolder,
    state: TrainingState,
    keep: int,
    judgement: Judgement | None = None,
    values: dict[str, Any] | None = None,
    memory: str = "",
) -> Path:
    """Write every variable, the recipe and the versions; remove all but the newest ``keep`` files.

    Args:
        run: where.
        state: what.
        keep: how many files stay.
        judgement: keep the file for good too if it is the best so far by this; None: never.
        values: the state's, where they have been read already.
        memory: what ``memory_in`` is to return.

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
    # A later one could not be read, or training would have gone on from there; its step comes again.
    entries = [*(one for one in known if one.step <= step), entry]
    if judgement is not None and judgement.beats(best):
        # Before the file that training goes on from: once that is there, nothing judges it again.
        best = Best(replace(entry, file=f"{BEST}{path.name}"), judgement.metric, judgement.value, judgement.measured)
        run.write(run.checkpoints / best.entry.file, content)
    # First the line, then the file: a file without a line could not be told from a damaged one.
    write_manifest(run, Manifest(tuple(entries), best))
    run.write(path, content)
    for old in known:
        if old not in entries:
            _remove(run.checkpoints / old.file)
    settle(run, path, keep)
    return path


def settle(run: RunFolder, path: Path, keep: int) -> None:
    """Remove what a checkpoint replaces: all but the newest ``keep``, what it goes on from, and what was best before.

    A process may have ended in the middle of that; where training goes on, it comes to its end.

    Args:
        run: where.
        path: the checkpoint that was written, or that training goes on from.
        keep: how many files stay.

    Raises:
        RunError: the folder cannot be written.
    """
    manifest = manifest_of(run)
    entry = next((one for one in manifest.entries if one.file == path.name), None) if manifest else None
    if manifest is None or entry is None:
        return
    later = [one for one in manifest.entries if one.step > entry.step]
    # What training went back to is replaced by what it goes on with.
    before = [one for one in manifest.entries if one.step < entry.step]
    kept = [*[*before, entry][-keep:], *later]
    for old in manifest.entries:
        if old not in kept:
            _remove(run.checkpoints / old.file)
    if kept != list(manifest.entries):
        write_manifest(run, Manifest(tuple(kept), manifest.best))
    for file in run.checkpoints.glob(f"{BEST}*.npz"):
        if manifest.best is None or file.name != manifest.best.entry.file:
            _remove(file)


def forget_recovered(run: RunFolder, recoveries: int) -> None:
    """Remove the newest checkpoint if training went on from it after its last recovery, unless there is no other.

    Its numbers were finite, and led to others that were not, at the lower rate too.
    """
    entries = entries_of(run)
    if recoveries and len(entries) > 1 and entries[-1].file.endswith(f"-again-{recoveries}.npz"):
        manifest = manifest_of(run)
        write_manifest(run, Manifest(tuple(entries[:-1]), None if manifest is None else manifest.best))
        _remove(run.checkpoints / entries[-1].file)


def best_so_far(run: RunFolder) -> Best | None:
    """Return what is kept for good; None: nothing is."""
    manifest = manifest_of(run)
    return None if manifest is None else manifest.best


def restore_best(run: RunFolder, state: TrainingState) -> Path:
    """Load the best checkpoint into the state.

    Raises:
        RunError: the run keeps none, or it is damaged.
    """
    best = best_so_far(run)
    if best is None:
        raise RunError(f"{run.path}: keeps no best checkpoint: its recipe says none by training.best.metric, e.g. fd")
    path = run.checkpoints / best.entry.file
    try:
        state.assign(_read(path, best.entry, state))
    except (Damaged, OSError) as error:
        raise RunError(f"{path}: is damaged: {error}") from error
    return path


def packed(values: Mapping[str, Any], texts: Mapping[str, bytes]) -> bytes:
    """Return arrays, and texts beside them, as one npz."""
    arrays = {name: value for name, value in values.items()}
    for name, text in texts.items():
        arrays[META + name] = np.frombuffer(text, np.uint8)
    stream = io.BytesIO()
    # Names hold slashes, which savez would take for folders inside the archive; that is harmless, and read back alike.
    np.savez(stream, allow_pickle=False, **arrays)
    return stream.getvalue()


def restore_checkpoint(run: RunFolder, state: TrainingState) -> tuple[Path | None, list[str]]:
    """Load the newest checkpoint that is whole into the state.

    Returns:
        The file, or None if there is none; and a line about each newer file that is damaged.

    Raises:
        RunError: a whole checkpoint is of other networks.
    """
    told, entries = [], entries_of(run)
    try:
        what = "is not there" if read_manifest(run) is None and entries else ""
    except Damaged as error:
        what = f"is damaged and left aside ({error})"
    if what:
        told.append(f"{run.manifest_file}: {what}; checkpoints are checked by their archive's sums")
    for entry in reversed(entries):
        path = run.checkpoints / entry.file
        if not os.path.lexists(path):
            told.append(f"{path}: is not there: the process ended while it was written, or it was removed")
            continue
        try:
            values = _read(path, entry, state)
        except Damaged as error:
            told.append(f"{path}: is damaged and left aside ({error})")
            continue
        state.assign(values)
        return path, told
    return None, told


def restore_for_inference(run: RunFolder, state: TrainingState, best: bool = False) -> tuple[str, ...]:
    """Load the newest whole checkpoint, or the best one, of a run that is to be looked at.

    Returns:
        A line about each newer checkpoint that is damaged.

    Raises:
        RunError: the run has no such checkpoint; or it is of other networks.
    """
    if best:
        restore_best(run, state)
        return ()
    checkpoint, damaged = restore_checkpoint(run, state)
    if checkpoint is None:
        told = "".join(f"\n  {line}" for line in damaged)
        raise RunError(f"{run.path}: has no checkpoint yet{told}")
    return tuple(damaged)


def require_nothing_lost(run: RunFolder, told: Sequence[str]) -> None:
    """Refuse to begin at step 0 where nothing could be restored, and there was something.

    Args:
        run: the run.
        told: what ``restore_checkpoint`` said of its files.

    Raises:
        RunError: it has checkpoints of later steps, which may still be mended or brought back.
    """
    if any(entry.step > 0 for entry in entries_of(run)):
        lines = "".join(f"\n  {line}" for line in told)
        raise RunError(
            f"{run.path}: no checkpoint can be read, and nothing was changed. Bring one back, or choose another folder "
            f"with --run; to begin this run anew, remove {run.path}{lines}"
        )


def _read(path: Path, entry: Entry, state: TrainingState) -> dict[str, Any]:
    return unpacked(_content(path, entry, state), state, str(path))


def _content(path: Path, entry: Entry, state: TrainingState) -> bytes:
    most = most_bytes(state)
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
        raise Damaged("its checksum is not the one that was written down")
    return content


def _text(file: Path) -> bytes:
    """A text that a checkpoint holds; none where there is no such file."""
    try:
        return read_regular(file, MOST_OF_TEXTS // 2, follow_links=False)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise RunError(f"{file}: cannot be read: {error.strerror or error}") from error


def _remove(file: Path) -> None:
    with writing(file):
        file.unlink(missing_ok=True)


def most_bytes(state: TrainingState) -> int:
    """How large a file of the state can be, that nothing larger is ever read into memory."""
    variables = state.variables().values()
    numbers: int = sum(math.prod(v.shape) * np.dtype(getattr(v.dtype, "name", v.dtype)).itemsize for v in variables)
    return numbers + len(variables) * MOST_OF_A_HEADER + MOST_OF_TEXTS + MOST_OF_MEMORY


def unpacked(content: bytes, state: TrainingState, where: str) -> dict[str, Any]:
    """Return the arrays of an npz that are the state's variables, each checked before it is read.

    Raises:
        Damaged: the archive is not whole, or holds numbers that are not finite: training writes none.
        RunError: they are of other networks.
    """
    expected = {name: (tuple(v.shape), np.dtype(v.dtype.name if hasattr(v.dtype, "name") else v.dtype))
                for name, v in state.variables().items()}  # fmt: skip
    values = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            # Nothing is packed, so that no entry can be larger than the file; then the sums are compared.
            entries = archive.infolist()
            if any(info.compress_type != zipfile.ZIP_STORED for info in entries) or archive.testzip():
                raise Damaged("an entry is not what was written")
            # Python does not compare this number of the archive's last record, which tells entries that went lost.
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
        # A damaged archive makes zipfile or NumPy raise whatever they like.
        raise Damaged(str(error)) from error
    wrong = not_finite(values)
    if wrong:
        more = f" and {len(wrong) - MAX_TOLD} more" if len(wrong) > MAX_TOLD else ""
        raise Damaged(f"numbers that are not finite in {', '.join(wrong[:MAX_TOLD])}{more}")
    return values


def not_finite(values: Mapping[str, Any]) -> list[str]:
    """Return the names of the variables that hold a number which is not finite."""
    return [name for name, value in values.items() if value.dtype.kind == "f" and not np.isfinite(value).all()]


def memory_in(path: Path, state: TrainingState) -> str:
    """Return what observers remembered when a checkpoint was written.

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
        # A damaged archive makes zipfile or NumPy raise whatever they like.
        raise RunError(f"{path}: is damaged: {error}") from error


def _array(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: Any, where: str) -> Any:
    """Read one array whose header says what is expected; a header may ask for any amount of memory."""
    with archive.open(name) as stream:
        found, kind, data = read_header(stream)
        if found != shape or kind != dtype:
            raise RunError(f"{where}: is a checkpoint of other networks than the recipe's ({name}: {found} {kind})")
    return np.frombuffer(data, dtype).reshape(shape)


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], Any, bytes]:
    """Return shape, type and bytes of a NumPy array, without asking for the memory that its header speaks of.

    Raises:
        Damaged: there are more or fewer bytes than the header says.
        ValueError: it is no array.
    """
    np.lib.format.read_magic(stream)
    shape, _, kind = np.lib.format.read_array_header_1_0(stream)
    data = stream.read()
    if kind.hasobject or len(data) != math.prod(shape) * kind.itemsize:
        raise Damaged(f"there are {len(data)} bytes for an array of {kind} {shape}")
    return shape, kind, data
