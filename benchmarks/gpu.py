"""What dcgan-kit does on a GPU, in one command.

    python benchmarks/gpu.py --folder gpu                       # everything
    python benchmarks/gpu.py --folder gpu devices train steps   # some parts, in this order
    python benchmarks/gpu.py --folder gpu --few                 # everything in its smallest form, also without a GPU

Each part writes ``<part>.json`` into the folder and prints what it found. A part that fails does not end the others.

* ``devices``: what TensorFlow sees, and whether it computes a convolution.
* ``train``: the default recipe alone on the GPU: speed, chosen precision, XLA, scores.
* ``steps``: the training step in every precision, with and without XLA and fused layers, beside PyTorch's. The
  26 processes start together, so they need a large GPU and much memory; then they take turns, as those of step.py do.
* ``precisions``: the default recipe in three precisions; losses and scores. They train beside each other.
* ``kernels``: forward pass and gradient of a transposed convolution, with and without XLA.
* ``xla``: whether every component has the values and gradients under XLA that it has without it.
* ``tests``: tests of components, networks and steps on the GPU; needs a checkout and the packages for tests.
* ``resume``: whether a run that is killed and goes on equals one that is not, bit for bit.
* ``mirrored``: whether ``mirrored`` on one GPU equals one device.
* ``more_steps``: the step with other batch sizes and networks.
* ``overhead``: the share of the host in a training.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from step import CONTENDERS, Contender, take_turns

HERE = Path(__file__).parent
PROGRAM = (sys.executable, "-c", "from dcgan_kit_command import main; main()")
TORCH = tuple(f"pytorch {loop}, channels last" for loop in ("float32", "bf16", "compile float32", "compile bf16"))
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
OURS = tuple(name for name in CONTENDERS if name.startswith("ours ") and name.endswith("XLA"))
PLAIN = tuple(name for name in CONTENDERS if name.endswith("XLA, plain layers") and "mixed_float16" not in name)
FEW = ("ours auto", "ours auto, 32 steps a call", TORCH[1], TORCH[3])
Group = Sequence[tuple[str, int, Sequence[str]]]
MAIN: Group = (
    ("28", 256, (*OURS, *PLAIN, "ours auto, 32 steps a call", *TORCH)),
    ("64", 128, (*OURS, "ours auto, 32 steps a call", *TORCH)),
)
MORE: Group = (
    ("28", 64, FEW),
    ("28", 1024, (*FEW, "ours mixed_bfloat16, no XLA")),
    ("64", 1024, (*FEW, "ours mixed_bfloat16, no XLA")),
    ("64resize", 128, ("ours auto", "ours mixed_bfloat16, no XLA", "ours mixed_bfloat16, XLA, plain layers")),
    ("residual32", 64, ("keras fit", "ours float32, XLA", "ours auto", TORCH[0], TORCH[3])),
    ("classes28", 128, ("keras fit", "ours float32, XLA", "ours auto", TORCH[0], TORCH[3])),
)
"""(networks, batch size, loops) that are measured at the same time, in turns."""
TESTS = (
    "tests/plugins", "tests/networks", "tests/adversarial", "tests/training/test_resume.py",
    "tests/training/test_loop.py", "tests/testing",
)  # fmt: skip


def devices(_: argparse.Namespace) -> Any:
    """What TensorFlow sees."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    images, kernel = tf.random.normal((8, 32, 32, 64)), tf.random.normal((3, 3, 64, 64))
    total = tf.reduce_sum(tf.nn.conv2d(images, kernel, 1, "SAME"))
    compiled = tf.function(lambda x, y: tf.reduce_sum(x @ y), jit_compile=True)
    product = compiled(tf.ones((256, 256)), tf.ones((256, 256)))
    build = {key: str(value) for key, value in tf.sysconfig.get_build_info().items()}
    names = {"tensorflow": tf.__version__, "gpus": [str(detail) for detail in details], "build": build}
    return {**names, "convolution_on": total.device, "product_by_xla": float(product), "product_on": product.device}


def train(arguments: argparse.Namespace) -> Any:
    """The default recipe, alone."""
    return _trained(arguments, "lecture-fashion28", f"training.steps={arguments.train_steps}")


def precisions(arguments: argparse.Namespace) -> Any:
    """The default recipe in three precisions with XLA, and in the default precision without."""
    variants = [(f"training.precision={precision}",) for precision in PRECISIONS] + [("training.xla=off",)]
    with ThreadPoolExecutor(len(variants)) as pool:
        length = f"training.steps={arguments.train_steps}"
        found = pool.map(lambda variant: _trained(arguments, "lecture-fashion28", length, *variant), variants)
        return {" ".join(variant): result for variant, result in zip(variants, found, strict=True)}


def _trained(arguments: argparse.Namespace, recipe: str, *overrides: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        every = f"training.log_every={max(1, arguments.train_steps // 20)}"
        started = time.perf_counter()
        result = _command("train", recipe, "--run", str(run), every, *overrides)
        seconds = time.perf_counter() - started
        rows, speeds = _lines(run / "metrics.jsonl"), [row["images_per_second"] for row in _lines(run / "speed.jsonl")]
        grids = sorted((run / "samples").glob("*.png"))
        if grids:
            name = re.sub(r"[^a-z0-9]+", "-", "-".join((recipe, *overrides)).lower())
            (arguments.folder / f"{name}.png").write_bytes(grids[-1].read_bytes())
    return {
        "status": result.returncode,
        "seconds": round(seconds, 1),
        "images_per_second": {"median": statistics.median(speeds), "all": speeds} if speeds else None,
        "last_metrics": rows[-1] if rows else None,
        "output": result.stdout[-6000:],
    }


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def _command(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", **variables}
    return subprocess.run(
        [*PROGRAM, *words], check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    )


def steps(arguments: argparse.Namespace) -> Any:
    """Milliseconds of a training step."""
    return _steps_of(MAIN, arguments)


def more_steps(arguments: argparse.Namespace) -> Any:
    """Milliseconds of a training step with other batch sizes and networks."""
    return _steps_of(MORE, arguments)


def _steps_of(group: Group, arguments: argparse.Namespace) -> list[dict[str, Any]]:
    if arguments.few:
        group = [(net, 16, loops[:2]) for net, _, loops in {net: one for one in group for net in one[:1]}.values()]
    started = time.perf_counter()
    contenders = [(net, batch, Contender(loop, net, batch)) for net, batch, loops in group for loop in loops]
    ready = [contender for _, _, contender in contenders if contender.wait()]
    print(f"{len(ready)} loops are ready after {time.perf_counter() - started:.0f} s", flush=True)

    def calls(contender: Contender) -> int:
        return 2 if arguments.few or CONTENDERS[contender.name].steps > 1 else 20

    take_turns(ready, arguments.rounds, calls)
    rows = []
    for net, batch, contender in contenders:
        row = {"net": net, "batch": batch, "loop": contender.name, "ms": contender.rounds}
        rows.append({**row, "parameters": contender.parameters, "gpu_bytes": contender.gpu_bytes})
        if not contender.rounds:
            print(f"{net}, batch {batch}, {contender.name}: did not start; try {contender.command}", flush=True)
            continue
        peers = [
            other.rounds
            for of, size, other in contenders
            if (of, size) == (net, batch) and other.rounds and CONTENDERS[other.name].family == "torch"
        ]
        ratio = ""
        if peers:
            fastest = min(peers, key=statistics.median)
            pairs = zip(fastest, contender.rounds, strict=True)
            ratio = f"  fastest PyTorch / this {statistics.median(theirs / own for theirs, own in pairs):.2f}"
        milliseconds = statistics.median(contender.rounds)
        print(
            f"{net:>10} {batch:>5} {contender.name:<42} {milliseconds:8.2f} ms  {1e3 * batch / milliseconds:9.0f} "
            f"images/s  {(contender.gpu_bytes or 0) / 2**20:7.0f} MiB{ratio}",
            flush=True,
        )
    return rows


def kernels(arguments: argparse.Namespace) -> Any:
    """A transposed convolution: its forward pass, and its gradients by input and kernel."""
    import tensorflow as tf

    from dcgan_kit.process.tensorflow_startup import start_tensorflow

    start_tensorflow()
    tf.config.experimental.enable_op_determinism()
    tf.random.set_seed(0)
    rows, batch = [], 2 if arguments.few else 128
    for size, inputs, outputs in ((4, 512, 256), (16, 128, 64), (32, 64, 3)):
        for dtype in ("float32", "bfloat16"):
            times = {
                name: _time_of(_transposed(batch, size, inputs, outputs, dtype, gradient, xla), arguments.few)
                for name, gradient, xla in (
                    ("forward", False, False),
                    ("forward XLA", False, True),
                    ("gradient", True, False),
                    ("gradient XLA", True, True),
                )
            }
            rows.append({"shape": [batch, size, size, inputs], "filters": outputs, "dtype": dtype, "ms": times})
            print(rows[-1], flush=True)
    return rows


def _transposed(
    batch: int, size: int, inputs: int, outputs: int, dtype: str, gradient: bool, xla: bool
) -> Callable[[], Any]:
    import tensorflow as tf

    images = tf.cast(tf.random.normal((batch, size, size, inputs)), dtype)
    kernel = tf.cast(tf.random.normal((4, 4, outputs, inputs)), dtype)
    shape = (batch, 2 * size, 2 * size, outputs)
    weights = tf.cast(tf.random.normal(shape), dtype)

    @tf.function(jit_compile=xla, autograph=False)
    def call() -> Any:
        with tf.GradientTape() as tape:
            tape.watch((images, kernel))
            result = tf.nn.conv2d_transpose(images, kernel, shape, 2, "SAME")
            total = tf.reduce_sum(result * weights)
        return tape.gradient(total, (images, kernel)) if gradient else result

    return call


def _time_of(call: Callable[[], Any], few: bool) -> float:
    import tensorflow as tf

    def wait(result: Any) -> None:
        tf.reduce_sum(tf.nest.flatten(result)[0]).numpy()

    for _ in range(3):
        wait(call())
    found, calls = [], 2 if few else 20
    for _ in range(5):
        started = time.perf_counter()
        for _ in range(calls):
            result = call()
        wait(result)
        found.append(1e3 * (time.perf_counter() - started) / calls)
    return round(min(found), 3)


def xla(arguments: argparse.Namespace) -> Any:
    """The contract of every component that the training step computes, which compares XLA with eager TensorFlow."""
    from dcgan_kit.components.plugin_loader import load_builtins
    from dcgan_kit.process.tensorflow_startup import start_tensorflow
    from dcgan_kit.testing import check_component

    start_tensorflow()
    elsewhere = ("data", "extractor", "initializer", "probe", "score")
    components = [component for component in load_builtins().registry if component.kind not in elsewhere]
    failed, seconds = {}, {}
    for component in components[:: len(components) // 2] if arguments.few else components:
        started = time.perf_counter()
        try:
            check_component(component)
        except AssertionError as error:
            failed[str(component)] = " ".join(str(error).split())
            print(f"{component}: {failed[str(component)]}", flush=True)
        seconds[str(component)] = round(time.perf_counter() - started, 1)
    return {"checked": len(seconds), "failed": failed, "seconds": seconds}


def tests(arguments: argparse.Namespace) -> Any:
    """Tests on the GPU, in plain float32 (TensorFloat-32 has 10 bits, fewer than the tolerances allow for)."""
    files = ("tests/networks/test_xla_faults.py",) if arguments.few else TESTS
    processes = str(min(10, os.cpu_count() or 1))
    command = [sys.executable, "-m", "pytest", "-v", "--timeout", "150", "--numprocesses", processes, "--dist", "load"]
    command += ["--tb", "short", "-p", "no:cacheprovider", "-p", "no:benchmark", *files]
    environment = {
        **os.environ, "CUDA_VISIBLE_DEVICES": "0", "NVIDIA_TF32_OVERRIDE": "0", "TF_CPP_MIN_LOG_LEVEL": "3",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }  # fmt: skip
    log = arguments.folder / "tests.txt"
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=HERE.parent, stdout=file, stderr=subprocess.STDOUT, env=environment)
        try:
            status: int | None = process.wait(timeout=arguments.test_seconds)
        except subprocess.TimeoutExpired:
            # At Ctrl-C pytest prints the failures so far.
            process.send_signal(signal.SIGINT)
            try:
                status = process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                status = None
    lines = log.read_text(errors="replace").splitlines()
    verdicts = [re.match(r"\[gw\d+\].*\b(PASSED|FAILED|ERROR|SKIPPED|XFAIL) (tests/\S+)", line) for line in lines]
    found: dict[str, list[str]] = {}
    for match in verdicts:
        if match:
            found.setdefault(match[1], []).append(match[2])
    counts = {verdict: len(names) for verdict, names in found.items()}
    return {"status": status, "counts": counts, "failed": found.get("FAILED", []) + found.get("ERROR", [])}


def resume(arguments: argparse.Namespace) -> Any:
    """Whether a resumed run equals one that was never interrupted."""
    count = "2" if arguments.few else "20"
    found = {}
    for name, overrides in {
        "auto": (),
        "float32, no XLA": ("training.precision=float32", "training.xla=off"),
        "mixed_float16": ("training.precision=mixed_float16",),
    }.items():
        result = _command("verify-resume", "lecture-fashion28", "--steps", count, *overrides)
        found[name] = {"status": result.returncode, "output": result.stdout[-1500:]}
    return found


def mirrored(arguments: argparse.Namespace) -> Any:
    """Whether ``mirrored`` on one GPU equals one device: the largest difference of any weight after some steps."""
    import numpy as np

    fixed = ("training.steps=20", "training.precision=float32", "training.xla=off")
    arrays = {}
    with tempfile.TemporaryDirectory() as folder:
        for strategy in ("one_device", "mirrored"):
            run = Path(folder) / strategy
            result = _command("train", "tiny-fashion28", "--run", str(run), *fixed, f"distribute.strategy={strategy}")
            if result.returncode:
                return {"strategy": strategy, "status": result.returncode, "output": result.stdout[-1500:]}
            newest = max((run / "checkpoints").glob("*.npz"))
            with np.load(newest, allow_pickle=False) as stored:
                arrays[strategy] = {name: stored[name] for name in stored.files}
    one, several = arrays["one_device"], arrays["mirrored"]
    numbers = [name for name in one if one[name].dtype.kind == "f" and one[name].size]
    if one.keys() != several.keys() or not numbers:
        return {"error": "the checkpoints hold different arrays", "differ": sorted(one.keys() ^ several.keys())}
    return {
        "arrays": len(numbers),
        "largest_difference": max(float(np.abs(one[name] - several[name]).max()) for name in numbers),
        "equal_bits": all(one[name].tobytes() == several[name].tobytes() for name in numbers),
    }


def overhead(arguments: argparse.Namespace) -> Any:
    """The share of the host, as overhead.py measures it."""
    command = [sys.executable, str(HERE / "overhead.py"), *(["--steps", "20"] if arguments.few else [])]
    result = subprocess.run(command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return {"status": result.returncode, "output": result.stdout[-4000:]}


PARTS: dict[str, Callable[[argparse.Namespace], Any]] = {
    part.__name__: part
    for part in (devices, train, steps, kernels, xla, precisions, resume, mirrored, tests, more_steps, overhead)
}


def main() -> None:
    """Run the parts, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", metavar="PART", help="default: all")
    parser.add_argument("--folder", type=Path, required=True, help="for the results")
    parser.add_argument("--train-steps", type=int, help="default: 2000, or 20 with --few")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--test-seconds", type=int, default=240)
    parser.add_argument("--together", action="store_true", help="run these parts at the same time")
    parser.add_argument("--few", action="store_true", help="very few steps and loops, to try this script")
    parser.add_argument("--here", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.train_steps = arguments.train_steps or (20 if arguments.few else 2000)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    if arguments.here:
        found = PARTS[arguments.here](arguments)
        (arguments.folder / f"{arguments.here}.json").write_text(json.dumps(found, indent=1) + "\n")
        print(json.dumps(found)[:2500], flush=True)
        return
    unknown = sorted(set(arguments.parts) - set(PARTS))
    if unknown:
        parser.error(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}")
    parts = arguments.parts or list(PARTS)
    with ThreadPoolExecutor(len(parts) if arguments.together else 1) as pool:
        failed = [part for part, status in zip(parts, pool.map(_in_process, parts), strict=True) if status]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


def _in_process(part: str) -> int:
    started = time.perf_counter()
    # TensorFloat-32 has 10 bits, fewer than the tolerance of the comparison allows for.
    exact = {"NVIDIA_TF32_OVERRIDE": "0"} if part == "xla" else {}
    command = [sys.executable, __file__, "--here", part, *sys.argv[1:]]
    status = subprocess.run(command, check=False, env={**os.environ, **exact}).returncode
    print(f"== {part}: status {status}, {time.perf_counter() - started:.0f} s", flush=True)
    return status


if __name__ == "__main__":
    main()
