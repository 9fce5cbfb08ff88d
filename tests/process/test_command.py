"""Several commands at once: their lines and ends, how many, in which order, and how they are stopped."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import threading

import pytest

from dcgan_kit.process import command
from dcgan_kit.process.command import Job, run_commands
from dcgan_kit.process.stop_signals import Stopped

PROGRAM = """
import signal, sys, time
asked = []
signal.signal(signal.SIGINT, lambda number, _: asked.append(number))
signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT, signal.SIGTERM])
print("started", flush=True)
name, status, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
end = time.monotonic() + seconds
while time.monotonic() < end and not asked:
    time.sleep(0.01)
print(f"{name} ends by {signal.Signals(asked[0]).name}" if asked else f"{name} ends", flush=True)
sys.exit(75 if asked else status)
"""


@pytest.fixture(autouse=True)
def small_program(monkeypatch):
    """A program of a few lines in place of dcgan-kit."""
    monkeypatch.setattr(command, "START", PROGRAM)


class Recorder:
    def __init__(self, go_on=True):
        self.lines, self.ends, self.running, self.most, self.go_on = [], [], 0, 0, go_on

    def line(self, job, line):
        self.lines.append((job.key, line))
        self.running += line == "started"
        self.most = max(self.most, self.running)
        return True

    def end(self, job, status):
        self.ends.append((job.key, status))
        self.running -= 1
        return status == 0 or self.go_on


def jobs(*given):
    return [Job(name, (name, str(status), str(seconds))) for name, status, seconds in given]


def test_lines_and_statuses_are_those_of_their_commands():
    found = Recorder()
    run_commands(jobs(("a", 0, 0.1), ("b", 3, 0.2)), 2, found.line, found.end)
    assert sorted(found.ends) == [("a", 0), ("b", 3)]
    assert [line for key, line in found.lines if key == "b"] == ["started", "b ends"]


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_run_at_once_than_asked_and_all_in_order(at_once):
    found = Recorder()
    names = "abcd"
    run_commands(jobs(*((name, 0, 0.3) for name in names)), at_once, found.line, found.end)
    assert found.most <= at_once
    begun = [key for key, line in found.lines if line == "started"]
    # Of two that begin together, either may be the first to say so.
    assert set(begun[:at_once]) == set(names[:at_once])
    assert at_once > 1 or begun == list(names)
    assert sorted(key for key, _ in found.ends) == list(names)


def test_a_failure_can_stop_the_others_in_order():
    found = Recorder(go_on=False)
    run_commands(jobs(("a", 2, 0.3), ("b", 0, 60.0), ("c", 0, 0.1)), 2, found.line, found.end)
    assert ("b", "b ends by SIGTERM") in found.lines
    assert sorted(found.ends) == [("a", 2), ("b", 75)]


def test_a_line_can_stop_all_in_order():
    found = Recorder()

    def line(job, text):
        found.line(job, text)
        return text != "started" or job.key != "b"

    run_commands(jobs(("a", 0, 60.0), ("b", 0, 60.0), ("c", 0, 60.0)), 2, line, found.end)
    assert sorted(key for key, _ in found.ends) == ["a", "b"]


def test_a_killed_command_has_a_negative_status():
    found = Recorder()

    def line(job, text):
        found.line(job, text)
        return True

    (job,) = jobs(("a", 0, 60.0))
    started = threading.Event()

    def kill():
        started.wait(20.0)
        (child,) = [int(pid) for pid in _children()]
        os.kill(child, signal.SIGKILL)

    def watch(one, text):
        started.set()
        return line(one, text)

    killer = threading.Thread(target=kill)
    killer.start()
    run_commands([job], 1, watch, found.end)
    killer.join()
    assert found.ends == [("a", -signal.SIGKILL)]


def _children():
    listed = ["ps", "-o", "pid=,comm=", "--ppid", str(os.getpid())]
    lines = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split()[0] for line in lines if "python" in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_signal_reaches_all_and_is_raised_at_the_end(number):
    found = Recorder()

    def line(job, text):
        found.line(job, text)
        if found.running == 2 and text == "started":
            os.kill(os.getpid(), number)
        return True

    with pytest.raises(Stopped) as raised:
        run_commands(jobs(("a", 0, 60.0), ("b", 0, 60.0), ("c", 0, 60.0)), 2, line, found.end)
    assert raised.value.signal == number
    assert sorted(found.ends) == [("a", 75), ("b", 75)]


def test_an_error_in_the_caller_leaves_no_process():
    def line(job, text):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        run_commands(jobs(("a", 0, 60.0), ("b", 0, 60.0)), 2, line, Recorder().end)
    assert _children() == []


def test_a_lock_lasts_as_long_as_the_commands_that_inherit_it(tmp_path):
    file = tmp_path / "lock"
    mine = os.open(file, os.O_RDWR | os.O_CREAT)
    fcntl.flock(mine, fcntl.LOCK_EX)
    tried = []

    def line(job, text):
        if text == "started":
            # As if this process ended: only the command holds the lock now.
            os.close(mine)
            with file.open() as other, pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            tried.append(job.key)
        return True

    run_commands(jobs(("a", 0, 0.3)), 1, line, Recorder().end, (mine,))
    assert tried == ["a"]
    with file.open() as other:
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
