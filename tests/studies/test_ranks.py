"""Ranks of variants: their order, their intervals, failed runs, and when there are none."""

import math

import pytest

from dcgan_kit.studies.ranks import ranking

LOW, MIDDLE, HIGH = [1.0, 1.2, 0.9, 1.1], [2.0, 2.2, 1.9, 2.1], [3.0, 3.2, 2.9, 3.1]


def order(ranks):
    return [(one.variant, one.rank, one.best, one.worst) for one in ranks]


def test_the_best_comes_first_and_clear_ranks_have_no_interval(result):
    found = ranking(result({"fd": [MIDDLE, HIGH, LOW]}), "fd")
    assert order(found) == [(2, 1, 1, 1), (0, 2, 2, 2), (1, 3, 3, 3)]
    assert found[0].mean == pytest.approx(1.05)
    assert 0.9 <= found[0].interval.low < 1.05 < found[0].interval.high <= 1.2


def test_higher_numbers_can_be_better(result):
    found = ranking(result({"recall": [MIDDLE, HIGH, LOW]}, better="higher"), "recall")
    assert [one.variant for one in found] == [1, 0, 2]


def test_numbers_nearer_to_real_images_can_be_better(result):
    found = ranking(result({"spread": [MIDDLE, HIGH, LOW]}, better="floor", floor=2.9), "spread")
    assert [one.variant for one in found] == [1, 0, 2]


def test_ranks_that_seeds_exchange_have_an_interval(result):
    found = ranking(result({"fd": [[1.0, 3.0, 1.0, 3.0], [2.0, 2.0, 2.0, 2.1], HIGH]}), "fd")
    assert order(found) == [(0, 1, 1, 2), (1, 2, 1, 2), (2, 3, 3, 3)]


def test_equal_variants_share_the_lowest_rank(result):
    assert order(ranking(result({"fd": [LOW, HIGH, LOW]}), "fd")) == [(0, 1, 1, 1), (2, 1, 1, 1), (1, 3, 3, 3)]


def test_a_failed_run_counts_as_the_worst_finished_run_of_its_seed(result):
    failing = ranking(result({"fd": [LOW, MIDDLE, HIGH]}, failures=[(0, 2)]), "fd")
    bad = ranking(result({"fd": [[*LOW[:2], HIGH[2], LOW[3]], MIDDLE, HIGH]}), "fd")
    assert order(failing) == order(bad)
    assert [one.failed for one in failing] == [1, 0, 0]
    assert failing[0].mean == pytest.approx(1.1)


def test_a_seed_in_which_all_failed_says_nothing(result):
    found = ranking(result({"fd": [LOW, MIDDLE, HIGH]}, failures=[(0, 2), (1, 2), (2, 2)]), "fd")
    assert [one.failed for one in found] == [0, 0, 0]
    assert [one.variant for one in found] == [0, 1, 2]


def test_one_seed_gives_no_intervals(result):
    found = ranking(result({"fd": [[1.0], [3.0], [2.0]]}), "fd")
    assert order(found) == [(0, 1, None, None), (2, 2, None, None), (1, 3, None, None)]


def test_a_variant_that_always_fails_is_with_the_last_and_has_no_mean(result):
    failures = [(1, seed) for seed in range(4)]
    found = ranking(result({"fd": [LOW, MIDDLE, HIGH]}, failures=failures), "fd")
    assert [(one.variant, one.rank) for one in found] == [(0, 1), (1, 2), (2, 2)]
    assert math.isnan(found[1].mean)


def test_only_seeds_that_all_variants_have_count(result):
    found = ranking(result({"fd": [[9.0, *LOW[1:]], [None, *MIDDLE[1:]], HIGH]}), "fd")
    assert [one.variant for one in found] == [0, 1, 2]
    assert found[0].mean == pytest.approx(sum(LOW[1:]) / 3)


@pytest.mark.parametrize(
    ("values", "better"),
    [([LOW, HIGH], "lower"), ([LOW, MIDDLE, HIGH], "neither"), ([LOW, MIDDLE, [None] * 4], "lower")],
)
def test_some_studies_have_no_ranking(result, values, better):
    assert ranking(result({"fd": values}, better=better), "fd") == ()
