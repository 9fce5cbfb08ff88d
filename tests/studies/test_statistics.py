"""What differences within seeds carry, against SciPy, closed forms and published examples."""

import math
from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from dcgan_kit.studies.statistics import (
    EXACT,
    LEVEL,
    RESAMPLES,
    compare,
    compare_all,
    holm,
    interval_of,
    p_value,
    seeds_needed,
)

# Fisher 1935, section 17: Darwin's pairs of maize plants, in eighths of an inch.
MAIZE = [49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48]
# Benjamini and Hochberg 1995, section 3.2: a study of heart attacks; Bonferroni's and Holm's procedures reject three.
HEART = [1e-4, 4e-4, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1.0]
SKEWED = np.array([-310.0, -280.0, -245.0, -101.0, -88.0, 13.0, 190.0, 821.0])
WHOLE = st.integers(-1000, 1000).map(float)
SAMPLES = st.lists(WHOLE, min_size=0, max_size=8)
DRAWS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "skewed": lambda rng, shape: rng.lognormal(size=shape),
    "heavy-tailed": lambda rng, shape: rng.standard_t(3, size=shape),
}


def enumerated(differences):
    """The p-value by all changes of signs of whole numbers, whose sums are exact."""
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in product((1, -1), repeat=len(differences))
    ]
    return sum(found >= abs(sum(differences)) for found in sums) / len(sums)


def bca(means, data, level):
    """Efron 1987, equations 2.3 and 6.6, for the mean."""
    normal, n = NormalDist(), len(data)
    share = (np.sum(means < data.mean()) + np.sum(means <= data.mean())) / (2 * len(means))
    bias = normal.inv_cdf(share)
    jackknife = np.array([np.delete(data, i).mean() for i in range(n)])
    influence = jackknife.mean() - jackknife
    acceleration = (influence**3).sum() / (6 * (influence**2).sum() ** 1.5)
    ends = []
    for tail in ((1 - level) / 2, (1 + level) / 2):
        z = bias + normal.inv_cdf(tail)
        ends.append(np.quantile(means, normal.cdf(bias + z / (1 - acceleration * z))))
    return ends


@pytest.mark.parametrize("seeds", range(2, EXACT + 1))
def test_equal_signs_have_the_smallest_p_value(seeds):
    assert p_value(np.arange(1.0, seeds + 1)) == pytest.approx(2 / 2**seeds, rel=1e-12)


@given(SAMPLES.filter(lambda sample: len(sample) <= 6))
@settings(deadline=None, max_examples=60)
def test_p_value_is_the_share_of_all_changes_of_signs(differences):
    assert p_value(differences) == pytest.approx(enumerated(differences), rel=1e-12)


def test_p_value_of_darwins_maize_is_fishers():
    signs = 1 - 2 * ((np.arange(2**15)[:, None] >> np.arange(15)) & 1)
    exact = np.mean(np.abs(signs @ MAIZE) >= sum(MAIZE))
    assert exact == 2 * 863 / 2**15
    # 15 pairs are more than are enumerated; four standard errors of 99,999 draws.
    assert p_value(MAIZE) == pytest.approx(exact, abs=4 * 2 * math.sqrt(exact / 2 / 99_999))
    assert p_value(MAIZE) == p_value(MAIZE[::-1]) == p_value([-d for d in MAIZE])


def test_p_value_is_that_of_scipy_with_both_numbers_of_each_pair():
    rng = np.random.default_rng(5)
    values, references = rng.normal(0.7, 1, 9), rng.normal(0, 1, 9)
    expected = scipy.stats.permutation_test(
        (values, references), lambda x, y: np.mean(x) - np.mean(y), permutation_type="samples", n_resamples=np.inf
    )
    assert compare(values, references).p == pytest.approx(expected.pvalue, rel=1e-12)


def test_interval_is_that_of_scipy():
    # Sums of whole numbers are exact, so SciPy finds the means that are equal. It sees the values in ascending order.
    expected = scipy.stats.bootstrap(
        (SKEWED,), np.mean, n_resamples=RESAMPLES, method="BCa", rng=np.random.default_rng(0)
    )
    found = interval_of(SKEWED[::-1])
    assert (found.low, found.high, found.level) == pytest.approx((*expected.confidence_interval, 0.95), abs=1e-7)


@pytest.mark.parametrize("level", [0.9, 0.95, 1 - 0.05 / 6])
def test_interval_is_that_of_the_published_formula_on_the_same_draws(level):
    draws = np.random.default_rng(0).integers(0, len(SKEWED), (RESAMPLES, len(SKEWED)))
    found = interval_of(SKEWED, level)
    assert [found.low, found.high] == pytest.approx(bca(SKEWED[draws].mean(axis=1), SKEWED, level), abs=1e-7)


def test_interval_is_near_that_of_all_resamples():
    data = np.array([-1.0, 0.5, 2.0, 2.5, 7.0])
    everything = data[np.array(list(product(range(5), repeat=5)))].mean(axis=1)
    found = interval_of(data)
    assert [found.low, found.high] == pytest.approx(bca(everything, data, 0.95), abs=0.1)


def test_one_number_alone():
    found = compare([3.0, 5.0, 4.0, 7.0], [1.0, 2.0, 3.0, 1.0])
    assert found.differences == (2.0, 3.0, 1.0, 6.0)
    assert found.mean == 3.0
    assert (found.level, found.p, found.p_holm) == (0.95, 0.125, 0.125)
    assert 1.0 <= found.low < 3.0 < found.high <= 6.0


@given(SAMPLES, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=40)
def test_the_order_of_seeds_changes_nothing(differences, random):
    shuffled = list(differences)
    random.shuffle(shuffled)
    one, other = (compare(each, [0.0] * len(each)) for each in (differences, shuffled))
    np.testing.assert_array_equal((one.mean, one.low, one.high, one.p), (other.mean, other.low, other.high, other.p))


@given(st.lists(st.tuples(WHOLE, WHOLE), max_size=8))
@settings(deadline=None, max_examples=40)
def test_the_opposite_comparison_has_the_opposite_result(pairs):
    values, references = [a for a, _ in pairs], [b for _, b in pairs]
    one, other = compare(values, references), compare(references, values)
    np.testing.assert_array_equal((one.mean, one.low, one.high, one.p), (-other.mean, -other.high, -other.low, other.p))


@given(SAMPLES, st.sampled_from([2.0**-900, 0.25, 3.0, 1e-9, 1e300]))
@settings(deadline=None, max_examples=40)
def test_other_units_give_the_same_result_in_these_units(differences, unit):
    zeros = [0.0] * len(differences)
    one, other = compare(differences, zeros), compare([unit * d for d in differences], zeros)
    size = max(map(abs, differences), default=0.0)
    assert one.p == other.p
    for end, scaled in ((one.mean, other.mean), (one.low, other.low), (one.high, other.high)):
        np.testing.assert_allclose(scaled / unit, end, rtol=0, atol=1e-9 * size)


@given(SAMPLES.filter(lambda sample: len(sample) > 1), st.integers(-(10**6), 10**6))
@settings(deadline=None, max_examples=40)
def test_an_interval_moves_with_its_values(values, shift):
    one, other = interval_of(values), interval_of([value + shift for value in values])
    np.testing.assert_allclose((other.low - shift, other.high - shift), (one.low, one.high), rtol=0, atol=1e-6)


@given(SAMPLES.filter(lambda sample: len(sample) > 1))
@settings(deadline=None, max_examples=40)
def test_an_interval_stays_among_its_values_and_widens_with_its_level(values):
    usual, wide = interval_of(values), interval_of(values, 0.99)
    assert min(values) <= wide.low <= usual.low <= usual.high <= wide.high <= max(values)


def test_no_seed_and_one_seed_carry_nothing():
    for differences, mean in (([], math.nan), ([2.0], 2.0)):
        found = compare(differences, [0.0] * len(differences))
        np.testing.assert_equal((found.mean, found.low, found.high, found.p), (mean, math.nan, math.nan, 1.0))


def test_two_seeds_carry_their_range():
    found = compare([1.0, 2.0], [0.0, 0.0])
    assert (found.mean, found.low, found.high, found.p) == (1.5, 1.0, 2.0, 0.5)


def test_equal_runs_differ_by_exactly_nothing():
    found = compare([0.1, 0.3, 0.7], [0.1, 0.3, 0.7])
    assert (found.mean, found.low, found.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_equal_differences_have_an_interval_without_width():
    found = compare([2.0] * 6, [1.0] * 6)
    assert (found.mean, found.low, found.high, found.p) == (1.0, 1.0, 1.0, 2 / 64)


def test_differences_of_zero_count_for_both_sides():
    assert p_value([0.0, 0.0, 1.0, 2.0, 3.0]) == 0.25


@pytest.mark.parametrize(
    "differences",
    [
        [1e308, -3e307, 1e307],
        [5e-324, 0.0, 0.0],
        [1e-200, 2e-200, 4e-200],
        [1e-20, 1.0, 1e20],
        [1.0, 1.0, 1.0 + 2e-16],
        [1e8 + 0.1, 1e8 + 0.2, 1e8],
    ],
)
def test_numbers_of_any_size_have_an_interval(differences):
    found = compare(differences, [0.0] * 3)
    assert min(differences) <= found.low <= found.mean <= found.high <= max(differences)
    assert found.low < found.high
    assert 0.25 <= found.p <= 1.0


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_numbers_that_are_not_finite_are_refused(wrong):
    for call in (lambda: compare([1.0, wrong], [1.0, 2.0]), lambda: compare([1.0, 2.0], [1.0, wrong])):
        with pytest.raises(ValueError, match="must be finite"):
            call()
    for function in (interval_of, p_value):
        with pytest.raises(ValueError, match="must be finite"):
            function([1.0, wrong])


def test_differences_that_overflow_are_refused():
    with pytest.raises(ValueError, match="must be finite"):
        compare([1e308, 0.0], [-1e308, 0.0])


def test_each_number_needs_its_reference():
    with pytest.raises(ValueError, match="Received: 2 and 1 numbers"):
        compare([1.0, 2.0], [1.0])


def test_holm_on_a_published_example():
    adjusted = holm(HEART)
    assert [p <= LEVEL for p in adjusted] == [True] * 3 + [False] * 12
    assert adjusted[:5] == pytest.approx((0.0015, 0.0056, 0.0247, 0.114, 0.2211))
    # From the sixth on, the largest so far stands: 10 x 0.0278 = 0.278, 9 x 0.0298 = 0.2682, 8 x 0.0344 = 0.2752.
    assert adjusted[5:9] == pytest.approx((0.278, 0.278, 0.278, 0.3213))
    assert adjusted[9:] == (1.0,) * 6


def test_holm_keeps_the_order_of_its_input():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()


def test_several_comparisons_are_corrected_and_widened():
    rng = np.random.default_rng(8)
    shifts = (0.0, 3.0, 0.6)
    pairs = [(rng.normal(shift, 1, 8), rng.normal(0, 1, 8)) for shift in shifts]
    found = compare_all(pairs)
    alone = [compare(*pair) for pair in pairs]
    assert [one.p for one in found] == [one.p for one in alone]
    assert tuple(one.p_holm for one in found) == holm([one.p for one in alone])
    ranks = np.argsort(np.argsort([one.p for one in alone])) + 1
    assert [one.level for one in found] == pytest.approx([1 - 0.05 / (3 - rank + 1) for rank in ranks])
    for one in found:
        assert (one.low, one.high) == tuple(vars(interval_of(one.differences, one.level)).values())[:2]


def test_equal_p_values_share_the_widest_level():
    up, zeros = np.arange(1.0, 7.0), np.zeros(6)
    found = compare_all([(up, zeros), (zeros, zeros), (2 * up, zeros)])
    assert [one.level for one in found] == pytest.approx([1 - 0.05 / 3, 0.95, 1 - 0.05 / 3])


def test_the_order_of_comparisons_changes_nothing():
    rng = np.random.default_rng(9)
    pairs = [(rng.normal(size=6), rng.normal(size=6)) for _ in range(5)]
    assert compare_all(pairs[::-1]) == compare_all(pairs)[::-1]


def test_a_comparison_without_seeds_still_counts():
    up, zeros = np.arange(1.0, 7.0), np.zeros(6)
    assert compare_all([(up, zeros), ([], [])])[0].p_holm == 2 * 2 / 64


@pytest.mark.parametrize("comparisons", [0, 1, 2, 6, 60, 204])
def test_seeds_needed_are_the_fewest_that_can_show_a_difference(comparisons):
    needed = seeds_needed(comparisons)
    for seeds, shown in ((needed - 1, False), (needed, True)):
        p = p_value(np.arange(1.0, seeds + 1))
        assert (max(1, comparisons) * p <= LEVEL) is shown


def test_too_many_comparisons_show_nothing_with_any_seeds():
    assert seeds_needed(205) == seeds_needed(2500) == EXACT + 1
    assert p_value(np.arange(1.0, EXACT + 8)) * 2500 <= LEVEL
    assert seeds_needed(2501) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("seeds", [6, 8, 10])
def test_equal_variants_are_told_apart_as_rarely_as_the_level_says(seeds, name):
    rng, count = np.random.default_rng(seeds), 2000
    # What a seed brings is common to both runs of a pair.
    common = rng.normal(size=(count, seeds))
    pairs = [(common + DRAWS[name](rng, (count, seeds)))[:, None], (common + DRAWS[name](rng, (count, seeds)))[:, None]]
    wrong = np.mean([holm([p_value(d)])[0] <= LEVEL for d in np.subtract(*pairs)[:, 0]])
    assert wrong <= LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / count)
    # The largest possible p-value that is at most 0.05 is its own probability.
    exact = math.floor(LEVEL * 2**seeds / 2) / 2**seeds * 2
    assert wrong == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / count))


@pytest.mark.slow
@pytest.mark.parametrize("name", DRAWS)
@pytest.mark.parametrize("seeds", [8, 10])
def test_one_of_six_equal_variants_is_told_apart_as_rarely_as_the_level_says(seeds, name):
    rng, count, wrong = np.random.default_rng(seeds), 500, 0
    for _ in range(count):
        reference, variants = DRAWS[name](rng, seeds), DRAWS[name](rng, (6, seeds))
        # Holm's procedure claims something if and only if the smallest p-value is small enough.
        wrong += min(holm([p_value(variant - reference) for variant in variants])) <= LEVEL
    assert wrong / count <= LEVEL + 3 * math.sqrt(LEVEL * (1 - LEVEL) / count)
