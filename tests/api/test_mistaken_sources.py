"""What is said of a path or a name that is neither a run nor a trained generator."""

from __future__ import annotations

import pytest

import dcgan_kit

BUILTINS = dcgan_kit.PluginSettings(builtins_only=True)
NO_FILE = "is a file, but no generator file (.npz)"


@pytest.fixture
def workplace(tmp_path, monkeypatch):
    """The working directory, with what looks like a run, ``runs/mine``, two in ``several``, and files beside them."""
    for run in ("runs/mine", "several/a", "several/b"):
        (tmp_path / run / "checkpoints").mkdir(parents=True)
        (tmp_path / run / "recipe.yaml").write_text("version: 1\n")
    for file in (
        "x.npy", "alone.keras", "runs/mine/generator.keras", "runs/mine/checkpoints/step-000000001.npz",
    ):  # fmt: skip
        (tmp_path / file).write_bytes(b"content")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x.npy", f"x.npy: {NO_FILE}. Give the run folder"),
        ("runs/mine/recipe.yaml", f"{NO_FILE}. Give the run folder, runs/mine"),
        ("alone.keras", "reads no Keras files back. Give the run folder; `dcgan-kit export RUN --format npz` makes"),
        ("runs/mine/generator.keras", "Give the run folder, runs/mine; `dcgan-kit export runs/mine --format npz` makes"),
        ("runs/mine/checkpoints/step-000000001.npz", "`dcgan-kit export runs/mine --format npz` writes one"),
        ("tiny-fashion28", "no generator comes with this recipe; `dcgan-kit train tiny-fashion28` makes a run"),
        ("lecture-fashion2", "there is no such folder, and no such recipe. Did you mean 'lecture-fashion28'?"),
        ("runs/tiny-fashion28", "there is no such folder. `dcgan-kit train RECIPE` makes one"),
        ("mine", "there is no such folder. Did you mean runs/mine?"),
        ("runs", "is not a run folder: it has no recipe.yaml. Did you mean runs/mine?"),
        ("runs/mine/checkpoints", "is not a run folder: it has no recipe.yaml. Did you mean runs/mine?"),
        ("several", "It holds 2 run folders, such as several/a: name one of them"),
        ("empty", "is not a run folder: it has no recipe.yaml. `dcgan-kit train RECIPE` makes one"),
        ("a" * 300, f"{'a' * 300}/recipe.yaml"),
    ],
    ids=lambda value: value[:40],
)  # fmt: skip
def test_a_generator_is_asked_for(source, message, workplace):
    with pytest.raises((dcgan_kit.RunError, OSError)) as caught:
        dcgan_kit.open_generator(source, settings=BUILTINS)
    assert message in str(caught.value)


OF_A_RUN = {
    "open_run": lambda source: dcgan_kit.open_run(source, settings=BUILTINS),
    "report": lambda source: dcgan_kit.report([source], quick=True, settings=BUILTINS),
}


@pytest.mark.parametrize("call", OF_A_RUN.values(), ids=OF_A_RUN)
@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "lecture-fashion28",
            "lecture-fashion28: there is no such folder. It is the name of a recipe; this needs a run, and the "
            "generator that comes with the recipe has none. `dcgan-kit train lecture-fashion28` makes one",
        ),
        ("tiny-fashion28", "It is the name of a recipe; this needs a run. `dcgan-kit train tiny-fashion28` makes one"),
        ("x.npy", "x.npy: is a file, not a run folder. Give the run folder"),
        ("runs/mine/generator.keras", "is a file, not a run folder. Give the run folder, runs/mine"),
        ("runs", "Did you mean runs/mine?"),
    ],
    ids=lambda value: value[:25],
)
def test_a_run_is_asked_for(call, source, message, workplace):
    with pytest.raises(dcgan_kit.RunError) as caught:
        call(source)
    assert message in str(caught.value)


def test_the_run_folder_of_the_working_directory_is_named_in_full(workplace, monkeypatch):
    monkeypatch.chdir(workplace / "runs" / "mine")
    for source in ("generator.keras", "checkpoints"):
        with pytest.raises(dcgan_kit.RunError) as caught:
            dcgan_kit.open_generator(source, settings=BUILTINS)
        assert f"{workplace}/runs/mine" in str(caught.value)


@pytest.mark.parametrize(
    ("asked", "option"), [({"best": True}, "leave out best (--best)"), ({"raw": True}, "leave out raw (--raw)")]
)
def test_what_a_file_does_not_hold_names_the_option(asked, option, workplace):
    with pytest.raises(dcgan_kit.RunError) as caught:
        dcgan_kit.open_generator("lecture-fashion28", settings=BUILTINS).generator(**asked)
    assert option in str(caught.value)


@pytest.mark.parametrize(("of_file", "asked", "told"), [
    ("float32", "float16", ". Its numbers are float32, and are not converted to float16"), ("float32", "float32", ""),
    ("float16", "float16", ""), ("float16", "float32", ""),
])  # fmt: skip
def test_a_generator_file_is_not_exported_into_one(of_file, asked, told, workplace):
    found = dcgan_kit.open_generator("lecture-fashion28", settings=BUILTINS)
    path, found.facts = found.path, found.facts.model_copy(update={"dtype": of_file})
    with pytest.raises(dcgan_kit.UserError) as caught:
        found.export("npz", dtype=asked)
    message = f"lecture-fashion28: comes from a generator file already: copy {path}, or export a run"
    assert str(caught.value) == message + told


def test_a_best_checkpoint_needs_scores():
    with pytest.raises(
        dcgan_kit.UserError, match=r"name the score in training\.evaluation\.scores, e\.g\. \[frechet\]"
    ):
        dcgan_kit.load_recipe("tiny-fashion28", "training.best.metric=fd", settings=BUILTINS)
    scored = ["training.best.metric=fd", "training.evaluation.scores=[frechet]"]
    dcgan_kit.load_recipe("tiny-fashion28", *scored, settings=BUILTINS)
