"""Whether training ends before its last step, on which all workers agree: a signal, a callback or a finding asks."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Literal

from dcgan_kit.distributed.devices import Devices
from dcgan_kit.training.callbacks import Callbacks


class EarlyEnd:
    """Who wants to end training, and what the workers have agreed on.

    Args:
        devices: the workers.
        callbacks: those of plugins, which may want to end it.
        note: takes a line for people.

    Attributes:
        signals: those that this process got.
        finding: the finding that wants to end it; empty: none does.
        agreed: ``signal`` or ``wish`` where all workers end training here; empty: they go on.
    """

    def __init__(self, devices: Devices, callbacks: Callbacks, note: Callable[[str], None]) -> None:
        self._devices, self._callbacks, self._note = devices, callbacks, note
        self.signals: list[signal.Signals] = []
        self.finding = ""
        self.agreed: Literal["", "signal", "wish"] = ""

    @property
    def wanted_by(self) -> str:
        """Who wants to end training, a plugin's callback or a finding; empty if nobody does."""
        plugin = self._callbacks.stopped_by
        return self.finding or (plugin and f"plugin {plugin}")

    def agree(self, seconds: float) -> float:
        """Let all workers agree on whether training ends here.

        Args:
            seconds: what a step took on this worker; 0: none has been taken.

        Returns:
            The mean of all workers' seconds.
        """
        signals, wishes, seconds = self._devices.agree(float(bool(self.signals)), float(bool(self.wanted_by)), seconds)
        if signals > 0:
            self.agreed = "signal"
            self._note("asked to stop: saving a checkpoint")
        elif wishes > 0:
            self.agreed = "wish"
        return seconds
