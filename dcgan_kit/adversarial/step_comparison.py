"""What ``auto`` means for a training: some of its steps are timed each way, and leave no trace."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from statistics import median

import numpy as np
import tensorflow as tf

from dcgan_kit.adversarial.compiled_steps import Steps, compiled_steps
from dcgan_kit.adversarial.dry_run import unsupported_by_xla
from dcgan_kit.adversarial.precision import bfloat16_hardware, set_precision
from dcgan_kit.adversarial.session import Session
from dcgan_kit.adversarial.state import TrainingState
from dcgan_kit.adversarial.step_choice import MIN_GAIN, MOST_SHARE, StepChoice, Variant, gain, is_worth
from dcgan_kit.adversarial.xla_trial import Report, Trial, tried
from dcgan_kit.components.contracts.training import Images
from dcgan_kit.components.error_reason import reason
from dcgan_kit.components.plugin import LoadedPlugins
from dcgan_kit.errors import counted
from dcgan_kit.process.processors import processor_name
from dcgan_kit.recipes.resolved import Precision
from dcgan_kit.terminal.quantities import duration

ROUNDS = 5
"""Rounds of a comparison: an odd number, so that the median is one of them."""
GROUP_SECONDS = 0.1
"""Target duration of the steps of a variant in a round."""
MOST_STEPS = 100
MOST_BYTES = 2**26
"""Most steps of a variant in a round, and most bytes of their images."""
FIRST_STEPS = 3
"""Single steps of the first variant: the first one compiles, and the others say how long a step takes."""
TRIAL_SECONDS = 60.0
"""What XLA is taken to cost before it is tried: a process that starts TensorFlow, and the compilations in both."""
MOST_TRIAL_SECONDS = 600.0


def compared(
    session: Session,
    images: Images,
    plugins: LoadedPlugins,
    report: Report,
    so_far: bool = False,
    try_xla: Callable[..., Trial] = tried,
) -> Session:
    """Return the session with the fastest variant that ``auto`` allows, and with the compiled steps of that variant.

    Afterwards, weights, optimizers and random numbers are as before, bit for bit. All workers must call it.

    Args:
        session: a session at step 0, with the choice that needs no measurement.
        images: the training images.
        plugins: the plugins that were loaded for the recipe.
        report: receives (task, done, total).
        so_far: whether the choice comes from an earlier part of the run; then nothing is measured.
        try_xla: ``xla_trial.tried``, or what stands in for it.

    Raises:
        ComponentError: a third-party layer failed.
    """
    training, devices = session.recipe.training, session.devices
    if training.precision != "auto" and training.xla != "auto":
        return session
    hardware = bfloat16_hardware(devices.kind) if training.precision == "auto" and not so_far else ""
    # Each worker must take part here, also one that does not see the run folder: the others wait for it.
    known, able = devices.agree(float(so_far), float(bool(hardware)))
    if known > 0 or devices.kind == "TPU":
        return session
    xla = training.xla == "auto" and devices.kind == "GPU" and devices.replicas == 1
    xla = xla and not unsupported_by_xla(session.recipe, session.state.networks)
    if able == 1 or xla:
        with preserved(session.state):
            trial = partial(try_xla, session.recipe, plugins, devices.kind, report=report)
            return _Comparison(session, images, trial, report).fastest(able == 1, xla)
    if training.precision != "auto":
        return session
    missing = "not every worker has" if hardware else f"this {devices.kind} has no"
    return replace(session, choice=replace(session.choice, reason=f"auto: {missing} bfloat16 in hardware"))


@contextmanager
def preserved(state: TrainingState) -> Iterator[None]:
    """Restore the training state, and the random generators of Python and NumPy, after the body."""
    values, python, numpy = state.values(), random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        state.assign(values)
        random.setstate(python)
        np.random.set_state(numpy)


class _Comparison:
    def __init__(self, session: Session, images: Images, try_xla: Callable[..., Trial], report: Report) -> None:
        self._session, self._images, self._try_xla, self._report = session, images, try_xla, report
        self._devices, self._steps = session.devices, session.recipe.training.steps
        self._current, self._compiled = session.choice.variant, dict[Variant, Steps]()
        self._milliseconds, self._notes = dict[Variant, float](), list[str]()
        self._step = self._compilation = 0.0
        self._taken, self._size = 0, 1

    def fastest(self, bfloat16: bool, xla: bool) -> Session:
        """Return the session with the fastest variant.

        Args:
            bfloat16: whether bfloat16 may be chosen.
            xla: whether XLA may be chosen.
        """
        try:
            self._begin()
            passed = self._tried(bfloat16) if xla else None
            if passed:
                self._challenge(replace(self._current, xla=True))
            if bfloat16 and (not self._current.xla or passed is None or "mixed_bfloat16" in passed):
                self._challenge(replace(self._current, precision="mixed_bfloat16"))
        finally:
            set_precision(self._session.state.networks, self._current.precision)
        device = _device_name(self._devices.kind) if self._milliseconds else ""
        choice = StepChoice(self._current, self._reason(), self._milliseconds, device)
        return replace(self._session, choice=choice, compiled=self._compiled[self._current])

    def _reason(self) -> str:
        others = [f"{one} {ms:.3g}" for one, ms in self._milliseconds.items() if one != self._current]
        own = [f"{self._milliseconds[self._current]:.3g} ms a step"] if others else []
        return "auto: " + "; ".join(filter(None, (", ".join((*own, *others)), *self._notes)))

    def _begin(self) -> None:
        """Compile the first variant, which may well be the last one too, and see how long its steps take."""
        self._report(f"timing {self._current}", 0, 1)
        self._compilation = self._compile(self._current)
        step = min(self._seconds(self._current, 1) for _ in range(FIRST_STEPS))
        self._compilation, self._step = self._devices.agree(self._compilation, step)
        bytes_a_step = self._session.recipe.training.batch_size * int(np.prod(self._session.recipe.image.shape))
        fitting = min(MOST_STEPS, MOST_BYTES // bytes_a_step, round(GROUP_SECONDS / max(self._step, 1e-6)))
        self._size = max(1, fitting)

    def _tried(self, bfloat16: bool) -> tuple[Precision, ...]:
        """Return the precisions in which a process compiled the step with XLA; none if that is not worth a try."""
        if not self._worth(TRIAL_SECONDS, replace(self._current, xla=True)):
            return ()
        more: tuple[Precision, ...] = ("mixed_bfloat16",) if bfloat16 else ()
        seconds = min(MOST_TRIAL_SECONDS, max(TRIAL_SECONDS, MOST_SHARE * self._steps * self._step))
        trial: Trial = self._try_xla((self._current.precision, *more), seconds)
        if trial.reason:
            self._notes.append(f"no {'XLA' if not trial.passed else f'{more[0]} with XLA'}: {trial.reason}")
        return trial.passed

    def _challenge(self, other: Variant) -> None:
        """Time the current variant and another one in turns; the faster one is the current one afterwards."""
        if not other.xla or self._current.xla:
            timing = 2 * ROUNDS * max(GROUP_SECONDS, self._step)
            if not self._worth(self._compilation + timing, other):
                return
        compilation = self._compile_other(other)
        if compilation is None:
            return
        times = self._times(other)
        before, after = (median(times[variant]) for variant in (self._current, other))
        ratio = gain(times[self._current], times[other])
        before, after, ratio = self._devices.agree(before, after, ratio)
        self._milliseconds |= {self._current: 1000 * before, other: 1000 * after}
        slower = other
        if ratio >= MIN_GAIN:
            slower, self._current, self._step = self._current, other, after
            (self._compilation,) = self._devices.agree(compilation)
        del self._compiled[slower]

    def _worth(self, cost: float, other: Variant) -> bool:
        if is_worth(cost, self._steps, self._step):
            return True
        took = duration(self._steps * self._step)
        self._notes.append(f"{counted(self._steps, 'step')} of {took} in all are too few to try {other}")
        return False

    def _compile_other(self, other: Variant) -> float | None:
        """Compile a variant; return the seconds that it took, or None if it cannot be had here."""
        self._report(f"comparing {self._current} with {other}", 0, ROUNDS)
        try:
            return self._compile(other)
        except (tf.errors.OpError, MemoryError) as error:
            if self._devices.cluster is not None:
                raise
            self._compiled.pop(other, None)
            self._notes.append(f"no {other}: {reason(error)}")
            return None

    def _compile(self, variant: Variant) -> float:
        """Compile a variant, and take its first step; return the seconds that it took."""
        started = time.perf_counter()
        # Tracing reads the precision from the layers and fixes it.
        set_precision(self._session.state.networks, variant.precision)
        self._compiled[variant] = compiled_steps(self._session.step, variant.xla)
        self._seconds(variant, 1)
        return time.perf_counter() - started

    def _times(self, other: Variant) -> dict[Variant, list[float]]:
        """Return the seconds of a step of both variants in each round."""
        pair = (self._current, other)
        times: dict[Variant, list[float]] = {variant: [] for variant in pair}
        for variant in pair:
            self._seconds(variant, self._size)
        for number in range(ROUNDS):
            self._report(f"comparing {self._current} with {other}", number, ROUNDS)
            # Whoever comes second would profit from a processor that is warm, or suffer from one that is hot.
            for variant in pair[:: 1 if number % 2 == 0 else -1]:
                times[variant].append(self._seconds(variant, self._size) / self._size)
        return times

    def _seconds(self, variant: Variant, count: int) -> float:
        """Take some steps; return the seconds that they took."""
        pixels, labels = self._session.batches(self._images, self._taken, count)
        started = time.perf_counter()
        self._compiled[variant](pixels, labels, tf.constant(np.int64(self._taken))).numpy()
        self._taken += count
        return time.perf_counter() - started


def _device_name(kind: str) -> str:
    if kind != "GPU":
        return processor_name()
    device = tf.config.list_physical_devices("GPU")[0]
    return str(tf.config.experimental.get_device_details(device).get("device_name", "GPU"))
