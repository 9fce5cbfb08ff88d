"""Interim analyses: with how many runs the results of a study were complete, and could be seen, so far."""

from __future__ import annotations

import json

from dcgan_kit.files import read_regular, write_whole
from dcgan_kit.runs.write_errors import writing
from dcgan_kit.studies.folder import StudyFolder

MOST_BYTES = 2**16
MOST = 1000
"""Most analyses that are remembered; the oldest are forgotten first."""


def read_interim(folder: StudyFolder) -> tuple[int, ...]:
    """Return the numbers of runs, in order of time; none if nothing that can be read says any."""
    try:
        found = json.loads(read_regular(folder.interim, MOST_BYTES, follow_links=False))
    except (OSError, ValueError, RecursionError):
        return ()
    counts = found[-MOST:] if isinstance(found, list) else []
    return tuple(count for count in counts if type(count) is int and count > 0)


def note_interim(folder: StudyFolder, runs: int) -> None:
    """Write down that the results of so many runs are complete.

    Raises:
        RunError: it cannot be written.
    """
    before = read_interim(folder)
    if before[-1:] == (runs,):
        return
    with writing(folder.interim):
        write_whole(folder.interim, (json.dumps([*before, runs][-MOST:]) + "\n").encode())
