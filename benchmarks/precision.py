"""Does training in mixed_bfloat16 reduce quality? The default recipe in both precisions, with several seeds each.

    python benchmarks/precision.py --steps 2000 --seeds 3

Every run has its own process and trains as ``dcgan-kit train`` does. Its score is the Fréchet distance between 2,000
samples and half of the embedded images, in the features of the extractor ``fashion_classifier``.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

PRECISIONS = ("float32", "mixed_bfloat16")
SAMPLES = 2000


def _score(precision: str, seed: int, steps: int, recipe: str, overrides: Sequence[str]) -> None:
    from dcgan_kit.process.tensorflow_startup import start_tensorflow

    start_tensorflow()
    import keras

    from dcgan_kit.components.plugin import PluginSettings
    from dcgan_kit.data.loading import load_images
    from dcgan_kit.evaluation.evaluator import Evaluator, split_reference
    from dcgan_kit.evaluation.selection import build_extractor, build_score, choice_of
    from dcgan_kit.recipes.loading import load_recipe
    from dcgan_kit.runs.image_grid import generated, latent_vectors
    from dcgan_kit.training.loop import train

    class Silent:
        def note(self, message: str) -> None:
            print(message, file=sys.stderr)

        def preparation(self, task: str, done: int, total: int) -> None:
            pass

        def progress(self, step: int, metrics: object) -> None:
            pass

    fixed = (f"training.precision={precision}", f"training.seed={seed}", f"training.steps={steps}")
    loaded = load_recipe(recipe, (*overrides, *fixed), PluginSettings(builtins_only=True))
    with tempfile.TemporaryDirectory() as folder:
        outcome = train(loaded.recipe, loaded.plugins, Path(folder) / "run", Silent())
        generator = keras.saving.load_model(outcome.run.generator_file, compile=False)
    latent = latent_vectors(loaded.recipe, SAMPLES, seed, step=-3)
    pixels = generated(generator, latent, loaded.recipe.image.range)
    images, registry = load_images(loaded.recipe), loaded.plugins.registry
    extractor = build_extractor(choice_of("extractor", "fashion_classifier", registry), images)
    frechet = build_score(choice_of("score", "frechet", registry))
    (found,) = Evaluator(split_reference(images, None), extractor, [frechet], SAMPLES).evaluate([pixels])
    print(json.dumps({"distance": found.value, "floor": found.floor}))


def main() -> None:
    """Train, compute the scores, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overrides", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--recipe", default="lecture-fashion28")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--one", nargs=2, metavar=("PRECISION", "SEED"), help=argparse.SUPPRESS)
    arguments = parser.parse_intermixed_args()
    if arguments.one:
        _score(arguments.one[0], int(arguments.one[1]), arguments.steps, arguments.recipe, arguments.overrides)
        return
    found: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    floor = 0.0
    for seed in range(arguments.seeds):
        for precision in PRECISIONS:
            command = [sys.executable, __file__, "--one", precision, str(seed)]
            command += ["--steps", str(arguments.steps), "--recipe", arguments.recipe, *arguments.overrides]
            environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
            run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
            result = json.loads(run.stdout.splitlines()[-1])
            found[precision].append(result["distance"])
            floor = result["floor"]
            print(f"seed {seed}, {precision}: {result['distance']:.3f}", file=sys.stderr)
    seeds = [f"seed {seed}" for seed in range(arguments.seeds)]
    print("| precision | " + " | ".join([*seeds, "mean", "spread"]) + " |")
    print("| --- " * (arguments.seeds + 3) + "|")
    for precision, values in found.items():
        cells = [f"{value:.2f}" for value in (*values, statistics.mean(values), max(values) - min(values))]
        print(f"| {precision} | " + " | ".join(cells) + " |")
    print(f"\n{arguments.steps} steps of {arguments.recipe}; real against real: {floor:.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"distances": found, "floor": floor}, indent=2) + "\n")


if __name__ == "__main__":
    main()
