"""What a run is made with besides its recipe: versions, plugins, devices, precision and number of images."""

from __future__ import annotations

import json
import platform
import zlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dcgan_kit import __version__
from dcgan_kit.components.plugins import LoadedPlugins
from dcgan_kit.components.results import Images
from dcgan_kit.errors import printable
from dcgan_kit.files import read_regular
from dcgan_kit.recipes.resolved import Precision

ENVIRONMENT = "environment.json"
MOST_OF_FACTS = 4 * 2**20
"""Bytes of the file."""
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
            {"name": p.name, "origin": p.origin, "distribution": p.distribution, "status": p.status, "error": p.error}
            for p in plugins.plugins
        ],
    }


def _checksum(images: Images) -> str:
    """A checksum of some images, which tells other ones apart without reading a large data set through."""
    some = np.linspace(0, len(images) - 1, min(len(images), CHECKED)).round().astype(np.int64)
    return f"{zlib.crc32(np.ascontiguousarray(images.batch(some)).tobytes()):08x}"


def precision_so_far(path: Path) -> Any:
    """The precision of a run; None where there is no run, or it does not say."""
    return environment_of(path).get("precision")


def environment_of(path: Path) -> dict[str, Any]:
    """What a run folder says of its environment; nothing where it says none, or something that nobody writes."""
    return _read(path)[0]


def damage_of(path: Path) -> str:
    """What is wrong with what a run folder says of its environment, for people; empty if nothing is."""
    reason = _read(path)[1]
    told = "the precision and the images that the run began with are not known"
    return reason and f"{path / ENVIRONMENT}: {reason}, and left aside: {told}"


def _read(path: Path) -> tuple[dict[str, Any], str]:
    """The facts, or nothing and what is wrong with them."""
    try:
        facts = json.loads(read_regular(path / ENVIRONMENT, MOST_OF_FACTS, follow_links=False))
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
    """What training reads of it; the rest is for people."""

    model_config = ConfigDict(strict=True, extra="allow")
    precision: Precision | None = None
    images: Annotated[int, Field(ge=0, le=2**53)] | None = None
    pixels: Annotated[str, Field(pattern="^[0-9a-f]{8}$")] | None = None
    devices: Annotated[str, Field(max_length=1000)] | None = None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        if package != "tensorflow":
            raise
        # It comes under several names: tensorflow-cpu, tensorflow-tpu, tf-nightly. Reports read this module without it.
        import tensorflow as tf

        return str(tf.__version__)
