"""``new_plugin``: a package whose tests pass as generated, and which names are refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dcgan_kit import PluginSettings, new_plugin
from dcgan_kit.api.plugin_package import EVERYTHING
from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.plugin_loader import load_plugins
from dcgan_kit.errors import UserError
from dcgan_kit.testing.plugin_check import tasks_of

ROOT = Path(__file__).parents[2]


def run(folder, *arguments):
    """Run a Python module in a folder."""
    environment = {**os.environ, "MYPYPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_it_offers_a_component_of_each_kind_with_a_recipe(generated):
    loaded = load_plugins(PluginSettings(folders=(generated / "src",)))
    plugin = loaded.find("dcgan_cats")
    assert (plugin.status, plugin.error) == ("loaded", "")
    assert sorted(component.kind for component in plugin.components) == sorted(KINDS)
    assert len(plugin.recipes) == len(EVERYTHING)
    assert plugin.studies
    assert plugin.callbacks is not None
    for component in plugin.components:
        assert component.summary.endswith(".")
        fields = component.options.model_fields.items()
        assert [n for n, f in fields if not f.description and n not in component.nested] == []


def test_a_component_has_no_name_of_a_built_in(generated):
    registry = load_plugins(PluginSettings(folders=(generated / "src",))).registry
    names = [(component.kind, component.name) for component in registry]
    own = [(c.kind, c.name) for c in registry if c.owner == "dcgan_cats"]
    # A probe and a score may; their examples have short names.
    assert [one for one in own if names.count(one) > 1] == []


def test_no_name_of_the_templates_is_left(generated):
    texts = {path: path.read_text() for path in generated.rglob("*") if path.suffix in (".py", ".md", ".toml", ".yaml")}
    assert len(texts) > 80
    assert [
        str(path) for path, text in texts.items() if "my_plugin" in text or "my-plugin" in text or "{%" in text
    ] == []


@pytest.mark.slow
def test_its_own_tests_pass_as_generated(generated):
    done = run(generated, "pytest", "-q", "-p", "no:cacheprovider", "-k", "not trains")
    assert "73 passed" in done


@pytest.mark.slow
def test_one_of_its_recipes_trains(tmp_path):
    folder = new_plugin("cats", ["callbacks", "activation"], tmp_path / "cats")
    assert "2 passed" in run(folder, "pytest", "-q", "-p", "no:cacheprovider", "-k", "trains")


def test_it_is_linted_and_formatted(generated):
    run(generated, "ruff", "check", "--no-cache", ".")
    run(generated, "ruff", "format", "--no-cache", "--check", ".")


@pytest.mark.slow
def test_its_types_are_right(generated):
    # Errors of dcgan-kit itself would show here, where it is no installed package.
    run(generated, "mypy", "--follow-imports", "silent", "--cache-dir", os.devnull)


@pytest.mark.parametrize("kinds", [["activation"], ["callbacks"], ["probe", "data"], ["loss", "callbacks"]])
def test_any_choice_of_kinds_is_linted_and_loads(tmp_path, kinds):
    folder = new_plugin("A.b-C", kinds, tmp_path / "package")
    run(folder, "ruff", "check", "--no-cache", ".")
    run(folder, "ruff", "format", "--no-cache", "--check", ".")
    plugin = load_plugins(PluginSettings(folders=(folder / "src",))).find("a_b_c")
    assert plugin.error == ""
    assert sorted(component.kind for component in plugin.components) == sorted(set(kinds) - {"callbacks"})
    assert (plugin.callbacks is not None) == ("callbacks" in kinds)


def test_a_name_that_contains_that_of_the_templates(tmp_path):
    folder = new_plugin("my-plugin-cats", ["activation"], tmp_path / "package")
    source = folder / "src" / "my_plugin_cats"
    assert [path.name for path in source.glob("*/*.yaml")] == [
        "my-plugin-cats-activation.yaml",
        "my-plugin-cats-activation-or-built-in.yaml",
    ]
    assert "$ dcgan-kit train my-plugin-cats-activation\n" in (folder / "README.md").read_text()
    assert load_plugins(PluginSettings(folders=(folder / "src",))).find("my_plugin_cats").error == ""


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("activation", "'activation' is a built-in plugin"),
        ("json", "'json' is a module of Python"),
        ("keras", "'keras' is an installed module"),
        ("Dcgan.Kit", "'dcgan_kit' is an installed module"),
        ("9lives", "makes no name of a Python package"),
        ("class", "'class' is a keyword of Python; choose another, such as my-class"),
        ("../cats", "must be letters, digits"),
        ("cats-", "must be letters, digits"),
        ("", "must be letters, digits"),
        ("c" * 41, "at most 40 characters"),
    ],
)
def test_a_name_that_is_wrong_or_taken(tmp_path, monkeypatch, name, reason):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=reason):
        new_plugin(name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kinds", [[], "activation", ["activaton"], ["banana"]])
def test_a_kind_that_is_none(tmp_path, kinds):
    with pytest.raises(UserError, match="activation") as refused:
        new_plugin("cats", kinds, tmp_path / "cats")
    assert str(refused.value).count("normalization") <= 1
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_stays_as_it_is(tmp_path):
    (tmp_path / "cats").mkdir()
    with pytest.raises(UserError, match="exists already; choose another name, or another folder with --output"):
        new_plugin("cats", folder=tmp_path / "cats")
    assert list((tmp_path / "cats").iterdir()) == []


def test_a_folder_that_cannot_be_written_leaves_nothing(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file/cats: cannot be written"):
        new_plugin("cats", folder=tmp_path / "file" / "cats")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_its_recipes_and_studies_are_valid(generated):
    settings = PluginSettings(folders=(generated / "src",))
    tasks = tasks_of(load_plugins(settings).find("dcgan_cats"), settings)
    checks = [check() for subject, check in tasks if subject.startswith(("recipe", "study"))]
    assert len(checks) > 24
    assert [str(check) for check in checks if check.status != "ok"] == []
