"""The cost of a recipe's probes: their share of training time at the recipe's intervals, and milliseconds of each one.

    python benchmarks/probes.py                        # the default recipe, about 3 minutes

Blocks of steps that begin with probes and blocks without probes take turns in one process, so that other work on the
machine affects both. The script times the probes, and compares the processor time of both kinds of block. At an
evaluation all probes of the recipe run, at other steps only the cheap ones. The second reading of ``drift`` follows ten
steps later. The second table shows every available probe.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

EVALUATIONS = 2
"""Number of evaluations to measure, after the one at step 0, which compiles."""


def _times(recipe: str) -> dict[str, Any]:
    import tensorflow as tf

    from dcgan_kit.adversarial.session import Session
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.data.loading import load_images
    from dcgan_kit.probing.probe_run import build_probes, by_default
    from dcgan_kit.probing.schedule import ProbeWatch
    from dcgan_kit.recipes.loading import load_recipe

    loaded = load_recipe(recipe, (), PluginSettings(builtins_only=True))
    session, images = Session.create(loaded.recipe), load_images(loaded.recipe)
    probing, evaluate_every = loaded.recipe.training.probing, loaded.recipe.training.evaluation.every
    every = probing.every
    if not probing.probes or evaluate_every % (2 * every):
        raise SystemExit(f"{recipe}: needs probes, and evaluations at every second probing")
    watch = ProbeWatch(session, images, build_probes(probing.probes), every, evaluate_every)
    steps = session.compile()

    def train(first: int, last: int) -> None:
        batches = session.batches(images, first, last - first)
        steps(*batches, tf.constant(first, tf.int64)).numpy()

    blocks: dict[str, list[float]] = {"off": [], "on": []}
    inspections: dict[str, list[float]] = {"cheap": [], "all": [], "second": []}
    # The first two blocks compile, and are not counted.
    blocks_in_all = EVALUATIONS * evaluate_every // every + 2
    for number in range(blocks_in_all):
        step, end, on = every * number, every * (number + 1), number % 2 == 0
        start = time.process_time()
        while step < end:
            if on and watch.due(step):
                start_probing = time.perf_counter()
                watch.inspect(step)
                kind = "second" if step % every else "cheap" if step % evaluate_every else "all"
                inspections[kind].append(time.perf_counter() - start_probing)
            until = next(s for s in range(step + 1, end + 1) if s == end or (on and watch.due(s)))
            train(step, until)
            step = until
        if number >= 2:
            blocks["on" if on else "off"].append(time.process_time() - start)
    walls = []
    for number in range(blocks_in_all, blocks_in_all + 3):
        start = time.perf_counter()
        train(every * number, every * (number + 1))
        walls.append(time.perf_counter() - start)
    return {
        "steps": statistics.median(walls),
        "processor": {kind: statistics.median(times) for kind, times in blocks.items()},
        "inspections": {kind: statistics.median(times[1:] or times) for kind, times in inspections.items() if times},
        "every": every,
        "inspections_per_evaluation": evaluate_every // every,
        "probes": _each(watch, build_probes(map(by_default, loaded.plugins.registry.of_kind("probe")))),
    }


def _each(watch: Any, probes: Any) -> dict[str, float]:
    """Return the milliseconds of each probe, without the passes that all probes share."""
    found: dict[str, list[float]] = {probe.component.name: [] for probe in probes}
    for _ in range(5):
        context = watch.batch.context()
        context.loss("generator"), context.logits("inference"), context.samples(256)
        for probe in probes:
            start = time.perf_counter()
            probe.measure(context)
            probe.remember(context)
            found[probe.component.name].append(1e3 * (time.perf_counter() - start))
    return {name: statistics.median(times) for name, times in found.items()}


def main() -> None:
    """Measure, print the tables, and write JSON if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default="lecture-fashion28")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    from dcgan_kit.process.tensorflow_startup import start_tensorflow

    start_tensorflow()
    facts = _times(arguments.recipe)
    steps, inspections, processor = facts["steps"], facts["inspections"], facts["processor"]
    often, every = facts["inspections_per_evaluation"], facts["every"]
    share = ((often - 1) * inspections["cheap"] + inspections["all"] + inspections.get("second", 0.0)) / (often * steps)
    print("| quantity | value |\n| --- | --- |")
    print(f"| {every} steps | {steps:.2f} s |")
    for kind, seconds in inspections.items():
        print(f"| probes: {kind} | {1e3 * seconds:.0f} ms |")
    print(f"| cheap probes, share of the time | {100 * inspections['cheap'] / steps:.1f} % |")
    print(f"| all of the recipe's probes, share of the time | {100 * share:.1f} % |")
    print(
        f"| processor time, {every} steps with probes, over {every} steps | {processor['on'] / processor['off']:.3f} |"
    )
    print("\n| probe | ms, without the passes that all share |\n| --- | --- |")
    for name, milliseconds in facts["probes"].items():
        print(f"| {name} | {milliseconds:.1f} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
