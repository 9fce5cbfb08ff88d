"""The training loop on the host: groups of compiled steps; between them metrics, observers, samples, checkpoints."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dcgan_kit.adversarial.step_metrics import nothing
from dcgan_kit.components.plugin import LoadedPlugins
from dcgan_kit.process.stop_signals import collected_signals, deferred_signals
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.runs.environment import changes_message, environment_of
from dcgan_kit.runs.run_end import RunEnd, write_end
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.training_folder import adopt
from dcgan_kit.terminal.progress import Watcher
from dcgan_kit.training.callbacks import Callbacks
from dcgan_kit.training.checkpoint_judge import CheckpointJudge
from dcgan_kit.training.continuation import require_continuable
from dcgan_kit.training.early_end import EarlyEnd
from dcgan_kit.training.intervals import Intervals
from dcgan_kit.training.nonfinite import NotFinite
from dcgan_kit.training.observer import ObserverFactory, no_observers
from dcgan_kit.training.prepared_run import PreparedRun, prepare_run
from dcgan_kit.training.recovery import Recovery
from dcgan_kit.training.run_recorder import Recorder
from dcgan_kit.training.saver import Saver
from dcgan_kit.training.step_groups import StepGroups

__all__ = ["Outcome", "train"]


@dataclass(frozen=True)
class Outcome:
    """How training ended.

    Attributes:
        run: the run folder.
        step: number of steps done so far.
        signal: the signal that stopped training, or None if there was none.
        stopped_by: the plugin or finding that ended training before its last step; empty if there was none.
    """

    run: RunFolder
    step: int
    signal: signal.Signals | None
    stopped_by: str = ""


def train(
    recipe: ResolvedRecipe,
    plugins: LoadedPlugins,
    path: Path,
    watcher: Watcher,
    may_change: Sequence[str] = (),
    make_observers: ObserverFactory = no_observers,
) -> Outcome:
    """Train a recipe in a run folder; continue from the newest checkpoint if there is one.

    Args:
        recipe: the recipe to train.
        plugins: the loaded plugins, for their callbacks.
        path: the run folder; all workers must see the same folder.
        watcher: receives messages for the user and the progress.
        may_change: recipe keys that may differ from the recipe that the run began with.
        make_observers: returns the observers, which read the run between groups of steps.

    Raises:
        UserError: the recipe cannot be built or trained, the data is missing, or the folder cannot be used.
    """
    with deferred_signals(), ExitStack() as held:
        prepared = prepare_run(held, recipe, plugins, path, watcher, may_change, make_observers)
        return TrainingLoop(prepared).run()


class TrainingLoop:
    """Trains a prepared run until its last step, or until something stops it."""

    def __init__(self, prepared: PreparedRun) -> None:
        self._prepared, self._devices, self._training = prepared, prepared.devices, prepared.training
        self._state, self._note = prepared.session.state, prepared.watcher.note
        self._callbacks = _callbacks(prepared)
        names = prepared.images.class_names
        self._recorder = Recorder(prepared.session, prepared.run, prepared.observers, self._note, names)
        self._intervals = Intervals(self._training, prepared.observers)
        self._early_end = EarlyEnd(self._devices, self._callbacks, self._note)
        self._groups = StepGroups(prepared, self._early_end)
        self._judge = CheckpointJudge(self._training, self._state.judged, self._intervals)
        self._saver = Saver(prepared, self._judge, self._early_end)
        self._recovery = Recovery(prepared, self._saver, self._early_end)

    def run(self) -> Outcome:
        """Train: restore, begin, run groups of steps with what is due between them, end.

        Raises:
            TrainingDiverged: numbers are not finite, and the recipe allows no further recovery.
            RunError: the run cannot continue, or its folder cannot be written.
            UserError: the workers do not train the same thing.
        """
        step = self._restore()
        with collected_signals() as self._early_end.signals, self._recorder.opened(step):
            self._begin(step)
            self._callbacks.call("on_train_begin")
            while not (self._intervals.last(step) or self._early_end.agreed):
                try:
                    step = self._to_next_checkpoint(step)
                except NotFinite as found:
                    step = self._recovery.recover(found)
                    self._recorder.rewind(step)
                    self._begin(step)
            self._end(step)
            # Callbacks find every file of the run, and an error in one cannot prevent that they are written.
            self._callbacks.call("on_train_end")
        return self._outcome(step)

    def _restore(self) -> int:
        """Continue from the run folder's checkpoint, or save step 0; return the number of steps done."""
        run, path = self._prepared.run, self._saver.restore()
        step = self._state.steps_done
        self._require_same_workers(step)
        require_continuable(run, self._prepared.recipe, step, self._prepared.may_change)
        if self._devices.chief:
            adopt(run, self._prepared.recipe, self._prepared.facts)
        if path is None:
            self._saver.save(step)
            return step
        self._note(f"continuing from step {step} ({path})")
        changes = changes_message(environment_of(run.path), self._prepared.facts) if self._devices.chief else ""
        if changes:
            self._note(changes)
        self._saver.go_on_from(path, step)
        return step

    def _require_same_workers(self, step: int) -> None:
        self._devices.require_same(
            step_of_the_run_folder=step,
            recipe=int(self._prepared.recipe_hash[:16], 16),
            weights_to_start_from=int(start.origin.sha256[:16], 16) if (start := self._prepared.start) else 0,
            number_of_images=len(self._prepared.images),
            devices_of_a_worker=self._devices.local_replicas,
            bits_of_the_precision=32 if self._prepared.session.choice.precision == "float32" else 16,
        )

    def _begin(self, step: int) -> None:
        """Write samples and call observers before the first step, also when a recovery goes back to it."""
        if step == 0:
            self._recorder.sample(step)
            self._observe(step)

    def _to_next_checkpoint(self, step: int) -> int:
        """Train until the next checkpoint or the end of training; return the number of steps done."""
        while True:
            stretch = self._groups.take(step, self._intervals.next_after(step))
            step = stretch.step
            if stretch.metrics:
                self._log(step, stretch.metrics, stretch.images_per_second)
                self._observe(step)
            if self._intervals.samples(step):
                self._recorder.sample(step)
            last = self._intervals.last(step) or bool(self._early_end.agreed)
            if (last or self._intervals.checkpoint(step)) and self._saver.saved != step:
                self._saver.save(step)
            if last or self._saver.saved == step:
                return step

    def _log(self, step: int, metrics: Mapping[str, float], images_per_second: float) -> None:
        self._judge.add_losses(metrics, step - int(np.asarray(self._state.logged)))
        self._state.logged.assign(np.int64(step))
        self._state.unlogged.assign(nothing())
        self._recorder.metrics(step, metrics, images_per_second)
        self._callbacks.call("on_train_batch_end", step, {**metrics, "images_per_second": images_per_second})

    def _observe(self, step: int) -> None:
        for observation in self._recorder.observe(step):
            self._judge.add_score(step, observation)
            self._early_end.finding = self._early_end.finding or observation.stop or self._judge.patience.exhausted

    def _end(self, step: int) -> None:
        """Write the generators if training reached its end, and let workers leave."""
        if self._ended(step):
            early = self._devices.chief and not self._intervals.last(step)
            if early and self._early_end.requested_by:
                write_end(self._prepared.run, RunEnd(step, self._early_end.requested_by))
            self._recorder.finish()
            line = self._judge.best_line(self._prepared.run, step) if self._devices.chief else ""
            if line:
                self._note(line)
        # All files are written, so from here on the workers need not end at the same time.
        self._devices.agree(0.0)
        if self._prepared.watch is not None:
            self._prepared.watch.end()

    def _ended(self, step: int) -> bool:
        """Return whether training is complete; training that a signal stopped is not."""
        return self._intervals.last(step) or self._early_end.agreed == "request"

    def _outcome(self, step: int) -> Outcome:
        # If only another worker received the signal, this one ends as after SIGTERM.
        stopped = None if self._ended(step) else (self._early_end.signals or [signal.SIGTERM])[0]
        by = self._early_end.requested_by if self._early_end.agreed == "request" else ""
        return Outcome(self._prepared.run, step, stopped, by)


def _callbacks(prepared: PreparedRun) -> Callbacks:
    """Return the plugins' callbacks; only the chief calls them."""
    if not prepared.devices.chief:
        return Callbacks(())
    generator = prepared.session.state.networks.generator.model
    return Callbacks.of(prepared.plugins, prepared.recipe, prepared.run, generator)
