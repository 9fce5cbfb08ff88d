from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from dcgan_kit.errors import UserError
from dcgan_kit.training.signals import (
    Stopped,
    collected_signals,
    deferred_signals,
    prompt_signals,
    raise_received,
    raised_signals,
)

ARGUMENTS = [
    "train", "tiny-fashion28", "training.steps=40", "training.log_every=2",
    "training.sample_every=40", "training.checkpoint_every=1000", "training.batch_size=8", "--run", "run",
]  # fmt: skip


SIGNALS = pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 75)], ids=["INT", "TERM"]
)


@pytest.fixture
def start(dcgan_kit, tmp_path):
    """Return a function (*overrides, **environment) -> process of the command."""

    def start(*more, **environment):
        return subprocess.Popen(
            [dcgan_kit, *ARGUMENTS, *more], cwd=tmp_path, env={**os.environ, **environment}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return start


def wait_for_handler(process, number):
    """Wait until a process takes a signal itself, which is before it starts TensorFlow."""
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        caught = next(line.split()[1] for line in lines if line.startswith("SigCgt:"))
        if int(caught, 16) >> (number - 1) & 1:
            return
        time.sleep(0.001)
    pytest.fail(f"no handler: {process.communicate(timeout=60)}")


def wait_for_line(process, beginning):
    """Read what a process says until a line begins so."""
    told = []
    for line in process.stderr:
        told.append(line)
        if line.startswith(beginning):
            return
    pytest.fail(f"no line {beginning!r}: {told}")


def wait_for(path, process):
    """Wait until a process has written something to a file."""
    until = time.monotonic() + 240
    while time.monotonic() < until and process.poll() is None:
        if path.exists() and path.stat().st_size:
            return
        time.sleep(0.02)
    pytest.fail(f"no {path}: {process.communicate(timeout=60)}")


@pytest.mark.slow
@SIGNALS
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
def test_the_default_recipe_stops_within_a_minute(dcgan_kit, tmp_path):
    process = subprocess.Popen(
        [dcgan_kit, "train", "training.log_every=10", "--run", "run"], cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    wait_for(tmp_path / "run" / "metrics.jsonl", process)
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 75, told
    assert "saved in run; the same command goes on from there" in told


def before_training(number):
    return f"stopped by {number.name} before training began; nothing is lost: give the same command again\n"


@SIGNALS
def test_a_signal_right_at_the_start_ends_it_and_says_so(number, status, start, tmp_path):
    process = start()
    wait_for_handler(process, signal.SIGTERM)
    process.send_signal(number)
    out, told = process.communicate(timeout=60)
    assert (process.returncode, out, told) == (status, "", before_training(number))
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@SIGNALS
def test_a_signal_while_images_are_read_ends_it_and_the_same_command_trains(number, status, start, sample_plugins):
    arguments = ("data=slow_images", "--plugins-dir", str(sample_plugins / "folder"))
    process = start(*arguments, SAMPLE_PLUGIN_SLOW_IMAGES="100")
    wait_for_line(process, "reading images: 1 of 64")
    process.send_signal(number)
    _, told = process.communicate(timeout=60)
    assert process.returncode == status, told
    assert told.endswith(before_training(number))
    assert "Traceback" not in told
    again = start(*arguments)
    _, told = again.communicate(timeout=240)
    assert again.returncode == 0, told


@pytest.mark.slow
def test_a_signal_that_meets_the_beginning_of_training_is_not_lost(start, tmp_path):
    """Wherever it comes between the first line and the first steps; the lock goes, and the same command goes on."""
    for delay in (0.0, 0.5, 1.0, 1.5, 2.0):
        process = start("training.steps=1000000")
        wait_for_line(process, "on one ")
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=240)
        assert process.returncode == 75, told
        assert told.endswith((before_training(signal.SIGTERM), "saved in run; the same command goes on from there\n"))
        assert "Traceback" not in told
        assert "another process" not in told
    assert not list((tmp_path / "run").rglob(".*.tmp"))


def test_what_was_raised_in_vain_is_heeded_when_training_begins():
    before = signal.getsignal(signal.SIGTERM)
    with raised_signals():
        with pytest.raises(Stopped, match="SIGTERM"):
            signal.raise_signal(signal.SIGTERM)
        with collected_signals() as received:
            assert received == [signal.SIGTERM]
        signal.raise_signal(signal.SIGTERM)
        assert len(received) == 2, "what comes after training stops nothing"
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_deferred_signal_is_raised_at_the_end_of_the_body():
    done = []

    @raised_signals()
    @deferred_signals()
    def start():
        signal.raise_signal(signal.SIGTERM)
        done.append("TensorFlow is whole")

    with pytest.raises(Stopped, match="SIGTERM"):
        start()
    assert done


def test_a_deferred_signal_interrupts_what_takes_long():
    @prompt_signals()
    def read():
        signal.raise_signal(signal.SIGINT)
        pytest.fail("was not interrupted")

    with raised_signals(), deferred_signals():
        with pytest.raises(Stopped, match="SIGINT"):
            read()
        with pytest.raises(Stopped, match="SIGINT"):
            raise_received()
        with collected_signals() as received:
            assert received == [signal.SIGINT]


def test_a_signal_deferred_before_keeps_what_takes_long_from_beginning():
    with raised_signals(), deferred_signals():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Stopped, match="SIGINT"), prompt_signals():
            pytest.fail("must not begin")
        with collected_signals():
            pass


def test_a_second_ctrl_c_does_not_wait():
    with raised_signals(), deferred_signals():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(Stopped, match="SIGINT"):
            signal.raise_signal(signal.SIGINT)
        with collected_signals():
            pass


def test_signals_of_somebody_else_are_not_deferred():
    with deferred_signals(), prompt_signals():
        raise_received()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_turned_into_an_error_of_somebody_else_is_still_a_signal():
    @raised_signals()
    def trace():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            raise RuntimeError("scopes were left in the wrong order")

    with pytest.raises(Stopped, match="SIGTERM"):
        trace()


@pytest.mark.parametrize("error", [ValueError("a fault of ours"), UserError("a fault of theirs")])
def test_errors_without_a_signal_are_what_they_are(error):
    with pytest.raises(type(error), match="a fault"), raised_signals():
        raise error


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
