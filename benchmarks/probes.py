"""What probes cost: the share of training time at the default intervals, and milliseconds of each.

    python benchmarks/probes.py                        # the default recipe, about 3 minutes

Blocks of 100 steps with and without probes take turns in one process, so that what else the machine does meets both.
A block without is 100 steps; one with them adds what a look at its end needs, every tenth the look at an evaluation.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

EVERY, EVALUATE_EVERY = 100, 1000


def _times(recipe: str, rounds: int) -> dict[str, Any]:
    import tensorflow as tf

    from dcgan_kit.components.plugins import PluginSettings
    from dcgan_kit.data.loading import load_images
    from dcgan_kit.measures.probing import build_probes, by_default
    from dcgan_kit.measures.watching import ProbeWatch
    from dcgan_kit.recipes.loading import load_recipe
    from dcgan_kit.training.session import Session

    loaded = load_recipe(recipe, (), PluginSettings(builtins_only=True))
    session, images = Session.create(loaded.recipe), load_images(loaded.recipe)
    probes = build_probes(map(by_default, loaded.plugins.registry.of_kind("probe")))
    watch = ProbeWatch(session, images, probes, EVERY, EVALUATE_EVERY)
    steps = session.compile()

    def train(first: int, last: int) -> None:
        batches = session.batches(images, first, last - first)
        steps(*batches, tf.constant(first, tf.int64)).numpy()

    blocks: dict[str, list[float]] = {"off": [], "cheap": [], "all": []}
    # The first two blocks compile, and are not counted.
    for number in range(2 * rounds + 2):
        step, end, on = EVERY * number, EVERY * (number + 1), number % 2 == 1
        begun = time.perf_counter()
        while step < end:
            upto = next(s for s in range(step + 1, end + 1) if s == end or (on and watch.due(s)))
            train(step, upto)
            step = upto
            if on and watch.due(step):
                watch.look(step)
        if number >= 2:
            kind = "off" if not on else "cheap" if end % EVALUATE_EVERY else "all"
            blocks[kind].append(time.perf_counter() - begun)
    middle = {kind: statistics.median(times) for kind, times in blocks.items()}
    return {"blocks": middle, "probes": _each(watch, probes)}


def _each(watch: Any, probes: Any) -> dict[str, float]:
    """Milliseconds of each probe once the passes that it shares are made."""
    found: dict[str, list[float]] = {probe.component.name: [] for probe in probes}
    for _ in range(5):
        subject = watch.batch.subject()
        subject.loss("generator"), subject.logits("inference"), subject.samples(256)
        for probe in probes:
            begun = time.perf_counter()
            probe.measure(subject)
            probe.remember(subject)
            found[probe.component.name].append(1e3 * (time.perf_counter() - begun))
    return {name: statistics.median(times) for name, times in found.items()}


def main() -> None:
    """Measure, print the tables, write JSON if asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="lecture-fashion28")
    parser.add_argument("--rounds", type=int, default=20, help="blocks with and blocks without probes")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    from dcgan_kit.cli.quiet import start_tensorflow

    start_tensorflow()
    facts = _times(arguments.recipe, arguments.rounds)
    off, cheap, everything = (facts["blocks"][kind] for kind in ("off", "cheap", "all"))
    looks = EVALUATE_EVERY // EVERY
    share = ((looks - 1) * (cheap - off) + everything - off) / (looks * off)
    print("| what | value |\n| --- | --- |")
    print(f"| {EVERY} steps | {off:.2f} s |")
    print(f"| a look of the cheap probes | {1e3 * (cheap - off):.0f} ms, {100 * (cheap - off) / off:.1f} % of that |")
    print(f"| a look of all probes | {1e3 * (everything - off):.0f} ms |")
    print(f"| all at the default intervals, share of training time | {100 * share:.1f} % |")
    print("\n| probe | ms, without the passes that all share |\n| --- | --- |")
    for name, milliseconds in facts["probes"].items():
        print(f"| {name} | {milliseconds:.1f} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
