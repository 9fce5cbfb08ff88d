"""The host's side of training: groups of compiled steps, and between them metrics, samples, checkpoints, signals."""

from __future__ import annotations

import hashlib
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.compiled_steps import Steps
from dcgan_kit.adversarial.error_owner import blaming
from dcgan_kit.adversarial.session import Session
from dcgan_kit.adversarial.step_metrics import added, means, nothing
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin_loading import LoadedPlugins
from dcgan_kit.data.holdout import split
from dcgan_kit.data.loading import load_images, told_of
from dcgan_kit.distributed.cluster import Watch, watching
from dcgan_kit.distributed.devices import choose_devices
from dcgan_kit.distributed.stop_signals import collected_signals, deferred_signals, prompt_signals, raise_received
from dcgan_kit.errors import RunError, UserError, counted
from dcgan_kit.recipes.nodes import dotted
from dcgan_kit.recipes.resolved import ResolvedRecipe
from dcgan_kit.recipes.training_resolver import LOSS_METRICS
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml
from dcgan_kit.runs.checkpoint import (
    Judgement,
    best_so_far,
    forget_recovered,
    memory_in,
    not_finite,
    require_nothing_lost,
    restore_checkpoint,
    save_checkpoint,
    settle,
)
from dcgan_kit.runs.environment import damage_of, environment, environment_of, precision_so_far, told_of_changes
from dcgan_kit.runs.observer_memory import as_text, from_text
from dcgan_kit.runs.run_folder import STEPS, RunFolder, adopt, locked, open_run, require_usable, steps_of
from dcgan_kit.training.callbacks import Callbacks
from dcgan_kit.training.nonfinite import bundle_folder, first_crash, write_bundle
from dcgan_kit.training.observer import Observe, Observer, Watcher, nobody
from dcgan_kit.training.run_recorder import Recorder

GROUP_SECONDS = 0.5
"""How long a group of steps runs before signals are looked at and the progress bar moves."""


MOST_RATES = 200
"""Steps, evenly chosen, of which rates are compared before a run goes on to another number of steps."""
MAX_TOLD = 6
"""Names in a message."""


class Diverged(UserError):
    """A number is no longer finite."""


@dataclass(frozen=True)
class Outcome:
    """How training ended.

    Attributes:
        run: the run folder.
        step: steps that are done.
        signal: the signal that stopped it, or None where it reached the end.
        stopped_by: who ended it before its last step, a plugin's callback or a finding; empty if nobody did.
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
    observe: Observe = nobody,
) -> Outcome:
    """Train a recipe in a run folder, from its checkpoint if it holds one.

    Args:
        recipe: what to train.
        plugins: the plugins that were loaded, for their callbacks.
        path: the run folder; several workers must see the same one.
        watcher: who is told.
        may_change: keys in which the recipe may differ from the one that the run began with.
        observe: who looks at the run between groups of steps.

    Raises:
        UserError: the recipe cannot be built or trained, the data are missing, or the folder cannot be used.
    """
    strangers = plugins.strangers
    watcher = _Heeding(watcher)
    with deferred_signals(), ExitStack() as held:
        devices = choose_devices(recipe, watcher.note)
        watch = held.enter_context(watching(devices.cluster, watcher.note))
        # Where the recipe says which, it is that one: the recipe may have changed since.
        so_far = precision_so_far(path) if recipe.training.precision == "auto" else None
        session = Session.create(recipe, so_far, strangers, devices)
        precision = session.precision
        watcher.note(f"on {devices}, {precision.precision} ({precision.reason})")
        # It may take minutes, and one image of a stranger's as long.
        with prompt_signals():
            found = load_images(recipe, partial(watcher.preparing, "reading images"))
        images, held_out = split(found, recipe.training.held_out, recipe.training.seed)
        for line in _told_of_skipped(found, path):
            watcher.note(line)
        if len(images) < recipe.training.batch_size:
            few = counted(len(images), "training image")
            watcher.note(f"{few}, and a batch has {recipe.training.batch_size}: each batch repeats some of them")
        held.enter_context(blaming(session.state.networks, strangers))
        steps = session.compile()
        facts = environment(plugins, precision.precision, str(devices), images)
        run = RunFolder(path)
        if devices.chief:
            held.enter_context(locked(run))
            require_usable(run, recipe, facts, may_change)
            if damaged := damage_of(path):
                watcher.note(damaged)
        # Before anything is written: what they refuse is mended in the recipe, and the folder is to be new then.
        observers = observe(session, images, held_out, watcher)
        raise_received()
        if devices.chief:
            run = open_run(path, recipe, facts, may_change)
            run.skipped_file.unlink(missing_ok=True)
            if found.skipped or found.left_out:
                lines = (*found.skipped, *found.left_out)
                run.write(run.skipped_file, "".join(f"{line}\n" for line in lines).encode())
        devices.agree(0.0)
        loop = _Loop(session, plugins, run, facts, images, steps, watcher, watch, observers)
        return loop.run_to_end(may_change)


def _told_of_skipped(images: Images, path: Path) -> Sequence[str]:
    skipped = images.skipped
    lines = told_of(images, MAX_TOLD)
    if len(skipped) > MAX_TOLD:
        file = RunFolder(path).skipped_file
        more = f"skipped {len(skipped):,} of {len(images) + len(skipped):,} images, all listed in {file}"
        lines.insert(MAX_TOLD, more)
    return lines


class _Heeding:
    """Passes on what is told, and lets a signal that was deferred end what takes long before the first step."""

    def __init__(self, watcher: Watcher) -> None:
        self.note = watcher.note
        self.progress = watcher.progress
        self._preparing = watcher.preparing

    def preparing(self, what: str, done: int, total: int) -> None:
        raise_received()
        self._preparing(what, done, total)


class _Loop:
    def __init__(
        self,
        session: Session,
        plugins: LoadedPlugins,
        run: RunFolder,
        facts: Mapping[str, Any],
        images: Images,
        steps: Steps,
        watcher: Watcher,
        watch: Watch | None,
        observers: Sequence[Observer],
    ) -> None:
        self.session = session
        self.recipe = session.recipe
        self.training = session.recipe.training
        self.state = session.state
        self.chief = session.devices.chief
        self.run = run
        self.facts = facts
        self.images = images
        self.steps = steps
        self.watcher = watcher
        self.watch = watch
        self.observers = observers
        self.best_by_score = self.training.best_metric not in (None, *LOSS_METRICS)
        generator = session.state.networks.generator.model
        self.callbacks = Callbacks.of(plugins, self.recipe, run, generator) if self.chief else Callbacks(())
        self.recorder = Recorder(session, run, observers, watcher.note)
        self.digest = hashlib.sha256(as_yaml(as_data(self.recipe)).encode()).hexdigest()
        self.group = 1
        self.seconds = 0.0
        self.saved = -1
        self.scored: Judgement | None = None
        self.judged: float | None = None
        self.ending = ""
        self.found = ""

    def run_to_end(self, may_change: Sequence[str] = ()) -> Outcome:
        path, told = restore_checkpoint(self.run, self.state)
        if path is None:
            require_nothing_lost(self.run, told)
        for line in told if self.chief else ():
            self.watcher.note(line)
        step = self.state.steps_done
        self.session.devices.require_same(
            step_of_the_run_folder=step,
            recipe=int(self.digest[:16], 16),
            number_of_images=len(self.images),
            devices_of_a_worker=self.session.devices.local_replicas,
        )
        if step > self.training.steps:
            raise RunError(
                f"{self.run.path}: {counted(step, 'step')} done, and training.steps asks for {self.training.steps}; "
                f"ask for {step} or more, or choose another folder with --run"
            )
        if not any(f"{STEPS}.".startswith(f"{may}.") for may in may_change):
            self._require_same_rates(step)
        if self.chief:
            adopt(self.run, self.recipe, self.facts)
        if path is not None:
            self.watcher.note(f"going on from step {step} ({path})")
            changes = told_of_changes(environment_of(self.run.path), self.facts) if self.chief else ""
            if changes:
                self.watcher.note(changes)
            self.saved = step
            if self.chief:
                settle(self.run, path, self.training.keep)
            self._recall(path)
        else:
            self._save(step)
        with collected_signals() as received, self.recorder.opened(step):
            self._begin(step)
            self.callbacks.call("on_train_begin")
            while step < self.training.steps and not self.ending:
                try:
                    step = self._to_next_checkpoint(step, received)
                except _NotFinite as found:
                    step = self._after_crash(found)
                    self.recorder.rewind(step)
                    self._begin(step)
            self.callbacks.call("on_train_end")
            ended = step == self.training.steps or self.ending == "early"
            if ended:
                self.recorder.finish()
                self._tell_best(step)
            # All is written: from here on one worker may leave before another.
            self.session.devices.agree(0.0)
            if self.watch is not None:
                self.watch.end()
        # Where another worker took the signal, this one ends as that one does.
        stopped = None if ended else (received or [signal.SIGTERM])[0]
        return Outcome(self.run, step, stopped, self._stop if self.ending == "early" else "")

    def _begin(self, step: int) -> None:
        """Sample and look before the first step, also where training comes back to it."""
        if step == 0:
            self.recorder.sample(step)
            self._look(step)

    def _memory(self) -> str:
        """What the next step depends on that is no variable: what observers know, and whether one wants to end it."""
        known = {type(observer).__name__: observer.memory() for observer in self.observers}
        return as_text({"observers": known, "stop": self._stop, "recipe": self.digest})

    def _recall(self, path: Path) -> None:
        """Remember what was remembered at a checkpoint.

        What wanted to end training then counts no more where the recipe is another one since: the user wants to go on.
        """
        try:
            memory = from_text(memory_in(path, self.state))
            for observer in self.observers:
                if type(observer).__name__ in memory["observers"]:
                    observer.recall(memory["observers"][type(observer).__name__])
            self.found = str(memory["stop"]) if memory["recipe"] == self.digest else ""
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise RunError(f"{path}: what its run remembered is damaged: {error}") from error

    @property
    def _stop(self) -> str:
        """Who wants to end training; empty if nobody does."""
        by_plugin = self.callbacks.stopped_by
        return self.found or (by_plugin and f"plugin {by_plugin}")

    def _require_same_rates(self, done: int) -> None:
        """Refuse another number of steps where a schedule would have given steps that are done another rate."""
        before, now = steps_of(self.run, self.recipe), self.training.steps
        if before == now or not done:
            return
        steps = np.unique(np.linspace(0, done - 1, MOST_RATES).round()).astype(np.float32)
        for choice in filter(None, (self.training.generator.schedule, self.training.discriminator.schedule)):
            schedule = choice.build()
            for step in map(tf.constant, steps):
                then, other = (float(schedule(step, count)) for count in (before, now))
                if then != other:
                    raise RunError(
                        f"{self.run.path}: holds {counted(done, 'step')} of {before}, and {dotted(choice.path)} "
                        f"follows that number: of {now} steps, step {int(step) + 1} would have had {other:.3g} of the "
                        f"first rate, and had {then:.3g}. Choose another folder with --run, or go on all the same with "
                        f"--may-change {STEPS}"
                    )

    def _to_next_checkpoint(self, step: int, received: list[signal.Signals]) -> int:
        """Train up to the next checkpoint, or to where training is to stop; return the steps that are done."""
        while True:
            step, metrics, images_per_second = self._to_next_log(step, received)
            if metrics:
                self._log(step, metrics, images_per_second)
                self._look(step)
            if step % self.training.sample_every == 0 or step == self.training.steps:
                self.recorder.sample(step)
            last = step == self.training.steps or bool(self.ending)
            if (last or self._is_checkpoint(step)) and self.saved != step:
                self._save(step)
            if last or self.saved == step:
                return step

    def _is_checkpoint(self, step: int) -> bool:
        # What is kept for its score must be what was scored.
        evaluated = self.best_by_score and step % self.training.evaluation.every == 0
        return evaluated or step % self.training.checkpoint_every == 0

    def _to_next_log(self, step: int, received: list[signal.Signals]) -> tuple[int, dict[str, float], float]:
        """Train up to the next step at which something is due.

        Returns:
            That step, the means since the latest line of metrics, and the images a second of the way. There are no
            means where a signal asks to stop before anything is due: a run that goes on logs as one that never stopped.
        """
        training = self.training
        due = min(
            (step // every + 1) * every
            for every in (training.log_every, training.sample_every, training.checkpoint_every)
        )
        due = min(due, training.steps)
        due = next((s for s in range(step + 1, due) if any(o.due(s) for o in self.observers)), due)
        first, totals, started = step, np.asarray(self.state.unlogged), time.perf_counter()
        while step < due:
            # All workers must take the same number of steps, and stop at the same one.
            wishes = float(bool(received)), float(bool(self._stop))
            signalled, early, seconds = self.session.devices.agree(*wishes, self.seconds)
            if signalled > 0 or early > 0:
                self.ending = "signal" if signalled > 0 else "early"
                if signalled > 0:
                    self.watcher.note("asked to stop: saving a checkpoint")
                break
            if seconds > 0:
                self.group = max(1, min(1000, round(GROUP_SECONDS / seconds)))
            count = min(self.group, due - step)
            group_started = time.perf_counter()
            found = self._group(step, count)
            self.seconds = (time.perf_counter() - group_started) / count
            totals = added(totals, found)
            step += count
            self.watcher.progress(step, means(added(nothing(), found)))
        self.state.unlogged.assign(totals)
        if self.ending == "signal" or step == int(np.asarray(self.state.logged)):
            return step, {}, 0.0
        return step, means(totals), (step - first) * training.batch_size / (time.perf_counter() - started)

    def _group(self, step: int, count: int) -> Any:
        """Take some steps; return what each reports, float32 (steps, 2, metrics)."""
        pixels, labels = self.session.batches(self.images, step, count)
        try:
            # TensorFlow keeps each number of Python's that it is ever given, for as long as the process lives.
            found = self.steps(pixels, labels, tf.constant(np.int64(step))).numpy()
        except (tf.errors.ResourceExhaustedError, MemoryError) as error:
            raise RunError(
                f"{self.run.path}: out of memory in step {step + 1}: lower training.batch_size, or raise "
                "training.accumulate, in a new run folder"
            ) from error
        wrong = [name for name, value in means(added(nothing(), found)).items() if not np.isfinite(value)]
        if wrong:
            raise _NotFinite(step, count, wrong)
        return found

    def _after_crash(self, found: _NotFinite) -> int:
        """Find the first step that went wrong, keep what shows why, and go back if the recipe says so."""
        self.watcher.note(f"{found}; looking for the first such step")
        crash = first_crash(self.session, self.images, self.steps, self.run, found.step, found.count)
        again, scale = int(np.asarray(self.state.recoveries)), float(np.asarray(self.state.rate_scale))
        if self.chief:
            write_bundle(self.run, self.recipe, crash)
        self.session.devices.agree(0.0)
        self.found = ""
        message = f"{crash}. Look at it with `dcgan-kit replay {quote(str(bundle_folder(self.run, crash)))}`"
        if again >= self.training.recover_times:
            path, _ = restore_checkpoint(self.run, self.state)
            if self.watch is not None:
                self.watch.end()
            further = f": going back did not help ({again}x)" if again else ", or training.recover.times"
            raise Diverged(
                f"training diverged: {message}. The last checkpoint, {path}, is from before; try a lower learning rate "
                f"in a new run folder{further}"
            )
        if self.chief:
            forget_recovered(self.run, again)
        self.session.devices.agree(0.0)
        path, _ = restore_checkpoint(self.run, self.state)
        if path is not None:
            self._recall(path)
        self.session.devices.agree(0.0)
        self.state.recoveries.assign(again + 1)
        self.state.rate_scale.assign(scale * self.training.recover_rate)
        step = self.state.steps_done
        self._save(step)
        rate = f"{float(np.asarray(self.state.rate_scale)):g} of its first value"
        self.watcher.note(f"{message}. Going back to step {step}, the learning rate at {rate}")
        return step

    def _save(self, step: int) -> None:
        judgement = self._judgement(step)
        values = self.state.values()
        wrong = not_finite(values)
        (bad,) = self.session.devices.agree(float(bool(wrong)))
        if bad > 0:
            # Numbers may overflow in the weights, or in statistics that no loss sees, before they do in a metric.
            raise _NotFinite(self.saved, step - self.saved, wrong or ["variables of another worker"])
        if self.chief:
            save_checkpoint(self.run, self.state, self.training.keep, judgement, values, self._memory())
            self.judged = None if judgement is None else judgement.value
        self.session.devices.agree(0.0)
        self.saved = step

    def _judgement(self, step: int) -> Judgement | None:
        """Judge a checkpoint by its score, or the loss since the last one, and begin anew; None: it is not judged."""
        scored, self.scored = self.scored, None
        total, count = map(float, np.asarray(self.state.judged))
        due = self._is_checkpoint(step) or step == self.training.steps or self.ending == "early"
        # One that a signal asked for comes at any step: the same command goes on, and with the sum.
        if not count or not due:
            return scored
        self.state.judged.assign((0.0, 0.0))
        return self._worth(total / count)

    def _worth(self, value: float, measured: str = "") -> Judgement:
        return Judgement(self.training.best_metric or "", value, self.training.best_mode == "highest", measured)

    def _tell_best(self, step: int) -> None:
        best = best_so_far(self.run) if self.chief else None
        if best is not None:
            apart = self.judged is not None and best.entry.step != step
            last = f"; {self.judged:.3g} at the last step, {step}" if apart else ""
            file = self.run.checkpoints / best.entry.file
            self.watcher.note(f"best {best.metric}: {best.value:.3g} at step {best.entry.step}{last} (kept: {file})")

    def _log(self, step: int, metrics: dict[str, float], images_per_second: float) -> None:
        steps = step - int(np.asarray(self.state.logged))
        if self.training.best_metric in LOSS_METRICS:
            self.state.judged.assign_add((metrics[self.training.best_metric] * steps, steps))
        self.state.logged.assign(np.int64(step))
        self.state.unlogged.assign(nothing())
        self.recorder.metrics(step, metrics, images_per_second)
        self.callbacks.call("on_train_batch_end", step, {**metrics, "images_per_second": images_per_second})

    def _look(self, step: int) -> None:
        for sight in self.recorder.look(step):
            if sight.best is not None:
                self.scored = self._worth(sight.best, sight.measured)
            self.found = self.found or sight.stop


class _NotFinite(Exception):
    def __init__(self, step: int, count: int, wrong: Sequence[str]) -> None:
        more = f" and {len(wrong) - MAX_TOLD} more" if len(wrong) > MAX_TOLD else ""
        told = ", ".join(wrong[:MAX_TOLD]) + more
        super().__init__(f"not finite between steps {step + 1} and {step + count}: {told}")
        self.step, self.count = step, count
