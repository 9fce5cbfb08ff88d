"""What a training shows of itself: scores beside their floors, health, findings; and what looking must not change."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest

from dcgan_kit.errors import RecipeError
from dcgan_kit.evaluation.observer import observers_of, spectrum
from dcgan_kit.training.loop import train
from dcgan_kit.training.observer import no_observers

RECIPE = """version: 1
extends: dcgan
image: {{size: 8, channels: 1}}
latent: {{size: 4}}
generator:
  input: {{projection: {{use: dense, size: 4}}, filters: 4}}
discriminator:
  stages:
    - {{filters: 4, regularizer: {{use: dropout, rate: 0.3}}}}
data: {{use: npz, path: {path}}}
training:
  precision: float32
  steps: 8
  batch_size: 4
  ema: 0.9
  held_out: 0.25
  sample_grid: [2, 3]
  log_every: 4
  sample_every: 8
  checkpoint_every: 8
  evaluation: {{every: 4, samples: 24, scores: [frechet, kid, spectrum]}}
  probing: {{every: 2, probes: [units, gradients, diversity, drift]}}
"""
ALWAYS_ILL = """
from dcgan_kit import Finding, Probe, component, hookimpl

@component("probe")
def pulse():
    def diagnose(readings, first):
        return [Finding("no pulse", "generator.stage1", "no pulse", 0.0, 1.0, "another generator", "health.md")]
    return Probe(lambda context: {"generator.stage1/pulse": 0.0}, diagnose)

@hookimpl
def dcgan_kit_components():
    return [pulse]
"""


class Ear:
    def __init__(self):
        self.lines = []

    def note(self, message):
        self.lines.append(message)

    def preparation(self, task, done, total):
        pass

    def progress(self, step, metrics):
        pass


@pytest.fixture
def watched(load, tmp_path):
    """Return a function (*overrides, name="run", …) -> (Outcome, lines for people)."""
    np.savez(tmp_path / "noise.npz", x=np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), np.uint8))
    file = tmp_path / "recipe.yaml"
    file.write_text(RECIPE.format(path=tmp_path / "noise.npz"))

    def watched(*overrides, name="run", observe=observers_of, folder=None, ear=None):
        loaded, ear = load(file, *overrides, folder=folder), ear or Ear()
        return train(loaded.recipe, loaded.plugins, tmp_path / name, ear, (), observe), ear.lines

    return watched


def lines_of(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_evaluation_tells_scores_beside_their_floor_and_health(watched):
    outcome, reported = watched("training.best.metric=fd")
    scored = [line for line in lines_of(outcome.run.metrics_file) if any(name.startswith("fd[") for name in line)]
    assert [line["step"] for line in scored] == [4, 8]
    (name,) = (name for name in scored[0] if name.startswith("fd["))
    assert "random_convolution@" in name
    assert "n=24,val=16@" in name
    assert scored[0][f"floor/{name}"] < scored[0][name]
    assert scored[0][f"floor/{name}"] == scored[1][f"floor/{name}"]
    assert any(line.startswith("step 4: fd ") and "(real " in line for line in reported)
    assert any(line.startswith("step 4: health: ") for line in reported)
    best = json.loads(outcome.run.manifest_file.read_text())["best"]
    assert best["metric"] == "fd"
    assert best["value"] == min(line[name] for line in scored)


def test_probes_give_a_number_for_each_layer_from_step_0_on(watched):
    outcome, _ = watched()
    probed = [line for line in lines_of(outcome.run.metrics_file) if any(name.endswith("/dormant") for name in line)]
    assert [line["step"] for line in probed] == [0, 2, 4, 6, 8]


def test_looking_changes_no_bit_of_a_run(watched):
    seen, _ = watched(name="seen")
    alone, _ = watched(name="alone", observe=no_observers)
    arrays = []
    for outcome in (seen, alone):
        with np.load(outcome.run.checkpoints / "step-000000008.npz", allow_pickle=False) as archive:
            arrays.append({name: archive[name] for name in archive.files if name != "meta/memory"})
    assert arrays[0].keys() == arrays[1].keys()
    for name, array in arrays[0].items():
        np.testing.assert_array_equal(array, arrays[1][name], err_msg=name)


@pytest.mark.parametrize(("wish", "steps"), [("continue", 8), ("stop", 2)])
def test_a_disease_that_lasts_is_told_and_stops_training_if_the_recipe_says_so(wish, steps, watched, tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    (folder / "pulse.py").write_text(ALWAYS_ILL)
    probing = "training.probing={every: 2, probes: [pulse]}"
    outcome, reported = watched(probing, "training.evaluation.scores=[]", f"training.on_finding={wish}", folder=folder)
    assert outcome.step == steps
    assert outcome.stopped_by == ("generator stage 1: no pulse; training.on_finding: stop" if steps == 2 else "")
    assert sum("generator stage 1: no pulse. Try another generator (docs/health.md)" in line for line in reported) == 1
    found = lines_of(outcome.run.findings_file)
    assert [line["step"] for line in found] == list(range(0, steps + 1, 2))
    assert {line["disease"] for line in found} == {"no pulse"}


def test_what_a_dear_probe_found_is_told_once_though_cheap_ones_look_between(watched, tmp_path):
    folder = tmp_path / "plugins"
    folder.mkdir()
    dear = ALWAYS_ILL.replace("0.0}, diagnose)", "0.0}, diagnose, cheap=False)")
    assert dear != ALWAYS_ILL
    (folder / "pulse.py").write_text(dear)
    probing = "training.probing={every: 1, probes: [pulse, diversity]}"
    _, reported = watched(probing, "training.evaluation={every: 2, scores: []}", folder=folder)
    assert sum("generator stage 1: no pulse. Try" in line for line in reported) == 1


def test_health_is_told_at_the_last_step_too(watched):
    outcome, reported = watched("training.steps=7")
    assert any(line.startswith("step 7: health: ") for line in reported)
    assert lines_of(outcome.run.metrics_file)[-1]["step"] == 7


@pytest.mark.parametrize(
    ("overrides", "reported"),
    [
        (["training.best.metric=fid"], r"training\.best\.metric: no score .* \(given: 'fid'\)\. Did you mean 'fd'"),
        (["training.best.metric=penalty"], r"training\.best\.metric: no score .* \(given: 'penalty'\)"),
        (
            ["training.best.metric=precision", "training.evaluation.scores=[precision_recall]"],
            r"training\.best\.mode: higher values of precision are better: set highest",
        ),
        (
            ["training.evaluation.scores=[classifier_score]"],
            r"training\.evaluation\.scores\.0: classifier_score cannot be used",
        ),
    ],
)
def test_what_cannot_be_had_is_told_before_anything_is_written(overrides, reported, watched, tmp_path):
    with pytest.raises(RecipeError, match=reported):
        watched(*overrides)
    assert not (tmp_path / "run").exists()


def test_the_picture_of_a_spectrum_shows_a_checkerboard_at_its_edge():
    real = np.random.default_rng(0).integers(0, 256, (64, 8, 8, 1), np.uint8)
    fake = real // 2
    fake[:, ::2, ::2] += 100
    picture = spectrum(fake, real)
    assert (picture.shape, picture.dtype) == ((8, 16, 1), np.uint8)
    assert picture[0, 0] > picture[0, 8], "the period of two pixels, the highest frequency, is at the corner"
    assert picture[0, 0] > np.median(picture[:, :8])


def test_an_evaluation_that_fails_on_samples_is_told_and_training_goes_on(watched, monkeypatch):
    from dcgan_kit.errors import ComponentError
    from dcgan_kit.evaluation.evaluator import Evaluator

    def fails(self, batches):
        raise ComponentError("score stranger/mood: cannot be measured")

    monkeypatch.setattr(Evaluator, "evaluate", fails)
    outcome, reported = watched()
    assert outcome.step == 8
    assert sum("step 4: score stranger/mood: cannot be measured" in line for line in reported) == 1


def test_too_few_images_for_scores_are_told_and_train_all_the_same(watched, tmp_path):
    np.savez(tmp_path / "three.npz", x=np.random.default_rng(0).integers(0, 256, (3, 8, 8, 1), np.uint8))
    outcome, reported = watched(f"data.path={tmp_path / 'three.npz'}", "training.held_out=0.0")
    assert outcome.step == 8
    assert "no scores: 3 images, too few to compare samples with" in reported


def test_a_run_that_was_stopped_before_its_first_step_tells_of_step_0_once(watched):
    class Impatient(Ear):
        def note(self, message):
            super().note(message)
            if message.startswith("step 0: health"):
                signal.raise_signal(signal.SIGTERM)

    stopped, _ = watched(ear=Impatient())
    assert stopped.step == 0
    outcome, _ = watched()
    probed = [line for line in lines_of(outcome.run.metrics_file) if any(name.endswith("/dormant") for name in line)]
    assert [line["step"] for line in probed] == [0, 2, 4, 6, 8]
