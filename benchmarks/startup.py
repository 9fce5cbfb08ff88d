"""How long commands take to start, against ``python -c "import tensorflow"`` in the same environment.

    python benchmarks/startup.py                       # about five minutes on two idle cores
    python benchmarks/startup.py --parts               # and what the time of each training goes to

Every run is a fresh process. For each command, runs of the import and of the command take turns, so that other load on
the machine affects both. A ratio is the time of a command divided by that of the import next to it. ``train`` counts up
to the line of metrics of its first step, which it writes when that step is finished; then it is stopped.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

IMPORT = ("-c", "import tensorflow")
COMMAND = ("-c", "from dcgan_kit_command import main; main()")
COMMANDS = (
    ("--help",),
    ("show", "lecture-fashion28"),
    ("sample", "lecture-fashion28"),
    ("train", "tiny-fashion28"),
    ("train", "lecture-fashion28"),
)
BEFORE_TENSORFLOW = (
    ("read the recipe", "dcgan_kit.api.trainer:loaded_recipe"),
    ("check the run folder and the data", "dcgan_kit.api.trainer:require_trainable_in"),
    ("import TensorFlow and Keras", "dcgan_kit.process.tensorflow_startup:start_tensorflow"),
)
WITH_TENSORFLOW = (
    ("build networks and optimizers", "dcgan_kit.adversarial.session:Session.create"),
    ("read images", "dcgan_kit.training.prepared_run:_images"),
    ("choose precision and XLA", "dcgan_kit.training.prepared_run:compared"),
    ("trace the step", "dcgan_kit.adversarial.session:Session.compile"),
    ("probes read the networks of step 0, scores compare real images", "dcgan_kit.evaluation.observer:observers_of"),
    ("save step 0", "dcgan_kit.training.loop:TrainingLoop._restore"),
    ("draw samples, print the health of step 0", "dcgan_kit.training.loop:TrainingLoop._begin"),
    ("the first step", "dcgan_kit.training.step_groups:StepGroups._group"),
)
"""What a training does until its first step, in order: a title, and a function of dcgan-kit that does all of it."""
GOAL = 1.5
"""The ratio that each command is meant to stay below."""
LONGEST = 600.0
"""Seconds after which a training without a first step counts as failed."""
PAUSE = 0.005
"""Seconds between two looks at the file of metrics; an error of at most this in each time."""


def _started(words: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with (folder / "output").open("wb") as output:
        return subprocess.Popen([sys.executable, *words], cwd=folder, env=environment, stdout=output, stderr=output)


def _failed(words: Sequence[str], folder: Path) -> SystemExit:
    output = (folder / "output").read_text(errors="replace")
    return SystemExit(f"{' '.join(words)}: failed\n{output[-2000:]}")


def seconds_to_end(words: Sequence[str]) -> float:
    """Return how long a Python process with these arguments takes."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, started = Path(scratch), time.perf_counter()
        if _started(words, folder).wait():
            raise _failed(words, folder)
        return time.perf_counter() - started


def seconds_to_first_step(recipe: str) -> float:
    """Return how long ``dcgan-kit train`` takes until its first step is finished."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, started = Path(scratch), time.perf_counter()
        words = (*COMMAND, "train", recipe, "training.log_every=1", "--run", "run")
        training = _started(words, folder)
        try:
            while not _has_step(folder / "run" / "metrics.jsonl"):
                if training.poll() is not None or time.perf_counter() - started > LONGEST:
                    raise _failed(words, folder)
                time.sleep(PAUSE)
            return time.perf_counter() - started
        finally:
            training.kill()
            training.wait()


def _has_step(metrics: Path) -> bool:
    """Whether there is a whole line of metrics of a step; probes may write one of step 0 before."""
    try:
        lines = metrics.read_text().splitlines(keepends=True)
    except FileNotFoundError:
        return False
    return any(json.loads(line)["step"] > 0 for line in lines if line.endswith("\n"))


def seconds_of(words: Sequence[str]) -> float:
    """Return how long a command takes; of ``train``, to its first step."""
    return seconds_to_first_step(words[1]) if words[0] == "train" else seconds_to_end((*COMMAND, *words))


def measure(words: Sequence[str], rounds: int) -> Iterator[tuple[float, float]]:
    """Yield the seconds of a command and of the import beside it, for each round."""
    for number in range(rounds):
        if number % 2:
            command, imported = seconds_of(words), seconds_to_end(IMPORT)
        else:
            imported, command = seconds_to_end(IMPORT), seconds_of(words)
        yield command, imported


def _timed(place: str, found: Callable[[float], None]) -> None:
    """Replace a function of dcgan-kit by itself with a clock."""
    module, _, path = place.partition(":")
    *outer, name = path.split(".")
    owner = import_module(module)
    for part in outer:
        owner = getattr(owner, part)
    function = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        started = time.perf_counter()
        result = function(*arguments, **named)
        found(time.perf_counter() - started)
        return result

    setattr(owner, name, call)


def _train_in_parts(recipe: str, began: float) -> None:
    """Train to the first step, print the seconds of each part as JSON, and end this process."""
    found: dict[str, float] = {}

    def note(title: str, seconds: float) -> None:
        found[title] = seconds
        if title == BEFORE_TENSORFLOW[-1][0]:
            for part, place in WITH_TENSORFLOW:
                _timed(place, lambda seconds, part=part: note(part, seconds))
        if title == WITH_TENSORFLOW[-1][0]:
            everything = time.time() - began
            print(json.dumps({**found, "all else, mostly imports": everything - sum(found.values())}), flush=True)
            os._exit(0)

    for part, place in BEFORE_TENSORFLOW:
        _timed(place, lambda seconds, part=part: note(part, seconds))
    from dcgan_kit.api import train

    train(recipe, "run")


def parts_of(recipe: str, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each part of a training until its first step, in each round."""
    rows = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, __file__, "--child", recipe, str(time.time())]
            environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
            run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
            rows.append(json.loads(run.stdout.splitlines()[-1]))
    return {title: [row[title] for row in rows] for title in rows[0]}


def main() -> None:
    """Measure, print a table, and write JSON if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", metavar="TEXT", default="", help="measure the commands that contain this text")
    parser.add_argument("--parts", action="store_true", help="show what the time of each training goes to")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        _train_in_parts(arguments.child[0], float(arguments.child[1]))
    chosen = [words for words in COMMANDS if arguments.only in " ".join(words)]
    if not chosen or arguments.rounds < 1:
        parser.error("give at least one round, and a text that is in a command")
    # The first run of each reads files from the disk, and compiles modules.
    seconds_to_end(IMPORT)
    rows = []
    print("| what | seconds | times the import | lowest - highest |\n| --- | --- | --- | --- |")
    for words in chosen:
        seconds_of(words)
        pairs = list(measure(words, arguments.rounds))
        ratios = [command / imported for command, imported in pairs]
        title = f"`dcgan-kit {' '.join(words)}`{' to its first step' if words[0] == 'train' else ''}"
        median, ratio = statistics.median(command for command, _ in pairs), statistics.median(ratios)
        print(f"| {title} | {median:.2f} | {ratio:.2f} | {min(ratios):.2f} - {max(ratios):.2f} |", flush=True)
        rows.append({"command": " ".join(words), "pairs": pairs})
    imports = [imported for row in rows for _, imported in row["pairs"]]
    print(f'| `python -c "import tensorflow"` | {statistics.median(imports):.2f} | 1 | |')
    above = sum(statistics.median(c / i for c, i in row["pairs"]) > GOAL for row in rows)
    print(f"\n{above} of {len(rows)} above the goal of {GOAL} times the import")
    for recipe in [words[1] for words in chosen if arguments.parts and words[0] == "train"]:
        print(f"\n| `{recipe}`: part | seconds |\n| --- | --- |")
        for title, seconds in parts_of(recipe, arguments.rounds).items():
            print(f"| {title} | {statistics.median(seconds):.2f} |", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
