"""What a run is made with besides its recipe: versions, plugins, devices, precision and number of images."""

from __future__ import annotations

import json
import platform
import zlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit import __version__
from dcgan_kit.components.plugins import LoadedPlugins
from dcgan_kit.components.results import Images

ENVIRONMENT = "environment.json"
CHECKED = 256
"""Images whose pixels are checked before a run goes on, evenly chosen."""


def environment(plugins: LoadedPlugins, precision: str, devices: str, images: Images) -> dict[str, Any]:
    """Return the versions, plugins, precision, devices and images that this process trains with."""
    packages = ("tensorflow", "keras", "numpy", "pluggy", "pyyaml", "pydantic", "pillow")
    return {
        "dcgan_kit": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "precision": precision,
        "devices": devices,
        "images": len(images),
        "pixels": _checksum(images),
        "packages": {name: _version(name) for name in packages},
        "plugins": [
            {
                "name": p.name,
                "origin": p.origin,
                "distribution": p.distribution,
                "file": p.file if p.origin == "folder" else "",
                "status": p.status,
                "error": p.error,
            }
            for p in plugins.plugins
        ],
    }


def _checksum(images: Images) -> str:
    """A checksum of some images, which tells other ones apart without reading a large data set through."""
    some = np.linspace(0, len(images) - 1, min(len(images), CHECKED)).round().astype(np.int64)
    return f"{zlib.crc32(np.ascontiguousarray(images.batch(some)).tobytes()):08x}"


def precision_so_far(path: Path) -> Any:
    """The precision of a run; None where there is no run, or it does not say."""
    precision = environment_of(path).get("precision")
    return precision if precision in ("float32", "mixed_bfloat16", "mixed_float16") else None


def environment_of(path: Path) -> dict[str, Any]:
    """What a run folder says of its environment; nothing where it cannot be read."""
    try:
        facts = json.loads((path / ENVIRONMENT).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        if package != "tensorflow":
            raise
        # It comes under several names: tensorflow-cpu, tensorflow-tpu, tf-nightly. Reports read this module without it.
        import tensorflow as tf

        return str(tf.__version__)
