"""TensorFlow without the lines that it prints on standard error while it starts."""

from __future__ import annotations

import os
import sys
import tempfile

from dcgan_kit.cli.console import note
from dcgan_kit.errors import UserError
from dcgan_kit.training.signals import deferred_signals


def start_tensorflow() -> None:
    """Import TensorFlow and Keras quietly; what they wrote is shown if they fail.

    Raises:
        UserError: they are not installed, or Keras runs on another backend.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if os.environ["KERAS_BACKEND"] != "tensorflow":
        raise UserError(f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']!r}; dcgan-kit needs 'tensorflow'")
    if sys.stderr.isatty():
        note("starting TensorFlow…")
    sys.stderr.flush()
    # The C++ side writes to the file descriptor, past sys.stderr and before its own log level counts.
    saved = os.dup(2)
    with tempfile.TemporaryFile() as scratch:
        os.dup2(scratch.fileno(), 2)
        try:
            with deferred_signals():
                import keras
                import tensorflow as tf

                # TensorFlow looks at the machine, and says so. Operations must wait: devices are still to be chosen.
                tf.config.list_physical_devices()
        except Exception as error:
            # A broken installation raises anything from ImportError to errors of protobuf.
            scratch.seek(0)
            written = scratch.read().decode(errors="replace").strip()
            raise UserError(f"TensorFlow or Keras cannot be started: {error}\n{written}".strip()) from error
        finally:
            os.dup2(saved, 2)
            os.close(saved)
    if keras.backend.backend() != "tensorflow":
        raise UserError(f"Keras runs on {keras.backend.backend()!r}; set KERAS_BACKEND=tensorflow")
