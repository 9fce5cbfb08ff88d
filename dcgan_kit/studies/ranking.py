"""Variants in the order of a number, with the ranks that other seeds might have given them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from dcgan_kit.studies.results import StudyResult
from dcgan_kit.studies.statistics import LEVEL, Interval, interval_of

FEWEST = 3
"""With fewer variants, a comparison says all that a ranking would."""
RESAMPLES = 9999
SEED = 0


@dataclass(frozen=True)
class Rank:
    """The place of a variant among all variants of a study, by one number.

    Attributes:
        variant: position of the variant in the study.
        rank: 1 for the best; equal variants share the lowest rank.
        best: lower end of the 95 % interval of the rank.
        worst: upper end.
        mean: mean of the number over the runs that have it; NaN if none has.
        interval: 95 % interval of this mean, see ``statistics.interval_of``.
        failed: runs that failed. Each counts as worse than all finished runs of its seed.
    """

    variant: int
    rank: int
    best: int
    worst: int
    mean: float
    interval: Interval
    failed: int


def ranking(result: StudyResult, number: str) -> tuple[Rank, ...]:
    """Return the rank of each variant, the best first.

    A rank is that of the mean over the seeds that all variants have finished or failed. Its interval is the percentile
    interval of 9999 resamples of these seeds; all variants get the same resample, because runs of equal seed belong
    together. It is no test: use the comparisons of a study to say that one variant is better than another.

    Returns:
        The ranks; none with fewer than three variants, without a seed that all variants have, or if neither higher
        nor lower values of the number are better.
    """
    if len(result.variants) < FEWEST:
        return ()
    goodness = [_goodness(result, variant, number) for variant in range(len(result.variants))]
    seeds = sorted(set.intersection(*(set(of) for of in goodness)))
    if not seeds or any(math.isnan(value) for of in goodness for value in of.values()):
        return ()
    table = np.array([[of[seed] for seed in seeds] for of in goodness])
    drawn = np.random.Generator(np.random.Philox(SEED)).integers(0, len(seeds), (RESAMPLES, len(seeds)))
    resampled = np.stack([_ranks(table[:, chosen].mean(axis=1)) for chosen in drawn])
    ends = np.percentile(resampled, (50.0 * LEVEL, 100.0 - 50.0 * LEVEL), axis=0, method="inverted_cdf")
    found = []
    for variant, rank in enumerate(_ranks(table.mean(axis=1))):
        values = list(result.values(variant, number).values())
        mean = math.fsum(values) / len(values) if values else math.nan
        failed = sum(bool(run.failure) for run in result.of(variant))
        low, high = (int(end) for end in ends[:, variant])
        found.append(Rank(variant, int(rank), low, high, mean, interval_of(values), failed))
    return tuple(sorted(found, key=lambda one: (one.rank, one.variant)))


def _ranks(goodness: Any) -> Any:
    """Return 1 + the number of better values, for each value."""
    return 1 + (goodness[None, :] > goodness[:, None]).sum(axis=1)


def _goodness(result: StudyResult, variant: int, number: str) -> dict[int, float]:
    """Return how good each run is, by seed: higher is better, NaN if no direction is."""
    found = {}
    for run in result.of(variant):
        if run.failure:
            found[run.seed] = -math.inf
        elif number in run.readings:
            found[run.seed] = run.readings[number].goodness
    return found
