"""The cache folder, for data that can be computed again: decoded pixels, and summaries of real images."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return ``$DCGAN_KIT_CACHE``, or ``~/.cache/dcgan-kit`` if it is not set."""
    return Path(os.environ.get("DCGAN_KIT_CACHE") or "~/.cache/dcgan-kit").expanduser()
