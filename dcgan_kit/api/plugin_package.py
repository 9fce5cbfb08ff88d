"""A new plugin package."""

from __future__ import annotations

import importlib.util
import keyword
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dcgan_kit.components.plugin_sources import builtin_sources, installed_sources
from dcgan_kit.errors import UserError, did_you_mean
from dcgan_kit.files import is_there
from dcgan_kit.plugin_templates.package import TEMPLATES, package_files
from dcgan_kit.runs.write_errors import writing_requested

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?", re.IGNORECASE)
"""The name of a distribution: packaging.python.org/specifications/name-normalization."""
MOST_LETTERS = 40
EVERYTHING = TEMPLATES
"""What a package can offer: each kind of component, and callbacks."""


def new_plugin(name: str, kinds: Sequence[str] = ("activation",), folder: str | Path | None = None) -> Path:
    """Write the package of a new plugin: components that work, with their tests, recipes and studies.

    Args:
        name: the name of the distribution, such as ``dcgan-cats``. With underscores in place of hyphens and dots, it is
            the name of the package and of the plugin: ``dcgan_cats``.
        kinds: what it offers: kinds of component, and ``"callbacks"``.
        folder: the folder to write; default: the name, in the working directory.

    Returns:
        The folder.

    Raises:
        UserError: the name is not valid or taken, a kind is unknown, the folder exists, or it cannot be written.
    """
    module = _module(name)
    chosen = _kinds(kinds)
    target = Path(name) if folder is None else Path(folder)
    with writing_requested(target):
        if is_there(target):
            raise UserError(f"{target}: exists already; choose another name, or another folder with --output")
        target.absolute().parent.mkdir(parents=True, exist_ok=True)
        _write(target.absolute(), package_files(name, module, chosen))
    return target


def _write(target: Path, files: dict[str, str]) -> None:
    """Write all files into a new folder, or none."""
    made = Path(tempfile.mkdtemp(prefix=f".{target.name[:40]}.", dir=target.parent))
    try:
        package = made / "package"
        for path, text in files.items():
            (package / path).parent.mkdir(parents=True, exist_ok=True)
            (package / path).write_text(text, encoding="utf-8")
        package.rename(target)
    finally:
        shutil.rmtree(made)


def _module(name: str) -> str:
    """Return the name of the package of a distribution.

    Raises:
        UserError: the name is not valid, or taken.
    """
    if not _NAME.fullmatch(name) or len(name) > MOST_LETTERS:
        raise UserError(
            f"name: must be letters, digits, '-', '_' and '.', begin and end with a letter or digit, and have at most "
            f"{MOST_LETTERS} characters. Received: {name!r:.80}"
        )
    module = re.sub(r"[-.]", "_", name).lower()
    if keyword.iskeyword(module):
        raise UserError(f"name: {module!r} is a keyword of Python; choose another, such as my-{module}")
    if not module.isidentifier():
        raise UserError(f"name: {name!r} makes no name of a Python package; begin with a letter. Received: {module!r}")
    taken = _taken(module)
    if taken:
        raise UserError(f"name: {taken}; choose another, such as my-{module.replace('_', '-')[:30]}")
    return module


def _taken(module: str) -> str:
    """Return who has a name already; empty if nobody."""
    if module in {source.name for source in builtin_sources()}:
        return f"{module!r} is a built-in plugin"
    if module in {source.name for source in installed_sources()}:
        return f"{module!r} is an installed plugin"
    if module in sys.stdlib_module_names:
        return f"{module!r} is a module of Python"
    spec = importlib.util.find_spec(module)
    # A folder without __init__.py in the working directory also has a spec, without an origin.
    return f"{module!r} is an installed module" if spec is not None and spec.origin is not None else ""


def _kinds(kinds: Sequence[str]) -> list[str]:
    """Return the kinds, each once, in the order of ``EVERYTHING``.

    Raises:
        UserError: there is none, or one is unknown.
    """
    if isinstance(kinds, str) or not kinds:
        raise UserError(f"kinds: must be a list of some of {', '.join(EVERYTHING)}. Received: {kinds!r}")
    for kind in kinds:
        if kind not in EVERYTHING:
            raise UserError(f"unknown kind {kind!r}.{did_you_mean(kind, EVERYTHING)}")
    return [kind for kind in EVERYTHING if kind in kinds]
