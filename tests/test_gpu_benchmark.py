"""The check of a GPU runs as one script, also where there is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "gpu.py"


def ran(*words):
    return subprocess.run([sys.executable, SCRIPT, *map(str, words)], check=False, capture_output=True, text=True)


@pytest.mark.slow
def test_parts_run_on_a_processor(tmp_path):
    done = ran("--folder", tmp_path, "--few", "devices", "xla")
    assert done.returncode == 0, done.stdout + done.stderr
    devices, xla = (json.loads((tmp_path / f"{part}.json").read_text()) for part in ("devices", "xla"))
    assert devices["gpus"] == []
    assert devices["product_by_xla"] == 256.0**3
    assert xla["failed"] == {}
    assert xla["checked"] == len(xla["seconds"]) >= 2


def test_a_part_that_does_not_exist_is_told(tmp_path):
    done = ran("--folder", tmp_path, "device")
    assert done.returncode == 2
    assert "no such part: device; there are devices, train, steps, kernels, xla" in done.stderr
