"""Ways through the space of latent vectors: great circles, with lengths that change evenly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dcgan_kit.runs.latent_space import slerp, truncated, walk

VECTORS = arrays(np.float64, 4, elements=st.floats(-3, 3, width=32))


@given(VECTORS, VECTORS)
def test_the_ends_are_the_vectors_and_lengths_change_evenly(start, end):
    ways = np.linspace(0, 1, 5)
    found = slerp(start, end, ways)
    np.testing.assert_allclose(found[[0, -1]], [start, end], atol=1e-6)
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    cosine = start @ end / (lengths[0] * lengths[1] or 1)
    if min(lengths) > 1e-3 and abs(cosine) < 0.999:
        even = (1 - ways) * lengths[0] + ways * lengths[1]
        np.testing.assert_allclose(np.linalg.norm(found, axis=1), even, rtol=1e-6)


def test_a_quarter_of_a_circle():
    np.testing.assert_allclose(slerp([1.0, 0.0], [0.0, 1.0], [0.5]), [[np.sqrt(0.5)] * 2])


@pytest.mark.parametrize("end", [[0.0, 0.0], [2.0, 0.0], [-1.0, 0.0]])
def test_where_there_is_no_circle_the_line_is_straight(end):
    np.testing.assert_allclose(slerp([1.0, 0.0], end, [0.5]), [[(1 + end[0]) / 2, 0]])


def test_a_walk_visits_each_vector_and_comes_back():
    vectors = np.random.default_rng(0).normal(size=(3, 8)).astype(np.float32)
    found = walk(vectors, 4)
    assert found.shape == (12, 8)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[::4], vectors, rtol=1e-6)
    steps = np.linalg.norm(np.diff(np.concatenate([found, found[:1]]), axis=0), axis=1)
    # An arc of at most half a circle is at most half of π times as long as its chord.
    assert steps.max() < np.pi / 2 * max(np.linalg.norm(vectors - np.roll(vectors, -1, axis=0), axis=1)) / 4


def test_truncation_multiplies():
    np.testing.assert_allclose(truncated([[2.0, -4.0]], 0.5), [[1, -2]])
