"""A training step by kind of operation, in float32 and in bfloat16.

    python benchmarks/operations.py                          # 64x64 and 28x28, some minutes
    python benchmarks/operations.py --net 28 --computations  # also each convolution and matrix product

TensorFlow's profiler times each operation of some steps, and oneDNN each of its primitives (``ONEDNN_VERBOSE``). One
operation runs at a time, on all cores, so that times add up. The time of an operation is its median over the steps.
The ceiling is the fastest of some matrix products, as large as those of ceiling.py, before and after the steps.
Multiplications by padding count as work.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

from ceiling import PRECISIONS, SIDE, milliseconds, product
from step import BATCHES

WARM_UP = 3
BEGIN, END = "=== steps begin", "=== steps end"
CONVOLUTIONS = {
    "forward_training": "convolution",
    "backward_data": "gradient by input, or transposed convolution",
    "backward_weights": "gradient by weights",
}
"""oneDNN's name of a pass → the kind of the operation. A transposed convolution is the gradient of a convolution by its
input, and the other way round, so these two kinds do not say which pass of the network it was."""
PRODUCTS = "gradient by weights, as matrix products"
"""What dcgan_kit/networks/product_gradients.py computes itself; with the copies that it makes of maps."""
KINDS = (
    (r"/kernel_gradient(_\d+)?/", PRODUCTS),
    (r":_?\w*BackpropFilter\w*$", CONVOLUTIONS["backward_weights"]),
    (r":_?\w*BackpropInput\w*$", CONVOLUTIONS["backward_data"]),
    (r":_?\w*Conv2D\w*$", CONVOLUTIONS["forward_training"]),
    (r":_?\w*MatMul\w*$", "dense layers"),
    (r":_?\w*FusedBatchNorm\w*$", "batch normalization"),
    (r"/(adam(_\d+)?|global_norm(_\d+)?)/", "optimizer and gradient norm"),
    (r":\w*Random\w*$", "random numbers"),
    (r":(Cast|Transpose|Pad|PadV2|SpaceToDepth|DepthToSpace|\w*Concat\w*|StridedSlice\w*|Slice|Split|Pack|Unpack)$",
     "casts and copies"),
    (r":\w*(LeakyRelu|Relu|Elu|Tanh|Sigmoid|Softplus|BiasAdd|Mul|Add|AddN|AddV2|Sub|Select|SelectV2|RealDiv|Greater"
     r"|GreaterEqual|Maximum|Square|Exp)(V2|Grad)?$", "elementwise"),
)  # fmt: skip
"""(pattern of ``node:Operation``, kind); the first one counts."""
OTHER, OUTSIDE = "other operations", "between operations"
REORDERS = "of these three: reordering weights and maps"
RATED = tuple(CONVOLUTIONS.values())
ORDER = tuple(dict.fromkeys((*RATED, REORDERS, *(kind for _, kind in KINDS), OTHER, OUTSIDE)))


class Primitive(NamedTuple):
    """A computation of oneDNN: what it is, how oneDNN does it, and its size."""

    kind: str
    implementation: str
    direction: str
    problem: str

    @property
    def operations(self) -> int:
        """Additions and multiplications of a convolution or a matrix product.

        Their sizes look like ``mb64_ic3oc64_ih64oh32kh4…_iw64ow32kw4…`` and ``256x128:128x64``.
        """
        if self.kind == "matmul":
            first, _, second = self.problem.partition(":")
            return 2 * prod(map(int, first.split("x"))) * int(second.split("x")[-1])
        size = {name: int(value) for name, value in re.findall(r"([a-z]+)(\d+)", self.problem)}
        axes = (size[name + axis] for axis in "dhw" if "o" + axis in size for name in "ok")
        return 2 * size["mb"] * size["ic"] * size["oc"] * prod(axes) // size.get("g", 1)


@dataclass(frozen=True)
class Profile:
    """What was measured of a loop.

    Attributes:
        step: milliseconds of a step.
        product: GFLOP/s of the fastest matrix product.
        operations: milliseconds of a step by ``node:Operation``.
        primitives: (milliseconds of a step, number in a step) by primitive.
    """

    step: float
    product: float
    operations: dict[str, float]
    primitives: dict[Primitive, tuple[float, float]]

    def kinds(self) -> dict[str, float]:
        """Return milliseconds by kind, with reorders and the time between operations."""
        found: Counter[str] = Counter()
        for name, ms in self.operations.items():
            found[kind_of(name)] += ms
        found[OUTSIDE] = self.step - found.total()
        # oneDNN also reorders for other operations, but only a convolution wants weights or maps in blocks.
        found[REORDERS] = sum(ms for primitive, (ms, _) in self.primitives.items() if primitive.kind == "reorder")
        return dict(found)

    def share(self, kind: str, ms: float) -> float | None:
        """Return the share of the ceiling that convolutions reach; None if oneDNN did not compute all of them."""
        members = [(p, n) for p, (_, n) in self.primitives.items() if CONVOLUTIONS.get(p.direction) == kind]
        members = [(p, n) for p, n in members if p.kind == "convolution"]
        if not members or sum(n for _, n in members) < sum(kind_of(name) == kind for name in self.operations):
            return None
        return 1e-6 * sum(n * p.operations for p, n in members) / ms / self.product


def kind_of(name: str) -> str:
    """Return the kind of an operation.

    Args:
        name: its node and type, such as ``generator/stage1/Conv2D:_MklNativeConv2D``.
    """
    return next((kind for pattern, kind in KINDS if re.search(pattern, name)), OTHER)


def primitives(lines: Iterable[str]) -> Iterator[tuple[Primitive, float]]:
    """Yield each primitive that ran between ``BEGIN`` and ``END``, with its milliseconds."""
    inside = False
    for line in map(str.rstrip, lines):
        inside = line == BEGIN or (inside and line != END)
        if inside and line.startswith("onednn_verbose,v1,primitive,exec,"):
            # The name, the engine; kind, implementation, direction; layouts, attributes, algorithm; size, milliseconds
            _, _, _, _, _, kind, implementation, direction, *_, problem, ms = line.split(",")
            yield Primitive(kind, implementation, direction, problem), float(ms)


def _profile_here(net: str, batch: int, precision: str, steps: int) -> dict[str, Any]:
    """Run steps in this process; return times of steps, products and operations."""
    from dcgan_kit.process.tensorflow_startup import start_tensorflow

    start_tensorflow()
    import tensorflow as tf

    tf.config.threading.set_inter_op_parallelism_threads(1)
    import ours

    call = ours.prepare(net, batch, f"training.precision={precision}").call
    multiply = product(PRECISIONS[precision])
    for _ in range(WARM_UP):
        call(), multiply()
    products = [milliseconds(multiply) for _ in range(steps)]
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        print(BEGIN, flush=True)
        times = [milliseconds(call) for _ in range(steps)]
        print(END, flush=True)
        tf.profiler.experimental.stop()
        (file,) = Path(folder).rglob("*.xplane.pb")
        operations = _operations(file.read_bytes())
    products += [milliseconds(multiply) for _ in range(steps)]
    return {"steps": times, "products": products, "operations": operations}


def _operations(content: bytes) -> dict[str, list[float]]:
    """Return the milliseconds of each run of each operation, from a trace of TensorFlow's profiler."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    found: defaultdict[str, list[float]] = defaultdict(list)
    for plane in xplane_pb2.XSpace.FromString(content).planes:
        for event in (event for line in plane.lines for event in line.events):
            name = plane.event_metadata[event.metadata_id].name
            # Only nodes of the graph are called path:Operation.
            if re.fullmatch(r"[\w./-]+:_?[A-Z]\w+", name):
                found[name].append(1e-9 * event.duration_ps)
    return found


def profile(net: str, batch: int, precision: str, steps: int) -> Profile:
    """Measure steps in a process of their own.

    Args:
        net: the networks, a key of ``BATCHES``.
        batch: images per step.
        precision: a key of ``PRECISIONS``.
        steps: number of steps.
    """
    words = ["--profile", precision, "--net", net, "--batch", str(batch), "--steps", str(steps)]
    environment = {**os.environ, "ONEDNN_VERBOSE": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, *words]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{net} in {precision} ended with status {run.returncode}:\n{run.stderr[-2000:]}")
    *lines, last = run.stdout.splitlines()
    times = json.loads(last)
    ran = defaultdict(list)
    for primitive, ms in primitives(lines):
        ran[primitive].append(ms)
    return Profile(
        step=statistics.median(times["steps"]),
        product=2e-6 * SIDE**3 / min(times["products"]),
        operations={name: _per_step(each, steps) for name, each in times["operations"].items()},
        primitives={primitive: (_per_step(each, steps), len(each) / steps) for primitive, each in ran.items()},
    )


def _per_step(times: list[float], steps: int) -> float:
    # The median keeps out what other programs do to one step.
    return statistics.median(times) * len(times) / steps


def table(profiles: dict[str, Profile]) -> Iterator[str]:
    """Yield the rows of a table: kinds of operations, with the time and share of each precision."""
    heads = [
        head for name in profiles for head in (f"{PRECISIONS[name]}, ms", "share of the step", "share of the ceiling")
    ]
    yield from _lines(("kind of operation", *heads))
    kinds = {name: profile.kinds() for name, profile in profiles.items()}
    for kind in (kind for kind in ORDER if any(kind in found for found in kinds.values())):
        cells = [kind]
        for name, one in profiles.items():
            ms = kinds[name].get(kind, 0.0)
            share = one.share(kind, ms) if kind in RATED and ms else None
            cells += [f"{ms:.1f}", f"{ms / one.step:.1%}", "-" if share is None else f"{share:.0%}"]
        yield from _row(cells)
    yield from _row(["the step", *(cell for one in profiles.values() for cell in (f"{one.step:.1f}", "100 %", "-"))])
    rates = (cell for one in profiles.values() for cell in (f"{one.product:.0f} GFLOP/s", "-", "100 %"))
    yield from _row(["a matrix product", *rates])


def computations(profiles: dict[str, Profile]) -> Iterator[str]:
    """Yield the rows of a table: every convolution and matrix product, by oneDNN's own clock, without reorders."""
    yield from _lines(
        ("precision", "pass", "size", "oneDNN's implementation", "in a step", "ms", "share of the ceiling")
    )
    for name, one in profiles.items():
        members = [item for item in one.primitives.items() if item[0].kind in ("convolution", "matmul")]
        for primitive, (ms, count) in sorted(members, key=lambda item: -item[1][0]):
            share = 1e-6 * count * primitive.operations / ms / one.product
            kind = CONVOLUTIONS.get(primitive.direction, "matrix product")
            facts = (PRECISIONS[name], kind, primitive.problem, primitive.implementation)
            yield from _row([*facts, f"{count:g}", f"{ms:.2f}", f"{share:.0%}"])


def _lines(heads: Iterable[str]) -> Iterator[str]:
    heads = list(heads)
    yield from _row(heads)
    yield from _row(["---"] * len(heads))


def _row(cells: Iterable[str]) -> Iterator[str]:
    yield "| " + " | ".join(cells) + " |"


def main() -> None:
    """Measure and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=sorted(BATCHES), nargs="*", default=["64", "28"])
    parser.add_argument("--batch", type=int, help="images per step; default: that of step.py")
    parser.add_argument("--steps", type=int, default=9)
    parser.add_argument("--computations", action="store_true", help="also each convolution and matrix product")
    parser.add_argument("--profile", choices=list(PRECISIONS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.profile:
        print(json.dumps(_profile_here(arguments.net[0], arguments.batch, arguments.profile, arguments.steps)))
        return
    for net in arguments.net:
        batch = arguments.batch or BATCHES[net]
        profiles = {name: profile(net, batch, name, arguments.steps) for name in PRECISIONS}
        print(f"{net}, batches of {batch}:", *table(profiles), sep="\n", flush=True)
        if arguments.computations:
            print(*computations(profiles), sep="\n", flush=True)


if __name__ == "__main__":
    main()
