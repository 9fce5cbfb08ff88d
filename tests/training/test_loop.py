from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest
from PIL import Image

from dcgan_kit.errors import RunError, UserError
from dcgan_kit.training.loop import Diverged

NOISY = (
    "discriminator.regularizer={use: dropout, rate: 0.3}",
    "generator.regularizer={use: gaussian_noise, stddev: 0.1}",
    "training.ema=0.9",
    "training.updates=alternating",
)


@pytest.fixture(scope="module")
def finished(small, run, tmp_path_factory):
    """A run of eight steps, straight through."""
    path = tmp_path_factory.mktemp("finished") / "run"
    outcome, notes = run(small(), path)
    return outcome, notes


def checkpoints(path):
    return sorted(file.name for file in (path / "checkpoints").iterdir())


def stop_at(step, number=signal.SIGINT):
    return lambda done: signal.raise_signal(number) if done == step else None


def test_a_run_folder_holds_all_that_is_promised(finished):
    outcome, _ = finished
    path = outcome.run.path
    assert outcome.signal is None
    assert outcome.step == 8
    assert sorted(file.name for file in path.iterdir()) == [
        "checkpoints", "environment.json", "generator.keras", "metrics.jsonl", "recipe.yaml", "samples", "tensorboard",
    ]  # fmt: skip
    assert len(list((path / "tensorboard").iterdir())) == 1
    environment = json.loads((path / "environment.json").read_text())
    assert environment["packages"]["keras"] == keras.__version__
    assert {plugin["status"] for plugin in environment["plugins"]} == {"loaded"}


def test_metrics_come_as_lines_of_json(finished):
    lines = [json.loads(line) for line in finished[0].run.metrics_file.read_text().splitlines()]
    assert [line["step"] for line in lines] == [2, 4, 6, 8]
    for line in lines:
        assert line["generator_loss"] > 0
        assert line["discriminator_loss"] > 0
        assert 0 < line["discriminator_real"] < 1
        assert 0 < line["discriminator_fake"] < 1
        assert line["images_per_second"] > 0


def test_grids_come_at_step_0_and_along_the_way(finished):
    folder = finished[0].run.samples
    assert sorted(file.name for file in folder.iterdir()) == [f"step-{n:06d}.png" for n in (0, 4, 8)]
    grids = []
    for file in sorted(folder.iterdir()):
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

    from dcgan_kit.training.sampling import as_pixels, grid_of, png_of

    values = np.linspace(-1, 1, 6 * 5 * 7 * channels).reshape(6, 5, 7, channels)
    grid = grid_of(as_pixels(values, (-1.0, 1.0)), 2, 3)
    with Image.open(io.BytesIO(png_of(grid, enlarged=False))) as picture:
        assert (picture.mode, picture.size) == (mode, (21, 10))
        assert picture.getpixel((0, 0))[0] == 0
        assert picture.getpixel((20, 9))[-1] == 255


def test_only_the_newest_checkpoints_are_kept(small, run, tmp_path):
    run(small("training.checkpoint_every=2"), tmp_path / "run")
    assert checkpoints(tmp_path / "run") == ["step-000000006.npz", "step-000000008.npz"]


@pytest.mark.parametrize("overrides", [(), NOISY], ids=["plain", "dropout, noise, average, alternating"])
def test_going_on_gives_what_going_through_gives_bit_for_bit(overrides, small, run, values_in, tmp_path):
    loaded = small(*overrides)
    straight, _ = run(loaded, tmp_path / "straight")
    stopped, _ = run(loaded, tmp_path / "stopped", stop_at(2, signal.SIGTERM))
    assert (stopped.signal, stopped.step) == (signal.SIGTERM, 2)
    assert checkpoints(stopped.run.path) == ["step-000000002.npz"]
    assert not stopped.run.finished
    again, notes = run(loaded, tmp_path / "stopped")
    assert (again.signal, again.step) == (None, 8)
    assert any("going on from step 2" in line for line in notes)

    name = "step-000000008.npz"
    one, other = (values_in(r.run.checkpoints / name) for r in (straight, again))
    assert one.keys() == other.keys()
    for key, value in one.items():
        np.testing.assert_array_equal(value, other[key], err_msg=key)
    for file in sorted(straight.run.samples.iterdir()):
        assert file.read_bytes() == (again.run.samples / file.name).read_bytes()
    steps = [json.loads(line)["step"] for line in again.run.metrics_file.read_text().splitlines()]
    assert steps == [2, 4, 6, 8]


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


def test_a_damaged_checkpoint_is_left_aside_and_the_one_before_serves(finished, small, run, values_in, tmp_path):
    path = unfinished(finished, tmp_path / "run")
    newest = path / "checkpoints" / "step-000000008.npz"
    good = values_in(newest)
    newest.write_bytes(newest.read_bytes()[:-1000])
    outcome, notes = run(small(), path)
    assert any("step-000000008.npz: is damaged and left aside" in line for line in notes)
    assert any("going on from step 4" in line for line in notes)
    assert outcome.step == 8
    for key, value in values_in(newest).items():
        np.testing.assert_array_equal(value, good[key], err_msg=key)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + bytes(100)])
def test_where_no_checkpoint_is_whole_training_starts_again_and_says_so(content, finished, small, run, tmp_path):
    path = unfinished(finished, tmp_path / "run")
    for file in (path / "checkpoints").iterdir():
        file.write_bytes(content)
    outcome, notes = run(small(), path, stop_at(2))
    assert sum("is damaged and left aside" in line for line in notes) == 2
    assert outcome.step == 2
    assert [json.loads(line)["step"] for line in outcome.run.metrics_file.read_text().splitlines()] == [2]


def test_a_checkpoint_with_any_byte_changed_is_damaged_or_read_right(finished, small, values_in, tmp_path):
    from dcgan_kit.networks.building import build_networks
    from dcgan_kit.training.checkpoint import restore_checkpoint
    from dcgan_kit.training.run_folder import RunFolder
    from dcgan_kit.training.state import TrainingState

    whole = (finished[0].run.checkpoints / "step-000000008.npz").read_bytes()
    good = values_in(finished[0].run.checkpoints / "step-000000008.npz")
    folder = RunFolder(tmp_path)
    folder.checkpoints.mkdir()
    state = TrainingState.create(small().recipe, build_networks(small().recipe))
    random = np.random.default_rng(0)
    # The start of each entry and the directory at the end are where a reader believes what it reads.
    places = {*random.integers(0, len(whole), 60), *range(0, 200, 7), *range(len(whole) - 300, len(whole), 11)}
    for place in sorted(int(p) for p in places):
        changed = bytearray(whole)
        changed[place] ^= 0x55
        (folder.checkpoints / "step-000000008.npz").write_bytes(changed)
        path, damaged = restore_checkpoint(folder, state)
        assert (path is None) == bool(damaged)
        if path is not None:
            for name, variable in state.variables().items():
                np.testing.assert_array_equal(np.asarray(variable), good[name], err_msg=f"byte {place}: {name}")


def test_a_metrics_file_cut_short_is_mended(finished, small, run, tmp_path):
    path = unfinished(finished, tmp_path / "run")
    (path / "checkpoints" / "step-000000008.npz").unlink()
    with (path / "metrics.jsonl").open("ab") as stream:
        stream.write(b'{"step": 10, "generator_l\xff\x00')
    outcome, _ = run(small(), path)
    lines = outcome.run.metrics_file.read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [2, 4, 6, 8]


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
    assert "training.seed: 0 there, 5 here" in message
    assert "generator.stages.0.activation.use: activation/relu there, activation/elu here" in message
    assert "training.steps" not in message


def test_a_folder_that_is_no_run_is_refused_and_left_alone(small, run, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(RunError, match="is there and is not a run folder"):
        run(small(), tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(RunError, match="is there and is not a run folder"):
        run(small(), tmp_path / "thesis.txt")


def test_an_empty_folder_is_taken(small, run, tmp_path):
    assert run(small(), tmp_path, stop_at(2))[0].step == 2


def test_a_loss_that_diverges_stops_training_and_leaves_the_checkpoint(small, run, tmp_path, sample_plugins):
    loaded = small(
        "training.optimizer={use: sgd, learning_rate: 1e30}", "training.checkpoint_every=1", "training.log_every=1",
        folder=sample_plugins / "folder",
    )  # fmt: skip
    with pytest.raises(Diverged, match=r"diverged between steps \d+ and \d+: .*generator_loss .*lower learning rate"):
        run(loaded, tmp_path / "run")
    assert issubclass(Diverged, UserError)
    assert not (tmp_path / "run" / "generator.keras").exists()


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
    from dcgan_kit.training.sampling import generated, grid_of, latent_vectors, png_of

    recipe = small().recipe
    model = keras.saving.load_model(finished[0].run.generator_file)
    images = generated(model, latent_vectors(recipe, 6, 0), recipe.value_range)
    assert png_of(grid_of(images, 2, 3)) == (finished[0].run.samples / "step-000008.png").read_bytes()
