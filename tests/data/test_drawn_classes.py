from __future__ import annotations

import numpy as np
import pytest

from dcgan_kit.data.drawn_classes import drawn_classes


def test_classes_come_as_often_as_in_the_data_whatever_their_order():
    labels = np.repeat([0, 3, 7], [600, 300, 100])
    drawn = drawn_classes(np.random.default_rng(0).permutation(labels), 200, 5)
    assert np.unique(drawn, return_counts=True)[1].tolist() == [120, 60, 20]
    assert set(drawn[:40].tolist()) == {0, 3, 7}, "they are mixed"
    np.testing.assert_array_equal(drawn, drawn_classes(labels, 200, 5))
    assert (drawn != drawn_classes(labels, 200, 6)).any()


def test_a_share_that_is_no_whole_number_is_rounded_without_a_preference():
    labels = np.repeat([0, 1, 2], [5, 3, 2])
    counts = np.array([np.bincount(drawn_classes(labels, 3, seed), minlength=3) for seed in range(400)])
    assert (np.abs(counts - [1.5, 0.9, 0.6]) < 1.0).all()
    assert counts.mean(0) == pytest.approx([1.5, 0.9, 0.6], abs=0.1)


def test_of_many_rare_classes_some_are_drawn_and_others_with_another_seed():
    drawn = [drawn_classes(np.arange(1000), 10, seed) for seed in range(2)]
    assert [len(set(classes.tolist())) for classes in drawn] == [10, 10]
    assert set(drawn[0].tolist()) != set(drawn[1].tolist())
