"""Lets XLA compile a recipe's step in a process of its own first: on some new GPUs, XLA's compiler ends its process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from dcgan_kit.components.plugin import LoadedPlugins, PluginSettings
from dcgan_kit.components.plugin_sources import plugins_folder
from dcgan_kit.errors import UserError, printable
from dcgan_kit.process.stop_signals import prompt_signals
from dcgan_kit.recipes.resolved import Precision, ResolvedRecipe
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml

PROGRAM = f"from {__name__} import try_as_requested; try_as_requested()"
# -P: Python must not import files of the working directory as modules.
COMMAND = (sys.executable, "-P", "-c", PROGRAM)
Report = Callable[[str, int, int], None]
"""A function of (task, done, total)."""
POLL_SECONDS = 0.2
MOST_OUTPUT = 2**16
"""Most bytes at the end of the process' output that are read."""
PASSED = "XLA compiled a step in "
"""The beginning of the line that the process prints for each precision."""


@dataclass(frozen=True)
class Trial:
    """What a process found that compiled the step with XLA.

    Attributes:
        passed: the precisions in which XLA compiled the step and the step ran.
        reason: why the next one did not pass; empty if all did.
    """

    passed: tuple[Precision, ...]
    reason: str = ""


def tried(
    recipe: ResolvedRecipe,
    plugins: LoadedPlugins,
    kind: str,
    precisions: Sequence[Precision],
    seconds: float,
    report: Report,
    command: Sequence[str] = COMMAND,
) -> Trial:
    """Let a new process compile a recipe's step with XLA in some precisions, one after the other, and take it.

    Args:
        recipe: the recipe.
        plugins: the plugins that were loaded for it; the process loads the same ones.
        kind: ``CPU`` or ``GPU``: where the step must run.
        precisions: the precisions to try.
        seconds: after this time, the process is killed, and XLA has failed.
        report: receives (task, done, total) while the process works.
        command: the program. It reads the request as JSON.

    Raises:
        Stopped: this process received a signal to stop.
    """
    request = {
        "recipe": as_yaml(as_data(recipe)), "kind": kind, "precisions": list(precisions), **_settings_of(plugins)
    }  # fmt: skip
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as output:
        given.write(json.dumps(request).encode())
        given.seek(0)
        status = _status(command, given, output, seconds, lambda: report("trying XLA in another process", 0, 1))
        lines = _last_lines(output)
    passed = tuple(precision for precision in precisions if f"{PASSED}{precision}" in lines)
    if status == 0 and len(passed) == len(precisions):
        return Trial(passed)
    if status is None:
        return Trial(passed, f"a process that tried it did not end within {seconds:.0f} s")
    if status < 0:
        return Trial(passed, f"a process that tried it was ended by {signal.Signals(-status).name}")
    said = next((line for line in reversed(lines) if line.strip() and not line.startswith(PASSED)), "")
    return Trial(passed, f"a process that tried it failed: {printable(said)[:300] or f'exit status {status}'}")


def try_as_requested() -> None:
    """Compile and take steps as the JSON on standard input says; print a line for each precision that passed."""
    request = json.load(sys.stdin)
    folders = tuple(Path(folder) for folder in request["folders"])
    settings = PluginSettings(folders, frozenset(request["blocked"]), request["builtins_only"])
    from dcgan_kit.process.tensorflow_startup import start_tensorflow

    try:
        start_tensorflow()
        for precision in request["precisions"]:
            _take_step(request["recipe"], settings, precision, request["kind"])
            print(f"{PASSED}{precision}", flush=True)
    except UserError as error:
        raise SystemExit(" ".join(str(error).split())) from error


def _take_step(text: str, settings: PluginSettings, precision: Precision, kind: str) -> None:
    import numpy as np
    import tensorflow as tf

    from dcgan_kit.adversarial.session import Session
    from dcgan_kit.components.contracts.training import Images
    from dcgan_kit.recipes.loading import load_recipe

    fixed = (f"training.precision={precision}", "training.xla=on", "distribute.strategy=one_device")
    loaded = load_recipe(text, fixed, settings)
    session = Session.create(loaded.recipe, third_party=loaded.plugins.third_party)
    if session.devices.kind != kind:
        raise UserError(f"it found no {kind}, which this process holds alone")
    shape = (loaded.recipe.training.batch_size, *loaded.recipe.image.shape)
    images = Images(np.random.default_rng(0).integers(0, 256, shape, np.uint8), np.zeros(shape[0], np.int64))
    session.compile()(*session.batches(images, 0, 1), tf.constant(np.int64(0))).numpy()


def _settings_of(plugins: LoadedPlugins) -> dict[str, Any]:
    """Return the settings that load the same plugins."""
    folders = [plugins_folder(Path(one.file)) for one in plugins.plugins if one.origin == "folder"]
    return {
        "folders": list(dict.fromkeys(str(folder.absolute()) for folder in folders)),
        "blocked": [one.name for one in plugins.plugins if one.status == "blocked"],
        "builtins_only": not plugins.third_party,
    }


def _status(
    command: Sequence[str], given: IO[bytes], output: IO[bytes], seconds: float, report: Callable[[], None]
) -> int | None:
    """Run a command; return its exit status, negative after a signal, or None if it took too long and was killed."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_FORCE_GPU_ALLOW_GROWTH": "true", "PYTHONWARNINGS": "ignore"}
    # A new process group: Ctrl-C on a terminal stops this process, which kills the other one.
    process = subprocess.Popen(
        list(command), stdin=given, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **quiet},
        process_group=0,
    )  # fmt: skip
    end = time.monotonic() + seconds
    try:
        with prompt_signals():
            while time.monotonic() < end:
                report()
                try:
                    return process.wait(POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        return None
    finally:
        process.kill()
        process.wait()


def _last_lines(output: IO[bytes]) -> list[str]:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - MOST_OUTPUT))
    return output.read().decode(errors="replace").splitlines()
