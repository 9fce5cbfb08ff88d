"""Workers that die, are stopped, or stop each other: real processes, as on several machines."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import ExitStack

import numpy as np
import pytest

STEPS, EVERY = 120, 12
TRAINING = [
    f"training.steps={STEPS}", "training.log_every=2", f"training.sample_every={STEPS}",
    f"training.checkpoint_every={EVERY}", "training.keep=100", "distribute.strategy=multi_worker",
]  # fmt: skip
AGAIN = "the same command on all workers continues from the last checkpoint"


class Workers:
    """Processes of one cluster, all training into the folder ``run``."""

    def __init__(self, dcgan_kit, folder, count, *overrides):
        self.folder, self.processes = folder, []
        folder.mkdir(exist_ok=True)
        with ExitStack() as held:
            taken = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
            self.addresses = [f"127.0.0.1:{server.getsockname()[1]}" for server in taken]
        self._command = [dcgan_kit, "train", "tiny-fashion28", *TRAINING, *overrides, "--run", "run"]

    def start(self, *indices):
        for index in indices:
            config = {"cluster": {"worker": self.addresses}, "task": {"type": "worker", "index": index}}
            with (self.folder / f"{index}.txt").open("w") as output:
                self.processes.append(
                    subprocess.Popen(
                        self._command, cwd=self.folder, stdout=output, stderr=output, stdin=subprocess.DEVNULL,
                        env=os.environ | {"TF_CONFIG": json.dumps(config)},
                    )
                )  # fmt: skip
        return self

    def wait_for_checkpoint(self, after):
        """Wait until there is a checkpoint of a step after this one."""
        until = time.monotonic() + 600
        while time.monotonic() < until and all(process.poll() is None for process in self.processes):
            if self.newest() > after:
                return
            time.sleep(0.02)
        pytest.fail(f"no checkpoint after step {after}: {self.reported()}")

    def newest(self):
        """The last step with a checkpoint; 0 before the first."""
        steps = [int(file.stem.removeprefix("step-")) for file in (self.folder / "run").glob("checkpoints/*.npz")]
        return max(steps, default=0)

    def wait_for_words(self, index, words):
        until = time.monotonic() + 600
        while words not in self.reported()[index]:
            assert time.monotonic() < until, self.reported()
            time.sleep(0.1)

    def statuses(self, timeout=600):
        return [process.wait(timeout=timeout) for process in self.processes]

    def reported(self):
        return [(self.folder / f"{index}.txt").read_text() for index in range(len(self.processes))]

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(dcgan_kit, tmp_path):
    """Return a function (*overrides, count=2, folder=tmp_path) -> Workers, not yet started; all end with the test."""
    made = []

    def cluster(*overrides, count=2, folder=tmp_path):
        made.append(Workers(dcgan_kit, folder, count, *overrides))
        return made[-1]

    yield cluster
    for workers in made:
        workers.end()


def last_values(workers, values_in):
    values = values_in(workers.folder / "run" / "checkpoints" / f"step-{STEPS:09d}.npz")
    return {name: value for name, value in values.items() if not name.startswith("meta/")}


def require_named(workers, victim):
    reported = workers.reported()[1 - victim]
    assert f"lost worker {victim} at {workers.addresses[victim]}: {AGAIN}" in reported
    assert "Traceback" not in reported


def require_stopped_together(workers):
    said = [
        [line for line in reported.splitlines() if line.startswith("stopped after step")]
        for reported in workers.reported()
    ]
    assert said[0] == said[1]
    assert len(said[0]) == 1
    assert int(said[0][0].split()[3].rstrip(",")) == workers.newest()


DISTURBANCES = [
    (signal.SIGKILL, 0, [-signal.SIGKILL, 75]),
    (signal.SIGTERM, 1, [75, 75]),
    (signal.SIGKILL, 1, [75, -signal.SIGKILL]),
    (signal.SIGINT, 0, [130, 75]),
]
"""What one worker gets, which one it is, and the statuses of both; worker 0 is the chief."""


@pytest.mark.slow
def test_whoever_dies_or_is_stopped_both_end_and_the_same_command_goes_on(cluster, values_in, tmp_path):
    """One run is disturbed in each way, one after the other, and ends as a run that nobody disturbed."""
    undisturbed = cluster(folder=tmp_path / "undisturbed").start(0, 1)
    assert undisturbed.statuses() == [0, 0], undisturbed.reported()
    for number, whom, expected in DISTURBANCES:
        workers = cluster(folder=tmp_path / "disturbed")
        before = workers.newest()
        workers.start(0, 1).wait_for_checkpoint(before)
        workers.processes[whom].send_signal(number)
        sent = time.monotonic()
        assert workers.statuses() == expected, workers.reported()
        assert ("continuing from step" in workers.reported()[0]) == (before > 0)
        if number == signal.SIGKILL:
            assert time.monotonic() - sent < 60
            require_named(workers, whom)
        else:
            require_stopped_together(workers)
    workers = cluster(folder=tmp_path / "disturbed").start(0, 1)
    assert workers.statuses() == [0, 0], workers.reported()
    assert "continuing from step" in workers.reported()[0]
    found, expected = last_values(workers, values_in), last_values(undisturbed, values_in)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


@pytest.mark.slow
def test_a_worker_that_cannot_go_on_names_itself_to_the_others(cluster, tmp_path):
    """The chief alone sees that somebody trains in the folder; the others wait for it and must not do so for ever."""
    (tmp_path / "run").mkdir()
    with (tmp_path / "run" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        workers = cluster("training.batch_size=18", count=3).start(0, 1, 2)
        assert workers.statuses() == [2, 75, 75]
    reported = workers.reported()
    assert "another process is training in this folder" in reported[0]
    for index in (1, 2):
        assert f"lost worker 0 at {workers.addresses[0]}" in reported[index]
    assert "Traceback" not in "".join(reported)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGHUP, 75)])
def test_a_worker_that_waits_says_for_whom_and_heeds_signals(number, status, cluster):
    workers = cluster().start(0)
    workers.wait_for_words(0, f"waiting for worker 1 at {workers.addresses[1]}")
    workers.processes[0].send_signal(number)
    assert workers.statuses(60) == [status]
    assert workers.reported()[0].endswith("before training began; nothing is lost: give the same command again\n")
    assert "Traceback" not in workers.reported()[0]


@pytest.mark.slow
def test_mirrored_replicas_go_on_bit_for_bit(dcgan_kit, tmp_path):
    """With statistics of their own, which are more to keep; other recipes go on in one process elsewhere."""
    more = ("distribute.strategy=mirrored", "distribute.cpu_devices=2", "distribute.synchronized=false")
    command = [dcgan_kit, "verify-resume", "tiny-fashion28", *more, "--steps", "5"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr + done.stdout
