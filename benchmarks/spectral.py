"""Spectral normalization with the hinge loss: the same recipe with and without it, with several seeds.

    python benchmarks/spectral.py                          # 5 variants, 3 seeds, 1,000 steps each; about half an hour
    python benchmarks/spectral.py --steps 200 --seeds 1 --json spectral.json

Every variant is recipes/tuning28.yaml with ``loss: hinge``. They differ in what holds D's layers in check: batch
normalization, as in the recipe; spectral normalization in its place; or nothing. Without batch normalization, D's
learning rate is that of the recipe, or a quarter of it. All train for the same number of steps and are scored against
held-out images. Variants take turns, seed by seed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from pathlib import Path

RECIPE = Path(__file__).parent / "recipes" / "tuning28.yaml"
WITHOUT_NORMALIZATION = ("discriminator.normalization=none", "discriminator.bias=true")
SLOWLY = ("training.discriminator.optimizer.learning_rate=2e-4",)
SPECTRAL = (*WITHOUT_NORMALIZATION, "discriminator.constraint=spectral")
VARIANTS = {
    "batch normalization, 8e-4": (),
    "spectral normalization, 8e-4": SPECTRAL,
    "spectral normalization, 2e-4": (*SPECTRAL, *SLOWLY),
    "nothing, 8e-4": WITHOUT_NORMALIZATION,
    "nothing, 2e-4": (*WITHOUT_NORMALIZATION, *SLOWLY),
}
"""What D's layers have, and D's learning rate."""
SHOWN = ("fd", "kid", "precision", "recall")


def scores_of(variant: str, seed: int, steps: int, folder: Path) -> dict[str, float]:
    """Train one variant with one seed, and return its scores after the last step."""
    import dcgan_kit

    every = ("training.sample_every", "training.checkpoint_every", "training.evaluation.every")
    recipe = dcgan_kit.load_recipe(
        str(RECIPE),
        *("training.loss=hinge", *VARIANTS[variant], f"training.seed={seed}", f"training.steps={steps}"),
        *(f"{key}={steps}" for key in every),
        *("training.evaluation.scores=[]", "training.probing.probes=[]"),
    )
    run = dcgan_kit.train(recipe, folder / f"{variant} {seed}", watcher=dcgan_kit.Quiet())
    evaluation = run.evaluate(["frechet", "kid", "precision_recall"])
    return {number: evaluation[number] for number in SHOWN}


def main() -> None:
    """Train every variant with every seed, and print means and standard deviations of their scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="write the results here too")
    arguments = parser.parse_args()
    found: dict[str, list[dict[str, float]]] = {variant: [] for variant in VARIANTS}
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.seeds):
            for variant, scores in found.items():
                scores.append(scores_of(variant, seed, arguments.steps, Path(folder)))
                print(f"seed {seed}, {variant}: {scores[-1]}", flush=True)
    print(f"\n| D has, at the rate | {' | '.join(SHOWN)} |\n|{' --- |' * (len(SHOWN) + 1)}")
    for variant, scores in found.items():
        print(f"| {variant} | {' | '.join(spread([each[number] for each in scores]) for number in SHOWN)} |")
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def spread(values: list[float]) -> str:
    """Return mean ± standard deviation; without the deviation for a single value."""
    mean = f"{statistics.mean(values):.3g}"
    return f"{mean} ± {statistics.stdev(values):.2g}" if len(values) > 1 else mean


if __name__ == "__main__":
    main()
