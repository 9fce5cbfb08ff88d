"""``dcgan-kit sample`` into arrays and moving pictures, walks through latent space, and truncation."""

import numpy as np
import pytest
from PIL import Image

from dcgan_kit import UserError, open_run


@pytest.fixture(scope="module")
def run(command, tiny_file, tmp_path_factory):
    """A run without classes."""
    path = tmp_path_factory.mktemp("files") / "run"
    command("train", tiny_file, "training.steps=1", "--run", path)
    return path


@pytest.fixture(scope="module")
def classed_run(command, classed_file, tmp_path_factory):
    """A run with three classes."""
    path = tmp_path_factory.mktemp("files") / "classed"
    command("train", classed_file, "--run", path)
    return path


def arrays(file):
    with np.load(file) as found:
        return dict(found)


def test_arrays_hold_images_and_what_they_were_made_from(command, run, tmp_path):
    command("sample", run, "--seed", 1, "--count", 6, "--output", tmp_path / "a.npz")
    found = arrays(tmp_path / "a.npz")
    opened = open_run(run)
    assert set(found) == {"images", "latent"}
    np.testing.assert_array_equal(found["images"], opened.sample(6, seed=1))
    np.testing.assert_array_equal(found["latent"], opened.latent_vectors(6, seed=1))
    np.testing.assert_array_equal(opened.images(found["latent"]), found["images"])


def test_arrays_of_classes_have_labels(command, classed_run, tmp_path):
    command("sample", classed_run, "--seed", 1, "--count", 6, "--output", tmp_path / "a.npz")
    assert arrays(tmp_path / "a.npz")["labels"].tolist() == [0, 1, 2, 0, 1, 2]
    command("sample", classed_run, "--seed", 1, "--count", 2, "--class", 2, "--output", tmp_path / "b.npz")
    assert arrays(tmp_path / "b.npz")["labels"].tolist() == [2, 2]
    command("sample", classed_run, "--seed", 1, "--count", 8, "--between", 0, 2, "--output", tmp_path / "c.npz")
    assert "labels" not in arrays(tmp_path / "c.npz")


def test_a_walk_starts_at_each_vector(command, run, tmp_path):
    command("sample", run, "--seed", 1, "--count", 12, "--interpolate", 4, "--output", tmp_path / "a.npz")
    found = arrays(tmp_path / "a.npz")
    np.testing.assert_allclose(found["latent"][::4], open_run(run).latent_vectors(3, seed=1), rtol=1e-6)
    np.testing.assert_array_equal(found["images"][::4], open_run(run).sample(3, seed=1))
    command("sample", run, "--seed", 1, "--count", 12, "--interpolate", 4)
    with Image.open(run / "sample-1-walk.png") as grid:
        assert grid.width * 3 == grid.height * 4


def test_truncation_brings_vectors_nearer_to_the_mean(command, run, tmp_path):
    command("sample", run, "--seed", 1, "--count", 4, "--truncation", 0.5, "--output", tmp_path / "a.npz")
    np.testing.assert_allclose(arrays(tmp_path / "a.npz")["latent"], 0.5 * open_run(run).latent_vectors(4, seed=1))
    command("sample", run, "--seed", 1, "--count", 4, "--truncation", 0.5)
    assert (run / "sample-1-truncation-0.5.png").is_file()


@pytest.mark.parametrize(
    ("steps", "count"), [(20, 60), (32, 64), (40, 80)], ids=["most rows", "64 fit", "longer than half of 64"]
)
def test_a_walk_has_whole_rows_by_default(steps, count, command, run, tmp_path):
    command("sample", run, "--seed", 1, "--interpolate", steps, "--output", tmp_path / "a.npz")
    images = arrays(tmp_path / "a.npz")["images"]
    assert len(images) == count
    # It goes somewhere.
    assert (images[0] != images[1]).any()


@pytest.mark.parametrize("form", ["gif", "mp4"])
def test_moving_pictures_show_one_image_after_the_other(form, command, run, tmp_path):
    file = tmp_path / f"a.{form}"
    command("sample", run, "--seed", 1, "--count", 6, "--interpolate", 3, "--output", file)
    if form == "gif":
        with Image.open(file) as image:
            assert image.n_frames >= 2
    else:
        assert b"ftyp" in file.read_bytes()[:16]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--count", 10, "--interpolate", 4], "--count: must be a multiple of 4 with --interpolate"),
        (["--output", "a.bmp"], "ends in one of .png, .npz, .gif, .mp4"),
        (["--truncation", 2], "--truncation"),
        (["--interpolate", 1], "--interpolate"),
    ],
)
def test_what_cannot_be_sampled_is_refused(arguments, message, command, run):
    assert message in command("sample", run, "--seed", 1, *arguments, status=2).stderr


def test_a_walk_stays_in_a_class(command, classed_run):
    told = command("sample", classed_run, "--seed", 1, "--count", 8, "--interpolate", 4, status=2).stderr
    assert "--interpolate: give --class too; a walk stays in one class" in told
    told = command("sample", classed_run, "--interpolate", 4, "--between", 0, 1, "--count", 8, status=2).stderr
    assert "give one" in told
    command("sample", classed_run, "--seed", 1, "--count", 8, "--interpolate", 4, "--class", 1)
    assert (classed_run / "sample-1-class-1-walk.png").is_file()


@pytest.mark.parametrize(
    "latent", [[[1.0, 2.0]], "many", [[float("nan")] * 32], [], [[1.0] * 32, [1.0]], np.zeros((0, 32))]
)
def test_latent_vectors_of_ones_own_must_fit(latent, run):
    with pytest.raises(UserError, match="latent: must be"):
        open_run(run).images(latent)
