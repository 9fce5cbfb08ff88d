"""Count the files of a folder or an archive that are not used as images, by reason, and report them."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence

SHOWN = 5
"""Most examples in a line."""
NO_IMAGE = "no image"
HIDDEN = "hidden"
NOT_ORDINARY = "not ordinary"
UNREADABLE = "unreadable"
REPLACED = "replaced"
_REASONS = {
    NO_IMAGE: ("file that is no image", "files that are no images"),
    HIDDEN: ("name that begins with a dot or is macOS's own", "names that begin with a dot or are macOS's own"),
    NOT_ORDINARY: (
        "pipe, device, or link that leads to no file",
        "pipes, devices, or links that lead to no file",
    ),
    UNREADABLE: (
        "file that cannot be read and whose name is not that of an image",
        "files that cannot be read and whose names are not those of images",
    ),
    REPLACED: (
        "member that a later one of the same name replaces",
        "members that later ones of the same name replace",
    ),
}


class LeftOut:
    """Counts files that are left out."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}
        self._run_folders: list[str] = []

    def add(self, reason: str, name: str) -> None:
        """Count a file for one of the reasons of this module."""
        suffix = os.path.splitext(name)[1].lower()
        self._counts.setdefault(reason, Counter())[suffix or "without suffix"] += 1

    def add_run_folder(self, name: str) -> None:
        """Count a run folder with all its files."""
        self._run_folders.append(name)

    def lines(self, source: str) -> tuple[str, ...]:
        """Return a line for each reason, with the number of files."""
        lines = []
        for reason, (one, many) in _REASONS.items():
            suffixes = self._counts.get(reason, Counter())
            count = suffixes.total()
            if count:
                most = sorted(suffixes.items(), key=lambda item: (-item[1], item[0]))
                kinds = f" ({_some([f'{n:,} {suffix}' for suffix, n in most])})"
                lines.append(f"{source}: left out {count:,} {one if count == 1 else many}{kinds}")
        if self._run_folders:
            folders = sorted(self._run_folders)
            counted_folders = "a run folder" if len(folders) == 1 else f"{len(folders):,} run folders"
            reason = "because output of training is not used as data"
            lines.append(f"{source}: left out {counted_folders}, {reason}: {_some(folders)}")
        return tuple(lines)


def _some(texts: Sequence[str]) -> str:
    return ", ".join([*texts[:SHOWN], *([f"{len(texts) - SHOWN:,} more"] if len(texts) > SHOWN else [])])
