"""Observers look at a run between groups of steps; what they see is written down, and may end the run."""

from __future__ import annotations

import json
import signal
from dataclasses import dataclass, field

import numpy as np
import pytest

from dcgan_kit.training.loop import train
from dcgan_kit.training.observer import Observation


@dataclass
class Watchman:
    """Looks after every third step, and at one more; sees what the test says."""

    observation: Observation = field(default_factory=Observation)
    best: dict[int, float] = field(default_factory=dict)
    every: int = 3
    also: int = 0
    looks: list[int] = field(default_factory=list)

    def due(self, step):
        return step % self.every == 0 or step == self.also > 0

    def observe(self, step):
        self.looks.append(step)
        return Observation(**{**vars(self.observation), "best": self.best.get(step)})

    def memory(self):
        return None

    def recall(self, memory):
        assert memory is None


@pytest.fixture
def observed(listener):
    """Return a function (loaded, path, observer, at_progress=None) -> (Outcome, notes)."""

    def observed(loaded, path, observer, at_progress=None):
        ear = listener(at_progress)
        outcome = train(loaded.recipe, loaded.plugins, path, ear, (), lambda *given: [observer])
        return outcome, ear.notes

    return observed


def lines(outcome):
    return [json.loads(line) for line in outcome.run.metrics_file.read_text().splitlines()]


def test_an_observer_looks_when_it_is_due_and_what_it_saw_is_written_down(tiny, observed, tmp_path):
    watchman = Watchman(Observation({"pulse": 2.5}, {"face": np.zeros((4, 4, 1), np.uint8)}, lines=("all is well",)))
    outcome, notes = observed(tiny(), tmp_path / "run", watchman)
    assert watchman.looks == [0, 3, 6]
    assert [line["step"] for line in lines(outcome) if line.get("pulse") == 2.5] == [0, 3, 6]
    assert notes.count("all is well") == 3
    assert outcome.step == 8


def test_observers_change_nothing_of_a_run(tiny, run, observed, tmp_path, values_in):
    observed(tiny(), tmp_path / "watched", Watchman())
    run(tiny(), tmp_path / "alone")
    one, other = (values_in(tmp_path / name / "checkpoints" / "step-000000008.npz") for name in ("watched", "alone"))
    for name, value in one.items():
        if name == "meta/memory":
            continue  # There is one more who remembers.
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def test_a_finding_ends_training_and_the_run_is_finished(tiny, observed, tmp_path):
    outcome, _ = observed(tiny(), tmp_path / "run", Watchman(Observation(stop="the generator has collapsed")))
    assert (outcome.step, outcome.stopped_by) == (0, "the generator has collapsed")
    assert outcome.run.finished


def test_the_best_checkpoint_is_the_one_that_was_scored(tiny, observed, tmp_path):
    loaded = tiny("training.best.metric=generator_loss", "training.evaluation.every=3")
    # A score of a plugin would do; its name is all that the loop knows.
    object.__setattr__(loaded.recipe.training.best, "metric", "distance")
    outcome, notes = observed(loaded, tmp_path / "run", Watchman(best={3: 0.5, 6: 0.75, 8: 0.625}, also=8))
    best = json.loads((outcome.run.checkpoints / "manifest.json").read_text())["best"]
    assert (best["metric"], best["value"], best["entry"]["step"]) == ("distance", 0.5, 3)
    file = outcome.run.checkpoints / best["entry"]["file"]
    assert notes[-1] == f"best distance: 0.5 at step 3; 0.625 at the last step, 8 (kept: {file})"


def test_what_was_measured_otherwise_is_not_ranked(tiny, observed, tmp_path):
    """Another number of samples, or another extractor, as after --may-change: the numbers tell nothing of each other."""
    loaded = tiny("training.best.metric=generator_loss", "training.evaluation.every=3")
    object.__setattr__(loaded.recipe.training.best, "metric", "distance")
    of_ten, of_all = Observation(measured="distance[n=10]"), Observation(measured="distance[n=100]")
    watchman = Watchman(of_ten, best={3: 0.5, 6: 0.75})

    def observe(step, observe=watchman.observe):
        watchman.observation = of_ten if step < 6 else of_all
        return observe(step)

    watchman.observe = observe
    outcome, _ = observed(loaded, tmp_path / "run", watchman)
    best = json.loads((outcome.run.checkpoints / "manifest.json").read_text())["best"]
    assert (best["value"], best["measured"], best["entry"]["step"]) == (0.75, "distance[n=100]", 6)


def test_a_stop_changes_nothing_of_what_the_best_is_judged_by(tiny, observed, tmp_path):
    """The checkpoint that a signal asks for is judged by nobody; the next one by all steps since the last."""
    loaded = tiny("training.best.metric=generator_loss", "training.checkpoint_every=8", "training.log_every=8")

    def best(path, at_progress=None):
        outcome, _ = observed(loaded, path, Watchman(every=100), at_progress)
        manifest = json.loads((outcome.run.checkpoints / "manifest.json").read_text())
        return outcome.step, manifest["best"]

    step, whole = best(tmp_path / "whole")
    assert (step, whole["entry"]["step"]) == (8, 8)
    halted = best(tmp_path / "run", lambda step: signal.raise_signal(signal.SIGTERM))
    assert 0 < halted[0] < 8
    assert halted[1] is None
    step, resumed = best(tmp_path / "run")
    assert (step, resumed["entry"]["step"]) == (8, 8)
    assert resumed["value"] == whole["value"]


def test_a_run_that_goes_on_looks_at_no_step_twice(tiny, observed, tmp_path):
    path = tmp_path / "run"
    first, second = Watchman(Observation({"pulse": 1.0})), Watchman(Observation({"pulse": 1.0}))
    observed(tiny(), path, first, lambda step: signal.raise_signal(signal.SIGTERM) if step == 4 else None)
    outcome, _ = observed(tiny(), path, second)
    assert first.looks + second.looks == [0, 3, 6]
    assert [line["step"] for line in lines(outcome) if "pulse" in line] == [0, 3, 6]
