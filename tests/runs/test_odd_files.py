"""A run folder may be a stranger's: whatever is in the place of a file is reported quickly, never waited for or read whole."""

from __future__ import annotations

import os
import resource
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from dcgan_kit.adversarial.session import Session
from dcgan_kit.cli import cli
from dcgan_kit.errors import RunError, UserError
from dcgan_kit.evaluation.results import read_evaluation
from dcgan_kit.reports.facts import read_facts
from dcgan_kit.runs.checkpoint import restore_checkpoint
from dcgan_kit.runs.environment import damage_of, environment_of
from dcgan_kit.runs.folder_content import read_run
from dcgan_kit.runs.folder_lock import locked
from dcgan_kit.runs.metrics_writer import MetricsWriter
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.training_folder import open_run

HUGE = 2**42


def _fifo(path):
    os.mkfifo(path)


def _device(path):
    path.symlink_to("/dev/zero")


def _link(path):
    path.with_name("elsewhere").write_bytes(b"elsewhere")
    path.symlink_to(path.with_name("elsewhere"))


def _folder(path):
    path.mkdir()


def _huge(path):
    with path.open("wb") as stream:
        stream.truncate(HUGE)


def _junk(path):
    path.write_bytes(bytes(range(256)) * 20)


def _empty(path):
    path.write_bytes(b"")


ODD = {made.__name__[1:]: made for made in (_fifo, _device, _link, _folder, _huge, _junk, _empty)}
NO_FILES = ("fifo", "device", "link", "folder")
NEWEST = "checkpoints/step-000000008.npz"


@pytest.fixture(scope="module")
def finished(tiny, run, tmp_path_factory):
    """A run of eight steps, with findings and an evaluation written by hand."""
    path = tmp_path_factory.mktemp("finished") / "run"
    run(tiny(), path)
    (path / "findings.jsonl").write_text('{"step": 2, "disease": "x"}\n')
    return path


@pytest.fixture(scope="module")
def state(tiny):
    """A state of the same recipe."""
    return Session.create(tiny().recipe).state


@pytest.fixture
def odd(finished, tmp_path):
    """Return a function (name, kind) -> a copy of the run in which that file is something else."""

    def odd(name, kind):
        copy = shutil.copytree(finished, tmp_path / "run")
        file = copy / name
        if file.is_dir():
            shutil.rmtree(file)
        else:
            file.unlink(missing_ok=True)
        ODD[kind](file)
        return copy

    return odd


@pytest.fixture(autouse=True)
def _bounded_memory():
    """What is read whole and has no end ends in a MemoryError, and not with the machine."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + 4 * 2**30, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("kind", ODD)
def test_a_checkpoint_is_left_aside_and_the_one_before_serves(kind, odd, state):
    path, reported = restore_checkpoint(RunFolder(odd(NEWEST, kind)), state)
    assert path.name == "step-000000004.npz"
    assert len(reported) == 1
    assert "step-000000008.npz: is damaged and is ignored (" in reported[0]


@pytest.mark.parametrize("kind", ODD)
def test_a_manifest_is_refused_or_left_aside(kind, odd, state):
    run = RunFolder(odd("checkpoints/manifest.json", kind))
    if kind in NO_FILES:
        with pytest.raises(RunError, match=r"manifest\.json: cannot be read: is (a link|not a regular file)"):
            restore_checkpoint(run, state)
        return
    path, reported = restore_checkpoint(run, state)
    assert path.name == "step-000000008.npz"
    assert "manifest.json: is damaged and is ignored (" in reported[0]


@pytest.mark.parametrize("kind", ODD)
def test_an_environment_is_told_and_left_aside(kind, odd):
    path = odd("environment.json", kind)
    assert environment_of(path) == {}
    assert "environment.json: " in damage_of(path)


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("file", ["metrics.jsonl", "findings.jsonl", "speed.jsonl"])
def test_lines_are_refused_or_written_anew(file, kind, odd):
    path = odd(file, kind)
    if kind in (*NO_FILES, "huge"):
        with pytest.raises(RunError, match=rf"{file}: (cannot be written: is|is larger than 4 GiB)"):
            MetricsWriter(RunFolder(path), 4)
        return
    with MetricsWriter.open(RunFolder(path), 4) as writer:
        writer.scalars(5, {"a": 1.0})
        writer.speed(5, 2.0)
        writer.findings(5, [{"disease": "y"}])
    assert (path / file).read_text().startswith('{"step": 5, ')


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize(
    "file", ["metrics.jsonl", "findings.jsonl", "speed.jsonl", "environment.json", "evaluation.json"]
)
def test_a_report_leaves_it_out(file, kind, odd, monkeypatch):
    from dcgan_kit.reports import run_files

    # Half a gigabyte of nothing takes seconds to look through.
    monkeypatch.setattr(run_files, "MOST_OF_LINES", 2**24)
    facts = read_facts(odd(file, kind), "run")
    empty_lines = kind == "empty" and file.endswith("jsonl")
    assert any(file in note for note in facts.notes) != empty_lines


@pytest.mark.parametrize("kind", ODD)
def test_an_evaluation_is_refused(kind, odd):
    with pytest.raises(RunError, match=r"evaluation\.json: (cannot be read|is larger|is no evaluation)"):
        read_evaluation(odd("evaluation.json", kind))


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        *((["sample"], kind) for kind in ODD),
        *(([command], kind) for command in ("evaluate", "probe", "report") for kind in ("fifo", "device", "huge")),
        (["train"], "fifo"),
    ],
)
def test_commands_refuse_a_recipe_that_is_none(command, kind, odd, tiny_file, tmp_path):
    path = odd("recipe.yaml", kind)
    arguments = [str(tiny_file), "--run", str(path)] if command == ["train"] else [str(path)]
    output = ["--output", str(tmp_path / "page.html")] if command == ["report"] else []
    done = CliRunner().invoke(cli, [*command, *arguments, *output])
    if command == ["report"] and kind not in NO_FILES:
        assert done.exit_code == 0, done.output
        assert "recipe.yaml" in (tmp_path / "page.html").read_text()
        return
    assert done.exit_code == 2, done.output
    assert "recipe.yaml" in done.output


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("file", ["lock", "recipe.yaml", "generator.keras", "generator-raw.keras", "skipped.txt"])
def test_training_does_not_begin_where_something_else_has_a_files_name(file, kind, odd, tiny):
    run = RunFolder(odd(file, kind))
    before = (run.path / file).lstat()
    with pytest.raises(RunError, match=rf"{file}: is (a link|not an ordinary file)"), locked(run):
        open_run(run.path, tiny("training.steps=16").recipe, {"images": 1, "pixels": ""}, ("training", "data"))
    assert (run.path / file).lstat().st_mode == before.st_mode


@pytest.mark.parametrize("kind", ["fifo", "device", "junk"])
@pytest.mark.parametrize("folder", ["checkpoints", "samples", "tensorboard", "crashes"])
def test_a_folder_that_is_none_is_told(folder, kind, odd):
    with pytest.raises(RunError, match=rf"{folder}: is (a link|not an ordinary folder)"):
        read_run(odd(folder, kind))


def test_a_folder_that_is_a_link_is_not_written_through(odd, tmp_path):
    (tmp_path / "theirs").mkdir()
    path = odd("tensorboard", "empty")
    (path / "tensorboard").unlink()
    (path / "tensorboard").symlink_to(tmp_path / "theirs")
    with pytest.raises(RunError, match="tensorboard: is a link"):
        read_run(path)
    assert list((tmp_path / "theirs").iterdir()) == []


@pytest.mark.parametrize("kind", ODD)
@pytest.mark.parametrize("file", ["recipe.yaml", "crash.json"])
def test_a_crash_bundle_is_refused(file, kind, odd, tmp_path):
    path = odd("recipe.yaml", "empty")
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    shutil.copy(path / "environment.json", bundle / "crash.json")
    if file == "crash.json":
        from dcgan_kit.training.nonfinite import _facts

        (bundle / file).unlink()
        ODD[kind](bundle / file)
        with pytest.raises(UserError, match=r"crash\.json: is not a record of a crash"):
            _facts(bundle)
        return
    ODD[kind](bundle / file)
    done = CliRunner().invoke(cli, ["replay", str(bundle)])
    assert done.exit_code == 2, done.output
    assert "recipe.yaml" in done.output


def test_a_checkpoint_whose_numbers_are_not_finite_is_left_aside_and_named(odd, state, values_in):
    import numpy as np

    from dcgan_kit.runs.checkpoint import restore_for_inference, save_checkpoint

    run = RunFolder(odd("evaluation.json", "empty"))
    restore_checkpoint(run, state)
    values = state.values()
    (kernel,) = (name for name in values if name.startswith("generator/0000"))
    values[kernel] = np.full_like(values[kernel], np.nan)
    save_checkpoint(run, state, 2, values=values)
    (line,) = restore_for_inference(run, state)
    assert f"step-000000008.npz: is damaged and is ignored (numbers that are not finite in {kernel})" in line
    assert state.steps_done == 4
    done = CliRunner().invoke(cli, ["sample", str(run.path), "--count", "4", "--seed", "1"])
    reported = " ".join(done.output.split())
    assert done.exit_code == 0, reported
    assert "numbers that are not finite in generator/0000" in reported
    assert "4 images of step 4" in reported
    (run.checkpoints / "step-000000004.npz").unlink()
    done = CliRunner().invoke(cli, ["sample", str(run.path), "--count", "4", "--seed", "1"])
    assert done.exit_code == 2
    assert "has no checkpoint" in " ".join(done.output.split())
