"""Recovery from numbers that are not finite: save the first such step, then go back or give up."""

from __future__ import annotations

from shlex import quote

import numpy as np

from dcgan_kit.errors import TrainingDiverged, counted
from dcgan_kit.runs.checkpoint import restore_checkpoint
from dcgan_kit.runs.checkpoint_removal import remove_recovery_checkpoint
from dcgan_kit.training.early_end import EarlyEnd
from dcgan_kit.training.nonfinite import NotFinite, bundle_folder, first_crash, write_bundle
from dcgan_kit.training.prepared_run import PreparedRun
from dcgan_kit.training.saver import Saver


class Recovery:
    """Goes back to the latest checkpoint with a lower learning rate, as often as the recipe allows.

    Args:
        prepared: the prepared run.
        saver: saves checkpoints, and restores the observers' memory.
        early_end: its finding is dropped, because it was about steps that are undone.
    """

    def __init__(self, prepared: PreparedRun, saver: Saver, early_end: EarlyEnd) -> None:
        self._prepared, self._saver, self._early_end = prepared, saver, early_end
        self._run, self._state, self._devices = prepared.run, prepared.session.state, prepared.devices

    def recover(self, found: NotFinite) -> int:
        """Find the first step with numbers that are not finite, save its bundle, and go back if the recipe allows it.

        Returns:
            The step from which training continues.

        Raises:
            TrainingDiverged: training has gone back as often as the recipe allows.
        """
        prepared = self._prepared
        prepared.watcher.note(f"{found}; searching for the first such step")
        crash = first_crash(prepared.session, prepared.images, prepared.steps, self._run, found.step, found.count)
        # ``first_crash`` restored the checkpoint, so these are the checkpoint's values.
        recoveries, scale = int(np.asarray(self._state.recoveries)), float(np.asarray(self._state.rate_scale))
        if self._devices.chief:
            write_bundle(self._run, prepared.recipe, crash)
        self._devices.agree(0.0)
        self._early_end.finding = ""
        message = f"{crash}. Look at it with `dcgan-kit replay {quote(str(bundle_folder(self._run, crash)))}`"
        if recoveries >= prepared.training.recover.times:
            raise self._diverged(message, recoveries)
        self._go_back(recoveries)
        return self._lower_rate(message, recoveries + 1, scale * prepared.training.recover.rate)

    def _diverged(self, message: str, recoveries: int) -> TrainingDiverged:
        path, _ = restore_checkpoint(self._run, self._state)
        if self._prepared.watch is not None:
            self._prepared.watch.end()
        further = (
            f"; {counted(recoveries, 'return')} to a checkpoint did not help"
            if recoveries
            else ", or set training.recover.times"
        )
        return TrainingDiverged(
            f"training diverged: {message}. The last checkpoint before it is {path}. Try a lower learning "
            f"rate in a new run folder{further}"
        )

    def _go_back(self, recoveries: int) -> None:
        if self._devices.chief:
            remove_recovery_checkpoint(self._run, recoveries)
        self._devices.agree(0.0)
        path, _ = restore_checkpoint(self._run, self._state)
        if path is not None:
            self._saver.recall(path)
        self._devices.agree(0.0)

    def _lower_rate(self, message: str, recoveries: int, scale: float) -> int:
        self._state.recoveries.assign(recoveries)
        self._state.rate_scale.assign(scale)
        step = self._state.steps_done
        self._saver.save(step)
        rate = f"{float(np.asarray(self._state.rate_scale)):g} of the first learning rate"
        self._prepared.watcher.note(f"{message}. Returning to step {step} with {rate}")
        return step
