"""Steps are timed each way before a training, and leave no trace."""

from __future__ import annotations

import random
from types import SimpleNamespace

import numpy as np
import pytest

from dcgan_kit.adversarial import step_comparison
from dcgan_kit.adversarial.session import Session
from dcgan_kit.adversarial.step_choice import ChoiceSoFar, Variant
from dcgan_kit.adversarial.step_comparison import compared
from dcgan_kit.adversarial.xla_trial import Trial
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.plugin import LoadedPlugins
from dcgan_kit.distributed.devices import Devices

AUTO = "training.precision=auto"
RANDOM = (
    "training.ema=0.9",
    "discriminator.regularizer=dropout",
    "training.augmentation={use: diffaugment, policy: [translation]}",
)
FLOAT32, BFLOAT16 = Variant("float32"), Variant("mixed_bfloat16")


class Reports(list):
    """Keeps the tasks that are reported."""

    def __call__(self, task, done, total):
        assert 0 <= done < total
        self.append(task)


def images_of(recipe):
    pixels = np.random.default_rng(3).integers(0, 256, (16, *recipe.image.shape), np.uint8)
    return Images(pixels, np.arange(16) % (recipe.classes or 1))


def untried(*_, **__):
    raise AssertionError("nothing tries XLA here")


def choose(session, so_far=False, try_xla=untried):
    reports = Reports()
    return compared(session, images_of(session.recipe), LoadedPlugins(()), reports, so_far, try_xla), reports


@pytest.fixture
def timed(monkeypatch):
    """Return a function (times by variant, hardware=True, worth=True) that replaces what the machine answers."""

    def timed(times, hardware=True, worth=True):
        def measured(comparison, other):
            pair = (comparison._current, other)
            for variant in pair:
                comparison._seconds(variant, 2)
            return {variant: [times[variant] * factor for factor in (1, 2, 1, 3, 1)] for variant in pair}

        monkeypatch.setattr(step_comparison, "bfloat16_hardware", lambda kind: "it has" if hardware else "")
        monkeypatch.setattr(step_comparison, "is_worth", lambda *_: worth)
        monkeypatch.setattr(step_comparison._Comparison, "_times", measured)

    return timed


def on_gpu(session):
    """Return the session as if its processor were a GPU, on which XLA may be chosen."""
    from dataclasses import replace

    return replace(session, devices=replace(session.devices, kind="GPU"))


@pytest.fixture
def no_gpu_name(monkeypatch):
    monkeypatch.setattr(step_comparison, "_device_name", lambda kind: f"a {kind}")


@pytest.mark.parametrize(
    ("slow", "quick", "precision", "overrides"),
    [(12.34, 8.0, "mixed_bfloat16", RANDOM), (2.0, 1.95, "float32", ())],
    ids=["quick", "hardly quicker"],
)
def test_it_trains_as_if_the_recipe_had_said_so(slow, quick, precision, overrides, tiny, timed):
    timed({FLOAT32: slow / 1000, BFLOAT16: quick / 1000})
    sessions = (
        Session.create(tiny(AUTO, *overrides).recipe),
        Session.create(tiny(f"training.precision={precision}", *overrides).recipe),
    )
    before = sessions[0].state.values()
    random.seed(4)
    np.random.seed(4)
    drawn = random.random(), np.random.random()
    random.seed(4)
    np.random.seed(4)
    chosen, reports = choose(sessions[0])
    assert (random.random(), np.random.random()) == drawn
    assert chosen.choice.variant == Variant(precision)
    figures = "8 ms a step, float32 12.3" if precision == "mixed_bfloat16" else "2 ms a step, mixed_bfloat16 1.95"
    assert chosen.choice.reason == f"auto: {figures}"
    assert chosen.choice.milliseconds == pytest.approx({FLOAT32: slow, BFLOAT16: quick})
    assert chosen.choice.device
    assert reports
    for name, value in chosen.state.values().items():
        assert value.tobytes() == before[name].tobytes(), name
    assert chosen.compile() is chosen.compile(), "nothing is compiled twice"
    batches = chosen.batches(images_of(chosen.recipe), 0, 3)
    metrics = [np.asarray(session.compile()(*batches, np.int64(0))) for session in (chosen, sessions[1])]
    assert metrics[0].tobytes() == metrics[1].tobytes()
    straight = sessions[1].state.values()
    for name, value in chosen.state.values().items():
        assert value.tobytes() == straight[name].tobytes(), name
        assert name != "step" or value == 3


def test_real_times(tiny, monkeypatch):
    monkeypatch.setattr(step_comparison, "bfloat16_hardware", lambda kind: "it may have")
    monkeypatch.setattr(step_comparison, "GROUP_SECONDS", 0.01)
    choice = choose(Session.create(tiny(AUTO, "training.steps=100000").recipe))[0].choice
    assert choice.milliseconds.keys() == {FLOAT32, BFLOAT16}
    assert all(0 < value < 1e5 for value in choice.milliseconds.values())
    others = choice.milliseconds[FLOAT32], choice.milliseconds[BFLOAT16]
    assert choice.variant == BFLOAT16 or others[0] < 1.3 * others[1]


def test_a_short_training_compares_nothing(tiny, timed):
    timed({}, worth=False)
    session, _ = choose(Session.create(tiny(AUTO).recipe))
    assert session.choice.variant == FLOAT32
    assert session.choice.reason.startswith("auto: 8 steps of ")
    assert session.choice.reason.endswith(" in all are too few to try mixed_bfloat16")
    assert not session.choice.milliseconds
    assert session.compiled is not None, "what was compiled to see how long it takes is used"


@pytest.mark.parametrize(
    ("overrides", "hardware", "reason"),
    [
        ((AUTO,), False, "auto: this CPU has no bfloat16 in hardware"),
        (("training.precision=float32",), True, "as the recipe says"),
        (("training.precision=mixed_float16",), True, "as the recipe says"),
        (("training.precision=float32", "training.xla=off"), True, "as the recipe says"),
    ],
    ids=str,
)
def test_with_one_candidate_nothing_is_compiled(overrides, hardware, reason, tiny, timed):
    timed({}, hardware)
    session, reports = choose(Session.create(tiny(*overrides).recipe))
    assert session.choice.reason == reason
    assert (session.compiled, reports) == (None, [])


def test_a_run_that_goes_on_measures_nothing(tiny):
    session, reports = choose(Session.create(tiny(AUTO).recipe, ChoiceSoFar("mixed_bfloat16", False)), so_far=True)
    assert (session.choice.variant, session.choice.reason) == (BFLOAT16, "as in this run so far")
    assert (session.compiled, reports) == (None, [])


class TwoWorkers(Devices):
    """One process that hears of another worker whatever the test says."""

    other = ()

    def agree(self, *values):
        other = self.other.pop(0) if self.other else values
        return tuple((one + two) / 2 for one, two in zip(values, other, strict=True))


@pytest.mark.parametrize(
    ("other", "variant", "reason"),
    [
        # (knows a choice, has bfloat16) of the other worker; then compilation, step; then both times and the gain.
        ([(0.0, 0.0)], FLOAT32, "auto: not every worker has bfloat16 in hardware"),
        ([(1.0, 0.0)], FLOAT32, "auto: nothing was measured"),
        ([(0.0, 1.0), (1.0, 0.01), (0.004, 0.002, 2.0)], BFLOAT16, None),
        ([(0.0, 1.0), (1.0, 0.01), (0.002, 0.004, 0.05)], FLOAT32, None),
    ],
    ids=["one has none", "one sees another folder", "both gain", "one loses"],
)
def test_workers_choose_together(other, variant, reason, tiny, timed):
    from dataclasses import fields, replace

    timed({FLOAT32: 0.002, BFLOAT16: 0.001})
    session = Session.create(tiny(AUTO).recipe)
    devices = TwoWorkers(**{one.name: getattr(session.devices, one.name) for one in fields(Devices)})
    object.__setattr__(devices, "other", list(other))
    session, _ = choose(replace(session, devices=devices))
    assert session.choice.variant == variant
    assert reason in (None, session.choice.reason)


XLA_TIMES = {
    FLOAT32: 0.013,
    Variant("float32", True): 0.0052,
    Variant("mixed_bfloat16", True): 0.0048,
    BFLOAT16: 0.0128,
}


@pytest.mark.parametrize(
    ("trial", "times", "variant", "note"),
    [
        (Trial(("float32", "mixed_bfloat16")), XLA_TIMES, Variant("mixed_bfloat16", True), ""),
        (Trial(("float32", "mixed_bfloat16")), {**XLA_TIMES, Variant("mixed_bfloat16", True): 0.0051}, Variant("float32", True), ""),
        (Trial(("float32",), "it ended"), XLA_TIMES, Variant("float32", True), "; no mixed_bfloat16 with XLA: it ended"),
        (Trial((), "it ended"), {**XLA_TIMES, BFLOAT16: 0.01}, BFLOAT16, "; no XLA: it ended"),
        (Trial(("float32", "mixed_bfloat16")), {**XLA_TIMES, Variant("float32", True): 0.02}, FLOAT32, ""),
    ],
    ids=["both", "XLA alone", "bfloat16 fails", "XLA fails", "XLA is slow"],
)  # fmt: skip
def test_a_gpu_tries_xla_first_and_then_bfloat16(trial, times, variant, note, tiny, timed, no_gpu_name, monkeypatch):
    timed(times)
    monkeypatch.setattr(
        step_comparison, "compiled_steps", lambda step, xla: lambda *_: SimpleNamespace(numpy=lambda: None)
    )
    asked = []
    session, _ = choose(
        on_gpu(Session.create(tiny(AUTO).recipe)), try_xla=lambda *given, report: asked.append(given) or trial
    )
    ((recipe, _, kind, precisions, seconds),) = asked
    assert (recipe, kind, precisions) == (session.recipe, "GPU", ("float32", "mixed_bfloat16"))
    assert 60 <= seconds <= 600
    assert session.choice.variant == variant
    assert session.choice.reason.endswith(note)
    assert session.choice.device == "a GPU"


def test_networks_that_xla_cannot_compile_are_not_tried(tiny, timed):
    timed({}, hardware=False)
    session = on_gpu(Session.create(tiny(AUTO, "generator.upsample={use: resize_conv, interpolation: bicubic}").recipe))
    assert choose(session)[0].choice.variant == FLOAT32


def test_a_variant_that_the_device_cannot_hold_is_left_out(tiny, timed, monkeypatch):
    import tensorflow as tf

    timed({})
    real = step_comparison._Comparison._compile

    def full(comparison, variant):
        if variant == BFLOAT16:
            raise tf.errors.ResourceExhaustedError(None, None, "no memory is left")
        return real(comparison, variant)

    monkeypatch.setattr(step_comparison._Comparison, "_compile", full)
    session, _ = choose(Session.create(tiny(AUTO).recipe))
    assert session.choice.variant == FLOAT32
    assert session.choice.reason == "auto: no mixed_bfloat16: no memory is left"
