"""Real processes that share a run folder, and that are killed with no time for anything."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

KILLS = 4
EVERY = 2
STEPS = 300


@pytest.fixture(scope="module")
def start(dcgan_kit, tiny_file, sample_plugins):
    """Return a function (run folder, *overrides, **environment) -> process that trains the tiny recipe."""
    quiet = ("training.sample_every=100000", "--plugins-dir", str(sample_plugins / "folder"))

    def start(path, *more, **environment):
        command = [dcgan_kit, "train", str(tiny_file), *more, *quiet, "--run", str(path)]
        return subprocess.Popen(
            command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **environment}
        )

    return start


def wait_until(true, process, what):
    until = time.monotonic() + 600
    while time.monotonic() < until and process.poll() is None:
        if true():
            return
        time.sleep(0.01)
    process.kill()
    pytest.fail(f"no {what}: {process.communicate(timeout=300)}")


def logged(path):
    """The last step in the metrics; a line that was being written does not count."""
    try:
        lines = (path / "metrics.jsonl").read_text().split("\n")[:-1]
    except OSError:
        return 0
    return json.loads(lines[-1])["step"] if lines else 0


def whole_checkpoint(path):
    """The newest step whose file is what the manifest says; every older one must be whole too."""
    manifest = path / "checkpoints" / "manifest.json"
    if not manifest.exists():
        return None
    steps = []
    lines = json.loads(manifest.read_text())["checkpoints"]
    for line in lines:
        file = path / "checkpoints" / line["file"]
        if file.exists():
            assert hashlib.sha256(file.read_bytes()).hexdigest() == line["sha256"], f"{file} is damaged"
            steps.append(line["step"])
        else:
            # One may be about to come, and one about to go.
            assert line in (lines[0], lines[-1])
    return max(steps, default=None)


def killed_often(start, path, seed):
    """Train on and on, and kill each time → what the process after the last kill said."""
    chance, reported = random.Random(seed), []
    overrides = (f"training.steps={STEPS}", f"training.checkpoint_every={EVERY}", "training.log_every=1")
    for kill in range(KILLS):
        process = start(path, *overrides, SAMPLE_PLUGIN_SLOW_DISK="0.03" if kill % 3 else "0.01")
        before, lived = logged(path), kill == 2
        if lived:
            time.sleep(chance.uniform(0.0, 6.0))
        else:
            wait_until(lambda before=before: logged(path) > before, process, "progress")
            time.sleep(chance.uniform(0.0, 0.7))
        process.kill()
        reported.append(process.communicate(timeout=300)[1])
        assert "Traceback" not in reported[-1]
        assert "is damaged" not in reported[-1]
        whole, last = whole_checkpoint(path), logged(path)
        if last:
            assert whole is not None
            assert whole >= last - EVERY, "more is lost than what came after the last checkpoint"
    process = start(path, *overrides)
    out, end = process.communicate(timeout=300)
    assert process.returncode == 0, (out, end)
    return reported, end


WRITERS = "0,8,9,10"
"""Variants that write different files: plain, with scores and probes, with one checkpoint, with recovery. What differs in
its step alone goes on bit for bit without kills too, and other tests see to that."""


def test_a_kill_at_any_write_or_moment_changes_no_bit():
    """The short form of the script: one kill of each variant that writes other files."""
    script = Path(__file__).parents[2] / "scripts" / "kills.py"
    done = subprocess.run(
        [sys.executable, str(script), "--kills", "4", "--seed", "0", "--variants", WRITERS],
        capture_output=True, text=True, timeout=1200,
    )  # fmt: skip
    assert done.returncode == 0, (done.args, done.stdout, done.stderr)
    assert "4 of 4 kills" in done.stdout


def test_a_slow_disk_and_kills_lose_no_line_and_leave_nothing_behind(start, tmp_path):
    """The script compares the bits of every end; here is what stands in the folder while kills come."""
    reported, end = killed_often(start, tmp_path / "run", seed=0)
    went_on = [int(step) for text in (*reported, end) for step in re.findall(r"continuing from step (\d+)", text)]
    assert went_on == sorted(went_on), "no kill throws training back before an earlier start"
    assert len(went_on) > KILLS / 2
    lines = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "generator_loss" in line] == list(range(1, STEPS + 1))
    looks = [(line["step"], min(line.keys() - {"step"})) for line in lines if "generator_loss" not in line]
    assert len(looks) == len(set(looks)), "no look is written down twice"
    assert not list((tmp_path / "run").rglob(".*")), "what kills left behind is cleared away"


def test_two_processes_do_not_train_in_one_folder(start, tmp_path):
    path = tmp_path / "run"
    first = start(path, "training.steps=10000000")
    wait_until(lambda: logged(path) > 0, first, "metrics")
    second = start(path, "training.steps=10000000")
    _, reported = second.communicate(timeout=300)
    assert second.returncode == 2
    assert f"{path}: another process is training in this folder" in reported.replace("\n", " ")
    assert first.poll() is None, "the first goes on"
    step = logged(path)
    wait_until(lambda: logged(path) > step, first, "more metrics")
    first.kill()
    first.communicate(timeout=300)
