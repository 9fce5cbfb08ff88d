"""Errors that the machine caused: its memory, a device, or the libraries of a device."""

from __future__ import annotations

import sys


def machine_fault(error: Exception) -> str:
    """Return a message about an error that the machine caused; empty for any other error.

    Only TensorFlow reports such errors, so the result is empty if TensorFlow was not started.
    """
    if "tensorflow" not in sys.modules:
        return ""
    from dcgan_kit.networks.error_message import fault_of_the_machine

    return fault_of_the_machine(error)
