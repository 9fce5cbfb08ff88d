"""Exports of the shipped generator in every format, as docs/export.md shows them; and what is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import dcgan_kit
from dcgan_kit.cli import cli
from dcgan_kit.cli.export import FORMATS as NAMES
from dcgan_kit.exports.destination import MARK, Destination, safe_file_name
from dcgan_kit.exports.formats import FORMATS
from dcgan_kit.exports.fresh_process import compare
from dcgan_kit.exports.model_card import _needs
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
    # Its folder holds nothing but what exports are known to write.
    Destination.of(FORMATS["savedmodel"], place / "lecture-fashion28-savedmodel")
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
    name = safe_file_name('../../"); import os; os.mkdir("owned"); ("')
    assert re.fullmatch(r"[\w-][\w.-]*", name)
    assert [safe_file_name(one) for one in ("lecture-fashion28", "../..", "")] == [
        "lecture-fashion28",
        "generator",
        "generator",
    ]
    code = snippet(FORMATS["onnx"], '"); import os; os.mkdir("owned"); ("', generator.resolved, False).call
    with pytest.raises(FileNotFoundError):
        exec(code.replace("onnxruntime.InferenceSession", "open"), {})
    assert not Path("owned").exists()


def write_saved_model(model, text, where=None):
    """Do what an export does with a SavedModel, with a short text in place of a graph."""
    where = where or Destination.of(FORMATS["savedmodel"], model)
    with where.workspace() as workspace:
        made = workspace / model.name
        for file in ("saved_model.pb", "fingerprint.pb", "variables/variables.index"):
            (made / file).parent.mkdir(exist_ok=True)
            (made / file).write_text(text)
        (made / "assets").mkdir()
        (made / "variables" / "variables.data-00000-of-00001").write_text(text)
        where.place(made, f"{MARK}\n{text}")


def test_a_latent_of_a_plugin_is_drawn_whatever_its_name_and_options(resolve):
    """Its options may have the names that the program has, and its name that of a built-in component."""
    recipe = resolve("lecture-fashion28")

    @dcgan_kit.component("latent")
    def normal(*, size: int = 32, count: int = 5):
        raise AssertionError

    for name in ("normal", "uniform", "spiral"):
        component = replace(normal, name=name, owner="mine")
        latent = replace(recipe.latent, component=component, options={"size": 32, "count": 5})
        inputs = snippet(FORMATS["onnx"], "m.onnx", recipe.model_copy(update={"latent": latent}), False).inputs
        assert "rng.standard_normal((16, 32))" in inputs
        assert "not as in training" in inputs


def test_the_card_asks_for_dcgan_kit_by_its_version_and_not_from_an_index():
    for name, needs in (("npz", ()), ("keras", ("import dcgan_kit",))):
        text = _needs(FORMATS[name], needs)
        assert text.startswith(f"First install dcgan-kit, version {dcgan_kit.__version__}")
        assert not re.search("pip install[^`]*dcgan-kit", text)
    assert "needs the plugin" in _needs(FORMATS["keras"], ("import dcgan_kit", "import snake"))


class TestDestination:
    def test_a_folder_of_somebody_else_is_not_replaced(self, tmp_path):
        (tmp_path / "model").mkdir()
        Destination.of(FORMATS["savedmodel"], tmp_path / "model")
        (tmp_path / "model" / "notes.txt").write_text("mine")
        with pytest.raises(dcgan_kit.UserError, match="is not replaced"):
            Destination.of(FORMATS["savedmodel"], tmp_path / "model")

    def test_a_folder_of_an_export_is_replaced(self, tmp_path):
        for text in ("first", "second"):
            write_saved_model(tmp_path / "old", text)
        assert (tmp_path / "old" / "saved_model.pb").read_text() == "second"
        assert (tmp_path / "old" / "README.md").read_text() == f"{MARK}\nsecond"
        assert [path.name for path in tmp_path.iterdir()] == ["old"]

    @pytest.mark.parametrize("name", ["LICENSE", ".git/config", "assets/example.png", "variables/notes.txt"])
    def test_what_somebody_put_into_the_folder_of_an_export_is_kept(self, tmp_path, name):
        model = tmp_path / "model"
        write_saved_model(model, "first")
        where = Destination.of(FORMATS["savedmodel"], model)
        (model / name).parent.mkdir(exist_ok=True)
        (model / name).write_text("mine")
        told = re.escape(name.removesuffix("/config"))
        with pytest.raises(dcgan_kit.UserError, match=f"holds {told}, which no export writes"):
            Destination.of(FORMATS["savedmodel"], model)
        # It may also come while the new model is made.
        with pytest.raises(dcgan_kit.UserError, match=f"holds {told}, which no export writes"):
            write_saved_model(model, "second", where)
        assert (model / name).read_text() == "mine"
        assert (model / "saved_model.pb").read_text() == "first"

    def test_many_other_files_are_counted(self, tmp_path):
        write_saved_model(tmp_path / "model", "first")
        for number in range(5):
            (tmp_path / "model" / f"{number}.txt").touch()
        with pytest.raises(dcgan_kit.UserError, match=r"holds 0\.txt, 1\.txt, 2\.txt and 2 more, which"):
            Destination.of(FORMATS["savedmodel"], tmp_path / "model")

    def test_an_interrupted_replacement_leaves_the_earlier_model(self, tmp_path, monkeypatch):
        model = tmp_path / "model"
        write_saved_model(model, "first")
        rename = Path.rename

        def interrupted(path, target):
            if path.name == "model" and target == model:
                raise KeyboardInterrupt
            return rename(path, target)

        monkeypatch.setattr(Path, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            write_saved_model(model, "second")
        assert (model / "saved_model.pb").read_text() == "first"

    def test_no_model_is_there_without_its_card(self, tmp_path, monkeypatch):
        def full(path, content):
            raise dcgan_kit.RunError("the disk is full")

        where, made = Destination.of(FORMATS["onnx"], tmp_path / "model.onnx"), tmp_path / "made"
        made.write_bytes(b"model")
        with monkeypatch.context() as patch:
            patch.setattr("dcgan_kit.exports.destination.write_requested_file", full)
            with pytest.raises(dcgan_kit.RunError, match="the disk is full"):
                where.place(made, MARK)
        assert list(tmp_path.iterdir()) == [made]
        # A name in a run may hold a character that UTF-8 does not have.
        where.place(made, f"{MARK}\n\ud800")
        assert where.model.read_bytes() == b"model"
        assert where.card.read_text() == f"{MARK}\n?"

    def test_a_name_that_is_no_text_is_refused_at_once(self, tmp_path):
        for form in ("onnx", "savedmodel"):
            with pytest.raises(dcgan_kit.UserError, match=r"^'clothes\\udcff.*is no name in UTF-8"):
                Destination.of(FORMATS[form], tmp_path / f"clothes\udcff{FORMATS[form].suffix}")

    def test_a_link_and_a_card_of_somebody_else_are_not_replaced(self, tmp_path):
        (tmp_path / "model.onnx.md").write_text("my notes")
        with pytest.raises(dcgan_kit.UserError, match=r"model\.onnx\.md: exists"):
            Destination.of(FORMATS["onnx"], tmp_path / "model.onnx")
        (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(dcgan_kit.UserError, match="link: exists"):
            Destination.of(FORMATS["savedmodel"], tmp_path / "link")
