"""Loading plugins from real files: a broken one is reported with its place and disturbs no other."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from dcgan_kit.components import plugin_loader
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import load_builtins, load_plugins
from dcgan_kit.errors import PluginError, UserError
from dcgan_kit.recipes.loading import load_recipe

HEAD = "from dcgan_kit import component, hookimpl\n"
HEALTHY = (
    HEAD
    + '''
@component("activation")
def mish():
    """x tanh(softplus(x)).  (B, ...) → (B, ...)"""

@hookimpl
def dcgan_kit_components():
    return [mish]
'''
)
HOOK = HEAD + "@component('activation')\ndef mish(): ...\n@hookimpl\ndef dcgan_kit_components():\n    "

# source of a plugin: what is reported of it
BROKEN = {
    "raises": ("x = 1\nraise RuntimeError('no GPU\\nmore')\n", r"RuntimeError: no GPU \({file}:2\)"),
    "raises_deeper": ("import json\njson.loads('{{')\n", r"JSONDecodeError: .* \({file}:2\)"),
    "raises_nothing_said": ("raise ValueError\n", r"ValueError \({file}:1\)"),
    "no_such_module": ("import no_such_module_anywhere\n", r"ModuleNotFoundError: No module named .* \({file}:1\)"),
    "syntax": ("x = 1\ndef f(:\n", r"SyntaxError: invalid syntax \({file}:2\)"),
    "indentation": ("if 1:\nx = 2\n", r"IndentationError: .* \({file}:2\)"),
    "null_bytes": ("x = 1\0\n", r"(SyntaxError|ValueError): source code (string )?cannot contain null bytes.*"),
    "exits": ("import sys\nsys.exit(3)\n", r"SystemExit: 3 \({file}:2\)"),
    "recursion": ("def f(): f()\nf()\n", r"RecursionError: maximum recursion depth exceeded.* \({file}:1\)"),
    "no_hook": ("x = 1\n", "has no hook: define one of .*dcgan_kit_components.* under @hookimpl"),
    "empty": ("", "has no hook: define one of .*"),
    "forgotten": ("def dcgan_kit_components(): return []\n", "dcgan_kit_components lacks the @hookimpl decorator"),
    "forgotten_second": (
        HOOK + "return [mish]\ndef dcgan_kit_recipes(): return {}\n", "dcgan_kit_recipes lacks the @hookimpl decorator"
    ),
    "unknown_hook": (
        HEAD + "@hookimpl\ndef dcgan_kit_component(): return []\n",
        r"unknown hook 'dcgan_kit_component'\. Did you mean 'dcgan_kit_components'\?",
    ),
    "wrong_arguments": (
        HEAD + "@hookimpl\ndef dcgan_kit_components(registry): return []\n",
        r".*Argument\(s\) \{'registry'\} are declared in the hookimpl but can not be found in the hookspec",
    ),
    "returns_none": (HOOK + "[mish]\n", "dcgan_kit_components returned None: is a 'return' missing.*"),
    "returns_text": (HOOK + "return 'mish'\n", "dcgan_kit_components must return components in a list, and returned 'mish'"),
    "returns_one": (HOOK + "return mish\n", "dcgan_kit_components must return components in a list, and returned Component.*"),
    "returns_functions": (HOOK + "return [print]\n", r"dcgan_kit_components must return components \(made by @component\), and returned <built-in function print>"),
    "returns_classes": (HOOK + "return [mish, int]\n", r"dcgan_kit_components must return components .* returned <class 'int'>"),
    "returns_two_of_a_name": (HOOK + "return [mish, mish]\n", "dcgan_kit_components returned two components called activation 'mish'"),
    "hook_raises": (HOOK + "raise KeyError('mish')\n", r"KeyError: 'mish' \({file}:6\)"),
    "generator_raises": (HOOK + "yield mish\n    raise OSError('gone')\n", r"OSError: gone \({file}:7\)"),
    "hook_exits": (HOOK + "raise SystemExit\n", r"SystemExit \({file}:6\)"),
    "bad_declaration": (HEAD + "@component('activaton')\ndef f(): ...\n", r"TypeError: unknown kind of component 'activaton'\. Did you mean 'activation'\? \({file}:2\)"),
    "unknown_annotation": (
        HEAD + "@component('activation')\ndef mish(*, x: 'Slope' = 1): ...\n@hookimpl\ndef dcgan_kit_components(): return [mish]\n",
        "activation unknown_annotation/mish: reading the annotations of its options failed: NameError: name 'Slope' is not defined",
    ),
    "bad_default": (
        HEAD + "from typing import Annotated\nfrom pydantic import Field\n@component('activation')\n"
        "def mish(*, slope: Annotated[float, Field(ge=0)] = -1.0): ...\n@hookimpl\ndef dcgan_kit_components(): return [mish]\n",
        "activation bad_default/mish: default of option 'slope': Input should be greater than or equal to 0",
    ),
    "recipes_of_wrong_type": (HEAD + "@hookimpl\ndef dcgan_kit_recipes(): return ['a.yaml']\n", r"dcgan_kit_recipes must return a mapping from name to file, and returned \['a.yaml'\]"),
    "studies_of_wrong_type": (HEAD + "@hookimpl\ndef dcgan_kit_studies(): return 'a.yaml'\n", "dcgan_kit_studies must return a mapping from name to file, and returned 'a.yaml'"),
    "recipes_without_path": (HEAD + "@hookimpl\ndef dcgan_kit_recipes(): return {{'a': 5}}\n", "TypeError: .*"),
}  # fmt: skip


@pytest.mark.filterwarnings("default::SyntaxWarning")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_told_and_its_neighbours_work(load, name):
    source, expected = BROKEN[name]
    loaded = load(**{name: source.replace("{{", "{").replace("}}", "}"), "aaa": HEALTHY, "zzz": HEALTHY})
    [broken] = loaded.broken
    assert (broken.name, broken.origin, broken.components, broken.recipes) == (name, "folder", (), {})
    pattern = expected.replace("{file}", re.escape(broken.file))
    assert re.fullmatch(pattern, broken.error), broken.error
    assert "\n" not in broken.error
    assert loaded.registry.find("activation", "aaa/mish").owner == "aaa"
    assert loaded.registry.find("activation", "zzz/mish").owner == "zzz"
    assert loaded.registry.find("activation", "relu").owner == "activation"
    assert all(component.owner != name for component in loaded.registry)


def test_a_healthy_plugin(load, tmp_path):
    loaded = load(mine=HEALTHY)
    plugin = loaded.find("mine")
    assert (plugin.status, plugin.error, plugin.origin) == ("loaded", "", "folder")
    assert plugin.file == str(tmp_path / "plugins" / "mine.py")
    assert str(loaded.registry.find("activation", "mish")) == "activation mine/mish"
    assert loaded.broken == ()


def test_a_generator_is_as_good_as_a_list(load):
    assert load(mine=HOOK + "yield mish\n").registry.find("activation", "mish").owner == "mine"


def test_objects_that_answer_to_everything_are_no_hooks(load):
    source = "from unittest.mock import call\n" + HEALTHY
    assert load(mine=source).find("mine").status == "loaded"


def test_strict_makes_a_broken_plugin_fatal(load):
    with pytest.raises(PluginError, match=r"^plugin mine \(.*mine.py\) is broken: RuntimeError: a \(.*mine.py:1\)$"):
        load(PluginSettings(strict=True), mine="raise RuntimeError('a')\n")
    assert load(PluginSettings(strict=True), mine=HEALTHY).find("mine").status == "loaded"


def test_two_plugins_of_one_name(tmp_path):
    folders = []
    for index in (1, 2):
        folder = tmp_path / str(index)
        folder.mkdir()
        (folder / "mine.py").write_text(HEALTHY.replace("mish", f"mish{index}"))
        folders.append(folder)
    loaded = load_plugins(PluginSettings(folders=tuple(folders)))
    first, second = (plugin for plugin in loaded.plugins if plugin.name == "mine")
    assert (first.status, second.status) == ("loaded", "broken")
    assert second.error == f"a plugin of that name is loaded already: mine ({folders[0] / 'mine.py'})"
    assert [c.name for c in loaded.registry if c.owner == "mine"] == ["mish1"]


def test_a_plugin_cannot_take_the_name_of_a_built_in(load):
    loaded = load(activation=HEALTHY)
    assert [plugin.origin for plugin in loaded.broken] == ["folder"]
    assert loaded.registry.find("activation", "relu").owner == "activation"


def test_a_broken_plugin_leaves_its_name_to_another(tmp_path):
    for folder, source in (("1", "raise RuntimeError\n"), ("2", HEALTHY)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mine.py").write_text(source)
    loaded = load_plugins(PluginSettings(folders=(tmp_path / "1", tmp_path / "2")))
    assert loaded.registry.find("activation", "mish").owner == "mine"


def test_a_blocked_plugin_is_not_even_imported(load, tmp_path):
    witness = tmp_path / "witness"
    source = f"__import__('pathlib').Path({str(witness)!r}).touch()\n" + HEALTHY
    loaded = load(PluginSettings(blocked=frozenset({"mine"})), mine=source, other=HEALTHY)
    assert not witness.exists()
    assert loaded.find("mine").status == "blocked"
    assert loaded.registry.find("activation", "mish").owner == "other"


def test_a_built_in_can_be_blocked():
    settings = PluginSettings(blocked=frozenset({"activation"}))
    assert load_builtins(settings).registry.of_kind("activation") == ()
    with pytest.raises(UserError, match=r"unknown activation '[a-z_]+'\..* Blocked: activation\."):
        load_recipe("lecture-fashion28", (), settings)


def test_built_ins_only_means_no_folder_either(load, tmp_path):
    witness = tmp_path / "witness"
    loaded = load(PluginSettings(builtins_only=True), mine=f"__import__('pathlib').Path({str(witness)!r}).touch()\n")
    assert not witness.exists()
    assert {plugin.origin for plugin in loaded.plugins} == {"built-in"}


def test_what_is_no_plugin_of_a_folder(load, folder):
    folder(_helper="raise RuntimeError\n")
    (folder() / "notes.txt").write_text("no Python")
    (folder() / "package").mkdir()
    loaded = load(mine=HEALTHY)
    assert [plugin.name for plugin in loaded.plugins if plugin.origin == "folder"] == ["mine"]


@pytest.mark.parametrize(("make", "reason"), [(None, "No such file or directory"), ("touch", "Not a directory")])
def test_a_plugins_folder_that_is_none(tmp_path, make, reason):
    path = tmp_path / "nowhere"
    if make:
        path.touch()
    with pytest.raises(PluginError, match=f"^plugins folder {re.escape(str(path))}: {reason}$"):
        load_plugins(PluginSettings(folders=(path,)))


SHARED = HEALTHY.replace(
    "import component, hookimpl\n", "import component, hookimpl\nfrom . import shared\nVALUE = shared.VALUE\n"
)


@pytest.mark.parametrize("name", ["aaa", "zzz"])
@pytest.mark.parametrize("how", ["from . import {name} as found", "from .{name} import VALUE as found"])
def test_a_module_that_a_plugin_imports_from_beside_it_is_no_plugin(load, name, how):
    loaded = load(mine=f"{how.format(name=name)}\n{HEALTHY}", **{name: "VALUE = 7\n"})
    assert [(p.name, p.status) for p in loaded.plugins if p.origin == "folder"] == [("mine", "loaded")]
    assert loaded.find("mine").components[0].factory.__globals__["found"] is not None


def test_a_module_that_nobody_imports_is_told(load):
    assert [(p.name, p.error.partition(":")[0]) for p in load(mine=HEALTHY, other="VALUE = 7\n").broken] == [
        ("other", "has no hook")
    ]


def test_a_helper_may_be_private_a_package_or_another_plugin(load, folder):
    (folder() / "deep").mkdir()
    (folder() / "deep" / "__init__.py").write_text("from .. import _private\nVALUE = _private.VALUE\n")
    other = HEALTHY.replace("mish", "squash")
    loaded = load(
        mine=f"from . import deep, other\nassert deep.VALUE == 5\n{HEALTHY}",
        other=f"COUNT = [0]\nCOUNT[0] += 1\n{other}",
        _private="VALUE = 5\n",
    )
    assert not loaded.broken
    factories = [loaded.find(name).components[0].factory for name in ("mine", "other")]
    assert factories[0].__globals__["other"].COUNT is factories[1].__globals__["COUNT"], "it is executed once"


def test_helpers_of_two_folders_do_not_meet(tmp_path):
    folders = []
    for index in (1, 2):
        path = tmp_path / str(index) / "plugins"
        path.mkdir(parents=True)
        (path / "shared.py").write_text(f"VALUE = {index}\n")
        (path / f"mine{index}.py").write_text(SHARED.replace("mish", f"mish{index}"))
        folders.append(path)
    loaded = load_plugins(PluginSettings(folders=tuple(folders)))
    assert not loaded.broken
    assert [loaded.find(f"mine{i}").components[0].factory.__globals__["VALUE"] for i in (1, 2)] == [1, 2]
    (folders[0] / "shared.py").write_text("VALUE = 'changed'\n")
    again = load_plugins(PluginSettings(folders=tuple(folders)))
    assert again.find("mine1").components[0].factory.__globals__["VALUE"] == "changed"


def test_a_blocked_neighbour_is_not_executed_and_a_broken_one_breaks(load):
    loaded = load(PluginSettings(blocked=frozenset({"shared"})), mine=SHARED, shared="raise SystemExit('executed')\n")
    assert loaded.find("shared").status == "blocked"
    assert "shared" in loaded.find("mine").error
    assert "executed" not in loaded.find("mine").error
    both = load(mine=SHARED, shared="1 / 0\n")
    assert {p.name for p in both.broken} == {"mine", "shared"}
    assert "ZeroDivisionError" in both.find("mine").error


def test_an_absolute_import_of_a_neighbour_is_told_how_to_write(load):
    loaded = load(mine=f"import shared\n{HEALTHY}", shared="VALUE = 1\n")
    assert loaded.find("mine").error.endswith("it lies beside the plugin: write `from . import shared`")
    assert "shared" not in sys.modules


def test_a_relative_folder(folder, monkeypatch):
    path = folder(mine="import json\njson.loads('{')\n")
    monkeypatch.chdir(path.parent)
    [broken] = load_plugins(PluginSettings(folders=(Path("plugins"),))).broken
    assert broken.error.endswith(f"({path / 'mine.py'}:2)")


def test_the_environment():
    assert PluginSettings.from_environment({}) == PluginSettings()
    assert PluginSettings.from_environment(
        {"DCGAN_KIT_PLUGINS_DIR": "/a:/b:", "DCGAN_KIT_BLOCK": "x, y,,", "DCGAN_KIT_STRICT": "1"}
    ) == PluginSettings((Path("/a"), Path("/b")), frozenset({"x", "y"}), strict=True)
    assert PluginSettings.from_environment({"DCGAN_KIT_STRICT": "0"}).strict is False


def test_the_environment_is_read_by_load_recipe(folder, monkeypatch, tmp_path):
    monkeypatch.setenv("DCGAN_KIT_PLUGINS_DIR", str(folder(mine=HEALTHY)))
    recipe = load_recipe("lecture-fashion28", ["generator.activation=mish"]).recipe
    assert recipe.generator.blocks[0].slots["activation"].component.owner == "mine"
    monkeypatch.setenv("DCGAN_KIT_BLOCK", "mine")
    with pytest.raises(UserError, match=r"unknown activation 'mish'.* Blocked: mine\."):
        load_recipe("lecture-fashion28", ["generator.activation=mish"])


def test_unknown_plugins_are_named():
    with pytest.raises(PluginError, match=r"^unknown plugin 'activaton'\. Did you mean 'activation'\?$"):
        load_builtins().find("activaton")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Return a function (name, source, entry) -> a distribution on sys.path with an entry point, not imported yet."""

    def installed(name, source, distribution=None):
        distribution = distribution or f"dist-{name}"
        site = tmp_path / distribution
        info = site / f"{distribution}-1.2.dist-info"
        info.mkdir(parents=True)
        module = f"{distribution.replace('-', '_')}_module"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[dcgan_kit]\n{name} = {module}\n")
        (site / f"{module}.py").write_text(source)
        monkeypatch.syspath_prepend(site)
        # A module of that name may be left over from another test.
        monkeypatch.delitem(sys.modules, module, raising=False)
        return site / f"{module}.py"

    return installed


def test_an_installed_plugin(installed):
    file = installed("mine", HEALTHY)
    plugin = load_plugins().find("mine")
    assert (plugin.origin, plugin.distribution, plugin.file) == ("installed", "dist-mine 1.2", str(file))
    assert str(plugin) == "mine (dist-mine 1.2)"


def test_installed_plugins_break_one_by_one(installed):
    file = installed("aaa", "raise RuntimeError('no')\n")
    installed("bbb", HEALTHY)
    loaded = load_plugins()
    assert loaded.find("aaa").error == f"RuntimeError: no ({file}:1)"
    assert loaded.registry.find("activation", "mish").owner == "bbb"


def test_two_distributions_with_one_plugin_name(installed):
    installed("mine", HEALTHY, "dist-a")
    installed("mine", HEALTHY.replace("mish", "mash"), "dist-b")
    first, second = (plugin for plugin in load_plugins().plugins if plugin.name == "mine")
    assert (first.distribution, first.status) == ("dist-a 1.2", "loaded")
    assert (second.distribution, second.status) == ("dist-b 1.2", "broken")
    assert "loaded already: mine (dist-a 1.2)" in second.error


def test_a_recipe_of_built_ins_alone_runs_no_strangers_code(installed, tmp_path):
    witness = tmp_path / "witness"
    installed("mine", f"__import__('pathlib').Path({str(witness)!r}).touch()\n" + HEALTHY)
    load_recipe("lecture-fashion28", (), PluginSettings())
    assert not witness.exists()
    loaded = load_recipe("lecture-fashion28", ["generator.activation=mish"], PluginSettings())
    assert witness.exists()
    assert loaded.plugins.find("mine").status == "loaded"


def test_a_recipe_may_ask_for_a_plugin(installed):
    installed("mine", HEALTHY)
    assert load_recipe("lecture-fashion28", ["plugins=[mine]"], PluginSettings()).plugins.find("mine")
    with pytest.raises(UserError, match=r"plugins.0: no plugin called 'other' was found$"):
        load_recipe("lecture-fashion28", ["plugins=[other]"], PluginSettings())


DECLARED = """
from dcgan_kit import Component, component, hookimpl
import keras

@component("activation")
def wavy(): return keras.layers.Activation("sin")
"""


@pytest.mark.parametrize(
    ("hook", "missing"),
    [
        ("", "has no hook dcgan_kit_components that returns it"),
        ("@hookimpl\ndef dcgan_kit_recipes(): return {}\n", "has no hook dcgan_kit_components that returns it"),
        (
            "@component('activation')\ndef bent(): ...\n@hookimpl\ndef dcgan_kit_components(): return [bent]\n",
            "its hook dcgan_kit_components does not return it",
        ),
    ],
)
@pytest.mark.parametrize("name", ["wavy", "mine/wavy"])
def test_a_component_that_no_hook_returns_is_said_to_be_declared(name, hook, missing, tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(DECLARED + hook)
    settings = PluginSettings(folders=(tmp_path,))
    with pytest.raises(UserError) as raised:
        load_recipe("lecture-fashion28", [f"generator.activation={name}"], settings)
    reported = f"generator.activation: unknown activation '{name}': {file} was loaded and declares it, but {missing}."
    assert str(raised.value).endswith(reported)


def test_a_recipe_that_needs_a_broken_plugin_says_so(installed):
    installed("mine", "raise RuntimeError('no')\n")
    with pytest.raises(UserError, match=r"unknown activation 'mish'.* Plugin mine .* is broken: RuntimeError: no .*"):
        load_recipe("lecture-fashion28", ["generator.activation=mish"], PluginSettings())
    with pytest.raises(UserError, match=r"plugins.0: plugin mine .* is broken. RuntimeError: no .*"):
        load_recipe("lecture-fashion28", ["plugins=[mine]"], PluginSettings())


def test_a_component_of_two_plugins_is_named_by_its_owner(folder):
    settings = PluginSettings(folders=(folder(mine=HEALTHY.replace("mish", "relu")),))
    with pytest.raises(UserError, match=r"generator.activation: activation 'relu' is offered by 2 plugins; write "):
        load_recipe("lecture-fashion28", ["generator.activation=relu"], settings)
    overrides = ["generator.activation=mine/relu", "discriminator.activation=activation/relu"]
    recipe = load_recipe("lecture-fashion28", overrides, settings).recipe
    assert recipe.generator.blocks[0].slots["activation"].component.owner == "mine"
    assert recipe.discriminator.blocks[0].slots["activation"].component.owner == "activation"


def test_options_of_a_stranger_may_be_lists(folder, tmp_path):
    source = HEAD + (
        "@component('activation')\n"
        "def knots(*, at: list[float] = [0.0], names: set[str] = set()): ...\n"
        "@hookimpl\ndef dcgan_kit_components(): return [knots]\n"
    )
    settings = PluginSettings(folders=(folder(mine=source),))
    recipe = load_recipe("lecture-fashion28", ["generator.activation={use: knots, at: [1, 2.5]}"], settings).recipe
    assert recipe.generator.blocks[0].slots["activation"].options["at"] == [1.0, 2.5]
    with pytest.raises(UserError, match=r"generator.activation.at: must be a list \(given: 3 \(a whole number\)\)$"):
        load_recipe("lecture-fashion28", ["generator.activation={use: knots, at: 3}"], settings)


def test_nothing_is_taken_from_the_working_directory(folder):
    path = folder(mine="raise SystemExit('imported')\n", dcgan_kit_plugins="raise SystemExit('imported')\n")
    code = "from dcgan_kit.components.plugin_loader import load_plugins; print(len(load_plugins().broken))"
    result = subprocess.run([sys.executable, "-P", "-c", code], cwd=path, capture_output=True, text=True, check=True)
    assert result.stdout == "0\n"


def test_every_built_in_is_sound():
    loaded = load_builtins()
    assert loaded.broken == ()
    for found in loaded.registry:
        found.check_options()
        assert found.summary, f"{found} has no docstring"


def test_the_hooks_are_four():
    assert plugin_loader.HOOKS == (
        "dcgan_kit_components", "dcgan_kit_recipes", "dcgan_kit_studies", "dcgan_kit_callbacks",
    )  # fmt: skip


def test_studies_of_plugins_are_found_by_name(tmp_path: Path) -> None:
    for name in ("aaa", "bbb"):
        (tmp_path / f"{name}.py").write_text(
            "from pathlib import Path\nfrom dcgan_kit import hookimpl\n@hookimpl\ndef dcgan_kit_studies():\n"
            f"    return {{'both': Path('{name}.yaml'), '{name}-only': Path('only.yaml')}}\n"
        )
    found = load_plugins(PluginSettings(folders=(tmp_path,))).studies
    assert found["aaa-only"] == Path("only.yaml")
    assert (found["aaa/both"], found["bbb/both"]) == (Path("aaa.yaml"), Path("bbb.yaml"))
    assert "both" not in found
    assert "relu-dies" in found


def test_callbacks_of_each_plugin_are_called_alone(tmp_path: Path) -> None:
    for name in ("aaa", "bbb"):
        (tmp_path / f"{name}.py").write_text(
            f"from dcgan_kit import hookimpl\n@hookimpl\ndef dcgan_kit_callbacks(recipe, run):\n    return ['{name}']\n"
        )
    loaded = load_plugins(PluginSettings(folders=(tmp_path,)))
    for name in ("aaa", "bbb"):
        callbacks = loaded.find(name).callbacks
        assert callbacks is not None
        assert callbacks(recipe=None, run=None) == [[name]]


@pytest.mark.parametrize(
    ("line", "helper", "error"),
    [
        ("from ._f import x", None, "ModuleNotFoundError: No module named 'plugins._f' ({mine}:1); there is no _f.py and no _f/__init__.py in {folder}"),
        ("from . import _f", None, "ImportError: cannot import name '_f' from 'plugins' (unknown location) ({mine}:1); there is no _f.py and no _f/__init__.py in {folder}"),
        ("from . import _f", "1 / 0\n", "ZeroDivisionError: division by zero ({folder}/_f.py:1)"),
        ("from ._f import x", "x = (\n", "SyntaxError: '(' was never closed ({folder}/_f.py:1)"),
        ("from ._f import x", "from .mine import mish\n", "ImportError: cannot import name 'mish' from 'plugins.mine' ({mine}) ({folder}/_f.py:1); the two files import each other: move what both need into a third file"),
        ("import _f", "x = 1\n", "ModuleNotFoundError: No module named '_f' ({mine}:1); it lies beside the plugin: write `from . import _f`"),
    ],
)  # fmt: skip
def test_a_helper_that_cannot_be_imported_is_told_with_its_place(load, folder, line, helper, error):
    path = folder(mine=f"{line}\n{HEALTHY}", **({} if helper is None else {"_f": helper}))
    [broken] = load().broken
    # A process numbers folders of one name, and Python says of some circles that they are ones.
    told = re.sub(r"'plugins\d+", "'plugins", broken.error).replace("partially initialized module ", "")
    told = told.replace(" (most likely due to a circular import)", "")
    assert told == error.format(mine=path / "mine.py", folder=path)


def test_a_package_in_the_folder_is_a_plugin(load, folder):
    path = folder(_curves="BEND = 3\n")
    for name in ("curved", "_private", "plain"):
        (path / name).mkdir()
    (path / "_private" / "__init__.py").write_text("1 / 0\n")
    (path / "curved" / "__init__.py").write_text(
        "from dcgan_kit import hookimpl\nfrom .parts import mish\n\n@hookimpl\ndef dcgan_kit_components():\n    return [mish]\n"
    )
    (path / "curved" / "parts.py").write_text(f"from .._curves import BEND\n{HEALTHY.partition('@hookimpl')[0]}")
    loaded = load()
    curved = loaded.find("curved")
    assert [(p.name, p.status) for p in loaded.plugins if p.origin == "folder"] == [("curved", "loaded")]
    assert curved.file == str(path / "curved" / "__init__.py")
    assert loaded.registry.find("activation", "curved/mish").factory.__globals__["BEND"] == 3
    assert load(PluginSettings(blocked=frozenset({"curved"}))).find("curved").status == "blocked"


def test_a_circle_that_resolves_is_no_fault(load):
    assert not load(mine=f"from . import _f\n{HEALTHY}", _f="from . import mine\n").broken
