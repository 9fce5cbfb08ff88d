"""Generators without their runs: in files, and those that come with recipes."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

import dcgan_kit
from dcgan_kit.api.generators import write_generator
from dcgan_kit.recipes.yaml_writer import as_data
from dcgan_kit.runs.generator_file import GeneratorFacts, GeneratorTexts, generator_content

BUILTINS = dcgan_kit.PluginSettings(builtins_only=True)


@pytest.fixture(scope="module")
def files(tiny_run, tmp_path_factory):
    """The generator of a run in two files, one for each type of numbers."""
    folder = tmp_path_factory.mktemp("generators")
    for dtype in ("float32", "float16"):
        write_generator(tiny_run, folder / f"{dtype}.npz", dtype=dtype)
    return folder


def opened(path):
    return dcgan_kit.open_generator(path, settings=BUILTINS)


def test_a_file_makes_the_images_of_its_run(files, tiny_run):
    generator = opened(files / "float32.npz")
    assert generator.step == tiny_run.step
    assert generator.facts.average == (tiny_run.resolved.training.ema > 0)
    np.testing.assert_array_equal(generator.sample(8, seed=3), tiny_run.sample(8, seed=3))
    assert as_data(generator.resolved) == as_data(tiny_run.resolved)


def test_float16_halves_the_file_and_rounds(files, tiny_run):
    half, whole = files / "float16.npz", files / "float32.npz"
    assert half.stat().st_size < 0.7 * whole.stat().st_size
    # A weight is rounded by at most 2**-11 of itself; of 255 grey levels, that is far below one.
    difference = opened(half).sample(8, seed=3).astype(int) - tiny_run.sample(8, seed=3)
    assert np.abs(difference).max() <= 1


def test_a_run_folder_is_opened_as_a_run(tiny_run):
    assert isinstance(opened(tiny_run.path), dcgan_kit.Run)


@pytest.mark.parametrize(
    ("asked", "message"), [({"best": True}, "holds one generator and no other checkpoint"), ({"raw": True}, "average")]
)
def test_a_file_says_what_it_does_not_hold(asked, message, files):
    with pytest.raises(dcgan_kit.RunError, match=message):
        opened(files / "float32.npz").sample(1, **asked)


def damaged(content, what):
    """Return the content of a generator file with one fault."""
    if what == "cut off":
        return content[: len(content) // 2]
    if what == "empty":
        return b""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(stream, "w") as new:
        names = old.namelist()
        for name in names:
            if what == "without facts" and name == "meta/generator.npy":
                continue
            if what == "without a variable" and name == names[0]:
                continue
            method = zipfile.ZIP_DEFLATED if what == "packed" else zipfile.ZIP_STORED
            new.writestr(name, old.read(name), method)
    return stream.getvalue()


@pytest.mark.parametrize("what", ["cut off", "empty", "without facts", "packed"])
def test_what_is_no_generator_file_is_refused(what, files, tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(damaged((files / "float32.npz").read_bytes(), what))
    with pytest.raises(dcgan_kit.RunError, match=r"a\.npz: is no generator file"):
        opened(path)


def test_a_file_of_other_networks_is_refused(files, tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(damaged((files / "float32.npz").read_bytes(), "without a variable"))
    with pytest.raises(dcgan_kit.RunError, match=r"a\.npz: is the generator of other networks than the recipe's"):
        opened(path).sample(1)


def texts(recipe, **facts):
    given = {"name": "mine", "step": 1, "average": False, "dtype": "float16", "dcgan_kit": "0.1.0"}
    return GeneratorTexts(recipe, GeneratorFacts(**{**given, **facts}))


def test_a_recipe_that_cannot_be_loaded_is_named_with_its_file(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(generator_content(texts("version: 1\ngenerator: nothing\n"), {}))
    with pytest.raises(dcgan_kit.RunError, match=r"a\.npz: its recipe cannot be loaded:\nrecipe:1:1: data: is missing"):
        opened(path)


def test_weights_beyond_float16_are_refused():
    with pytest.raises(dcgan_kit.RunError, match=r"generator/kernel: has numbers that are too large for float16"):
        generator_content(texts(""), {"generator/kernel": np.array([1e5], np.float32)})


def test_a_missing_file_and_an_unknown_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(dcgan_kit.RunError, match=r"mine\.npz: there is no such file"):
        opened("mine.npz")
    with pytest.raises(dcgan_kit.RunError, match=r"no-such-name: there is no such folder"):
        opened("no-such-name")


def test_each_shipped_generator_fits_its_recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    generators = dcgan_kit.list_generators(settings=BUILTINS)
    assert "lecture-fashion28" in generators
    for name, file in generators.items():
        assert file.stat().st_size < 1_000_000
        generator = opened(name)
        assert as_data(generator.resolved) == as_data(dcgan_kit.load_recipe(name, settings=BUILTINS).resolved)
        assert generator.step == generator.resolved.training.steps
        images = generator.sample(64, seed=1)
        # Garments on black: neither all alike nor all of one grey.
        assert images.std(axis=0).mean() > 30
        assert (images == 0).mean() > 0.2


def test_a_folder_of_that_name_goes_first(tiny_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lecture-fashion28").symlink_to(tiny_run.path)
    assert isinstance(opened("lecture-fashion28"), dcgan_kit.Run)
