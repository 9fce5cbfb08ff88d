"""The training step of dcgan-kit against those of the peers and against plain Keras layers, in one command.

    python benchmarks/step.py                 # everything, about 40 minutes
    python benchmarks/step.py --net 28 --json step.json

Every contender has its own process, which waits while another one runs. In each round, every contender takes a few
steps in turn. A ratio is the peer's time divided by our time in the same round, as the median over the rounds. The best
of several peers is the one with the lowest median time. Contenders that need PyTorch or a C++ compiler are left out
without it, and the script says so.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import shlex
import shutil
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
HEADS = ("net", "ours", "ms", "peer", "peer's ms", "ratio", "lowest-highest", "goal", "verdict")
GOAL = 1.15
"""The ratio to reach against the best of the peers in any precision."""


@dataclass(frozen=True)
class Loop:
    """A training loop: whose it is, what it is asked for, and how many steps it takes in one call."""

    family: str
    options: tuple[str, ...] = ()
    steps: int = 1


@dataclass(frozen=True)
class Comparison:
    """What a loop of ours is compared with: each of the peers, then the best of those that ``best`` names."""

    ours: str
    peers: tuple[str, ...]
    best: str = ""
    goal: float | None = None


CONTENDERS = {
    "ours float32": Loop("ours", ("training.precision=float32",)),
    "ours auto": Loop("ours", ("training.precision=auto",)),
    "ours plain layers": Loop("ours", ("training.precision=float32", "training.fuse=false")),
    "ours auto, 32 steps a call": Loop("ours", ("training.precision=auto",), steps=32),
    "tensorflow tutorial": Loop("tensorflow"),
    "keras fit": Loop("keras_fit"),
    "keras fit bf16": Loop("keras_fit", ("bf16",)),
    "pytorch float32": Loop("torch"),
    "pytorch float32, channels last": Loop("torch", ("channels_last",)),
    "pytorch bf16": Loop("torch", ("bf16",)),
    "pytorch bf16, channels last": Loop("torch", ("bf16", "channels_last")),
    "pytorch compile float32, channels last": Loop("torch", ("compile", "channels_last")),
    "pytorch compile bf16, channels last": Loop("torch", ("compile", "bf16", "channels_last")),
    **{
        f"ours {precision}, {'XLA' if xla == 'on' else 'no XLA'}{'' if fuse == 'true' else ', plain layers'}": Loop(
            "ours", (f"training.precision={precision}", f"training.xla={xla}", f"training.fuse={fuse}")
        )
        for precision in ("float32", "mixed_bfloat16", "mixed_float16")
        for xla in ("on", "off")
        for fuse in ("true", "false")
    },
}
FLOAT32 = ("tensorflow tutorial", "keras fit", "pytorch float32", "pytorch float32, channels last")
BFLOAT16 = (
    "keras fit bf16", "pytorch bf16", "pytorch bf16, channels last", "pytorch compile bf16, channels last",
)  # fmt: skip
PLAIN = "ours plain layers"
COMPARISONS = (
    Comparison("ours float32", (PLAIN,)),
    Comparison("ours float32", FLOAT32, "best in float32"),
    Comparison("ours auto", (*FLOAT32, *BFLOAT16), "best of all", GOAL),
)


def _loop(name: str, net: str, batch: int) -> tuple[Callable[[int], list[float]], dict[str, Any]]:
    """Return a function (calls) → milliseconds of a step in each, and facts about the loop."""
    loop = CONTENDERS[name]
    if loop.family == "keras_fit":
        import peer_keras_fit

        times, parameters = peer_keras_fit.prepare(net, batch, *loop.options)
        return times, {"parameters": parameters}
    call, facts = _call(loop, net, batch)

    def timed(calls: int) -> list[float]:
        found = []
        for _ in range(calls):
            start = time.perf_counter()
            call()
            found.append(1e3 * (time.perf_counter() - start) / loop.steps)
        return found

    return timed, facts


def _call(loop: Loop, net: str, batch: int) -> tuple[Callable[[], None], dict[str, Any]]:
    if loop.family == "ours":
        import ours

        call, parameters, precision = ours.prepare(net, batch, *loop.options, steps=loop.steps)
        return call, {"parameters": parameters, "precision": precision}
    if loop.family == "torch":
        import peer_torch

        call, parameters = peer_torch.prepare(net, batch, *loop.options)
    else:
        import peer_tensorflow

        call, parameters = peer_tensorflow.prepare(net, batch)
    return call, {"parameters": parameters}


def _gpu_bytes(family: str) -> int | None:
    """The most memory that this process' tensors have taken on the GPU so far; None without a GPU."""
    if family == "torch":
        import torch

        return torch.cuda.max_memory_allocated() if torch.cuda.is_available() else None
    import tensorflow as tf

    has_gpu = bool(tf.config.list_logical_devices("GPU"))
    return int(tf.config.experimental.get_memory_info("GPU:0")["peak"]) if has_gpu else None


def _serve(name: str, net: str, batch: int) -> None:
    """Print facts about the loop; then read numbers of calls, and print a step's milliseconds in each.

    Args:
        name: the loop, a key of ``CONTENDERS``.
        net: the networks, a key of ``BATCHES``.
        batch: images per step.
    """
    times, facts = _loop(name, net, batch)
    times(WARM_UP)
    print(json.dumps({**facts, "gpu_bytes": _gpu_bytes(CONTENDERS[name].family)}), flush=True)
    for line in sys.stdin:
        print(json.dumps(times(int(line))), flush=True)


class Contender:
    """A loop in a process of its own, which waits while others run.

    Args:
        name: a key of ``CONTENDERS``.
        net: a key of ``BATCHES``.
        batch: images per step.
        program: a file like this one, in this or another checkout.
        packages: a folder from which Python imports packages first.

    Attributes:
        name: a key of ``CONTENDERS``.
        rounds: the median milliseconds of a step, for each round.
        parameters: trainable parameters of G and D, after ``wait``.
        gpu_bytes: the most memory on the GPU in its first steps, after ``wait``; None without a GPU.
        precision: the precision that a loop of ours has chosen, after ``wait``.
    """

    def __init__(
        self, name: str, net: str, batch: int, program: Path = Path(__file__), packages: Path | None = None
    ) -> None:
        self.name = name
        self.rounds: list[float] = []
        self.parameters: list[int] = []
        self.gpu_bytes: int | None = None
        self.precision = ""
        self._arguments = ["--serve", name, "--net", net, "--batch", str(batch)]
        first = {} if packages is None else {"PYTHONPATH": str(packages)}
        self._process = subprocess.Popen(
            [sys.executable, str(program), *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **first},
        )

    def wait(self) -> bool:
        """Wait for its first steps; return whether it is ready."""
        found = self._answer()
        if found is not None:
            self.parameters, self.gpu_bytes = found["parameters"], found["gpu_bytes"]
            self.precision = found.get("precision", "")
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


def _missing(loop: Loop) -> str | None:
    """Return what a loop needs and this machine lacks; None if it can start."""
    if loop.family != "torch":
        return None
    if importlib.util.find_spec("torch") is None:
        return "PyTorch: pip install torch"
    # On a CPU, inductor writes C++.
    if "compile" in loop.options and not any(map(shutil.which, (os.environ.get("CXX", "g++"), "clang++"))):
        return "a C++ compiler for torch.compile: install g++, or name another compiler in CXX"
    return None


def _measured(net: str, names: Sequence[str], rounds: int, steps: int) -> dict[str, list[float]]:
    contenders = []
    for name in names:
        if missing := _missing(CONTENDERS[name]):
            print(f"{net}: {name} is left out, it needs {missing}", file=sys.stderr)
            continue
        print(f"{net}: starting {name}", file=sys.stderr)
        contender = Contender(name, net, BATCHES[net])
        if not contender.wait():
            raise SystemExit(f"{name} on {net}: did not start; try {contender.command}")
        contenders.append(contender)
    counts = {contender.name: contender.parameters for contender in contenders}
    assert len({tuple(count) for count in counts.values()}) == 1, f"networks must have equal parameters: {counts}"
    take_turns(contenders, rounds, lambda _: steps, net)
    for contender in contenders:
        if contender.name == "ours auto":
            print(f"{net}: auto trains in {contender.precision}", file=sys.stderr)
    return {contender.name: contender.rounds for contender in contenders}


def rows(net: str, times: dict[str, list[float]]) -> list[tuple[str, ...]]:
    """Return the table of one net: each comparison, then those with the best peers.

    Args:
        net: a key of ``BATCHES``.
        times: milliseconds of a step in each round, by contender.
    """
    found, last = [], []
    for comparison in COMPARISONS:
        peers = [peer for peer in comparison.peers if peer in times]
        if comparison.ours not in times or not peers:
            continue
        ours = times[comparison.ours]
        found += [(net, comparison.ours, *_compared(ours, peer, times[peer], None)) for peer in peers]
        if comparison.best:
            best = min(peers, key=lambda peer: statistics.median(times[peer]))
            title = f"{comparison.best}: {best}"
            last.append((net, comparison.ours, *_compared(ours, title, times[best], comparison.goal)))
    return found + last


def _compared(ours: list[float], title: str, peer: list[float], goal: float | None) -> tuple[str, ...]:
    ratios = [theirs / own for theirs, own in zip(peer, ours, strict=True)]
    ratio = statistics.median(ratios)
    verdict = "-" if goal is None else "reached" if ratio >= goal else "not reached"
    own, theirs = (f"{statistics.median(times):.0f}" for times in (ours, peer))
    between = f"{min(ratios):.2f}-{max(ratios):.2f}"
    return own, title, theirs, f"{ratio:.2f}", between, "-" if goal is None else f"{goal:g}", verdict


def main() -> None:
    """Measure, print the table, and write JSON if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=sorted(BATCHES), help="only this one")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--steps", type=int, default=3, help="of each contender in a round")
    names = sorted({name for each in COMPARISONS for name in (each.ours, *each.peers)})
    parser.add_argument("--loops", nargs="+", choices=names, default=names, help="only these", metavar="LOOP")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--batch", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        _serve(arguments.serve, arguments.net, arguments.batch)
        return
    nets = [arguments.net] if arguments.net else list(BATCHES)
    results = {net: _measured(net, arguments.loops, arguments.rounds, arguments.steps) for net in nets}
    table = [row for net, times in results.items() for row in rows(net, times)]
    for row in (HEADS, tuple("---" for _ in HEADS), *table):
        print("| " + " | ".join(row) + " |")
    if arguments.json:
        machine = {"processor": platform.processor(), "cores": os.cpu_count(), "date": time.strftime("%Y-%m-%d")}
        data = {
            "machine": machine,
            "median_ms_of_each_round": results,
            "table": [dict(zip(HEADS, row, strict=True)) for row in table],
        }
        arguments.json.write_text(json.dumps(data, indent=2) + "\n")


if __name__ == "__main__":
    main()
