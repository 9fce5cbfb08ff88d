"""N steps, a checkpoint, another process' memory, N steps more: bit for bit what 2 N steps give."""

from __future__ import annotations

import json
import signal

import numpy as np
import pytest
from training_fixtures import NOISE_IN_BRANCHES

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


def test_branches_and_repeats_go_on_bit_for_bit(branched, taken, goes_on):
    goes_on(taken(branched("training.steps=4", *NOISE_IN_BRANCHES), steps=4), 4)


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
    assert any("continuing from step 2" in line for line in notes)

    name = "step-000000008.npz"
    same(*(values_in(r.run.checkpoints / name) for r in (straight, again)))
    for file in sorted(straight.run.samples.iterdir()):
        assert file.read_bytes() == (again.run.samples / file.name).read_bytes()
    assert straight.run.metrics_file.read_bytes() == again.run.metrics_file.read_bytes()


LOGGED = ("training.log_every=5", "training.sample_every=100", "training.checkpoint_every=100", "training.steps=12")


@pytest.mark.parametrize(
    "way",
    [
        (),
        ("training.precision=mixed_float16",),
        ("training.updates=in_turn", "training.accumulate=2"),
        ("training.penalty={use: r1, every: 4}", "training.updates=alternating", "training.discriminator.updates=2"),
        ("training.best.metric=generator_loss", "training.checkpoint_every=6", "training.keep=1"),
    ],
    ids=["plain", "overflows", "in turn, accumulated", "lazy penalty", "best loss"],
)
def test_metrics_are_the_same_to_the_last_bit_wherever_a_run_was_stopped(way, tiny, run, tmp_path, monkeypatch):
    """A stop between two lines writes none, and what was added up for the next one is not lost."""
    loaded = tiny(*LOGGED, *way)
    straight, _ = run(loaded, tmp_path / "straight")
    # One step a group, so that a signal is heeded between any two.
    monkeypatch.setattr("dcgan_kit.training.step_groups.GROUP_SECONDS", 1e-9)
    stops = [3, 4, 5, 11]
    for step in stops:
        stopped, _ = run(loaded, tmp_path / "stopped", stop_at(step))
        assert stopped.step == step
    again, _ = run(loaded, tmp_path / "stopped")
    assert again.run.metrics_file.read_bytes() == straight.run.metrics_file.read_bytes()
    ends = [json.loads(r.run.manifest_file.read_text()) for r in (straight, again)]
    assert (ends[0]["best"], ends[0]["checkpoints"][-1]) == (ends[1]["best"], ends[1]["checkpoints"][-1])
    due = {5, 6, 10, 12} if "training.checkpoint_every=6" in way else {5, 10, 12}
    assert [json.loads(line)["step"] for line in straight.run.metrics_file.read_text().splitlines()] == sorted(due)
    sizes = [json.loads(line) for line in again.run.speed_file.read_text().splitlines()]
    assert {line["step"] for line in sizes} == due
    assert all(line["images_per_second"] > 0 for line in sizes)


def test_how_many_steps_run_at_once_changes_nothing(tiny, run, values_in, tmp_path):
    """What is logged how often decides how steps are grouped."""
    one, _ = run(tiny("training.log_every=1", "training.ema=0.9"), tmp_path / "one")
    other, _ = run(tiny("training.log_every=8", "training.ema=0.9"), tmp_path / "other")
    values = [values_in(r.run.checkpoints / "step-000000008.npz") for r in (one, other)]
    for found in values:
        # They hold how often is logged.
        del found["meta/recipe"], found["meta/memory"]
    same(*values)
