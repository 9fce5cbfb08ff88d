"""What a training will take: measured in a temporary folder, and compared with a run."""

from __future__ import annotations

import json

import pytest

import dcgan_kit
from dcgan_kit.runs.free_space import checkpoints_at_once, require_space

BUILTINS = dcgan_kit.PluginSettings(builtins_only=True)


class Ear(dcgan_kit.Quiet):
    """Keeps the names of the tasks that it hears of."""

    def __init__(self):
        self.tasks = set()

    def preparation(self, task, done, total):
        self.tasks.add(task)


@pytest.fixture(scope="module")
def watched_recipe():
    """The tiny recipe with scores and probes."""
    return dcgan_kit.load_recipe(
        "tiny-fashion28",
        "training.evaluation={every: 8, samples: 50, scores: [spectrum, frechet], extractor: random_convolution}",
        "training.probing={every: 4, probes: [units, diversity]}",
        "training.best={metric: fd}",
        settings=BUILTINS,
        training={"steps": 20, "keep": 3},
    )


@pytest.fixture(scope="module")
def found(watched_recipe, tmp_path_factory):
    """Its estimate."""
    folder = tmp_path_factory.mktemp("estimate") / "runs" / "x"
    ear = Ear()
    found = dcgan_kit.estimate(watched_recipe, folder, watcher=ear)
    assert "measuring steps" in ear.tasks
    assert not folder.parent.exists()
    return found


def test_steps_and_what_happens_between_them_are_measured(found):
    assert 0 < found.fastest <= found.step <= found.slowest
    assert found.measured >= 7
    assert found.memory > 100 * 2**20
    assert found.gpu_memory is None
    assert found.chief
    between = {one.name: one.times for one in found.occasions}
    # Steps 8, 16 and 20; 4 and 12; a checkpoint at 0, 8, 10, 16, 20; a grid at 0, 10, 20; lines at 4, 5, 8, …
    assert between == {
        "line of metrics": 8,
        "sample grid": 3,
        "quick probes": 2,
        "evaluation": 3,
        "checkpoint": 5,
        "generator at the end": 1,
    }
    lowest, highest = found.range
    assert found.start < lowest <= found.seconds <= highest
    rest = sum(one.times * one.seconds for one in found.occasions)
    assert found.seconds == pytest.approx(found.start + 20 * found.step + rest)
    assert json.loads(json.dumps(found.as_data()))["disk_bytes"] == found.disk


def test_a_run_takes_the_disk_that_was_estimated(found, watched_recipe, tmp_path):
    run = dcgan_kit.train(watched_recipe, tmp_path / "run", watcher=dcgan_kit.Quiet())
    checkpoint = max(run.folder.checkpoints.glob("step-*.npz")).stat().st_size
    assert found.checkpoint == pytest.approx(checkpoint, rel=0.02)
    written = sum(file.stat().st_size for file in run.path.rglob("*") if file.is_file())
    # Three checkpoints and the best one stay; one more of each is there while a new one is written. Pictures of noise
    # are larger than those of trained networks.
    assert found.checkpoints == 6
    assert written <= found.disk <= written + 2.5 * checkpoint
    lines = len(run.folder.speed_file.read_text().splitlines())
    assert lines == next(one.times for one in found.occasions if one.name == "line of metrics")


def test_a_long_training_is_counted_in_proportion(watched_recipe, monkeypatch):
    from dcgan_kit.training import measurement

    monkeypatch.setattr(measurement, "GROUP_SECONDS", 0.01)
    monkeypatch.setattr(measurement, "MOST_COUNTED", 40)
    long = dcgan_kit.load_recipe("tiny-fashion28", settings=BUILTINS, training={"steps": 4000})
    found = dcgan_kit.estimate(long, watcher=dcgan_kit.Quiet())
    between = {one.name: one.times for one in found.occasions}
    assert between["line of metrics"] == 800
    assert between["checkpoint"] == pytest.approx(400, abs=2)


def test_an_estimate_of_a_warm_start_starts_warm_and_of_a_begun_run_computes_as_it(tiny_run, tmp_path):
    training = {"start_from": str(tiny_run.path), "precision": "auto"}
    warm = dcgan_kit.load_recipe("tiny-fashion28", settings=BUILTINS, training=training)
    folder = tmp_path / "begun"
    folder.mkdir()
    (folder / "environment.json").write_text('{"precision": "mixed_bfloat16", "xla": false}')
    found = dcgan_kit.estimate(warm, folder, watcher=dcgan_kit.Quiet())
    assert found.devices == "one CPU, mixed_bfloat16", "a run that has begun goes on as it began"
    copied = next(one for one in found.occasions if one.name == "weights to start from")
    run = dcgan_kit.train(warm, tmp_path / "run", watcher=dcgan_kit.Quiet())
    assert copied.bytes == run.folder.start_weights_file.stat().st_size
    assert warm.warm_start().origin.step == tiny_run.step


@pytest.mark.parametrize(
    ("keys", "most"),
    [
        ({"steps": 20, "checkpoint_every": 10, "keep": 2}, 3),
        ({"steps": 20, "checkpoint_every": 10, "keep": 5}, 3),
        ({"steps": 100, "checkpoint_every": 10, "keep": 5}, 6),
        ({"steps": 100, "checkpoint_every": 10, "keep": 5, "best": {"metric": "generator_loss"}}, 8),
    ],
)
def test_so_many_checkpoints_are_there_at_most(keys, most):
    recipe = dcgan_kit.load_recipe("tiny-fashion28", settings=BUILTINS, training=keys)
    assert checkpoints_at_once(recipe.resolved.training) == most


def test_a_training_whose_checkpoints_cannot_fit_is_refused_before_it_writes(tiny_recipe, tmp_path, monkeypatch):
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(2**30, 2**30 - 300_000, 300_000))
    with pytest.raises(
        dcgan_kit.RunError, match=r"room for 293 KiB, .* need \d+ KiB: up to 3 at a time.*training\.keep"
    ):
        dcgan_kit.train(tiny_recipe, tmp_path / "run", watcher=dcgan_kit.Quiet())
    assert not (tmp_path / "run").exists()


def test_a_run_that_continues_needs_no_room_for_the_checkpoints_that_it_has(tiny_run, monkeypatch):
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")
    state, training = tiny_run.restored().state, tiny_run.resolved.training
    each = 260_000
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage(2**30, 0, each))
    require_space(tiny_run.folder, state, training)
