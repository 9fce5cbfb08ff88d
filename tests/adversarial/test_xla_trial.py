"""XLA is tried in a process of its own, which may fail, hang or die."""

from __future__ import annotations

import sys
import time

import pytest

from dcgan_kit.adversarial import xla_trial
from dcgan_kit.adversarial.xla_trial import PASSED, Trial, tried
from dcgan_kit.components.plugin import LoadedPlugins, Plugin, PluginSettings
from dcgan_kit.errors import UserError
from dcgan_kit.process.stop_signals import Stopped, raised_signals
from dcgan_kit.recipes.yaml_writer import as_data, as_yaml

BOTH = ("float32", "mixed_bfloat16")


@pytest.fixture(scope="module")
def attempt(tiny):
    """Return a function (program, seconds=20, precisions=BOTH) -> (Trial, reported tasks)."""

    def attempt(program, seconds=20.0, precisions=BOTH):
        loaded, tasks = tiny(), []
        command = (sys.executable, "-c", program)
        trial = tried(
            loaded.recipe, loaded.plugins, "GPU", precisions, seconds, lambda *task: tasks.append(task), command
        )
        return trial, tasks

    return attempt


def says(precision):
    return f"print({PASSED + precision!r}, flush=True)"


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("; ".join(map(says, BOTH)), Trial(BOTH)),
        ("import os, signal; os.kill(os.getpid(), signal.SIGABRT)", Trial((), "a process that tried it was ended by SIGABRT")),
        (
            f"import os, signal; {says('float32')}; os.kill(os.getpid(), signal.SIGSEGV)",
            Trial(("float32",), "a process that tried it was ended by SIGSEGV"),
        ),
        ("import sys; sys.exit('no \\x1b[1m kernel')", Trial((), "a process that tried it failed: no \\x1b[1m kernel")),
        ("raise SystemExit(3)", Trial((), "a process that tried it failed: exit status 3")),
        (says("float32"), Trial(("float32",), "a process that tried it failed: exit status 0")),
        (says("mixed_float16"), Trial((), "a process that tried it failed: exit status 0")),
    ],
    ids=["passes", "dies at once", "dies later", "fails", "fails silently", "ends early", "another precision"],
)  # fmt: skip
def test_what_the_process_does_decides(program, expected, attempt):
    trial, tasks = attempt(program)
    assert trial == expected
    assert tasks[0] == ("trying XLA in another process", 0, 1)


def test_a_process_that_hangs_is_killed(attempt, tmp_path):
    started = time.monotonic()
    mark = tmp_path / "alive"
    program = f"import time, pathlib; {says('float32')}; time.sleep(6); pathlib.Path({str(mark)!r}).touch()"
    trial, tasks = attempt(program, seconds=1.0)
    assert trial == Trial(("float32",), "a process that tried it did not end within 1 s")
    taken = time.monotonic() - started
    assert taken < 6
    assert len(tasks) > 2
    time.sleep(7 - taken)
    assert not mark.exists()


def test_a_signal_to_stop_does_not_wait_for_it(tiny):
    import signal

    loaded = tiny()
    command = (sys.executable, "-c", "import time; time.sleep(60)")

    def stop(*_):
        signal.raise_signal(signal.SIGTERM)

    started = time.monotonic()
    with raised_signals(), pytest.raises(Stopped):
        tried(loaded.recipe, loaded.plugins, "GPU", BOTH, 60.0, stop, command)
    assert time.monotonic() - started < 30


@pytest.mark.slow
def test_the_real_process_compiles_and_takes_a_step(tiny):
    loaded = tiny("training.precision=auto", "training.xla=auto")
    trial = tried(loaded.recipe, loaded.plugins, "CPU", ("float32",), 300.0, lambda *_: None)
    assert trial == Trial(("float32",))


def test_it_must_compute_on_the_device_of_the_training(tiny):
    """A GPU that admits one process has no room for another one, and what a processor does says nothing about it."""
    with pytest.raises(UserError, match="it found no GPU"):
        xla_trial._take_step(as_yaml(as_data(tiny().recipe)), PluginSettings(builtins_only=True), "float32", "GPU")


def test_the_process_loads_the_same_plugins(tmp_path):
    file = tmp_path / "mine.py"
    plugins = [
        Plugin("loss", "built-in"),
        Plugin("mine", "folder", file=str(file)),
        Plugin("package", "folder", file=str(tmp_path / "package" / "__init__.py")),
        Plugin("theirs", "installed", status="blocked"),
    ]
    assert xla_trial._settings_of(LoadedPlugins(tuple(plugins))) == {
        "folders": [str(tmp_path)], "blocked": ["theirs"], "builtins_only": False
    }  # fmt: skip
    assert xla_trial._settings_of(LoadedPlugins(tuple(plugins[:1])))["builtins_only"]
