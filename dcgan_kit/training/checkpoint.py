"""Checkpoints: every variable of a run in one file, written whole or not at all, found damaged by a checksum."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit.errors import RunError
from dcgan_kit.training.run_folder import RunFolder
from dcgan_kit.training.state import TrainingState

BEST = "best.npz"
META = "meta/"
"""Before the names of what is no variable: the resolved recipe and the versions, as UTF-8 bytes."""


@dataclass(frozen=True)
class Entry:
    """A line of the manifest.

    Attributes:
        file: name of the file in the folder of checkpoints.
        step: steps that were done.
        sha256: of the whole file.
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
    """

    entry: Entry
    metric: str
    value: float


@dataclass(frozen=True)
class Manifest:
    """The checkpoints that there are: the newest, oldest first, and the best."""

    entries: tuple[Entry, ...] = ()
    best: Best | None = None


def save_checkpoint(
    run: RunFolder, state: TrainingState, keep: int, metric: str = "", value: float = 0.0, highest: bool = False
) -> Path:
    """Write every variable, the recipe and the versions; remove all but the newest ``keep`` files.

    Args:
        run: where.
        state: what.
        keep: how many files stay.
        metric: keep the file for good too if it is the best in this; empty: never.
        value: what it has of the metric.
        highest: whether more is better.

    Raises:
        RunError: the disk is full, or the folder cannot be written.
    """
    content = packed(state.values(), {"recipe": run.recipe_file, "environment": run.environment_file})
    step, again = state.steps_done, int(np.asarray(state.recoveries))
    path = run.checkpoints / (f"step-{step:09d}.npz" if not again else f"step-{step:09d}-again-{again}.npz")
    entry = Entry(path.name, step, hashlib.sha256(content).hexdigest(), len(content))
    before = _manifest(run) or Manifest()
    entries = [*(known for known in before.entries if known.file != path.name), entry]
    # First the line, then the file: a file without a line could not be told from a damaged one.
    _write_manifest(run, Manifest(tuple(entries), before.best))
    run.write(path, content)
    for old in entries[:-keep]:
        (run.checkpoints / old.file).unlink(missing_ok=True)
    best = before.best
    if metric and (best is None or best.metric != metric or (value > best.value if highest else value < best.value)):
        best = Best(replace(entry, file=BEST), metric, value)
        run.write(run.checkpoints / BEST, content)
    _write_manifest(run, Manifest(tuple(entries[-keep:]), best))
    return path


def restore_best(run: RunFolder, state: TrainingState) -> Path:
    """Load the best checkpoint into the state.

    Raises:
        RunError: the run keeps none, or it is damaged.
    """
    manifest = _manifest(run)
    if manifest is None or manifest.best is None:
        raise RunError(f"{run.path}: keeps no best checkpoint; training.best.metric says which is the best")
    path = run.checkpoints / BEST
    try:
        state.assign(_read(path, manifest.best.entry, state))
    except (_Damaged, OSError) as error:
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
    told = []
    manifest = _manifest(run)
    entries = () if manifest is None else manifest.entries
    if manifest is None:
        if run.manifest_file.exists():
            told.append(
                f"{run.manifest_file}: is damaged and left aside; checkpoints are checked by their archive's sums"
            )
        files = sorted(run.checkpoints.glob("step-*.npz"))
        entries = tuple(Entry(file.name, -1, "", file.stat().st_size) for file in files)
    for entry in reversed(entries):
        path = run.checkpoints / entry.file
        if not path.exists():
            # Its line was written, and then the process was killed.
            continue
        try:
            values = _read(path, entry, state)
        except _Damaged as error:
            told.append(f"{path}: is damaged and left aside ({error})")
            continue
        state.assign(values)
        return path, told
    return None, told


class _Damaged(Exception):
    pass


def _read(path: Path, entry: Entry, state: TrainingState) -> dict[str, Any]:
    content = path.read_bytes()
    if entry.sha256 and hashlib.sha256(content).hexdigest() != entry.sha256:
        raise _Damaged("its checksum is not the one that was written down")
    return unpacked(content, state, str(path))


def unpacked(content: bytes, state: TrainingState, where: str) -> dict[str, Any]:
    """Return the arrays of an npz that are the state's variables, each checked before it is read.

    Raises:
        RunError: they are of other networks.
    """
    expected = {name: (tuple(v.shape), np.dtype(v.dtype.name if hasattr(v.dtype, "name") else v.dtype))
                for name, v in state.variables().items()}  # fmt: skip
    values = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found = {name.removesuffix(".npy") for name in archive.namelist() if not name.startswith(META)}
            if found != set(expected):
                raise RunError(f"{where}: is a checkpoint of other networks than the recipe's")
            for name, (shape, dtype) in expected.items():
                values[name] = _array(archive, f"{name}.npy", shape, dtype, where)
    except RunError:
        raise
    except Exception as error:
        # A damaged archive makes zipfile or NumPy raise whatever they like.
        raise _Damaged(str(error)) from error
    return values


def _array(archive: zipfile.ZipFile, name: str, shape: tuple[int, ...], dtype: Any, where: str) -> Any:
    """Read one array whose header says what is expected; a header may ask for any amount of memory."""
    with archive.open(name) as stream:
        np.lib.format.read_magic(stream)
        found, _, kind = np.lib.format.read_array_header_1_0(stream)
        if found != shape or kind != dtype:
            raise RunError(f"{where}: is a checkpoint of other networks than the recipe's ({name}: {found} {kind})")
        data = stream.read(int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
        # The archive's own checksum is compared at the end of the entry.
        if stream.read(1):
            raise _Damaged(f"{name} is longer than its header says")
    return np.frombuffer(data, dtype).reshape(shape)


def _manifest(run: RunFolder) -> Manifest | None:
    """The manifest; None if there is none that can be read."""
    try:
        data = json.loads(run.manifest_file.read_bytes())
        best = data["best"] and Best(_entry(data["best"]["entry"]), data["best"]["metric"], data["best"]["value"])
        return Manifest(tuple(_entry(line) for line in data["checkpoints"]), best)
    except (FileNotFoundError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _entry(line: dict[str, Any]) -> Entry:
    return Entry(**{**line, "file": Path(line["file"]).name})


def _write_manifest(run: RunFolder, manifest: Manifest) -> None:
    best = None if manifest.best is None else asdict(manifest.best)
    data = {"version": 1, "checkpoints": [asdict(entry) for entry in manifest.entries], "best": best}
    run.write(run.manifest_file, json.dumps(data, indent=2).encode() + b"\n")
