"""Sums of three or more tensors, always added in one order, so that equal steps give equal bits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import tensorflow as tf

from dcgan_kit.networks.keras_internals import add_gradients_with


def sum_in_order(tensors: Sequence[Any]) -> Any:
    """Return ((first + second) + third) + …; all have one shape and dtype.

    ``tf.add_n`` starts with whichever tensor's memory it can reuse. With three or more tensors and several threads,
    the order and so the rounding change from one execution to the next, ``enable_op_determinism`` or not.
    """
    return reduce(tf.add, tensors)


def fix_order_of_sums() -> None:
    """Let TensorFlow execute no sum of three or more tensors as one operation, in this process and from now on.

    Two places make such sums: gradients of a tensor that is used several times, and the arithmetic optimization of
    graphs, which joins additions.
    """
    add_gradients_with(sum_in_order)
    tf.config.optimizer.set_experimental_options({"arithmetic_optimization": False})
