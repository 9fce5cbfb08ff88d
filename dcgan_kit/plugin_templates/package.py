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
    templates = _Templates(resources.files(__package__).joinpath("files"), name, module)
    parts = [_part(templates, kind) for kind in kinds]
    compared = [part for part in parts if templates.there("studies", f"{part.kind}.yaml")]
    studies = {part.kind: f"{part.recipe}-or-built-in" for part in compared}
    files = dict(_shared(templates, parts, list(studies.values())))
    for part in parts:
        files.update(_files_of(templates, part, studies.get(part.kind)))
    return dict(sorted(files.items()))


@dataclass(frozen=True)
class _Templates:
    """The templates' texts, with the names of a new package in place of theirs.

    Attributes:
        root: their folder.
        name: name of the distribution.
        module: name of its package.
    """

    root: Traversable
    name: str
    module: str

    def read(self, *path: str) -> str:
        """Return the text of a template."""
        return self._renamed(self.root.joinpath(*path).read_text(encoding="utf-8"))

    def _renamed(self, text: str) -> str:
        # A text is renamed once, before names are put into it: the new name may contain that of the templates.
        return text.replace(_MODULE, self.module).replace(_NAME, self.name)

    def there(self, *path: str) -> bool:
        """Return whether there is such a template."""
        return self.root.joinpath(*path).is_file()


def _part(templates: _Templates, kind: str) -> Part:
    text = templates.read("components", f"{kind}.py")
    found = _COMPONENT.search(text)
    what = f"the {kind} `{found[1]}`" if found else "callbacks of a run"
    return Part(kind, found[1] if found else "", what, f"{templates.module}-{kind}".replace("_", "-"))


def _shared(templates: _Templates, parts: Sequence[Part], studies: Sequence[str]) -> Iterator[tuple[str, str]]:
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
        "__init__.py.jinja": f"src/{templates.module}/__init__.py",
    }
    for template, path in paths.items():
        yield path, environment.from_string(templates.read("package", template)).render(values)
    yield "tests/test_recipes.py", templates.read("tests", "test_recipes.py")


def _files_of(templates: _Templates, part: Part, study: str | None) -> Mapping[str, str]:
    """Return the files of one part: path → text."""
    package, kind = f"src/{templates.module}", part.kind
    sources = {
        f"{package}/{kind}.py": ("components", f"{kind}.py"),
        f"{package}/{kind}_layers.py": ("components", f"{kind}_layers.py"),
        f"{package}/recipes/{part.recipe}.yaml": ("recipes", f"{kind}.yaml"),
        f"{package}/studies/{study}.yaml": ("studies", f"{kind}.yaml"),
        f"tests/test_{kind}.py": ("tests", f"test_{kind}.py"),
    }
    return {path: templates.read(*source) for path, source in sources.items() if templates.there(*source)}
