"""Sums of three tensors or more are added in one order, so that the same step gives the same bits each time."""

from __future__ import annotations

import pytest
import tensorflow as tf

from dcgan_kit.adversarial.fixed_order import sum_in_order

# Each uses a tensor three times or more: logits in a loss, images, scalars of parts and updates.
RECIPES = {
    "logits": ("training.loss={use: non_saturating, label_noise: 0.05}",),
    "penalty": ("training.loss=wasserstein", "training.penalty=gradient_penalty", "discriminator.normalization=layer"),
    "parts": ("training.batch_size=8", "training.accumulate=4"),
    "updates": ("training.updates=alternating", "training.discriminator.updates=3"),
}


@pytest.fixture
def executed():
    """Return a function (callable) -> the graphs of functions as TensorFlow executes them, in one GraphDef."""
    from tensorflow.python.eager import context

    def executed(call):
        context.enable_run_metadata()
        try:
            call()
            found = context.export_run_metadata()
        finally:
            context.disable_run_metadata()
        merged = tf.compat.v1.GraphDef()
        for one in found.function_graphs:
            merged.node.extend(one.post_optimization_graph.node)
            merged.library.function.extend(one.post_optimization_graph.library.function)
        assert merged.node
        return merged

    return executed


def test_the_first_comes_first():
    assert sum_in_order([tf.constant(2.0**24), tf.constant(1.0), tf.constant(1.0)]).numpy() == 2.0**24
    assert sum_in_order([tf.constant(1.0), tf.constant(1.0), tf.constant(2.0**24)]).numpy() == 2.0**24 + 2.0
    assert sum_in_order([tf.constant(3.0)]).numpy() == 3.0


@pytest.mark.parametrize("overrides", RECIPES.values(), ids=RECIPES)
def test_no_operation_of_a_step_adds_three(tiny, taken, executed, long_sums_of, overrides):
    ours = taken(tiny("training.steps=1", *overrides).recipe)
    assert long_sums_of(executed(ours.take)) == []
    assert long_sums_of(ours.compiled.graph.as_graph_def()) == []


def test_tensorflow_would_join_sums(tiny, taken, executed, long_sums_of):
    """Without this project's settings there are such operations, and the test above sees them."""
    taken(tiny("training.steps=1").recipe)  # It changes the settings.
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": True})
    try:
        joined = tf.function(lambda x: (tf.exp(x) + tf.sin(x) + tf.cos(x), 2.0 * tf.sin(x)))
        x = tf.random.stateless_uniform((3,), [0, 1])
        assert long_sums_of(executed(lambda: joined(x)))
    finally:
        tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})
