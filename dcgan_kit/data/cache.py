"""Where things lie on disk that can be made anew: decoded pixels, and summaries of real images."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """``$DCGAN_KIT_CACHE``, or ``~/.cache/dcgan-kit``."""
    return Path(os.environ.get("DCGAN_KIT_CACHE") or "~/.cache/dcgan-kit").expanduser()
