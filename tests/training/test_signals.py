from __future__ import annotations

import signal
import subprocess
import time

import numpy as np
import pytest

ARGUMENTS = [
    "train", "tiny-fashion28", "training.steps=40", "training.log_every=2",
    "training.sample_every=40", "training.checkpoint_every=1000", "training.batch_size=8", "--run", "run",
]  # fmt: skip


@pytest.fixture
def start(dcgan_kit, tmp_path):
    """Return a function (*overrides) -> process of the command."""

    def start(*more):
        command = [dcgan_kit, *ARGUMENTS, *more]
        return subprocess.Popen(command, cwd=tmp_path, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    return start


def wait_for(path, process):
    """Wait until a process has written something to a file."""
    until = time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None:
        if path.exists() and path.stat().st_size:
            return
        time.sleep(0.02)
    pytest.fail(f"no {path}: {process.communicate(timeout=60)}")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)])
def test_a_signal_saves_and_says_so(number, status, start, tmp_path):
    process = start("training.steps=100000")
    wait_for(tmp_path / "run" / "metrics.jsonl", process)
    process.send_signal(number)
    _, told = process.communicate(timeout=240)
    assert process.returncode == status, told
    assert "Traceback" not in told
    saved = sorted((tmp_path / "run" / "checkpoints").glob("*.npz"))
    assert len(saved) == 2, "the one of step 0 and the newest"
    step = int(saved[1].stem.removeprefix("step-"))
    assert f"stopped after step {step}, saved in run; the same command goes on from there" in told
    with np.load(saved[1]) as archive:
        assert archive["step"] == step
    assert not [file for file in (tmp_path / "run").rglob(".*")], "no temporary file stays"


@pytest.mark.slow
def test_the_same_command_finishes_after_a_kill(start, tmp_path):
    """SIGKILL gives no time for anything: what was renamed into place is all that there is."""
    process = start("training.checkpoint_every=2", "training.steps=60")
    wait_for(tmp_path / "run" / "checkpoints" / "step-000000002.npz", process)
    process.kill()
    process.communicate(timeout=60)
    again = start("training.checkpoint_every=2", "training.steps=60")
    _, told = again.communicate(timeout=240)
    assert again.returncode == 0, told
    assert "going on from step" in told
    assert "done: run" in told
    assert (tmp_path / "run" / "generator.keras").exists()
