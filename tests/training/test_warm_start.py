"""A warm start: weights of another run before the first step, and nothing of that run afterwards."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import zipfile

import numpy as np
import pytest

from dcgan_kit.adversarial.session import Session
from dcgan_kit.errors import RecipeError, RunError
from dcgan_kit.evaluation.observer import observers_of
from dcgan_kit.reports.facts import read_facts
from dcgan_kit.reports.overview import summary
from dcgan_kit.runs.run_end import RunEnd, write_end
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.start_record import origin_of
from dcgan_kit.runs.warm_start import require_start, source_facts, warm_start
from dcgan_kit.runs.weight_fit import Weight, fits_of
from dcgan_kit.training.loop import train

FIRST, LAST = "step-000000000.npz", "step-000000008.npz"
NETWORKS = ("generator/", "discriminator/", "averaged/")


@pytest.fixture(scope="module")
def source(tiny, run, tmp_path_factory):
    """A finished run of eight steps, with a moving average."""
    outcome, _ = run(tiny("training.ema=0.9"), tmp_path_factory.mktemp("source") / "run")
    return outcome.run


@pytest.fixture
def own(source, tmp_path):
    """A copy of that run, to be changed."""
    shutil.copytree(source.path, tmp_path / "own")
    return RunFolder(tmp_path / "own")


def weights(values):
    """Return the arrays of networks, without states of random layers."""
    return {name: value for name, value in values.items() if name.startswith(NETWORKS) and value.dtype.kind == "f"}


def begun(*overrides):
    return (*overrides, "training.seed=5", "training.steps=4", "training.ema=0.9")


def test_all_weights_are_taken_and_no_optimizer(source, tiny, run, values_in, tmp_path):
    _, notes = run(tiny(*begun(f"training.start_from={source.path}")), tmp_path / "run")
    then, now = values_in(source.checkpoints / LAST), values_in(tmp_path / "run" / "checkpoints" / FIRST)
    taken = weights(then)
    assert any(name.startswith("averaged/") for name in taken)
    for name, value in taken.items():
        np.testing.assert_array_equal(now[name], value, err_msg=name)
    assert now["step"] == 0
    moments = [value for name, value in now.items() if "optimizer/" in name and value.size > 1]
    assert moments
    assert not any(value.any() for value in moments)
    assert f"starting from {source.path}, step 8; both optimizers start anew" in notes
    assert "generator: 6 of 6 arrays taken" in notes


def test_what_does_not_fit_keeps_its_initial_value_and_is_reported(source, tiny, run, values_in, tmp_path):
    wider = begun("discriminator.stages=[{filters: 4}, {filters: 6}]", "generator.stages=[]")
    run(tiny(*wider, "training.steps=1"), tmp_path / "cold")
    _, notes = run(tiny(*wider, f"training.start_from={source.path}", "training.steps=1"), tmp_path / "warm")
    line = next(line for line in notes if line.startswith("discriminator: "))
    assert "only here: stage2_downsample/kernel" in line
    assert "output_head_dense/kernel has (24, 1) here and (64, 1) there" in line
    record = json.loads((tmp_path / "warm" / "start.json").read_text())
    assert record["networks"]["discriminator"]["other_shape"] == [
        {"name": "output_head_dense/kernel", "here": [24, 1], "there": [64, 1]}
    ]
    cold, warm = (weights(values_in(tmp_path / name / "checkpoints" / FIRST)) for name in ("cold", "warm"))
    changed = {name for name, value in warm.items() if (value != cold[name]).any()}
    assert any("stage1_downsample/kernel" in name for name in changed)
    assert not any("stage2" in name or "head" in name for name in changed)


def test_a_run_without_a_moving_average_gives_its_generator_to_it(tiny, run, values_in, tmp_path):
    run(tiny("training.steps=2"), tmp_path / "plain")
    _, notes = run(tiny(*begun(f"training.start_from={tmp_path / 'plain'}")), tmp_path / "run")
    assert "moving average of the generator: 6 of 6 arrays taken" in notes
    first = values_in(tmp_path / "run" / "checkpoints" / FIRST)
    averaged = {name: value for name, value in first.items() if name.startswith("averaged/")}
    assert averaged
    for name, value in averaged.items():
        np.testing.assert_array_equal(value, first[name.replace("averaged/", "generator/")], err_msg=name)


def stop_at(step):
    return lambda done: signal.raise_signal(signal.SIGTERM) if done == step else None


def test_a_run_does_not_need_its_source_any_more(own, tiny, listener, values_in, tmp_path, monkeypatch):
    """Stopped, and its source is gone: the same bits, also of the readings that are compared with those of step 0."""
    monkeypatch.setattr("dcgan_kit.training.step_groups.GROUP_SECONDS", 1e-9)
    probing = ("training.probing={every: 2, probes: [units, drift]}", "training.evaluation={every: 2, scores: []}")
    loaded = tiny(*begun(f"training.start_from={own.path}", *probing))

    def trained(name, at_progress=None):
        ear = listener(at_progress)
        return train(loaded.recipe, loaded.plugins, tmp_path / name, ear, (), observers_of), ear.notes

    straight, _ = trained("straight")
    stopped, _ = trained("stopped", stop_at(1))
    assert stopped.step == 1
    shutil.rmtree(own.path)
    require_start(loaded.recipe, RunFolder(tmp_path / "stopped"))
    resumed, notes = trained("stopped")
    assert not any(line.startswith("starting from") for line in notes)
    assert resumed.run.metrics_file.read_bytes() == straight.run.metrics_file.read_bytes()
    one, other = (values_in(outcome.run.checkpoints / "step-000000004.npz") for outcome in (straight, resumed))
    for name, value in one.items():
        assert value.tobytes() == other[name].tobytes(), name


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_from_what_it_kept(own, tiny, run, tmp_path):
    loaded, path = tiny(*begun(f"training.start_from={own.path}")), tmp_path / "run"
    run(loaded, path)
    first = (path / "checkpoints" / FIRST).read_bytes()
    # As after a kill between the copy of the weights and the first checkpoint.
    for name in ("checkpoints", "samples", "tensorboard"):
        shutil.rmtree(path / name)
    for name in ("generator.keras", "generator-raw.keras", "metrics.jsonl", "speed.jsonl"):
        (path / name).unlink()
    shutil.rmtree(own.path)
    _, notes = run(loaded, path)
    assert f"starting from {own.path}, step 8, as this run folder kept it" in notes
    assert (path / "checkpoints" / FIRST).read_bytes() == first


def test_a_copy_without_its_record_is_taken_again(source, tiny, run, tmp_path):
    loaded, path = tiny(*begun(f"training.start_from={source.path}")), tmp_path / "run"
    run(loaded, path)
    shutil.rmtree(path / "checkpoints")
    (path / "generator.keras").unlink()
    (path / "start.json").unlink()
    _, notes = run(loaded, path)
    assert f"starting from {source.path}, step 8; both optimizers start anew" in notes


def test_one_checkpoint_file_may_be_named(source, tiny, run, tmp_path):
    file = source.checkpoints / "step-000000004.npz"
    run(tiny(*begun(f"training.start_from={file}")), tmp_path / "run")
    assert origin_of(RunFolder(tmp_path / "run")).step == 4


def test_a_damaged_checkpoint_is_reported_and_the_one_before_is_taken(own, tiny, run, tmp_path):
    file = own.checkpoints / LAST
    file.write_bytes(file.read_bytes()[:-40])
    _, notes = run(tiny(*begun(f"training.start_from={own.path}")), tmp_path / "run")
    assert f"{file}: is damaged and is ignored (its checksum is not the one in the manifest)" in notes
    assert f"starting from {own.path}, step 4; both optimizers start anew" in notes


@pytest.fixture(scope="module")
def session(tiny):
    """A session of the tiny recipe."""
    return Session.create(tiny().recipe)


def written(folder, arrays, pickled=False):
    folder.mkdir()
    (folder / "recipe.yaml").write_text("version: 1\n")
    (folder / "checkpoints").mkdir()
    np.savez(folder / "checkpoints" / LAST, allow_pickle=pickled, **arrays)
    return folder


@pytest.mark.parametrize(
    ("made", "reported"),
    [
        (lambda folder: folder, "there is no such folder"),
        (lambda folder: folder / "weights.npz", "is no checkpoint"),
        (lambda folder: folder / "checkpoints" / LAST, "there is no such file"),
        (lambda folder: written(folder, {"generator/0000/other/kernel": np.zeros(3, np.float32)}), "no array fits"),
        (lambda folder: written(folder, {}), "no array fits"),
        (lambda folder: written(folder, {"a": np.array([{}])}, pickled=True), "no checkpoint that can be read"),
        (
            lambda folder: written(folder, {"generator/0000/input_projection/kernel": np.full((4, 64), np.nan, "f4")}),
            "not finite",
        ),
    ],
    ids=["no folder", "no checkpoint", "no file", "nothing fits", "empty", "pickle", "NaN"],
)
def test_a_source_that_cannot_be_used_is_refused_at_its_place(made, reported, session, tiny, tmp_path):
    recipe = tiny(f"training.start_from={made(tmp_path / 'strange')}").recipe
    with pytest.raises(
        RecipeError, match=rf"^override:1:1: training\.start_from: .*{reported}|(?s:{reported})"
    ) as found:
        warm_start(recipe, session.state)
    assert "training.start_from" in str(found.value)


def test_a_refused_source_leaves_no_folder(tiny, run, tmp_path):
    strange = written(tmp_path / "strange", {"generator/0000/other/kernel": np.zeros(3, np.float32)})
    with pytest.raises(RecipeError, match="no array fits"):
        run(tiny(f"training.start_from={strange}"), tmp_path / "runs" / "new")
    assert [path.name for path in tmp_path.iterdir()] == ["strange"]


def test_a_header_that_asks_for_any_amount_of_memory_gets_none(session, tiny, tmp_path):
    folder = written(tmp_path / "strange", {"generator/0000/input_projection/kernel": np.zeros((4, 64), np.float32)})
    file = folder / "checkpoints" / LAST
    with zipfile.ZipFile(file, "w") as archive, archive.open("generator/0000/input_projection/kernel.npy", "w") as out:
        np.lib.format.write_array_header_1_0(out, {"descr": "<f4", "fortran_order": False, "shape": (2**20, 2**30)})
        out.write(bytes(64))
    with pytest.raises(RecipeError, match="no checkpoint that can be read"):
        warm_start(tiny(f"training.start_from={folder}").recipe, session.state)


def test_a_run_that_starts_from_itself_is_refused(own, tiny):
    recipe = tiny(f"training.start_from={own.path}").recipe
    with pytest.raises(RecipeError, match=r"training\.start_from: .*: is the run folder itself"):
        require_start(recipe, own)
    file = tiny(f"training.start_from={own.checkpoints / LAST}").recipe
    with pytest.raises(RecipeError, match=r"is the run folder itself"):
        require_start(file, RunFolder(own.path / ".." / "own"))


def test_a_run_that_has_begun_takes_no_other_weights(source, tiny, run, tmp_path):
    path = tmp_path / "run"
    run(tiny("training.steps=2"), path)
    warm = tiny(f"training.start_from={source.path}", "training.steps=4")
    with pytest.raises(
        RunError, match=r"begun.*choose another folder with --run\n.*training\.start_from: - in the run"
    ) as told:
        run(warm, path)
    assert "may-change" not in str(told.value)
    with pytest.raises(RunError, match=r"acts only before the first step"):
        run(warm, path, may_change=["training.start_from"])


def test_damaged_weights_of_step_0_are_reported_and_can_be_left_out(source, tiny, run, tmp_path):
    path = tmp_path / "run"
    run(tiny(f"training.start_from={source.path}", "training.steps=2"), path)
    (path / "start.npz").write_bytes(b"nothing")
    with pytest.raises(RunError, match=r"start\.npz: .*--may-change training\.start_from"):
        run(tiny(f"training.start_from={source.path}", "training.steps=4"), path)
    outcome, _ = run(tiny("training.steps=4"), path, may_change=["training.start_from"])
    assert outcome.step == 4


@pytest.mark.parametrize(
    "keys",
    [
        ("training.precision=mixed_bfloat16",),
        ("generator.constraint=spectral", "discriminator.constraint=spectral"),
    ],
    ids=["bfloat16", "spectral norm"],
)
def test_weights_are_the_same_in_every_setting(keys, tiny, run, values_in, tmp_path):
    if "spectral" in keys[0]:
        run(tiny("training.steps=2", *keys), tmp_path / "source")
    else:
        run(tiny("training.steps=2"), tmp_path / "source")
    run(
        tiny(f"training.start_from={tmp_path / 'source'}", "training.steps=2", "training.seed=3", *keys),
        tmp_path / "run",
    )
    then = weights(values_in(tmp_path / "source" / "checkpoints" / "step-000000002.npz"))
    now = values_in(tmp_path / "run" / "checkpoints" / FIRST)
    for name, value in then.items():
        np.testing.assert_array_equal(now[name], value, err_msg=name)


def test_a_network_with_classes_takes_what_does_not_depend_on_them(source, classed, run, tmp_path):
    _, notes = run(classed(f"training.start_from={source.path}"), tmp_path / "run")
    generator = next(line for line in notes if line.startswith("generator: "))
    assert "input_projection/kernel has (7, 64) here and (4, 64) there" in generator
    assert (tmp_path / "run" / "generator.keras").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "distribute={strategy: mirrored, cpu_devices: 2}"),
        ("launch", "--workers", "2", "distribute.strategy=multi_worker"),
    ],
    ids=["two replicas", "two workers"],
)
def test_every_replica_starts_from_the_same_weights(arguments, source, tiny_file, dcgan_kit, values_in, tmp_path):
    command, *more = arguments
    keys = (f"training.start_from={source.path}", "training.ema=0.9", "training.steps=2", "training.seed=3")
    done = subprocess.run(
        [dcgan_kit, command, tiny_file, *keys, *more, "--run", "run"],
        cwd=tmp_path, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("starting from") == 1, "only the chief says so"
    first = values_in(tmp_path / "run" / "checkpoints" / FIRST)
    for name, value in weights(values_in(source.checkpoints / LAST)).items():
        np.testing.assert_array_equal(first[name], value, err_msg=name)
    assert (tmp_path / "run" / "generator.keras").exists()


def test_the_identity_of_a_studys_run_depends_on_the_weights_and_not_on_their_path(source, own, tiny):
    facts = source_facts(tiny(f"training.start_from={source.path}").recipe)
    assert facts == source_facts(tiny(f"training.start_from={own.path}").recipe)
    assert list(facts) == ["weights to start from"]
    earlier = own.checkpoints / "step-000000004.npz"
    assert source_facts(tiny(f"training.start_from={earlier}").recipe) != facts
    assert source_facts(tiny().recipe) == {}
    with pytest.raises(RecipeError, match="there is no such folder"):
        source_facts(tiny("training.start_from=nowhere").recipe)


def unlisted(own, tiny):
    """Return a checkpoint that the manifest does not list, and a recipe that starts from it."""
    file = own.checkpoints / "step-000000006.npz"
    shutil.copy(own.checkpoints / LAST, file)
    return file, tiny(f"training.start_from={file}").recipe


def test_the_identity_depends_on_the_content_of_a_checkpoint_without_a_checksum(own, tiny):
    file, recipe = unlisted(own, tiny)
    before = source_facts(recipe)
    assert before == source_facts(tiny(f"training.start_from={own.path}").recipe)
    file.write_bytes((own.checkpoints / "step-000000004.npz").read_bytes())
    assert source_facts(recipe) != before
    own.manifest_file.write_text("{")
    newest = tiny(f"training.start_from={own.path}").recipe
    before = source_facts(newest)
    (own.checkpoints / LAST).write_bytes(b"others")
    assert source_facts(newest) != before


def test_a_file_that_is_not_there_is_told_without_tensorflow(own, tiny):
    file, recipe = unlisted(own, tiny)
    require_start(recipe)
    file.unlink()
    with pytest.raises(RecipeError, match=r"training\.start_from: .*step-000000006\.npz: there is no such file"):
        require_start(recipe)
    file.mkdir()
    with pytest.raises(RecipeError, match="is not a regular file"):
        require_start(recipe)
    for one in (FIRST, "step-000000004.npz", LAST):
        (own.checkpoints / one).unlink(missing_ok=True)
    with pytest.raises(RecipeError, match="none of its checkpoints is there any more"):
        require_start(tiny(f"training.start_from={own.path}").recipe)


def test_an_array_of_another_type_alone_is_told_by_its_type():
    here, there = (Weight("generator/0000/a/kernel", "a/kernel", (64,), np.dtype(kind)) for kind in ("f4", "f8"))
    (fit,) = fits_of({"generator": [here]}, {there.name: (there.shape, there.dtype)})
    assert fit.line() == "generator: 0 of 1 arrays taken; other types: a/kernel is float32 here and float64 there"
    assert fit.as_data()["other_type"] == [{"name": "a/kernel", "here": "float32", "there": "float64"}]


def test_a_report_says_where_a_run_started_and_why_it_ended(source, tiny, run, tmp_path):
    run(tiny(*begun(f"training.start_from={source.path}")), tmp_path / "warm")
    write_end(RunFolder(tmp_path / "warm"), RunEnd(4, "fd <has> not improved"))
    rows = dict(row[:2] for row in summary([read_facts(tmp_path / "warm", "warm")]).blocks[0].rows)
    assert rows["started from"] == f"{source.path}, step 8"
    assert rows["ended early"] == "fd <has> not improved ended training after step 4"
    assert "started from" not in dict(row[:2] for row in summary([read_facts(source.path, "cold")]).blocks[0].rows)
