"""Readings of all probes during a whole training. docs/health.md and the thresholds of probes use these numbers.

    python benchmarks/health.py                                              # the default recipe, about 6 minutes
    python benchmarks/health.py lecture-fashion28 generator.upsample.kernel_size=3 --steps 2000

The table shows for each reading: its value at step 0, its lowest and highest value in the first quarter of training,
and its lowest, middle and highest value in the rest.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

EVERY, EVALUATE_EVERY = 100, 500


def _inspections(recipe: str, overrides: tuple[str, ...], steps: int | None) -> list[dict[str, Any]]:
    """Train with all probes and return the results of each step with probes."""
    import tensorflow as tf

    from dcgan_kit.adversarial.session import Session
    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.data.loading import load_images
    from dcgan_kit.probing.probe_run import build_probes, by_default
    from dcgan_kit.probing.schedule import ProbeWatch
    from dcgan_kit.recipes.loading import load_recipe

    loaded = load_recipe(recipe, overrides, PluginSettings(builtins_only=True))
    session, images = Session.create(loaded.recipe), load_images(loaded.recipe)
    probes = build_probes(map(by_default, loaded.plugins.registry.of_kind("probe")))
    watch = ProbeWatch(session, images, probes, EVERY, EVALUATE_EVERY)
    compiled, inspections, step = session.compile(), [], 0
    last = loaded.recipe.training.steps if steps is None else steps
    while True:
        if watch.due(step):
            inspection = watch.inspect(step)
            inspections.append(
                {"step": step, "scalars": dict(inspection.scalars), "findings": [str(f) for f in inspection.findings]}
            )
        if step == last:
            return inspections
        until = next(s for s in range(step + 1, last + 1) if s == last or watch.due(s))
        compiled(*session.batches(images, step, until - step), tf.constant(step, tf.int64))
        step = until


def main() -> None:
    """Train, print the tables, and write JSON if requested."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", nargs="?", default="lecture-fashion28")
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--steps", type=int, help="fewer than the recipe has")
    parser.add_argument("--json", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    from dcgan_kit.process.tensorflow_startup import start_tensorflow

    start_tensorflow()
    inspections = _inspections(arguments.recipe, tuple(arguments.overrides), arguments.steps)
    quarter = inspections[-1]["step"] / 4
    print("| reading | step 0 | first quarter | rest: lowest, middle, highest |\n| --- | --- | --- | --- |")
    for name in dict.fromkeys(key for inspection in inspections for key in inspection["scalars"]):
        values = [
            (inspection["step"], inspection["scalars"][name])
            for inspection in inspections
            if name in inspection["scalars"]
        ]
        start = ", ".join(f"{value:.3g}" for step, value in values if step == 0)
        early = [value for step, value in values if 0 < step <= quarter]
        late = [value for step, value in values if step > quarter]
        first = f"{min(early):.3g} … {max(early):.3g}" if early else ""
        rest = f"{min(late):.3g}, {statistics.median(late):.3g}, {max(late):.3g}" if late else ""
        print(f"| {name} | {start} | {first} | {rest} |")
    print("\n| step | finding |\n| --- | --- |")
    for inspection in inspections:
        for finding in inspection["findings"]:
            print(f"| {inspection['step']} | {finding} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(inspections, indent=1) + "\n")


if __name__ == "__main__":
    main()
