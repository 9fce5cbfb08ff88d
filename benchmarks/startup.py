"""How long commands take to start, against ``python -c "import tensorflow"`` in the same environment.

    python benchmarks/startup.py                       # about five minutes on two idle cores

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
from collections.abc import Iterator, Sequence
from pathlib import Path

IMPORT = ("-c", "import tensorflow")
COMMAND = ("-c", "from dcgan_kit_command import main; main()")
COMMANDS = (
    ("--help",),
    ("show", "lecture-fashion28"),
    ("sample", "lecture-fashion28"),
    ("train", "tiny-fashion28"),
    ("train", "lecture-fashion28"),
)
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


def main() -> None:
    """Measure, print a table, and write JSON if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", metavar="TEXT", default="", help="measure the commands that contain this text")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
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
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
