"""A checkpoint of any run as a source of weights: found, verified, and read array by array.

The networks that wrote it are not built, so nothing says beforehand which arrays it holds. It may come from a stranger:
it is an archive of plain arrays, nothing in it is executed, and an array is read only after its header was compared
with what is wanted.
"""

from __future__ import annotations

import hashlib
import math
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np

from dcgan_kit.errors import RunError, printable
from dcgan_kit.files import open_regular
from dcgan_kit.runs.best_checkpoint import best_so_far
from dcgan_kit.runs.folder_content import read_run
from dcgan_kit.runs.manifest import BEST, NAME, Damaged, Entry, entries_of
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.variable_archive import META, not_finite, read_header

MAX_BYTES = 4 * 2**30
"""Most bytes of a checkpoint. Larger archives have another format of directory."""
MAX_ARRAYS = 65_000
CHUNK = 2**20
SUFFIX = ".npz"


@dataclass(frozen=True)
class SourceCheckpoint:
    """An open checkpoint.

    Attributes:
        path: its file.
        step: number of steps that its networks were trained.
        sha256: SHA-256 of the file, in hexadecimal.
        arrays: shape and dtype of each array, by name.
    """

    path: Path
    step: int
    sha256: str
    arrays: Mapping[str, tuple[tuple[int, ...], Any]]
    _archive: zipfile.ZipFile

    def read(self, names: Iterable[str]) -> dict[str, Any]:
        """Return some arrays by name.

        Raises:
            Damaged: an array is damaged, or holds numbers that are not finite.
        """
        with _damage():
            found = {name: self._array(name) for name in names}
        wrong = not_finite(found)
        if wrong:
            raise Damaged(f"numbers that are not finite in {wrong[0]}")
        return found

    def _array(self, name: str) -> Any:
        with self._archive.open(f"{name}.npy") as stream:
            shape, dtype, data = read_header(stream)
        if (shape, dtype) != self.arrays[name]:
            raise Damaged(f"two arrays are called {name}")
        return np.frombuffer(data, dtype).reshape(shape)


def candidates(reference: Path) -> Sequence[tuple[Path, Entry]]:
    """Return the checkpoints that a path means, the newest first: those of a run folder, or one file.

    Raises:
        RunError: there is no run and no checkpoint at that path.
    """
    if reference.suffix == SUFFIX:
        entry = _entry_of(reference)
        _require_file(reference)
        return [(reference, entry)]
    run = read_run(reference)
    return [(run.checkpoints / entry.file, entry) for entry in reversed(entries_of(run))]


def _entry_of(file: Path) -> Entry:
    match = NAME.fullmatch(file.name.removeprefix(BEST))
    if match is None:
        raise RunError(
            f"{file}: is no checkpoint: name a run folder, or a file in its folder checkpoints such as "
            "step-000000500.npz"
        )
    run = RunFolder(file.absolute().parent.parent)
    best = best_so_far(run)
    known = [*entries_of(run), *([best.entry] if best else [])]
    return next((one for one in known if one.file == file.name), Entry(file.name, int(match["step"]), "", 0))


def _require_file(file: Path) -> None:
    try:
        open_regular(file, follow_links=False).close()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RunError(f"{file}: there is no such file") from error
    except OSError as error:
        raise RunError(f"{file}: cannot be read: {error.strerror or error}") from error


def checksum_of(path: Path, entry: Entry) -> str:
    """Return the SHA-256 of a checkpoint, in hexadecimal: that of its entry in the manifest, else that of the file.

    Raises:
        Damaged: the entry has none, and the file cannot be read.
    """
    if entry.sha256:
        return entry.sha256
    with _stream(path) as stream:
        return _digest(stream, entry)


@contextmanager
def opened(path: Path, entry: Entry) -> Iterator[SourceCheckpoint]:
    """Open a checkpoint, and read the names and shapes of its arrays.

    Args:
        path: the file.
        entry: its entry in the manifest; without a checksum, the checksums in the archive must do.

    Raises:
        Damaged: the file is not what was written, or cannot be read.
    """
    with _stream(path) as stream:
        digest = _digest(stream, entry)
        with _damage():
            archive = zipfile.ZipFile(stream)
            arrays = _arrays(archive)
        yield SourceCheckpoint(path, entry.step, digest, arrays, archive)


def _stream(path: Path) -> BinaryIO:
    try:
        return open_regular(path, follow_links=False)
    except FileNotFoundError as error:
        raise Damaged("is not there") from error
    except OSError as error:
        raise Damaged(f"cannot be read: {error.strerror or error}") from error


def _digest(stream: BinaryIO, entry: Entry) -> str:
    if stream.seek(0, 2) > MAX_BYTES:
        raise Damaged(f"it has more than {MAX_BYTES // 2**30} GiB")
    stream.seek(0)
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
    if entry.sha256 and digest.hexdigest() != entry.sha256:
        raise Damaged("its checksum is not the one in the manifest")
    stream.seek(0)
    return digest.hexdigest()


def _arrays(archive: zipfile.ZipFile) -> dict[str, tuple[tuple[int, ...], Any]]:
    entries = archive.infolist()
    if len(entries) > MAX_ARRAYS:
        raise Damaged(f"it has more than {MAX_ARRAYS:,} arrays")
    found = {}
    for info in entries:
        if info.compress_type != zipfile.ZIP_STORED:
            raise Damaged("an entry is compressed")
        if info.filename.startswith(META):
            continue
        with archive.open(info) as stream:
            shape, dtype, size = _header(stream)
        if size + math.prod(shape) * dtype.itemsize != info.file_size:
            raise Damaged(f"{info.filename} has {info.file_size} bytes")
        found[info.filename.removesuffix(".npy")] = shape, dtype
    return found


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], Any, int]:
    """Return shape, dtype and number of bytes of the header of an array."""
    np.lib.format.read_magic(stream)
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(stream)
    if dtype.hasobject or (by_columns and len(shape) > 1):
        raise Damaged("an array that no training writes")
    return shape, dtype, stream.tell()


@contextmanager
def _damage() -> Iterator[None]:
    try:
        yield
    except (Damaged, RunError):
        raise
    except Exception as error:
        # zipfile and NumPy may raise any exception for a damaged archive.
        raise Damaged(printable(str(error))[:300]) from error
