"""A run that was begun with plugins that are not there: one line says which, and how to have them again."""

import json

import pytest

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.recipes.loading import load_recipe
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml

MISH = """from dcgan_kit import component, hookimpl

@component("activation")
def mish():
    \"\"\"x tanh(softplus(x)).  (B, ...) → (B, ...)\"\"\"

@hookimpl
def dcgan_kit_components():
    return [mish]
"""


@pytest.fixture
def run(tmp_path):
    """Return a function (**facts of the plugin) -> a run folder that was begun with it, as ``train`` writes it."""
    plugins = tmp_path / "my_plugins"
    plugins.mkdir()
    (plugins / "curved.py").write_text(MISH)
    settings = PluginSettings(folders=(plugins,))
    recipe = load_recipe("tiny-fashion28", ["generator.activation=mish"], settings).recipe

    def run(**changed):
        folder = tmp_path / "run"
        folder.mkdir()
        (folder / "recipe.yaml").write_text(as_yaml(as_data(recipe)))
        facts = {
            "name": "curved",
            "origin": "folder",
            "distribution": "",
            "file": str(plugins / "curved.py"),
            **changed,
        }
        (folder / "environment.json").write_text(json.dumps({"plugins": [{"status": "loaded", "error": "", **facts}]}))
        return folder

    return run


@pytest.mark.parametrize("arguments", [("sample", "{run}"), ("probe", "{run}"), ("evaluate", "{run}")])
def test_a_file_plugin_is_told_with_its_folder(command, run, tmp_path, arguments):
    folder = run()
    reported = command(*(argument.format(run=folder) for argument in arguments), status=2).stderr
    assert reported.splitlines() == [
        f"{folder}: the run began with plugin 'curved' of the file {tmp_path}/my_plugins/curved.py, which is not loaded: "
        f"give --plugins-dir {tmp_path}/my_plugins"
    ]


@pytest.mark.parametrize(
    ("facts", "options", "reported"),
    [
        ({"origin": "installed", "distribution": "curves 1.2"}, (), "plugin 'curved' of curves 1.2, which is not installed here"),
        ({}, ("--no-plugins",), "which --no-plugins leaves out"),
        ({"file": ""}, (), "give --plugins-dir DIR"),
        ({"file": 5}, (), "give --plugins-dir ."),
        ({"name": "other"}, (), "No plugin 'curved' is installed, nor in a plugins folder."),
        ({}, ("--block", "curved", "--plugins-dir", "{plugins}"), "Blocked: curved"),
    ],
)  # fmt: skip
def test_what_else_may_be_missing(command, run, tmp_path, facts, options, reported):
    options = [option.format(plugins=tmp_path / "my_plugins") for option in options]
    assert reported in command("sample", run(**facts), *options, status=2).stderr


def test_an_environment_that_says_nothing_changes_nothing(command, run):
    folder = run()
    for text in ("[", "[]", '{"plugins": 5}', '{"plugins": [5, null, {"name": []}]}'):
        (folder / "environment.json").write_text(text)
        assert "No plugin 'curved' is installed" in command("sample", folder, status=2).stderr


def test_a_training_that_goes_on_says_the_same(command, run, tmp_path):
    folder = run()
    (tmp_path / "mine.yaml").write_text("version: 1\nextends: tiny-fashion28\ngenerator: {activation: mish}\n")
    reported = command("train", tmp_path / "mine.yaml", "--run", folder, status=2).stderr
    assert "give --plugins-dir" in reported
    assert len(reported.splitlines()) == 1
    reported = command("train", tmp_path / "mine.yaml", "--run", tmp_path / "new", status=2).stderr
    assert "mine.yaml:3:25: generator.activation" in reported
