from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from dcgan_kit import __version__
from dcgan_kit.training import resume_check

SMALL = (
    "training.steps=2", "training.batch_size=4", "training.sample_grid=[2, 2]", "training.log_every=1",
)  # fmt: skip
BAD = """version: 1
extends: tiny-fashion28
generator:
  activaton: relu
  stages:
    - {filters: many}
training: {steps: 0, loss: non_saturatin}
"""


@pytest.fixture(scope="module")
def trained(command, tmp_path_factory):
    """A finished run."""
    path = tmp_path_factory.mktemp("trained") / "run"
    result = command("train", "tiny-fashion28", *SMALL, "--run", path)
    return path, result


# listing


def test_version(command):
    assert command("--version").stdout == f"dcgan-kit, version {__version__}\n"


def test_without_arguments_the_commands_are_told(command):
    result = command(status=2)
    for name in ("train", "check", "show", "sample", "components", "plugins", "recipes", "schema", "completion"):
        assert name in result.output


def test_every_command_has_help(command):
    from dcgan_kit.cli import cli

    def walk(group, words=()):
        for name, found in group.commands.items():
            yield (*words, name), found
            if hasattr(found, "commands"):
                yield from walk(found, (*words, name))

    for words, found in walk(cli):
        assert found.help, words
        assert f"Usage: dcgan-kit {' '.join(words)}" in command(*words, "--help").stdout


def test_components_list(command):
    text = command("components", "list").stdout
    assert "transposed_conv" in text
    found = json.loads(command("components", "list", "--json").stdout)
    assert {
        "kind": "activation",
        "name": "relu",
        "owner": "activation",
        "summary": found[0]["summary"],
    }.keys() == found[0].keys()
    assert {item["kind"] for item in json.loads(command("components", "list", "--kind", "head", "--json").stdout)} == {
        "head"
    }
    assert "Did you mean 'upsample'?" in command("components", "list", "--kind", "upsampel", status=2).stderr


def test_components_show(command):
    text = command("components", "show", "leaky_relu").stdout
    assert "negative_slope" in text
    assert "Maas" in text
    both = json.loads(command("components", "show", "transposed_conv", "--json").stdout)
    assert [(c["kind"], c["owner"]) for c in both] == [("projection", "projection"), ("upsample", "upsample")]
    (one,) = json.loads(command("components", "show", "upsample/transposed_conv", "--json").stdout)
    assert [option["name"] for option in one["options"]][:3] == ["kernel_size", "stride", "padding"]
    assert "Did you mean 'leaky_relu'?" in command("components", "show", "leaky_rely", status=2).stderr


def test_plugins_list_and_show(command):
    assert "activation" in command("plugins", "list").stdout
    found = json.loads(command("plugins", "list", "--json", "--no-plugins").stdout)
    assert {plugin["status"] for plugin in found} == {"loaded"}
    assert {plugin["origin"] for plugin in found} == {"built-in"}
    assert "upsample/transposed_conv" in {c for plugin in found for c in plugin["components"]}
    text = command("plugins", "show", "activation").stdout
    assert "leaky_relu" in text
    assert json.loads(command("plugins", "show", "head", "--json").stdout)["components"][0].startswith("head/")
    assert "unknown plugin 'heads'. Did you mean 'head'?" in command("plugins", "show", "heads", status=2).stderr


def test_recipes_list_and_show(command):
    found = json.loads(command("recipes", "list", "--json").stdout)
    names = {recipe["name"] for recipe in found}
    assert {"lecture-fashion28", "radford-faces64", "tiny-fashion28"} <= names
    assert all(recipe["description"] for recipe in found)
    text = command("recipes", "list").stdout
    assert all(name in text for name in names)
    assert command("recipes", "show", "tiny-fashion28").stdout.startswith("# yaml-language-server")
    resolved = command("recipes", "show", "tiny-fashion28", "training.steps=7", "--resolved").stdout
    assert "steps: 7" in resolved
    assert "extends" not in resolved


def test_what_resolved_prints_is_a_recipe_that_means_the_same(command, tmp_path):
    text = command("recipes", "show", "lecture-fashion28", "--resolved").stdout
    (tmp_path / "mine.yaml").write_text(text)
    assert command("recipes", "show", tmp_path / "mine.yaml", "--resolved").stdout == text
    assert json.loads(command("show", tmp_path / "mine.yaml", "--diff", "lecture-fashion28", "--json").stdout) == {}


def test_schema(command, tmp_path):
    schema = json.loads(command("schema").stdout)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    command("schema", "--output", tmp_path / "schema.json")
    assert json.loads((tmp_path / "schema.json").read_text()) == schema
    refused = command("schema", "--output", tmp_path / "no" / "schema.json", status=2)
    assert "cannot be written: No such file or directory" in refused.stderr


@pytest.mark.parametrize(("shell", "word"), [("bash", "complete"), ("zsh", "compdef"), ("fish", "complete")])
def test_completion_scripts(shell, word, command):
    script = command("completion", shell).stdout
    assert word in script
    assert "_DCGAN_KIT_COMPLETE" in script
    assert "dcgan-kit" in script


def test_completion_offers_commands_and_recipes(command):
    def offered(words):
        env = {"_DCGAN_KIT_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
        return command(env=env).stdout.split()

    assert "plain,train" in offered("dcgan-kit tr")
    assert {"plain,lecture-fashion28", "plain,lecture-pooling28"} <= set(offered("dcgan-kit train lect"))


# check and show


def test_check_of_a_good_recipe(command):
    result = command("check", "lecture-fashion28", "--strict")
    assert "lecture-fashion28: valid; no advice" in result.stderr
    assert json.loads(command("check", "lecture-fashion28", "--json").stdout) == {
        "valid": True,
        "problems": [],
        "advice": [],
    }


def test_check_gives_advice_with_places_and_reasons(command, tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("version: 1\nextends: lecture-fashion28\ngenerator:\n  upsample: {kernel_size: 3}\n")
    result = command("check", file)
    assert "kernel_overlap: " in result.stdout
    assert f"{file}:4:" in result.stdout
    assert "distill.00003" in result.stdout
    strict = command("check", file, "--strict", "--json", status=2)
    advice = json.loads(strict.stdout)["advice"]
    assert {item["lint"] for item in advice} == {"kernel_overlap", "checkerboard_stack"}
    assert advice[0].keys() == {"lint", "key", "source", "line", "column", "message", "why"}
    silenced = command("check", file, "--strict", "silence=[kernel_overlap, checkerboard_stack]")
    assert "no advice" in silenced.stderr


def test_check_tells_at_once_what_would_keep_training_from_measuring(command):
    reported = command(
        "check", "lecture-fashion28", "training.held_out=0", "training.evaluation.scores=[memorization]",
        "training.best.metric=fd", "training.probing.probes=[]", "training.on_finding=stop", status=2,
    ).stderr  # fmt: skip
    assert "training.evaluation.scores.0: memorization cannot be used: it needs images that were held out" in reported
    assert (
        "training.best.metric: no score in training.evaluation.scores has such a number to choose the best by (given: 'fd')"
        in reported
    )
    assert "training.on_finding: only probes can stop the training, and the recipe has none" in reported


def test_a_run_that_does_not_resume_exactly_is_told(command, monkeypatch):
    verdict = resume_check.Verdict(3, 40, (resume_check.Difference("generator/0000/kernel", 7, 0.25),))
    monkeypatch.setattr(resume_check, "verify_resume", lambda *given: verdict)
    reported = command("verify-resume", "tiny-fashion28", status=1)
    assert "generator/0000/kernel" in reported.stdout
    assert "1 of 3 variables differ after 20 steps" in reported.stderr
    as_json = json.loads(command("verify-resume", "tiny-fashion28", "--json", status=1).stdout)
    assert as_json["differences"] == [{"name": "generator/0000/kernel", "count": 7, "largest": 0.25}]


def test_check_refuses_to_silence_what_does_not_exist(command):
    reported = command("check", "lecture-fashion28", "silence=[kernel_overlay]", status=2).stderr
    assert "silence.0: no lint 'kernel_overlay'. Did you mean 'kernel_overlap'?" in reported


def test_show_json_has_the_documented_shape(command):
    found = json.loads(command("show", "coursera-mnist28", "--json").stdout)
    assert set(found) - {"training_memory_bytes"} == {"generator", "discriminator"}
    assert found["generator"]["trainable_parameters"] == 747_841
    # Two running statistics a channel of three batch norms.
    assert found["generator"]["non_trainable_parameters"] == 2 * (256 + 128 + 64)
    for network in (found["generator"], found["discriminator"]):
        assert network["macs"] == sum(layer["macs"] for layer in network["layers"])
        total = network["trainable_parameters"] + network["non_trainable_parameters"]
        assert total == sum(layer["parameters"] for layer in network["layers"])
        for layer in network["layers"]:
            assert {"name", "component", "output_shape", "parameters", "macs"} <= layer.keys()
    assert [
        (layer["name"], layer["component"], layer["output_shape"]) for layer in found["discriminator"]["layers"]
    ] == [
        ("stage1_downsample", "strided_conv", [13, 13, 16]),
        ("stage1_normalization", "batch", [13, 13, 16]),
        ("stage1_activation", "leaky_relu", [13, 13, 16]),
        ("stage2_downsample", "strided_conv", [5, 5, 32]),
        ("stage2_normalization", "batch", [5, 5, 32]),
        ("stage2_activation", "leaky_relu", [5, 5, 32]),
        ("output_head", "conv", [1]),
    ]


def test_show_as_a_table(command):
    text = command("show", "lecture-pooling28").stdout
    for word in ("generator of lecture-pooling28", "discriminator of", "stage1_upsample", "nearest", "builder", "MiB"):
        assert word in text or word == "builder"
    assert "stage1_convolution" in text


def test_show_diff(command):
    args = ("show", "comparegan-celeba64", "--diff", "carpedm20-celeba64")
    found = json.loads(command(*args, "--json").stdout)
    assert found["latent.size"] == {"comparegan-celeba64": 128, "carpedm20-celeba64": 100}
    assert found["image.range"] == {"comparegan-celeba64": [0.0, 1.0], "carpedm20-celeba64": [-1.0, 1.0]}
    assert "training.steps" not in found
    assert "generator.stages.0.filters" not in found
    text = command(*args)
    assert "latent.size" in text.stdout
    assert f"{len(found)} keys differ" in text.stderr


def test_show_diff_of_a_recipe_with_itself_overridden(command):
    found = json.loads(
        command("show", "tiny-fashion28", "training.seed=4", "--diff", "tiny-fashion28", "--json").stdout
    )
    assert found == {"training.seed": {"tiny-fashion28 as given": 4, "tiny-fashion28": 0}}


# copy, train, sample


def test_a_copy_trains(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reported = command("recipes", "copy", "tiny-fashion28").stderr
    assert "tiny-fashion28.yaml: a copy of tiny-fashion28" in reported
    assert (tmp_path / "recipe.schema.json").is_file()
    again = command("recipes", "copy", "tiny-fashion28", status=2)
    assert "exists already" in again.stderr
    (tmp_path / "mine").mkdir()
    command("recipes", "copy", "tiny-fashion28", tmp_path / "mine")
    assert (tmp_path / "mine" / "tiny-fashion28.yaml").is_file()
    command("recipes", "copy", "tiny-fashion28", "other.yaml")
    result = command("train", "other.yaml", *SMALL)
    assert "done: runs/other" in result.stderr
    assert (tmp_path / "runs" / "other" / "generator.keras").is_file()


def test_train_says_what_it_wrote(trained):
    path, result = trained
    assert f"done: {path}" in result.stderr
    assert "step 2 of 2" in result.stderr
    assert (path / "generator.keras").is_file()


def test_sample_draws_a_grid_and_single_images(command, trained, tmp_path):
    path, _ = trained
    result = command(
        "sample",
        path,
        "--count",
        5,
        "--seed",
        7,
        "--output",
        tmp_path / "grid.png",
        "--each",
        tmp_path / "each",
        "--json",
    )
    found = json.loads(result.stdout)
    assert (found["count"], found["seed"], found["step"]) == (5, 7, 2)
    with Image.open(tmp_path / "grid.png") as grid:
        # Five images in three columns and two rows.
        assert grid.width * 2 == grid.height * 3
    files = sorted((tmp_path / "each").iterdir())
    assert [str(file) for file in files] == found["files"]
    pictures = [np.asarray(Image.open(file)) for file in files]
    assert len(pictures) == 5
    assert all(picture.shape == (28, 28) for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 5


def test_sample_is_a_function_of_the_seed(command, trained, tmp_path):
    path, _ = trained
    contents = []
    for number, seed in enumerate((1, 1, 2)):
        file = tmp_path / f"{number}.png"
        command("sample", path, "--count", 4, "--seed", seed, "--output", file)
        contents.append(file.read_bytes())
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def test_sample_writes_into_the_run_by_default(command, trained):
    path, _ = trained
    reported = command("sample", path, "--count", 1, "--seed", 9).stderr
    assert f"{path}/sample-9.png: 1 image of step 2 from seed 9" in reported
    assert (path / "sample-9.png").is_file()


def test_other_generators_of_a_run_and_other_images_overwrite_nothing(command, trained, tmp_path):
    path, folder = trained[0], tmp_path / "each"
    reported = command("sample", path, "--count", 4, "--seed", 9, "--raw", "--each", folder).stderr
    assert f"{path}/sample-9-raw.png: 4 images of step 2 from seed 9 of the generator without its average" in reported
    assert f"{folder}: each of them in a file of its own" in reported
    command("sample", path, "--count", 4, "--seed", 8, "--each", folder)
    refused = command("sample", path, "--count", 3, "--seed", 9, "--each", folder, status=2).stderr
    assert f"{folder}: holds 1 other file, such as 00003.png; give an empty folder, or a new one" in refused


def test_a_run_folder_is_no_recipe_and_its_recipe_is_called_after_it(command, trained):
    path = trained[0]
    reported = command("train", path, status=2).stderr
    assert (
        f"{path}: is a run folder, not a recipe; to go on with it: `dcgan-kit train {path}/recipe.yaml --run {path}`"
        in reported
    )
    assert command("check", path / "recipe.yaml").stderr.startswith(f"{path.name}: valid")


def test_a_run_that_was_stopped_can_be_sampled(command, trained, tmp_path):
    path = tmp_path / "run"
    shutil.copytree(trained[0], path)
    (path / "generator.keras").unlink()
    assert "of step 2" in command("sample", path, "--seed", 0).stderr
    shutil.rmtree(path / "checkpoints")
    assert "has no checkpoint yet" in command("sample", path, status=2).stderr


def test_a_run_that_is_named_without_its_folder_is_suggested(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / "mine").mkdir(parents=True)
    (tmp_path / "runs" / "mine" / "recipe.yaml").write_text("version: 1\n")
    for name in ("sample", "report", "film"):
        assert "mine: there is no such folder. Did you mean runs/mine?" in command(name, "mine", status=2).stderr


def test_the_first_argument_of_train_may_be_an_override(command, tmp_path, monkeypatch):
    """``dcgan-kit train training.steps=…`` means the default recipe."""
    monkeypatch.chdir(tmp_path)
    reported = command("train", "trainin.steps=1", status=2).stderr
    assert "trainin" in reported
    assert "Did you mean 'training'?" in reported


# what is wrong


def test_every_problem_of_a_recipe_is_told_with_its_place(command, tmp_path):
    file = tmp_path / "bad.yaml"
    file.write_text(BAD)
    for name in ("check", "show", "train"):
        lines = command(name, file, status=2).stderr.splitlines()
        assert [line.split(": ")[1] for line in lines] == [
            "generator.activaton", "generator.stages.0.filters", "training.steps", "training.loss",
        ]  # fmt: skip
        assert [line.split(": ")[0] for line in lines] == [
            f"{file}:4:3", f"{file}:6:17", f"{file}:7:19", f"{file}:7:28",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "lecture-fashion29"], "unknown recipe 'lecture-fashion29'. Did you mean 'lecture-fashion28'?"),
        (["train", "missing.yaml"], "missing.yaml"),
        (["show", "folder.yaml"], "folder.yaml"),
        (["show", "./folder"], "folder"),
        (["check", "binary.yaml"], "binary.yaml"),
        (["check", "empty.yaml"], "empty.yaml"),
        (["train", "tiny-fashion28", "training.stepz=1"], "training.stepz: unknown key. Did you mean 'steps'?"),
        (["train", "tiny-fashion28", "training.steps=many"], "training.steps: must be a whole number"),
        (["train", "tiny-fashion28", "generator.stages.9.filters=3"], "generator.stages.9: does not exist"),
        (["train", "tiny-fashion28", "nonsense"], "an override is key=value, without spaces at the '=' (given: 'nonsense')"),
        (["train", "tiny-fashion28", "image.size=29", "--run", "r"], "and must end in 29x29x1"),
        (["train", "tiny-fashion28", "data={use: images, path: nowhere}", "--run", "r"], "nowhere does not exist"),
        (["train", "tiny-fashion28", "data={use: images, path: folder}", "--run", "r"], "no image in folder"),
        (["train", "tiny-fashion28", "data={use: npz, path: nowhere.npz}", "--run", "r"], "nowhere.npz does not exist: give an archive of uint8 images"),
        (["train", "tiny-fashion28", "data={use: npz, path: bad.npz}", "--run", "r"], "not a readable .npz archive"),
        (["train", "tiny-fashion28", "data={use: npz, path: binary.yaml}", "--run", "r"], "not a readable .npz archive"),
        (["train", "tiny-fashion28", "image.channels=3", "--run", "r"], "and the recipe's 'image' asks for 28x28x3"),
        (["train", "tiny-fashion28", "--run", "folder"], "folder: exists and is not a run folder"),
        (["sample", "nowhere"], "nowhere: there is no such folder. `dcgan-kit train RECIPE` makes one"),
        (["sample", "folder"], "folder: is not a run folder: it has no recipe.yaml"),
        (["sample", "empty.yaml"], "empty.yaml: is a file, but no generator file (.npz). Give the run folder"),
        (["recipes", "show", "lecture"], "unknown recipe 'lecture'"),
        (["recipes", "copy", "tiny-fashion28", "mine.txt"], "mine.txt: ends in .txt, and a recipe ends in .yaml"),
        (["recipes", "copy", "tiny-fashion28", "no/such/place.yaml"], "cannot be written: No such file or directory"),
        (["plugins", "list", "--plugins-dir", "nowhere"], "plugins folder nowhere: No such file or directory"),
        (["plugins", "list", "--plugins-dir", "empty.yaml"], "plugins folder empty.yaml: Not a directory"),
        (["train", "tiny-fashion28", "--steps", "3"], "No such option"),
        (["explode"], "No such command 'explode'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_wrong_input_is_told_without_a_traceback(arguments, message, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "thesis.txt").write_text("mine")
    (tmp_path / "binary.yaml").write_bytes(bytes(range(256)))
    (tmp_path / "empty.yaml").write_text("")
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04" + bytes(50))
    result = command(*arguments, status=2)
    assert message in result.stderr
    assert not (tmp_path / "r").exists()
    assert not (tmp_path / "runs").exists()


def test_a_fault_of_ours_shows_its_traceback(command, monkeypatch):
    def fail(*_):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr("dcgan_kit.recipes.shipped_schema.shipped_schema", fail)
    with pytest.raises(ZeroDivisionError):
        command("schema")


def test_another_backend_of_keras_is_refused(command, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert "KERAS_BACKEND is 'jax'; dcgan-kit needs 'tensorflow'" in command("check", "tiny-fashion28", status=2).stderr


def test_a_finished_run_takes_more_steps_and_says_afterwards_that_it_has_them(command, trained, tmp_path):
    path = shutil.copytree(trained[0], tmp_path / "run")
    arguments = ("train", "tiny-fashion28", *SMALL, "training.steps=3", "--run", path)
    reported = command(*arguments).output
    assert "continuing from step 2" in reported
    again = command(*arguments).output.splitlines()
    assert len(again) == 1
    assert again[0].startswith(f"{path}: holds a finished run of this recipe: 3 steps. ")
    first = ("train", "tiny-fashion28", *SMALL, "--run", path)
    assert "holds a finished run of this recipe with more steps: 3 steps. " in command(*first).output
    other = command(*first, "training.seed=5", status=2).output
    assert "training.seed: 0 in the run, 5 in this recipe" in other
    assert "training.steps" not in other
    assert [json.loads(line)["step"] for line in (path / "metrics.jsonl").read_text().splitlines()] == [1, 2, 3]


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["train", "tiny-fashion28", "--steps", "5"], "training.steps=5"),
        (["check", "tiny-fashion28", "--batch-size=8"], "training.batch_size=8"),
        (["show", "--lr", "1e-3"], "training.optimizer.learning_rate=1e-3 or"),
        (["launch", "--channels", "3"], "image.channels=3"),
        (["train", "--training.loss", "hinge"], "training.loss=hinge"),
        (["train", "--ema"], "training.ema=VALUE"),
    ],
)
def test_an_option_that_is_a_key_of_recipes_is_told_as_an_override(command, arguments, reported):
    error = command(*arguments, status=2).stderr
    assert "No such option: --" in error
    assert f"A recipe's key takes no dashes: {reported}" in error


@pytest.mark.parametrize(
    "arguments", [["train", "--foo"], ["sample", "run", "--steps", "5"], ["recipes", "list", "--steps"]]
)
def test_another_unknown_option_stays_one(command, arguments):
    error = command(*arguments, status=2).stderr
    assert "No such option" in error
    assert "dashes" not in error


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["plugins", "list", "--block", "convolutoin"], "--block: no plugin is called 'convolutoin'. Did you mean 'convolution'?"),
        (["check", "tiny-fashion28", "--block", "mish", "--no-plugins"], "--block: no plugin is called 'mish'"),
        (["recipes", "list", "--plugins-dir", "{tmp}"], "--plugins-dir: {tmp}: holds no plugin"),
        (["recipes", "list", "--plugins-dir", "{tmp}/none"], "plugins folder {tmp}/none: No such file or directory"),
        (["components", "list", "--kind", "activaton"], "unknown kind 'activaton'. Did you mean 'activation'?"),
        (["train", "tiny-fashion28", "--may-change", "training.stepps"], "Did you mean 'training.steps'?"),
        (["evaluate", "--scores", "fid", "--real", "{tmp}", "--fake", "{tmp}"], "unknown score 'fid'. Did you mean 'frechet'?"),
        (["probe", "tiny-fashion28", "--probes", "unit"], "Did you mean 'units'?"),
    ],
)  # fmt: skip
def test_what_an_option_names_and_does_not_exist_is_told(command, tmp_path, arguments, reported):
    (tmp_path / "_private.py").write_text("")
    error = command(*(argument.format(tmp=tmp_path) for argument in arguments), status=2).stderr
    assert reported.format(tmp=tmp_path) in error


def test_what_the_environment_names_may_be_of_another_machine(command, tmp_path):
    env = {"DCGAN_KIT_BLOCK": "mish, loss", "DCGAN_KIT_PLUGINS_DIR": str(tmp_path)}
    found = command("plugins", "list", env=env)
    block, folder = found.stderr.splitlines()
    assert block.startswith("warning: DCGAN_KIT_BLOCK: no plugin is called 'mish'.")
    assert folder.startswith(f"warning: DCGAN_KIT_PLUGINS_DIR: {tmp_path}: holds no plugin: a plugin is a file *.py")


def test_a_plugins_folder_of_the_environment_may_be_missing(command, tmp_path):
    missing, there = tmp_path / "missing", tmp_path / "there"
    there.mkdir()
    (there / "mine.py").write_text(
        "from dcgan_kit import hookimpl\n\n@hookimpl\ndef dcgan_kit_recipes():\n    return {}\n"
    )
    env = {"DCGAN_KIT_PLUGINS_DIR": f"{missing}{os.pathsep}{there}"}
    for arguments in (["plugins", "list"], ["check", "tiny-fashion28"], ["recipes", "list"]):
        found = command(*arguments, env=env)
        assert f"warning: DCGAN_KIT_PLUGINS_DIR: {missing}: there is no such folder" in found.stderr
    assert "mine" in command("plugins", "list", env=env).stdout


ODD = os.fsdecode(b"\xff\xfe")


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", ODD], ["check", f"{ODD}.yaml"], ["check", "tiny-fashion28", f"description={ODD}"], ["check", "tiny-fashion28", f"{ODD}=1"],
        ["check", "tiny-fashion28", f"data={{use: images, path: '{ODD}'}}"], ["show", "tiny-fashion28", "--diff", ODD], ["recipes", "show", ODD],
        ["components", "show", ODD], ["components", "list", "--kind", ODD], ["plugins", "show", ODD], ["plugins", "list", "--plugins-dir", ODD],
        ["plugins", "list", "--block", ODD], ["sample", ODD], ["probe", ODD], ["evaluate", ODD], ["report", ODD], ["replay", ODD],
        ["train", "tiny-fashion28", "--run", ODD], ["train", f"{ODD}.yaml"], ["train", "tiny-fashion28", "--may-change", ODD], ["launch", ODD],
        ["train", "tiny-fashion28", f"--{ODD}", "1"], [ODD],
    ],
)  # fmt: skip
def test_a_name_that_is_no_utf_8_is_told(command, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    error = command(*arguments, status=2).stderr
    assert error.encode("utf-8")
    assert not list(tmp_path.iterdir())


def test_a_device_is_not_replaced_and_a_link_is_followed(command, tmp_path):
    (tmp_path / "there.json").write_text("old")
    (tmp_path / "link.json").symlink_to(tmp_path / "there.json")
    (tmp_path / "new.json").symlink_to(tmp_path / "later.json")
    (tmp_path / "device.json").symlink_to("/dev/null")
    os.mkfifo(tmp_path / "pipe.json")
    for name, file in (("link", "there"), ("new", "later")):
        command("schema", "--output", tmp_path / f"{name}.json")
        assert (tmp_path / f"{name}.json").is_symlink()
        assert json.loads((tmp_path / f"{file}.json").read_text())["title"] == "dcgan-kit recipe"
    for name in ("device.json", "pipe.json"):
        error = command("schema", "--output", tmp_path / name, status=2).stderr
        assert "cannot be written: is not a regular file, and is not replaced" in error
    assert os.stat("/dev/null").st_rdev
    assert not list(tmp_path.glob(".*"))


LONG = "x" * 300


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", f"{LONG}.yaml"], ["show", "tiny-fashion28", "--diff", f"{LONG}.yaml"], ["recipes", "show", f"{LONG}.yaml"],
        ["recipes", "copy", "tiny-fashion28", f"{LONG}.yaml"], ["train", "tiny-fashion28", "--run", LONG],
        ["launch", "tiny-fashion28", "--run", LONG], ["train", "tiny-fashion28", f"data={{use: images, path: {LONG}}}"],
        ["sample", LONG], ["probe", f"{LONG}/run"], ["evaluate", LONG], ["evaluate", "--fake", LONG, "--real", LONG],
        ["evaluate", "--fake", ".", "--real", ".", "--against", LONG], ["report", LONG], ["replay", LONG],
        ["verify-resume", "tiny-fashion28", "--run", LONG], ["schema", "--output", f"{LONG}.json"],
        ["plugins", "list", "--plugins-dir", LONG],
    ],
)  # fmt: skip
def test_what_the_system_says_no_to_is_told_with_the_name(command, tmp_path, monkeypatch, arguments):
    """A name that is too long stands for all: who may do everything cannot try a folder that may not be searched."""
    monkeypatch.chdir(tmp_path)
    error = command(*arguments, status=2).stderr
    assert "File name too long" in error
    assert LONG in error
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_missing_where_it_must_not_be_is_a_fault_of_ours(command, monkeypatch):
    def fail(*_, **__):
        raise FileNotFoundError(2, "No such file or directory", "inner")

    monkeypatch.setattr("dcgan_kit.api.load_recipe", fail)
    with pytest.raises(FileNotFoundError):
        command("check", "tiny-fashion28")
