"""Patience on a score: training ends when it has not improved for some evaluations, wherever the run was stopped."""

from __future__ import annotations

import json
import signal

import pytest

from dcgan_kit.errors import RecipeError
from dcgan_kit.runs.recipe_differences import finished_message
from dcgan_kit.runs.run_end import read_end
from dcgan_kit.training.loop import train
from dcgan_kit.training.observer import Observation

SCORES = {2: 3.0, 4: 2.0, 6: 2.5, 8: 2.25, 10: 2.0, 12: 1.0, 14: 1.5, 16: 1.5}
REASON = "fd has not improved on 2 at step 4 for 3 evaluations; training.best.patience: 3"
KEYS = (
    "training.steps=16",
    "training.evaluation={every: 2, scores: [frechet]}",
    "training.best={metric: fd, patience: 3}",
    "training.probing.probes=[]",
)


class Scores:
    """Gives the scores that a test names, at the steps of the evaluations and at the last one."""

    def __init__(self, scores, last):
        self.scores, self.last = scores, last

    def due(self, step):
        return step in self.scores or step == self.last

    def observe(self, step):
        return Observation(best=self.scores.get(step, 9.0), measured="fd[n=10]")

    def memory(self):
        return None

    def recall(self, memory):
        assert memory is None


@pytest.fixture
def scored(tiny, listener, monkeypatch):
    """Return a function (path, *overrides, at_progress=None, may_change=(), scores=SCORES) -> Outcome."""
    # One step a group, so that a signal is heeded between any two.
    monkeypatch.setattr("dcgan_kit.training.step_groups.GROUP_SECONDS", 1e-9)

    def scored(path, *overrides, at_progress=None, may_change=(), scores=SCORES):
        loaded = tiny(*KEYS, *overrides)
        watch = Scores(scores, loaded.recipe.training.steps)
        return train(loaded.recipe, loaded.plugins, path, listener(at_progress), may_change, lambda *given: [watch])

    return scored


def stop_at(step):
    return lambda done: signal.raise_signal(signal.SIGTERM) if done == step else None


def test_training_ends_after_evaluations_without_a_better_score_and_is_finished(scored, tiny, tmp_path):
    path = tmp_path / "run"
    outcome = scored(path)
    assert (outcome.step, outcome.signal, outcome.stopped_by) == (10, None, REASON)
    assert outcome.run.finished
    end = read_end(outcome.run)
    assert (end.step, end.reason) == (10, REASON)
    best = json.loads(outcome.run.manifest_file.read_text())["best"]
    assert (best["value"], best["entry"]["step"]) == (2.0, 4), "an equal score is no better one"
    assert f"{REASON} ended training after step 10" in finished_message(path, tiny(*KEYS).recipe)


def test_a_stop_changes_neither_the_count_nor_any_bit(scored, values_in, tmp_path):
    straight = scored(tmp_path / "straight")
    for step in (5, 7, 9):
        assert scored(tmp_path / "stopped", at_progress=stop_at(step)).step == step
    resumed = scored(tmp_path / "stopped")
    assert (resumed.step, resumed.stopped_by) == (10, REASON)
    one, other = (values_in(of.run.checkpoints / "step-000000010.npz") for of in (straight, resumed))
    assert {name: value.tobytes() for name, value in one.items()} == {
        name: value.tobytes() for name, value in other.items()
    }


def test_more_steps_continue_and_count_anew(scored, tmp_path):
    scored(tmp_path / "run")
    longer = scored(tmp_path / "run", "training.steps=24", scores={**SCORES, 18: 1.25, 20: 1.5})
    assert longer.step == 18, "12 is better than the best so far; 14, 16 and 18 are not better than 12"
    assert longer.stopped_by.startswith("fd has not improved on 1 at step 12")


def test_an_early_end_that_a_longer_run_overtakes_is_forgotten(scored, tmp_path):
    scored(tmp_path / "run")
    outcome = scored(tmp_path / "run", "training.steps=17", scores={12: 1.0, 14: 0.5, 16: 0.25})
    assert (outcome.step, outcome.stopped_by) == (17, "")
    assert read_end(outcome.run) is None
    assert not outcome.run.end_file.exists()


def test_the_last_evaluation_counts_only_where_a_longer_run_would_have_it(scored, tmp_path):
    """So a run that gets more steps ends where one of that length would have ended."""
    scored(tmp_path / "run", "training.steps=7")
    assert scored(tmp_path / "run").step == scored(tmp_path / "whole").step == 10


def test_a_recipe_without_patience_has_the_memory_that_it_always_had(scored, values_in, tmp_path):
    outcome = scored(tmp_path / "run", "training.best={metric: fd, patience: null}")
    assert outcome.step == 16
    memory = values_in(outcome.run.checkpoints / "step-000000016.npz")["meta/memory"].tobytes()
    assert b"patience" not in memory
    assert "patience" not in outcome.run.recipe_file.read_text()


@pytest.mark.parametrize(
    ("best", "reported"),
    [
        ("{patience: 3}", r":\d+: training\.best\.patience: needs a number that can improve"),
        ("{metric: generator_loss, patience: 3}", r":\d+: training\.best\.patience: needs a score"),
        ("{metric: fd, patience: 0}", r":\d+: training\.best\.patience: must be at least 1"),
        ("{metric: fd, patience: 1.5}", r":\d+: training\.best\.patience: "),
    ],
)
def test_patience_without_a_score_is_refused(best, reported, tiny):
    with pytest.raises(RecipeError, match=reported):
        tiny(*KEYS[:2], f"training.best={best}")


def test_patience_without_evaluations_is_refused(tiny):
    with pytest.raises(RecipeError, match=r"training\.best\.metric: no scores are evaluated"):
        tiny("training.evaluation.scores=[]", "training.best={metric: fd, patience: 3}")
