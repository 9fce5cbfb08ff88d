"""The lock of a run folder: a training waits for one that is ending."""

from __future__ import annotations

import threading
import time

import pytest

from dcgan_kit.errors import RunError
from dcgan_kit.runs.folder_lock import locked, wait_until_free
from dcgan_kit.runs.run_folder import RunFolder


def test_it_waits_until_the_other_one_has_ended(tmp_path):
    run, said = RunFolder(tmp_path / "run"), []
    wait_until_free(run, lambda: said.append("no run"))
    held = locked(run)
    held.__enter__()
    with pytest.raises(RunError, match="another process is training in this folder"), locked(run):
        pass
    threading.Timer(0.5, held.__exit__, (None, None, None)).start()
    begun = time.monotonic()
    wait_until_free(run, lambda: said.append("waiting"))
    assert time.monotonic() - begun > 0.3
    assert said == ["waiting"]
    with locked(run):
        pass
