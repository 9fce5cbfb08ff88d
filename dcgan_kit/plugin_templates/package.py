"""The files of a new plugin package, made from templates.

The templates of components, tests, recipes and studies are ordinary files, in which a package is called ``my_plugin``
and ``my-plugin``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

from dcgan_kit.components.kinds import KINDS
from dcgan_kit.version import __version__

CALLBACKS = "callbacks"
TEMPLATES = (*KINDS, CALLBACKS)
"""What a package can be made of: each kind of component, and callbacks."""
_MODULE, _NAME = "my_plugin", "my-plugin"
_COMPONENT = re.compile(r"^@component\(.*\)\ndef (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class Part:
    """One part of a package: a component with its recipe, or callbacks.

    Attributes:
        kind: one of ``TEMPLATES``.
        component: name of its component; empty for callbacks.
        what: what it is, in a few words.
        recipe: the name of its recipe.
    """

    kind: str
    component: str
    what: str
    recipe: str


def package_files(name: str, module: str, kinds: Sequence[str]) -> dict[str, str]:
    """Return the files of a package: path in its folder → text.

    Args:
        name: name of the distribution.
        module: name of its package, which is also the plugin's name.
        kinds: some of ``TEMPLATES``, each once.
    """
    root = resources.files(__package__).joinpath("files")
    parts = [_part(root, kind, module) for kind in kinds]
    studies = {part.kind: f"{part.recipe}-or-built-in" for part in parts if _there(root, "studies", part.kind)}
    files = dict(_shared(root, parts, list(studies.values())))
    for part in parts:
        files.update(_files_of(root, part, studies.get(part.kind)))
    return {_renamed(path, name, module): _renamed(text, name, module) for path, text in sorted(files.items())}


def _part(root: Traversable, kind: str, module: str) -> Part:
    text = root.joinpath("components", f"{kind}.py").read_text(encoding="utf-8")
    found = _COMPONENT.search(text)
    what = f"the {kind} `{found[1]}`" if found else "callbacks of a run"
    return Part(kind, found[1] if found else "", what, f"{module}-{kind}".replace("_", "-"))


def _shared(root: Traversable, parts: Sequence[Part], studies: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the files that every package has."""
    from jinja2 import Environment, StrictUndefined

    # The texts are Python, TOML and Markdown, and the values are names that were checked.
    environment = Environment(keep_trailing_newline=True, undefined=StrictUndefined, autoescape=False)
    values = {
        "version": __version__,
        "parts": parts,
        "studies": studies,
        "components": [part for part in parts if part.component],
        "callbacks": any(part.kind == CALLBACKS for part in parts),
    }
    paths = {
        "pyproject.toml": "pyproject.toml",
        "README.md": "README.md",
        "__init__.py.jinja": f"src/{_MODULE}/__init__.py",
    }
    for template, path in paths.items():
        text = root.joinpath("package", template).read_text(encoding="utf-8")
        yield path, environment.from_string(text).render(values)
    yield "tests/test_recipes.py", root.joinpath("tests", "test_recipes.py").read_text(encoding="utf-8")


def _files_of(root: Traversable, part: Part, study: str | None) -> Mapping[str, str]:
    """Return the files of one part: path → text."""
    package, kind = f"src/{_MODULE}", part.kind
    sources = {
        f"{package}/{kind}.py": ("components", f"{kind}.py"),
        f"{package}/{kind}_layers.py": ("components", f"{kind}_layers.py"),
        f"{package}/recipes/{part.recipe}.yaml": ("recipes", f"{kind}.yaml"),
        f"{package}/studies/{study}.yaml": ("studies", f"{kind}.yaml"),
        f"tests/test_{kind}.py": ("tests", f"test_{kind}.py"),
    }
    found = {path: root.joinpath(*source) for path, source in sources.items()}
    return {path: file.read_text(encoding="utf-8") for path, file in found.items() if file.is_file()}


def _there(root: Traversable, folder: str, kind: str) -> bool:
    return root.joinpath(folder, f"{kind}.yaml").is_file()


def _renamed(text: str, name: str, module: str) -> str:
    return text.replace(_MODULE, module).replace(_NAME, name)
