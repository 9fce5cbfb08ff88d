"""Where an exported model goes: complete or not at all, and never in the place of somebody else's files."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dcgan_kit.errors import UserError
from dcgan_kit.exports.formats import ModelFormat
from dcgan_kit.files import TEMPORARY, is_there, read_regular, replacing
from dcgan_kit.runs.write_errors import write_requested_file, writing_requested

MARK = "<!-- written by dcgan-kit export -->"
"""A line of each model card. A model with such a card beside it may be replaced."""
_MOST_CARD = 2**20
_MOST_NAME = 100
_MOST_NAMED = 3
_WRITTEN = {
    ".": r"README\.md|saved_model\.pb|fingerprint\.pb|variables|assets",
    "variables": r"variables\.(index|data-\d{5}-of-\d{5})",
    "assets": "(?!)",
}
"""What an export writes into the folder of a SavedModel: for each folder in it, the names. ``assets`` stays empty."""


def safe_file_name(name: str) -> str:
    """Return a name of a recipe, which may come from somebody else's file, as the name of a file without an ending."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-")[:_MOST_NAME] or "generator"


@dataclass(frozen=True)
class Destination:
    """The path of an exported model, and of its card.

    Attributes:
        model: the file, or the folder of a SavedModel.
        card: the model card: ``README.md`` in a folder, or the file's name with ``.md`` after it.
    """

    model: Path
    card: Path

    @staticmethod
    def of(form: ModelFormat, model: Path) -> Destination:
        """Return the destination at a path.

        Raises:
            UserError: the path ends in something else than the format's suffix, or holds other files, or its name is
                no text.
        """
        try:
            model.name.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"{model.name!r}: is no name in UTF-8, so the model card cannot name it. Choose another --output"
            ) from error
        if not form.folder and model.suffix != form.suffix:
            raise UserError(f"{model}: {form.title} ends in {form.suffix}")
        found = Destination(model, model / "README.md" if form.folder else model.with_name(f"{model.name}.md"))
        found.require_free(form.folder)
        return found

    def require_free(self, folder: bool) -> None:
        """Raise UserError where files lie that no export wrote, in a SavedModel's folder or in the model's place."""
        with writing_requested(self.model):
            self._require_ours(folder)
            others = _others(self.model) if folder else []
        if others:
            more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
            raise UserError(
                f"{self.model}: holds {', '.join(others[:_MOST_NAMED])}{more}, which no export writes, so the folder "
                "is not replaced. Choose another --output, or move them away"
            )

    def _require_ours(self, folder: bool) -> None:
        for path in (self.model, self.card):
            if is_there(path) and not self._is_ours(path, folder):
                raise UserError(
                    f"{path}: exists, and is not an export with a model card of dcgan-kit, so it is not replaced. "
                    "Choose another --output, or remove it"
                )

    def _is_ours(self, path: Path, folder: bool) -> bool:
        if folder and path == self.model:
            if path.is_symlink() or not path.is_dir():
                return False
            if not any(path.iterdir()):
                return True
        with suppress(OSError):
            return MARK in read_regular(self.card, _MOST_CARD).decode(errors="replace")
        return False

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Yield a folder beside the model, which is removed at the end, with folders made for it if the body fails."""
        parents = [folder for folder in (self.model.parent, *self.model.parent.parents) if not folder.exists()]
        with writing_requested(self.model):
            self.model.parent.mkdir(parents=True, exist_ok=True)
            folder = Path(tempfile.mkdtemp(prefix=f".{self.model.name[:40]}.", suffix=TEMPORARY, dir=self.model.parent))
        done = False
        try:
            yield folder
            done = True
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            for made in () if done else parents:
                with suppress(OSError):
                    made.rmdir()

    def place(self, made: Path, card: str) -> None:
        """Move a model that was made in the workspace to its place, with its card.

        Raises:
            UserError: other files came there in the meantime.
            RunError: it cannot be written.
        """
        self.require_free(made.is_dir())
        # Names and descriptions of somebody else may hold characters that UTF-8 does not have.
        content = card.encode(errors="replace")
        (self._place_folder if made.is_dir() else self._place_file)(made, content)

    def _place_file(self, made: Path, card: bytes) -> None:
        with writing_requested(self.model), replacing(Path(os.path.realpath(self.model))) as stream:
            stream.write(made.read_bytes())
            stream.flush()
            # The model gets its name last. Without a card, no later export would replace it.
            write_requested_file(self.card, card)

    def _place_folder(self, made: Path, card: bytes) -> None:
        with writing_requested(self.model):
            made.joinpath(self.card.name).write_bytes(card)
            old = Path(tempfile.mkdtemp(dir=made.parent), "old")
            if self.model.exists():
                self.model.rename(old)
            try:
                made.rename(self.model)
            except BaseException:
                # Also if somebody interrupts the command just now: the workspace is removed with what lies in it.
                if old.exists() and not self.model.exists():
                    old.rename(self.model)
                raise


def _others(folder: Path) -> list[str]:
    """Return what lies in the folder of a SavedModel and is not written by an export, as sorted paths in the folder."""
    found: list[str] = []
    for below, names in _WRITTEN.items():
        entries = (folder / below).iterdir() if (folder / below).is_dir() else ()
        found += (
            str(entry.relative_to(folder))
            for entry in entries
            if not re.fullmatch(names, entry.name) or (entry.is_dir() and entry.name not in _WRITTEN)
        )
    return sorted(found)
