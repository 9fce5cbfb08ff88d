"""Several replicas train as one device does: each strategy in processes of its own."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPT = Path(__file__).with_name("distributed_training.py")
ADAM = "training.optimizer={use: adam, learning_rate: 0.0002}"
SGD = "training.optimizer={use: sgd, learning_rate: 0.003}"
PLAIN_CRITIC = "discriminator.normalization=none"
CASES = {
    "adam": [ADAM, "training.ema=0.9"],
    "minimax, clipped": [SGD, "training.loss=minimax", "training.discriminator.clip_norm=1"],
    "least_squares, accumulated": [SGD, "training.loss=least_squares", "training.accumulate=2"],
    "wasserstein, gradient penalty": [
        ADAM, "training.loss=wasserstein", "training.penalty=gradient_penalty", PLAIN_CRITIC,
        "training.updates=alternating", "training.discriminator.updates=2",
    ],
    "wasserstein, clipped": [
        "training.optimizer={use: rmsprop, learning_rate: 0.00005}", "training.loss=wasserstein",
        "training.discriminator.clip_value=0.01", "training.generator.clip_norm=0.5", "training.l2=0.001",
    ],
    "hinge, r1, batch norm": [ADAM, "training.loss=hinge", "training.penalty={use: r1, every: 2}"],
    "hinge, r1": [SGD, "training.loss=hinge", "training.penalty=r1", PLAIN_CRITIC],
    "relativistic, alternating": [
        SGD, "training.loss=relativistic_average", "training.updates=alternating", "training.latents=fresh",
    ],
    "paired, concatenated, accumulated": [
        SGD, "training.loss=relativistic_paired", "training.discriminator_passes=concatenated", "training.accumulate=2",
    ],
    "in turn, gradient penalty, batch norm": [
        ADAM, "training.updates=in_turn", "training.discriminator.updates=2", "training.penalty=gradient_penalty",
    ],
    "spectral, alternating": [
        ADAM, "discriminator.constraint=spectral", "generator.constraint=spectral",
        "training.updates=alternating", "training.discriminator.updates=2", "training.ema=0.9",
    ],
    "weights clipped, orthogonal": [
        ADAM, "training.discriminator.weight_clip=0.02", "training.generator.weight_clip=0.05",
        "training.generator.weight_clip_when=before", "training.orthogonal=0.1",
    ],
    "branches, batch norm": [
        SGD,
        "generator.stages.0={filters: 4, repeat: 2, shortcut: {order: [upsample, normalization]}, "
        "order: [normalization, activation, upsample, convolution, normalization]}",
        "discriminator.stages.1={filters: 4, repeat: 2, downsample: average_pool, shortcut: {join: concatenate}, "
        "order: [normalization, activation, convolution, downsample]}",
    ],
    "classes, projection": [
        SGD, "condition={classes: 10}", "generator.normalization=conditional_batch",
        "discriminator.output.head=projection", "training.updates=alternating",
        # Smooth ones, since rounding reaches a kink of the usual ones here.
        "generator.activation=tanh", "discriminator.activation=tanh",
    ],
    "drawn classes, auxiliary classifier, accumulated": [
        SGD, "condition={classes: 10, generated: uniform}", "generator.input.conditioning=multiply",
        "discriminator.stages.0.conditioning=label_map", "discriminator.output.head=auxiliary_classifier",
        "training.class_loss=cross_entropy", "training.accumulate=2",
    ],
    "latents modulate, current statistics, fixed filters": [
        SGD, "generator.normalization=self_modulated_batch", "generator.input.projection={use: learned_constant, size: 7}",
        "generator.stages.0={filters: 4, upsample: fir}",
        "discriminator.stages.1={filters: 4, downsample: fir, convolution: {kernel_size: 3}, "
        "order: [convolution, normalization, activation, downsample], normalization: {use: batch, sampling: batch}}",
        "discriminator.output.head=depthwise_dense", "generator.activation=tanh", "discriminator.activation=tanh",
    ],
    "standardized weights": [
        # They are fifty times as large as those of the others, and so are their gradients.
        "training.optimizer={use: sgd, learning_rate: 0.0001}", "discriminator.constraint=weight_standardization",
        "generator.activation=tanh", "discriminator.activation=tanh",
    ],
    "classes concatenated, equalized, class of generated images": [
        SGD, "condition={classes: 10}", "generator.input.conditioning={use: concatenate, embedding: 3}",
        "generator.normalization={use: conditional_batch, sampling: batch}", "discriminator.constraint=equalized",
        "discriminator.output.head={use: auxiliary_classifier, generated_class: true}",
        "training.class_loss={use: cross_entropy, fake: 1.0}",
        "generator.activation=tanh", "discriminator.activation=tanh",
    ],
    "attention": [
        SGD, "generator.stages.0.attention={use: self_attention, query_ratio: 2}",
        "discriminator.stages.1.attention={use: squeeze_excitation, ratio: 2}",
    ],
    "augmented, concatenated, soft labels": [
        SGD, "training.augmentation=diffaugment", "training.discriminator_passes=concatenated",
        "training.loss={use: non_saturating, label_flipping: 0.1, label_smoothing: 0.1}",
    ],
}  # fmt: skip
"""Each built-in loss, Adam and SGD, and everything that could see a part of a batch for the whole."""
FEW = ["least_squares, accumulated", "in turn, gradient penalty, batch norm"]
OVER_THE_NETWORK = [
    "least_squares, accumulated", "relativistic, alternating", "in turn, gradient penalty, batch norm",
    "classes, projection", "augmented, concatenated, soft labels",
]  # fmt: skip
"""Workers add up by other operations than mirrored replicas, and each way of adding up once is enough."""
TOLERANCE = 2e-6
"""Of the largest number of a variable, or of 1. With four filters and larger steps two trainings soon part: where an
activation passes through 0, rounding becomes a difference."""
DIFFERENT = {
    "dropout": [ADAM, "discriminator.output.head.dropout=0.3"],
    "own statistics": [ADAM, "distribute.synchronized=false"],
}
"""Each replica drops other numbers, and takes its own statistics: neither is what one device does."""
MIXED = {
    "adaptive, gradient penalty": [
        ADAM, "training.penalty={use: gradient_penalty, every: 2}", "training.ema=0.9",
        "training.augmentation={use: adaptive, kimg: 0.5, target: -1.0}", "discriminator.output.head.dropout=0.3",
    ],
    "bfloat16, accumulated, alternating": [
        ADAM, "training.precision=mixed_bfloat16", "training.updates=alternating", "training.discriminator.updates=2",
        "training.accumulate=2", "training.latents=fresh", "training.ema=0.9",
    ],
}  # fmt: skip
"""Recipes that must go on as they began, and are too sensitive to rounding to be held against one device."""


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
    reported = []
    try:
        reported = [process.communicate(timeout=1500)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0] * workers, "\n".join(reported)
    found = []
    for index in range(workers):
        with np.load(folder / f"{index}.npz", allow_pickle=False) as archive:
            found.append({name: archive[name] for name in archive.files})
    return found


@pytest.fixture(scope="module")
def one_device(tmp_path_factory):
    """What one device finds for every case."""
    (found,) = train_cases(tmp_path_factory.mktemp("one"), CASES | DIFFERENT)
    return found


def differences(here, there, case):
    """Return the largest difference of each variable of a case, relative to its largest number if that is above 1."""
    names = [name for name in there if name.startswith(f"{case}/")]
    assert names
    assert names == [name for name in here if name.startswith(f"{case}/")]
    scale = {name: max(1.0, float(np.max(np.abs(there[name]), initial=0.0))) for name in names}
    apart = {name: np.abs(here[name].astype("float64") - there[name]) for name in names}
    return {name: float(np.max(apart[name], initial=0.0)) / scale[name] for name in names}


def require_went_on(found, case):
    """See to it that a case ended with the same bits after it went on from a checkpoint."""
    names = [name for name in found if name.startswith(f"{case}/")]
    assert names
    for name in names:
        again = found[name.replace(case, f"{case}, gone on", 1)]
        assert found[name].tobytes() == again.tobytes(), name


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize(("strategy", "count", "names"), [
    ("mirrored", 2, CASES), ("mirrored", 4, FEW[:1]), ("multi_worker", 2, OVER_THE_NETWORK), ("multi_worker", 3, FEW[1:]),
])  # fmt: skip
def test_replicas_train_as_one_device_does(strategy, count, names, one_device, tmp_path):
    mirrored = strategy == "mirrored"
    devices = [f"distribute.strategy={strategy}", *([f"distribute.cpu_devices={count}"] if mirrored else [])]
    cases = {name: CASES[name] for name in names} | (DIFFERENT | MIXED if len(names) > len(FEW) else {})
    found = train_cases(tmp_path, cases, 1 if mirrored else count, *devices)
    for name in cases:
        require_went_on(found[0], name)
    for other in found[1:]:
        for name, value in found[0].items():
            # Moving statistics that are not shared are each worker's own; the chief's are kept.
            if not (name.startswith("own statistics") and re.search("moving|averaged", name)):
                np.testing.assert_array_equal(other[name], value, err_msg=f"workers differ in {name}")
    worst = {}
    for name in names:
        apart = differences(found[0], one_device, name)
        worst[name] = (max(apart.values()), max(apart, key=apart.get))
    print(strategy, count, json.dumps(worst, indent=1))
    for difference, variable in worst.values():
        assert difference <= TOLERANCE, variable
    for name in DIFFERENT.keys() & cases.keys():
        assert max(differences(found[0], one_device, name).values()) > 1e-4, name


@pytest.mark.parametrize(("gpus", "one", "shared"), [(1, False, 1), (2, False, 0), (2, True, 2), (0, True, 0)])
def test_a_single_gpu_has_room_for_a_process_that_tries_xla(gpus, one, shared, monkeypatch):
    import tensorflow as tf

    from dcgan_kit.distributed import devices

    found = []

    def grow(device, enabled):
        found.append((device, enabled))
        raise RuntimeError("Physical devices cannot be modified after being initialized")

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [f"{kind}:{index}" for index in range(gpus)])
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", grow)
    devices._share_gpu(one)
    assert found == [(f"GPU:{index}", True) for index in range(shared)]
