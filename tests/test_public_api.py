"""Public names are there and say what they are."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import dcgan_kit
import dcgan_kit.testing
from dcgan_kit import api

MODULES = sorted(
    info.name for info in pkgutil.walk_packages(dcgan_kit.__path__, "dcgan_kit.") if "embedded" not in info.name
)


@pytest.mark.parametrize("module", [dcgan_kit, dcgan_kit.testing], ids=lambda module: module.__name__)
def test_public_names_exist_and_are_sorted(module):
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert list(module.__all__) == sorted(module.__all__)


def test_nothing_public_is_forgotten():
    """What the face of the package imports, it offers; the API and what needs Keras it imports when it is asked for."""
    imported = {
        name for name, value in vars(dcgan_kit).items() if not name.startswith("_") and not inspect.ismodule(value)
    }
    typing = {"TYPE_CHECKING", "Any"}
    assert imported - typing <= set(dcgan_kit.__all__)
    assert set(dcgan_kit.__all__) - imported <= set(api.__all__) | {"Kernel", "Reparametrization"}
    assert set(api.__all__) <= set(dcgan_kit.__all__) <= set(dir(dcgan_kit))


def test_a_name_of_the_api_loads_its_module_alone():
    """A short command and completion in a shell load what they use."""
    code = "import sys; from dcgan_kit.api import PluginSettings; print([m for m in sys.modules if m.startswith('dcgan_kit.api.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    with pytest.raises(AttributeError, match="has no attribute 'no_such_name'"):
        getattr(api, "no_such_name")  # noqa: B009


def test_a_name_that_needs_keras_can_be_the_first_thing_that_a_program_asks_for():
    code = "import dcgan_kit; print(dcgan_kit.Kernel.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Kernel\n"


@pytest.mark.parametrize("name", ["dcgan_kit", *MODULES])
def test_everything_public_has_a_docstring(name):
    module = importlib.import_module(name)
    bare = [] if inspect.getdoc(module) else [name]
    for label, value in vars(module).items():
        if label.startswith("_") or getattr(value, "__module__", None) != name:
            continue
        if inspect.isclass(value) or inspect.isfunction(value):
            bare += [] if value.__doc__ else [f"{name}.{label}"]
        if inspect.isclass(value):
            for part, member in vars(value).items():
                function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
                if not part.startswith("_") and inspect.isfunction(function) and not function.__doc__:
                    bare.append(f"{name}.{label}.{part}")
    assert bare == []


def test_every_error_on_purpose_is_a_users_or_ours():
    from dcgan_kit import errors

    found = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]
    assert len(found) >= 7
    assert all(issubclass(error, dcgan_kit.DcganKitError) for error in found)
    public = {error.__name__ for error in found}
    assert public <= set(dcgan_kit.__all__)


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert dcgan_kit.__version__ == version("dcgan-kit")
