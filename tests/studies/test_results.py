"""What may be said about a study: every kind of sentence, the tables, and the files."""

import json
from dataclasses import replace

import pytest

from dcgan_kit.studies.results import shortage

LOW, HIGH = [1.0, 1.2, 0.9, 1.1, 1.0, 1.05], [2.0, 2.3, 1.9, 2.2, 2.1, 2.0]


def test_a_difference_in_every_seed_is_shown(result):
    (said,) = result({"fd": [LOW, HIGH]}).sentences()
    assert said.startswith("fd: b is 1.04 higher than a on average over 6 seeds (95 % interval of the difference: +")
    assert said.endswith("p = 0.031).")


def test_a_difference_that_chance_explains_is_not_shown(result):
    mixed = [2.0, 0.4, 2.1, 0.2, 1.9, 0.3]
    (said,) = result({"fd": [LOW, mixed]}).sentences()
    assert said.startswith("fd: no difference between b and a is shown (0.108 higher on average over 6 seeds, p = ")


def test_equal_numbers_are_called_equal(result):
    said = result({"fd": [LOW, LOW]}).sentences()
    assert said == ["fd: b and a are equal in every seed."]
    (found,) = result({"fd": [LOW, LOW]}).comparisons
    assert set(found.comparison.differences) == {0.0}


def test_too_few_seeds_are_said(result):
    said = result({"fd": [LOW[:3], HIGH[:3]]}).sentences()
    assert said[-1] == "With 3 seeds, no difference can be shown at 5 % among 1 comparison: take at least 6 seeds."
    both = result({"fd": [LOW, HIGH], "kid": [LOW, HIGH]}).sentences()
    assert "take at least 7 seeds" in both[-1]
    assert not any("is 1.04 higher" in sentence for sentence in both)


def test_comparisons_hold_together(result):
    more_low, more_high = [*LOW, 1.15, 0.95], [*HIGH, 2.4, 2.05]
    found = result({"fd": [more_low, more_high], "kid": [more_low, more_high]})
    assert all(one.shown for one in found.comparisons)
    assert found.sentences()[-1] == "The p-values and intervals hold together for all 2 comparisons (Holm's method)."
    alone = result({"fd": [more_low, more_high]}).comparisons[0].comparison
    both = found.comparisons[0].comparison
    assert (both.p, both.p_holm) == (alone.p, 2 * alone.p)
    assert both.high - both.low > alone.high - alone.low


def test_failures_and_missing_runs_are_counted(result):
    found = result({"fd": [[*LOW, 1.0], [*HIGH[:5], None, 2.0]]}, failures=[(1, 0)])
    said = found.sentences()
    assert "b: 1 of 7 runs failed (training diverged); the numbers are of the others." in said
    assert "1 run of 14 not finished." in said
    assert found.missing == 1
    assert found.comparisons[0].seeds == (1, 2, 3, 4, 6)
    assert found.columns("fd")["runs"] == ["7 of 7", "5 of 7"]


def test_an_earlier_look_at_results_is_said(result):
    found = result({"fd": [LOW, HIGH]})
    assert not any("could be seen" in said for said in replace(found, interim=(12,)).sentences())
    said = replace(found, interim=(6, 8, 12)).sentences()[-1]
    assert said.startswith("The results of 6 and of 8 runs could be seen before runs were added.")


def test_variants_without_a_common_seed_are_not_compared(result):
    said = result({"fd": [[1.0, None], [None, 2.0]]}).sentences()
    assert said[0] == "fd: b and a have no finished seed in common."


def test_a_table_has_mean_difference_interval_and_floor(result):
    table = result({"fd": [LOW, HIGH, LOW]}, floor=0.11).columns("fd")
    assert table["variant"] == ["a", "b", "c"]
    assert table["fd"] == ["1.042 ± 0.1", "2.083 ± 0.15", "1.042 ± 0.1"]
    assert table["difference"] == ["", "+1.04", "+0"]
    assert table["real images"] == ["0.11"] * 3
    assert "real images" not in result({"fd": [LOW, HIGH]}).columns("fd")


def test_json_holds_every_number(result):
    found = result({"fd": [LOW, HIGH], "kid": [HIGH, LOW]}, floor=0.5)
    data = json.loads(found.as_json())
    assert [run["numbers"]["fd"]["value"] for run in data["runs"]] == [*LOW, *HIGH]
    assert "seconds" not in data["runs"][0]["cost"]


@pytest.mark.parametrize(("seeds", "comparisons", "enough"), [(5, 1, False), (6, 1, True), (6, 2, False), (8, 6, True)])
def test_shortage(seeds, comparisons, enough):
    assert (shortage(seeds, comparisons) == "") == enough
