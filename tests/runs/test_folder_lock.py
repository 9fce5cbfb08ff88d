"""The lock of a run folder: a training waits for one that is ending."""

from __future__ import annotations

import threading
import time

import pytest

from dcgan_kit.errors import RunError
from dcgan_kit.runs.folder_lock import locked, wait_until_free
from dcgan_kit.runs.run_folder import RunFolder


def test_it_waits_until_the_other_one_has_ended(tmp_path):
    run, said = RunFolder(tmp_path / "run"), []
    wait_until_free(run, lambda: said.append("no run"))
    held = locked(run)
    held.__enter__()
    with pytest.raises(RunError, match="another process is training in this folder"), locked(run):
        pass
    threading.Timer(0.5, held.__exit__, (None, None, None)).start()
    begun = time.monotonic()
    wait_until_free(run, lambda: said.append("waiting"))
    assert time.monotonic() - begun > 0.3
    assert said == ["waiting"]
    with locked(run):
        pass


def refuse(run, wrote):
    if wrote:
        run.recipe_file.write_text("version: 1")
    raise ValueError("refused")


@pytest.mark.parametrize("wrote", [False, True])
@pytest.mark.parametrize("before", ["nothing", "folder", "lock"])
def test_a_refusal_leaves_what_was_there_before(before, wrote, tmp_path):
    run = RunFolder(tmp_path / "runs" / "new")
    if before != "nothing":
        run.path.mkdir(parents=True)
    if before == "lock":
        (run.path / "lock").touch()
    with pytest.raises(ValueError, match="refused"), locked(run):
        refuse(run, wrote)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    folders = ["runs", "runs/new"]
    if wrote:
        assert left == [*folders, "runs/new/lock", "runs/new/recipe.yaml"]
    else:
        assert left == {"nothing": [], "folder": folders, "lock": [*folders, "runs/new/lock"]}[before]


def test_a_lock_file_that_was_removed_keeps_others_out_no_more(tmp_path, monkeypatch):
    """The file is removed between opening and locking it: the lock is taken on the new one."""
    import fcntl

    run, real = RunFolder(tmp_path / "run"), fcntl.flock
    calls = []

    def flock(*arguments):
        calls.append(arguments)
        if len(calls) == 1:
            (run.path / "lock").unlink()
        real(*arguments)

    monkeypatch.setattr("fcntl.flock", flock)
    with locked(run):
        assert (run.path / "lock").exists()
        with pytest.raises(RunError, match="another process"), locked(run):
            pass
    assert len(calls) == 3
