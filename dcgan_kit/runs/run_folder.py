"""The folder of one run: the path of each file, and the rules by which a training may use the folder."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcgan_kit.errors import RunError, counted, did_you_mean
from dcgan_kit.files import TEMPORARY, is_there, write_output, write_whole
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml, flattened
from dcgan_kit.runs.environment import ENVIRONMENT, environment_of

RECIPE = "recipe.yaml"
METRICS = "metrics.jsonl"
SPEED = "speed.jsonl"
FINDINGS = "findings.jsonl"
SKIPPED = "skipped.txt"
GENERATOR = "generator.keras"
RAW_GENERATOR = "generator-raw.keras"
STEPS = "training.steps"
LOCK = "lock"
"""An empty file that a training locks while it runs. It is never removed: that could let two trainings in at once."""


WRITTEN = (RECIPE, ENVIRONMENT, METRICS, SPEED, FINDINGS, SKIPPED, GENERATOR, RAW_GENERATOR)
"""Files that a training writes into its folder; it raises before it begins if one of them is not an ordinary file."""


@dataclass(frozen=True)
class RunFolder:
    """A run on disk.

    Attributes:
        path: the folder.
    """

    path: Path

    @property
    def recipe_file(self) -> Path:
        """The resolved recipe, with all defaults."""
        return self.path / RECIPE

    @property
    def metrics_file(self) -> Path:
        """Metrics: one JSON object per line, one line every ``log_every`` steps."""
        return self.path / METRICS

    @property
    def findings_file(self) -> Path:
        """Findings of probes with their steps, one JSON object per line."""
        return self.path / FINDINGS

    @property
    def speed_file(self) -> Path:
        """Training speed, which differs from run to run: one JSON object per line."""
        return self.path / SPEED

    @property
    def skipped_file(self) -> Path:
        """A line for each image that could not be read, and for each reason why others were left out."""
        return self.path / SKIPPED

    @property
    def generator_file(self) -> Path:
        """The final generator, a Keras model."""
        return self.path / GENERATOR

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def manifest_file(self) -> Path:
        """The list of checkpoints, oldest first, each with its step, size and checksum."""
        return self.checkpoints / "manifest.json"

    @property
    def environment_file(self) -> Path:
        """Versions, plugins and devices at the start of the run; its current precision and number of images."""
        return self.path / ENVIRONMENT

    @property
    def raw_generator_file(self) -> Path:
        """The final generator without averaging, if the recipe keeps an average."""
        return self.path / RAW_GENERATOR

    @property
    def crashes(self) -> Path:
        """The folder of crash bundles: saved steps that made numbers that are not finite."""
        return self.path / "crashes"

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
        """Whether training is complete: it reached its last step, or a callback or a finding ended it."""
        return self.generator_file.exists()

    def write(self, path: Path, content: bytes) -> None:
        """Write a file atomically.

        Raises:
            RunError: the disk is full, the folder cannot be written, or the path is not an ordinary file.
        """
        with writing(path):
            write_whole(path, content)

    def require_ordinary(self, *names: str) -> None:
        """Check that existing files of the run are ordinary files, and its folders are folders; links are not allowed.

        Args:
            names: names of the files to check; folders are always checked.

        Raises:
            RunError: one of them is something else.
        """
        with writing(self.path):
            for folder in (self.checkpoints, self.samples, self.tensorboard, self.crashes):
                self._require(folder, stat.S_ISDIR, "folder")
            for name in names:
                self._require(self.path / name, stat.S_ISREG, "file")

    def _require(self, path: Path, fits: Callable[[int], bool], what: str) -> None:
        try:
            mode = path.lstat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            return
        if not fits(mode):
            met = "a link" if stat.S_ISLNK(mode) else f"no ordinary {what}"
            raise RunError(f"{path}: is {met}. A run has a {what} of its own there: bring it back, or remove {path}")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an ``OSError`` in the body into a message that says what to do.

    Raises:
        RunError: the body raised an ``OSError``.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(
            f"{path}: cannot be written: {reason}. What was written before is intact; free space or rights, and give "
            "the same command again"
        ) from error


def write_asked(path: Path, content: bytes) -> None:
    """Write a file that an option of a command names.

    Raises:
        RunError: it cannot be written, or is not an ordinary file.
    """
    with writing(path):
        write_output(path, content)


def open_run(path: Path, recipe: ResolvedRecipe, facts: Mapping[str, Any], may_change: Sequence[str] = ()) -> RunFolder:
    """Create a run folder, or open an unfinished run of the same recipe.

    If the recipe has allowed changes, they are not written yet; ``adopt`` writes them after all checks have passed.

    Args:
        path: the folder.
        recipe: the recipe to train.
        facts: what ``environment`` returned.
        may_change: recipe keys, or beginnings of keys, that may differ from the recipe that the run began with;
            ``training.steps`` always may.

    Raises:
        RunError: the folder holds something else, a run of another recipe, or a finished run; or cannot be written.
    """
    run = RunFolder(path)
    new = _new(run)
    require_usable(run, recipe, facts, may_change)
    # The recipe, which makes the folder a run, is written first. If the disk is full afterwards, the same command
    # still finds its own run.
    if new:
        run.write(run.recipe_file, as_yaml(as_data(recipe)).encode())
    with writing(path):
        run.samples.mkdir(exist_ok=True)
        run.checkpoints.mkdir(exist_ok=True)
        for left in path.rglob(f".*{TEMPORARY}"):
            if not left.is_dir() or left.is_symlink():
                left.unlink()
    return run


def require_usable(
    run: RunFolder, recipe: ResolvedRecipe, facts: Mapping[str, Any], may_change: Sequence[str] = ()
) -> None:
    """Make the checks of ``open_run`` without writing anything.

    Raises:
        RunError: the folder holds something else, a run of another recipe or on other images, or a finished run.
    """
    run.require_ordinary(*WRITTEN)
    if not _new(run):
        _require_same(run, recipe, may_change)
    before = environment_of(run.path)
    if "data" in may_change or all(before.get(key, facts[key]) == facts[key] for key in ("images", "pixels")):
        return
    images = before.get("images")
    trained = counted(images, "image") if type(images) is int else f"{images} images"
    now = "others" if before.get("images") == facts["images"] else facts["images"]
    raise RunError(
        f"{run.path}: was trained on {trained}, and there are {now} now, so that it would not go "
        "on as before. Bring the images back, or go on all the same with --may-change data"
    )


def require_own(path: Path, recipe: ResolvedRecipe, may_change: Sequence[str] = ()) -> None:
    """Check, without images and without TensorFlow, that a training of this recipe may use a folder.

    Raises:
        RunError: the folder holds something else, a run of another recipe, or a finished run.
    """
    run = RunFolder(path)
    if not _new(run):
        _require_same(run, recipe, may_change)


def adopt(run: RunFolder, recipe: ResolvedRecipe, facts: Mapping[str, Any]) -> None:
    """Store a recipe, its precision and its images in the run folder; if the recipe changed, remove old generators.

    Raises:
        RunError: the folder cannot be read or written.
    """
    # If the process ends before the recipe is written, the run of the old recipe is unfinished, and the same command
    # continues it.
    if _differences(run, recipe):
        with writing(run.path):
            run.generator_file.unlink(missing_ok=True)
            run.raw_generator_file.unlink(missing_ok=True)
        run.write(run.recipe_file, as_yaml(as_data(recipe)).encode())
    before = environment_of(run.path)
    now = {**(before or facts), **{key: facts[key] for key in ("precision", "images", "pixels")}}
    if now != before:
        run.write(run.environment_file, json.dumps(now, indent=2).encode() + b"\n")


def _new(run: RunFolder) -> bool:
    """Return whether the folder holds no run yet: it is empty, or has only files of a process killed at its start.

    Raises:
        RunError: the folder holds something other than a run, or cannot be read.
    """
    require_name(run.path)
    with writing(run.path):
        if is_there(run.recipe_file):
            run.require_ordinary(RECIPE)
            return False
        names = [entry.name for entry in run.path.iterdir()] if run.path.is_dir() else []
        new = not run.path.exists() or run.path.is_dir()
    ours = (f".{RECIPE}.", TEMPORARY)
    if not new or any(name != LOCK and not (name.startswith(ours[0]) and name.endswith(ours[1])) for name in names):
        raise RunError(f"{run.path}: is there and is not a run folder. Choose another with --run, or remove it")
    return True


def require_name(path: Path) -> None:
    """Check that TensorFlow can write to a path.

    Raises:
        RunError: the path is not UTF-8.
    """
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        raise RunError(
            f"{path}: this name is no UTF-8, and TensorFlow writes to no other. Choose one with --run"
        ) from error


@contextlib.contextmanager
def locked(run: RunFolder) -> Iterator[None]:
    """Lock the folder against other trainings until the body or the process ends.

    On a network file system the lock works between hosts only if that file system has locks.

    Raises:
        RunError: another training uses the folder, it is not a run folder, or it cannot be locked.
    """
    # Check first, so that not even a lock file is written into a folder that is not a run.
    _new(run)
    run.require_ordinary(LOCK)
    file = run.path / LOCK
    with writing(file):
        run.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    try:
        try:
            # The system releases this lock when the process ends in any way; the empty file stays.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RunError(
                f"{run.path}: another process is training in this folder. Wait for it, stop it, or choose another "
                "folder with --run"
            ) from error
        except OSError as error:
            raise RunError(
                f"{file}: cannot be locked: {error.strerror or error}. Choose a folder on a file system that has locks "
                "with --run"
            ) from error
        yield
    finally:
        os.close(descriptor)


def read_run(path: Path) -> RunFolder:
    """Return an existing run folder.

    Raises:
        RunError: there is no run at that path; or its recipe is not an ordinary file, or one of its folders not a
            folder.
    """
    run = RunFolder(path)
    if not is_there(run.recipe_file):
        what = "is not a run folder: it has no recipe.yaml" if path.exists() else "there is no such folder"
        usual = Path("runs", path.name)
        known = RunFolder(usual).recipe_file.is_file()
        raise RunError(f"{path}: {what}. {f'Did you mean {usual}?' if known else '`dcgan-kit train RECIPE` makes one'}")
    run.require_ordinary(RECIPE)
    return run


def require_checkpoint(run: RunFolder) -> None:
    """Check, without TensorFlow, that a run has a checkpoint file; the file may still be damaged.

    Raises:
        RunError: there is no checkpoint.
    """
    if next(run.checkpoints.glob("*.npz"), None) is None:
        raise RunError(f"{run.path}: has no checkpoint yet")


def _require_same(run: RunFolder, recipe: ResolvedRecipe, may_change: Sequence[str]) -> None:
    """Check that the recipe differs from the run's only in allowed keys, and that there is something left to train."""
    _require_keys(recipe, may_change)
    differences = _differences(run, recipe)
    # Another number of steps is allowed; ``require_continuable`` checks that it leaves the steps done unchanged.
    allowed = (*may_change, STEPS)
    forbidden = [key for key in differences if not any(f"{key}.".startswith(f"{may}.") for may in allowed)]
    if forbidden:
        lines = [f"  {key}: {differences[key][0]} there, {differences[key][1]} here" for key in forbidden[:20]]
        more = [f"  and {len(forbidden) - 20} more"] if len(forbidden) > 20 else []
        raise RunError(
            f"{run.path}: holds a run of another recipe. Choose another folder with --run, or say which keys may "
            f"change, e.g. --may-change {forbidden[0]}\n" + "\n".join([*lines, *more])
        )
    if run.finished and not differences:
        raise RunError(
            f"{run.path}: holds a finished run of this recipe. {_looking(run.path)}, or choose another folder with "
            "--run"
        )


def _looking(path: Path) -> str:
    return f"Look at it with `{shlex.join(['dcgan-kit', 'sample', str(path)])}`"


def told_of_finished(path: Path, recipe: ResolvedRecipe, may_change: Sequence[str] = ()) -> str:
    """Return a message if a folder holds a finished run of this recipe; empty if something is left to train.

    Raises:
        RunError: ``may_change`` holds a name that is not a recipe key, or the run cannot be read.
    """
    _require_keys(recipe, may_change)
    require_name(path)
    run = RunFolder(path)
    if not run.recipe_file.is_file() or not run.finished:
        return ""
    differences = _differences(run, recipe)
    there, here = differences.get(STEPS, (recipe.training.steps,) * 2)
    if differences.keys() - {STEPS} or type(there) is not int or there < here:
        return ""
    steps = counted(there, "step")
    held = "a finished run of this recipe" if there == here else "a finished run of this recipe with more steps"
    return (
        f"{path}: holds {held}: {steps}. {_looking(path)}, raise training.steps above {there} to go on, or choose "
        "another folder with --run"
    )


def steps_of(run: RunFolder, recipe: ResolvedRecipe) -> int:
    """Return the number of steps in the recipe that the run folder holds."""
    steps = _differences(run, recipe).get(STEPS, (recipe.training.steps,))[0]
    return steps if type(steps) is int else recipe.training.steps


def _require_keys(recipe: ResolvedRecipe, may_change: Sequence[str]) -> None:
    keys = flattened(as_data(recipe))
    for may in may_change:
        if not any(f"{key}.".startswith(f"{may}.") for key in keys):
            near = next((key for key in keys if key.endswith(f".{may}")), None)
            hint = f" Did you mean {near!r}?" if near else did_you_mean(may, keys)
            raise RunError(f"--may-change {may}: a recipe has no such key.{hint if 'Did' in hint else ''}")


def _differences(run: RunFolder, recipe: ResolvedRecipe) -> dict[str, tuple[Any, Any]]:
    """Return the keys that differ, each with the value in the run's recipe and in this one; format does not count."""
    from dcgan_kit.recipes.recipe_file import read_bounded
    from dcgan_kit.recipes.yaml_reader import read_text

    before = read_bounded(run.recipe_file, str(run.recipe_file))
    old = flattened(_lists(read_text(before, RECIPE).data()))
    new = flattened(as_data(recipe))
    keys = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return {key: (old.get(key, "-"), new.get(key, "-")) for key in keys}


def _lists(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _lists(value) for key, value in data.items()}
    return [_lists(item) for item in data] if isinstance(data, tuple) else data
