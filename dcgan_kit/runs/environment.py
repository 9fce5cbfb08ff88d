"""A run's environment, besides its recipe: versions, plugins, devices, number of images, how a step is computed."""

from __future__ import annotations

import json
import os
import platform
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dcgan_kit.adversarial.step_choice import ChoiceSoFar, StepChoice
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin import LoadedPlugins
from dcgan_kit.errors import printable
from dcgan_kit.files import read_regular
from dcgan_kit.process.processors import processor_name, usable_processors
from dcgan_kit.recipes.resolved import Precision
from dcgan_kit.version import __version__, package_version

ENVIRONMENT = "environment.json"
MAX_FACTS_BYTES = 4 * 2**20
"""Most bytes of the file."""
MOST_NAMES = 1000
"""Most names of classes in the file."""
CHECKED = 256
"""Number of evenly spaced images whose pixels are checked before a run continues."""

VARIABLES = (
    "CUBLAS_WORKSPACE_CONFIG", "CUDA_VISIBLE_DEVICES", "NVIDIA_TF32_OVERRIDE", "OMP_NUM_THREADS",
    "ONEDNN_DEFAULT_FPMATH_MODE", "ONEDNN_MAX_CPU_ISA", "TF_AUTO_MIXED_PRECISION_GRAPH_REWRITE_LEVEL",
    "TF_CONV2D_USE_FP16_ACCUMULATE", "TF_CUDNN_USE_AUTOTUNE", "TF_CUDNN_USE_RUNTIME_FUSION", "TF_DISABLE_JIT_KERNELS",
    "TF_DISABLE_RZ_CHECK", "TF_ENABLE_ONEDNN_OPTS", "TF_ENABLE_WINOGRAD_NONFUSED", "TF_ENABLE_ZENDNN_OPTS",
    "TF_FP16_CONV_USE_FP32_COMPUTE", "TF_FP16_MATMUL_USE_FP32_COMPUTE", "TF_NUM_INTEROP_THREADS",
    "TF_NUM_INTRAOP_THREADS", "TF_SET_ONEDNN_FPMATH_MODE", "TF_USE_CUBLASLT", "TF_USE_DEEP_CONV2D", "TF_XLA_FLAGS",
    "XLA_FLAGS",
)  # fmt: skip
"""Environment variables that may change the results of TensorFlow 2.21, even if only in the last bit.

``docs/training.md`` lists all variables; dcgan-kit sets the others, or they change no result.
"""
COMPARED = ("dcgan_kit", "machine", "processor", "cores", "devices", "packages", "variables", "plugins")


def environment(
    plugins: LoadedPlugins, choice: StepChoice, devices: str, images: Images, *, conditional: bool = False
) -> dict[str, Any]:
    """Return the versions, plugins, devices and images of this process, and how its steps are computed.

    If the recipe is ``conditional``, the names of the classes are among them, if there are any.
    """
    packages = ("tensorflow", "keras", "numpy", "pluggy", "pyyaml", "pydantic", "pillow")
    return {
        "dcgan_kit": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "processor": processor_name(),
        # TensorFlow divides sums among as many threads.
        "cores": usable_processors(),
        **choice.as_data(),
        "devices": devices,
        "images": len(images),
        "pixels": image_checksum(images, with_labels=conditional),
        **({"class_names": list(images.class_names[:MOST_NAMES])} if conditional and images.class_names else {}),
        "packages": {name: package_version(name) for name in packages},
        "variables": {name: os.environ[name] for name in VARIABLES if name in os.environ},
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


def machine() -> dict[str, Any]:
    """Return the processor, the number of cores, and the versions that decide about numbers."""
    packages = ("tensorflow", "keras", "numpy", "scipy")
    versions = {name: package_version(name) for name in packages}
    return {"processor": processor_name(), "cores": usable_processors(), "dcgan_kit": __version__, "packages": versions}


def changes_message(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return a message about differences to the start of a run that may change its results; empty if there are none.

    Args:
        before: what ``environment_of`` read; keys that an older version did not write are not compared.
        now: what ``environment`` returned.
    """
    changes: list[str] = []
    for key in COMPARED:
        old, new = before.get(key), now.get(key)
        if key not in before or old == new:
            continue
        if key == "plugins":
            old, new = _by_name(old), _by_name(new)
        if isinstance(old, dict) and isinstance(new, dict):
            names = [name for name in dict.fromkeys((*old, *new)) if old.get(name) != new.get(name)]
            changes += [_change(str(name), old.get(name), new.get(name)) for name in names]
        else:
            changes.append(_change(key, old, new))
    if not changes:
        return ""
    text = "; ".join(changes)
    return f"the environment differs from the start of this run: {text}. Numbers may differ in their last bits"


def _change(name: str, old: Any, new: Any) -> str:
    was, is_now = ("absent" if value is None else str(value)[:100] for value in (old, new))
    return f"{name} was {was}, is {is_now}"


def _by_name(plugins: Any) -> Any:
    """Return the distribution or origin of each loaded third-party plugin, by name; empty if it is not a valid list."""
    if not isinstance(plugins, list) or not all(isinstance(plugin, dict) for plugin in plugins):
        return {}
    return {
        f"plugin {plugin.get('name')}": plugin.get("distribution") or plugin.get("origin")
        for plugin in plugins
        if plugin.get("status") == "loaded" and plugin.get("origin") != "built-in"
    }


def image_checksum(images: Images, with_labels: bool) -> str:
    """Return a checksum of some images, which detects other images without reading a whole large data set.

    It covers the labels of all images too, if the recipe uses them.
    """
    import numpy as np

    positions = np.linspace(0, len(images) - 1, min(len(images), CHECKED)).round().astype(np.int64)
    checksum = zlib.crc32(np.ascontiguousarray(images.batch(positions)).tobytes())
    if with_labels and images.labels is not None:
        checksum = zlib.crc32(images.labels.astype("<i8").tobytes(), checksum)
    return f"{checksum:08x}"


def choice_so_far(path: Path) -> ChoiceSoFar | None:
    """Return how the steps of a run are computed; None if there is no run, or its environment does not say."""
    facts = environment_of(path)
    precision, xla = facts.get("precision"), facts.get("xla")
    return None if precision is None and xla is None else ChoiceSoFar(precision, xla)


def environment_of(path: Path) -> dict[str, Any]:
    """Return the environment in a run folder; empty if there is none, or it is damaged."""
    return _read(path)[0]


def damage_of(path: Path) -> str:
    """Return a message for the user about a damaged environment in a run folder; empty if it is not damaged."""
    reason = _read(path)[1]
    consequence = "the precision and the images that the run began with, and whether it used XLA, are not known"
    return reason and f"{path / ENVIRONMENT}: {reason}, and is ignored: {consequence}"


def _read(path: Path) -> tuple[dict[str, Any], str]:
    """Return the facts and an empty reason, or no facts and the reason why they cannot be used."""
    try:
        facts = json.loads(read_regular(path / ENVIRONMENT, MAX_FACTS_BYTES, follow_links=False))
        _Facts.model_validate(facts)
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"cannot be read: {error.strerror or error}"
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return {}, printable(f"is damaged ({'.'.join(map(str, first['loc'])) or 'all of it'}: {first['msg']})")[:300]
    except (ValueError, RecursionError) as error:
        return {}, printable(f"is damaged ({error})")[:300]
    return facts, ""


class _Facts(BaseModel):
    """The fields of ``environment.json`` with types that are checked; the other fields are not checked here."""

    model_config = ConfigDict(strict=True, extra="allow")
    precision: Precision | None = None
    xla: bool | None = None
    images: Annotated[int, Field(ge=0, le=2**53)] | None = None
    pixels: Annotated[str, Field(pattern="^[0-9a-f]{8}$")] | None = None
    devices: Annotated[str, Field(max_length=1000)] | None = None
