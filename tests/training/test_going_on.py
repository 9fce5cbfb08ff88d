"""N steps, a checkpoint, another process' memory, N steps more: bit for bit what 2 N steps give."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest

STEPS = 6
CASES = {
    "dropout": ("discriminator.output.head={use: dense, dropout: 0.5}", "discriminator.regularizer=dropout"),
    "gaussian noise": ("generator.regularizer=gaussian_noise", "discriminator.regularizer=gaussian_noise"),
    "spatial dropout": ("generator.regularizer=spatial_dropout", "discriminator.regularizer=spatial_dropout"),
    "spectral norm": ("generator.constraint=spectral", "discriminator.constraint=spectral"),
    "label noise": ("training.loss={use: least_squares, label_noise: 0.2, label_flipping: 0.2}",),
    "mixed_bfloat16": ("training.precision=mixed_bfloat16", "training.ema=0.9"),
    "mixed_float16": ("training.precision=mixed_float16", "discriminator.regularizer=dropout"),
    "accumulate": ("training.accumulate=2", "discriminator.regularizer=dropout"),
    "in turn": ("training.updates=in_turn", "training.discriminator.updates=2"),
    "alternating": ("training.updates=alternating", "training.generator.updates=2", "discriminator.regularizer=dropout"),
    "fresh latents": ("training.updates=alternating", "training.latents=fresh", "training.discriminator.updates=2"),
    "concatenated": ("training.discriminator_passes=concatenated", "discriminator.regularizer=dropout"),
    "average": ("training.ema=0.9", "generator.constraint=spectral"),
    "lazy penalty": ("training.penalty={use: r1, every: 4}",),
    "two time scales": ("training.generator.schedule=cosine", "training.discriminator.optimizer.learning_rate=1e-3"),
    "quick ADA": ("training.augmentation={use: adaptive, kimg: 0.1, target: -1.0}", "training.updates=alternating"),
    "label noise, ADA, spectral norm and average at once": (
        "training.loss={use: non_saturating, label_noise: 0.1}", "training.augmentation={use: adaptive, kimg: 0.1}",
        "discriminator.constraint=spectral", "training.ema=0.99", "discriminator.regularizer=dropout",
        "training.schedule={use: warm_up, steps: 3}", "training.precision=mixed_bfloat16",
    ),
}  # fmt: skip


def same(one, other):
    assert one.keys() == other.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("overrides", CASES.values(), ids=CASES)
def test_half_and_half_is_the_whole(overrides, tiny, taken, goes_on):
    """Of every way to train; every component is tried with those that train and compile."""
    goes_on(taken(tiny(f"training.steps={STEPS}", *overrides).recipe, steps=STEPS), STEPS)


def stop_at(step, number=signal.SIGTERM):
    return lambda done: signal.raise_signal(number) if done == step else None


NOISY = (
    "discriminator.regularizer={use: dropout, rate: 0.3}",
    "generator.regularizer={use: gaussian_noise, stddev: 0.1}",
    "training.ema=0.9",
    "training.updates=alternating",
    "training.augmentation={use: adaptive, kimg: 0.1}",
)


@pytest.mark.parametrize("overrides", [(), NOISY], ids=["plain", "noisy"])
def test_a_run_that_was_stopped_gives_what_a_straight_one_gives(overrides, tiny, run, values_in, tmp_path):
    loaded = tiny(*overrides)
    straight, _ = run(loaded, tmp_path / "straight")
    stopped, _ = run(loaded, tmp_path / "stopped", stop_at(2))
    assert (stopped.signal, stopped.step) == (signal.SIGTERM, 2)
    assert not stopped.run.finished
    again, notes = run(loaded, tmp_path / "stopped")
    assert (again.signal, again.step) == (None, 8)
    assert any("going on from step 2" in line for line in notes)

    name = "step-000000008.npz"
    same(*(values_in(r.run.checkpoints / name) for r in (straight, again)))
    for file in sorted(straight.run.samples.iterdir()):
        assert file.read_bytes() == (again.run.samples / file.name).read_bytes()
    lines = [[json.loads(line) for line in r.run.metrics_file.read_text().splitlines()] for r in (straight, again)]
    for line in (*lines[0], *lines[1]):
        del line["images_per_second"]
    for one, other in zip(*lines, strict=True):
        # Means over steps are rounded as the steps were grouped, which the clock decides.
        assert one == pytest.approx(other, rel=1e-6)


def test_how_many_steps_run_at_once_changes_nothing(tiny, run, values_in, tmp_path):
    """What is logged how often decides how steps are grouped."""
    one, _ = run(tiny("training.log_every=1", "training.ema=0.9"), tmp_path / "one")
    other, _ = run(tiny("training.log_every=8", "training.ema=0.9"), tmp_path / "other")
    values = [values_in(r.run.checkpoints / "step-000000008.npz") for r in (one, other)]
    for found in values:
        del found["meta/recipe"]
    same(*values)
