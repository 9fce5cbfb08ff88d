"""Verdicts of claims: every way to one, judges that disagree, and claims that do not fit their study."""

import pytest

from dcgan_kit.errors import UserError
from dcgan_kit.studies.claims import Claim, Expectation, plan_hash, require_known
from dcgan_kit.studies.verdicts import judge

LOW, HIGH = [1.0, 1.2, 0.9, 1.1, 1.0, 1.05], [2.0, 2.3, 1.9, 2.2, 2.1, 2.0]
MIXED = [2.0, 0.4, 2.1, 0.2, 1.9, 0.3]


def claim(*expect):
    return Claim("a is so", "somewhere", expect)


def verdict(expectation, result):
    return judge(claim(expectation), result).verdict


@pytest.mark.parametrize(
    ("relation", "a", "b", "expected"),
    [
        ("higher", HIGH, LOW, "supported"),
        ("higher", LOW, HIGH, "refuted"),
        ("higher", MIXED, LOW, "inconclusive"),
        ("lower", LOW, HIGH, "supported"),
        ("lower", HIGH, LOW, "refuted"),
        ("lower", LOW, LOW, "inconclusive"),
        ("equal", LOW, LOW, "supported"),
        ("equal", LOW, HIGH, "refuted"),
        ("equal", LOW, [1.0, *HIGH[1:]], "inconclusive"),
    ],
)
def test_two_variants(result, relation, a, b, expected):
    assert verdict(Expectation("a", "b", ("fd",), relation), result({"fd": [a, b]})) == expected


@pytest.mark.parametrize(
    ("better", "floor", "a", "b", "expected"),
    [
        ("lower", None, LOW, HIGH, "supported"),
        ("higher", None, LOW, HIGH, "refuted"),
        ("floor", 2.1, HIGH, LOW, "supported"),
        ("floor", 1.0, HIGH, LOW, "refuted"),
    ],
)
def test_better_is_what_the_number_itself_says(result, better, floor, a, b, expected):
    found = result({"fd": [a, b]}, better=better, floor=floor)
    assert verdict(Expectation("a", "b", ("fd",), "better"), found) == expected


def test_a_number_without_a_better_direction_is_refused(result):
    with pytest.raises(UserError, match="has no better direction"):
        verdict(Expectation("a", "b", ("fd",), "better"), result({"fd": [LOW, HIGH]}, better="neither"))


@pytest.mark.parametrize(("by", "expected"), [(0.5, "supported"), (1.0, "inconclusive"), (1.5, "refuted")])
def test_a_difference_must_be_as_large_as_the_claim_says(result, by, expected):
    a = [value + 1.0 for value in LOW[::-1]]
    assert verdict(Expectation("a", "b", ("fd",), "higher", by), result({"fd": [a, LOW]})) == expected


@pytest.mark.parametrize(
    ("relation", "by", "expected"),
    [
        ("at least", 0.9, "supported"), ("at least", 1.05, "inconclusive"), ("at least", 3.0, "refuted"),
        ("at most", 1.2, "supported"), ("at most", 1.0, "inconclusive"), ("at most", 0.1, "refuted"),
    ],
)  # fmt: skip
def test_bounds_are_for_every_run(result, relation, by, expected):
    found = result({"fd": [LOW, HIGH]})
    assert verdict(Expectation("a", None, ("fd",), relation, by), found) == expected


def test_a_bound_can_be_one_of_the_difference(result):
    found = result({"fd": [HIGH, LOW]})
    assert verdict(Expectation("a", "b", ("fd",), "at least", 0.9), found) == "supported"
    assert verdict(Expectation("b", "a", ("fd",), "at least", 0.0), found) == "refuted"


def test_judges_that_disagree_leave_it_open_and_are_named(result):
    low, high, mixed = [*LOW, 1.1, 0.9], [*HIGH, 2.1, 1.9], [*MIXED, 1.9, 0.3]
    found = result({"fd": [low, high], "fd@other": [high, low], "spectrum": [mixed, low]})
    numbers = ("fd", "fd@other", "spectrum")
    told = judge(claim(Expectation("a", "b", numbers, "lower")), found)
    assert told.verdict == "inconclusive"
    assert told.findings[0].disagreement == "fd says yes, fd@other says no, spectrum says nothing"
    alone = judge(claim(Expectation("a", "b", ("fd",), "lower")), found)
    assert (alone.verdict, alone.findings[0].disagreement) == ("supported", "")


def test_one_expectation_refutes_and_all_support(result):
    found = result({"fd": [LOW, HIGH]})
    yes, no = Expectation("a", "b", ("fd",), "lower"), Expectation("a", None, ("fd",), "at least", 5.0)
    unsure = Expectation("a", None, ("fd",), "at least", 1.05)
    assert judge(claim(yes, unsure), found).verdict == "inconclusive"
    assert judge(claim(yes, no, unsure), found).verdict == "refuted"


def test_five_seeds_can_show_nothing(result):
    assert verdict(Expectation("a", "b", ("fd",), "lower"), result({"fd": [LOW[:5], HIGH[:5]]})) == "inconclusive"


def test_support_needs_no_correction_and_refutation_does(result):
    found = result({"fd": [LOW, HIGH]})
    one, other = Expectation("a", "b", ("fd",), "lower"), Expectation("a", "b", ("fd",), "lower", 0.1)
    assert judge(claim(one, other), found).verdict == "supported"
    opposite = Expectation("a", "b", ("fd",), "higher"), Expectation("a", "b", ("fd",), "higher", 0.1)
    assert judge(claim(opposite[0]), found).verdict == "refuted"
    assert judge(claim(*opposite), found).verdict == "inconclusive"
    more = result({"fd": [[*LOW, 1.1], [*HIGH, 2.1]]})
    assert judge(claim(*opposite), more).verdict == "refuted"


def test_missing_runs_leave_it_open(result):
    missing = result({"fd": [[*LOW, None], [*HIGH, 2.0]]})
    assert verdict(Expectation("a", "b", ("fd",), "lower"), missing) == "inconclusive"


@pytest.mark.parametrize(
    ("expectation", "failed", "expected"),
    [
        # A probe says nothing of a run that failed.
        (Expectation("a", "b", ("fd",), "lower"), [(0, 0)], "inconclusive"),
        (Expectation("a", "b", ("fd",), "higher"), [(1, 0)], "inconclusive"),
        # In a contest, the one that fails loses.
        (Expectation("a", "b", ("fd",), "better"), [(1, seed) for seed in range(3)], "supported"),
        (Expectation("a", "b", ("fd",), "better"), [(0, 0)], "inconclusive"),
        (Expectation("a", "b", ("fd",), "better"), [(0, seed) for seed in range(7)], "refuted"),
        (Expectation("a", "b", ("fd",), "better"), [(v, s) for v in (0, 1) for s in range(7)], "inconclusive"),
        (Expectation("a", None, ("fd",), "at most", 5.0), [(0, 0)], "inconclusive"),
        (Expectation("a", None, ("fd",), "at most", 5.0), [(1, 0)], "supported"),
        (Expectation("a", None, ("fd",), "at most", 5.0), [(0, seed) for seed in range(7)], "inconclusive"),
    ],
)
def test_failures_are_part_of_the_verdict(result, expectation, failed, expected):
    found = result({"fd": [[*LOW, 1.1], [*HIGH, 2.1]]}, failures=failed)
    told = judge(claim(expectation), found)
    assert told.verdict == expected
    named = [title for title, index in (("a", 0), ("b", 1)) if any(variant == index for variant, _ in failed)]
    said = told.findings[0].judged[0].found
    if expectation.than is not None or "a" in named:
        assert "failed" in said


def test_a_claim_names_variants_and_numbers_of_its_study():
    one = claim(Expectation("batch", "none", ("fd",), "better"))
    require_known(one, ["batch", "none"], ["fd"])
    with pytest.raises(UserError, match=r"no variant 'batch'\. Did you mean 'batches'"):
        require_known(one, ["batches", "none"], ["fd"])
    with pytest.raises(UserError, match=r"does not read 'fd'.*Add it to 'read'"):
        require_known(one, ["batch", "none"], ["kid"])


def test_the_plan_has_another_hash_if_a_letter_changes():
    assert plan_hash("seeds: 6") == plan_hash("seeds: 6") != plan_hash("seeds: 7")
    assert len(plan_hash("")) == 16


def test_expectations_read_as_sentences():
    assert str(Expectation("a", "b", ("fd", "kid"), "lower", 0.5)) == "fd and kid: a lower than b by more than 0.5"
    assert str(Expectation("a", None, ("dead",), "at most", 0.1)) == "dead, a: at most 0.1 in every run"
    assert str(Expectation("a", "b", ("dead",), "at least")) == "dead, a minus b: at least 0 in every run"
    assert str(Expectation("a", "b", ("x",), "equal", 0.1)) == "x: a equal to b within 0.1"


@pytest.mark.parametrize(
    ("relation", "expected"),
    [("higher", "1.04 lower over 6 seeds, 95 % interval -1."), ("lower", "1.04 lower over 6 seeds, 95 % interval -1."),
     ("better", "1.04 better over 6 seeds, 95 % interval +")],
)  # fmt: skip
def test_the_interval_has_the_sign_of_the_words(result, relation, expected):
    """Of a number that should be low: a difference, or how much better it is."""
    found = result({"fd": [LOW, HIGH]})
    (one,) = judge(claim(Expectation("a", "b", ("fd",), relation)), found).findings[0].judged
    assert one.found.startswith(expected)
