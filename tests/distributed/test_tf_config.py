"""Whatever TF_CONFIG and SLURM's variables hold: a cluster, or what is wrong with it, and where."""

from __future__ import annotations

import json
from contextlib import suppress
from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcgan_kit.distributed.addresses import fault_of_address, parts_of
from dcgan_kit.distributed.slurm import tasks_of_step
from dcgan_kit.distributed.tf_config import workers_of
from dcgan_kit.errors import UserError

TWO = ["a:1", "b:2"]


def config(cluster, job="worker", index=0):
    return json.dumps({"cluster": cluster, "task": {"type": job, "index": index}})


@pytest.mark.parametrize(("text", "expected"), [
    (config({"worker": TWO}, index=1), (("a:1", "b:2"), 1)),
    (config({"worker": ["b:2"], "chief": ["a:1"]}), (("a:1", "b:2"), 1)),
    (config({"worker": ["[::1]:2222", "node_3.cluster.local:65535"]}), (("[::1]:2222", "node_3.cluster.local:65535"), 0)),
    (config({"worker": ["10.0.0.1:1", "10.0.0.1:2"], "evaluator": ["e"]}), (("10.0.0.1:1", "10.0.0.1:2"), 0)),
    ('{"cluster": {"worker": ["a:1"]}}', (("a:1",), 0)),
    ('{"cluster": {}, "task": {"type": "Worker"}}', None),
    ('{"rpc_layer": "grpc", "environment": "cloud"}', None),
])  # fmt: skip
def test_good_ones(text, expected):
    assert workers_of(text) == expected


@pytest.mark.parametrize(("text", "reported"), [
    ("{", "is not JSON: Expecting property name enclosed in double quotes at line 1, column 2; it looks like {"),
    ("\n  worker", "is not JSON: Expecting value at line 2, column 3"),
    ("{'cluster': {}}", "is not JSON"),
    ("[]", "must be an object (given: [])"),
    ("3", "must be an object (given: 3)"),
    ("null", "must be an object (given: null)"),
    ("[" * 100_000, "is nested too deeply"),
    ('{"a":' * 100_000 + "1" + "}" * 100_000, "is nested too deeply"),
    (" " * 2_000_000, "has 2,000,000 characters; at most 1,000,000 are read"),
    ('{"cluster": {"worker": ["a:1"]}, "cluster": {}}', 'the key "cluster" occurs twice'),
    ('{"task": {"index": NaN}}', "NaN is not a JSON number"),
    ('{"task": {"index": -Infinity}}', "-Infinity is not a JSON number"),
    ('{"task": {"index": ' + "9" * 5000 + "}}", "is not understood"),
    ('{"cluster": null}', "cluster: must be an object of jobs (given: null)"),
    ('{"cluster": ["a:1"]}', 'cluster: must be an object of jobs (given: ["a:1"])'),
    ('{"cluster": {"worker": []}}', "cluster: names no worker"),
    (config({"worker": 3}), "cluster.worker: must be a list of host:port (given: 3)"),
    (config({"worker": "a:1"}), 'cluster.worker: must be a list of host:port (given: "a:1")'),
    (config({"worker": {"0": "a:1"}}), "cluster.worker: must be a list of host:port"),
    (config({"Worker": TWO}), "cluster.Worker: is not a job that trains. Did you mean 'worker'?"),
    (config({"workers": TWO}), "cluster.workers: is not a job that trains. Did you mean 'worker'?"),
    (config({"trainer": TWO}), "cluster.trainer: is not a job that trains."),
    (config({"x\n\x1b[2J": TWO}), "cluster.x\\n\\x1b[2J: is not a job that trains"),
    (config({"master": ["a:1"], "worker": ["b:2"]}), "cluster.master: is what older versions of TensorFlow called"),
    (config({"ps": ["b:1"], "worker": ["a:1"]}), "cluster.ps: names parameter servers, which train on stale weights"),
    (config({"tpu_worker": ["a:1"]}), "cluster.tpu_worker: names workers of a TPU; leave TF_CONFIG unset"),
    (config({"chief": TWO}, "chief"), "cluster.chief: names several chiefs"),
    (config({"worker": ["a:1", 7]}), "cluster.worker[1]: must be a text, host:port (given: 7)"),
    (config({"worker": ["a:1", None]}), "cluster.worker[1]: must be a text, host:port (given: null)"),
    (config({"worker": ["a:1", ["b", 2]]}), "cluster.worker[1]: must be a text, host:port"),
    (config({"worker": ["a:1", "b"]}), 'cluster.worker[1]: is not an address: "b" has no port; write host:port'),
    (config({"worker": ["a:1", "[::1]"]}), "has no port"),
    (config({"worker": ["a:1", ""]}), "has no port"),
    (config({"worker": ["a:1", ":2222"]}), "has no host"),
    (config({"worker": ["a:1", "b:"]}), "has the port ''"),
    (config({"worker": ["a:1", "b:x"]}), "has the port 'x'; a port is a whole number from 1 to 65535"),
    (config({"worker": ["a:1", "b:0"]}), "has the port '0'"),
    (config({"worker": ["a:1", "b:65536"]}), "has the port '65536'"),
    (config({"worker": ["a:1", "b:-1"]}), "has the port '-1'"),
    (config({"worker": ["a:1", "b:٢٢"]}), "has the port "),
    (config({"worker": ["a:1", "b:" + "2" * 9999]}), "has the port '22222222222222222222'"),
    (config({"worker": ["a:1", "b c:2"]}), "has a space in its host"),
    (config({"worker": ["a:1", " b:2"]}), "has a space in its host"),
    (config({"worker": ["a:1", "b\t:2"]}), "has a space in its host"),
    (config({"worker": ["a:1", "grpc://b:2"]}), "has a slash in its host; leave out a scheme"),
    (config({"worker": ["a:1", "::1:2222"]}), "has colons in its host; write one port, and IPv6 addresses in brackets"),
    (config({"worker": ["a:1", "[::z]:2222"]}), "has no IPv6 address in its brackets"),
    (config({"worker": ["a:1", "b\u0000:2"]}), "has no valid host name"),
    (config({"worker": ["a:1", "\udcff:2"]}), "has no valid host name"),
    (config({"worker": ["a:1", "x" * 300 + ":2"]}), "has no valid host name"),
    (config({"worker": ["a:1", "b:2", "A:01"]}), "cluster.worker[2]: names A:01 twice (as cluster.worker[0])"),
    (config({"chief": ["a:1"], "worker": ["a:1"]}, "chief"), "cluster.worker[0]: names a:1 twice (as cluster.chief[0])"),
    (json.dumps({"cluster": {"worker": TWO}}), "task: is missing; say which worker this is: {"),
    (json.dumps({"cluster": {"worker": TWO}, "task": 1}), "task: must be an object (given: 1)"),
    (json.dumps({"cluster": {"worker": TWO}, "task": {"index": 0}}), "task.type: is missing; write worker"),
    (json.dumps({"cluster": {"worker": TWO}, "task": {"type": "worker"}}), "task.index: is missing; the first worker is 0"),
    (config({"worker": TWO}, "Worker"), "task.type: is not a job that trains (given: \"Worker\"). Did you mean 'worker'?"),
    (config({"worker": TWO}, ["worker"]), "task.type: is not a job that trains (given: [\"worker\"]). Write worker."),
    (config({"worker": TWO}, "ps"), "task.type: names parameter servers"),
    (config({"worker": TWO, "evaluator": ["e:1"]}, "evaluator"), "task.type: makes this process an evaluator, and there"),
    (config({"evaluator": ["e:1"]}, "evaluator"), "task.type: makes this process an evaluator"),
    (config({"worker": TWO}, "chief"), "task.index: there is no chief 0: cluster.chief has 0, from 0"),
    (config({"worker": TWO}, index=2), "task.index: there is no worker 2: cluster.worker has 2, from 0"),
    (config({"worker": TWO}, index=-1), "task.index: there is no worker -1"),
    (config({"worker": TWO}, index=10**400), "task.index: there is no worker 1000"),
    (config({"worker": TWO}, index=0.7), "task.index: must be a whole number (given: 0.7); the first worker is 0"),
    (config({"worker": TWO}, index=1.0), "task.index: must be a whole number (given: 1.0)"),
    (config({"worker": TWO}).replace(": 0}", ": 1e400}"), "task.index: must be a whole number (given: Infinity)"),
    (config({"worker": TWO}, index=True), "task.index: must be a whole number (given: true)"),
    (config({"worker": TWO}, index="1"), 'task.index: must be a whole number (given: "1")'),
    (config({"worker": TWO}, index=[0]), "task.index: must be a whole number (given: [0])"),
])  # fmt: skip
def test_bad_ones_are_told_with_their_place(text, reported):
    with pytest.raises(UserError) as caught:
        workers_of(text)
    assert f"TF_CONFIG: {reported}" in str(caught.value) or reported in str(caught.value).removeprefix("TF_CONFIG: ")
    assert len(str(caught.value).splitlines()) == 1
    assert str(caught.value).isprintable()


def test_every_problem_is_told_at_once():
    with pytest.raises(UserError) as caught:
        workers_of(config({"ps": [], "worker": ["a:1", "b", "c d:3"], "Worker": []}, "Worker", True))
    assert [line.partition(": ")[2].partition(":")[0] for line in str(caught.value).splitlines()] == [
        "cluster.ps", "cluster.worker[1]", "cluster.worker[2]", "cluster.Worker", "task.type", "task.index",
    ]  # fmt: skip
    with pytest.raises(UserError, match=r"TF_CONFIG: and 980 more problems$"):
        workers_of(config({"worker": ["x"] * 1000}))


def judge(read):
    """A cluster whose addresses are good, nothing, or a user's error."""
    found = None
    with suppress(UserError):
        found = read()
    if found is not None:
        addresses, index = found
        assert 0 <= index < len(addresses)
        assert len({(host.lower(), port) for host, port in map(parts_of, addresses)}) == len(addresses)
        assert not any(map(fault_of_address, addresses))


WORDS = (
    st.sampled_from(["cluster", "task", "worker", "chief", "ps", "type", "index", "a:1", "b:2", "b", ""]) | st.text()
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
CONFIGS = st.fixed_dictionaries(
    {"cluster": st.dictionaries(WORDS, st.lists(WORDS | VALUES, max_size=3) | VALUES, max_size=3)},
    optional={
        "task": st.fixed_dictionaries({}, optional={"type": WORDS | VALUES, "index": st.integers(-1, 3) | VALUES})
    },
)


@given(st.text() | (VALUES | CONFIGS).map(json.dumps))
def test_any_text_gives_a_cluster_or_a_users_error(text):
    judge(lambda: workers_of(text))


NAMES = ("NUM_TASKS", "NODELIST", "TASKS_PER_NODE")
LISTS = st.text("n0123456789[],-x() ", max_size=12) | st.text(max_size=12)


@given(
    st.fixed_dictionaries({f"SLURM_STEP_{name}": st.integers(-1, 4).map(str) | LISTS for name in NAMES}),
    st.integers(-1, 4).map(str) | LISTS,
    LISTS,
)
def test_any_variables_of_slurm_give_a_cluster_or_a_users_error(step, index, job):
    judge(lambda: tasks_of_step(step | {"SLURM_PROCID": index, "SLURM_JOB_ID": job}))


@given(st.ip_addresses(), st.integers(1, 65535))
def test_every_address_of_the_internet_is_one(host, port):
    written = f"[{host}]" if isinstance(host, IPv6Address) else str(host)
    assert fault_of_address(f"{written}:{port}") == ""
    assert parts_of(f"{written}:{port}") == (str(host), port)
