"""The precision of matrix products and convolutions; weights, losses and statistics stay float32."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tensorflow as tf

from dcgan_kit.networks.keras_internals import layers_within
from dcgan_kit.networks.network import Network, Networks
from dcgan_kit.recipes.resolved import Precision

BFLOAT16_CPU = frozenset({"avx512_bf16", "amx_bf16"})
"""CPU flags of processors that multiply bfloat16 in hardware."""
BFLOAT16_GPU = (8, 0)
"""Lowest compute capability of Nvidia GPUs that multiply bfloat16 in tensor cores."""


def bfloat16_hardware(kind: str) -> str:
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
