"""Finished runs of the studies in neighbouring folders: they are copied instead of trained again."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from dcgan_kit.errors import RunError
from dcgan_kit.files import TEMPORARY, open_regular
from dcgan_kit.runs.write_errors import writing
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.readings import read_readings

MOST_NEIGHBOURS = 1000
MOST_FILES = 10_000
MOST_BYTES = 2**36


def adopt(folder: StudyFolder, identity: str) -> Path | None:
    """Copy a finished run from a neighbouring study, unless this study has begun it.

    Files that are no ordinary files, such as links, are left out.

    Args:
        folder: the study that lacks the run.
        identity: the identity of the run.

    Returns:
        The run folder that was copied; None if there is none.

    Raises:
        RunError: the copy cannot be written.
    """
    target = folder.run(identity)
    if target.exists():
        return None
    source = next((run for run in _of_neighbours(folder, identity) if _finished(run)), None)
    if source is None:
        return None
    temporary = folder.runs / f".{identity}.{secrets.token_hex(8)}{TEMPORARY}"
    try:
        with writing(target):
            if not _copied(source, temporary):
                return None
            temporary.rename(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return source


def _finished(run: Path) -> bool:
    try:
        return read_readings(run) is not None
    except RunError:
        # Another user's folder, or a damaged file: the run is trained here.
        return False


def _of_neighbours(folder: StudyFolder, identity: str) -> Iterator[Path]:
    here = folder.path.absolute()
    if not here.parent.is_dir():
        return
    try:
        neighbours = sorted(here.parent.iterdir())
    except OSError:
        return
    for neighbour in neighbours[:MOST_NEIGHBOURS]:
        if neighbour != here and not neighbour.is_symlink():
            yield StudyFolder(neighbour).run(identity)


def _copied(source: Path, target: Path) -> bool:
    """Copy a folder's ordinary files; return whether it was within the limits."""
    files = copied = 0
    target.mkdir(parents=True)
    for base, folders, names in os.walk(source, followlinks=False):
        folders[:] = [name for name in folders if not Path(base, name).is_symlink()]
        into = target / Path(base).relative_to(source)
        into.mkdir(exist_ok=True)
        for name in names:
            file = Path(base, name)
            if file.is_symlink() or not file.is_file() or name.endswith(TEMPORARY):
                continue
            files, copied = files + 1, copied + file.stat().st_size
            if files > MOST_FILES or copied > MOST_BYTES:
                return False
            with open_regular(file, follow_links=False) as reader, (into / name).open("xb") as writer:
                shutil.copyfileobj(reader, writer)
    return True
