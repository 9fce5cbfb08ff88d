"""A small study that is really trained: what it leaves, how it goes on, and that nothing depends on how it ran."""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from dcgan_kit import api
from dcgan_kit.api.study_page import study_report
from dcgan_kit.api.study_runs import add_seeds, open_study
from dcgan_kit.errors import RunError, UserError

SMALL = ("training.batch_size=8", "training.steps=4")
UPSAMPLE = {"generator.upsample": ["transposed_conv", "resize_conv"]}
READ = ["checkerboard_2", "discriminator.*.activation/dead"]
ARGUMENTS = (
    "study", "tiny-fashion28", *SMALL, "--vary", "generator.upsample=transposed_conv,resize_conv", "--read",
    ",".join(READ), "--seeds", "2",
)  # fmt: skip
DIVERGING = (*SMALL, "training.loss=least_squares", "discriminator.normalization=none")
OPTIMIZER = "training.discriminator.optimizer"
GOOD, BAD = {"use": "adam"}, {"use": "sgd", "learning_rate": 10.0}
TABLES = ("study.json", "study.csv", "study.yaml")


class Silent:
    """A watcher that keeps the messages."""

    def __init__(self):
        self.notes = []

    def note(self, message):
        self.notes.append(message)

    def preparation(self, task, done, total):
        assert 0 <= done <= total

    def progress(self, step, metrics):
        raise AssertionError("a study has no steps of its own")


class Tables(Silent):
    """A watcher that keeps the tables too."""

    def __init__(self):
        super().__init__()
        self.tables = []

    def table(self, columns, rows):
        self.tables.append((tuple(columns), [list(row) for row in rows]))


def study(folder, *, seeds=2, vary=UPSAMPLE, read=READ, overrides=SMALL, watcher=None, **options):
    watcher = watcher or Silent()
    return api.study(
        "tiny-fashion28", folder, vary=vary, read=read, seeds=seeds, overrides=overrides, watcher=watcher, **options
    )


def tables(folder):
    return {name: (folder / name).read_bytes() for name in TABLES}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a finished study. Tests copy it before they change it."""
    folder = tmp_path_factory.mktemp("study") / "first"
    study(folder)
    return folder


@pytest.fixture
def copied(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "study")


def test_a_study_leaves_tables_recipes_and_run_folders(trained):
    data = json.loads((trained / "study.json").read_text())
    assert [variant["title"] for variant in data["variants"]] == ["transposed_conv", "resize_conv"]
    assert [(run["variant"], run["seed"]) for run in data["runs"]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    identities = [run["identity"] for run in data["runs"]]
    assert len(set(identities)) == 4
    for identity in identities:
        run = api.open_run(trained / "runs" / identity)
        assert run.step == 4
        assert (trained / "recipes" / f"{identity}.yaml").is_file()
    assert all(set(run["numbers"]) == set(READ) for run in data["runs"])
    assert data["runs"][0]["cost"]["multiply_accumulates"] > 0


def test_numbers_are_those_of_evaluate_and_probe(trained):
    found = open_study(trained).runs[0]
    run = api.open_run(trained / "runs" / found.identity)
    evaluation = run.evaluate(["checkerboard"], watcher=Silent())
    assert found.readings["checkerboard_2"].value == evaluation["checkerboard_2"]
    readings = {name: value for of in run.probe(watcher=Silent()).now.values() for name, value in of.items()}
    dead = [value for name, value in readings.items() if name.startswith("discriminator.") and name.endswith("/dead")]
    assert found.readings["discriminator.*.activation/dead"].value == pytest.approx(np.mean(dead))


def test_the_same_command_trains_nothing_again(copied):
    before, times = tables(copied), {file: file.stat().st_mtime_ns for file in copied.glob("runs/*/*")}
    study(copied)
    assert tables(copied) == before
    assert {file: file.stat().st_mtime_ns for file in copied.glob("runs/*/*")} == times


def test_equal_seeds_of_equal_recipes_give_equal_weights(tmp_path):
    found = study(tmp_path / "study", vary={"training.log_every": [1, 4]}, seeds=1)
    first, second = (
        np.load(next((tmp_path / "study/runs" / run.identity).glob("checkpoints/step-*4.npz"))) for run in found.runs
    )
    assert found.runs[0].identity != found.runs[1].identity
    weights = [name for name in first.files if name.startswith(("generator/", "discriminator/"))]
    assert weights
    for name in weights:
        np.testing.assert_array_equal(first[name], second[name], name)
    assert all(set(one.comparison.differences) == {0.0} for one in found.comparisons)


def test_a_neighbour_s_finished_runs_are_copied_and_not_trained(trained, tmp_path):
    shutil.copytree(trained, tmp_path / "one")
    watcher = Silent()
    study(tmp_path / "two", watcher=watcher)
    assert sum("is finished, and was copied" in note for note in watcher.notes) == 4
    assert tables(tmp_path / "two") == tables(trained)


def test_more_numbers_of_finished_runs_are_read_without_training(copied):
    checkpoints = {file: file.stat().st_mtime_ns for file in copied.glob("runs/*/checkpoints/*")}
    found = study(copied, read=[*READ, "spectrum"], seeds=1)
    assert {file: file.stat().st_mtime_ns for file in copied.glob("runs/*/checkpoints/*")} == checkpoints
    assert set(READ) < set(found.numbers)
    assert found.missing == 0


def test_fewer_variants_leave_the_others_in_the_folder(copied):
    watcher = Silent()
    found = study(copied, seeds=1, watcher=watcher)
    assert [run.seed for run in found.runs] == [0, 0]
    assert any("2 finished runs stay in the folder" in note for note in watcher.notes)
    assert len(list(copied.glob("runs/*"))) == 4


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"overrides": ("training.batch_size=8", "training.steps=6")}, "training.steps: 4 there, 6 now"),
        ({"overrides": (*SMALL, "training.loss=hinge")}, "training.loss.use"),
        ({"threads": 2}, "threads: 1 there, 2 now"),
        ({"budget": {"steps": 5}, "overrides": SMALL[:1]}, "training.steps: 4 there, 5 now"),
    ],
)
def test_a_change_that_would_reinterpret_finished_runs_is_refused(copied, change, named):
    before = tables(copied)
    with pytest.raises(
        UserError, match=r"holds a finished run of \w+_conv, seed \d, that was trained with other settings"
    ) as raised:
        study(copied, **change)
    assert named in str(raised.value)
    assert tables(copied) == before


def test_more_seeds_extend_a_study(copied):
    found = add_seeds(copied, 1, watcher=Silent())
    assert [run.seed for run in found.of(0)] == [0, 1, 2]
    assert found.missing == 0
    again = open_study(copied)
    assert again.seeds == 3
    assert again.interim == (4, 6)
    assert any("results of 4 runs could be seen before runs were added" in said for said in again.sentences())


def test_one_variant_can_get_more_seeds(copied):
    found = add_seeds(copied, 1, variants=["resize_conv"], watcher=Silent())
    assert [[run.seed for run in found.of(variant)] for variant in (0, 1)] == [[0, 1], [0, 1, 2]]
    assert found.missing == 0
    assert found.comparison(1, READ[0]).seeds == (0, 1)
    assert found.columns(READ[0])["runs"] == ["2 of 2", "3 of 3"]
    assert len(open_study(copied).of(1)) == 3
    # This is what the command says if it is stopped: the same study, and no more seeds.
    assert api.study(copied / "study.yaml", copied, watcher=Silent()).as_json() == found.as_json()
    with pytest.raises(UserError, match=r"no variant 'resize'\. Did you mean 'resize_conv'"):
        add_seeds(copied, 1, variants=["resize"], watcher=Silent())


def test_a_folder_without_a_study_is_refused(tmp_path):
    with pytest.raises(RunError, match="holds no study"):
        open_study(tmp_path)


def files_in(folder):
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def foreign(folder):
    (folder / "runs").mkdir(parents=True)
    (folder / "study.yaml").write_text("my: notes")


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (foreign, "holds files that belong to no study; choose another folder with --folder"),
        (lambda folder: folder.write_text("notes"), "is no folder; choose another one with --folder"),
        (lambda folder: folder.symlink_to("/dev/null"), "is no folder"),
    ],
)
def test_a_folder_of_something_else_is_left_as_it_is(prepare, message, tmp_path):
    prepare(tmp_path / "other")
    before = files_in(tmp_path)
    with pytest.raises(UserError, match=message):
        study(tmp_path / "other")
    assert files_in(tmp_path) == before


def test_the_working_folder_is_not_filled_by_an_empty_name(tmp_path, monkeypatch):
    (tmp_path / "mine.txt").write_text("notes")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="holds files that belong to no study"):
        study("")
    assert list(files_in(tmp_path)) == [Path("mine.txt")]


def test_a_folder_of_another_study_is_left_as_it_is(copied):
    before = files_in(copied)
    with pytest.raises(UserError, match=r"holds a study of generator\.upsample, and this one is of training\.loss"):
        study(copied, vary={"training.loss": ["hinge", "wasserstein"]})
    assert files_in(copied) == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("readings.json", "junk"), ("readings.json", ""), ("readings.json", "[]"), ("recipe.yaml", "junk"),
        ("recipe.yaml", "version: 2"), ("environment.json", "junk"),
    ],
)  # fmt: skip
def test_a_damaged_file_of_a_run_counts_as_missing_and_blocks_nothing(copied, name, content):
    run = sorted(copied.glob("runs/*"))[0]
    (run / name).write_text(content)
    found = open_study(copied)
    assert found.missing == (name != "environment.json")
    assert sum(bool(one.readings) for one in found.runs) == 4 - found.missing


def test_the_results_of_a_study_whose_recipe_is_gone_are_shown(copied, capsys):
    (copied / "interim.json").write_text("[2, 4]")
    before = open_study(copied)
    assert before.interim == (2, 4)
    file = copied / "study.yaml"
    file.write_text(file.read_text().replace("tiny-fashion28", "gone/mine.yaml"))
    found = open_study(copied)
    assert re.search(
        r"study\.yaml: the recipes of this study cannot be loaded: .*--plugins-dir", capsys.readouterr().err
    )
    assert found.runs == before.runs
    assert found.sentences() == before.sentences()
    page = study_report(copied, tmp := copied / "page.html", quick=True)
    assert page == tmp
    assert "the recipes of this study cannot be loaded" in page.read_text()
    text = file.read_text()
    file.write_text(text.replace("seeds: 2", "seeds: 3"))
    assert open_study(copied).missing == 2
    file.write_text(text.replace("resize_conv", "nearest"))
    with pytest.raises(RunError, match=r"study\.json: holds results of other variants"):
        open_study(copied)
    (copied / "study.json").write_text("{}")
    with pytest.raises(RunError, match=r"study\.json: holds no results of a study"):
        open_study(copied)
    (copied / "study.json").unlink()
    with pytest.raises(UserError, match="the recipes of this study cannot be loaded"):
        open_study(copied)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: api.study("tiny-fashion28", vary=UPSAMPLE, read=READ, budget=100),
            "budget: takes a kind with its amount",
        ),
        (lambda: api.study(42, vary=UPSAMPLE, read=READ), "by name or path. Received: 42"),
        (lambda: api.study({"version": 1}, vary=UPSAMPLE, read=READ), "needs a recipe that has a name or a file"),
        (lambda: api.study("tiny-fashion28"), "to study a recipe, say what to vary"),
        (lambda: api.find_claim(3), "a claim has a name"),
        (lambda: api.run_claim("nothing"), "unknown claim 'nothing'"),
    ],
)
def test_wrong_arguments_are_errors_of_the_user(call, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        call()
    assert list(tmp_path.iterdir()) == []


def test_a_reading_that_no_probe_gives_is_no_result(copied):
    watcher = Silent()
    found = study(copied, read=[READ[0], "generator.stage9.activation/dead"], seeds=1, watcher=watcher)
    assert found.missing == 2
    assert any("did not finish: " in note and "Did you mean" in note for note in watcher.notes)
    assert not list(copied.glob("failures/*"))
    assert study(copied, seeds=1).missing == 0


def test_a_variant_that_diverges_is_a_result_and_is_not_repeated(tmp_path, trained):
    shutil.copytree(trained, tmp_path / "neighbour")
    vary = {OPTIMIZER: [GOOD, BAD]}
    watcher = Tables()
    found = study(tmp_path / "study", vary=vary, seeds=1, watcher=watcher, overrides=DIVERGING)
    assert watcher.tables[0][0] == ("variant", "finished", "running", "failed", *READ)
    assert [row[1:] for row in watcher.tables[0][1]] == [["0 of 1", "0", "0", "-", "-"]] * 2
    (good, bad) = watcher.tables[-1][1]
    assert good[1:4] == ["1 of 1", "0", "0"]
    assert float(good[4]) == pytest.approx(found.runs[0].readings[READ[0]].value, rel=1e-3)
    assert bad[1:] == ["0 of 1", "0", "1", "-", "-"]
    assert any(row[2] == "1" for _, rows in watcher.tables for row in rows)
    assert [bool(run.failure) for run in found.runs] == [False, True]
    assert found.missing == 0
    assert "diverged" in found.runs[1].failure
    assert any("failed" in sentence for sentence in found.sentences())
    again = Silent()
    assert (
        study(tmp_path / "study", vary=vary, seeds=1, watcher=again, overrides=DIVERGING).as_json() == found.as_json()
    )
    assert not any("failed:" in note for note in again.notes)


def test_a_reading_that_no_probe_gives_is_refused_before_training(tmp_path):
    overrides, read = ("training.batch_size=8", "training.steps=1000"), ["discriminator.stage1.activation/daed"]
    with pytest.raises(UserError) as raised:
        study(tmp_path / "study", read=read, overrides=overrides)
    assert "Did you mean 'discriminator.stage1.activation/dead'" in str(raised.value)
    assert "found before any training" in str(raised.value)
    assert not (tmp_path / "study" / "runs").exists()


def test_the_first_failure_ends_a_fast_failing_study(tmp_path):
    vary = {OPTIMIZER: [BAD, GOOD]}
    found = study(tmp_path / "study", vary=vary, seeds=2, fail_fast=True, processes=1, overrides=DIVERGING)
    assert found.runs[0].failure
    assert found.missing == 3


def test_nothing_depends_on_processors_and_processes(trained, tmp_path, dcgan_kit):
    core = min(os.sched_getaffinity(0))
    command = [dcgan_kit, *ARGUMENTS, "--folder", str(tmp_path / "study"), "--processes", "3"]
    process = subprocess.run(["taskset", "-c", str(core), *command], capture_output=True, text=True, check=False)
    assert process.returncode == 0, process.stderr
    assert tables(tmp_path / "study") == tables(trained)


@pytest.mark.slow
def test_killed_ten_times_a_study_ends_with_the_same_tables(trained, tmp_path, dcgan_kit):
    command = [dcgan_kit, *ARGUMENTS, "--folder", str(tmp_path / "study")]
    chance = random.Random(0)
    for _ in range(10):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        time.sleep(chance.uniform(1.0, 9.0))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert tables(tmp_path / "study") == tables(trained)


@pytest.mark.slow
def test_two_commands_at_once_train_each_run_once(trained, tmp_path, dcgan_kit):
    command = [dcgan_kit, *ARGUMENTS, "--folder", str(tmp_path / "study")]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0]
    assert sum("another command works on it; waiting" in stderr for _, stderr in said) == 1
    assert tables(tmp_path / "study") == tables(trained)


@pytest.mark.slow
def test_ctrl_c_stops_all_runs_in_order_and_the_same_command_goes_on(trained, tmp_path, dcgan_kit):
    folder = tmp_path / "study"
    command = [dcgan_kit, *ARGUMENTS, "--folder", str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not list(folder.glob("runs/*/recipe.yaml")):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "stopped by SIGINT; what is finished stays, and the same command goes on" in stderr
    assert "Traceback" not in stderr
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert tables(folder) == tables(trained)
