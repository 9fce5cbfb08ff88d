"""What becomes of training whose numbers are no longer finite."""

from __future__ import annotations

import io
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from dcgan_kit.cli import cli
from dcgan_kit.errors import RecipeError, RunError, TrainingDiverged, UserError
from dcgan_kit.training.nonfinite import replayed

SGD = "training.optimizer={{use: descent/descent, learning_rate: {}}}"
"""A plugin's, which takes any rate."""
EACH = ("training.checkpoint_every=1", "training.log_every=1")


@pytest.fixture(scope="module")
def rated(tiny, sample_plugins):
    """Return a function (*overrides) -> LoadedRecipe with the plugin of gradient descent."""
    return lambda *overrides: tiny(*overrides, folder=sample_plugins / "folder")


@pytest.fixture(scope="module")
def wild(rated):
    """A recipe whose second or third step overflows."""
    return rated(SGD.format("1e30"), *EACH, "training.ema=0.9")


@pytest.fixture(scope="module")
def crashed(wild, run, tmp_path_factory):
    """The run folder of a recipe that diverged, and what was said."""
    path = tmp_path_factory.mktemp("crashed") / "run"
    with pytest.raises(TrainingDiverged) as raised:
        run(wild, path)
    return path, str(raised.value)


@pytest.fixture(scope="module")
def bundle(crashed):
    """The folder of the crash."""
    (folder,) = (crashed[0] / "crashes").iterdir()
    return folder


def test_training_that_diverges_stops_and_says_where(crashed, bundle):
    path, reported = crashed
    facts = json.loads((bundle / "crash.json").read_text())
    assert issubclass(TrainingDiverged, UserError)
    assert reported.startswith(f"training diverged: step {facts['step']}: ")
    assert f"dcgan-kit replay {bundle}" in reported
    assert "Try a lower learning rate" in reported
    assert not (path / "generator.keras").exists()
    newest = sorted((path / "checkpoints").glob("step-*.npz"))[-1]
    assert newest.name == f"step-{facts['step'] - 1:09d}.npz"
    assert str(newest) in reported
    with np.load(newest) as archive:
        names = [name for name in archive.files if not name.startswith("meta/")]
        assert all(np.isfinite(archive[name]).all() for name in names)
    assert bundle.name == f"step-{facts['step']:09d}"


def test_a_bundle_holds_recipe_state_images_and_facts(crashed, bundle, wild, values_in):
    assert sorted(file.name for file in bundle.iterdir()) == ["batch.npy", "crash.json", "recipe.yaml", "state.npz"]
    assert (bundle / "recipe.yaml").read_bytes() == (crashed[0] / "recipe.yaml").read_bytes()
    facts = json.loads((bundle / "crash.json").read_text())
    assert (facts["version"], facts["seed"], facts["precision"]) == (1, 0, "float32")
    state = values_in(bundle / "state.npz")
    checkpoint = values_in(crashed[0] / "checkpoints" / f"step-{facts['step'] - 1:09d}.npz")
    for name, value in state.items():
        np.testing.assert_array_equal(value, checkpoint[name], err_msg=name)
    from dcgan_kit.data.batch_order import batch_indices
    from dcgan_kit.data.loading import load_images

    seen = load_images(wild.recipe).pixels[batch_indices(64, 4, 0, facts["step"] - 1)]
    np.testing.assert_array_equal(np.load(bundle / "batch.npy").reshape(seen.shape), seen)


def test_the_first_tensor_that_is_not_finite_is_named(bundle):
    facts = json.loads((bundle / "crash.json").read_text())
    places = [tensor["place"] for tensor in facts["tensors"]]
    first = next(tensor for tensor in facts["tensors"] if tensor["not_finite"])
    network, _, rest = first["place"].partition(",")
    assert network in ("generator", "discriminator")
    assert "output of " in rest
    count = int(np.prod(first["shape"]))
    assert facts["message"] == (
        f"step {facts['step']}: {first['place']}: {first['not_finite']} of {count} numbers are not finite"
    )
    before = facts["tensors"][: facts["tensors"].index(first)]
    assert all(tensor["not_finite"] == 0 and np.isfinite(tensor["maximum"]) for tensor in before)
    assert places[0] == "generator: weight input_projection/kernel"
    assert sum(place.startswith("discriminator, real images: output of ") for place in places) >= 4
    assert "generator: loss" in places
    assert any(place.startswith("discriminator: gradient of ") for place in places)


def test_a_bundle_replays_to_the_same_crash(bundle, wild):
    crash, reported = replayed(wild.recipe, bundle)
    facts = json.loads((bundle / "crash.json").read_text())
    assert str(crash) == reported == facts["message"]
    assert [vars(t) | {"shape": list(t.shape)} for t in crash.tensors] == facts["tensors"]
    assert {k: v if np.isfinite(v) else str(v) for k, v in crash.metrics.items()} == facts["metrics"]


def test_the_command_shows_where_numbers_stop_being_finite(bundle, sample_plugins, tmp_path):
    plugins = ["--plugins-dir", str(sample_plugins / "folder")]
    shown = CliRunner().invoke(cli, ["replay", str(bundle), *plugins])
    facts = json.loads((bundle / "crash.json").read_text())
    assert shown.exit_code == 0, shown.output
    assert f"then: {facts['message']}" in shown.stderr
    as_json = json.loads(CliRunner().invoke(cli, ["replay", str(bundle), *plugins, "--json"]).stdout)
    assert as_json["reproduced"]
    assert as_json["recorded"] == as_json["now"] == facts["message"]
    shutil.copytree(bundle, tmp_path / "other")
    (tmp_path / "other" / "crash.json").write_text(json.dumps(facts | {"message": "step 2: something else"}))
    other = CliRunner().invoke(cli, ["replay", str(tmp_path / "other"), *plugins])
    assert other.exit_code == 1
    assert "the step does not fail in the same way here" in other.stderr


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("crash.json", None, "holds no record of a crash"),
        ("crash.json", b"{", "is not a record of a crash"),
        ("crash.json", b'{"precision": "float64", "step": 1, "message": ""}', "precision: .*'float64'"),
        ("crash.json", b'{"precision": "float32", "step": 1e400, "message": ""}', "step: .*inf"),
        ("crash.json", b'{"precision": "float32", "step": -4, "message": ""}', "step: .*-4"),
        ("crash.json", b'{"precision": "float32", "step": true, "message": ""}', "step: .*True"),
        ("crash.json", b'{"precision": "float32", "step": 2, "message": 7}', "message: .*7"),
        ("crash.json", b"[]", "is not a record of a crash"),
        ("state.npz", None, "is damaged or incomplete"),
        ("state.npz", b"PK", "is damaged or incomplete"),
        ("batch.npy", None, "is damaged or incomplete"),
        ("batch.npy", b"\x93NUMPY\x01\x00", "is damaged or incomplete"),
    ],
)
def test_a_damaged_bundle_is_told(file, content, message, bundle, wild, tmp_path):
    folder = shutil.copytree(bundle, tmp_path / "bundle")
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    with pytest.raises(RunError, match=rf"{folder}.*{message}"):
        replayed(wild.recipe, folder)


def test_images_of_another_size_or_of_terabytes_are_told(bundle, wild, tmp_path):
    folder = shutil.copytree(bundle, tmp_path / "bundle")
    np.save(folder / "batch.npy", np.zeros((1, 1, 1, 4, 9, 9, 1), np.uint8))
    with pytest.raises(RunError, match=r"batch\.npy: does not hold the images of a step of this recipe"):
        replayed(wild.recipe, folder)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (2**45,)})
    (folder / "batch.npy").write_bytes(header.getvalue())
    with pytest.raises(RunError, match=r"is damaged or incomplete: there are 0 bytes for an array of uint8"):
        replayed(wild.recipe, folder)


@pytest.mark.parametrize("file", ["state.npz", "batch.npy"])
def test_a_file_larger_than_the_recipe_needs_is_not_read(file, bundle, wild, tmp_path):
    folder = shutil.copytree(bundle, tmp_path / "bundle")
    with (folder / file).open("ab") as stream:
        stream.truncate(2**40)
    with pytest.raises(RunError, match=rf"{file}: is not of this recipe: it has 1099511627776 bytes"):
        replayed(wild.recipe, folder)


def test_a_bundle_of_another_recipe_is_told(bundle, tiny):
    with pytest.raises(RunError, match=r"state\.npz: is a checkpoint of other networks"):
        replayed(tiny("generator.input.filters=8", "training.ema=0.9").recipe, bundle)


@pytest.mark.parametrize("way", [
    ("training.updates=alternating", "training.discriminator.updates=2"),
    ("training.updates=in_turn",),
    ("training.accumulate=2", "training.augmentation=flip", "training.penalty=r1", "discriminator.regularizer=dropout"),
    ("training.precision=mixed_bfloat16",),
])  # fmt: skip
def test_whatever_the_way_to_train_the_crash_is_found_and_replays(way, rated, run, tmp_path):
    loaded = rated(SGD.format("1e30"), "training.checkpoint_every=100", "training.steps=20", *way)
    with pytest.raises(TrainingDiverged):
        run(loaded, tmp_path / "run")
    (folder,) = (tmp_path / "run" / "crashes").iterdir()
    crash, reported = replayed(loaded.recipe, folder)
    assert str(crash) == reported
    assert not all(np.isfinite(list(crash.metrics.values())))


@pytest.mark.parametrize(("way", "place"), [
    (("training.discriminator.updates=2",), "update 2 of 3 (discriminator): discriminator, "),
    (("training.latents=fresh", "training.generator.updates=2", "training.discriminator.optimizer.learning_rate=1e-9"),
     "update 3 of 3 (generator): generator, latent vectors: "),
], ids=["second of D", "second of G"])  # fmt: skip
def test_the_update_in_which_numbers_stop_being_finite_is_named(way, place, rated, run, tmp_path):
    """Each update moves weights so far that the next one overflows; those before it are whole."""
    with pytest.raises(TrainingDiverged) as raised:
        run(rated(SGD.format("1e30"), "training.updates=alternating", *way), tmp_path / "run")
    assert f"step 1: {place}" in str(raised.value)
    (folder,) = (tmp_path / "run" / "crashes").iterdir()
    facts = json.loads((folder / "crash.json").read_text())
    bad = [tensor["place"] for tensor in facts["tensors"] if tensor["not_finite"]]
    assert all(name.startswith(place.partition(":")[0]) for name in bad)
    crash, reported = replayed(rated(SGD.format("1e30"), "training.updates=alternating", *way).recipe, folder)
    assert str(crash) == reported


def test_training_goes_back_with_a_lower_rate_and_finishes(rated, run, tmp_path):
    """From step 0 on, where the weights are whole: one checkpoint later they are so large that no rate helps."""
    loaded = rated(SGD.format("1e15"), "training.log_every=1", "training.steps=6",
                  "training.recover={times: 5, rate: 1e-9}")  # fmt: skip
    outcome, notes = run(loaded, tmp_path / "run")
    assert (outcome.step, outcome.run.finished) == (6, True)
    backs = [line for line in notes if "Returning to step" in line]
    assert backs
    assert "with 1e-09 of the first learning rate" in backs[0]
    lines = [json.loads(line) for line in outcome.run.metrics_file.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6], "what was undone is no longer reported"
    assert lines[-1]["generator_rate"] == pytest.approx(1e15 * 1e-9 ** len(backs), rel=1e-4)
    with np.load(outcome.run.checkpoints / f"step-000000006-again-{len(backs)}.npz") as newest:
        assert newest["recoveries"] == len(backs)
        assert newest["rate_scale"] == pytest.approx(1e-9 ** len(backs), rel=1e-5)
    assert list(outcome.run.crashes.iterdir())


RUSHING = """
from dcgan_kit import component, hookimpl

@component("optimizer")
def rushing():
    from keras import optimizers
    return optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))

@hookimpl
def dcgan_kit_components():
    return [rushing]
"""


def test_a_rate_that_recovery_cannot_lower_is_told(tiny, run, tmp_path):
    (tmp_path / "rushing.py").write_text(RUSHING)
    own = "training.generator.optimizer={use: rushing}"
    loaded = tiny(own, "training.recover.times=1", folder=tmp_path)
    with pytest.raises(RecipeError, match=r"training\.recover\.times: cannot lower .* \(generator: rushing\)"):
        run(loaded, tmp_path / "run")
    assert run(tiny(own, folder=tmp_path), tmp_path / "run")[0].step == 8


def test_recovery_ends_after_as_many_times_as_the_recipe_says(rated, run, tmp_path):
    loaded = rated(SGD.format("1e30"), *EACH, "training.recover={times: 2, rate: 0.5}")
    with pytest.raises(TrainingDiverged, match=r"training diverged: step \d+: "):
        run(loaded, tmp_path / "run")
    newest = json.loads((tmp_path / "run" / "checkpoints" / "manifest.json").read_text())["checkpoints"][-1]
    assert newest["file"].endswith("-again-2.npz")


def test_a_run_that_recovered_and_was_stopped_goes_on_at_the_lower_rate(rated, run, tmp_path):
    import signal

    loaded = rated(
        SGD.format("1e15"), "training.log_every=1", "training.steps=6", "training.recover={times: 5, rate: 1e-9}"
    )
    straight, _ = run(loaded, tmp_path / "straight")
    stop = lambda step: signal.raise_signal(signal.SIGTERM) if step == 4 else None  # noqa: E731
    stopped, _ = run(loaded, tmp_path / "run", stop)
    assert stopped.step == 4
    again, _ = run(loaded, tmp_path / "run")
    name = sorted(file.name for file in straight.run.checkpoints.glob("step-000000006*.npz"))[-1]
    with np.load(straight.run.checkpoints / name) as one, np.load(again.run.checkpoints / name) as other:
        assert one["rate_scale"] < 1
        for key in one.files:
            np.testing.assert_array_equal(one[key], other[key], err_msg=key)
