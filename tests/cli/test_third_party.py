"""Strangers: a distribution that pip installs for real, single files in a folder, and broken neighbours."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

BROKEN = {
    "exits_at_import": "SystemExit: goodbye (",
    "forgot_hookimpl": "dcgan_kit_components lacks the @hookimpl decorator",
    "raises_at_import": "RuntimeError: no licence found (",
    "syntax_error": "SyntaxError: invalid syntax (",
    "unknown_hook": "unknown hook 'dcgan_kit_component'. Did you mean 'dcgan_kit_components'?",
    "wrong_return": "dcgan_kit_components must return components in a list, and returned 42",
}


@pytest.fixture(scope="module")
def installed(sample_plugins, tmp_path_factory):
    """A folder into which pip installed the sample distribution."""
    folder = tmp_path_factory.mktemp("site")
    # A copy, since building writes into the source tree.
    source = shutil.copytree(sample_plugins / "dcgan-kit-swish", tmp_path_factory.mktemp("source") / "dcgan-kit-swish")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*pip, "--disable-pip-version-check", "--target", str(folder), str(source)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def command(dcgan_kit, installed, tmp_path):
    """Return a function (*arguments, status=0, **environment) -> finished process, the distribution being installed."""

    def command(*arguments, status=0, **variables):
        done = subprocess.run(
            [dcgan_kit, *map(str, arguments)], cwd=tmp_path, capture_output=True, text=True, timeout=300,
            env={**os.environ, "PYTHONPATH": str(installed), **variables},
        )  # fmt: skip
        assert done.returncode == status, f"{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    return command


def swish_of(command, *arguments, **variables):
    plugins = json.loads(command("plugins", "list", "--json", *arguments, **variables).stdout)
    return next((plugin for plugin in plugins if plugin["name"] == "swish"), None)


def test_it_is_listed_with_its_distribution_and_all_that_it_offers(command, installed):
    swish = swish_of(command)
    assert swish["origin"] == "installed"
    assert swish["distribution"] == "dcgan-kit-swish 1.2.3"
    assert swish["status"] == "loaded"
    assert swish["components"] == ["activation/mish_like", "upsample/scaled_repeat"]
    assert swish["recipes"] == {"swish28": str(installed / "dcgan_kit_swish" / "recipes" / "swish28.yaml")}
    assert swish["callbacks"] is True
    shown = command("components", "show", "mish_like").stdout
    assert "sharpness" in shown
    assert "number (0.0, 10.0]" in shown
    assert "swish28" in command("recipes", "list").stdout
    schema = json.loads(command("schema").stdout)
    assert "mish_like" in json.dumps(schema["definitions"]["activation"])


@pytest.mark.slow
def test_its_recipe_trains_and_can_be_sampled(command, tmp_path):
    done = command("train", "swish28", "--run", "run")
    assert "done: run" in done.stderr
    diary = (tmp_path / "run" / "diary.txt").read_text().splitlines()
    assert diary == [
        "begin swish28 generator", "step 2 augmentation", "step 4 augmentation", "end, with generator.keras",
    ]  # fmt: skip
    environment = json.loads((tmp_path / "run" / "environment.json").read_text())
    assert {"name": "swish", "distribution": "dcgan-kit-swish 1.2.3", "status": "loaded"}.items() <= next(
        plugin for plugin in environment["plugins"] if plugin["name"] == "swish"
    ).items()
    sampled = json.loads(command("sample", "run", "--count", "2", "--seed", "1", "--json").stdout)
    assert sampled["step"] == 4

    without = command("sample", "run", "--no-plugins", status=2)
    assert without.stderr == "run: the run began with plugin 'swish', which --no-plugins leaves out\n"


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [((), {"DCGAN_KIT_BLOCK": "swish"}), (("--block", "swish"), {})],
    ids=["variable", "option"],
)
def test_a_blocked_plugin_is_not_imported_and_what_needs_it_says_so(arguments, variables, command, tmp_path):
    swish = swish_of(command, *arguments, **variables)
    assert swish["status"] == "blocked"
    assert swish["components"] == []
    (tmp_path / "mine.yaml").write_text("version: 1\nextends: tiny-fashion28\ngenerator: {activation: mish_like}\n")
    reported = command("check", "mine.yaml", *arguments, status=2, **variables).stderr
    assert "mine.yaml:3:25: generator.activation: unknown activation 'mish_like'" in reported
    assert "Blocked: swish." in reported
    assert "unknown recipe 'swish28'" in command("train", "swish28", *arguments, status=2, **variables).stderr


def test_without_plugins_there_are_only_built_ins(command):
    assert swish_of(command, "--no-plugins") is None
    assert "swish28" not in command("recipes", "list", "--no-plugins").stdout


def test_a_recipe_of_built_ins_alone_runs_no_strangers_code(installed, tmp_path):
    code = """
import sys
from dcgan_kit.recipes.loading import load_recipe
loaded = load_recipe("tiny-fashion28")
assert "dcgan_kit_swish" not in sys.modules
load_recipe("swish28")
assert "dcgan_kit_swish" in sys.modules
"""
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, check=True)


def test_a_distribution_whose_module_is_gone_is_told_and_disturbs_nobody(command, installed, tmp_path):
    info = tmp_path / "site" / "dcgan_kit_gone-0.1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dcgan-kit-gone\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[dcgan_kit]\ngone = dcgan_kit_gone\n")
    path = os.pathsep.join([str(tmp_path / "site"), str(installed)])
    done = command("components", "list", PYTHONPATH=path)
    warning = (
        "warning: plugin gone (dcgan-kit-gone 0.1) is broken: ModuleNotFoundError: No module named 'dcgan_kit_gone'"
    )
    assert warning in done.stderr
    assert "mish_like" in done.stdout
    strict = command("components", "list", status=2, PYTHONPATH=path, DCGAN_KIT_STRICT="1")
    assert "plugin gone (dcgan-kit-gone 0.1) is broken" in strict.stderr


@pytest.fixture
def neighbours(sample_plugins, tmp_path):
    """A folder with the healthy single files and all the broken ones."""
    folder = tmp_path / "plugins"
    shutil.copytree(sample_plugins / "folder", folder)
    for file in (sample_plugins / "broken").glob("*.py"):
        shutil.copy(file, folder)
    # Not in the repository, where linters would read it.
    (folder / "syntax_error.py").write_text("def broken(:\n    pass\n")
    return folder


RECIPE = """version: 1
extends: tiny-fashion28
generator:
  activation: {use: bent, slope: 0.25}
training:
  optimizer: {use: descent, learning_rate: 0.05}
  steps: 2
"""


@pytest.mark.slow
def test_single_files_train_beside_broken_neighbours(command, neighbours, tmp_path):
    (tmp_path / "mine.yaml").write_text(RECIPE)
    done = command("train", "mine.yaml", "--plugins-dir", neighbours)
    assert "done: runs/mine" in done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == len(BROKEN)
    for name, reason in BROKEN.items():
        assert any(f"plugin {name} ({neighbours}/{name}.py) is broken: {reason}" in line for line in warnings), name
    assert "use: bent/bent" in (tmp_path / "runs" / "mine" / "recipe.yaml").read_text()


def test_broken_neighbours_are_listed_with_the_reason_and_the_place(command, neighbours):
    plugins = json.loads(command("plugins", "list", "--json", DCGAN_KIT_PLUGINS_DIR=str(neighbours)).stdout)
    found = {plugin["name"]: plugin for plugin in plugins if plugin["origin"] == "folder"}
    assert {name for name, plugin in found.items() if plugin["status"] == "broken"} == set(BROKEN)
    for name, reason in BROKEN.items():
        assert found[name]["error"].startswith(reason)
    assert found["raises_at_import"]["error"].endswith("raises_at_import.py:1)")
    assert found["syntax_error"]["error"].endswith("syntax_error.py:1)")
    assert found["bent"]["status"] == "loaded"


def test_two_components_of_one_name_are_told_and_the_owner_chooses(command, neighbours):
    arguments = ("check", "tiny-fashion28", "--plugins-dir", neighbours)
    reported = command(*arguments, "generator.activation=twin", status=2).stderr
    assert "activation 'twin' is offered by 2 plugins; write twin_one/twin or twin_two/twin" in reported
    shown = command(
        "recipes", "show", "tiny-fashion28", "generator.activation=twin_two/twin", "--plugins-dir", neighbours
    )
    assert "use: twin_two/twin" in shown.stdout


def test_the_working_directory_is_no_plugins_folder(command, sample_plugins, tmp_path):
    shutil.copy(sample_plugins / "folder" / "bent.py", tmp_path)
    plugins = json.loads(command("plugins", "list", "--json").stdout)
    assert "bent" not in {plugin["name"] for plugin in plugins}


LOUD = """
from dcgan_kit import component, hookimpl

print("HELLO")

@component("activation")
def exits():
    raise SystemExit(0)

@hookimpl
def dcgan_kit_components():
    print("HELLO AGAIN")
    return [exits]
"""


def test_what_a_stranger_prints_stays_out_of_json_and_an_exit_is_told(command, tmp_path):
    (tmp_path / "loud").mkdir()
    (tmp_path / "loud" / "loud.py").write_text(LOUD)
    listed = command("plugins", "list", "--json", "--plugins-dir", "loud")
    assert [p["status"] for p in json.loads(listed.stdout) if p["name"] == "loud"] == ["loaded"]
    assert "HELLO AGAIN" in listed.stderr
    reported = command(
        "check", "tiny-fashion28", "generator.activation=exits", "--plugins-dir", "loud", status=2
    ).stderr
    assert "activation loud/exits: its factory failed: SystemExit: 0 (" in reported


def test_a_reader_that_has_enough_is_no_fault(dcgan_kit, tmp_path):
    script = f"set -o pipefail; {dcgan_kit} show tiny-fashion28 | head -1"
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.rstrip() == "generator of tiny-fashion28"
