"""The precision of matrix products and convolutions; weights, losses and statistics stay float32."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from dcgan_kit.distributed.devices import Devices
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.network import Network, Networks
from dcgan_kit.recipes.resolved import Precision

BFLOAT16_CPU = frozenset({"avx512_bf16", "amx_bf16"})
"""CPU flags of processors that multiply bfloat16 in hardware."""
BFLOAT16_GPU = (8, 0)
"""Lowest compute capability of Nvidia GPUs that multiply bfloat16 in tensor cores."""
MIN_SPEEDUP = 1.1
"""Lowest speed-up of bfloat16 over float32 with which ``auto`` chooses it."""
ROUNDS = 7


@dataclass(frozen=True)
class ChosenPrecision:
    """A precision, and the reason for it."""

    precision: Precision
    reason: str


def choose_precision(wanted: Precision, devices: Devices, so_far: Precision | None = None) -> ChosenPrecision:
    """Return the precision to train in; ``auto`` means bfloat16 if the device has it and is faster with it.

    Args:
        wanted: the recipe's precision.
        devices: where training runs.
        so_far: the precision of the run so far, which a resumed run keeps on any device; None for a new run.
    """
    if wanted == so_far or (wanted != "auto" and so_far is None):
        return ChosenPrecision(wanted, "as the recipe says")
    if so_far is not None:
        if wanted == "auto":
            # A worker that does not see the run folder waits for an agreement below, so this worker must take part.
            devices.agree(0.0)
        return ChosenPrecision(so_far, "as in this run so far")
    faster, reason = _bfloat16_is_faster(devices.kind)
    # All workers must use one precision, or they would train different networks.
    (share,) = devices.agree(float(faster))
    if share == 1.0:
        return ChosenPrecision("mixed_bfloat16", f"auto: {reason}")
    return ChosenPrecision("float32", f"auto: {'bfloat16 is not faster on every worker' if faster else reason}")


def _bfloat16_is_faster(kind: str) -> tuple[bool, str]:
    """Return whether the device is faster in bfloat16, and the reason."""
    if kind == "TPU":
        return True, "TPUs compute in bfloat16"
    found = _bfloat16(kind)
    if not found:
        return False, f"this {kind} has no bfloat16 in hardware"
    # Some processors have bfloat16 instructions that are no faster than float32, or slower.
    ratio = _speedup()
    return ratio >= MIN_SPEEDUP, f"{found}, {ratio:.1f} times as fast as float32"


def _speedup() -> float:
    """Time a convolution on this machine; return the speed-up of bfloat16 over float32."""
    noise = tf.random.stateless_normal((32, 32, 32, 64), [0, 1]), tf.random.stateless_normal((4, 4, 64, 128), [0, 2])
    convolve = tf.function(lambda images, kernel: tf.reduce_sum(tf.nn.conv2d(images, kernel, 2, "SAME")))
    runners = {kind: [tf.cast(tensor, kind) for tensor in noise] for kind in (tf.float32, tf.bfloat16)}
    best = dict.fromkeys(runners, float("inf"))
    for number in range(ROUNDS):
        # The two types alternate, so that other load on the machine affects both. The first round only warms up.
        for kind, tensors in runners.items():
            started = time.perf_counter()
            convolve(*tensors).numpy()
            if number > 0:
                best[kind] = min(best[kind], time.perf_counter() - started)
    return best[tf.float32] / best[tf.bfloat16]


def _bfloat16(kind: str) -> str:
    """Return what has bfloat16 in hardware, e.g. ``the GPU has bfloat16``; empty if nothing does."""
    if kind == "GPU":
        for device in tf.config.list_physical_devices("GPU"):
            capability = tf.config.experimental.get_device_details(device).get("compute_capability")
            if capability is None or capability < BFLOAT16_GPU:
                return ""
        return "the GPU has bfloat16"
    flags = sorted(BFLOAT16_CPU & _processor_flags())
    return f"the processor has {flags[0]}" if flags else ""


def _processor_flags(path: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        # Only Linux has this file. On other systems no flags are found, and float32 is always correct.
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def set_precision(networks: Networks, precision: Precision) -> None:
    """Set the precision of all layers of both networks, except G's last layer if it has no weights.

    Images need more than bfloat16's 8 significant bits.
    """
    for network in (networks.generator, networks.discriminator):
        for layer in _layers(network):
            layer.dtype_policy = precision


def _layers(network: Network) -> Iterator[Any]:
    last = network.model.layers[-1]
    for layer in network.model.layers[1:]:
        if layer is last and network.role == "generator" and not layer.weights:
            continue
        yield from layers_within(layer)


@contextmanager
def in_float32(networks: Networks, precision: Precision) -> Iterator[None]:
    """Let the layers compute in float32 inside this context; samples and saved models use float32."""
    set_precision(networks, "float32")
    try:
        yield
    finally:
        set_precision(networks, precision)
