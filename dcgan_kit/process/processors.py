"""The processors of this machine that this process may use."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def usable_processors() -> int:
    """Return how many processors this process may use, at least 1."""
    # macOS has no ``sched_getaffinity``.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def processor_name() -> str:
    """Return the name of the processor. Libraries choose instructions by it, and so the order of additions."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
