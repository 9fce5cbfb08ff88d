"""Spectra and neighbours against what is known in advance, and a look at a run that was trained for seconds."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from dcgan_kit.cli import cli
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.reports import neighbours
from dcgan_kit.reports.checkpoint_analysis import _grid as class_grid
from dcgan_kit.reports.neighbours import nearest
from dcgan_kit.reports.spectrum import decibels, plane, power, radial

RANDOM = np.random.default_rng(0)


def nobody(done, total):
    pass


def test_a_wave_has_its_power_at_its_own_frequency():
    x = np.arange(32)
    wave = 127.5 + 100 * np.cos(2 * np.pi * 8 * x / 32)
    images = np.broadcast_to(wave, (4, 32, 32))[..., None].round().astype(np.uint8)
    cycles, found = radial(power(images))
    assert cycles == tuple(range(1, 17))
    assert cycles[int(np.argmax(found))] == 8
    assert max(found) - sorted(found)[-4] > 30


def test_training_images_stand_in_rows_of_their_classes():
    labels = np.arange(30) % 3
    images = Images(np.broadcast_to((labels * 100)[:, None, None, None], (30, 2, 2, 1)).astype(np.uint8), labels)
    grid = class_grid(images, 4, 5, 3)
    assert grid.shape == (8, 10, 1)
    assert [set(grid[2 * row : 2 * row + 2].ravel().tolist()) for row in range(4)] == [{0}, {100}, {200}, {0}]
    assert class_grid(images, 4, 11, 3) is None, "a class has ten images"


def test_white_noise_has_as_much_power_everywhere():
    images = RANDOM.integers(0, 256, (200, 32, 48, 3), np.uint8)
    _, found = radial(power(images))
    assert max(found) - min(found) < 1.0
    # The variance of a channel, by Parseval's theorem.
    assert 10 ** (np.mean(found) / 10) == pytest.approx((256**2 - 1) / 12 / 255**2, rel=0.05)


def test_a_checkerboard_is_bright_in_the_plane_and_hardly_seen_along_the_radius():
    noise = RANDOM.normal(128, 20, (100, 32, 32))
    board = 10.0 * (-1.0) ** np.add.outer(np.arange(32), np.arange(32))
    clean, spoilt = (power(np.clip(x, 0, 255).astype(np.uint8)[..., None]) for x in (noise, noise + board))
    assert decibels(spoilt[16, 16]) - decibels(clean[16, 16]) > 15
    assert abs(np.subtract(radial(spoilt)[1], radial(clean)[1])).max() < 1.0
    assert plane(spoilt, -40.0, 0.0).shape == (32, 32)
    assert plane(spoilt, -40.0, 0.0)[0, 0] == plane(spoilt, -40.0, 0.0).max()


def test_plain_images_have_no_power_and_no_warning():
    _, found = radial(power(np.full((3, 8, 8, 1), 7, np.uint8)))
    assert set(found) == {-120.0}
    assert radial(power(np.zeros((1, 1, 1, 1), np.uint8))) == ((), ())


def test_nearest_images_are_found_however_they_are_cut_into_parts(monkeypatch):
    training = RANDOM.integers(0, 256, (97, 6, 5, 3), np.uint8)
    wanted = [13, 96, 0]
    pixels = training[wanted].copy()
    pixels[0, 0, 0, 0] ^= 8
    for rows in (7, 97, 1000):
        monkeypatch.setattr(neighbours, "ROWS", rows)
        which, distances = nearest(pixels, Images(training), nobody)
        assert which.tolist() == wanted
        assert distances == pytest.approx([8 / np.sqrt(90), 0, 0], abs=1e-9)


def test_an_image_is_not_its_own_neighbour_where_it_is_left_out():
    training = RANDOM.integers(0, 256, (20, 4, 4, 1), np.uint8)
    training[3] = training[7]
    which, distances = nearest(training[[3, 5]], Images(training), nobody, without=np.array([3, 5]))
    assert which[0] == 7
    assert distances[0] == 0
    assert which[1] != 5


def test_of_many_training_images_some_are_compared_evenly(monkeypatch):
    monkeypatch.setattr(neighbours, "MOST", 5)
    training = np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1)
    reported = []
    which, _ = nearest(np.full((1, 1, 1, 1), 60, np.uint8), Images(training), lambda *args: reported.append(args))
    assert which.tolist() in ([50], [74])
    assert reported == [(5, 5)]


def test_upsampling_in_shortcuts_is_seen(branched):
    from dcgan_kit.networks.builder import build_networks
    from dcgan_kit.reports.checkpoint_analysis import _overlaps

    found = {
        overlap.layer: overlap.factor for overlap in _overlaps(build_networks(branched(), symbolic=True).generator)
    }
    assert found == {"stage1.1_upsample": 1.0, "stage1.1_shortcut_upsample": 1.0, "output_upsample": 1.0}


@pytest.fixture(scope="module")
def trained(resolve, tmp_path_factory):
    """A run of four steps of tiny-fashion28, some images held out."""
    from dcgan_kit.components.plugin_loader import load_builtins
    from dcgan_kit.training.loop import train

    class Silent:
        def note(self, message):
            pass

        def preparation(self, task, done, total):
            pass

        def progress(self, step, metrics):
            pass

    path = tmp_path_factory.mktemp("trained") / "tiny"
    recipe = resolve("tiny-fashion28", "training.steps=4", "training.log_every=2", "training.held_out=0.1")
    train(recipe, load_builtins(), path, Silent())
    return recipe, path


@pytest.fixture
def report():
    """Return a function (*arguments) -> result of the command ``report``, run in this process."""

    def report(*arguments):
        result = CliRunner().invoke(cli, ["report", *map(str, arguments)])
        assert result.exit_code == 0, result.output
        return result

    return report


def test_a_look_at_a_run(trained):
    recipe, path = trained
    from dcgan_kit.components.plugin_loader import load_builtins
    from dcgan_kit.recipes.loading import LoadedRecipe
    from dcgan_kit.reports.checkpoint_analysis import PAIRS, SAMPLES, analyze
    from dcgan_kit.runs.run import StoredRun
    from dcgan_kit.runs.run_folder import RunFolder

    found = analyze(StoredRun(RunFolder(path), LoadedRecipe(recipe, load_builtins())), lambda task, done, total: None)
    assert found.step == 4
    assert found.notes == ()
    assert [overlap.factor for overlap in found.overlaps] == [1.0, 1.0]
    assert found.overlaps[0].description == "transposed_conv, kernel 4, stride 2"
    assert found.spectra[0].shape == found.spectra[1].shape == (28, 28)
    near = found.neighbours
    assert 1 <= len(near.pairs) <= PAIRS
    assert (near.samples, near.held_out, near.candidates) == (SAMPLES, True, 3600)
    assert [pair.distance for pair in near.pairs] == sorted(pair.distance for pair in near.pairs)
    difference = near.pairs[0].sample.astype(float) - near.pairs[0].training
    assert near.pairs[0].distance == pytest.approx(np.sqrt((difference**2).mean()))
    assert found.real.shape == (112, 112, 1)


def test_the_command_writes_a_page_and_changes_nothing_else(trained, report):
    _, path = trained
    before = {file: file.read_bytes() for file in path.rglob("*") if file.is_file()}
    result = report(path)
    assert f"{path}/report.html: " in result.stderr
    assert "stage1_upsample: even" in (path / "report.html").read_text()
    (path / "report.html").unlink()
    assert {file: file.read_bytes() for file in path.rglob("*") if file.is_file()} == before


def test_networks_of_other_shapes_than_the_checkpoint_are_told_on_the_page(trained, report, tmp_path):
    shutil.copytree(trained[1], tmp_path / "other")
    recipe = tmp_path / "other" / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("filters: 8", "filters: 9"))
    report(tmp_path / "other")
    assert "is a checkpoint of other networks" in (tmp_path / "other" / "report.html").read_text()


def test_the_page_says_that_training_images_are_too_few_for_a_grid(trained, report, tmp_path):
    shutil.copytree(trained[1], tmp_path / "few")
    recipe = tmp_path / "few" / "recipe.yaml"
    text = recipe.read_text()
    for old, new in (("held_out: 0.1", "held_out: 0.9"), ("sample_grid: [4, 4]", "sample_grid: [32, 32]")):
        assert old in text
        text = text.replace(old, new)
    recipe.write_text(text)
    report(tmp_path / "few")
    told = "There is no grid of training images: it needs 1,024 images, and there are fewer."
    assert told in (tmp_path / "few" / "report.html").read_text()
