"""The upper limit of this machine: speed of matrix products and of training steps, in turn in one process.

    python benchmarks/ceiling.py

A step of simultaneous updates sends a batch through G: forward, and backward with respect to weights and inputs. That
is 3 times the multiply-accumulates of G. It sends two batches through D: 3 times for real images, and 4 times for
generated images, because the gradients of both losses flow back. A multiply-accumulate is two operations.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

from dcgan_kit.process.tensorflow_startup import start_tensorflow

SIDE = 2048
PASSES = {"generator": 3, "discriminator": 7}
PRECISIONS = {"float32": "float32", "mixed_bfloat16": "bfloat16"}


def product(kind: str) -> Callable[[], Any]:
    """Return a function that multiplies two matrices of this type."""
    import tensorflow as tf

    one = tf.cast(tf.random.stateless_normal((SIDE, SIDE), [0, 1]), kind)
    multiply = tf.function(lambda a: tf.matmul(a, a))
    return lambda: multiply(one).numpy()


def milliseconds(call: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", choices=["28", "64", "64resize"], nargs="*", default=["64", "28"])
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    start_tensorflow()
    import ours

    from dcgan_kit.networks.builder import build_networks
    from dcgan_kit.networks.summary import summarize
    from dcgan_kit.recipes.loading import load_recipe

    print("| net | precision | GFLOP a step | ms a step | GFLOP/s | matrix product, GFLOP/s | share |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for net in arguments.net:
        batch = {"28": 256, "64": 64, "64resize": 64}[net]
        networks = build_networks(load_recipe(ours.RECIPES[net]).recipe, symbolic=True)
        operations = (
            2e-9 * batch * sum(times * summarize(getattr(networks, role)).macs for role, times in PASSES.items())
        )
        for precision, kind in PRECISIONS.items():
            step = ours.prepare(net, batch, f"training.precision={precision}").call
            multiply = product(kind)
            step(), multiply()
            pairs = [(milliseconds(step), milliseconds(multiply)) for _ in range(arguments.rounds)]
            ms = statistics.median(pair[0] for pair in pairs)
            most = statistics.median(2e-6 * SIDE**3 / pair[1] for pair in pairs)
            share = statistics.median(1e3 * operations / s / (2e-6 * SIDE**3 / p) for s, p in pairs)
            rate = 1e3 * operations / ms
            row = (
                net,
                precision,
                f"{operations:.1f}",
                f"{ms:.0f}",
                f"{rate:.0f}",
                f"{most:.0f}",
                f"{share:.0%}",
            )
            print("| " + " | ".join(row) + " |", flush=True)


if __name__ == "__main__":
    main()
