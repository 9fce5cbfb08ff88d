"""A small JSON file of a run folder, validated before anything is read from it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from dcgan_kit.files import read_regular

_Model = TypeVar("_Model", bound=BaseModel)


def read_model(path: Path, model: type[_Model], most: int) -> _Model | None:
    """Return what a file holds; None if there is no such file, it cannot be read, or it is not valid.

    Args:
        path: the file; it may not be a link.
        model: what it must hold.
        most: its greatest size in bytes.
    """
    try:
        return model.model_validate_json(read_regular(path, most, follow_links=False))
    except (OSError, ValidationError):
        return None
