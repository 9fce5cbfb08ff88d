"""What the tests of studies share: results made by hand, and one small study that was really trained."""

from __future__ import annotations

import pytest

from dcgan_kit.studies.readings import Cost, Reading
from dcgan_kit.studies.results import RunResult, StudyResult
from dcgan_kit.studies.variants import parse_axis, variants_of

COST = Cost(1000, 600, 1e9, 2.0)


@pytest.fixture(scope="session")
def result():
    """Return a function (values, better="lower", floor=None, failures=()) -> StudyResult of variants a, b, …

    ``values`` maps the name of a number to a list for each variant, with the value of each seed; None is a run that is
    not finished. A failure is (variant, seed).
    """

    def result(values, better="lower", floor=None, failures=()):
        counts = {len(variants) for variants in values.values()}
        seeds = {len(of) for variants in values.values() for of in variants}
        assert len(counts) == len(seeds) == 1
        (count,), (seeds,) = counts, seeds
        letters = "abcdefgh"[:count]
        variants = variants_of([parse_axis(f"training.loss={','.join(letters)}")])
        runs = []
        for index in range(count):
            for seed in range(seeds):
                failed = (index, seed) in failures
                of = {name: variants_of_it[index][seed] for name, variants_of_it in values.items()}
                missing = failed or None in of.values()
                readings = {} if missing else {name: Reading(float(v), floor, better) for name, v in of.items()}
                cost = None if missing else COST
                failure = "training diverged" if failed else ""
                runs.append(RunResult(index, seed, f"{index:08x}{seed:08x}", readings, cost, failure))
        return StudyResult("tiny-fashion28", (), variants, seeds, tuple(values), tuple(runs))

    return result
