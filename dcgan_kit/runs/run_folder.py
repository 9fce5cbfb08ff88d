"""The folder of one run: what is written where, always to a temporary name first and then renamed."""

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
"""An empty file that a training locks as long as it runs; it stays, since removing it would let two in at once."""


WRITTEN = (RECIPE, ENVIRONMENT, METRICS, SPEED, FINDINGS, SKIPPED, GENERATOR, RAW_GENERATOR)
"""Files that a training writes into its folder; something else of such a name is refused before it begins."""


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
    def findings_file(self) -> Path:
        """One JSON object a line: what probes found ill, and when."""
        return self.path / FINDINGS

    @property
    def speed_file(self) -> Path:
        """One JSON object a line: what the clock said, which no two runs have alike."""
        return self.path / SPEED

    @property
    def skipped_file(self) -> Path:
        """A line for each image that could not be read, and for each reason why something else was left out, if any."""
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
        """The checkpoints that there are, oldest first, each with its step, size and checksum."""
        return self.checkpoints / "manifest.json"

    @property
    def environment_file(self) -> Path:
        """Versions, plugins and devices that the run was begun with; precision and number of images that it has now."""
        return self.path / ENVIRONMENT

    @property
    def raw_generator_file(self) -> Path:
        """The final generator without averaging, where the recipe keeps an average."""
        return self.path / RAW_GENERATOR

    @property
    def crashes(self) -> Path:
        """The folder of what was kept of steps whose numbers were not finite."""
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
        """Whether training reached its last step."""
        return self.generator_file.exists()

    def write(self, path: Path, content: bytes) -> None:
        """Write a file so that it is there whole or not at all.

        Raises:
            RunError: the disk is full, the folder cannot be written, or the name is that of something else than an
                ordinary file.
        """
        with writing(path):
            write_whole(path, content)

    def require_ordinary(self, *names: str) -> None:
        """See to it that what there is of a run's files and folders are files and folders, and none of them a link.

        Args:
            names: of files that are looked at; folders always are.

        Raises:
            RunError: one is something else.
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


def write_asked(path: Path, content: bytes) -> None:
    """Write a file that a command's option names.

    Raises:
        RunError: it cannot be written, or is no ordinary file.
    """
    with writing(path):
        write_output(path, content)


def open_run(path: Path, recipe: ResolvedRecipe, facts: Mapping[str, Any], may_change: Sequence[str] = ()) -> RunFolder:
    """Create a run folder, or open one that the same recipe left unfinished.

    What differs and may change is not written yet: ``adopt`` does so once nothing can refuse it any more.

    Args:
        path: the folder.
        recipe: the recipe to train.
        facts: what ``environment`` returned.
        may_change: keys, or beginnings of keys, in which the recipe may differ from the one that the run began with;
            in ``training.steps`` it always may.

    Raises:
        RunError: the folder holds something else, another recipe's run, or a finished run; or cannot be written.
    """
    run = RunFolder(path)
    new = _new(run)
    require_usable(run, recipe, facts, may_change)
    # First what makes the folder a run: should the disk be full, the same command finds its own folder again.
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
    """Refuse a folder that ``open_run`` would refuse, without writing anything.

    Raises:
        RunError: it holds something else, another recipe's run, or a finished run.
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
    """Refuse a folder that a training of this recipe would refuse, whatever images there are; needs no TensorFlow.

    Raises:
        RunError: it holds something else, another recipe's run, or a finished run.
    """
    run = RunFolder(path)
    if not _new(run):
        _require_same(run, recipe, may_change)


def adopt(run: RunFolder, recipe: ResolvedRecipe, facts: Mapping[str, Any]) -> None:
    """Make a recipe, its precision and its number of images the run's; generators made by a recipe before go.

    Raises:
        RunError: the folder cannot be read or written.
    """
    # A process that ends in between leaves an unfinished run of the recipe before, and the same command goes on.
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
    """Whether nothing is in the folder, or nothing but what a process leaves that was killed in its first write.

    Raises:
        RunError: it holds something else than a run, or cannot be read.
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
    """Refuse a run folder that TensorFlow could not write to.

    Raises:
        RunError: the path is no UTF-8.
    """
    try:
        os.fspath(path).encode()
    except UnicodeEncodeError as error:
        raise RunError(
            f"{path}: this name is no UTF-8, and TensorFlow writes to no other. Choose one with --run"
        ) from error


@contextlib.contextmanager
def locked(run: RunFolder) -> Iterator[None]:
    """Keep other trainings out of the folder until this one, or its process, ends.

    On a network file system the lock holds between hosts only if that file system has locks.

    Raises:
        RunError: another training is in it, it is no run folder, or it cannot be locked.
    """
    # Nothing of ours, not even a lock, is to come into a folder of something else.
    _new(run)
    run.require_ordinary(LOCK)
    file = run.path / LOCK
    with writing(file):
        run.path.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    try:
        try:
            # The lock is the system's: it goes with the process, however that ends, and the empty file stays.
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
        RunError: there is none at that path; or its recipe is no ordinary file, or one of its folders none.
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
    """Refuse a run of which nothing was saved yet; needs no TensorFlow, and does not say that what is there is whole.

    Raises:
        RunError: there is no checkpoint.
    """
    if next(run.checkpoints.glob("*.npz"), None) is None:
        raise RunError(f"{run.path}: has no checkpoint yet")


def _require_same(run: RunFolder, recipe: ResolvedRecipe, may_change: Sequence[str]) -> None:
    """See to it that the run is unfinished, or was begun with a recipe that differs, and that in what may differ."""
    _require_keys(recipe, may_change)
    differences = _differences(run, recipe)
    # More steps are no other recipe; the loop sees to it that those that are done would have been the same.
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
    """Return what to say of a folder in which nothing is left to train; empty where something is, or it is no run.

    Raises:
        RunError: ``may_change`` names no key of the recipe, or the run cannot be read.
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
    """Return how many steps the run's own recipe asks for; ``recipe``'s where the run is new."""
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
    """What the run's recipe and this one have otherwise, by key; comments and the way of writing do not count."""
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
