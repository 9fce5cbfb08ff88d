"""The files that a plugin of a plugins folder consists of: its own, and those that it imports from beside it.

The files are found in the text of the imports, so the answer does not depend on what has been imported so far.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

from dcgan_kit.components.plugin_sources import PACKAGE_FILE, plugins_folder

_LARGEST = 2**24
"""Bytes. A larger file is no text that somebody wrote."""


def code_hash(file: Path) -> str:
    """Return the SHA-256 of a plugin's code as hexadecimal digits: of its file, or of all its files if it has several.

    Raises:
        OSError: the plugin's own file cannot be read.
    """
    folder, files = plugins_folder(file), code_files(file)
    if files == [file]:
        return hashlib.sha256(file.read_bytes()).hexdigest()
    hashes = [f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def code_files(file: Path) -> list[Path]:
    """Return the files of a plugin, sorted: its own, and those that relative imports name, also inside functions.

    An import that only exists when the code runs, such as ``importlib.import_module(name)``, is not found.

    Raises:
        OSError: a file cannot be read.
    """
    folder, waiting = plugins_folder(file), [file]
    found: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting.extend(_imported(path, folder))
    return sorted(found)


def _imported(path: Path, folder: Path) -> Iterator[Path]:
    """Yield the files below the folder that a file imports by relative imports."""
    if path.stat().st_size > _LARGEST:
        return
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        # Whoever imports it gets the error.
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            # One dot is the folder of the file, and each further dot the one above.
            start = path.parents[node.level - 1] if node.level <= len(path.parents) else folder.parent
            parts = node.module.split(".") if node.module else []
            base = start.joinpath(*parts)
            if base == folder or folder in base.parents:
                yield from _modules(start, parts)
                for name in node.names:
                    yield from _modules(base, [name.name])


def _modules(start: Path, parts: list[str]) -> Iterator[Path]:
    """Yield the files that importing ``start.part.part`` executes."""
    for part in parts:
        start = start / part
        for file in (start / PACKAGE_FILE, start.with_suffix(".py")):
            if file.is_file():
                yield file
                break
