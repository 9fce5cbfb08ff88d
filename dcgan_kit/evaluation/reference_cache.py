"""Cached summaries of real images: they are the same at every evaluation, and slow to compute."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dcgan_kit.components.component import Component
from dcgan_kit.components.contracts.score import Gathering, Summary
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.data.cache import cache_folder
from dcgan_kit.evaluation.features import batches_of, gather
from dcgan_kit.evaluation.selection import ChosenExtractor
from dcgan_kit.files import open_regular, replacing

FORMAT = 1
"""Part of every file name. If the way to compute summaries changes, this number changes, and old files are not used."""
FINGERPRINT_DIGITS = 8

Note = Callable[[str], None]


def fingerprint(images: Images) -> str:
    """Return a hash of all pixels, in order, as hex digits."""
    digest = hashlib.sha256(repr(images.pixels.shape[1:]).encode())
    for pixels in batches_of(images):
        digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def real_summaries(
    images: Images, pixels_hash: str, extractor: ChosenExtractor, gatherings: dict[Gathering, Component], note: Note
) -> dict[Gathering, Summary]:
    """Return summaries of real images, from the cache if possible. The others are computed in one pass.

    Args:
        images: the images.
        pixels_hash: their ``fingerprint``.
        extractor: computes the features of images.
        gatherings: the gatherings, each with the component that defines it.
        note: receives a warning if the cache is damaged or unusable.
    """
    files = {
        gathering: _file(pixels_hash, extractor, gathering, owner, code)
        for gathering, owner in gatherings.items()
        if (code := _code(gathering.start)) is not None
    }
    found = {gathering: _read(file, note) for gathering, file in files.items()}
    summaries = {gathering: summary for gathering, summary in found.items() if summary is not None}
    missing = {gathering: owner for gathering, owner in gatherings.items() if gathering not in summaries}
    if missing:
        made = gather(batches_of(images), len(images), extractor, missing)
        for gathering, summary in made.items():
            if gathering in files:
                _write(files[gathering], summary, note)
        summaries.update(made)
    return summaries


def _file(pixels_hash: str, extractor: ChosenExtractor, gathering: Gathering, owner: Component, code: str) -> Path:
    features_by = "" if gathering.sees == "pixels" else f"{extractor.component.owner}/{extractor.name}"
    key = json.dumps([FORMAT, pixels_hash, features_by, gathering.name, owner.owner, code])
    return cache_folder() / f"{hashlib.sha256(key.encode()).hexdigest()}.summary.npz"


def _code(start: Any) -> str | None:
    """Return the name of an accumulator and a hash of its source file, so that changed code gets a new cache entry.

    None if there is no source file, for example in a console. Then its summaries are not cached.
    """
    try:
        source = inspect.getsourcefile(start)
        content = None if source is None else Path(source).read_bytes()
    except (TypeError, OSError):
        return None
    if content is None:
        return None
    return f"{start.__module__}.{start.__qualname__}@{hashlib.sha256(content).hexdigest()}"


def _read(file: Path, note: Note) -> Summary | None:
    try:
        with open_regular(file) as stream, np.load(stream, allow_pickle=False) as arrays:
            # zipfile checks the checksum of a member that is read to its end.
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        return None
    except Exception as error:
        # For a damaged archive, zipfile and NumPy can raise any exception.
        note(f"{file}: is damaged, so it is computed again ({type(error).__name__})")
        return None


def _write(file: Path, summary: Summary, note: Note) -> None:
    try:
        with replacing(file) as stream:
            np.savez(stream, allow_pickle=False, **summary)
    except OSError as error:
        # The cache only saves time, so the evaluation continues without it.
        note(
            f"the cache {file.parent} cannot be written ({error.strerror or error}), so the next evaluation reads "
            "the real images again: set DCGAN_KIT_CACHE to a writable folder"
        )
