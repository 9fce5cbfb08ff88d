"""What TensorFlow, Keras and XLA raise is reported by its reason, without what stands around it."""

from __future__ import annotations

import pytest
import tensorflow as tf

from dcgan_kit.components.error_reason import reason
from dcgan_kit.networks.error_message import fault_of_the_machine, refused_by_xla

IMAGE = (2, 4, 4, 1)


def foreign(x):
    y = tf.numpy_function(lambda array: array, [x], x.dtype)
    y.set_shape(x.shape)
    return x + y


def as_text(x):
    return tf.strings.to_number(tf.strings.as_string(x))


def pooled(x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = tf.nn.max_pool2d(x, 2, 1, "SAME")
    return tape.gradient(y, x)


def printed(x):
    with tf.control_dependencies([tf.io.write_file(tf.constant("/dev/null"), tf.constant(""))]):
        return x + 1


def decoded(x):
    return x + tf.cast(tf.io.decode_raw(tf.constant("abcd"), tf.uint8)[0], x.dtype)


@pytest.mark.parametrize(
    ("function", "reported"),
    [
        (foreign, "XLA has no PyFunc"), (as_text, "XLA has no AsString"), (printed, "XLA has no WriteFile"),
        (decoded, "XLA has no DecodeRaw"), (pooled, "deterministic XLA implementation"),
    ],
)  # fmt: skip
def test_xla_says_what_it_cannot_compile(function, reported, determinism):
    determinism(True)
    inner = tf.function(function, jit_compile=True, autograph=False)
    with pytest.raises(tf.errors.OpError) as raised:
        tf.function(lambda x: inner(x) + 0, autograph=False)(tf.ones(IMAGE))
    assert reported in reason(raised.value)
    assert refused_by_xla(raised.value)
    assert "node" not in reason(raised.value).replace("nodes", "")
    assert fault_of_the_machine(raised.value) == ""


def test_of_a_python_function_inside_the_graph_its_own_words_are_told():
    def fail(array):
        raise ValueError(f"no cheese for {array.shape}")

    with pytest.raises(tf.errors.InvalidArgumentError) as raised:
        tf.function(lambda x: tf.numpy_function(fail, [x], x.dtype), autograph=False)(tf.ones(IMAGE))
    assert reason(raised.value) == "ValueError: no cheese for (2, 4, 4, 1)"


@pytest.mark.parametrize(
    ("error", "reported"),
    [
        (tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor of shape [9]"), "out of memory: OOM when"),
        (MemoryError(), "out of memory: MemoryError"),
        (tf.errors.UnimplementedError(None, None, "{{function_node a}} DNN library is not found.\n\t [[{{node b}}]]"),
         "UnimplementedError: DNN library is not found."),
        (tf.errors.InternalError(None, None, "libdevice not found at ./libdevice.10.bc"), "libdevice not found at"),
        (tf.errors.FailedPreconditionError(None, None, "DNN library initialization failed."), "initialization failed"),
        (tf.errors.InvalidArgumentError(None, None, "shapes differ"), ""),
        (ValueError("cuDNN is a word of a plugin"), ""),
    ],
)  # fmt: skip
def test_faults_of_the_machine(error, reported):
    found = fault_of_the_machine(error)
    assert bool(found) == bool(reported)
    assert reported in found
    assert "\n" not in found
