"""Whether weights equal those of another checkout of dcgan-kit bit for bit, and whether commands start as fast.

    git worktree add ../before COMMIT
    python benchmarks/against_checkout.py ../before            # about fifteen minutes
    python benchmarks/against_checkout.py ../before --only steps

Every recipe that both have, except those with more than 8 million parameters, takes two steps on random images in
float32 in each tree. Digests of all weights before and after are compared. Then some commands, and a short training,
run in both trees in turns. A ratio is the time in this tree divided by that in the other one, as the median over the
rounds. At last, training steps of both trees take turns: the ratio is that of their times, again.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent.parent
PACKAGES = {"dcgan_kit": "dcgan_kit", "dcgan_kit_plugins": "plugins", "dcgan_kit_recipes": "recipes"}
"""Package → its folder in a checkout."""
MOST_PARAMETERS = 8_000_000
COMMAND = "from dcgan_kit.cli import main; main()"
COMMANDS = (("--help",), ("components", "list"), ("check", "lecture-fashion28"), ("show", "lecture-fashion28"))
ROUNDS = 5
STEP_ROUNDS, STEPS = 15, 2
NETS = ("64", "64resize", "28", "classes28", "residual32")
LOOPS = ("ours float32, no XLA", "ours mixed_bfloat16, no XLA")


def _digests(name: str) -> None:
    """Print digests of the weights of a recipe of the tree that is imported, as JSON; null for a large recipe."""
    from dcgan_kit.process.tensorflow_startup import start_tensorflow

    start_tensorflow()
    import numpy as np
    import tensorflow as tf

    from dcgan_kit.adversarial.session import Session
    from dcgan_kit.adversarial.step import ROLES
    from dcgan_kit.components.contracts.training import Images
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.networks.builder import build_networks
    from dcgan_kit.networks.summary import summarize
    from dcgan_kit.recipes.loading import load_recipe

    fixed = ("training.batch_size=8", "training.precision=float32")
    recipe = load_recipe(name, fixed, PluginSettings(builtins_only=True)).recipe
    networks = build_networks(recipe, symbolic=True)
    if sum(summarize(n).trainable_parameters for n in (networks.generator, networks.discriminator)) > MOST_PARAMETERS:
        print("null")
        return
    session = Session.create(recipe)

    def digest() -> str:
        found = hashlib.sha256()
        for role in ROLES:
            for weight in session.step.weights[role]:
                found.update(np.ascontiguousarray(weight.numpy()).tobytes())
        return found.hexdigest()[:16]

    before, random = digest(), np.random.default_rng(0)
    pixels = random.integers(0, 256, (32, *recipe.image.shape), np.uint8)
    images = Images(pixels, random.integers(0, 10, 32))
    session.compile()(*session.batches(images, 0, 2), tf.constant(0, tf.int64)).numpy()
    print(json.dumps([before, digest()]))


def _linked(tree: Path, scratch: Path) -> Path:
    """Return a folder from which Python imports the packages of a checkout."""
    folder = Path(tempfile.mkdtemp(dir=scratch))
    for package, source in PACKAGES.items():
        (folder / package).symlink_to(tree / source)
    (folder / "dcgan_kit_command.py").symlink_to(tree / "dcgan_kit_command.py")
    return folder


def _run(tree: Path, *words: str) -> tuple[float, str]:
    environment = {**os.environ, "PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    started = time.perf_counter()
    run = subprocess.run([sys.executable, *words], env=environment, capture_output=True, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{' '.join(words)} in {tree}: status {run.returncode}\n{run.stderr[-2000:]}")
    return time.perf_counter() - started, run.stdout


def _bits(trees: tuple[Path, Path]) -> Iterator[str]:
    shared = [{file.stem for file in (tree / "dcgan_kit_recipes").glob("*.yaml")} - {"dcgan"} for tree in trees]
    for name in sorted(shared[0] & shared[1]):
        here, there = (json.loads(_run(tree, __file__, "--digests", name)[1].splitlines()[-1]) for tree in trees)
        if here is None:
            yield f"| `{name}` | more than {MOST_PARAMETERS:,} parameters | |"
        else:
            verdicts = ("equal" if one == other else "**different**" for one, other in zip(here, there, strict=True))
            yield f"| `{name}` | {' | '.join(verdicts)} |"


def _training(tree: Path) -> dict[str, float]:
    # Each checkout measures itself.
    script = (tree / "dcgan_kit").resolve().parent / "benchmarks" / "overhead.py"
    words = ("--child", "--recipe", "lecture-fashion28", "--steps", "200")
    found: dict[str, float] = json.loads(_run(tree, str(script), *words)[1].splitlines()[-1])
    return found


def _speeds(trees: tuple[Path, Path]) -> Iterator[str]:
    for words in COMMANDS:
        ratios = []
        for number in range(ROUNDS):
            times = {tree: _run(tree, "-c", COMMAND, *words)[0] for tree in (trees if number % 2 else trees[::-1])}
            ratios.append(times[trees[0]] / times[trees[1]])
        yield f"| `dcgan-kit {' '.join(words)}` | {statistics.median(ratios):.2f} |"
    facts = [[_training(tree) for tree in trees] for _ in range(2)]
    for quantity, title in (
        ("seconds_to_first_progress", "`dcgan-kit train` to its first step"),
        ("peak_memory_mb", "peak memory of a training"),
    ):
        yield f"| {title} | {statistics.median(here[quantity] / there[quantity] for here, there in facts):.2f} |"


def _steps(trees: tuple[Path, Path]) -> Iterator[str]:
    # The children import no module of this folder.
    from step import take_turns

    for net in NETS:
        for name in LOOPS:
            pair = [_contender(tree, net, name) for tree in trees]
            take_turns(pair, STEP_ROUNDS, lambda _: STEPS)
            ratios = [here / there for here, there in zip(pair[0].rounds, pair[1].rounds, strict=True)]
            times = (f"{statistics.median(one.rounds):.0f}" for one in pair)
            between = f"{min(ratios):.2f}-{max(ratios):.2f}"
            yield f"| `{net}`, {name} | {' | '.join(times)} | {statistics.median(ratios):.2f} | {between} |"


def _contender(tree: Path, net: str, name: str) -> Any:
    from step import BATCHES, Contender

    # Each checkout measures itself.
    program = (tree / "dcgan_kit").resolve().parent / "benchmarks" / "step.py"
    contender = Contender(name, net, BATCHES[net], program, tree)
    if not contender.wait():
        raise SystemExit(f"{name} on {net} in {program}: did not start")
    return contender


PARTS = {
    "bits": (_bits, "| recipe | first weights | weights after two steps |\n| --- | --- | --- |"),
    "speeds": (_speeds, "| what | this tree / other |\n| --- | --- |"),
    "steps": (
        _steps,
        "| step | ms in this tree | ms in the other | this tree / other | lowest-highest |\n"
        "| --- | --- | --- | --- | --- |",
    ),
}


def main() -> None:
    """Compare, and print a table for each part."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, nargs="?", help="folder of the other checkout")
    parser.add_argument("--only", choices=list(PARTS), nargs="+", default=list(PARTS), help="these parts")
    parser.add_argument("--digests", metavar="RECIPE", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.digests:
        _digests(arguments.digests)
        return
    if arguments.checkout is None:
        parser.error("name the folder of another checkout")
    with tempfile.TemporaryDirectory() as scratch:
        trees = (_linked(HERE, Path(scratch)), _linked(arguments.checkout.resolve(), Path(scratch)))
        for part in arguments.only:
            measure, head = PARTS[part]
            print(head)
            for line in measure(trees):
                print(line, flush=True)
            print()


if __name__ == "__main__":
    main()
