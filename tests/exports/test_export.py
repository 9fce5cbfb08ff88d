"""Exports of the shipped generator in every format, as docs/export.md shows them; and what is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import dcgan_kit
from dcgan_kit.cli import cli
from dcgan_kit.cli.export import FORMATS as NAMES
from dcgan_kit.exports.destination import MARK, Destination, file_name
from dcgan_kit.exports.formats import FORMATS
from dcgan_kit.exports.fresh_process import compare
from dcgan_kit.exports.snippet import Snippet, snippet

PAGE = Path(__file__).parents[2] / "docs" / "export.md"
BUILTINS = dcgan_kit.PluginSettings(builtins_only=True)
MODELS = tuple(name for name, form in FORMATS.items() if form.write)


def python_blocks(text):
    return re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def generator():
    return dcgan_kit.open_generator("lecture-fashion28", settings=BUILTINS)


@pytest.fixture(scope="module")
def folder(generator, tmp_path_factory):
    """A folder with an export in every format, and what the export found."""
    folder, notes = tmp_path_factory.mktemp("exports"), []
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        found = {name: generator.export(name, watcher=Notes(notes)) for name in MODELS}
    return folder, found, notes


class Notes(dcgan_kit.Quiet):
    def __init__(self, notes):
        self.notes = notes

    def note(self, message):
        self.notes.append(message)


def test_the_command_and_the_page_have_every_format():
    assert tuple(FORMATS) == NAMES
    assert set(re.findall(r"^\| `(\w+)` \| (?:`|the folder)", PAGE.read_text(), re.MULTILINE)) == set(FORMATS)


@pytest.mark.slow
def test_every_runtime_makes_the_same_images(folder):
    _, found, notes = folder
    for name, exported in found.items():
        assert exported.difference.images == 16
        assert exported.difference.levels <= 1
        assert f"{exported.path}: converting the generator" in notes, name
        assert exported.as_data()["greatest_difference"] == exported.difference.levels
    assert not [note for note in notes if "converting" not in note and "loading" not in note]


@pytest.mark.slow
def test_the_card_has_the_program_of_the_page_and_the_facts(folder):
    place, found, _ = folder
    programs = python_blocks(PAGE.read_text(encoding="utf-8"))
    for exported, program in zip(found.values(), programs, strict=True):
        card = (place / exported.card).read_text(encoding="utf-8")
        assert python_blocks(card) == [program]
        assert str(exported.difference) in card
        for fact in (
            "license: unknown",
            "# lecture-fashion28",
            "10,000 steps",
            "(B, 32)",
            "(B, 28, 28, 1)",
            "keras 3.",
        ):
            assert fact in card


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "foreign"), [("keras", "dcgan_kit"), ("onnx", "tensorflow"), ("litert", "tensorflow")]
)
def test_the_program_of_the_page_needs_neither(name, foreign, folder, generator):
    """It draws other numbers of images than the check, and runs where the model lies."""
    place, _, _ = folder
    program = python_blocks(PAGE.read_text(encoding="utf-8"))[MODELS.index(name)].replace("(16, 32)", "(3, 32)")
    lines = f"import sys\nassert {foreign!r} not in sys.modules\nnp.savez('made.npz', latent=latent, images=images)"
    ended = subprocess.run(
        [sys.executable, "-P", "-c", f"{program}\n{lines}"], cwd=place, capture_output=True, text=True, timeout=300
    )
    assert ended.returncode == 0, ended.stderr
    made = np.load(place / "made.npz")
    expected = generator.images(made["latent"])
    assert made["images"].dtype == np.uint8
    assert made["images"].shape == (3, 28, 28, 1)
    assert np.abs(made["images"].astype(int) - expected).max() <= 1


@pytest.mark.slow
def test_an_export_is_replaced_and_another_file_is_not(folder, generator):
    place, _, _ = folder
    card = place / "lecture-fashion28.onnx.md"
    before = (place / "lecture-fashion28.onnx").read_bytes()
    assert generator.export("onnx", place / "lecture-fashion28.onnx", watcher=Notes([])).path.is_file()
    (place / "mine.onnx").write_bytes(before)
    with pytest.raises(dcgan_kit.UserError, match="is not an export with a model card"):
        generator.export("onnx", place / "mine.onnx", watcher=Notes([]))
    assert (place / "mine.onnx").read_bytes() == before
    assert card.is_file()
    assert [path.name for path in place.iterdir() if path.name.endswith(".tmp")] == []


@pytest.mark.slow
def test_a_run_becomes_a_generator_file_in_its_folder(tmp_path):
    recipe = dcgan_kit.load_recipe("tiny-fashion28", settings=BUILTINS, training={"steps": 2})
    run = dcgan_kit.train(recipe, tmp_path / "run", watcher=dcgan_kit.Quiet())
    result = CliRunner().invoke(cli, ["export", str(run.path), "--format", "npz", "--dtype", "float16", "--json"])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert Path(facts["path"]) == run.path / "export" / "run.npz"
    assert facts["greatest_difference"] <= 8
    opened = dcgan_kit.open_generator(facts["path"], settings=BUILTINS)
    assert opened.facts.dtype == "float16"
    assert opened.sample(2, seed=1).shape == run.sample(2, seed=1).shape
    with pytest.raises(dcgan_kit.UserError, match="comes from a generator file already"):
        opened.export("npz")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("pickle",), "there is no 'pickle'"),
        (("onnx", "model.keras"), "an ONNX file ends in .onnx"),
        (("npz", None, "float64"), "must be float32 or float16"),
        (("keras", None, "float16"), "float16 is for the format npz"),
    ],
)
def test_a_wrong_request_is_refused(arguments, message, generator, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, output, dtype = (*arguments, None, None)[:3]
    with pytest.raises(dcgan_kit.UserError, match=message):
        generator.export(name, output, dtype=dtype or "float32")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_named_with_the_command_to_install_it(generator, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(
        dcgan_kit.UserError, match=r"tf2onnx and onnx and onnxruntime, .*pip install 'dcgan-kit\[export\]'"
    ):
        generator.export("onnx")


def test_what_the_converter_says_is_told_and_nothing_is_left(generator, tmp_path, monkeypatch, capfd):
    def refuse(model, path):
        print("the converter speaks")
        raise ValueError("no such operation")

    monkeypatch.setitem(FORMATS, "onnx", FORMATS["onnx"].__class__(**{**vars(FORMATS["onnx"]), "write": refuse}))
    with pytest.raises(dcgan_kit.UserError, match=r"an ONNX file cannot hold .*\n.*speaks\nno such operation"):
        generator.export("onnx", tmp_path / "below" / "model.onnx", watcher=Notes([]))
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr().out == ""


def test_images_that_differ_too_much_are_refused(tmp_path):
    latent = np.arange(4, dtype=np.float32)
    images = np.repeat(np.arange(4, dtype=np.uint8), 4).reshape(4, 2, 2, 1)
    program = Snippet("import numpy as np", "", "images = np.repeat(latent.astype(np.uint8), 4).reshape(4, 2, 2, 1)")
    assert (
        str(compare(program, tmp_path, {"latent": latent}, images))
        == "no pixel of 4 images from a fresh process differs"
    )
    images[0, 0, 0, 0] += 1
    found = compare(program, tmp_path, {"latent": latent}, images)
    assert (found.levels, found.share) == (1, 1 / 16)
    images[0, 0, 0, 0] += 1
    with pytest.raises(dcgan_kit.UserError, match=r"6\.250% of the pixels .* by 2 grey levels at most"):
        compare(program, tmp_path, {"latent": latent}, images)
    with pytest.raises(dcgan_kit.UserError, match=r"returns uint8 \(4, 2, 2, 1\)"):
        compare(program, tmp_path, {"latent": latent}, images[:3])


def test_a_model_that_does_not_load_is_refused(tmp_path):
    with pytest.raises(dcgan_kit.UserError, match=r"exit status 1\)(.|\n)*no such runtime"):
        compare(Snippet("raise ImportError('no such runtime')", "", ""), tmp_path, {}, np.zeros((1, 2, 2, 1), np.uint8))


def test_a_name_from_somebody_elses_file_is_neither_a_path_nor_code(generator, tmp_path):
    name = file_name('../../"); import os; os.mkdir("owned"); ("')
    assert re.fullmatch(r"[\w-][\w.-]*", name)
    assert [file_name(one) for one in ("lecture-fashion28", "../..", "")] == [
        "lecture-fashion28",
        "generator",
        "generator",
    ]
    code = snippet(FORMATS["onnx"], '"); import os; os.mkdir("owned"); ("', generator.resolved, False).call
    with pytest.raises(FileNotFoundError):
        exec(code.replace("onnxruntime.InferenceSession", "open"), {})
    assert not Path("owned").exists()


class TestDestination:
    def test_a_folder_of_somebody_else_is_not_replaced(self, tmp_path):
        (tmp_path / "model").mkdir()
        Destination.of(FORMATS["savedmodel"], tmp_path / "model")
        (tmp_path / "model" / "notes.txt").write_text("mine")
        with pytest.raises(dcgan_kit.UserError, match="is not replaced"):
            Destination.of(FORMATS["savedmodel"], tmp_path / "model")

    def test_a_folder_of_an_export_is_replaced(self, tmp_path):
        for text in ("old", "new"):
            where = Destination.of(FORMATS["savedmodel"], tmp_path / "model")
            with where.workspace() as workspace:
                made = workspace / "model"
                made.mkdir()
                (made / f"{text}.pb").write_text(text)
                where.place(made, f"{MARK}\n{text}")
        assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["README.md", "new.pb"]
        assert [path.name for path in tmp_path.iterdir()] == ["model"]

    def test_a_link_and_a_card_of_somebody_else_are_not_replaced(self, tmp_path):
        (tmp_path / "model.onnx.md").write_text("my notes")
        with pytest.raises(dcgan_kit.UserError, match=r"model\.onnx\.md: exists"):
            Destination.of(FORMATS["onnx"], tmp_path / "model.onnx")
        (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(dcgan_kit.UserError, match="link: exists"):
            Destination.of(FORMATS["savedmodel"], tmp_path / "link")
