"""TensorFlow and Keras, started without the lines that they print, and without what this machine says of Keras."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from dcgan_kit.errors import UserError
from dcgan_kit.process.stop_signals import deferred_signals
from dcgan_kit.terminal.console import note

_FATAL = ("TF_XLA_FLAGS", "XLA_FLAGS")
"""Flags at which TensorFlow ends the process where it knows them not; its last line must reach people then."""

_CONFIG = os.path.join("keras", "src", "backend", "config.py")
"""The module of Keras that reads the user's settings."""

_MARK = "_dcgan_kit_quiet"


def quieten() -> None:
    """Make the first import of TensorFlow or Keras in this process a quiet one, whoever does it.

    A plugin may import them when it is loaded, in a command that needs neither.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # TensorFlow leaves it off where a processor lacks AVX-512 VNNI; convolutions are quicker with it there too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if not any(isinstance(finder, _Quiet) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Quiet())


def start_tensorflow() -> None:
    """Import TensorFlow and Keras quietly, and set what recipes rely on; what they wrote is shown if they fail.

    A second call only sets what recipes rely on.

    Raises:
        UserError: they are not installed, or Keras runs on another backend.
    """
    quieten()
    if os.environ["KERAS_BACKEND"] != "tensorflow":
        raise UserError(f"KERAS_BACKEND is {os.environ['KERAS_BACKEND']!r}; dcgan-kit needs 'tensorflow'")
    if "tensorflow" not in sys.modules or "keras" not in sys.modules:
        _import_quietly()
    import keras

    if keras.backend.backend() != "tensorflow":
        raise UserError(f"Keras runs on {keras.backend.backend()!r}; set KERAS_BACKEND=tensorflow")
    from dcgan_kit.process.keras_defaults import set_keras_defaults

    set_keras_defaults()


def _import_quietly() -> None:
    if sys.stderr.isatty():
        note("starting TensorFlow…")
    with _captured() as written:
        try:
            with deferred_signals():
                import keras  # noqa: F401 - its settings are read now
                import tensorflow as tf

                # TensorFlow looks at the machine, and says so. Operations must wait: devices are still to be chosen.
                tf.config.list_physical_devices()
        except Exception as error:
            if any(frame.filename.endswith(_CONFIG) for frame in traceback.extract_tb(error.__traceback__)):
                home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
                raise UserError(
                    f"{home / 'keras.json'}: Keras cannot use it: {error}; mend the file, or remove it"
                ) from error
            # A broken installation raises anything from ImportError to errors of protobuf.
            raise UserError(
                f"TensorFlow or Keras cannot be started: {type(error).__name__}: {error}\n{_text(written)}".strip()
            ) from error


class _Quiet(MetaPathFinder):
    """Finds the two modules as the other finders do, and lets them say nothing while they are executed."""

    NAMES = ("tensorflow", "keras")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.NAMES:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        # A finder that asks all the others, as wrapt's does, hands back what is quiet already.
        if spec is not None and spec.loader is not None and not hasattr(spec.loader, _MARK):
            spec.loader.exec_module = _quietly(spec.loader.exec_module)  # type: ignore[method-assign]
            setattr(spec.loader, _MARK, True)
        return spec


def _quietly(execute: Any) -> Any:
    def executed(module: ModuleType) -> None:
        with _captured() as written:
            try:
                execute(module)
            except BaseException:
                told = _text(written)
                if told:
                    note(told)
                raise

    return executed


@contextmanager
def _captured() -> Iterator[IO[bytes]]:
    """Yield what is written on standard error meanwhile.

    The C++ side writes to the file descriptor, past sys.stderr and before its own log level counts.
    """
    sys.stderr.flush()
    if any(name in os.environ for name in _FATAL):
        with open(os.devnull, "rb") as nothing:
            yield nothing
        return
    saved = os.dup(2)
    with _scratch() as scratch, warnings.catch_warnings():
        # Of modules that are not ours: whoever made warnings errors did not mean these.
        warnings.simplefilter("ignore")
        os.dup2(scratch.fileno(), 2)
        try:
            yield scratch
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)


def _scratch() -> IO[bytes]:
    try:
        return tempfile.TemporaryFile()
    except OSError:
        # There is no folder for such files, or no space in it.
        return open(os.devnull, "r+b")


def _text(written: IO[bytes]) -> str:
    written.seek(0)
    return written.read().decode(errors="replace").strip()
