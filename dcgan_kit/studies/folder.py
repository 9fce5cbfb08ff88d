"""The folder of a study: its definition, recipes, run folders and results; and the lock of who works on it."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dcgan_kit.errors import RunError
from dcgan_kit.files import is_there
from dcgan_kit.runs.folder_lock import open_lock

LOCK = ".lock"
DEFINITION = "study.yaml"


@dataclass(frozen=True)
class StudyFolder:
    """The paths of a study's files.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def definition(self) -> Path:
        """The study itself, as a study file."""
        return self.path / DEFINITION

    @property
    def json_file(self) -> Path:
        """All results, for programs."""
        return self.path / "study.json"

    @property
    def csv_file(self) -> Path:
        """The numbers as a tidy table."""
        return self.path / "study.csv"

    @property
    def page(self) -> Path:
        """The results as a page."""
        return self.path / "study.html"

    @property
    def interim(self) -> Path:
        """With how many runs the results were complete so far."""
        return self.path / "interim.json"

    @property
    def timings(self) -> Path:
        """How long a step of each variant takes on this machine."""
        return self.path / "timings.json"

    @property
    def runs(self) -> Path:
        """The folder of all run folders."""
        return self.path / "runs"

    def run(self, identity: str) -> Path:
        """The run folder of an identity."""
        return self.runs / identity

    def recipe(self, identity: str) -> Path:
        """The recipe of a run, as a file to train."""
        return self.path / "recipes" / f"{identity}.yaml"

    def facts(self, identity: str) -> Path:
        """What the identity was made of, with the variant and the seed."""
        return self.path / "recipes" / f"{identity}.json"

    def failure(self, identity: str) -> Path:
        """Why the run failed."""
        return self.path / "failures" / f"{identity}.txt"

    def require_study(self) -> None:
        """Check that the folder holds a study.

        Raises:
            RunError: it does not.
        """
        if not self.definition.is_file():
            raise RunError(
                f"{self.path}: holds no study, for there is no {DEFINITION}. `dcgan-kit study` makes one; if there was "
                "one, give its command again"
            )

    def require_own(self) -> None:
        """Check that the folder is a study's, empty, or not there.

        Raises:
            RunError: it holds other files, or is no folder.
        """
        if not is_there(self.path):
            return
        if not self.path.is_dir():
            raise RunError(f"{self.path}: is no folder; choose another one with --folder")
        try:
            foreign = not is_there(self.path / LOCK) and any(self.path.iterdir())
        except OSError as error:
            raise RunError(f"{self.path}: cannot be read: {error.strerror or error}") from error
        if foreign:
            raise RunError(f"{self.path}: holds files that belong to no study; choose another folder with --folder")

    @contextlib.contextmanager
    def locked(self, waiting: Callable[[], None]) -> Iterator[int]:
        """Let only one command at a time work on the study; yield the descriptor of the lock.

        Processes that inherit the descriptor hold the lock too, so it ends with the last of them.

        Args:
            waiting: called before this process waits for another one.

        Raises:
            RunError: the folder holds other files, or cannot be written or locked.
        """
        self.require_own()
        file = self.path / LOCK
        descriptor = open_lock(file)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(descriptor, fcntl.LOCK_EX)
            except OSError as error:
                raise RunError(f"{file}: cannot be locked: {error.strerror or error}") from error
            yield descriptor
        finally:
            os.close(descriptor)
