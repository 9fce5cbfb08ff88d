"""Variants in the order of a number, with the ranks that other seeds might have given them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcgan_kit.studies.results import StudyResult
from dcgan_kit.studies.statistics import DECIMALS, LEVEL, Interval, interval_of

FEWEST = 3
"""With fewer variants, a comparison says all that a ranking would."""
RESAMPLES = 9999
AT_ONCE = 1000
SEED = 0


@dataclass(frozen=True)
class Rank:
    """The place of a variant among all variants of a study, by one number.

    Attributes:
        variant: position of the variant in the study.
        rank: 1 for the best; equal variants share the lowest rank.
        best: lower end of the 95 % interval of the rank; None with fewer than two seeds.
        worst: upper end.
        mean: mean of the number over the finished runs of the ranked seeds; NaN if there are none.
        interval: 95 % interval of this mean, see ``statistics.interval_of``.
        failed: failed runs of the ranked seeds.
    """

    variant: int
    rank: int
    best: int | None
    worst: int | None
    mean: float
    interval: Interval
    failed: int


def ranking(result: StudyResult, number: str) -> tuple[Rank, ...]:
    """Return the rank of each variant, the best first.

    Variants are ranked by the mean over the seeds that all of them have finished or failed. A failed run counts as the
    worst finished run of its seed. The interval of a rank is a percentile interval: these seeds are drawn again 9999
    times, with replacement, and the variants ranked each time. All variants get the same seeds, because runs of equal
    seed belong together. The interval is no test: use the comparisons of a study to show that one variant is better.

    Returns:
        The ranks; none with fewer than three variants, without a seed that all variants have, or if the number has no
        better direction.
    """
    if len(result.variants) < FEWEST:
        return ()
    goodness = [_goodness(result, variant, number) for variant in range(len(result.variants))]
    common = set.intersection(*(set(of) for of in goodness))
    seeds = [seed for seed in sorted(common) if any(of[seed] is not None for of in goodness)]
    found = [[of[seed] for seed in seeds] for of in goodness]
    if not seeds or any(value is not None and math.isnan(value) for of in found for value in of):
        return ()
    table = np.array([[math.nan if value is None else value for value in of] for of in found])
    failed = np.isnan(table)
    table = np.where(failed, np.nanmin(table, axis=0), table)
    ranks = _ranks(table.mean(axis=1)[None, :])[0]
    ends = _ends(table)
    ranked = []
    for variant, rank in enumerate(ranks):
        values = [
            result.values(variant, number)[seed] for seed, lost in zip(seeds, failed[variant], strict=True) if not lost
        ]
        mean = math.fsum(values) / len(values) if values else math.nan
        low, high = (None, None) if ends is None else (int(ends[0, variant]), int(ends[1, variant]))
        ranked.append(Rank(variant, int(rank), low, high, mean, interval_of(values), int(failed[variant].sum())))
    return tuple(sorted(ranked, key=lambda one: (one.rank, one.variant)))


def _ends(table: Any) -> Any:
    """Return the ends of the interval of each rank, integers (2, variants), of goodness (variants, seeds).

    None with fewer than two seeds.
    """
    seeds = table.shape[1]
    if seeds < 2:
        return None
    drawn = np.random.Generator(np.random.Philox(SEED)).integers(0, seeds, (RESAMPLES, seeds))
    parts = [_ranks(table[:, drawn[start : start + AT_ONCE]].mean(axis=-1).T) for start in range(0, RESAMPLES, AT_ONCE)]
    share = 50.0 * LEVEL
    return np.percentile(np.concatenate(parts), (share, 100.0 - share), axis=0, method="inverted_cdf")


def _ranks(goodness: Any) -> Any:
    """Return 1 + the number of better values in each row, integers (N, variants)."""
    from scipy.stats import rankdata

    # Means that are equal but for rounding share a rank.
    scale = np.abs(goodness).max(axis=1, keepdims=True)
    return rankdata(-np.round(goodness / np.where(scale > 0, scale, 1.0), DECIMALS), method="min", axis=1).astype(int)


def _goodness(result: StudyResult, variant: int, number: str) -> dict[int, float | None]:
    """Return how good each run is, by seed: higher is better, NaN if no direction is, None if the run failed."""
    found: dict[int, float | None] = {}
    for run in result.of(variant):
        if run.failure:
            found[run.seed] = None
        elif number in run.readings:
            found[run.seed] = run.readings[number].goodness
    return found
