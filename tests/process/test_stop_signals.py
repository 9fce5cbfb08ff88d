from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from dcgan_kit.errors import UserError
from dcgan_kit.process.stop_signals import (
    STOPPING,
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
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGHUP, 75)],
    ids=["INT", "TERM", "HUP"],
)
EVERY = pytest.mark.parametrize("number", STOPPING, ids=lambda number: number.name)


@pytest.fixture
def start(dcgan_kit, tmp_path):
    """Return a function (*overrides, **environment) -> process of the command."""

    def start(*more, **environment):
        return subprocess.Popen(
            [dcgan_kit, *ARGUMENTS, *more], cwd=tmp_path, env={**os.environ, **environment}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    return start


def wait_for_handlers(process):
    """Wait until a process takes each signal itself, which is the first thing that the program sees to."""
    until = time.monotonic() + 300
    while time.monotonic() < until and process.poll() is None:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        caught = next(line.split()[1] for line in lines if line.startswith("SigCgt:"))
        if all(int(caught, 16) >> (number - 1) & 1 for number in STOPPING):
            return
        time.sleep(0.001)
    pytest.fail(f"no handlers: {process.communicate(timeout=300)}")


def wait_for_line(process, beginning):
    """Read what a process says until a line begins so."""
    reported = []
    for line in process.stderr:
        reported.append(line)
        if line.startswith(beginning):
            return
    pytest.fail(f"no line {beginning!r}: {reported}")


def wait_for(path, process):
    """Wait until a process has written something to a file."""
    until = time.monotonic() + 600
    while time.monotonic() < until and process.poll() is None:
        if path.exists() and path.stat().st_size:
            return
        time.sleep(0.02)
    pytest.fail(f"no {path}: {process.communicate(timeout=300)}")


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGHUP, 75)])
def test_a_signal_saves_and_says_so(number, status, start, tmp_path):
    process = start("training.steps=100000")
    wait_for(tmp_path / "run" / "metrics.jsonl", process)
    process.send_signal(number)
    _, reported = process.communicate(timeout=600)
    assert process.returncode == status, reported
    assert "Traceback" not in reported
    saved = sorted((tmp_path / "run" / "checkpoints").glob("*.npz"))
    assert len(saved) == 2, "the one of step 0 and the newest"
    step = int(saved[1].stem.removeprefix("step-"))
    assert f"stopped after step {step}, saved in run; the same command goes on from there" in reported
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
    _, reported = process.communicate(timeout=300)
    assert process.returncode == 75, reported
    assert "saved in run; the same command goes on from there" in reported


def before_training(number):
    return f"stopped by {number.name} before training began; nothing is lost: give the same command again\n"


@SIGNALS
def test_a_signal_right_at_the_start_ends_it_and_says_so(number, status, start, tmp_path):
    process = start()
    wait_for_handlers(process)
    process.send_signal(number)
    out, reported = process.communicate(timeout=300)
    assert (process.returncode, out) == (status, "")
    at_once = f"stopped by {number.name} while it started; give the same command again\n"
    assert reported in (at_once, before_training(number), f"stopped by {number.name}; give the same command again\n")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_a_signal_while_images_are_read_ends_it_and_the_same_command_trains(start, sample_plugins):
    arguments = ("data=slow_images", "--plugins-dir", str(sample_plugins / "folder"))
    process = start(*arguments, SAMPLE_PLUGIN_SLOW_IMAGES="100")
    wait_for_line(process, "reading images: 1 of 64")
    process.send_signal(signal.SIGINT)
    _, reported = process.communicate(timeout=300)
    assert process.returncode == 130, reported
    assert reported.endswith(before_training(signal.SIGINT))
    assert "Traceback" not in reported
    again = start(*arguments)
    _, reported = again.communicate(timeout=600)
    assert again.returncode == 0, reported


@pytest.mark.slow
def test_a_signal_that_meets_the_beginning_of_training_is_not_lost(start, tmp_path):
    """Wherever it comes between the first line and the first steps; the lock goes, and the same command goes on."""
    for delay in (0.0, 1.0):
        process = start("training.steps=1000000")
        wait_for_line(process, "on one ")
        time.sleep(delay)
        process.send_signal(signal.SIGTERM)
        _, reported = process.communicate(timeout=600)
        assert process.returncode == 75, reported
        assert reported.endswith(
            (before_training(signal.SIGTERM), "saved in run; the same command goes on from there\n")
        )
        assert "Traceback" not in reported
        assert "another process" not in reported
    assert not list((tmp_path / "run").rglob(".*.tmp"))


PROGRAM = """
import atexit, os, signal, sys, types
cli = types.ModuleType("dcgan_kit.cli")
sys.modules["dcgan_kit"], sys.modules["dcgan_kit.cli"] = types.ModuleType("dcgan_kit"), cli
def send(name):
    os.kill(os.getpid(), getattr(signal, name))
    for _ in range(1000):
        pass
class Last:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=int(getattr(signal, sys.argv[2]))):
        kill(pid, number)
def main():
    print("done")
    place, name = sys.argv[1:]
    if place == "imports":
        send(name)
    if place == "atexit":
        atexit.register(send, name)
    if place == "teardown":
        sys.last = Last()
    sys.exit(3)
cli.main = main
import dcgan_kit_command
dcgan_kit_command.main()
"""
"""The real program around a command that is done at once, and that sends itself a signal where it is reported to."""


def program(place, number, before=""):
    return subprocess.run(
        [sys.executable, "-c", before + PROGRAM, place, number.name], capture_output=True, text=True, timeout=300
    )


@EVERY
def test_before_the_command_a_signal_ends_the_program_at_once(number):
    done = program("imports", number)
    assert done.returncode == (130 if number == signal.SIGINT else 75)
    assert done.stderr == f"stopped by {number.name} while it started; give the same command again\n"


@EVERY
@pytest.mark.parametrize("place", ["atexit", "teardown", "nowhere"])
def test_after_the_command_a_signal_changes_neither_status_nor_output(place, number):
    done = program(place, number)
    assert (done.returncode, done.stdout, done.stderr) == (3, "done\n", "")


@EVERY
@pytest.mark.parametrize("place", ["imports", "atexit", "teardown"])
def test_the_program_ignores_what_it_was_started_to_ignore(place, number):
    done = program(place, number, f"import signal; signal.signal({int(number)}, signal.SIG_IGN)")
    assert (done.returncode, done.stdout, done.stderr) == (3, "done\n", "")


def test_the_program_knows_the_statuses_and_signals_of_the_command_line():
    import dcgan_kit_command
    from dcgan_kit.process import exit_codes

    assert (exit_codes.INTERRUPTED, exit_codes.PREEMPTED) == (dcgan_kit_command.INTERRUPTED, 75)
    before = {number: signal.getsignal(number) for number in STOPPING}
    code = "import dcgan_kit_command, sys; print(sorted({m.partition('.')[0] for m in sys.modules} & {'dcgan_kit', 'click'}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n", "nothing is imported before the handlers are there"
    assert before == {number: signal.getsignal(number) for number in STOPPING}


@EVERY
def test_every_signal_is_raised_before_training_and_collected_in_it(number):
    before = {number: signal.getsignal(number) for number in STOPPING}
    with pytest.raises(Stopped, match=number.name), raised_signals():
        signal.raise_signal(number)
    with raised_signals(), collected_signals() as received:
        signal.raise_signal(number)
        assert received == [number]
    assert before == {number: signal.getsignal(number) for number in STOPPING}


@EVERY
def test_a_signal_that_is_ignored_from_the_start_stays_ignored(number):
    """As ``nohup`` has it with SIGHUP, and a shell with SIGINT for what it puts into the background."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with raised_signals(), deferred_signals(), prompt_signals():
            signal.raise_signal(number)
            other = signal.SIGTERM if number != signal.SIGTERM else signal.SIGINT
            with pytest.raises(Stopped, match=other.name):
                signal.raise_signal(other)
            with collected_signals() as received:
                signal.raise_signal(number)
                assert received == [other]
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("builtin", [True, False], ids=["a method of a built-in type", "a function"])
@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGUSR2, signal.SIGXCPU, signal.SIGHUP])
def test_a_plugins_own_use_of_a_signal_is_left_alone(number, builtin):
    seen = {}
    before = signal.signal(number, seen.setdefault if builtin else lambda number, frame: seen.update({number: frame}))
    try:
        with raised_signals(), collected_signals() as received:
            signal.raise_signal(number)
        assert (received, list(seen)) == ([], [number])
    finally:
        signal.signal(number, before)


def test_a_signal_that_meets_a_destructor_is_not_lost():
    """Python drops what is raised there, and prints a traceback."""

    class Meets:
        def __del__(self):
            signal.raise_signal(signal.SIGTERM)

    def body():
        Meets()
        time.sleep(30)
        pytest.fail("is lost")

    with pytest.raises(Stopped, match="SIGTERM"), raised_signals():
        body()


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
def test_no_moment_loses_anything(dcgan_kit, capsys):
    """A few moments of many; ``scripts/signal_moments.py`` tries as many as it is asked to."""
    file = Path(__file__).parents[2] / "scripts" / "signal_moments.py"
    spec = importlib.util.spec_from_file_location("signal_moments", file)
    script = importlib.util.module_from_spec(spec)
    sys.modules["signal_moments"] = script
    spec.loader.exec_module(script)
    assert script.main(["--moments", "3", "--command", dcgan_kit]) == 0, capsys.readouterr().out
