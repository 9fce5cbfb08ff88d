"""Ends training before its last step, after a signal, a callback, a finding or a score; all workers agree on it."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Literal

from dcgan_kit.distributed.devices import Devices
from dcgan_kit.training.callbacks import Callbacks


class EarlyEnd:
    """Requests to end training, and what the workers have agreed on.

    Args:
        devices: the workers.
        callbacks: the plugins' callbacks, which may request the end.
        note: receives a message for the user.

    Attributes:
        signals: signals that this process received.
        finding: the finding that requests the end, or the score that does not improve; empty if there is none.
        agreed: ``signal`` or ``request`` (a callback, a finding or a score) if all workers end training here;
            empty if they continue.
    """

    def __init__(self, devices: Devices, callbacks: Callbacks, note: Callable[[str], None]) -> None:
        self._devices, self._callbacks, self._note = devices, callbacks, note
        self.signals: list[signal.Signals] = []
        self.finding = ""
        self.agreed: Literal["", "signal", "request"] = ""

    @property
    def requested_by(self) -> str:
        """The finding, the score or the plugin that requests the end of training; empty if there is none."""
        plugin = self._callbacks.stopped_by
        return self.finding or (plugin and f"plugin {plugin}")

    def agree(self, seconds: float) -> float:
        """Let all workers agree on whether training ends here.

        Args:
            seconds: time of a step on this worker; 0 before the first step.

        Returns:
            The mean of all workers' seconds.
        """
        signals, requests, seconds = self._devices.agree(
            float(bool(self.signals)), float(bool(self.requested_by)), seconds
        )
        if signals > 0:
            self.agreed = "signal"
            self._note("received a signal to stop: saving a checkpoint")
        elif requests > 0:
            self.agreed = "request"
        return seconds
