"""Speed of the fused operations of ``dcgan_kit.networks.fused_forward`` against plain layers, forward and backward.

Both run in turn in one process, and the ratio of each pair counts, so that other work on the machine disturbs both
equally. The sizes are those of DCGANs for 64x64 and 28x28 images. A ratio above 1 means that the fused operation is
faster. ``off`` marks sizes at which ``forward_of`` does not fuse the layers.

    python benchmarks/kernels.py                      # everything, about half an hour, most of it for `groups`
    python benchmarks/kernels.py normalization        # one rewrite
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from dcgan_kit.process.tensorflow_startup import start_tensorflow

PRECISIONS = ("float32", "mixed_bfloat16")
LIMITS = {
    "rewrites": {"FEW_CHANNELS": 4096, "LEAST_CHANNELS": 1, "LEAST_FEATURES": 1},
    "product_gradients": {"LEAST_ROWS": 1, "LEAST_COLUMNS": 1, "LEAST_WEIGHTS": 0},
}
"""Module → its limits, and values with which it fuses everything. ``weights`` raises those of the second module."""
GROUP_CHANNELS = 16
# (height, width, channels given) or (features,), and filters where there are any.
SIZES: dict[str, list[tuple[tuple[int, ...], int]]] = {
    "resizing": [
        ((4, 4, 512), 256), ((8, 8, 256), 128), ((16, 16, 128), 64), ((32, 32, 64), 3),
        ((7, 7, 128), 64), ((14, 14, 64), 32), ((14, 14, 64), 1), ((14, 14, 8), 8),
    ],
    "pooling": [
        ((64, 64, 3), 64), ((32, 32, 64), 128), ((16, 16, 128), 256), ((8, 8, 256), 512),
        ((28, 28, 1), 64), ((14, 14, 64), 128), ((28, 28, 1), 8),
    ],
    "first": [((64, 64, 3), 64), ((32, 32, 3), 64), ((28, 28, 1), 64), ((28, 28, 1), 16), ((32, 32, 16), 64)],
    "groups": [((32, 32, 128), 128), ((16, 16, 128), 128), ((4, 4, 128), 128), ((8, 8, 512), 512)],
    "weights": [
        ((8, 8, 256), 512), ((16, 16, 128), 256), ((32, 32, 64), 128), ((8, 8, 128), 256), ((14, 14, 64), 128),
        ((8, 8, 64), 64),
    ],
    "normalization": [
        ((4, 4, 512), 0), ((8, 8, 256), 0), ((16, 16, 128), 0), ((32, 32, 64), 0), ((7, 7, 128), 0), ((14, 14, 64), 0),
        ((28, 28, 24), 0), ((28, 28, 8), 0), ((28, 28, 2), 0), ((28, 28, 1), 0),
        ((16384,), 0), ((6272,), 0), ((2048,), 0), ((1024,), 0), ((128,), 0),
    ],
}  # fmt: skip


def members_of(rewrite: str, filters: int) -> list[Any]:
    """Return the layers that a fused operation replaces."""
    from keras import layers

    if rewrite == "resizing":
        return [layers.UpSampling2D(2), layers.Conv2D(filters, 3, padding="same", use_bias=False)]
    if rewrite == "pooling":
        return [layers.Conv2D(filters, 3, padding="same", use_bias=False), layers.AveragePooling2D(2)]
    if rewrite == "first":
        return [layers.Conv2D(filters, 4, 2, padding="same", use_bias=False)]
    if rewrite == "groups":
        return [layers.Conv2D(filters, 3, padding="same", groups=filters // GROUP_CHANNELS, use_bias=False)]
    if rewrite == "weights":
        return [layers.Conv2D(filters, 4, 2, padding="same", use_bias=False)]
    return [layers.BatchNormalization(epsilon=1e-5)]


def model_of(rewrite: str, shape: tuple[int, ...], filters: int, precision: str) -> Any:
    """Return a model of these layers."""
    import keras

    inputs = keras.Input(shape)
    tensor = inputs
    for member in members_of(rewrite, filters):
        tensor = member(tensor)
    model = keras.Model(inputs, tensor)
    for layer in model.layers:
        layer.dtype_policy = precision
    return model


def pass_of(model: Any, forward: Any, x: Any) -> Callable[[], Any]:
    """Return a compiled function that runs forward and backward. Its result depends on all gradients."""
    import tensorflow as tf

    weights = [variable.value for variable in model.trainable_variables]

    @tf.function(autograph=False)  # type: ignore[untyped-decorator]
    def run() -> Any:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([x, *weights])
            y = forward(x, training=True)
            loss = tf.reduce_sum(tf.cast(tf.square(y), tf.float32))
        return tf.add_n([tf.reduce_sum(gradient) for gradient in tape.gradient(loss, [x, *weights])])

    def passed() -> Any:
        return run().numpy()

    return passed


def paired_times(first: Callable[[], Any], second: Callable[[], Any], seconds: float) -> list[tuple[float, float]]:
    """Run both in turn and return the seconds of each pair, without the first two pairs, which compile."""
    pairs: list[tuple[float, float]] = []
    started = time.perf_counter()
    while len(pairs) < 7 or time.perf_counter() - started < seconds:
        times = []
        for run in (first, second):
            before = time.perf_counter()
            run()
            times.append(time.perf_counter() - before)
        pairs.append((times[0], times[1]))
    return pairs[2:]


def measured(rewrite: str, shape: tuple[int, ...], filters: int, precision: str, arguments: Any) -> dict[str, Any]:
    """Compare one fused operation with plain layers at one size."""
    import tensorflow as tf

    from dcgan_kit.networks import fused_forward, product_gradients, rewrites

    model = model_of(rewrite, shape, filters, precision)
    chosen = bool(fused_forward.forward_of(model).fused)
    if rewrite == "weights":
        kernel, type_of = (4, 4, shape[-1], filters), model.layers[-1].compute_dtype
        chosen = product_gradients.suits_products(type_of, (arguments.batch, *shape), kernel, 2)
    module = product_gradients if rewrite == "weights" else rewrites
    limits = LIMITS[module.__name__.rpartition(".")[2]]
    kept = {name: getattr(module, name) for name in limits}
    vars(module).update(limits)
    fused = fused_forward.forward_of(model)
    x = tf.random.stateless_normal((arguments.batch, *shape), (0, 0))
    plain, together = pass_of(model, model, x), pass_of(model, fused, x)
    pairs = paired_times(plain, together, arguments.seconds)
    vars(module).update(kept)
    low, ratio, high = statistics.quantiles([a / b for a, b in pairs], n=4)
    return {
        "rewrite": rewrite,
        "shape": shape,
        "filters": filters,
        "precision": precision,
        "plain_ms": 1e3 * statistics.median(a for a, _ in pairs),
        "fused_ms": 1e3 * statistics.median(b for _, b in pairs),
        "ratio": ratio,
        "quartiles": (low, high),
        "pairs": len(pairs),
        "on": chosen,
    }


def main() -> None:
    """Measure the fused operations that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rewrites", nargs="*", default=list(SIZES), help=f"of {', '.join(SIZES)}")
    parser.add_argument("--seconds", type=float, default=3.0, help="to measure each size for")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--json", type=Path, help="write the results here too")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.rewrites) - set(SIZES))
    if unknown:
        parser.error(f"no rewrite {', '.join(unknown)}: there are {', '.join(SIZES)}")
    start_tensorflow()
    results = []
    print(
        f"{'rewrite':14} {'map':>11} {'filters':>7} {'precision':15} {'plain ms':>9} {'fused ms':>9}  ratio (quartiles)"
    )
    for rewrite in arguments.rewrites:
        for shape, filters in SIZES[rewrite]:
            for precision in PRECISIONS:
                result = measured(rewrite, shape, filters, precision, arguments)
                results.append(result)
                low, high = result["quartiles"]
                print(
                    f"{rewrite:14} {'x'.join(map(str, shape)):>11} {filters or '':>7} {precision:15}"
                    f" {result['plain_ms']:9.2f} {result['fused_ms']:9.2f}"
                    f"  {result['ratio']:.2f} ({low:.2f}-{high:.2f}){'' if result['on'] else ' off'}",
                    flush=True,
                )
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
