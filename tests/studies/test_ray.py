"""A study on a cluster of Ray: three nodes on loopback, of which processes are killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed")

SMALL = ("training.batch_size=8", "training.steps=4", "training.checkpoint_every=2", "training.log_every=2")
VARIED = ("--vary", "generator.upsample=transposed_conv,resize_conv", "--read", "checkerboard_2", "--seeds", "2")
TABLES = ("study.json", "study.csv", "study.yaml")
# Ray then listens on loopback only.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_USAGE_STATS_ENABLED": "0"}

NODES = """
import sys
from ray.cluster_utils import Cluster
own = {"node_ip_address": "127.0.0.1", "include_dashboard": False}
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **own})
for _ in range(2):
    cluster.add_node(num_cpus=1, **own)
print(cluster.address, flush=True)
sys.stdin.read()
cluster.shutdown()
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a cluster of a head without processors and two nodes with one each."""
    log = tmp_path_factory.mktemp("ray") / "nodes.log"
    with log.open("w") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-c", NODES], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True,
            env={**os.environ, **LOOPBACK},
        )  # fmt: skip
        address = next((line.strip() for line in process.stdout if re.fullmatch(r"127\.0\.0\.1:\d+\n", line)), None)
        assert address, log.read_text()
        yield address
        # It ends all processes that it started.
        process.communicate(timeout=300)


@pytest.fixture
def study(dcgan_kit, tmp_path):
    """Return a function (folder, *arguments) -> process of the command ``study``."""
    started = []

    def study(folder, *arguments):
        command = [dcgan_kit, "study", "tiny-fashion28", *SMALL, *VARIED, "--folder", str(folder), *arguments]
        environment = {**os.environ, **LOOPBACK}
        process = subprocess.Popen(
            command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
        )
        started.append(process)
        return process

    yield study
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def trainings(folder):
    """The processes that train a run of a study: (process, its parent)."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            if entry.name.isdecimal() and "train-one" in words and str(folder) in words:
                found.append((int(entry.name), int((entry / "stat").read_text().rpartition(")")[2].split()[1])))
        except OSError:
            continue
    return found


def wait_for(condition, process, seconds=300):
    until = time.monotonic() + seconds
    while not (found := condition()):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


def tables(folder):
    return {name: (folder / name).read_bytes() for name in TABLES}


@pytest.mark.slow
def test_a_cluster_gives_the_bytes_of_this_machine_though_it_is_stopped_and_workers_die(cluster, study, tmp_path):
    alone, shared = tmp_path / "one" / "study", tmp_path / "two" / "study"
    process = study(shared, "--ray", cluster)
    wait_for(lambda: list(shared.glob("runs/*/metrics.jsonl")), process)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 130, stderr
    assert "stopped by SIGINT; what is finished stays, and the same command goes on" in stderr
    assert "Traceback" not in stderr
    assert not trainings(shared)

    process = study(shared, "--ray", cluster)
    # A worker of Ray: its task is lost, and the training in it stops in order.
    os.kill(wait_for(lambda: trainings(shared), process)[0][1], signal.SIGKILL)
    # And a training itself.
    wait_for(lambda: list(shared.glob("runs/*/generator.keras")), process)
    os.kill(wait_for(lambda: trainings(shared), process)[-1][0], signal.SIGKILL)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert stderr.count("a worker of Ray ended; its run is started again") == 2, stderr
    assert "Traceback" not in stderr
    assert not list(shared.glob(".ray-*"))
    process = study(alone, "--processes", "2")
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    assert tables(shared) == tables(alone)


def test_a_cluster_that_nobody_started(study, tmp_path):
    process = study(tmp_path / "study", "--ray", "127.0.0.1:9")
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 2
    assert "--ray 127.0.0.1:9: nobody answers there: Connection refused" in stderr
    assert "Traceback" not in stderr


def test_what_a_node_lacks(tmp_path):
    from dcgan_kit.process.ray_worker import NodeRequirements, versions

    (tmp_path / "token").write_text("abc")
    here = NodeRequirements(str(tmp_path), "token", "abc", versions(), str(tmp_path))
    assert here.lacking() == ""
    elsewhere = NodeRequirements(str(tmp_path / "other"), "token", "abc", versions(), str(tmp_path))
    assert "Put the study into a folder that all nodes share" in elsewhere.lacking()
    older = NodeRequirements(str(tmp_path), "token", "abc", {**versions(), "keras": "3.0.0"}, str(tmp_path))
    assert re.search(r"has keras \S+ instead of 3\.0\.0", older.lacking())
