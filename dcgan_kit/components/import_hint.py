"""What an author can do about a failed import among the files of a plugins folder."""

from __future__ import annotations

import re
from pathlib import Path

from dcgan_kit.components.plugin_sources import PACKAGE_FILE, Source, plugins_folder


def import_hint(error: BaseException, source: Source) -> str:
    """Return the end of a sentence that says what to do, with a semicolon before it; empty if that is not known.

    Args:
        error: the error that importing the plugin raised.
        source: the plugin.
    """
    if not source.file or not isinstance(error, ImportError):
        return ""
    folder = plugins_folder(Path(source.file))
    if not isinstance(error, ModuleNotFoundError) and error.name == source.module:
        return "; the two files import each other: move what both need into a third file"
    missing = _missing(error, source.package)
    if missing:
        return f"; there is no {missing}.py and no {missing}/{PACKAGE_FILE} in {folder}"
    if isinstance(error, ModuleNotFoundError) and error.name and _lies_in(folder, error.name):
        return f"; it lies beside the plugin: write `from . import {error.name}`"
    return ""


def _missing(error: ImportError, package: str) -> str:
    """Return the file without suffix that a relative import did not find; empty if it was no such import."""
    if isinstance(error, ModuleNotFoundError):
        name = error.name or ""
        return name.removeprefix(f"{package}.").replace(".", "/") if name.startswith(f"{package}.") else ""
    # `from . import x`: the error names the package, and no attribute has the name before Python 3.12.
    found = re.match(rf"cannot import name '(\w+)' from '{re.escape(package)}' \(unknown location\)", str(error))
    return found[1] if found else ""


def _lies_in(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name / PACKAGE_FILE).is_file()
