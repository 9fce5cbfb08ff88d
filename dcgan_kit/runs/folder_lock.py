"""The lock of a run folder: one training at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from dcgan_kit.errors import RunError
from dcgan_kit.files import is_there
from dcgan_kit.runs.folder_content import holds_no_run
from dcgan_kit.runs.run_folder import LOCK, RunFolder
from dcgan_kit.runs.write_errors import writing

SECONDS_BETWEEN_TRIES = 0.2


@contextlib.contextmanager
def locked(run: RunFolder) -> Iterator[None]:
    """Lock the folder against other trainings until the body or the process ends.

    If the body fails before anything else is in the folder, what this made is removed: the lock file, and folders.

    On a network file system the lock works between hosts only if that file system has locks.

    Raises:
        RunError: another training uses the folder, it is not a run folder, or it cannot be locked.
    """
    # Check first, so that not even a lock file is written into a folder that is not a run.
    holds_no_run(run)
    run.require_ordinary(LOCK)
    file = run.path / LOCK
    new_lock = not is_there(file)
    new_folders = [folder for folder in (run.path, *run.path.parents) if not folder.exists()]
    descriptor = _locked_descriptor(run, file)
    try:
        yield
    except BaseException:
        if new_lock:
            _remove_unused(run, new_folders)
        raise
    finally:
        os.close(descriptor)


def _remove_unused(run: RunFolder, new_folders: Sequence[Path]) -> None:
    """Remove the lock file and new folders, if nothing else is there."""
    with contextlib.suppress(OSError):
        if os.listdir(run.path) == [LOCK]:
            (run.path / LOCK).unlink()
            for folder in new_folders:
                folder.rmdir()


def _locked_descriptor(run: RunFolder, file: Path) -> int:
    while True:
        descriptor = open_lock(file)
        try:
            _lock(run, file, descriptor)
            # Whoever held the lock may have removed the file. Then this lock would keep nobody out.
            if _is_at(file, descriptor):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _is_at(file: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.lstat())
    except OSError:
        return False


def _lock(run: RunFolder, file: Path, descriptor: int) -> None:
    try:
        # The system releases this lock when the process ends in any way; the empty file stays.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise RunError(
            f"{run.path}: another process is training in this folder. Wait for it, stop it, or choose another "
            "folder with --run"
        ) from error
    except OSError as error:
        raise RunError(
            f"{file}: cannot be locked: {error.strerror or error}. Choose a folder on a file system that has locks "
            "with --run"
        ) from error


def open_lock(file: Path) -> int:
    """Return the descriptor of a lock file, which is made with its folder if it is missing.

    Raises:
        RunError: it cannot be made.
    """
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        return os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)


def wait_until_free(run: RunFolder, waiting: Callable[[], None]) -> None:
    """Wait until no training uses the folder, e.g. until one that was stopped has saved its checkpoint.

    Args:
        run: the run folder; it need not exist.
        waiting: called once before this process waits.
    """
    file = run.path / LOCK
    said = False
    while True:
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            # There is no run yet, or ``locked`` says what is wrong.
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not said:
                said = True
                waiting()
        except OSError:
            # The file system has no locks; ``locked`` says what to do.
            return
        finally:
            os.close(descriptor)
        time.sleep(SECONDS_BETWEEN_TRIES)
