"""Checkpoints: every variable of a run in one file, written whole or not at all, found damaged by a checksum."""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
import zipfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np

from dcgan_kit.errors import RunError
from dcgan_kit.training.run_folder import RunFolder
from dcgan_kit.training.state import TrainingState

META = "meta/"
"""Before the names of what is no variable: the resolved recipe and the versions, as UTF-8 bytes."""

MOST_OF_A_HEADER = 64 * 2**10
"""Bytes, of one array in an archive: NumPy's header, and its name twice."""
MOST_OF_TEXTS = 16 * 2**20
"""Bytes, of the recipe and the versions."""

_NAME = re.compile(r"step-(?P<step>\d{9,})(-again-(?P<again>\d+))?\.npz")


@dataclass(frozen=True)
class Entry:
    """A line of the manifest.

    Attributes:
        file: name of the file in the folder of checkpoints.
        step: steps that were done.
        sha256: of the whole file; empty where the line was lost.
        bytes: its size.
    """

    file: str
    step: int
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Best:
    """The checkpoint that is kept for good.

    Attributes:
        entry: its file.
        metric: what it is the best in.
        value: the mean of that metric since the checkpoint before.
        measured: how a score was measured, its full name; empty: it is a loss.
    """

    entry: Entry
    metric: str
    value: float
    measured: str = ""


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


@dataclass(frozen=True)
class Manifest:
    """The checkpoints that there are: the newest, oldest first, and the best."""

    entries: tuple[Entry, ...] = ()
    best: Best | None = None


def save_checkpoint(
    run: RunFolder,
    state: TrainingState,
    keep: int,
    judgement: Judgement | None = None,
    values: dict[str, Any] | None = None,
) -> Path:
    """Write every variable, the recipe and the versions; remove all but the newest ``keep`` files.

    Args:
        run: where.
        state: what.
        keep: how many files stay.
        judgement: keep the file for good too if it is the best so far by this; None: never.
        values: the state's, where they have been read already.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    content = packed(
        state.values() if values is None else values, {"recipe": run.recipe_file, "environment": run.environment_file}
    )
    step, again = state.steps_done, int(np.asarray(state.recoveries))
    path = run.checkpoints / (f"step-{step:09d}.npz" if not again else f"step-{step:09d}-again-{again}.npz")
    entry = Entry(path.name, step, hashlib.sha256(content).hexdigest(), len(content))
    before = _manifest(run)
    best = None if before is None else before.best
    entries = [*(known for known in _entries(run) if known.file != path.name), entry]
    # First the line, then the file: a file without a line could not be told from a damaged one.
    _write_manifest(run, Manifest(tuple(entries), best))
    run.write(path, content)
    # What training went back to is replaced by what it goes on with.
    kept = [known for known in entries if known.step != step or known is entry][-keep:]
    for old in entries:
        if old not in kept:
            (run.checkpoints / old.file).unlink(missing_ok=True)
    if judgement is not None and judgement.beats(best):
        best = Best(replace(entry, file=f"best-{path.name}"), judgement.metric, judgement.value, judgement.measured)
        run.write(run.checkpoints / best.entry.file, content)
    _write_manifest(run, Manifest(tuple(kept), best))
    for file in run.checkpoints.glob("best-*.npz"):
        if best is None or file.name != best.entry.file:
            file.unlink()
    return path


def forget_recovered(run: RunFolder, recoveries: int) -> None:
    """Remove the newest checkpoint if training went on from it after its last recovery, unless there is no other.

    Its numbers were finite, and led to others that were not, at the lower rate too.
    """
    entries = _entries(run)
    if recoveries and len(entries) > 1 and entries[-1].file.endswith(f"-again-{recoveries}.npz"):
        manifest = _manifest(run)
        _write_manifest(run, Manifest(tuple(entries[:-1]), None if manifest is None else manifest.best))
        (run.checkpoints / entries[-1].file).unlink(missing_ok=True)


def best_so_far(run: RunFolder) -> Best | None:
    """Return what is kept for good; None: nothing is."""
    manifest = _manifest(run)
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


def packed(values: dict[str, Any], texts: dict[str, Path]) -> bytes:
    """Return arrays, and files of text beside them, as one npz."""
    arrays = {name: value for name, value in values.items()}
    for name, file in texts.items():
        arrays[META + name] = np.frombuffer(file.read_bytes() if file.exists() else b"", np.uint8)
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
    told, entries = [], _entries(run)
    if _manifest(run) is None and (entries or run.manifest_file.exists()):
        what = "is damaged and left aside" if run.manifest_file.exists() else "is not there"
        told.append(f"{run.manifest_file}: {what}; checkpoints are checked by their archive's sums")
    for entry in reversed(entries):
        path = run.checkpoints / entry.file
        if not path.exists():
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


def restore_to_look(run: RunFolder, state: TrainingState, best: bool = False) -> tuple[str, ...]:
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
    if any(entry.step > 0 for entry in _entries(run)):
        lines = "".join(f"\n  {line}" for line in told)
        raise RunError(
            f"{run.path}: no checkpoint can be read, and nothing was changed. Bring one back, or choose another folder "
            f"with --run; to begin this run anew, remove {run.path}{lines}"
        )


class Damaged(Exception):
    """Bytes are not what was written; the message says what of them."""


def _entries(run: RunFolder) -> list[Entry]:
    """The lines of the manifest, or where it cannot be read what the files' names tell, oldest first."""
    manifest = _manifest(run)
    if manifest is not None:
        return list(manifest.entries)
    found = [match for file in run.checkpoints.glob("step-*.npz") if (match := _NAME.fullmatch(file.name))]
    found.sort(key=lambda match: (int(match["again"] or 0), int(match["step"])))
    return [Entry(match.string, int(match["step"]), "", 0) for match in found]


def _read(path: Path, entry: Entry, state: TrainingState) -> dict[str, Any]:
    try:
        size, most = path.stat().st_size, most_bytes(state)
        if size > most:
            if entry.sha256 and size != entry.bytes:
                raise Damaged(f"it has {size} bytes, and {entry.bytes} were written")
            raise RunError(
                f"{path}: is a checkpoint of other networks than the recipe's ({size} bytes; this recipe's have at "
                f"most {most})"
            )
        content = path.read_bytes()
    except OSError as error:
        raise Damaged(f"cannot be read: {error.strerror}") from error
    if entry.sha256 and hashlib.sha256(content).hexdigest() != entry.sha256:
        raise Damaged("its checksum is not the one that was written down")
    return unpacked(content, state, str(path))


def most_bytes(state: TrainingState) -> int:
    """How large a file of the state can be, that nothing larger is ever read into memory."""
    variables = state.variables().values()
    numbers: int = sum(math.prod(v.shape) * np.dtype(getattr(v.dtype, "name", v.dtype)).itemsize for v in variables)
    return numbers + len(variables) * MOST_OF_A_HEADER + MOST_OF_TEXTS


def unpacked(content: bytes, state: TrainingState, where: str) -> dict[str, Any]:
    """Return the arrays of an npz that are the state's variables, each checked before it is read.

    Raises:
        Damaged: the archive is not whole.
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
    return values


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


def _manifest(run: RunFolder) -> Manifest | None:
    """The manifest; None if there is none, or it is damaged.

    Raises:
        RunError: it is there, and the system does not let it be read.
    """
    try:
        data = json.loads(run.manifest_file.read_bytes())
        best = data["best"] and Best(**{**data["best"], "entry": _entry(data["best"]["entry"])})
        return Manifest(tuple(_entry(line) for line in data["checkpoints"]), best)
    except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    except OSError as error:
        raise RunError(f"{run.manifest_file}: cannot be read: {error.strerror or error}") from error


def _entry(line: dict[str, Any]) -> Entry:
    return Entry(**{**line, "file": Path(line["file"]).name})


def _write_manifest(run: RunFolder, manifest: Manifest) -> None:
    best = None if manifest.best is None else asdict(manifest.best)
    data = {"version": 1, "checkpoints": [asdict(entry) for entry in manifest.entries], "best": best}
    run.write(run.manifest_file, json.dumps(data, indent=2).encode() + b"\n")
