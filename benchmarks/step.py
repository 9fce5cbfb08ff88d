"""The training step of dcgan-kit against those of the peers and against plain Keras layers, in one command.

    python benchmarks/step.py                 # everything, about 15 minutes
    python benchmarks/step.py --net 28 --json step.json

Every contender has its own process, which waits while another one runs. In each round, every contender takes a few
steps in turn. A ratio is the peer's time divided by our time in the same round, as the median over the rounds. Without
PyTorch, contenders that need it are left out, and the script says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BATCHES = {"64": 64, "28": 256, "64resize": 64, "residual32": 64, "classes28": 128}
WARM_UP = 3
HEADS = ("net", "ours", "ms", "peer", "peer's ms", "ratio", "goal", "verdict")


@dataclass(frozen=True)
class Goal:
    """A ratio to print: the milliseconds of ``peer`` divided by those of ``ours``; with its target, if it has one."""

    net: str
    ours: str
    peer: str
    ratio: float | None = None


CONTENDERS = {
    "ours float32": ("ours", ("training.precision=float32",)),
    "ours auto": ("ours", ("training.precision=auto",)),
    "ours plain layers": ("ours", ("training.precision=float32", "training.fuse=false")),
    "tensorflow tutorial": ("tensorflow", ()),
    "keras fit": ("keras_fit", ()),
    "pytorch float32": ("torch", ()),
    "pytorch bf16": ("torch", ("bf16",)),
}
GOALS = (
    Goal("64", "ours float32", "tensorflow tutorial", 1.05),
    Goal("64", "ours float32", "pytorch float32", 1.2),
    Goal("64", "ours auto", "tensorflow tutorial", 1.5),
    Goal("64", "ours auto", "pytorch float32", 1.75),
    Goal("64", "ours auto", "pytorch bf16", 1.1),
    Goal("28", "ours float32", "tensorflow tutorial", 1.03),
    Goal("28", "ours float32", "pytorch float32", 1.4),
    Goal("28", "ours auto", "tensorflow tutorial", 1.6),
    Goal("28", "ours auto", "pytorch float32", 2.2),
    Goal("28", "ours auto", "pytorch bf16", 1.4),
    Goal("64resize", "ours float32", "tensorflow tutorial", 1.3),
    Goal("64resize", "ours float32", "ours plain layers", 1.3),
    *(
        Goal(net, ours, peer)
        for net in ("residual32", "classes28")
        for ours, peers in (
            ("ours float32", ("keras fit", "ours plain layers", "pytorch float32")),
            ("ours auto", ("keras fit", "pytorch bf16")),
        )
        for peer in peers
    ),
)


def _contender(name: str, net: str) -> tuple[Callable[[int], list[float]], tuple[int, ...]]:
    """Return a function (steps) → milliseconds of each, and the trainable parameters of G and D."""
    family, arguments = CONTENDERS[name]
    if family == "keras_fit":
        import peer_keras_fit

        return peer_keras_fit.prepare(net, BATCHES[net])
    step, parameters = _stepper(family, arguments, net)

    def times(steps: int) -> list[float]:
        found = []
        for _ in range(steps):
            start = time.perf_counter()
            step()
            found.append(1e3 * (time.perf_counter() - start))
        return found

    return times, parameters


def _stepper(family: str, arguments: tuple[str, ...], net: str) -> tuple[Callable[[], None], tuple[int, ...]]:
    if family == "torch":
        import peer_torch

        return peer_torch.prepare(net, BATCHES[net], "bf16" in arguments)
    if family == "tensorflow":
        import peer_tensorflow

        return peer_tensorflow.prepare(net, BATCHES[net])
    import ours

    return ours.prepare(net, BATCHES[net], *arguments)


def _serve(name: str, net: str) -> None:
    """Print the trainable parameters; then read numbers of steps, and print the milliseconds of each step."""
    times, parameters = _contender(name, net)
    times(WARM_UP)
    print(json.dumps(parameters), flush=True)
    for line in sys.stdin:
        print(json.dumps(times(int(line))), flush=True)


class _Contender:
    def __init__(self, name: str, net: str) -> None:
        self.name = name
        self.rounds: list[float] = []
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", name, "--net", net],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )
        self.parameters = self._answer()
        if self.parameters is None:
            command = f"{sys.executable} {__file__} --serve '{name}' --net {net}"
            raise SystemExit(f"{name} on {net}: did not start; try {command}")

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def take(self, steps: int) -> None:
        """Take some steps and keep the median of their milliseconds."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        self.rounds.append(statistics.median(self._answer()))

    def end(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


def _measured(net: str, rounds: int, steps: int) -> dict[str, list[float]]:
    names = {name for goal in GOALS if goal.net == net for name in (goal.ours, goal.peer)}
    if importlib.util.find_spec("torch") is None:
        names = {name for name in names if CONTENDERS[name][0] != "torch"}
        print("PyTorch is not installed: its loops are left out", file=sys.stderr)
    contenders = []
    for name in sorted(names):
        print(f"{net}: starting {name}", file=sys.stderr)
        contenders.append(_Contender(name, net))
    counts = {contender.name: contender.parameters for contender in contenders}
    assert len({tuple(count) for count in counts.values()}) == 1, f"networks must have equal parameters: {counts}"
    for number in range(rounds):
        print(f"{net}: round {number + 1} of {rounds}", file=sys.stderr)
        # Every other round the other way round, so that nobody always follows the same neighbour.
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            contender.take(steps)
    for contender in contenders:
        contender.end()
    return {contender.name: contender.rounds for contender in contenders}


def _rows(net: str, times: dict[str, list[float]]) -> list[tuple[str, ...]]:
    goals = [goal for goal in GOALS if goal.net == net and goal.ours in times and goal.peer in times]
    return [_row(goal, times[goal.ours], times[goal.peer]) for goal in goals]


def _row(goal: Goal, ours: list[float], peer: list[float]) -> tuple[str, ...]:
    ratio = statistics.median(theirs / own for theirs, own in zip(peer, ours, strict=True))
    target, verdict = "-", "-"
    if goal.ratio is not None:
        target, verdict = f"{goal.ratio:g}", "reached" if ratio >= goal.ratio else "not reached"
    own, theirs = (f"{statistics.median(times):.0f}" for times in (ours, peer))
    return goal.net, goal.ours, own, goal.peer, theirs, f"{ratio:.2f}", target, verdict


def main() -> None:
    """Measure, print the table, and write JSON if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=sorted(BATCHES), help="only this one")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=3, help="of each contender in a round")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        _serve(arguments.serve, arguments.net or "28")
        return
    nets = [arguments.net] if arguments.net else list(BATCHES)
    results = {net: _measured(net, arguments.rounds, arguments.steps) for net in nets}
    rows = [row for net, times in results.items() for row in _rows(net, times)]
    for row in (HEADS, tuple("---" for _ in HEADS), *rows):
        print("| " + " | ".join(row) + " |")
    if arguments.json:
        machine = {"processor": platform.processor(), "cores": os.cpu_count(), "date": time.strftime("%Y-%m-%d")}
        data = {
            "machine": machine,
            "median_ms_of_each_round": results,
            "table": [dict(zip(HEADS, row, strict=True)) for row in rows],
        }
        arguments.json.write_text(json.dumps(data, indent=2) + "\n")


if __name__ == "__main__":
    main()
