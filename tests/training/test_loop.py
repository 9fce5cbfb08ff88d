from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from importlib.metadata import PackageNotFoundError

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from dcgan_kit.adversarial.step_metrics import METRICS
from dcgan_kit.errors import RunError
from dcgan_kit.version import package_version


@pytest.fixture(scope="module")
def finished(small, run, tmp_path_factory):
    """A run of eight steps, straight through."""
    path = tmp_path_factory.mktemp("finished") / "run"
    outcome, notes = run(small(), path)
    return outcome, notes


def stop_at(step, number=signal.SIGINT):
    return lambda done: signal.raise_signal(number) if done == step else None


def test_a_run_folder_holds_all_that_is_promised(finished):
    outcome, _ = finished
    path = outcome.run.path
    assert outcome.signal is None
    assert outcome.step == 8
    assert sorted(file.name for file in path.iterdir()) == [
        "checkpoints", "environment.json", "generator-raw.keras", "generator.keras", "lock", "metrics.jsonl",
        "recipe.yaml", "samples", "speed.jsonl", "tensorboard",
    ]  # fmt: skip
    assert len(list((path / "tensorboard").iterdir())) == 1
    environment = json.loads((path / "environment.json").read_text())
    assert environment["packages"]["keras"] == keras.__version__
    assert {plugin["status"] for plugin in environment["plugins"]} == {"loaded"}
    assert environment["precision"] == "float32"
    assert environment["devices"] == "one CPU"


def test_images_that_cannot_be_read_are_counted_and_listed(tiny, run, tmp_path):
    (tmp_path / "images").mkdir()
    for index in range(12):
        Image.new("L", (8, 8), index).save(tmp_path / "images" / f"{index:02}.png")
    for index in range(8):
        (tmp_path / "images" / f"broken{index}.png").write_bytes(b"no picture")
    data = f"data={{use: images, path: {tmp_path / 'images'}, max_broken_share: 0.5}}"
    outcome, notes = run(tiny(data, "training.batch_size=4"), tmp_path / "run")
    reported = [line for line in notes if line.startswith("skipped ")]
    assert [line.partition(".png")[0][-7:] for line in reported[:6]] == [f"broken{index}" for index in range(6)]
    assert reported[6:] == [f"skipped 8 of 20 images, all listed in {tmp_path / 'run' / 'skipped.txt'}"]
    listed = outcome.run.skipped_file.read_text().splitlines()
    assert [f"skipped {line}" for line in listed[:6]] == reported[:6]
    assert len(listed) == 8
    assert json.loads(outcome.run.environment_file.read_text())["images"] == 12


def test_what_is_left_out_and_what_the_labels_are_is_told(tiny, run, tmp_path):
    for index in range(8):
        place = tmp_path / "images" / "ab"[index % 2] / str(index)
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 8), index).save(place, format="TIFF")
    (tmp_path / "images" / "README.txt").write_text("eight images")
    folder = tmp_path / "images"
    outcome, notes = run(tiny(f"data={{use: images, path: {folder}}}", "training.batch_size=4"), tmp_path / "run")
    left_out = f"{folder}: left out 1 file that is no image (1 .txt)"
    assert left_out in notes
    assert f"{folder}: labels are the folders' names, 2 classes: a (4), b (4)" in notes
    assert outcome.run.skipped_file.read_text().splitlines() == [left_out]


def test_output_never_becomes_input(tiny, run, tmp_path):
    """The run folder lies below the images: not there at the first start, full of pictures at the second."""
    for index in range(8):
        Image.new("L", (8, 8), index).save(tmp_path / f"{index}.png")
    recipe = tiny(f"data={{use: images, path: {tmp_path}}}", "training.batch_size=4", "training.sample_every=2")
    path = tmp_path / "runs" / "x"
    first, notes = run(recipe, path, stop_at(4))
    assert first.signal is not None
    assert list(first.run.samples.glob("*.png"))
    Image.new("L", (8, 8)).save(path / "sample-1.png")
    last, notes = run(recipe, path)
    assert last.step == 8
    assert f"{tmp_path}: left out a run folder, because output of training is not used as data: runs/x" in notes
    assert json.loads(last.run.environment_file.read_text())["images"] == 8


def test_tensorflow_under_another_name_has_its_version(monkeypatch):
    def version(package):
        raise PackageNotFoundError(package)

    monkeypatch.setattr("dcgan_kit.version.version", version)
    assert package_version("tensorflow") == tf.__version__
    with pytest.raises(PackageNotFoundError):
        package_version("keras")


def test_metrics_come_as_lines_of_json(finished):
    lines = [json.loads(line) for line in finished[0].run.metrics_file.read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6, 8]
    for line in lines:
        assert line["generator_loss"] > 0
        assert line["discriminator_loss"] > 0
        assert 0 < line["discriminator_real"] < 1
        assert 0 < line["discriminator_fake"] < 1
        assert line.keys() == {"step", *METRICS} - {"penalty", "generator_class_loss", "discriminator_class_loss"}, (
            "there is none to be reported of"
        )
        assert line["generator_rate"] == pytest.approx(2e-4)
        assert line["generator_gradient"] > 0
        assert line["discriminator_gradient"] > 0
        assert line["augmentation"] == 0.0


def test_grids_come_at_step_0_and_along_the_way(finished):
    folder = finished[0].run.samples
    assert sorted(file.name for file in folder.iterdir()) == [
        f"step-{n:06d}{name}.png" for n in (0, 4, 8) for name in ("-raw", "")
    ]
    grids = []
    for file in sorted(folder.glob("step-??????.png")):
        with Image.open(file) as picture:
            assert picture.mode == "L"
            # Enlarged by a whole factor, so that people see 28 pixels.
            assert (picture.height % 56, picture.width % 84) == (0, 0)
            assert picture.height / 56 == picture.width / 84
            grids.append(np.asarray(picture).copy())
    assert (grids[0] != grids[2]).any()


@pytest.mark.parametrize(("channels", "mode"), [(2, "LA"), (3, "RGB"), (4, "RGBA")])
def test_grids_have_the_channels_of_the_recipe(channels, mode):
    import io

    from dcgan_kit.runs.image_grid import as_pixels, grid_of, png_of

    values = np.linspace(-1, 1, 6 * 5 * 7 * channels).reshape(6, 5, 7, channels)
    grid = grid_of(as_pixels(values, (-1.0, 1.0)), 2, 3)
    with Image.open(io.BytesIO(png_of(grid, enlarged=False))) as picture:
        assert (picture.mode, picture.size) == (mode, (21, 10))
        assert picture.getpixel((0, 0))[0] == 0
        assert picture.getpixel((20, 9))[-1] == 255


def test_the_same_run_twice_is_the_same(finished, small, run, values_in, tmp_path):
    again, _ = run(small(), tmp_path / "again")
    one, other = (values_in(r.run.checkpoints / "step-000000008.npz") for r in (finished[0], again))
    assert one.keys() == other.keys()
    for key, value in one.items():
        np.testing.assert_array_equal(value, other[key], err_msg=key)


def test_another_seed_gives_other_weights(finished, small, run, values_in, tmp_path):
    again, _ = run(small("training.seed=1", "training.steps=4"), tmp_path / "again")
    one = values_in(finished[0].run.checkpoints / "step-000000004.npz")
    other = values_in(again.run.checkpoints / "step-000000004.npz")
    kernels = [key for key in one if key.endswith("kernel") and key.startswith("generator/")]
    assert len(kernels) == 3
    assert all((one[key] != other[key]).any() for key in kernels)


def unfinished(finished, path):
    """Copy a run as it would be had it been killed after its last checkpoint."""
    shutil.copytree(finished[0].run.path, path)
    (path / "generator.keras").unlink()
    return path


def test_a_metrics_file_cut_short_is_mended(finished, small, run, tmp_path):
    path = unfinished(finished, tmp_path / "run")
    (path / "checkpoints" / "step-000000008.npz").unlink()
    with (path / "metrics.jsonl").open("ab") as stream:
        stream.write(b'{"step": 10, "generator_l\xff\x00')
    outcome, _ = run(small(), path)
    lines = outcome.run.metrics_file.read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4, 6, 8]


@pytest.mark.parametrize("line", ['{"generator_loss": 1.0}', "[4]", '{"step": "4"}', "7", "[" * 20_000])
def test_a_line_of_metrics_without_a_step_is_left_out(line, tiny, run, tmp_path):
    path = tmp_path / "run"
    run(tiny(), path, stop_at(4))
    lines = (path / "metrics.jsonl").read_text().splitlines()
    (path / "metrics.jsonl").write_text("\n".join([lines[0], line, *lines[1:]]) + "\n")
    outcome, _ = run(tiny(), path)
    assert [json.loads(line)["step"] for line in outcome.run.metrics_file.read_text().splitlines()] == [2, 4, 6, 8]


def test_a_finished_run_is_refused(finished, small, run):
    before = {file: file.stat().st_mtime_ns for file in finished[0].run.path.rglob("*")}
    with pytest.raises(RunError, match=r"holds a finished run of this recipe.*dcgan-kit sample"):
        run(small(), finished[0].run.path)
    assert {file: file.stat().st_mtime_ns for file in finished[0].run.path.rglob("*")} == before


def test_a_run_of_another_recipe_is_refused_with_the_difference(finished, small, run):
    with pytest.raises(RunError) as raised:
        run(small("training.seed=5", "generator.stages.0.activation=elu"), finished[0].run.path)
    message = str(raised.value)
    assert "another recipe" in message
    assert "training.seed: 0 in the run, 5 in this recipe" in message
    assert "generator.stages.0.activation.use: activation/relu in the run, activation/elu in this recipe" in message
    assert "--may-change" in message
    assert "training.steps" not in message


def test_a_folder_that_is_no_run_is_refused_and_left_alone(small, run, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="exists and is not a run folder"):
        run(small(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(RunError, match="exists and is not a run folder"):
        run(small(), tmp_path / "thesis.txt")


def test_an_empty_folder_is_taken(small, run, tmp_path):
    assert run(small(), tmp_path, stop_at(2))[0].step == 2


def test_the_generator_loads_in_plain_keras_and_gives_the_same(small, run, tmp_path):
    outcome, _ = run(small("training.steps=2", "training.ema=0.5"), tmp_path / "run")
    z = np.random.default_rng(0).standard_normal((5, 100)).astype("float32")
    np.save(tmp_path / "z.npy", z)
    code = """
import sys
class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].startswith("dcgan_kit"):
            raise ImportError(f"{name} must not be needed")
sys.meta_path.insert(0, Wall())
import keras, numpy as np
folder = sys.argv[1]
model = keras.saving.load_model(folder + "/run/generator.keras")
np.save(folder + "/images.npy", model(np.load(folder + "/z.npy"), training=False))
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, cwd=tmp_path, capture_output=True)
    ours = keras.saving.load_model(outcome.run.generator_file)
    np.testing.assert_array_equal(np.load(tmp_path / "images.npy"), ours(z, training=False))
    assert np.load(tmp_path / "images.npy").shape == (5, 28, 28, 1)


def test_what_is_sampled_is_what_was_trained(finished, small, tmp_path):
    """The same grid from the final generator, from the checkpoint, and as training drew it."""
    from dcgan_kit.runs.image_grid import generated, grid_of, latent_vectors, png_of

    recipe = small().recipe
    model = keras.saving.load_model(finished[0].run.generator_file)
    images = generated(model, latent_vectors(recipe, 6, 0), recipe.image.range)
    assert png_of(grid_of(images, 2, 3)) == (finished[0].run.samples / "step-000008.png").read_bytes()


def test_the_generator_itself_is_kept_beside_its_average(finished, small):
    from dcgan_kit.runs.image_grid import generated, grid_of, latent_vectors, png_of

    recipe, folder = small().recipe, finished[0].run
    model = keras.saving.load_model(folder.raw_generator_file)
    grid = grid_of(generated(model, latent_vectors(recipe, 6, 0), recipe.image.range), 2, 3)
    assert png_of(grid) == (folder.samples / "step-000008-raw.png").read_bytes()
    assert png_of(grid) != (folder.samples / "step-000008.png").read_bytes()


def test_without_an_average_there_is_one_generator(tiny, run, tmp_path):
    outcome, _ = run(tiny("training.steps=2"), tmp_path / "run")
    assert outcome.run.generator_file.exists()
    assert not outcome.run.raw_generator_file.exists()
    assert sorted(file.name for file in outcome.run.samples.iterdir()) == ["step-000000.png", "step-000002.png"]


def test_a_finished_run_goes_on_where_more_steps_are_asked_for(tiny, run, values_in, tmp_path):
    run(tiny("training.steps=4"), tmp_path / "run")
    outcome, notes = run(tiny("training.steps=8"), tmp_path / "run")
    assert any("continuing from step 4" in line for line in notes)
    assert (outcome.step, outcome.run.finished) == (8, True)
    assert "steps: 8" in outcome.run.recipe_file.read_text()
    straight, _ = run(tiny("training.steps=8"), tmp_path / "straight")
    one, other = (values_in(r.run.checkpoints / "step-000000008.npz") for r in (outcome, straight))
    for name, value in one.items():
        if not name.startswith("meta/"):
            np.testing.assert_array_equal(value, other[name], err_msg=name)


@pytest.mark.parametrize(
    ("overrides", "done", "steps", "key"),
    [
        (("training.schedule=cosine",), 4, 8, "training"),
        (("training.discriminator.schedule=linear",), 2, 2000, "training.discriminator"),
        (("training.generator.schedule={use: stepwise, at: [0.5]}",), 2, 2, "training.generator"),
        (("training.schedule={use: warm_up, steps: 2, then: cosine}",), 4, 6, "training"),
    ],
    ids=["cosine", "line", "fewer of an unfinished run", "after a rise"],
)
def test_steps_that_would_have_had_other_rates_are_told(overrides, done, steps, key, tiny, run, tmp_path):
    first = tiny("training.steps=4", *overrides)
    run(first, tmp_path / "run", None if done == 4 else stop_at(done))
    before = files_of(tmp_path / "run")
    other = tiny(f"training.steps={steps}", *overrides)
    with pytest.raises(RunError, match=rf"holds {done} of 4 steps, and {key}.schedule depends on the number of steps"):
        run(other, tmp_path / "run")
    assert files_of(tmp_path / "run") == before
    if steps < 10:
        assert run(other, tmp_path / "run", may_change=("training.steps",))[0].step == steps


def test_steps_whose_rates_are_the_same_go_on(tiny, run, tmp_path):
    overrides = ("training.schedule={use: linear, start: 0.75}", "training.checkpoint_every=2")
    run(tiny("training.steps=8", *overrides), tmp_path / "run", stop_at(2))
    assert run(tiny("training.steps=4", *overrides), tmp_path / "run")[0].run.finished


def test_what_may_change_does_and_the_rest_is_refused(tiny, run, tmp_path):
    path = tmp_path / "run"
    run(tiny(), path, stop_at(2))
    before = (path / "recipe.yaml").read_bytes()
    changed = tiny("training.log_every=4", "training.generator.clip_norm=1.0", "training.seed=7")
    with pytest.raises(RunError) as raised:
        run(changed, path, may_change=("training.log_every", "training.generator"))
    assert "training.seed: 0 in the run, 7 in this recipe" in str(raised.value)
    assert "clip_norm" not in str(raised.value)
    assert (path / "recipe.yaml").read_bytes() == before
    assert run(changed, path, may_change=("training",))[0].step == 8
    assert b"seed: 7" in (path / "recipe.yaml").read_bytes()


def test_fewer_steps_than_are_done_are_refused(tiny, run, tmp_path):
    run(tiny("training.steps=4"), tmp_path / "run")
    with pytest.raises(
        RunError, match=r"its last checkpoint has 4 steps, and training\.steps is 2; set it to 4 or more"
    ):
        run(tiny("training.steps=2"), tmp_path / "run", may_change=("training.steps",))
    with pytest.raises(RunError, match="holds a finished run of this recipe"):
        run(tiny("training.steps=4"), tmp_path / "run")


def files_of(path):
    return {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}


@pytest.mark.parametrize(("overrides", "message"), [
    (("training.steps=2",), "its last checkpoint has 4 steps"),
    (("training.steps=8", "generator.input.filters=8"), "is a checkpoint of other networks"),
    (("training.steps=8", "data.path={fewer}"), "was trained on 64 images, and the data now has 32 images"),
], ids=["fewer steps", "other networks", "fewer images"])  # fmt: skip
def test_what_is_refused_changes_no_file(overrides, message, tiny, run, tmp_path):
    run(tiny("training.steps=4", "training.ema=0.9"), tmp_path / "run")
    np.savez(tmp_path / "fewer.npz", x=np.zeros((32, 8, 8, 1), np.uint8))
    changed = tiny("training.ema=0.9", *(text.format(fewer=tmp_path / "fewer.npz") for text in overrides))
    before = files_of(tmp_path / "run")
    with pytest.raises(RunError, match=message):
        run(changed, tmp_path / "run", may_change=("training", "generator", "data.path"))
    assert files_of(tmp_path / "run") == before


def test_generators_of_the_recipe_before_go_when_training_goes_on(tiny, run, tmp_path):
    run(tiny("training.steps=2", "training.ema=0.9"), tmp_path / "run")
    stopped, _ = run(tiny("training.steps=8", "training.ema=0.9"), tmp_path / "run", stop_at(4), ("training.steps",))
    assert stopped.step == 4
    assert not list((tmp_path / "run").glob("*.keras"))


def test_a_folder_whose_first_write_was_killed_is_new(tiny, run, tmp_path):
    path = tmp_path / "run"
    path.mkdir()
    (path / ".recipe.yaml.abcdefgh.tmp").write_bytes(b"vers")
    (path / "lock").touch()
    assert run(tiny("training.steps=2"), path)[0].run.finished
    assert not list(path.rglob(".*"))


def test_another_way_to_write_the_same_recipe_is_the_same(tiny, run, tmp_path):
    path = tmp_path / "run"
    run(tiny(), path, stop_at(2))
    text = (path / "recipe.yaml").read_text()
    (path / "recipe.yaml").write_text("# mine\n" + text)
    outcome, notes = run(tiny(), path)
    assert outcome.step == 8
    assert any("continuing from step 2" in line for line in notes)


@pytest.mark.parametrize("quick", [True, False], ids=["quick", "slow"])
def test_a_precision_that_may_change_does_and_auto_stays_as_begun(quick, tiny, run, tmp_path, processor):
    processor(quick)
    path = tmp_path / "run"
    run(tiny(), path, stop_at(2))
    _, notes = run(tiny("training.precision=mixed_bfloat16"), path, stop_at(4), ("training.precision",))
    assert any("one CPU, mixed_bfloat16" in line for line in notes)
    assert json.loads((path / "environment.json").read_text())["precision"] == "mixed_bfloat16"
    _, notes = run(tiny("training.precision=auto"), path, may_change=("training.precision",))
    assert any("mixed_bfloat16 (as in this run so far)" in line for line in notes)


def test_images_that_may_change_become_those_of_the_run(tiny, run, tmp_path):
    path = tmp_path / "run"
    run(tiny(), path, stop_at(2))
    begun = json.loads((path / "environment.json").read_text())
    assert begun["images"] == 64
    np.savez(tmp_path / "fewer.npz", x=np.zeros((32, 8, 8, 1), np.uint8))
    fewer = tiny(f"data.path={tmp_path / 'fewer.npz'}")
    run(fewer, path, stop_at(4), may_change=("data",))
    now = json.loads((path / "environment.json").read_text())
    assert now == begun | {"images": 32, "pixels": now["pixels"]}
    assert run(fewer, path, stop_at(6))[0].step == 6, "they are the run's now"
    np.savez(tmp_path / "fewer.npz", x=np.eye(8, dtype=np.uint8)[None, :, :, None].repeat(32, 0))
    with pytest.raises(RunError, match="was trained on 32 images, and the data now has other images"):
        run(fewer, path)


@pytest.mark.parametrize(("error", "message"), [
    (BlockingIOError(11, "Resource temporarily unavailable"), "another process is training in this folder"),
    (OSError(37, "No locks available"), r"lock: cannot be locked: No locks available\. Choose a folder"),
])  # fmt: skip
def test_a_folder_that_cannot_be_locked_is_told(error, message, tiny, run, tmp_path, monkeypatch):
    def refuse(*_):
        raise error

    monkeypatch.setattr("fcntl.flock", refuse)
    with pytest.raises(RunError, match=message):
        run(tiny(), tmp_path / "run")
    assert [file.name for file in (tmp_path / "run").iterdir()] == ["lock"]


STOPPING = """
import keras
from dcgan_kit import hookimpl

class Enough(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch >= 4:
            self.model.stop_training = True

@hookimpl
def dcgan_kit_callbacks(recipe, run):
    return [Enough()]
"""


def test_a_callback_ends_training_early_and_the_run_is_finished(tiny, run, tmp_path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "enough.py").write_text(STOPPING)
    loaded = tiny("training.steps=100", "training.ema=0.9", folder=tmp_path / "plugins")
    outcome, _ = run(loaded, tmp_path / "run")
    assert (outcome.step, outcome.signal) == (4, None)
    assert outcome.stopped_by.startswith("plugin enough")
    assert outcome.run.finished
    assert outcome.run.raw_generator_file.exists()
    assert (outcome.run.checkpoints / "step-000000004.npz").exists()
    with pytest.raises(RunError, match="holds a finished run of this recipe"):
        run(loaded, tmp_path / "run")


def test_files_of_a_killed_process_are_cleared_away(tiny, run, tmp_path):
    path = tmp_path / "run"
    run(tiny(), path, stop_at(2))
    for left in (path / "checkpoints" / ".step-000000004.npz.abcdefgh.tmp", path / ".recipe.yaml.12345678.tmp"):
        left.write_bytes(b"half")
    (path / ".notes").write_text("mine")
    run(tiny(), path)
    assert [file.name for file in path.rglob(".*")] == [".notes"]


@pytest.mark.parametrize(
    ("key", "hint"), [("steps", r" Did you mean 'training\.steps'\?"), ("training.step", ""), ("data.pth", "")]
)
def test_a_key_that_may_change_must_be_one(key, hint, finished, small, run):
    with pytest.raises(RunError, match=rf"--may-change {key}: a recipe has no such key\.{hint}"):
        run(small("training.steps=10"), finished[0].run.path, may_change=(key,))
