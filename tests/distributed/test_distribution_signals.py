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

TRAINING = [
    "training.steps=80", "training.log_every=2", "training.sample_every=80", "training.checkpoint_every=20",
    "training.keep=10", "distribute.strategy=multi_worker",
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

    def wait_for(self, name):
        """Wait until a file of the run has content."""
        until = time.monotonic() + 600
        while time.monotonic() < until and all(process.poll() is None for process in self.processes):
            if (self.folder / "run" / name).exists() and (self.folder / "run" / name).stat().st_size:
                return
            time.sleep(0.02)
        pytest.fail(f"no {name}: {self.told()}")

    def wait_for_words(self, index, words):
        until = time.monotonic() + 600
        while words not in self.told()[index]:
            assert time.monotonic() < until, self.told()
            time.sleep(0.1)

    def statuses(self, timeout=600):
        return [process.wait(timeout=timeout) for process in self.processes]

    def told(self):
        return [(self.folder / f"{index}.txt").read_text() for index in range(len(self.processes))]

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(dcgan_kit, tmp_path):
    """Return a function (*overrides, count=2) -> Workers, not yet started; all end with the test."""
    made = []

    def cluster(*overrides, count=2):
        made.append(Workers(dcgan_kit, tmp_path, count, *overrides))
        return made[-1]

    yield cluster
    for workers in made:
        workers.end()


@pytest.fixture(scope="module")
def undisturbed(dcgan_kit, tmp_path_factory, values_in):
    """The last checkpoint of a run of two workers that nobody disturbed."""
    workers = Workers(dcgan_kit, tmp_path_factory.mktemp("undisturbed"), 2).start(0, 1)
    try:
        assert workers.statuses() == [0, 0], workers.told()
    finally:
        workers.end()
    return last_values(workers, values_in)


def last_values(workers, values_in):
    values = values_in(workers.folder / "run" / "checkpoints" / "step-000000080.npz")
    return {name: value for name, value in values.items() if not name.startswith("meta/")}


def require_same(found, expected):
    assert found.keys() == expected.keys()
    for name, value in found.items():
        np.testing.assert_array_equal(value, expected[name], err_msg=name)


def go_on(cluster, values_in):
    again = cluster().start(0, 1)
    assert again.statuses() == [0, 0], again.told()
    assert "continuing from step" in again.told()[0]
    return last_values(again, values_in)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1], ids=["chief", "worker"])
def test_the_others_name_a_dead_worker_and_the_same_command_goes_on(victim, cluster, undisturbed, values_in):
    workers = cluster().start(0, 1)
    workers.wait_for("checkpoints/step-000000020.npz")
    workers.processes[victim].kill()
    killed = time.monotonic()
    statuses = workers.statuses()
    assert time.monotonic() - killed < 60
    assert statuses == [-signal.SIGKILL if index == victim else 75 for index in (0, 1)]
    told = workers.told()[1 - victim]
    assert f"lost worker {victim} at {workers.addresses[victim]}: {AGAIN}" in told
    assert "Traceback" not in told
    require_same(go_on(cluster, values_in), undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "whom", "expected"), [(signal.SIGTERM, 1, [75, 75]), (signal.SIGINT, 0, [130, 75])])
def test_a_signal_to_one_stops_all_at_the_same_step(number, whom, expected, cluster, undisturbed, values_in):
    workers = cluster().start(0, 1)
    workers.wait_for("checkpoints/step-000000020.npz")
    workers.processes[whom].send_signal(number)
    assert workers.statuses() == expected, workers.told()
    said = [[line for line in told.splitlines() if line.startswith("stopped after step")] for told in workers.told()]
    assert said[0] == said[1]
    assert len(said[0]) == 1
    step = int(said[0][0].split()[3].rstrip(","))
    assert (workers.folder / "run" / "checkpoints" / f"step-{step:09d}.npz").exists()
    require_same(go_on(cluster, values_in), undisturbed)


@pytest.mark.slow
def test_a_worker_that_cannot_go_on_names_itself_to_the_others(cluster, tmp_path):
    """The chief alone sees that somebody trains in the folder; the others wait for it and must not do so for ever."""
    (tmp_path / "run").mkdir()
    with (tmp_path / "run" / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        workers = cluster("training.batch_size=18", count=3).start(0, 1, 2)
        assert workers.statuses() == [2, 75, 75]
    told = workers.told()
    assert "another process is training in this folder" in told[0]
    for index in (1, 2):
        assert f"lost worker 0 at {workers.addresses[0]}" in told[index]
    assert "Traceback" not in "".join(told)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 75), (signal.SIGHUP, 75)])
def test_a_worker_that_waits_says_for_whom_and_heeds_signals(number, status, cluster):
    workers = cluster().start(0)
    workers.wait_for_words(0, f"waiting for worker 1 at {workers.addresses[1]}")
    workers.processes[0].send_signal(number)
    assert workers.statuses(60) == [status]
    assert workers.told()[0].endswith("before training began; nothing is lost: give the same command again\n")
    assert "Traceback" not in workers.told()[0]


@pytest.mark.slow
def test_mirrored_replicas_go_on_bit_for_bit(dcgan_kit, tmp_path):
    """With statistics of their own, which are more to keep; other recipes go on in one process elsewhere."""
    more = ("distribute.strategy=mirrored", "distribute.cpu_devices=2", "distribute.synchronized=false")
    command = [dcgan_kit, "verify-resume", "tiny-fashion28", *more, "--steps", "5"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr + done.stdout
