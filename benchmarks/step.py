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
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BATCHES = {"64": 64, "28": 256, "64resize": 64, "residual32": 64, "classes28": 128}
WARM_UP = 3
HEADS = ("net", "ours", "ms", "peer", "peer's ms", "ratio", "goal", "verdict")


@dataclass(frozen=True)
class Loop:
    """A training loop: whose it is, what it is asked for, and how many steps it takes in one call."""

    family: str
    options: tuple[str, ...] = ()
    steps: int = 1


@dataclass(frozen=True)
class Goal:
    """A ratio to print: the milliseconds of ``peer`` divided by those of ``ours``; with its target, if it has one."""

    net: str
    ours: str
    peer: str
    ratio: float | None = None


CONTENDERS = {
    "ours float32": Loop("ours", ("training.precision=float32",)),
    "ours auto": Loop("ours", ("training.precision=auto",)),
    "ours plain layers": Loop("ours", ("training.precision=float32", "training.fuse=false")),
    "ours auto, 32 steps a call": Loop("ours", ("training.precision=auto",), steps=32),
    "tensorflow tutorial": Loop("tensorflow"),
    "keras fit": Loop("keras_fit"),
    "pytorch float32": Loop("torch"),
    "pytorch bf16": Loop("torch", ("bf16",)),
    "pytorch compile float32": Loop("torch", ("compile",)),
    "pytorch compile bf16": Loop("torch", ("compile", "bf16")),
    **{
        f"ours {precision}, {'XLA' if xla == 'on' else 'no XLA'}{'' if fuse == 'true' else ', plain layers'}": Loop(
            "ours", (f"training.precision={precision}", f"training.xla={xla}", f"training.fuse={fuse}")
        )
        for precision in ("float32", "mixed_bfloat16", "mixed_float16")
        for xla in ("on", "off")
        for fuse in ("true", "false")
    },
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


def _loop(name: str, net: str, batch: int) -> tuple[Callable[[int], list[float]], tuple[int, ...]]:
    """Return a function (calls) → milliseconds of a step in each, and the trainable parameters of G and D."""
    loop = CONTENDERS[name]
    if loop.family == "keras_fit":
        import peer_keras_fit

        return peer_keras_fit.prepare(net, batch)
    call, parameters = _call(loop, net, batch)

    def times(calls: int) -> list[float]:
        found = []
        for _ in range(calls):
            start = time.perf_counter()
            call()
            found.append(1e3 * (time.perf_counter() - start) / loop.steps)
        return found

    return times, parameters


def _call(loop: Loop, net: str, batch: int) -> tuple[Callable[[], None], tuple[int, ...]]:
    if loop.family == "torch":
        import peer_torch

        return peer_torch.prepare(net, batch, *loop.options)
    if loop.family == "tensorflow":
        import peer_tensorflow

        return peer_tensorflow.prepare(net, batch)
    import ours

    return ours.prepare(net, batch, *loop.options, steps=loop.steps)


def _gpu_bytes(family: str) -> int | None:
    """The most memory that this process' tensors have taken on the GPU so far; None without a GPU."""
    if family == "torch":
        import torch

        return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    import tensorflow as tf

    has_gpu = bool(tf.config.list_logical_devices("GPU"))
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"]) if has_gpu else None


def _serve(name: str, net: str, batch: int) -> None:
    """Print the trainable parameters and memory; then read numbers of calls, and print a step's milliseconds in each.

    Args:
        name: the loop, a key of ``CONTENDERS``.
        net: the networks, a key of ``BATCHES``.
        batch: images per step.
    """
    times, parameters = _loop(name, net, batch)
    times(WARM_UP)
    print(json.dumps({"parameters": parameters, "gpu_bytes": _gpu_bytes(CONTENDERS[name].family)}), flush=True)
    for line in sys.stdin:
        print(json.dumps(times(int(line))), flush=True)


class Contender:
    """A loop in a process of its own, which waits while others run.

    Attributes:
        name: a key of ``CONTENDERS``.
        rounds: the median milliseconds of a step, for each round.
        parameters: trainable parameters of G and D, after ``wait``.
        gpu_bytes: the most memory on the GPU in its first steps, after ``wait``; None without a GPU.
    """

    def __init__(self, name: str, net: str, batch: int) -> None:
        self.name = name
        self.rounds: list[float] = []
        self.parameters: list[int] = []
        self.gpu_bytes: int | None = None
        self._arguments = ["--serve", name, "--net", net, "--batch", str(batch)]
        self._process = subprocess.Popen(
            [sys.executable, __file__, *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def wait(self) -> bool:
        """Wait for its first steps; return whether it is ready."""
        found = self._answer()
        if found is not None:
            self.parameters, self.gpu_bytes = found["parameters"], found["gpu_bytes"]
        return found is not None

    @property
    def command(self) -> str:
        """What a user types to see why it is not ready."""
        return shlex.join([sys.executable, __file__, *self._arguments])

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        return json.loads(line) if line else None

    def take(self, calls: int) -> None:
        """Call the loop some times and keep the median milliseconds of a step."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{calls}\n")
        self._process.stdin.flush()
        found = self._answer()
        if found is None:
            raise SystemExit(f"{self.name}: its process has ended; try {self.command}")
        self.rounds.append(statistics.median(found))

    def end(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)


def take_turns(
    contenders: Sequence[Contender], rounds: int, calls: Callable[[Contender], int], title: str = ""
) -> None:
    """Let loops take turns, and end them.

    Args:
        contenders: loops that are ready.
        rounds: number of turns of each.
        calls: the number of calls of a loop in a turn.
        title: what the progress is about; no progress is printed without one.
    """
    for number in range(rounds):
        if title:
            print(f"{title}: round {number + 1} of {rounds}", file=sys.stderr)
        # Every other round the other way round, so that nobody always follows the same neighbour.
        for contender in contenders if number % 2 == 0 else reversed(contenders):
            contender.take(calls(contender))
    for contender in contenders:
        contender.end()


def _measured(net: str, rounds: int, steps: int) -> dict[str, list[float]]:
    names = {name for goal in GOALS if goal.net == net for name in (goal.ours, goal.peer)}
    if importlib.util.find_spec("torch") is None:
        names = {name for name in names if CONTENDERS[name].family != "torch"}
        print("PyTorch is not installed: its loops are left out", file=sys.stderr)
    contenders = []
    for name in sorted(names):
        print(f"{net}: starting {name}", file=sys.stderr)
        contender = Contender(name, net, BATCHES[net])
        if not contender.wait():
            raise SystemExit(f"{name} on {net}: did not start; try {contender.command}")
        contenders.append(contender)
    counts = {contender.name: contender.parameters for contender in contenders}
    assert len({tuple(count) for count in counts.values()}) == 1, f"networks must have equal parameters: {counts}"
    take_turns(contenders, rounds, lambda _: steps, net)
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
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        _serve(arguments.serve, arguments.net, arguments.batch)
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
