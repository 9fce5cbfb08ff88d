"""The training step of dcgan-kit against those of the peers and against plain Keras layers, in one command.

    python benchmarks/step.py                 # everything, about 10 minutes
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

BATCHES = {"28": 256, "64": 64, "64resize": 64}
WARM_UP = 3


@dataclass(frozen=True)
class Goal:
    """A target ratio: the milliseconds of ``peer`` divided by those of ``ours``."""

    net: str
    ours: str
    peer: str
    ratio: float


CONTENDERS = {
    "ours float32": ("ours", ("training.precision=float32",)),
    "ours auto": ("ours", ("training.precision=auto",)),
    "ours plain layers": ("ours", ("training.precision=float32", "training.fuse=false")),
    "tensorflow tutorial": ("tensorflow", ()),
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
)


def _stepper(family: str, arguments: tuple[str, ...], net: str) -> Callable[[], None]:
    if family == "torch":
        import peer_torch

        return peer_torch.prepare(net, BATCHES[net], "bf16" in arguments)
    if family == "tensorflow":
        import peer_tensorflow

        return peer_tensorflow.prepare(net, BATCHES[net])
    import ours

    return ours.prepare(net, BATCHES[net], *arguments)


def _serve(name: str, net: str) -> None:
    """Read a number of steps from each line of standard input, take them, and print the milliseconds of each step."""
    family, arguments = CONTENDERS[name]
    step = _stepper(family, arguments, net)
    for _ in range(WARM_UP):
        step()
    print("ready", flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            step()
            times.append(1e3 * (time.perf_counter() - start))
        print(json.dumps(times), flush=True)


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
        if self._answer() != "ready":
            raise SystemExit(f"{name} on {net}: did not start; try {sys.executable} {__file__} --serve '{name}'")

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def take(self, steps: int) -> None:
        """Take some steps and keep the median of their milliseconds."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{steps}\n")
        self._process.stdin.flush()
        self.rounds.append(statistics.median(json.loads(self._answer())))

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
    for number in range(rounds):
        print(f"{net}: round {number + 1} of {rounds}", file=sys.stderr)
        # Every other round the other way round, so that nobody always follows the same neighbour.
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            contender.take(steps)
    for contender in contenders:
        contender.end()
    return {contender.name: contender.rounds for contender in contenders}


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
    results: dict[str, dict[str, list[float]]] = {}
    rows = []
    for net in [arguments.net] if arguments.net else ["64", "28", "64resize"]:
        results[net] = _measured(net, arguments.rounds, arguments.steps)
        for goal in GOALS:
            times = results[net]
            if goal.net == net and goal.ours in times and goal.peer in times:
                pairs = zip(times[goal.peer], times[goal.ours], strict=True)
                ratio = statistics.median(peer / ours for peer, ours in pairs)
                reached = "reached" if ratio >= goal.ratio else "not reached"
                ours, peer = (statistics.median(times[name]) for name in (goal.ours, goal.peer))
                row = (
                    net,
                    goal.ours,
                    f"{ours:.0f}",
                    goal.peer,
                    f"{peer:.0f}",
                    f"{ratio:.2f}",
                    f"{goal.ratio:g}",
                    reached,
                )
                rows.append(row)
    heads = ("net", "ours", "ms", "peer", "peer's ms", "ratio", "goal", "verdict")
    for row in (heads, tuple("---" for _ in heads), *rows):
        print("| " + " | ".join(row) + " |")
    if arguments.json:
        machine = {"processor": platform.processor(), "cores": os.cpu_count(), "date": time.strftime("%Y-%m-%d")}
        data = {
            "machine": machine,
            "median_ms_of_each_round": results,
            "table": [dict(zip(heads, row, strict=True)) for row in rows],
        }
        arguments.json.write_text(json.dumps(data, indent=2) + "\n")


if __name__ == "__main__":
    main()
