"""Saves and restores the checkpoints of a training, including the run's memory besides variables."""

from __future__ import annotations

from pathlib import Path

from dcgan_kit.errors import RunError
from dcgan_kit.runs.checkpoint import memory_in, require_nothing_lost, restore_checkpoint, save_checkpoint
from dcgan_kit.runs.checkpoint_removal import remove_replaced
from dcgan_kit.runs.observer_memory import as_text, from_text
from dcgan_kit.runs.variable_archive import not_finite
from dcgan_kit.training.checkpoint_judge import CheckpointJudge
from dcgan_kit.training.early_end import EarlyEnd
from dcgan_kit.training.nonfinite import NotFinite
from dcgan_kit.training.prepared_run import PreparedRun


class Saver:
    """Saves and restores checkpoints; the chief writes, and every worker waits for it.

    Args:
        prepared: the prepared run.
        judge: judges checkpoints.
        early_end: knows what requests the end of training; a checkpoint stores this.

    Attributes:
        saved: the step of the newest checkpoint; -1 if there is none.
    """

    def __init__(self, prepared: PreparedRun, judge: CheckpointJudge, early_end: EarlyEnd) -> None:
        self._prepared, self._judge, self._early_end = prepared, judge, early_end
        self._run, self._state, self._devices = prepared.run, prepared.session.state, prepared.devices
        self.saved = -1

    def restore(self) -> Path | None:
        """Load the variables of the newest undamaged checkpoint; return its path.

        Returns:
            The path, or None if there is none; a damaged checkpoint of step 0 counts as none.

        Raises:
            RunError: there were checkpoints of later steps, and none can be read.
        """
        path, lines = restore_checkpoint(self._run, self._state)
        if path is None:
            require_nothing_lost(self._run, lines)
        for line in lines if self._devices.chief else ():
            self._prepared.watcher.note(line)
        return path

    def go_on_from(self, path: Path, step: int) -> None:
        """Continue the run from the checkpoint that was restored.

        Args:
            path: the checkpoint.
            step: the step of the checkpoint.
        """
        self.saved = step
        if self._devices.chief:
            remove_replaced(self._run, path, self._prepared.training.keep)
        self.recall(path)

    def recall(self, path: Path) -> None:
        """Restore the observers' memory from a checkpoint.

        A request to end training is restored only for the same recipe. A changed recipe means that the user wants to
        continue.

        Raises:
            RunError: the memory is damaged.
        """
        try:
            memory = from_text(memory_in(path, self._state))
            for observer in self._prepared.observers:
                if type(observer).__name__ in memory["observers"]:
                    observer.recall(memory["observers"][type(observer).__name__])
            same = memory["recipe"] == self._prepared.recipe_hash
            self._judge.patience.recall(memory.get("patience"), same)
            self._early_end.finding = str(memory["stop"]) if same else ""
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise RunError(f"{path}: the saved memory of the run is damaged: {error}") from error

    def save(self, step: int) -> None:
        """Write a checkpoint.

        Raises:
            NotFinite: a variable is not finite, on this worker or another; nothing is written.
            RunError: the disk is full, or the folder cannot be written.
        """
        judgement = self._judge.judge(step, self._early_end.agreed == "request")
        values = self._state.values()
        wrong = not_finite(values)
        (bad,) = self._devices.agree(float(bool(wrong)))
        if bad > 0:
            # Weights, or statistics that no loss depends on, may overflow before any metric does.
            raise NotFinite(self.saved, step - self.saved, wrong or ["variables of another worker"])
        if self._devices.chief:
            save_checkpoint(self._run, self._state, self._prepared.training.keep, judgement, values, self._memory())
            self._judge.keep(judgement)
        self._devices.agree(0.0)
        self.saved = step

    def _memory(self) -> str:
        """Return what the next step depends on besides variables: observers' memory and a request to end training."""
        known = {type(observer).__name__: observer.memory() for observer in self._prepared.observers}
        stop, recipe = self._early_end.requested_by, self._prepared.recipe_hash
        patience = self._judge.patience.memory()
        waited = {} if patience is None else {"patience": patience}
        return as_text({"observers": known, "stop": stop, "recipe": recipe, **waited})
