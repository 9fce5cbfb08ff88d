from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dcgan_kit.data.batch_order import batch_indices


def row_of(count, batch, seed, steps):
    return np.concatenate([batch_indices(count, batch, seed, step) for step in range(steps)])


@settings(max_examples=50, deadline=None)
@given(count=st.integers(1, 50), batch=st.integers(1, 70), seed=st.integers(0, 2**31 - 1))
def test_each_image_comes_once_an_epoch(count, batch, seed):
    """Steps cut an endless row of epochs; batches may span two epochs, or several of a small set."""
    row = row_of(count, batch, seed, steps=3 * count // batch + 2)
    for epoch in range(len(row) // count):
        assert sorted(row[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_no_batch_is_short():
    assert {len(batch_indices(10, 4, 0, step)) for step in range(20)} == {4}


def test_epochs_differ_and_seeds_differ():
    row = row_of(1000, 100, 0, 20)
    assert (row[:1000] != row[1000:]).any()
    assert (row[:1000] != row_of(1000, 100, 1, 10)).any()
    assert list(row[:1000]) != list(range(1000))


def test_a_step_depends_on_seed_and_step_alone():
    """A run that starts in the middle sees what a run from the beginning sees there."""
    row = [batch_indices(100, 32, 7, step) for step in range(30)]
    for step in (29, 3, 17, 3, 0):
        np.testing.assert_array_equal(batch_indices(100, 32, 7, step), row[step])


@pytest.mark.parametrize("step", [10**6, 10**8])
def test_late_steps_are_as_good_as_early_ones(step):
    indices = np.concatenate([batch_indices(64, 16, 0, 4 * step + i) for i in range(4)])
    assert Counter(indices.tolist()) == Counter(range(64))
