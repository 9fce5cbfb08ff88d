"""The benchmark of start-up measures what it says."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[1] / "benchmarks" / "startup.py"


@pytest.fixture(scope="module")
def startup():
    """Return the module of the benchmark."""
    spec = importlib.util.spec_from_file_location("startup_benchmark", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_training_is_stopped_after_its_first_step(startup, monkeypatch):
    processes, found = [], startup._has_step
    monkeypatch.setattr(startup, "_has_step", lambda file: found(file) and processes.append(file.read_text()) is None)
    assert startup.seconds_to_first_step("tiny-fashion28") > 0.1
    (metrics,) = processes
    assert '"step": 1,' in metrics
    assert '"step": 20,' not in metrics


def test_the_parts_of_a_training_are_found_in_its_code(startup):
    found = startup.parts_of("tiny-fashion28", 1)
    titles = [title for title, _ in (*startup.BEFORE_TENSORFLOW, *startup.WITH_TENSORFLOW)]
    assert list(found)[:-1] == titles
    assert all(seconds > 0 for (seconds,) in found.values())


def test_a_training_that_fails_shows_its_message(startup):
    with pytest.raises(SystemExit, match="failed\nunknown recipe 'nothing-like-it'"):
        startup.seconds_to_first_step("nothing-like-it")


def test_a_ratio_is_of_two_neighbours(startup, monkeypatch, capsys):
    times = iter([2.0, 9.0, 2.0, 1.0, 6.0, 4.0, 3.0, 3.0])
    monkeypatch.setattr(startup, "seconds_to_end", lambda words: next(times))
    monkeypatch.setattr(sys, "argv", ["startup.py", "--rounds", "3", "--only", "help"])
    startup.main()
    assert capsys.readouterr().out.splitlines()[2:] == [
        "| `dcgan-kit --help` | 3.00 | 1.00 | 0.50 - 1.50 |",
        '| `python -c "import tensorflow"` | 3.00 | 1 | |',
        "",
        "0 of 1 above the goal of 1.5 times the import",
    ]


def test_a_text_that_is_in_no_command_is_refused():
    done = subprocess.run([sys.executable, BENCHMARK, "--only", "nothing"], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.endswith("a text that is in a command\n")
