"""ONNX Runtime Web, as npm installs it: the program that computes a generator inside a page.

It belongs to other people and is no part of this package. A page that embeds it carries its licence.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from dcgan_kit.errors import UserError
from dcgan_kit.reports.run_files import Unusable, read_document

PACKAGE = "onnxruntime-web"
OLDEST = (1, 24)
"""The oldest that starts from the bytes in a page; a version 2 may have another interface."""
INSTALL = f"npm install '{PACKAGE}@^{OLDEST[0]}.{OLDEST[1]}'"
MODULE, BINARY = "ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"
LARGEST = 40 * 2**20
"""Most bytes of one of its files: three times those of version 1.30."""


@dataclass(frozen=True)
class BrowserRuntime:
    """The parts of ONNX Runtime Web that a page needs.

    Attributes:
        version: its version.
        module: its module of JavaScript.
        binary: its WebAssembly.
    """

    version: str
    module: bytes
    binary: bytes

    @property
    def sums(self) -> tuple[tuple[str, str], ...]:
        """The files with their SHA-256, to compare with those of the package."""
        return tuple((name, sha256(one).hexdigest()) for name, one in ((MODULE, self.module), (BINARY, self.binary)))


def read_runtime(folder: Path) -> BrowserRuntime:
    """Read the runtime.

    Args:
        folder: the folder of the package, or the one in which ``npm install`` was run.

    Raises:
        UserError: it is not there, or it is another version.
    """
    package = next(
        (one for one in (folder / "node_modules" / PACKAGE, folder) if (one / "package.json").is_file()), None
    )
    if package is None:
        raise UserError(f"{folder}: holds no {PACKAGE}; `{INSTALL}` puts it into the folder node_modules where it runs")
    version = _version(package / "package.json")
    module, binary = (_file(package / "dist" / name) for name in (MODULE, BINARY))
    return BrowserRuntime(version, module, binary)


def _version(file: Path) -> str:
    try:
        facts = json.loads(read_document(file, LARGEST) or b"")
        name, version = facts["name"], facts["version"]
        major, minor = (int(part) for part in version.split(".")[:2])
    except (Unusable, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{file}: is not the package.json of {PACKAGE}: {error}; `{INSTALL}` installs it") from error
    if name != PACKAGE:
        raise UserError(f"{file}: this is the package {str(name)[:80]!r}, not {PACKAGE}; `{INSTALL}` installs it")
    if not OLDEST <= (major, minor) < (OLDEST[0] + 1, 0):
        raise UserError(
            f"{file}: {PACKAGE} {version[:40]} is not from {OLDEST[0]}.{OLDEST[1]} up to 1.x; try `{INSTALL}`"
        )
    return str(version)


def _file(file: Path) -> bytes:
    try:
        content = read_document(file, LARGEST)
    except Unusable as error:
        raise UserError(f"{file}: {error}; `{INSTALL}` installs it anew") from error
    if content is None:
        raise UserError(f"{file}: is not there; `{INSTALL}` installs it anew")
    return content
