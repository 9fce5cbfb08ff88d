"""A run from Python: trained, opened again, sampled, evaluated, probed, reported."""

from __future__ import annotations

import json
import os
import signal

import numpy as np
import pytest

import dcgan_kit


class Watcher(dcgan_kit.Quiet):
    """Keeps what it is reported; calls ``at_step`` at each step."""

    def __init__(self, at_step=lambda step: None):
        self.notes, self.at_step = [], at_step

    def note(self, message):
        self.notes.append(message)

    def progress(self, step, metrics):
        self.at_step(step)


def test_training_returns_a_finished_run(tiny_run, tiny_recipe):
    assert (tiny_run.step, tiny_run.finished) == (4, True)
    assert tiny_run.recipe.differences(tiny_recipe) == {}
    assert tiny_run.folder.generator_file.is_file()
    assert repr(tiny_run) == f"<Run {tiny_run.path}, step 4 of 4>"


def test_the_same_call_does_not_train_again(tiny_run, tiny_recipe):
    before = {file: file.stat().st_mtime_ns for file in tiny_run.path.rglob("*") if file.is_file()}
    watcher = Watcher()
    again = dcgan_kit.train(tiny_recipe, tiny_run.path, watcher=watcher)
    assert again.step == 4
    (reported,) = watcher.notes
    assert "holds a finished run of this recipe" in reported
    assert before == {file: file.stat().st_mtime_ns for file in before}


def test_an_opened_run_is_the_run_that_was_trained(tiny_run):
    opened = dcgan_kit.open_run(tiny_run.path)
    np.testing.assert_array_equal(opened.sample(3, seed=1), tiny_run.sample(3, seed=1))
    assert opened.recipe.differences(tiny_run.recipe) == {}


def test_samples_follow_their_seed(tiny_run):
    images = tiny_run.sample(5, seed=1)
    assert (images.shape, images.dtype) == ((5, 28, 28, 1), np.uint8)
    np.testing.assert_array_equal(images, tiny_run.sample(5, seed=1))
    assert (images != tiny_run.sample(5, seed=2)).any()
    assert (images != tiny_run.sample(5, seed=1, raw=True)).any()


def test_networks_are_those_of_the_checkpoint(tiny_run):
    latent = np.zeros((2, 32), np.float32)
    averaged, raw = tiny_run.generator(), tiny_run.generator(raw=True)
    assert averaged is tiny_run.generator()
    assert averaged is not raw
    assert np.asarray(tiny_run.discriminator()(raw(latent))).shape == (2, 1)
    with pytest.raises(dcgan_kit.RunError, match="best"):
        tiny_run.generator(best=True)


def test_images_are_split_as_in_training(tmp_path):
    recipe = dcgan_kit.load_recipe("tiny-fashion28", training={"steps": 1, "held_out": 0.25})
    run = dcgan_kit.train(recipe, tmp_path / "run", watcher=dcgan_kit.Quiet())
    assert (len(run.training_images), len(run.held_out)) == (3000, 1000)
    assert run.read_images() is run.read_images()


def test_an_evaluation_stands_in_the_folder_and_prints_as_a_table(tiny_run):
    evaluation = tiny_run.evaluate(["kid", "frechet"], samples=50, watcher=dcgan_kit.Quiet())
    written = json.loads((tiny_run.path / "evaluation.json").read_text())
    assert written == evaluation.as_data()
    lines = evaluation.table().splitlines()
    assert lines[0].split("  ")[0] == "number"
    assert [line.split()[0] for line in lines[1:]] == ["kid", "kid_error", "fd"]
    assert f"{evaluation['fd']:.4g}" == lines[3].split()[1]
    with pytest.raises(KeyError):
        evaluation["recall"]


@pytest.mark.parametrize(("arguments", "message"), [
    ({"scores": ["fid"]}, "unknown score 'fid'"),
    ({"scores": "kid"}, r"scores: give a list, \['kid'\]"),
    ({"samples": 1}, r"samples: a whole number from 2 to 1,000,000 \(given: 1\)"),
    ({"extractor": "nobody"}, "unknown extractor 'nobody'"),
    ({"scores": ["kid:blok=3"]}, "no option 'blok'"),
])  # fmt: skip
def test_what_cannot_be_measured_is_refused(tiny_run, arguments, message):
    with pytest.raises(dcgan_kit.UserError, match=message):
        tiny_run.evaluate(**arguments)


def test_probes_look_at_a_run_and_at_a_recipe(tiny_run, tiny_recipe):
    found = tiny_run.probe(["units"], watcher=dcgan_kit.Quiet())
    assert (found.step, list(found.now)) == (4, ["probe/units"])
    before = tiny_recipe.probe(["units"], watcher=dcgan_kit.Quiet())
    assert before.step == 0
    assert before.now == found.first
    with pytest.raises(dcgan_kit.UserError, match="named twice"):
        tiny_recipe.probe(["units", "units"])


def test_a_report_is_written_where_it_is_wanted(tiny_run, tmp_path):
    assert tiny_run.report(quick=True) == tiny_run.path / "report.html"
    page = dcgan_kit.report([tiny_run.path], tmp_path / "page.html", quick=True)
    assert page.read_bytes() == (tiny_run.path / "report.html").read_bytes()


def test_a_signal_is_an_exception_and_the_same_call_goes_on(tmp_path, tiny_run):
    recipe = dcgan_kit.load_recipe("tiny-fashion28", training={"steps": 400, "checkpoint_every": 400})
    watcher = Watcher(lambda step: os.kill(os.getpid(), signal.SIGINT) if step < 400 else None)
    with pytest.raises(dcgan_kit.TrainingStopped, match="by SIGINT, saved in") as stopped:
        dcgan_kit.train(recipe, tmp_path / "run", watcher=watcher)
    assert stopped.value.signal == signal.SIGINT
    assert 0 < stopped.value.step < 400
    assert dcgan_kit.open_run(tmp_path / "run").step == stopped.value.step
    assert dcgan_kit.train(recipe, tmp_path / "run", watcher=dcgan_kit.Quiet()).finished


@pytest.mark.parametrize(("call", "message"), [
    (lambda path: dcgan_kit.open_run(path / "nowhere"), "there is no such folder"),
    (lambda path: dcgan_kit.train("tiny-fashion28", path), "exists and is not a run folder"),
    (lambda path: dcgan_kit.train("tiny-fashion28", path / "run", overrides=["training.steps=x"]), "training.steps"),
    (lambda path: dcgan_kit.train("tiny-fashion28", path / "run", may_change=["nothing"]), "a recipe has no such key"),
    (lambda path: dcgan_kit.report([path]), "is not a run folder"),
    (lambda path: dcgan_kit.replay(path), "is no crash bundle"),
    (lambda path: dcgan_kit.verify_resume("tiny-fashion28", folder=path), "is not empty"),
    (lambda path: dcgan_kit.evaluate_images(path / "a", path / "b"), "does not exist|no such"),
    (lambda path: dcgan_kit.launch("tiny-fashion28", path / "run", overrides=["distribute.strategy=mirrored"]),
     "launch starts workers, and mirrored has none"),
])  # fmt: skip
def test_mistakes_are_exceptions_that_say_what_to_do(call, message, tmp_path):
    (tmp_path / "something").touch()
    with pytest.raises(dcgan_kit.UserError, match=message):
        call(tmp_path)


@pytest.mark.parametrize(("call", "message"), [
    (lambda run: run.sample(0), "count: a whole number from 1"),
    (lambda run: run.sample(2.5), "count: a whole number from 1"),
    (lambda run: run.sample(2, seed=2**31), "seed: a whole number from 0 to 2,147,483,647"),
    (lambda run: run.probe([]), "probes: the list is empty"),
    (lambda run: run.evaluate([]), "scores: the list is empty"),
    (lambda run: run.probe("units"), r"probes: give a list, \['units'\]"),
    (lambda run: dcgan_kit.report(run.path), "runs: give a list"),
    (lambda run: dcgan_kit.report([]), "no run folder is given"),
    (lambda run: dcgan_kit.train("tiny-fashion28", run.path, overrides="training.steps=9"), "overrides: give a list"),
    (lambda run: dcgan_kit.train(run.recipe, run.path, overrides=["training.steps=9"]), "overrides: .* loaded already"),
    (lambda run: dcgan_kit.train(run.recipe, run.path, settings=run.settings), "settings: .* loaded already"),
    (lambda run: dcgan_kit.train(run.recipe, run.path, may_change="data"), "may_change: give a list"),
    (lambda run: dcgan_kit.launch(run.recipe, run.path, workers=0), "workers: a whole number from 1 to 64"),
    (lambda run: dcgan_kit.verify_resume("tiny-fashion28", steps=True), "steps: a whole number from 1"),
])  # fmt: skip
def test_no_argument_is_dropped_or_taken_for_another(call, message, tiny_run):
    with pytest.raises(dcgan_kit.UserError, match=message):
        call(tiny_run)


def test_a_finished_run_of_more_steps_keeps_its_own_recipe(tiny_run):
    fewer = dcgan_kit.load_recipe(tiny_run.recipe.as_yaml(), "training.steps=3")
    run = dcgan_kit.train(fewer, tiny_run.path, watcher=dcgan_kit.Quiet())
    assert run.recipe.resolved.training.steps == run.step == 4


@pytest.mark.parametrize("kind", ["name", "path", "text", "mapping"])
def test_workers_are_given_the_recipe_that_was_loaded(kind, tmp_path, monkeypatch):
    text = "version: 1\nextends: tiny-fashion28\ntraining: {steps: 3}\n"
    (tmp_path / "mine.yaml").write_text(text)
    source = {
        "name": "tiny-fashion28", "path": tmp_path / "mine.yaml", "text": text,
        "mapping": {"version": 1, "extends": "tiny-fashion28", "training": {"steps": 3}},
    }[kind]  # fmt: skip
    recipe = dcgan_kit.load_recipe(source, "generator.normalization=none", training={"steps": 5})
    given = []

    def run_workers(arguments, count):
        reference, *overrides = arguments[arguments.index("--") + 1 :]
        given.append((count, dcgan_kit.load_recipe(reference, *overrides)))
        return 0

    monkeypatch.setattr("dcgan_kit.distributed.launcher.run_workers", run_workers)
    dcgan_kit.launch(recipe, tmp_path / "run", workers=3)
    ((count, trained),) = given
    assert count == 3
    assert trained.differences(recipe) == {"distribute.strategy": ("multi_worker", "auto")}


def test_images_from_anywhere_are_compared(tmp_path):
    random = np.random.default_rng(0)
    for name in ("fake", "real"):
        np.savez(tmp_path / f"{name}.npz", x=random.integers(0, 256, (40, 28, 28, 1), np.uint8))
    evaluation = dcgan_kit.evaluate_images(
        tmp_path / "fake.npz", str(tmp_path / "real.npz"), scores=["precision_recall"], watcher=dcgan_kit.Quiet()
    )
    assert [number.number for number in evaluation.numbers] == ["precision", "recall"]
    assert evaluation.of == {"fake": str(tmp_path / "fake.npz"), "real": str(tmp_path / "real.npz")}
