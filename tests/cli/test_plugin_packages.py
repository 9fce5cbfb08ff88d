"""``plugins new`` and ``plugins check``: what they print, and their exit status."""

from __future__ import annotations

import json
import re

import pytest

from dcgan_kit.api.plugin_package import EVERYTHING
from dcgan_kit.cli.plugin_packages import KINDS

GOOD = """from dcgan_kit import component, hookimpl

from . import _curves


@component("activation")
def bent():
    \"\"\"Return x.  (B, ...) → (B, ...).\"\"\"
    return _curves.layers()


@component("data")
def there(*, path: str):
    \"\"\"Read images.\"\"\"


@hookimpl
def dcgan_kit_components():
    return [bent, there]
"""
BAD = """from dcgan_kit import component, hookimpl


@component("initializer")
def late():
    \"\"\"Draw nothing.\"\"\"
    return 1 / 0


@component("initializer")
def forgotten():
    \"\"\"Draw nothing.\"\"\"


@hookimpl
def dcgan_kit_components():
    return [late]


@hookimpl
def dcgan_kit_recipes():
    from pathlib import Path

    return {"bad": Path(__file__).with_name("bad.yaml")}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A plugins folder with a good plugin, a bad one, and one that cannot be imported."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "good.py").write_text(GOOD)
    (folder / "_curves.py").write_text("from keras import layers as k\n\ndef layers():\n    return [k.ReLU()]\n")
    (folder / "bad.py").write_text(BAD)
    (folder / "bad.yaml").write_text("version: 1\nextends: tiny-fashion28\ngenerator: {activation: relo}\n")
    for inner in (folder / "whole", folder / "whole" / "inner"):
        inner.mkdir()
        (inner / "__init__.py").touch()
        (inner / "part.py").touch()
    (folder / "broken.py").write_text("import no_such_module_anywhere\n")
    return folder


def test_a_new_package_and_what_to_do_next(command, tmp_path):
    done = command(
        "plugins", "new", "dcgan-cats", "--kind", "loss", "--kind", "probe", "--output", tmp_path / "my cats"
    )
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        f"{tmp_path}/my cats: written. Next:", f"  cd '{tmp_path}/my cats'", "  pip install --editable '.[test]'", "  python -m pytest",
    ]  # fmt: skip
    package = tmp_path / "my cats" / "src" / "dcgan_cats"
    assert sorted(path.name for path in package.iterdir()) == [
        "__init__.py",
        "loss.py",
        "probe.py",
        "recipes",
        "studies",
    ]
    (tmp_path / "all").mkdir()
    command("plugins", "new", "everything", "--kind", "all", "--output", tmp_path / "all" / "of-it")
    assert len(list((tmp_path / "all" / "of-it" / "tests").iterdir())) == 25
    assert "is a built-in plugin" in command("plugins", "new", "loss", status=2).stderr


def test_a_file_that_keeps_its_contracts(command, folder):
    done = command("plugins", "check", folder / "good.py")
    assert done.stdout.splitlines() == [
        "ok         plugin good",
        "ok         activation good/bent",
        "unchecked  data good/there: has no default for path: name the component with path=VALUE "
        "(--component data/there path=VALUE)",
    ]
    assert done.stderr == f"{folder / 'good.py'}: 2 checks, none broken; 1 not checked\n"


def test_what_is_broken_is_told_with_place_and_remedy(command, folder):
    done = command("plugins", "check", folder / "bad.py", "--json", status=1)
    found = json.loads(done.stdout)
    assert (found["plugins"], found["passed"]) == (["bad"], False)
    assert [one["status"] for one in found["checks"]] == ["broken"] * 3
    loading, component, recipe = (one["message"] for one in found["checks"])
    assert loading == "declares initializer/forgotten; no hook dcgan_kit_components returns it"
    failed = f"its factory failed: ZeroDivisionError: division by zero ({folder / 'bad.py'}:7)"
    assert component == f"initializer bad/late: {failed}"
    assert recipe.startswith("bad:3:25: generator.activation: unknown activation 'relo'. Did you mean 'relu'?")
    assert "3 checks, 3 broken" in done.stderr


def test_a_search_of_a_plugin_is_checked_as_a_search(command, tmp_path):
    (tmp_path / "wide.py").write_text(
        "from pathlib import Path\nfrom dcgan_kit import hookimpl\n\n@hookimpl\ndef dcgan_kit_studies():\n"
        "    return {name: Path(__file__).with_name(f'{name}.yaml') for name in ('good', 'bad')}\n"
    )
    keys = "version: 1\nbase: tiny-fashion28\ntrials: 3\nobjective: fd\nsearch:\n  training.batch_size: {low: %d, high: 64}\n"
    (tmp_path / "good.yaml").write_text(keys % 16)
    (tmp_path / "bad.yaml").write_text(keys % -1)
    done = command("plugins", "check", tmp_path / "wide.py", status=1)
    assert "ok         study good" in done.stdout.splitlines()
    assert f"broken     study bad: {tmp_path}/bad.yaml:6:30: training.batch_size: must be at least 1" in done.stdout


def test_a_file_that_cannot_be_imported(command, folder):
    done = command("plugins", "check", folder / "broken.py", status=1)
    assert f"No module named 'no_such_module_anywhere' ({folder / 'broken.py'}:1)" in done.stdout


def test_a_name_from_a_folder_and_a_built_in_component_with_options(command, folder):
    assert "ok         activation good/bent" in command("plugins", "check", "good", "--plugins-dir", folder).stdout
    arguments = ("plugins", "check", "initializer", "--component", "initializer/normal")
    assert command(*arguments, "stddev=0.5").stdout == "ok         initializer initializer/normal\n"
    assert "Did you mean 'stddev'?" in command(*arguments, "stdev=0.5", status=2).stderr


def test_a_source_tree_and_a_component_that_lacks_an_ability(command, generated):
    arguments = ("plugins", "check", generated, "--component")
    assert (
        command(*arguments, "initializer/fan_out_normal").stdout == "ok         initializer dcgan_cats/fan_out_normal\n"
    )
    done = command(*arguments, "activation/snake", "frequency=2.0", "--without", "xla", "--without", "mixed_precision")
    assert done.stdout == "ok         activation dcgan_cats/snake\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["actvation"], "unknown plugin 'actvation'. Did you mean 'activation'?"),
        (["{folder}/nothing.py"], "nothing.py: there is no such file"),
        (["{folder}/_curves.py"], "_curves.py: is no plugin: a plugin is NAME.py or NAME/__init__.py, and no name begins with '_'"),
        (["{folder}/../"], "holds no plugin"),
        (["{folder}/whole/part.py"], "part.py: is a module of the package whole: check that folder, {folder}/whole"),
        (["{folder}/whole/inner/part.py"], "is a module of the package whole: check that folder"),
        (["{folder}/whole/inner"], "is a module of the package whole: check that folder"),
        (["{folder}/good.py", "--component", "activation/bend"], "component: the plugin offers no 'activation/bend'. Did you mean 'bent'?"),
        (["{folder}/good.py", "--component", "bent", "--without", "xlaa"], "without: must be one of xla, mixed_precision, input_gradient. Received: 'xlaa'"),
        (["{folder}/good.py", "--without", "xla"], "name the component (--component KIND/NAME)"),
        (["{folder}/broken.py", "--component", "bent"], "the plugin offers no 'bent'. It is broken: ModuleNotFoundError"),
    ],
)  # fmt: skip
def test_mistakes(command, folder, arguments, message):
    done = command("plugins", "check", *(argument.format(folder=folder) for argument in arguments), status=2)
    assert message.format(folder=folder) in done.stderr
    assert done.stdout == ""


def test_help_lists_every_kind_once(command):
    words = re.findall(r"[a-z_]+", command("plugins", "new", "--help").stdout.partition("--kind KIND")[2])
    assert set(EVERYTHING) <= set(words)
    assert KINDS == EVERYTHING
