"""Searches: study files with ``search``, what Optuna is asked, and a search that is really killed and continued."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from dcgan_kit.errors import RecipeError, UserError
from dcgan_kit.studies.search import FIRST_SEED, Search, is_search, read_search
from dcgan_kit.studies.search_space import Choices, Range, dimension_of
from dcgan_kit.studies.trials import Trial, TrialRecord, read_record, read_reports, trial_file, write_record

pytest.importorskip("optuna", reason="Optuna is not installed")

RATE, UPSAMPLE = "training.generator.optimizer.learning_rate", "generator.upsample"
TEXT = f"""version: 1
base: tiny-fashion28
search:
  {RATE}: {{low: 1.0e-5, high: 1.0e-2, log: true}}
  {UPSAMPLE}: [transposed_conv, {{use: transposed_conv, kernel_size: 5}}]
trials: 4
objective: fd
budget: {{steps: 2}}
"""


@pytest.fixture
def written(tmp_path):
    """Return a function (text) -> path of a study file with it."""

    def written(text):
        file = tmp_path / "search.yaml"
        file.write_text(text)
        return file

    return written


@pytest.fixture
def search():
    """Return a function (**changes) -> Search over one number of each kind."""

    def search(**changes):
        space = (Range("training.batch_size", 2, 8), Range(RATE, 1e-5, 1e-2, log=True), Choices("a", ("1", "2", "3")))
        return Search("tiny-fashion28", space, 12, "fd", **changes)

    return search


def cost(settings):
    return abs(settings["training.batch_size"] - 5) + settings[RATE] * 100 + float(settings["a"])


def ended(search, count, seed=0):
    """Trials that a search would make of ``cost``; every fifth fails."""
    from dcgan_kit.studies.optuna_trials import ask

    trials = []
    for number in range(count):
        settings = ask(search, "minimize", trials)
        failed = number % 5 == 4
        trials.append(Trial(number, settings, "failed" if failed else "complete", None if failed else cost(settings)))
    return trials


def test_a_file_is_read_and_written_alike(written):
    search = read_search(written(TEXT))
    assert search.space == (
        Range(RATE, 1e-5, 1e-2, log=True),
        Choices(UPSAMPLE, ('"transposed_conv"', '{"use": "transposed_conv", "kernel_size": 5}')),
    )
    assert (search.trials, search.seeds, search.objective, search.name) == (4, 1, "fd", "tiny-fashion28-search")
    assert is_search(written(TEXT))
    assert read_search(written(search.as_yaml())) == search
    assert "sampler: {seed: 0, startup_trials: 10}" in search.as_yaml()


def test_trials_have_seeds_that_no_study_has(written):
    study = read_search(written(TEXT)).study_of({RATE: 1e-3, UPSAMPLE: '"transposed_conv"'})
    assert study.first_seed == FIRST_SEED >= 1000
    assert [axis.values for axis in study.axes] == [("0.001",), ('"transposed_conv"',)]


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        (
            "trials: 4",
            "trials: 4\ntrails: 4",
            "7:1",
            "trails: a study with search has no such key. Did you mean 'trials'?",
        ),
        ("trials: 4", "trials: 0", "6:9", "trials: must be at least 1"),
        ("low: 1.0e-5", "low: 0", "4:3", f"search.{RATE}: with log: true, low must be more than 0. Received: 0"),
        ("low: 1.0e-5", "low: 1", "4:3", f"search.{RATE}: low must be less than high. Received: 1 and 0.01"),
        ("low: 1.0e-5", "lo: 1", "4:3", f"search.{RATE}: a range has no key 'lo'. Did you mean 'low'?"),
        ("log: true", "log: 1", "4:3", f"search.{RATE}: log must be true or false. Received: 1"),
        ("log: true", "step: 0.0", "4:3", f"search.{RATE}: step must be a number above 0 and at most high - low"),
        (f"{UPSAMPLE}: [", f"{UPSAMPLE}: nearest #", "5:3", "takes a list of values, or a range {low: …, high: …}"),
        (f"{UPSAMPLE}:", "training.seed:", "5:3", "training.seed: the study sets it"),
        (f"{UPSAMPLE}:", "recipe:", "5:3", "recipe: recipes cannot be searched"),
        ("objective: fd", "objective: generator.stage1.activation/dead", "1:1", "direction: is missing"),
        ("objective: fd", "objective: fd\nseeds: 2\nprune: {}", "9:1", "prune: needs seeds: 1"),
        ("objective: fd", "objective: fd\naxes: {}", "8:1", "axes: a study has axes or search, not both"),
        ("steps: 2", "steps: 2, images: 9", "8:1", "budget: takes one of"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(written, old, new, place, message):
    assert old in TEXT
    file = written(TEXT.replace(old, new))
    with pytest.raises(RecipeError) as caught:
        read_search(file)
    assert str(caught.value).startswith(f"{file}:{place}: "), caught.value
    assert message in str(caught.value)


def test_a_dimension_takes_and_gives_only_what_it_has():
    whole = dimension_of("a", {"low": 1, "high": 4})
    assert whole.text(3) == "3"
    assert dimension_of("a", {"low": 1.0, "high": 4.0}).text(3.0) == "3.0"
    for dimension, wrong in [(whole, 5), (whole, 2.0), (whole, True), (dimension_of("a", [1, 2]), "3")]:
        with pytest.raises(ValueError, match=r"^$"):
            dimension.text(wrong)


def test_the_trials_are_the_same_wherever_a_search_was_stopped(search):
    from dcgan_kit.studies.optuna_trials import ask

    trials = ended(search(), 12)
    assert len({json.dumps(trial.settings) for trial in trials}) == 12
    assert {trial.state for trial in trials} == {"complete", "failed"}
    for count in (0, 3, 10, 11):
        assert ask(search(), "minimize", trials[:count]) == trials[count].settings


def test_another_seed_gives_other_trials_and_later_trials_are_better(search):
    from dcgan_kit.studies.search import SamplerKeys

    trials = ended(search(sampler=SamplerKeys(startup_trials=8)), 30)
    other = ended(search(sampler=SamplerKeys(seed=1)), 2)
    assert trials[0].settings != other[0].settings
    early, late = ([trial.value for trial in part if trial.value] for part in (trials[:8], trials[-8:]))
    assert sum(late) / len(late) < sum(early) / len(early)


def test_a_trial_is_pruned_at_the_first_step_that_is_worse_than_the_median(search):
    from dcgan_kit.studies.optuna_trials import Pruning
    from dcgan_kit.studies.search import PruneKeys

    pruned = search(prune=PruneKeys(startup_trials=3, warmup_steps=10))
    past = [
        Trial(trial.number, trial.settings, "complete", 1.0, {10: 5.0, 20: 3.0, 30: trial.number})
        for trial in ended(search(), 3)
    ]
    worse = {5: 99.0, 10: 9.0, 20: 3.5, 30: 0.0}
    at_once, one_by_one = Pruning(pruned, "minimize", past), Pruning(pruned, "minimize", past)
    assert at_once.step(worse) == 10
    assert [one_by_one.step({step: worse[step] for step in list(worse)[:count]}) for count in range(5)] == [
        None, None, 10, 10, 10,
    ]  # fmt: skip
    assert Pruning(pruned, "maximize", past).step(worse) is None
    assert Pruning(pruned, "minimize", past[:2]).step(worse) is None


def test_reports_come_from_metrics_and_a_line_that_is_cut_short_is_none(tmp_path):
    lines = [
        {"step": 2, "fd[random_convolution@1,n=8]": 3.0, "floor/fd[x]": 1.0, "generator_loss": 1.0},
        {"step": 1, "fd[x]": 4.0, "fd2[x]": 7.0},
        {"step": "3", "fd[x]": 1.0},
    ]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 4, "fd[x')
    assert read_reports(tmp_path, "fd@random_convolution") == {1: 4.0, 2: 3.0}
    assert read_reports(tmp_path / "none", "fd") == {}


def test_a_record_comes_back_to_the_last_digit_and_damage_is_said(tmp_path):
    numbers = random.Random(0)
    record = TrialRecord(number=7, settings={RATE: numbers.random(), "b": 3, "c": '"x"'}, identities=["0a"], optuna="5")
    write_record(tmp_path, record)
    assert read_record(tmp_path, 7) == record
    assert read_record(tmp_path, 8) is None
    trial_file(tmp_path, 8).write_bytes(trial_file(tmp_path, 7).read_bytes())
    for content in (b"", b"{}", b"[" * 100_000, b"\xff"):
        trial_file(tmp_path, 7).write_bytes(content)
        with pytest.raises(UserError, match="is not the file of a trial"):
            read_record(tmp_path, 7)
    with pytest.raises(UserError, match="is the file of trial 7"):
        read_record(tmp_path, 8)


def test_without_optuna_the_message_says_what_to_install(search, monkeypatch):
    from dcgan_kit.studies.optuna_trials import optuna_version

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UserError, match=r"needs Optuna 5: pip install 'dcgan-kit\[optuna\]'"):
        optuna_version()


def test_a_recipe_that_a_search_may_choose_is_checked_before_any_trial(written, tmp_path):
    from dcgan_kit.api.search_runs import run_search

    file = written(TEXT.replace("kernel_size: 5", "kernel_sise: 5"))
    with pytest.raises(RecipeError) as caught:
        run_search(read_search(file), tmp_path / "study")
    assert f"{file}:5:" in str(caught.value)
    assert "kernel_sise" in str(caught.value)
    for text, message in [
        (
            TEXT.replace("objective: fd", "objective: frechet"),
            "objective: frechet is a score; choose one of its numbers",
        ),
        (TEXT.replace("steps: 2", "seconds: 2"), "budget: every trial would be timed anew"),
        (TEXT + "prune: {}\n", "prune: training does not measure fd"),
    ]:
        with pytest.raises(UserError, match=message):
            run_search(read_search(written(text)), tmp_path / "study")
    assert not (tmp_path / "study").exists()


REAL = f"""version: 1
base: tiny-fashion28
overrides:
  training.batch_size: 8
  training.checkpoint_every: 2
  training.evaluation: {{scores: [checkerboard], every: 2, samples: 64}}
search:
  training.generator.optimizer: [{{use: adam, learning_rate: 1.0e-4}}, {{use: descent/descent, learning_rate: 1.0e+30}}]
  {UPSAMPLE}: [transposed_conv, resize_conv]
trials: 3
objective: checkerboard_2
direction: minimize
budget: {{steps: 4}}
sampler: {{seed: 31, startup_trials: 5}}
prune: {{startup_trials: 1}}
"""


def outcome(folder):
    return {name: (folder / name).read_bytes() for name in ("study.json", "study.csv", "study.yaml")}


@pytest.mark.slow
def test_killed_and_continued_a_search_has_the_same_trials(written, dcgan_kit, sample_plugins, tmp_path):
    file, plugins = written(REAL), ("--plugins-dir", str(sample_plugins / "folder"))

    def start(where):
        command = [dcgan_kit, "study", str(file), "--folder", "study", *plugins]
        where.mkdir(exist_ok=True)
        return subprocess.Popen(
            command, cwd=where, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )

    one, two = start(tmp_path / "one"), start(tmp_path / "two")
    while not trial_file(tmp_path / "two" / "study", 1).exists():
        assert two.poll() is None, two.communicate()
        time.sleep(0.05)
    os.killpg(two.pid, signal.SIGKILL)
    two.communicate()
    again = start(tmp_path / "two")
    said = [process.communicate(timeout=300) for process in (one, again)]
    assert [one.returncode, again.returncode] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert outcome(tmp_path / "one/study") == outcome(tmp_path / "two/study")
    data = json.loads((tmp_path / "one/study/study.json").read_text())
    assert {trial["state"] for trial in data["results"]} == {"complete", "failed", "pruned"}, data["results"]
    assert "is not a comparison" in said[0][0]
    assert "`dcgan-kit study study/comparison.yaml --folder study-comparison`" in said[0][0]
    dry = [dcgan_kit, "study", "study/comparison.yaml", "--folder", "c", "--dry-run", *plugins]
    shown = subprocess.run(
        [dcgan_kit, "study", "show", "study", *plugins], cwd=tmp_path / "one", capture_output=True, text=True
    )
    assert shown.stdout == said[0][0], shown.stderr
    compared = subprocess.run(dry, cwd=tmp_path / "one", capture_output=True, text=True, check=False)
    assert compared.returncode == 0, compared.stderr
    assert "2 variants with 6 seeds each" in compared.stdout
