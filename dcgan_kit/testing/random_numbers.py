"""Random numbers that are the same in XLA as without it.

From one seed, XLA on processors draws other numbers than TensorFlow does. So what draws could not be compared. Here all
stateless random functions draw by whole-number arithmetic, which is the same everywhere.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from typing import Any

import tensorflow as tf

from dcgan_kit.networks.keras_internals import random_operations_replaced


def same_random_numbers() -> AbstractContextManager[None]:
    """Let ``tf.random.stateless_*``, ``keras.random`` and layers draw the same numbers in XLA as without it."""
    return random_operations_replaced(
        {
            "stateless_random_uniform_full_int_v2": _full_integers,
            "stateless_random_uniform_int_v2": _integers,
            "stateless_random_uniform_v2": _uniform,
            "stateless_random_normal_v2": _normal,
            "stateless_truncated_normal_v2": _truncated_normal,
        }
    )


def _full_integers(shape: Any, key: Any, counter: Any, alg: Any, dtype: Any = tf.uint64, name: Any = None) -> Any:
    if tf.as_dtype(dtype).size == 4:
        return tf.bitcast(_bits(shape, key, counter, 0), dtype)
    high, low = (tf.cast(_bits(shape, key, counter, part), tf.uint64) for part in (0, 1))
    return tf.cast(tf.bitwise.bitwise_or(tf.bitwise.left_shift(high, _of(high, 32)), low), dtype)


def _integers(shape: Any, key: Any, counter: Any, alg: Any, minval: Any, maxval: Any, name: Any = None) -> Any:
    span = tf.cast(maxval, tf.float32) - tf.cast(minval, tf.float32)
    return tf.cast(tf.floor(_uniform(shape, key, counter, alg) * span), tf.as_dtype(minval.dtype)) + minval


def _uniform(shape: Any, key: Any, counter: Any, alg: Any, dtype: Any = tf.float32, name: Any = None) -> Any:
    bits = _bits(shape, key, counter, 0)
    # float32 has 24 bits; half precision could round the largest numbers up to 1.
    digits = min(24, {"bfloat16": 8, "float16": 11}.get(tf.as_dtype(dtype).name, 24))
    whole = tf.cast(tf.bitwise.right_shift(bits, _of(bits, 32 - digits)), tf.float32)
    return tf.cast(whole * 2.0**-digits, dtype)


def _normal(shape: Any, key: Any, counter: Any, alg: Any, dtype: Any = tf.float32, name: Any = None) -> Any:
    return tf.cast(_normal_of(_inside(shape, key, counter, alg)), dtype)


def _truncated_normal(shape: Any, key: Any, counter: Any, alg: Any, dtype: Any = tf.float32, name: Any = None) -> Any:
    # The part of a normal distribution within two standard deviations.
    edge = 0.5 * math.erfc(math.sqrt(2.0))
    return tf.cast(_normal_of(edge + (1.0 - 2.0 * edge) * _inside(shape, key, counter, alg)), dtype)


def _inside(shape: Any, key: Any, counter: Any, alg: Any) -> Any:
    """Uniform numbers between 0 and 1, without both."""
    return _uniform(shape, key, counter, alg) * (1.0 - 2.0**-20) + 2.0**-21


def _normal_of(uniform: Any) -> Any:
    return math.sqrt(2.0) * tf.math.erfinv(2.0 * uniform - 1.0)


def _bits(shape: Any, key: Any, counter: Any, part: int) -> Any:
    """Return uint32 numbers: a hash of each position, the key, the counter and a part."""
    count = tf.reduce_prod(tf.cast(shape, tf.int32))
    words = [*_words(key), *_words(counter), tf.constant(part, tf.uint32)]
    # Unlike factors, so that a word in another place gives another sum.
    seed = tf.add_n([word * _of(word, 0x9E3779B1 + 2 * place) for place, word in enumerate(words)])
    positions = tf.cast(tf.range(count), tf.uint32)
    return tf.reshape(_mixed(tf.bitwise.bitwise_xor(positions, _mixed(seed))), tf.cast(shape, tf.int32))


def _words(numbers: Any) -> list[Any]:
    """Return uint64 numbers as scalars of 32 bits."""
    low = tf.cast(tf.bitwise.bitwise_and(numbers, _of(numbers, 2**32 - 1)), tf.uint32)
    high = tf.cast(tf.bitwise.right_shift(numbers, _of(numbers, 32)), tf.uint32)
    return [word for half in (low, high) for word in tf.unstack(half)]


def _mixed(number: Any) -> Any:
    """Spread each bit of uint32 numbers over all bits: the last step of MurmurHash3 (Appleby 2011)."""
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        number = tf.bitwise.bitwise_xor(number, tf.bitwise.right_shift(number, _of(number, shift)))
        number = number * _of(number, factor)
    return number


def _of(like: Any, number: int) -> Any:
    return tf.constant(number, like.dtype)
