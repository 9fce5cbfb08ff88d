"""Several replicas train as one device does: each strategy in processes of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("distributed_training.py")
ADAM = "training.optimizer={use: adam, learning_rate: 0.0002}"
SGD = "training.optimizer={use: sgd, learning_rate: 0.5}"
SLOW_SGD = "training.optimizer={use: sgd, learning_rate: 0.05}"
PLAIN_CRITIC = "discriminator.normalization=none"
CASES = {
    "adam": [ADAM, "training.ema=0.9"],
    "sgd": [SGD, "training.ema=0.9"],
    "minimax": [SGD, "training.loss=minimax"],
    "least_squares, accumulated": [SLOW_SGD, "training.loss=least_squares", "training.accumulate=2"],
    "least_squares, accumulated, adam": [ADAM, "training.loss=least_squares", "training.accumulate=2"],
    "wasserstein, gradient penalty": [
        ADAM, "training.loss=wasserstein", "training.penalty=gradient_penalty", PLAIN_CRITIC,
        "training.updates=alternating", "training.discriminator.updates=2",
    ],
    "wasserstein, clipped": [
        "training.optimizer={use: rmsprop, learning_rate: 0.00005}", "training.loss=wasserstein",
        "training.discriminator.clip_value=0.01", "training.generator.clip_norm=0.5", "training.l2=0.001",
    ],
    "hinge, r1, batch norm": [ADAM, "training.loss=hinge", "training.penalty={use: r1, every: 2}"],
    "hinge, r1": [SLOW_SGD, "training.loss=hinge", "training.penalty=r1",
                  PLAIN_CRITIC, "training.discriminator.clip_norm=1"],
    "relativistic, alternating": [
        SGD, "training.loss=relativistic_average", "training.updates=alternating", "training.latents=fresh",
    ],
    "in turn, gradient penalty, batch norm": [
        ADAM, "training.updates=in_turn", "training.discriminator.updates=2", "training.penalty=gradient_penalty",
    ],
    "augmented, concatenated, soft labels": [
        SGD, "training.augmentation=adaptive", "training.discriminator_passes=concatenated",
        "training.loss={use: non_saturating, label_flipping: 0.1, label_smoothing: 0.1}",
    ],
}  # fmt: skip
"""Each built-in loss, Adam and SGD, and everything that could see a part of a batch for the whole."""
ATOL = {SGD: 5e-5, SLOW_SGD: 5e-5}
"""SGD at rate 0.5 moves as far as the gradient's rounding says; Adam's steps are bounded by its rate."""
DROPOUT = {"dropout": [ADAM, "discriminator.output.head.dropout=0.3"]}
OWN_STATISTICS = {"own statistics": [ADAM, "distribute.synchronized=false"]}


def free_ports(count):
    """Return ports of this machine that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [held.getsockname()[1] for held in sockets]
    for held in sockets:
        held.close()
    return ports


def train_cases(folder, cases, workers=1, *overrides):
    """Train cases in one process for each worker; return what each found."""
    file = folder / "cases.json"
    file.write_text(json.dumps({name: [*own, *overrides] for name, own in cases.items()}))
    addresses = [f"127.0.0.1:{port}" for port in free_ports(workers)]
    processes = []
    for index in range(workers):
        environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
        if workers > 1:
            task = {"type": "worker", "index": index}
            environment["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
        command = [sys.executable, str(SCRIPT), str(file), str(folder / f"{index}.npz")]
        processes.append(
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        )
    told = []
    try:
        told = [process.communicate(timeout=280)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * workers, "\n".join(told)
    found = []
    for index in range(workers):
        with np.load(folder / f"{index}.npz", allow_pickle=False) as archive:
            found.append({name: archive[name] for name in archive.files})
    return found


@pytest.fixture(scope="module")
def one_device(tmp_path_factory):
    """What one device finds for every case."""
    (found,) = train_cases(tmp_path_factory.mktemp("one"), CASES | DROPOUT | OWN_STATISTICS)
    return found


def differences(here, there, case):
    """Return the largest difference of each variable of a case."""
    names = [name for name in there if name.startswith(f"{case}/")]
    assert names
    assert names == [name for name in here if name.startswith(f"{case}/")]
    return {name: float(np.max(np.abs(here[name].astype("float64") - there[name]), initial=0.0)) for name in names}


@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "count"), [
    ("mirrored", 2), ("mirrored", 4), ("multi_worker", 2), ("multi_worker", 3),
])  # fmt: skip
def test_replicas_train_as_one_device_does(strategy, count, one_device, tmp_path):
    mirrored = strategy == "mirrored"
    devices = [f"distribute.strategy={strategy}", *([f"distribute.cpu_devices={count}"] if mirrored else [])]
    workers = 1 if mirrored else count
    found = train_cases(tmp_path, CASES | DROPOUT | OWN_STATISTICS, workers, *devices)
    for other in found[1:]:
        for name, value in found[0].items():
            np.testing.assert_array_equal(other[name], value, err_msg=f"workers differ in {name}")
    worst = {}
    for case, overrides in CASES.items():
        apart = differences(found[0], one_device, case)
        worst[case] = (max(apart.values()), max(apart, key=apart.get))
    print(strategy, count, json.dumps(worst, indent=1))
    for case, (difference, name) in worst.items():
        assert difference <= ATOL.get(CASES[case][0], 2e-6), (name, difference)
    # Each replica drops other numbers, and takes its own statistics: neither is what one device does.
    for case in (*DROPOUT, *OWN_STATISTICS):
        assert max(differences(found[0], one_device, case).values()) > 1e-4, case
