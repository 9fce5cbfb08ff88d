"""The folder of one run: what is written where, always to a temporary name first and then renamed."""

from __future__ import annotations

import contextlib
import json
import os
import platform
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from dcgan_kit import __version__
from dcgan_kit.components.plugins import LoadedPlugins
from dcgan_kit.errors import RunError
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.recipes.writing import as_data, as_yaml, flattened

RECIPE = "recipe.yaml"
ENVIRONMENT = "environment.json"
METRICS = "metrics.jsonl"
GENERATOR = "generator.keras"


@dataclass(frozen=True)
class RunFolder:
    """A run on disk.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def recipe_file(self) -> Path:
        """The resolved recipe, every default written out."""
        return self.path / RECIPE

    @property
    def metrics_file(self) -> Path:
        """One JSON object a line, one line every ``log_every`` steps."""
        return self.path / METRICS

    @property
    def generator_file(self) -> Path:
        """The final generator, a Keras model."""
        return self.path / GENERATOR

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        """The folder of sample grids."""
        return self.path / "samples"

    @property
    def tensorboard(self) -> Path:
        """The folder of TensorBoard's event files."""
        return self.path / "tensorboard"

    @property
    def finished(self) -> bool:
        """Whether training reached its last step."""
        return self.generator_file.exists()

    def write(self, path: Path, content: bytes) -> None:
        """Write a file so that it is there whole or not at all.

        Raises:
            RunError: the disk is full, or the folder cannot be written.
        """
        with writing(path), _temporary(path) as (descriptor, temporary):
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an operating system's refusal to write into a message that says what to do.

    Raises:
        RunError: instead of any OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(
            f"{path}: cannot be written: {reason}. What was written before is intact; free space or rights, and give "
            "the same command again"
        ) from error


@contextlib.contextmanager
def _temporary(path: Path) -> Iterator[tuple[int, Path]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        os.chmod(name, 0o666 & ~_umask())
        yield descriptor, Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def open_run(path: Path, recipe: ResolvedRecipe, plugins: LoadedPlugins) -> RunFolder:
    """Create a run folder, or open one that the same recipe left unfinished.

    Raises:
        RunError: the folder holds something else, another recipe's run, or a finished run; or cannot be written.
    """
    run = RunFolder(path)
    text = as_yaml(as_data(recipe))
    with writing(path):
        new = not path.exists() or (path.is_dir() and not any(path.iterdir()))
    if not new:
        _check_same(run, recipe, text)
    # First what makes the folder a run: should the disk be full, the same command finds its own folder again.
    if new:
        run.write(run.recipe_file, text.encode())
    with writing(path):
        run.samples.mkdir(exist_ok=True)
        run.checkpoints.mkdir(exist_ok=True)
    if not (path / ENVIRONMENT).exists():
        run.write(path / ENVIRONMENT, json.dumps(environment(plugins), indent=2).encode() + b"\n")
    return run


def read_run(path: Path) -> RunFolder:
    """Return an existing run folder.

    Raises:
        RunError: there is none at that path.
    """
    run = RunFolder(path)
    if not run.recipe_file.is_file():
        what = "is not a run folder: it has no recipe.yaml" if path.exists() else "there is no such folder"
        raise RunError(f"{path}: {what}. `dcgan-kit train RECIPE` makes one")
    return run


def environment(plugins: LoadedPlugins) -> dict[str, Any]:
    """Return the versions and plugins that a run was made with."""
    packages = ("tensorflow", "keras", "numpy", "pluggy", "pyyaml", "pydantic", "pillow")
    return {
        "dcgan_kit": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "packages": {name: version("tensorflow-cpu") if _only_cpu(name) else version(name) for name in packages},
        "plugins": [
            {"name": p.name, "origin": p.origin, "distribution": p.distribution, "status": p.status, "error": p.error}
            for p in plugins.plugins
        ],
    }


def _only_cpu(name: str) -> bool:
    if name != "tensorflow":
        return False
    try:
        version(name)
    except ModuleNotFoundError:
        return True
    return False


def _check_same(run: RunFolder, recipe: ResolvedRecipe, text: str) -> None:
    if not run.recipe_file.is_file():
        raise RunError(f"{run.path}: is there and is not a run folder. Choose another with --run, or remove it")
    try:
        before = run.recipe_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{run.recipe_file}: cannot be read: {error}") from error
    if before != text:
        raise RunError(
            f"{run.path}: holds a run of another recipe. Choose another folder with --run.\n"
            f"{_difference(before, recipe)}"
        )
    if run.finished:
        raise RunError(
            f"{run.path}: holds a finished run of this recipe. Look at it with `dcgan-kit sample {run.path}`, "
            "or choose another folder with --run"
        )


def _difference(before: str, recipe: ResolvedRecipe) -> str:
    from dcgan_kit.recipes.reading import read_text

    old = flattened(_lists(read_text(before, RECIPE).data()))
    new = flattened(as_data(recipe))
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return "\n".join(f"  {key}: {old.get(key, '-')} there, {new.get(key, '-')} here" for key in keys[:20])


def _lists(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _lists(value) for key, value in data.items()}
    return [_lists(item) for item in data] if isinstance(data, tuple) else data
