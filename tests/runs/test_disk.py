from __future__ import annotations

import errno
import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from dcgan_kit.errors import RunError
from dcgan_kit.runs.write_errors import write_requested_file

ARGUMENTS = [
    "train", "tiny-fashion28", "training.steps=8", "training.log_every=2",
    "training.sample_every=8", "training.checkpoint_every=4", "training.batch_size=8",
]  # fmt: skip


@pytest.fixture
def train(dcgan_kit):
    """Return a function (working directory, *arguments, **environment) -> finished process."""

    def train(folder, *more, **variables):
        return subprocess.run(
            [dcgan_kit, *ARGUMENTS, *more], cwd=folder, env={**os.environ, **variables}, text=True,
            capture_output=True, timeout=600,
        )  # fmt: skip

    return train


@pytest.mark.slow
def test_a_disk_that_fills_up_while_training_leaves_the_last_checkpoint_and_the_command_goes_on(
    train, tmp_path, sample_plugins
):
    arguments = ("--run", "run", "--plugins-dir", str(sample_plugins / "folder"))
    full = train(tmp_path, *arguments, SAMPLE_PLUGIN_FULL_DISK="6,60000")
    assert full.returncode == 2, full.stderr
    assert "Traceback" not in full.stderr
    assert "step-000000008.npz: cannot be written: File too large" in full.stderr
    assert "Files that were written before are intact" in full.stderr
    run = tmp_path / "run"
    assert sorted(file.name for file in (run / "checkpoints").glob("*.npz")) == [
        "step-000000000.npz", "step-000000004.npz",
    ]  # fmt: skip
    with np.load(run / "checkpoints" / "step-000000004.npz") as archive:
        assert all(np.isfinite(archive[name]).all() for name in archive.files)
    assert not list(run.rglob(".*")), "no temporary file stays"

    again = train(tmp_path, *arguments)
    assert again.returncode == 0, again.stderr
    assert "continuing from step 4" in again.stderr
    assert [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()] == [2, 4, 6, 8]


@pytest.mark.parametrize("file", ["recipe.yaml", "checkpoints/step-000000008.npz", "generator.keras"])
def test_whatever_file_cannot_be_written_the_user_is_told_and_the_same_command_goes_on(
    file, small, run, tmp_path, monkeypatch
):
    """The disk is full for one file; once there is room, the same recipe finishes in the same folder."""
    path = tmp_path / "run"
    replace = type(path).replace

    def full(self, target):
        if target == path / file:
            raise OSError(28, "No space left on device")
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(type(path), "replace", full)
        with pytest.raises(RunError, match=r"cannot be written: No space left on device.*give the same command again"):
            run(small(), path)
    assert not (path / file).exists()
    outcome, _ = run(small(), path)
    assert outcome.step == 8
    assert outcome.run.finished
    assert (path / file).exists()
    assert not list(path.rglob(".*")), "no temporary file stays"


def test_a_place_that_may_not_be_written_is_told(small, run):
    """/sys takes no folders, not even root's."""
    with pytest.raises(RunError, match=r"^/sys/a/run.*: cannot be written: "):
        run(small(), Path("/sys/a/run"))


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("folder", r"cannot be written: is a folder\. Choose another file"),
        ("file/below.png", r"cannot be written: Not a directory\. Choose another file"),
        ("full.png", r"No space left on device\. .*Free space on the disk"),
    ],
)
def test_a_requested_file_that_cannot_be_written(place, said, tmp_path, monkeypatch):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    if place == "full.png":
        monkeypatch.setattr("os.fsync", no_space)
    with pytest.raises(RunError, match=said):
        write_requested_file(tmp_path / place, b"content")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def no_space(_):
    raise OSError(errno.ENOSPC, "No space left on device")
