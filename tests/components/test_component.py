"""``@component``: what it makes of a factory, and every declaration that it refuses."""

import subprocess
import sys
from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from dcgan_kit import Component, Initializer, component
from dcgan_kit.components.kinds import KINDS


@component("activation")
def example(
    site, *, slope: Annotated[float, Field(ge=0, lt=1)] = 0.5, mode: Literal["a", "b"], inner: Initializer = None
):
    """Bend x.  (B, ...) → (B, ...)

    More of it.
    """
    return (site, slope, mode, inner)


def test_a_component_is_made_of_its_factory():
    assert (example.kind, example.name, example.owner) == ("activation", "example", "")
    assert example.summary == "Bend x.  (B, ...) → (B, ...)"
    assert example.documentation.endswith("\n\nMore of it.")
    assert list(example.options.model_fields) == ["slope", "mode", "inner"]
    assert example.nested == {"inner": "initializer"}
    assert example("here", mode="a") == ("here", 0.5, "a", None), "it can still be called"
    assert str(example) == "activation example"
    assert str(example.owned_by("me")) == "activation me/example"
    assert example.owner == "", "owned_by returns another"


def test_build_gives_the_context_only_to_those_that_take_it():
    @component("activation")
    def plain(*, slope: float = 1.0):
        return slope

    assert plain.build("here", {"slope": 2.0}) == 2.0
    assert example.build("here", {"mode": "b"})[0] == "here"


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "a", "slope": 1.0},
        {"mode": "a", "slope": "0.5"},
        {"mode": "a", "slope": True},
        {"mode": "a", "slope": float("nan")},
        {"mode": "c"},
        {"mode": "a", "slop": 0.1},
        {},
    ],
)
def test_options_are_strict(options):
    with pytest.raises(ValidationError):
        example.options(**options)


def test_another_name():
    @component("activation", name="other")
    def function():
        """Do."""

    assert function.name == "other"


def test_a_factory_without_a_docstring():
    @component("activation")
    def silent():
        return []

    assert (silent.summary, silent.documentation) == ("", "")


def test_annotations_may_be_text():
    namespace = {}
    exec(
        "from __future__ import annotations\n"
        "from dcgan_kit import component, KernelSize\n"
        "@component('activation')\n"
        "def late(site: NotImported, *, size: KernelSize = 3) -> AlsoNotImported: ...\n",
        namespace,
    )
    late = namespace["late"]
    assert late.options(size=5).size == 5
    with pytest.raises(ValidationError):
        late.options(size=0)


REFUSED = {
    "unknown activation's kind": ("component('activaton')(lambda: 0)", r"unknown kind of component 'activaton'\. Did you mean 'activation'\?"),
    "a lambda has no name": ("component('activation')(lambda: 0)", "a name is lower case"),
    "upper case": ("component('activation', name='ReLU')(f)", "a name is lower case"),
    "a slash": ("component('activation', name='a/b')(f)", "a name is lower case"),
    "a dash": ("component('activation', name='a-b')(f)", "a name is lower case"),
    "a digit first": ("component('activation', name='2x')(f)", "a name is lower case"),
    "a letter beyond ASCII": ("component('activation', name='relü')(f)", "a name is lower case"),
    "a Python keyword": ("component('activation', name='lambda')(f)", "no Python or YAML keyword"),
    "a YAML keyword": ("component('activation', name='null')(f)", "no Python or YAML keyword"),
    "two positional": ("def g(a, b): ...\ncomponent('activation')(g)", r"make options keyword-only with '\*': b"),
    "options not keyword-only": ("def g(site, slope=0.1): ...\ncomponent('activation')(g)", "keyword-only with .* slope"),
    "positional where none is given": ("def g(site): ...\ncomponent('optimizer')(g)", "takes no positional argument: site"),
    "star args": ("def g(*args): ...\ncomponent('activation')(g)", r"\*args and \*\*kwargs hide options"),
    "star kwargs": ("def g(**kwargs): ...\ncomponent('activation')(g)", r"\*args and \*\*kwargs hide options"),
    "no annotation": ("def g(*, slope=1): ...\ncomponent('activation')(g)", "option 'slope' has no annotation"),
    "use": ("def g(*, use: int = 1): ...\ncomponent('activation')(g)", "option 'use' is a reserved name"),
    "underscore": ("def g(*, _x: int = 1): ...\ncomponent('activation')(g)", "option '_x' is a reserved name"),
    "model_": ("def g(*, model_x: int = 1): ...\ncomponent('activation')(g)", "option 'model_x' is a reserved name"),
    "a name of pydantic": ("def g(*, copy: int = 1): ...\ncomponent('activation')(g)", "option 'copy' is a reserved name"),
    "latent without size": ("component('latent', name='x')(f)", "every latent must have an option 'size'"),
}  # fmt: skip


@pytest.mark.parametrize("rule", REFUSED)
def test_refused_declarations(rule):
    source, message = REFUSED[rule]
    with pytest.raises(TypeError, match=message):
        exec(source, {"component": component, "f": lambda: 0})


def test_the_message_names_the_component():
    with pytest.raises(TypeError, match=r"^@component\('activation'\) 'g': "):

        @component("activation")
        def g(*, use: int = 1): ...


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def g(*, slope: Annotated[float, Field(ge=0)] = -1.0): ...", "activation g: default of option 'slope': "),
        ("def g(*, slope: float = 'high'): ...", "default of option 'slope': "),
        ("def g(*, size: tuple[int, int] = (1, 'x')): ...", "default of option 'size.1': "),
        ("def g(*, slope: float = float('nan')): ...", "default of option 'slope': "),
        ("def g(*, draw: Initializer = 'normal'): ...", "default of option 'draw' must be None, as it is a component"),
        ("def g(*, must: int, slope: int = 'x'): ...", "default of option 'slope': "),
    ],
)
def test_defaults_are_checked_by_check_options(source, message):
    namespace = {"Annotated": Annotated, "Field": Field, "Initializer": Initializer}
    exec(source, namespace)
    declared = component("activation")(namespace["g"])
    with pytest.raises(TypeError, match=message):
        declared.check_options()


def test_sound_options_pass_check_options():
    example.check_options()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_tells_its_contract(kind):
    assert KINDS[kind].summary.endswith(".")
    assert KINDS[kind].returns


def test_declaring_imports_no_framework():
    code = "import dcgan_kit, sys; sys.exit(any(m in sys.modules for m in ('tensorflow', 'keras', 'numpy')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_components_are_values():
    assert Component("activation", "example", example.factory) == example
    assert len({example, Component("activation", "example", example.factory)}) == 1


def test_only_sources_of_images_are_checked_beforehand():
    def check(**options):
        """Find nothing wrong."""

    with pytest.raises(TypeError, match=r"'check' is for components of kind 'data'.* Received: 'loss'"):
        component("loss", check=check)

    @component("data", check=check)
    def mine(spec):
        """Return images."""

    assert mine.check is check
    assert mine.owned_by("me").check is check


def test_only_a_source_of_images_has_stored_images():
    with pytest.raises(TypeError, match="'stored' is for components of kind 'data'"):
        component("activation", stored=lambda: None)


def test_a_component_may_declare_that_it_trains_without_xla():
    @component("activation", without_xla="it calls Python")
    def mine():
        """Activate."""

    assert mine.owned_by("me").without_xla == "it calls Python"
    with pytest.raises(TypeError, match=r"'without_xla' is for components that the training step computes. .*'data'"):
        component("data", without_xla="it reads files")
