"""What differences within seeds carry: interval, p-value, and the correction for many comparisons.

The p-value decides whether a study shows a difference. The interval says how large the difference may be. It is too
narrow for few seeds: with 5 seeds, a 95 % interval misses the true mean in 17 to 22 of 100 studies
(``benchmarks/interval_coverage.py``).

SciPy computes both. It is imported when it is needed, because its import takes half a second.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Values = Sequence[float]

LEVEL = 0.05
"""Probability with which a study without any true difference may claim one."""
RESAMPLES = 9999
"""Resamples of a bootstrap; with their number, SciPy's default, the ends move by about 1 % of the interval."""
EXACT = 13
"""Up to so many pairs, all 2^n changes of signs are tried; with more, ``SIGN_FLIPS`` random ones."""
SIGN_FLIPS = 99_999
DECIMALS = 10
"""Means of resamples are equal if they are equal to so many decimals, where the largest value is near 1."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval of a mean.

    Attributes:
        low: lower end; NaN with fewer than two values.
        high: upper end; NaN with fewer than two values.
        level: confidence level, such as 0.95.
    """

    low: float
    high: float
    level: float


@dataclass(frozen=True)
class Comparison:
    """The differences of one number between two variants, each within a seed.

    Attributes:
        differences: the variant's number minus the reference's, one for each seed that both have.
        mean: their mean; NaN without seeds.
        low: lower end of the interval of the mean; NaN with fewer than two seeds.
        high: upper end.
        level: confidence level of the interval: 0.95 for a comparison alone, more among several.
        p: p-value of the hypothesis that the sign of each difference is chance; 1 with fewer than two seeds.
        p_holm: p-value after Holm's correction for all comparisons of the study.
    """

    differences: tuple[float, ...]
    mean: float
    low: float
    high: float
    level: float
    p: float
    p_holm: float


def compare(values: Values, references: Values) -> Comparison:
    """Compare the numbers of a variant with those of a reference; see ``compare_all``."""
    return compare_all([(values, references)])[0]


def compare_all(pairs: Sequence[tuple[Values, Values]]) -> tuple[Comparison, ...]:
    """Compare several variants or numbers; the results hold together.

    The p-value is that of a permutation test that exchanges the two numbers of a pair; see ``p_value``. It assumes only
    that without a difference both orders are equally probable. Holm's correction (Holm 1979) then keeps the probability
    of any wrong claim at 5 % or below.

    The interval is a bootstrap with bias correction and acceleration (BCa; Efron 1987). It is at the level at which
    Holm's procedure tests this comparison: 1 - 0.05 / (m - k + 1) for the k-th smallest of m p-values; equal p-values
    share the lowest k. These intervals are not simultaneous: those of large p-values are hardly wider than one alone.

    Same numbers give the same results, in any order of seeds and of comparisons. The opposite comparison gives the
    opposite mean and interval, and the same p-values.

    Args:
        pairs: for each comparison, the numbers of the variant and those of the reference, with the same seeds in the
            same order. A comparison without seeds counts in m.

    Raises:
        ValueError: a number or a difference is not finite, or a variant and its reference have different lengths.
    """
    all_differences = [_differences(values, references) for values, references in pairs]
    p_values = [p_value(differences) for differences in all_differences]
    found, ascending = [], sorted(p_values)
    for differences, p, p_holm in zip(all_differences, p_values, holm(p_values), strict=True):
        rank = bisect_left(ascending, p)
        interval = interval_of(differences, 1.0 - LEVEL / (len(pairs) - rank))
        mean = _mean(differences)
        found.append(Comparison(differences, mean, interval.low, interval.high, interval.level, p, p_holm))
    return tuple(found)


def interval_of(values: Values, level: float = 1.0 - LEVEL) -> Interval:
    """Return a bootstrap interval (BCa) of the mean of values. It never leaves their range.

    Args:
        values: finite numbers, such as those of one variant by seed.
        level: confidence level, above 0 and below 1.

    Raises:
        ValueError: a value is not finite.
    """
    data, scale = _scaled(_finite(values))
    if data.size < 2:
        return Interval(math.nan, math.nan, level)
    # Around their mean and near 1, values neither overflow nor get lost in rounding.
    mean = math.fsum(data) / data.size
    centred, unit = _scaled(data - mean)
    low, high = np.clip(mean + _ends(centred, level) * unit, data.min(), data.max()) * scale
    return Interval(float(low), float(high), level)


def p_value(differences: Values) -> float:
    """Return the two-sided p-value of a permutation test: the sign of each difference is chance.

    p is the share of all changes of signs whose mean is at least as far from 0. Up to 13 differences it is exact, so
    its smallest value is 2 / 2^n. With more, it is estimated from 99,999 random changes of signs, which are always the
    same.

    Args:
        differences: finite numbers, one for each pair; fewer than two give 1.

    Raises:
        ValueError: a difference is not finite.

    Fisher 1935, The Design of Experiments, section 21
    """
    data, _ = _canonical(_scaled(_finite(differences))[0])
    if data.size < 2 or not data.any():
        return 1.0
    from scipy.stats import permutation_test

    found = permutation_test(
        (data, np.zeros_like(data)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=math.inf if data.size <= EXACT else SIGN_FLIPS,
        rng=_random(),
    )
    return float(found.pvalue)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Return p-values that hold together for all comparisons of a study (Holm 1979), in the same order."""
    order = sorted(range(len(p_values)), key=lambda index: p_values[index])
    adjusted, so_far = [0.0] * len(p_values), 0.0
    for rank, index in enumerate(order):
        so_far = max(so_far, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = so_far
    return tuple(adjusted)


def seeds_needed(comparisons: int) -> int | None:
    """Return the fewest seeds with which a difference can be shown at all, among so many comparisons.

    With n seeds, no p-value is below 2 / 2^n; with more than 13, none is below 2 / 100,000.

    Returns:
        The number of seeds; None for more than 2,500 comparisons, for which no number is enough.
    """
    for seeds in range(1, EXACT + 2):
        changes = 2**seeds if seeds <= EXACT else SIGN_FLIPS + 1
        if 2 * max(1, comparisons) <= LEVEL * changes:
            return seeds
    return None


def _finite(values: Values) -> np.ndarray[Any, np.dtype[np.float64]]:
    data = np.asarray(values, np.float64)
    if not np.isfinite(data).all():
        raise ValueError(f"all numbers must be finite. Received: {[float(value) for value in values]}")
    return data


def _differences(values: Values, references: Values) -> tuple[float, ...]:
    if len(values) != len(references):
        raise ValueError(f"each number needs its reference. Received: {len(values)} and {len(references)} numbers")
    with np.errstate(over="ignore"):
        differences = np.subtract(_finite(values), _finite(references))
    return tuple(map(float, _finite(differences)))


def _mean(values: Values) -> float:
    """Return the mean, the same in any order; NaN without values."""
    data, scale = _scaled(np.asarray(values, np.float64))
    return math.fsum(data) / len(values) * scale if len(values) else math.nan


def _scaled(data: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], float]:
    """Return values divided by a power of two, so that the largest is between 0.5 and 1, and that power."""
    largest = float(np.abs(data).max(initial=0.0))
    # The power of the largest numbers is no number itself, and that of the smallest divides to infinity.
    scale = 2.0 ** min(max(math.frexp(largest)[1], -1000), 1000)
    return data / scale, scale


def _canonical(data: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], int]:
    """Return values in an order and with a sign that do not depend on who compares whom, and the sign.

    The sign is 0 for values that are symmetric around 0.
    """
    ascending, opposite = np.sort(data) + 0.0, np.sort(-data) + 0.0
    if np.array_equal(ascending, opposite):
        return ascending, 0
    return (ascending, 1) if tuple(ascending) > tuple(opposite) else (opposite, -1)


def _ends(data: np.ndarray[Any, Any], level: float) -> np.ndarray[Any, Any]:
    """Return both ends of the BCa interval of the mean of at least two values."""
    if np.ptp(data) == 0.0:
        return np.array([data[0], data[0]])
    from scipy.stats import bootstrap

    drawn, sign = _canonical(data)
    low, high = bootstrap(
        (drawn,), _rounded_mean, n_resamples=RESAMPLES, confidence_level=level, method="BCa", rng=_random()
    ).confidence_interval
    if sign == 0:
        return np.array([(low - high) / 2, (high - low) / 2])
    return np.array([low, high] if sign > 0 else [-high, -low])


def _rounded_mean(data: np.ndarray[Any, Any], axis: int) -> Any:
    # BCa counts the resamples whose mean is equal to that of the data. Rounding of floats must not decide about them.
    return np.round(np.mean(data, axis=axis), DECIMALS)


def _random() -> np.random.Generator:
    return np.random.default_rng(0)
