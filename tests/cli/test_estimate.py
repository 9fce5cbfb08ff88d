"""``train --estimate``, the rest of the time on the lines of a training, and ``check`` of a warm start."""

from __future__ import annotations

import json

import pytest

from dcgan_kit.terminal.progress import TrainingProgress
from dcgan_kit.terminal.quantities import duration, short_duration, size


@pytest.fixture(scope="module")
def source(command, tmp_path_factory):
    """A run of four steps."""
    folder = tmp_path_factory.mktemp("source") / "run"
    command("train", "tiny-fashion28", "training.steps=4", "--run", folder)
    return folder


def test_an_estimate_is_a_table_and_no_run_folder(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = command("train", "tiny-fashion28", "--estimate")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("tiny-fashion28: 20 steps take about ")
    assert lines[0].endswith("on one CPU, float32")
    rows = [line.split("  ")[0] for line in lines]
    assert [row for row in rows if row in (
        "step", "line of metrics", "sample grid", "checkpoint",
    )] == ["step", "line of metrics", "sample grid", "checkpoint"]  # fmt: skip
    assert any(line.startswith("memory: ") for line in lines)
    assert any(line.startswith("disk: ") and "checkpoints of " in line for line in lines)
    assert list(tmp_path.iterdir()) == []


def test_an_estimate_for_programs(command):
    found = json.loads(command("train", "tiny-fashion28", "training.steps=1000", "--estimate", "--json").stdout)
    assert found["steps"] == 1000
    assert found["seconds_range"][0] <= found["seconds"] <= found["seconds_range"][1]
    assert found["seconds"] > 1000 * found["step_seconds"]["fastest"]
    assert {one["what"] for one in found["between_steps"]} >= {"line of metrics", "sample grid", "checkpoint"}


def test_a_training_prints_no_json(command):
    result = command("train", "tiny-fashion28", "--json", status=2)
    assert "--json goes with --estimate" in result.stderr


def test_an_estimate_of_a_recipe_with_a_mistake_is_refused(command):
    result = command("train", "tiny-fashion28", "--estimate", "training.start_from=nowhere", status=2)
    assert "training.start_from: nowhere: there is no such folder" in result.stderr


def test_check_says_what_a_warm_start_takes(command, source):
    narrow = ("check", "tiny-fashion28", f"training.start_from={source}", "generator.stages.0.filters=4")
    said = command(*narrow).stderr
    assert f"starting from {source}, step 4; both optimizers start anew" in said
    assert "generator: 6 of 12 arrays taken; other shapes: stage1_upsample/kernel has (4, 4, 4, 8) here and" in said
    assert "discriminator: 9 of 9 arrays taken" in said
    found = json.loads(command(*narrow, "--json").stdout)["start"]
    assert found["step"] == 4
    assert len(found["networks"]["generator"]["taken"]) == 6
    assert len(found["networks"]["generator"]["other_shape"]) == 6


def test_check_reports_a_start_that_is_not_there_and_one_that_does_not_fit(command, source, tmp_path):
    missing = command("check", "tiny-fashion28", "training.start_from=nowhere")
    assert "on this machine it cannot be trained yet: " in missing.stderr
    keys = ("generator.input.filters=5", "generator.stages.0.filters=7", "discriminator.stages=[{filters: 5}]")
    odd = ("latent.size=9", "generator.output={upsample: {kernel_size: 5}, bias: false}", "discriminator.output.bias=false",
           "discriminator.downsample.kernel_size=5")  # fmt: skip
    other = command("check", "tiny-fashion28", f"training.start_from={source}", *keys, *odd, status=2)
    assert "training.start_from: " in other.stderr
    assert "no array fits these networks by path, shape and type" in other.stderr


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.2, "1 s"), (45, "45 s"), (100, "2 min"), (3 * 3600 + 300, "3 h 5 min")]
)
def test_times_in_words(seconds, told):
    assert duration(seconds) == told


def test_short_times_and_sizes_in_words():
    assert [short_duration(seconds) for seconds in (0.00042, 0.0351, 2.53, 45)] == [
        "0.42 ms",
        "35.1 ms",
        "2.5 s",
        "45 s",
    ]
    assert [size(amount) for amount in (300, 3.4 * 2**20, 120 * 2**20, 5 * 2**40)] == [
        "300 bytes", "3.4 MiB", "120 MiB", "5.0 TiB",
    ]  # fmt: skip


def test_the_lines_of_a_training_say_how_long_the_rest_takes(monkeypatch, capsys):
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    losses = {"generator_loss": 1.0, "discriminator_loss": 2.0}
    with TrainingProgress(1000, 8) as progress:
        for step in (1, 11, 101, 1000):
            clock[0] = 2.0 * step
            progress.progress(step, losses)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        "step 1 of 1000  G 1.00  D 2.00",
        "step 11 of 1000  G 1.00  D 2.00  4 images/s",
        "step 101 of 1000  G 1.00  D 2.00  4 images/s  about 30 min left",
        "step 1000 of 1000  G 1.00  D 2.00  4 images/s",
    ]
