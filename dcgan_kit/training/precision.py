"""In which numbers products and convolutions are computed; weights, losses and statistics stay float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tensorflow as tf

from dcgan_kit.networks.building import Network, Networks
from dcgan_kit.recipes.resolved import Precision
from dcgan_kit.training.devices import Devices

BFLOAT16_CPU = frozenset({"avx512_bf16", "amx_bf16"})
"""Flags of processors whose matrix products in bfloat16 are faster than in float32."""
BFLOAT16_GPU = (8, 0)
"""Compute capability from which Nvidia's GPUs multiply bfloat16 in tensor cores."""


@dataclass(frozen=True)
class Chosen:
    """A precision, and why."""

    precision: Precision
    reason: str


def choose_precision(wanted: Precision, devices: Devices) -> Chosen:
    """Return the precision to train in; ``auto`` takes bfloat16 where the device has it in hardware."""
    if wanted != "auto":
        return Chosen(wanted, "as the recipe says")
    found = _bfloat16(devices.kind)
    # Workers that compute in different numbers would train different networks.
    (share,) = devices.agree(float(bool(found)))
    if share == 1.0:
        return Chosen("mixed_bfloat16", f"auto: {found}")
    whose = "not every worker" if found else f"this {devices.kind}"
    return Chosen("float32", f"auto: {whose} has {'' if found else 'no '}bfloat16 in hardware")


def _bfloat16(kind: str) -> str:
    """What of the device computes in bfloat16; empty if nothing does."""
    if kind == "TPU":
        return "TPUs compute in bfloat16"
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
        # Only Linux tells this way; elsewhere float32 is safe.
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
        yield from layer._flatten_layers()


@contextmanager
def in_float32(networks: Networks, precision: Precision) -> Iterator[None]:
    """Let the layers compute in float32 for a while, as samples and saved models do."""
    set_precision(networks, "float32")
    try:
        yield
    finally:
        set_precision(networks, precision)
