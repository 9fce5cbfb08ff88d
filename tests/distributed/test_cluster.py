from __future__ import annotations

import json
import signal
import socket
import time
from contextlib import suppress

import pytest

from dcgan_kit.distributed.cluster import Watch, cluster_of_environment, waiting
from dcgan_kit.distributed.devices import choose_devices
from dcgan_kit.distributed.slurm import expanded_hosts, tasks_of_step
from dcgan_kit.errors import RecipeError, UserError
from dcgan_kit.process.stop_signals import STOPPING, Stopped, deferred_signals, raised_signals

STEP = {
    "SLURM_STEP_NUM_TASKS": "3", "SLURM_PROCID": "1", "SLURM_STEP_NODELIST": "n[9-10]",
    "SLURM_STEP_TASKS_PER_NODE": "1,2", "SLURM_JOB_ID": "4007", "SLURMD_NODENAME": "n10",
}  # fmt: skip


@pytest.fixture
def tf_config(monkeypatch):
    """Return a function that sets TF_CONFIG to a text, or to (cluster, type, index)."""

    def tf_config(cluster, job="worker", index=0):
        text = cluster
        if not isinstance(cluster, str):
            text = json.dumps({"cluster": cluster, "task": {"type": job, "index": index}})
        monkeypatch.setenv("TF_CONFIG", text)

    return tf_config


def test_workers_of_tf_config(tf_config):
    tf_config({"worker": ["a:1", "b:2", "c:3"]}, "worker", 2)
    cluster = cluster_of_environment()
    assert cluster.addresses == ("a:1", "b:2", "c:3")
    assert cluster.name(cluster.index) == "worker 2 at c:3"


@pytest.mark.parametrize(("job", "index", "expected"), [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)])
def test_a_chief_is_the_first_worker(job, index, expected, tf_config):
    tf_config({"chief": ["a:1"], "worker": ["b:2", "c:3"]}, job, index)
    cluster = cluster_of_environment()
    assert cluster.addresses == ("a:1", "b:2", "c:3")
    assert cluster.index == expected


def test_an_evaluator_of_others_is_left_alone(tf_config):
    tf_config({"worker": ["a:1", "b:2"], "evaluator": ["e:9"]})
    assert cluster_of_environment().addresses == ("a:1", "b:2")


@pytest.mark.parametrize("text", ["", "  ", "{}", '{"cluster": {}}', '{"environment": "cloud"}', '{"task": {}}'])
def test_a_tf_config_without_a_cluster_is_none(text, tf_config):
    tf_config(text)
    assert cluster_of_environment() is None


def test_tasks_of_slurm_are_counted_in_its_own_order():
    assert tasks_of_step(STEP) == (("n9:16007", "n10:16007", "n10:16008"), 1)


def test_tf_config_goes_before_slurm(tf_config, monkeypatch):
    for name, value in STEP.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert cluster_of_environment().source == "SLURM"
    tf_config({"worker": ["a:1", "b:2"]})
    assert cluster_of_environment().source == "TF_CONFIG"


@pytest.mark.parametrize("environment", [{}, {"SLURM_NTASKS": "4"}, {"SLURM_STEP_NUM_TASKS": "1"}])
def test_without_a_step_of_several_tasks_slurm_is_none(environment):
    assert tasks_of_step(environment) is None


@pytest.mark.parametrize(("text", "hosts"), [
    ("a", ["a"]),
    ("a,b", ["a", "b"]),
    ("n[08-10,12],login", ["n08", "n09", "n10", "n12", "login"]),
    ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
    ("gpu-[1].local", ["gpu-1.local"]),
])  # fmt: skip
def test_lists_of_hosts(text, hosts):
    assert list(expanded_hosts(text)) == hosts


@pytest.mark.parametrize(("change", "reported"), [
    ({"SLURM_PROCID": None}, "SLURM: SLURM_PROCID is not set; start each worker by srun"),
    ({"SLURM_STEP_NODELIST": None}, "SLURM: SLURM_STEP_NODELIST is not set"),
    ({"SLURM_STEP_NUM_TASKS": "many"}, "SLURM_STEP_NUM_TASKS must be a whole number from 1 to 32768 (given: 'many')"),
    ({"SLURM_STEP_NUM_TASKS": "0"}, "SLURM_STEP_NUM_TASKS must be a whole number from 1"),
    ({"SLURM_STEP_NUM_TASKS": "1e400"}, "SLURM_STEP_NUM_TASKS must be a whole number"),
    ({"SLURM_STEP_NUM_TASKS": "9" * 5000}, "SLURM_STEP_NUM_TASKS must be a whole number"),
    ({"SLURM_PROCID": "0.7"}, "SLURM_PROCID must be a whole number"),
    ({"SLURM_PROCID": "-1"}, "SLURM_PROCID must be a whole number"),
    ({"SLURM_PROCID": "٣"}, "SLURM_PROCID must be a whole number"),
    ({"SLURM_PROCID": "1_0"}, "SLURM_PROCID must be a whole number"),
    ({"SLURM_JOB_ID": "\udcff"}, "SLURM_JOB_ID must be a whole number"),
    ({"SLURM_STEP_NODELIST": "n[1-999999999999]"}, "contradict each other: task 1 of 3, 4 hosts with 3 tasks"),
    ({"SLURM_STEP_NODELIST": "n[10-9]"}, "'10-9' is not a range of hosts"),
    ({"SLURM_STEP_NODELIST": "n[1-1]" * 5000}, "is not a host"),
    ({"SLURM_STEP_NODELIST": "n9,n9"}, "names a host twice"),
    ({"SLURM_STEP_NODELIST": "n 9,n10"}, "'n 9' is not a host: it has a space in its host"),
    ({"SLURM_STEP_NODELIST": ""}, "contradict each other: task 1 of 3, 0 hosts"),
    ({"SLURM_STEP_NODELIST": "a" * 300_000}, "SLURM_STEP_NODELIST has 300,000 characters"),
    ({"SLURM_STEP_TASKS_PER_NODE": "2(x999999999999)"}, "contradict each other: task 1 of 3, 2 hosts with"),
    ({"SLURM_STEP_TASKS_PER_NODE": "0,3"}, "SLURM_STEP_TASKS_PER_NODE '0,3'"),
    ({"SLURM_STEP_TASKS_PER_NODE": "2(y1)"}, "SLURM_STEP_TASKS_PER_NODE '2(y1)'"),
    ({"SLURM_STEP_NODELIST": "n[1-"}, "is not a host"),
    ({"SLURM_STEP_NODELIST": "n[9-11]"}, "contradict each other: task 1 of 3, 3 hosts with"),
    ({"SLURM_PROCID": "3"}, "contradict each other: task 3 of 3"),
    ({"SLURMD_NODENAME": "n9"}, "task 1 runs on n9, and would run on n10 if tasks were counted host by host; give srun"),
])  # fmt: skip
def test_what_is_wrong_with_slurm_is_told(change, reported):
    with pytest.raises(UserError) as caught:
        tasks_of_step({name: value for name, value in (STEP | change).items() if value is not None})
    assert reported in str(caught.value)


@pytest.fixture
def cluster_here(tf_config):
    """A listening socket, and a cluster of it and this process, which is worker 0."""
    with socket.create_server(("127.0.0.1", 0)) as other, socket.create_server(("127.0.0.1", 0)) as own:
        free = own.getsockname()[1]
        own.close()
        tf_config({"worker": [f"127.0.0.1:{free}", f"127.0.0.1:{other.getsockname()[1]}"]})
        yield other, cluster_of_environment()


def test_a_watch_names_a_worker_that_no_longer_answers(cluster_here, monkeypatch):
    monkeypatch.setattr("dcgan_kit.distributed.cluster.CHECK_SECONDS", 0.05)
    other, cluster = cluster_here
    lost = []
    with Watch(cluster, lost.append):
        time.sleep(0.5)
        assert lost == []
        port = other.getsockname()[1]
        other.close()
        until = time.monotonic() + 10
        while not lost and time.monotonic() < until:
            time.sleep(0.02)
    assert lost == [f"worker 1 at 127.0.0.1:{port}"]


def test_an_ended_watch_says_nothing(cluster_here, monkeypatch):
    monkeypatch.setattr("dcgan_kit.distributed.cluster.CHECK_SECONDS", 0.05)
    other, cluster = cluster_here
    lost = []
    with Watch(cluster, lost.append) as watch:
        watch.end()
        other.close()
        time.sleep(0.5)
    assert lost == []


@pytest.mark.parametrize("number", STOPPING, ids=lambda number: number.name)
def test_a_worker_that_waits_says_for_whom_and_heeds_every_signal(number, cluster_here):
    other, cluster = cluster_here
    other.close()
    reported = []

    def tell(message):
        reported.append(message)
        signal.raise_signal(number)

    with pytest.raises(Stopped, match=number.name), raised_signals(), deferred_signals(), waiting(cluster, tell):
        pytest.fail("must not go on")
    assert reported == [f"waiting for {cluster.name(1)}"]


def test_nobody_waits_after_a_signal_that_a_module_swallowed(cluster_here):
    """The others got it too, and have left."""
    _, cluster = cluster_here
    with raised_signals():
        with suppress(BaseException):
            signal.raise_signal(signal.SIGTERM)
        with pytest.raises(Stopped, match="SIGTERM"), waiting(cluster, print):
            pytest.fail("must not wait")


@pytest.mark.parametrize(("overrides", "key", "reported"), [
    (["distribute.strategy=multi_worker"], "distribute.strategy", "multi_worker needs TF_CONFIG in the environment, or"),
    (["distribute.strategy=tpu"], "distribute.strategy", "tpu is not possible: no TPU answers"),
])  # fmt: skip
def test_devices_that_are_not_there(overrides, key, reported, small, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(RecipeError) as caught:
        choose_devices(small(*overrides).recipe)
    assert f": {key}: {reported}" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_one_worker_alone_is_one_device(small, tf_config):
    tf_config({"worker": ["a:1"]})
    assert str(choose_devices(small().recipe)).startswith("one ")
