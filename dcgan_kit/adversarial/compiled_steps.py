"""The compiled function that runs several training steps in a row on the devices of this process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

import tensorflow as tf

from dcgan_kit.adversarial.step import AdversarialStep
from dcgan_kit.adversarial.step_metrics import METRICS
from dcgan_kit.adversarial.update_schedule import Updates, batches_a_step

Steps = Callable[[Any, Any, Any], Any]
"""(images, labels, first step) → the metrics of each step; see ``compiled_steps``."""


def compiled_steps(step: AdversarialStep, xla: bool) -> Steps:
    """Return a function that trains for K steps: (images, labels, first step) → the metrics of each step.

    Images are uint8 (K, batches, parts, local replicas, B, H, W, C). Labels are int32 with the same shape up to B.
    The result holds the sums and counts of ``METRICS`` for each step, float32 (K, 2, metrics).

    Args:
        step: the adversarial step.
        xla: whether XLA compiles the step.
    """
    one_step = _on_devices(step, xla)

    @tf.function(input_signature=_signature(step), autograph=False)  # type: ignore[untyped-decorator]
    def steps(images: Any, labels: Any, first: Any) -> Any:
        count = tf.shape(images)[0]

        def body(index: Any, rows: Any) -> tuple[Any, Any]:
            found = one_step(images[index], labels[index], first + tf.cast(index, tf.int64))
            return index + 1, rows.write(index, found)

        rows = tf.TensorArray(tf.float32, count, element_shape=(2, len(METRICS)))
        start = (tf.constant(0), rows)
        _, rows = tf.while_loop(lambda index, _: index < count, body, start, parallel_iterations=1)
        return rows.stack()

    compiled: Steps = steps.get_concrete_function()
    return compiled


def optimize_in_background(steps: Steps, step: AdversarialStep) -> Thread:
    """Let TensorFlow optimize the graph of the steps in a thread, while the caller prepares the rest of a training.

    TensorFlow does so when a function is first called, and Python can go on meanwhile. This call asks for no step, so
    it changes no variable. A call that comes before the graph is ready waits for it.
    """
    images, labels = (tf.zeros((0, *spec.shape[1:]), spec.dtype) for spec in _signature(step)[:2])

    def call() -> None:
        # Whatever is wrong, the first step meets it too, in the thread that can say so.
        with suppress(Exception):
            steps(images, labels, tf.zeros((), tf.int64))

    thread = Thread(target=call, name="graph optimization")
    thread.start()
    return thread


def _on_devices(step: AdversarialStep, xla: bool) -> Callable[[Any, Any, Any], Any]:
    """Return one step on all replicas.

    Learning rates, the averaged generator and the step counter change once per step, not once per replica.
    """
    kinds, order = step.schedule.kinds, step.schedule.order
    on_replicas = _on_replicas(step, xla)

    def one_step(pixels: Any, labels: Any, number: Any) -> Any:
        step.optimizer_step.set_rates(number)
        # The branch is outside of ``strategy.run``: in a branch inside it, the replicas could not synchronize.
        branches = [lambda updates=updates: on_replicas(updates, pixels, labels, number) for updates in kinds]
        if len(kinds) == 1:
            metrics = branches[0]()
        else:
            metrics = tf.switch_case(tf.gather(tf.constant(order), number % len(order)), branches)
        with tf.control_dependencies([metrics]):
            step.optimizer_step.average(number)
            step.state.step.assign(number + 1)
        return metrics

    return one_step


def _on_replicas(step: AdversarialStep, xla: bool) -> Callable[[Updates, Any, Any, Any], Any]:
    strategy, first = step.devices.strategy, step.devices.first_replica
    replica_step = tf.function(step.replica_step, jit_compile=True, autograph=False) if xla else step.replica_step

    def run(updates: Updates, pixels: Any, labels: Any, number: Any) -> Any:
        def on_replica(pixels: Any, labels: Any, number: Any) -> Any:
            here = tf.distribute.get_replica_context().replica_id_in_sync_group - first
            return replica_step(pixels[:, :, here], labels[:, :, here], number, updates)

        results = strategy.run(on_replica, args=(pixels, labels, number))
        # Each replica reports the metrics of the whole batch, so one result is enough.
        return strategy.experimental_local_results(results)[0]

    return run


def _signature(step: AdversarialStep) -> tuple[Any, ...]:
    training, devices = step.training, step.devices
    shape = (None, batches_a_step(training), training.accumulate, devices.local_replicas)
    rows = training.batch_size // training.accumulate // devices.replicas
    return (
        tf.TensorSpec((*shape, rows, *step.recipe.image.shape), tf.uint8),
        tf.TensorSpec((*shape, rows), tf.int32),
        tf.TensorSpec((), tf.int64),
    )
