"""Read a recipe's file: its text and its nodes. If the file is no recipe, the error says what to do."""

from __future__ import annotations

import shlex
from pathlib import Path

from dcgan_kit.errors import UserError
from dcgan_kit.files import open_regular
from dcgan_kit.recipes.nodes import Node
from dcgan_kit.recipes.run_folders import RECIPE, is_run_folder_at
from dcgan_kit.recipes.yaml_reader import read_text

MAX_BYTES = 1_000_000


def read_file(path: Path, shown: str | None = None) -> Node:
    """Read a recipe file.

    Args:
        path: the file.
        shown: name of the file in messages; default: the given path.

    Raises:
        RecipeError: the text is not valid YAML for a recipe; the error has every problem with its place.
        UserError: the file is missing, unreadable, a folder, too large, or no text.
    """
    name = shown or str(path)
    return read_text(read_bounded(path, name), name)


def _about_folder(path: Path) -> str:
    """Return the message about a folder that was given as a recipe."""
    if is_run_folder_at(path):
        command = shlex.join(["dcgan-kit", "train", str(path / RECIPE), "--run", str(path)])
        return f"is a run folder, not a recipe; to go on with it: `{command}`"
    return "is a folder, not a recipe file"


def read_bounded(path: Path, name: str) -> str:
    """Return the text of a file that should be a recipe. It raises the UserErrors of ``read_file``."""
    try:
        if path.is_dir():
            raise UserError(f"{name}: {_about_folder(path)}")
        with open_regular(path) as stream:
            raw = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UserError(f"{name}: there is no such file") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{name}: cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(raw) > MAX_BYTES:
        raise UserError(f"{name}: is larger than {MAX_BYTES} bytes, which no recipe is")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: is not UTF-8 text (byte {error.start} is 0x{raw[error.start]:02x})") from error
