"""Every recipe that comes along takes four steps with its own networks, losses and turns, through the real loop."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from dcgan_kit.components.plugin_loader import load_builtins

pytestmark = pytest.mark.slow

STEPS = 4
UNTRAINED = {
    "dcgan", "r3gan-cifar32", "sngan-cifar32", "wgangp-resnet-cifar32", "cganpd-cifar32",
    "wgangp-resnet-cifar32-acgan", "r3gan-cifar32-conditional", "sagan64-small",
}  # fmt: skip
"""A base, and models whose steps take minutes on a processor; ``tests/twins`` takes a step of them, narrowed."""
RECIPES = sorted(load_builtins().recipes.keys() - UNTRAINED)
NAMED = {
    "radford-faces64": {"updates": "in_turn", "l2": 1e-5},
    "tensorflow-mnist28": {"rates": (1e-4, 1e-4)},
    "pytorch-celeba64": {"updates": "alternating"},
    "keras-celeba64": {"updates": "alternating", "latents": "fresh", "rates": (1e-4, 1e-4)},
    "carpedm20-celeba64": {"updates": "alternating", "turns": (1, 2)},
    "comparegan-celeba64": {"updates": "alternating", "turns": (1, 1), "latents": "fresh"},
    "tfgan-cifar32": {"loss": "wasserstein", "penalty": "gradient_penalty"},
    "coursera-mnist28": {"updates": "alternating"},
    "studiogan-cifar32": {"updates": "alternating", "turns": (2, 1), "latents": "fresh"},
    "mmgeneration-64": {"updates": "alternating"},
    "sngan-cifar32": {"updates": "alternating", "turns": (5, 1), "latents": "fresh", "loss": "hinge"},
    "wgangp-resnet-cifar32": {
        "updates": "alternating", "turns": (5, 1), "latents": "fresh", "loss": "wasserstein", "penalty": "gradient_penalty",
    },
    "wgan-cifar32": {
        "updates": "alternating", "turns": (5, 1), "latents": "fresh", "loss": "wasserstein", "rates": (5e-5, 5e-5),
    },
    "r3gan-tiny32": {"updates": "alternating", "latents": "fresh", "loss": "relativistic_paired", "penalty": "both"},
    "sagan64-small": {"updates": "alternating", "latents": "fresh", "loss": "hinge", "rates": (1e-4, 4e-4)},
    "acgan-mnist28": {"updates": "alternating", "latents": "fresh"},
    "cdcgan-mnist28": {"updates": "alternating", "turns": (1, 2)},
}  # fmt: skip
"""How the recipes of published models train, where it is not the usual; turns of D and of G."""


@pytest.fixture(scope="module")
def noise(tmp_path_factory):
    """Return a function shape -> an archive of 40 images of noise, of ten classes."""
    folder = tmp_path_factory.mktemp("noise")

    def noise(shape):
        file = folder / f"{'x'.join(map(str, shape))}.npz"
        if not file.exists():
            np.savez(file, x=np.random.default_rng(0).integers(0, 256, (40, *shape), np.uint8), y=np.arange(40) % 10)
        return file

    return noise


def test_all_published_models_are_here():
    assert NAMED.keys() <= set(RECIPES) | UNTRAINED


@pytest.mark.parametrize(("name", "quick"), [*((name, False) for name in RECIPES), ("lecture-fashion28", True)])
def test_a_recipe_takes_four_steps(name, quick, load, noise, run, tmp_path, processor):
    processor(quick)
    shape = load(name).recipe.image.shape
    loaded = load(
        name, f"data={{use: npz, path: {noise(shape)}}}", f"training.steps={STEPS}", "training.batch_size=2",
        "training.log_every=1", f"training.sample_every={STEPS}", f"training.checkpoint_every={STEPS}", "training.sample_grid=[1, 2]",
    )  # fmt: skip
    training, named = loaded.recipe.training, NAMED.get(name, {})
    outcome, _ = run(loaded, tmp_path / "run")
    assert (outcome.step, outcome.run.finished) == (STEPS, True)
    lines = [json.loads(line) for line in outcome.run.metrics_file.read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    assert all(math.isfinite(value) for line in lines for value in line.values())
    with np.load(outcome.run.checkpoints / f"step-{STEPS:09d}.npz") as last:
        assert all(np.isfinite(last[key]).all() for key in last.files)
        updates = [int(last[key]) for key in last.files if key.endswith("/iteration")]
    for file in Path(outcome.run.path).rglob("*.npz"):
        # Some of these networks are large.
        file.unlink()

    assert training.loss.component.name == named.get("loss", training.loss.component.name)
    if name in NAMED:
        assert training.updates == named.get("updates", "simultaneous")
        assert training.latents == named.get("latents", "shared")
        assert (training.penalty and training.penalty.component.name) == named.get("penalty")
        assert (training.discriminator.updates, training.generator.updates) == named.get("turns", (1, 1))
        assert training.generator.l2 == training.discriminator.l2 == named.get("l2", 0.0)
    taken = (training.generator.updates * STEPS, training.discriminator.updates * STEPS)
    assert updates == [count // 2 for count in taken] if training.updates == "in_turn" else list(taken)
    for line in lines:
        every = training.penalty.options.get("every", 1) if training.penalty else 0
        assert (line.get("penalty", 0.0) > 0) == (every > 0 and (line["step"] - 1) % every == 0)
        rates = tuple(own.optimizer.options["learning_rate"] for own in (training.generator, training.discriminator))
        schedule = training.generator.schedule
        factor = 1.0 if schedule is None else float(schedule.build()(np.float32(line["step"] - 1), STEPS))
        assert (line["generator_rate"], line["discriminator_rate"]) == pytest.approx(
            tuple(factor * rate for rate in rates)
        )
        assert rates == named.get("rates", rates)
        turn = "both" if training.updates != "in_turn" else ("discriminator", "generator")[line["step"] % 2]
        assert (line.get("generator_gradient", 0.0) > 0) == (turn in ("both", "generator"))
        assert (line.get("discriminator_gradient", 0.0) > 0) == (turn in ("both", "discriminator"))
