"""Starts TensorFlow and Keras without their messages, and with the Keras settings that recipes rely on."""

from __future__ import annotations

import gc
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
"""Variables with flags. TensorFlow ends the process at an unknown flag, and the user must see its last message."""

_CONFIG = os.path.join("keras", "src", "backend", "config.py")
"""The Keras module that reads the user's settings."""

_MARK = "_dcgan_kit_quiet"


def quieten() -> None:
    """Suppress the messages of the first import of TensorFlow or Keras, no matter which code imports them.

    A plugin may import them while it is loaded, even in a command that needs neither.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    # TensorFlow turns oneDNN off on processors without AVX-512 VNNI, but convolutions are faster with it there too.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    if not any(isinstance(finder, _Quiet) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Quiet())


def start_tensorflow() -> None:
    """Import TensorFlow and Keras without their messages, and set the Keras settings that recipes rely on.

    If an import fails, its messages are part of the error. A second call only sets the settings.

    Raises:
        UserError: TensorFlow or Keras cannot be imported, or Keras uses another backend.
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
    with _captured() as written, _without_garbage_collection():
        try:
            with deferred_signals():
                import keras  # noqa: F401 - its settings are read now
                import tensorflow as tf

                # This makes TensorFlow search for devices now, while its messages are captured. No operation may run
                # yet, because the devices are not chosen.
                tf.config.list_physical_devices()
        except Exception as error:
            if any(frame.filename.endswith(_CONFIG) for frame in traceback.extract_tb(error.__traceback__)):
                home = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser()
                raise UserError(
                    f"{home / 'keras.json'}: Keras cannot use it: {error}; correct the file or remove it"
                ) from error
            # A broken installation may raise anything, from ImportError to protobuf errors.
            raise UserError(
                f"TensorFlow or Keras cannot be started: {type(error).__name__}: {error}\n{_text(written)}".strip()
            ) from error


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    """Let Python not look for cycles of garbage during the body, and never among the objects that exist after it.

    TensorFlow and Keras make half a million objects that stay for good. To look through them again and again took a
    sixth of the import, and 0.2 s more in the start of a training.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        if enabled:
            gc.enable()


class _Quiet(MetaPathFinder):
    """Finds the two modules with the other finders, and captures standard error while the modules are executed."""

    NAMES = ("tensorflow", "keras")

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.NAMES:
            return None
        others = (finder for finder in sys.meta_path if finder is not self)
        found = (finder.find_spec(fullname, path, target) for finder in others)
        spec = next((spec for spec in found if spec is not None), None)
        # A finder that calls all others, such as wrapt's, may return a loader that is already quiet.
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
                output = _text(written)
                if output:
                    note(output)
                raise

    return executed


@contextmanager
def _captured() -> Iterator[IO[bytes]]:
    """Capture standard error during the body, and yield the file that holds it.

    C++ code writes directly to the file descriptor, not to ``sys.stderr``, and partly before its log level applies.
    """
    sys.stderr.flush()
    if any(name in os.environ for name in _FATAL):
        with open(os.devnull, "rb") as nothing:
            yield nothing
        return
    saved = os.dup(2)
    with _scratch() as scratch, warnings.catch_warnings():
        # These warnings come from third-party modules; a user who turns warnings into errors does not mean them.
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
        # There is no folder for temporary files, or no space in it.
        return open(os.devnull, "r+b")


def _text(written: IO[bytes]) -> str:
    written.seek(0)
    return written.read().decode(errors="replace").strip()
