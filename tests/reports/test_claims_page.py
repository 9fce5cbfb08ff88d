"""The page of verdicts: complete, and safe for any record."""

import pytest

from dcgan_kit.reports.claims_page import WrittenClaim, claims_page

RECORD = {
    "version": 1, "name": "relu-dies", "sentence": "ReLU dies.", "said": "the lecture", "plan": "0123456789abcdef",
    "first_plan": "0123456789abcdef", "plan_changed": False, "verdict": "supported", "seeds": 8, "date": "2026-01-02",
    "machine": {"processor": "a processor", "cores": 2, "dcgan_kit": "1", "packages": {"tensorflow": "2.21.0"}},
    "expectations": [
        {
            "expected": "dead: ReLU higher than leaky ReLU", "verdict": "inconclusive",
            "disagreement": "fd says yes, kid says no",
            "numbers": [{"number": "dead", "verdict": "supported", "found": "0.3 higher over 8 seeds, p = 0.0078"}],
        }
    ],
    "variants": [
        {
            "title": "ReLU", "finished": 7, "failed": 1, "numbers": {"dead": {"mean": 0.3, "deviation": 0.01}},
            "parameters": 58721, "multiply_accumulates": 1.5e12, "seconds": 320.4,
        }
    ],
    "rankings": {
        "fd": [{"title": "ReLU", "rank": 1, "best": 1, "worst": 2, "mean": 3.25, "low": 3.0, "high": 1e999, "failed": 0}],
    },
}  # fmt: skip


def test_a_page_holds_all_of_a_record():
    page = claims_page([WrittenClaim(RECORD)])
    assert "* **supported**: 1 of 1" in page
    assert "| [relu-dies](#relu-dies) | supported | ReLU dies. |" in page
    assert "| dead: ReLU higher than leaky ReLU | dead | supported | 0.3 higher over 8 seeds, p = 0.0078 |" in page
    assert "The numbers disagree: fd says yes, kid says no." in page
    assert "| ReLU | 7, 1 failed | dead 0.3 ± 0.01 | 58,721 | 1.5e+12 | 320 |" in page
    assert "| rank by fd | variant |" in page
    assert "| 1 | ReLU | 1 to 2 | 3.25 | 3 to - | 0 |" in page
    assert (
        "Plan 0123456789abcdef; 8 seeds; 2026-01-02 on 2 cores of a processor (dcgan-kit 1, tensorflow 2.21.0)." in page
    )


def test_a_changed_plan_is_said():
    page = claims_page([WrittenClaim({**RECORD, "plan_changed": True, "first_plan": "fedcba9876543210"})])
    assert "Plan 0123456789abcdef, which is not the first one (fedcba9876543210)" in page


def test_nothing_in_a_record_is_obeyed():
    evil = "<script>alert(1)</script> | `x` [y](z)\n# heading\x1b[2J"
    record = {**RECORD, "name": evil, "sentence": evil, "machine": evil, "variants": evil}
    record["samples"] = {"file": "samples.png", "seed": evil, "rows": [evil]}
    page = claims_page([WrittenClaim(record, evil, evil)])
    assert "<script>" not in page
    assert "\x1b" not in page
    assert not any(line.startswith("# heading") for line in page.splitlines())


def test_a_record_of_wrong_types_gives_a_page():
    for wrong in (None, 5, [], {}, "x", [1, 2], {"numbers": 3}, float("nan"), float("inf"), 10**400):
        record = dict.fromkeys(RECORD, wrong)
        record["samples"] = {"file": "samples.png", "rows": wrong, "seed": wrong}
        assert claims_page([WrittenClaim(record), WrittenClaim({})]).startswith("# Claims")


def test_samples_and_a_discussion_are_shown():
    record = {**RECORD, "samples": {"file": "samples.png", "seed": 2, "rows": ["ReLU", "leaky ReLU"]}}
    page = claims_page(
        [WrittenClaim(record, "my claims/relu-dies", "It does, see `dead`.\n\n# No heading\nNone\n===\n```\n")]
    )
    assert "![samples of ReLU; leaky ReLU](my%20claims/relu-dies/samples.png)" in page
    assert "Samples of seed 2, by row: ReLU; leaky ReLU." in page
    assert "It does, see `dead`.\n\n\\# No heading\nNone\n\\===\n\\```\n" in page


@pytest.mark.parametrize("file", ["../other.png", "https://example.org/a.png", None, "samples.svg"])
def test_only_a_picture_in_the_folder_of_the_claim_is_shown(file):
    assert "![" not in claims_page([WrittenClaim({**RECORD, "samples": {"file": file, "seed": 0, "rows": ["a"]}})])
