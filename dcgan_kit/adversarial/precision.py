"""In which numbers products and convolutions are computed; weights, losses and statistics stay float32."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from dcgan_kit.distributed.devices import Devices
from dcgan_kit.networks.builder import Network, Networks
from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.recipes.resolved import Precision

BFLOAT16_CPU = frozenset({"avx512_bf16", "amx_bf16"})
"""Flags of processors that multiply bfloat16 in hardware."""
BFLOAT16_GPU = (8, 0)
"""Compute capability from which Nvidia's GPUs multiply bfloat16 in tensor cores."""
WORTH_IT = 1.1
"""How many times as fast bfloat16 must be."""
HEATS = 7


@dataclass(frozen=True)
class ChosenPrecision:
    """A precision, and why."""

    precision: Precision
    reason: str


def choose_precision(wanted: Precision, devices: Devices, so_far: Precision | None = None) -> ChosenPrecision:
    """Return the precision to train in; ``auto`` takes bfloat16 where the device has it and is faster in it.

    Args:
        wanted: what the recipe says.
        devices: where training runs.
        so_far: the precision of the run that goes on, which stays, whatever this device is quick at; None: none does.
    """
    if wanted == so_far or (wanted != "auto" and so_far is None):
        return ChosenPrecision(wanted, "as the recipe says")
    if so_far is not None:
        if wanted == "auto":
            # A worker that does not see the run folder asks the others; it must not wait for this one.
            devices.agree(0.0)
        return ChosenPrecision(so_far, "as this run so far")
    faster, reason = _bfloat16_pays(devices.kind)
    # Workers that compute in different numbers would train different networks.
    (share,) = devices.agree(float(faster))
    if share == 1.0:
        return ChosenPrecision("mixed_bfloat16", f"auto: {reason}")
    return ChosenPrecision("float32", f"auto: {'bfloat16 is not faster on every worker' if faster else reason}")


def _bfloat16_pays(kind: str) -> tuple[bool, str]:
    """Whether the device is faster in bfloat16, and why."""
    if kind == "TPU":
        return True, "TPUs compute in bfloat16"
    found = _bfloat16(kind)
    if not found:
        return False, f"this {kind} has no bfloat16 in hardware"
    # To have it is not to be faster in it: some processors take as long for its instructions, or longer.
    ratio = _times_as_fast()
    return ratio >= WORTH_IT, f"{found}, {ratio:.1f} times as fast as float32"


def _times_as_fast() -> float:
    """How many times as fast a convolution is in bfloat16 as in float32, here and now."""
    noise = tf.random.stateless_normal((32, 32, 32, 64), [0, 1]), tf.random.stateless_normal((4, 4, 64, 128), [0, 2])
    convolve = tf.function(lambda images, kernel: tf.reduce_sum(tf.nn.conv2d(images, kernel, 2, "SAME")))
    runners = {kind: [tf.cast(tensor, kind) for tensor in noise] for kind in (tf.float32, tf.bfloat16)}
    best = dict.fromkeys(runners, float("inf"))
    for heat in range(HEATS):
        # In turns, so that what else the machine does meets both; the first heat prepares kernels.
        for kind, tensors in runners.items():
            begun = time.perf_counter()
            convolve(*tensors).numpy()
            if heat > 0:
                best[kind] = min(best[kind], time.perf_counter() - begun)
    return best[tf.float32] / best[tf.bfloat16]


def _bfloat16(kind: str) -> str:
    """What of the device computes in bfloat16; empty if nothing does."""
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
        # Only Linux lists them here; elsewhere float32 is safe.
        return frozenset()
    flags = next((line for line in lines if line.startswith("flags")), "")
    return frozenset(flags.partition(":")[2].split())


def set_precision(networks: Networks, precision: Precision) -> None:
    """Let the layers of both networks compute in a precision, but the last of G: images need more than 8 bits."""
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
    """Let the layers compute in float32 for a while, as samples and saved models do."""
    set_precision(networks, "float32")
    try:
        yield
    finally:
        set_precision(networks, precision)
