"""The most private memory that this process has taken; Linux only, as it reads /proc."""

from __future__ import annotations

import threading
import time
from pathlib import Path


class Peak(threading.Thread):
    """Reads the private memory of the process a hundred times per second, and keeps the peak.

    The system can free pages of a mapped file at any time, so they do not count.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.bytes = 0

    def run(self) -> None:
        """Read until the process ends."""
        while True:
            status = Path("/proc/self/status").read_text(encoding="ascii")
            self.bytes = max(self.bytes, 1024 * int(status.partition("RssAnon:")[2].split()[0]))
            time.sleep(0.01)
