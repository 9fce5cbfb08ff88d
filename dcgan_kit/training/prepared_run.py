"""What a training needs before its first step: devices, images, a compiled session, an open run folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from dcgan_kit.adversarial.compiled_steps import Steps, optimize_in_background
from dcgan_kit.adversarial.error_owner import blaming
from dcgan_kit.adversarial.session import Session
from dcgan_kit.adversarial.step_comparison import compared
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin import LoadedPlugins
from dcgan_kit.data.holdout import SplitImages
from dcgan_kit.data.loading import load_split_images, messages_about
from dcgan_kit.distributed.cluster import Watch, watching
from dcgan_kit.distributed.devices import Devices, choose_devices
from dcgan_kit.errors import counted
from dcgan_kit.process.stop_signals import prompt_signals, raise_received
from dcgan_kit.recipes.resolved import ResolvedRecipe, TrainingPlan
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml
from dcgan_kit.runs.environment import choice_so_far, damage_of, environment
from dcgan_kit.runs.folder_lock import locked
from dcgan_kit.runs.free_space import require_space
from dcgan_kit.runs.manifest import entries_of
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.training_folder import open_run, require_usable
from dcgan_kit.runs.warm_start import WarmStart, warm_start
from dcgan_kit.terminal.progress import Watcher
from dcgan_kit.training.observer import Observer, ObserverFactory

MAX_LISTED = 6
"""Most images that are listed in messages."""


@dataclass(frozen=True)
class PreparedRun:
    """A run that is ready for its next step.

    Attributes:
        session: the training session, at step 0.
        steps: the compiled steps of the session.
        images: the training images.
        run: the run folder, locked by the chief.
        facts: the environment, as the run folder stores it.
        plugins: the loaded plugins, for their callbacks.
        observers: they read the run between groups of steps.
        watcher: receives messages for the user and the progress.
        watch: checks that the other workers are alive; None if there are none.
        may_change: recipe keys that may differ from the recipe that the run began with.
        start: the weights that the networks started with, if another run gave them.
    """

    session: Session
    steps: Steps
    images: Images
    run: RunFolder
    facts: Mapping[str, Any]
    plugins: LoadedPlugins
    observers: Sequence[Observer]
    watcher: Watcher
    watch: Watch | None
    may_change: Sequence[str]
    start: WarmStart | None

    @property
    def recipe(self) -> ResolvedRecipe:
        """The recipe to train."""
        return self.session.recipe

    @property
    def training(self) -> TrainingPlan:
        """The recipe's training plan."""
        return self.session.recipe.training

    @property
    def devices(self) -> Devices:
        """The devices that train it."""
        return self.session.devices

    @cached_property
    def recipe_hash(self) -> str:
        """SHA-256 of the resolved recipe, in hexadecimal."""
        return hashlib.sha256(as_yaml(as_data(self.recipe)).encode()).hexdigest()


def prepare_run(
    held: ExitStack,
    recipe: ResolvedRecipe,
    plugins: LoadedPlugins,
    path: Path,
    watcher: Watcher,
    may_change: Sequence[str],
    make_observers: ObserverFactory,
    check_space: bool = True,
    run_so_far: Path | None = None,
) -> PreparedRun:
    """Prepare a run for ``train``; call it inside ``deferred_signals``.

    Args:
        held: receives the contexts that last until training ends: the watch over other workers, the folder's lock, and
            ``blaming``.
        recipe: the recipe to train.
        plugins: the loaded plugins.
        path: the run folder.
        watcher: receives messages for the user and the progress.
        may_change: recipe keys that may differ from the recipe that the run began with.
        make_observers: returns the observers, which read the run between groups of steps.
        check_space: whether the disk of the folder must have room for all checkpoints.
        run_so_far: the run folder that says how steps are computed; default: ``path``.

    Raises:
        Stopped: the process received a signal to stop.
        UserError: the recipe cannot be built or trained, the data is missing, or the folder cannot be used.
    """
    watcher = _Interruptible(watcher)
    devices = choose_devices(recipe, watcher.note)
    watch = held.enter_context(watching(devices.cluster, watcher.note))
    so_far = choice_so_far(path if run_so_far is None else run_so_far)
    session = Session.create(recipe, so_far, plugins.third_party, devices)
    images = _images(recipe, path, watcher)
    held.enter_context(blaming(session.state.networks, plugins.third_party))
    session = compared(session, images.training, plugins, watcher.preparation, so_far is not None)
    watcher.note(f"on {devices}, {session.choice}")
    steps = session.compile()
    if devices.name == "one_device":
        # Functions of several devices are left alone: all workers call those at the same time.
        optimize_in_background(steps, session.step)
    facts = environment(
        plugins, session.choice, str(devices), images.training, conditional=recipe.condition is not None
    )
    if devices.chief:
        _lock(held, RunFolder(path), recipe, facts, may_change, watcher.note)
    # Probes compare with the networks of step 0, also when a run continues.
    start = _start(session, RunFolder(path), watcher)
    # Observers are made before anything is written. If they raise, the user changes the recipe, and the folder must
    # still be new then.
    observers = make_observers(session, images.training, images.held_out, watcher)
    raise_received()
    if devices.chief and check_space:
        require_space(RunFolder(path), session.state, recipe.training)
    run = _open(path, recipe, facts, may_change, images.all) if devices.chief else RunFolder(path)
    if start is not None and start.fits and devices.chief:
        start.write(run)
    devices.agree(0.0)
    return PreparedRun(
        session, steps, images.training, run, facts, plugins, observers, watcher, watch, may_change, start
    )


def _start(session: Session, run: RunFolder, watcher: Watcher) -> WarmStart | None:
    start = warm_start(session.recipe, session.state, run)
    if start is not None:
        start.assign(session.state)
        for line in start.lines() if session.devices.chief and not entries_of(run) else ():
            watcher.note(line)
    return start


def _images(recipe: ResolvedRecipe, path: Path, watcher: Watcher) -> SplitImages:
    # Reading may take minutes, and third-party code may need as long for one image.
    with prompt_signals():
        images = load_split_images(recipe, partial(watcher.preparation, "reading images"))
    for line in _lines_about(images.all, path):
        watcher.note(line)
    if len(images.training) < recipe.training.batch_size:
        few = counted(len(images.training), "training image")
        watcher.note(f"{few}, and a batch has {recipe.training.batch_size}: each batch repeats some of them")
    return images


def _lines_about(images: Images, path: Path) -> Sequence[str]:
    skipped = images.skipped
    lines = messages_about(images, MAX_LISTED)
    if len(skipped) > MAX_LISTED:
        file = RunFolder(path).skipped_file
        more = f"skipped {len(skipped):,} of {len(images) + len(skipped):,} images, all listed in {file}"
        lines.insert(MAX_LISTED, more)
    return lines


def _lock(
    held: ExitStack,
    run: RunFolder,
    recipe: ResolvedRecipe,
    facts: Mapping[str, Any],
    may_change: Sequence[str],
    note: Callable[[str], None],
) -> None:
    held.enter_context(locked(run))
    require_usable(run, recipe, facts, may_change)
    if damaged := damage_of(run.path):
        note(damaged)


def _open(
    path: Path, recipe: ResolvedRecipe, facts: Mapping[str, Any], may_change: Sequence[str], found: Images
) -> RunFolder:
    run = open_run(path, recipe, facts, may_change)
    run.skipped_file.unlink(missing_ok=True)
    if found.skipped or found.left_out:
        lines = (*found.skipped, *found.left_out)
        run.write(run.skipped_file, "".join(f"{line}\n" for line in lines).encode())
    return run


class _Interruptible:
    """Passes calls on to a watcher, and lets a deferred signal end long tasks before the first step."""

    def __init__(self, watcher: Watcher) -> None:
        self.note = watcher.note
        self.progress = watcher.progress
        self._preparation = watcher.preparation

    def preparation(self, task: str, done: int, total: int) -> None:
        raise_received()
        self._preparation(task, done, total)
