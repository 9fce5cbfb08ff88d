"""Where an exported model goes: complete or not at all, and never in the place of somebody else's files."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dcgan_kit.errors import UserError
from dcgan_kit.exports.formats import ModelFormat
from dcgan_kit.files import TEMPORARY, is_there, read_regular
from dcgan_kit.runs.write_errors import write_requested_file, writing

MARK = "<!-- written by dcgan-kit export -->"
"""A line of each model card. A model with such a card beside it may be replaced."""
_MOST_CARD = 2**20
_MOST_NAME = 100


def file_name(name: str) -> str:
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
            UserError: the path ends in something else than the format's suffix, or holds other files.
        """
        if not form.folder and model.suffix != form.suffix:
            raise UserError(f"{model}: {form.title} ends in {form.suffix}")
        found = Destination(model, model / "README.md" if form.folder else model.with_name(f"{model.name}.md"))
        with writing(model):
            found._require_free(form.folder)
        return found

    def _require_free(self, folder: bool) -> None:
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
        with writing(self.model):
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
            RunError: it cannot be written.
        """
        if made.is_file():
            write_requested_file(self.model, made.read_bytes())
            write_requested_file(self.card, card.encode())
            return
        with writing(self.model):
            made.joinpath(self.card.name).write_bytes(card.encode())
            old = made.with_name("old")
            if self.model.exists():
                self.model.rename(old)
            try:
                made.rename(self.model)
            except OSError:
                if old.exists():
                    old.rename(self.model)
                raise
