"""The page of a study, from results made by hand and tiny run folders."""

from __future__ import annotations

import re
import time

import numpy as np
import pytest
from studies_by_hand import AXES, study_facts, study_result

from dcgan_kit.reports.study_axes import groups, means
from dcgan_kit.reports.study_charts import near
from dcgan_kit.reports.study_cost import cost
from dcgan_kit.reports.study_facts import names_of, read_runs, short_names
from dcgan_kit.reports.study_head import head
from dcgan_kit.reports.study_numbers import summary
from dcgan_kit.reports.study_page import study_page
from dcgan_kit.studies.claims import Claim, Expectation
from dcgan_kit.studies.definition import Study
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.statistics import interval_of
from dcgan_kit.studies.variants import axis_of, variants_of
from dcgan_kit.studies.verdicts import judge

SECTIONS = ["result", "numbers", "axes", "cost", "samples", "curves", "outcomes", "file"]


def words(html):
    """The text of a page without its style."""
    text = re.sub(r"<style>.*?</style>", "", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def sections(html):
    return re.findall(r'<section id="([\w-]+)"', html)


def rows(html, caption):
    """The rows of the table whose caption begins so, each a list of cells."""
    table = next(one for one in re.findall(r"<table.*?</table>", html, re.DOTALL) if f"<caption>{caption}" in one)
    return [
        [re.sub(r"<[^>]+>", "", cell).strip() for cell in re.findall(r"<t[hd][^>]*>.*?</t[hd]>", row, re.DOTALL)]
        for row in re.findall(r"<tr>.*?</tr>", table, re.DOTALL)
    ]


@pytest.fixture
def make_study(make_run, tmp_path):
    """Return a function (result, without=()) -> the folder of a study with a run folder for each of its runs."""

    def make_study(result, without=()):
        folder = StudyFolder(tmp_path / "study")
        for run in result.runs:
            if (run.variant, run.seed) not in without:
                make_run(folder.run(run.identity))
        return folder

    return make_study


def read(folder, result):
    """The facts of a page about a folder."""
    runs, notes = read_runs(folder, result, names_of(result.variants))
    return study_facts(result, runs=runs, notes=notes)


def test_sections_in_order_and_what_may_be_said_first():
    facts = study_facts()
    html = study_page(facts)
    assert sections(html) == SECTIONS
    said = facts.result.sentences()
    assert all(sentence in words(html) for sentence in said)
    assert words(html).index(said[0]) < words(html).index("Numbers Differences are those to transposed_conv, 16")
    assert "<script" not in html


def test_each_variant_has_a_row_with_all_that_the_comparison_says():
    result = study_result(failed=[(2, 1)])
    header, reference, _, failed, _, floor = rows(study_page(study_facts(result)), "fd: lower is better")
    assert header == ["variant", "finished", "failed", "mean", "standard deviation", "95\u00a0% interval of the mean",
                      "difference", "its interval", "p (Holm)"]  # fmt: skip
    found, interval = summary((10.0, 10.1, 10.2)), interval_of((10.0, 10.1, 10.2))
    assert (found.mean, found.low, found.high) == (pytest.approx(10.1), interval.low, interval.high)
    assert reference[:5] == ["transposed_conv, 16", "3 of 3", "0", "10.1", "0.1"]
    assert reference[6:] == ["reference", "", ""]
    assert failed[:3] == ["resize_conv, 16", "2 of 3", "1"]
    compared = result.comparison(2, "fd").comparison
    assert failed[6] == f"{compared.mean:+.3g}"
    assert f"({100 * compared.level:.3g}\u00a0%)" in failed[7]
    assert failed[8] == f"{compared.p_holm:.2g}"
    assert floor[:4] == ["real images (floor)", "", "", "0.5"]


def test_a_number_without_a_better_direction_says_so():
    assert "generator.stage1/dead: neither direction is better" in words(study_page(study_facts()))


def test_charts_say_their_numbers_in_words_and_in_tables():
    html = study_page(study_facts())
    descriptions = re.findall(r"<(?:\w+:)?desc[^>]*>(.*?)</", html)
    assert any(
        "transposed_conv, 16: mean 10.1, interval " in text and "real images: 0.5." in text for text in descriptions
    )
    assert any("resize_conv, 32: mean 3.3, interval " in text and "no difference: 0." in text for text in descriptions)
    seeds = rows(html, "fd: each run")
    assert seeds[0] == ["seed", "transposed_conv, 16", "transposed_conv, 32", "resize_conv, 16", "resize_conv, 32"]
    assert seeds[2] == ["1", "10.1", "11.2", "12.3", "13.4"]


def test_lines_join_runs_of_equal_seed():
    def lines(result):
        chart = re.search(r"<svg.*?</svg>", study_page(study_facts(result)), re.DOTALL)
        return len(re.findall(r'<path d="M[^"]+" [^>]*opacity: 0\.8;', chart[0]))

    assert lines(study_result()) == 3
    assert lines(study_result(missing=[(variant, 2) for variant in range(4)])) == 2


def test_a_floor_far_away_is_an_arrow():
    assert near([1.0, 2.0], 4.9)
    assert not near([1.0, 2.0], 5.1)
    assert near([1.0, 1.0], 500.0)
    assert "← real images: 0.5" in words(study_page(study_facts(study_result(value=lambda v, s: 600.0 + v + s))))
    assert "real images: 9,000 →" in words(study_page(study_facts(study_result(floor=9000.0))))


def test_groups_are_means_over_the_other_axes_within_a_seed():
    result = study_result(missing=[(3, 2)])
    first, second = groups(result, ["generator.upsample"])
    assert (first.name, first.variants, second.name, second.variants) == (
        "transposed_conv",
        (0, 1),
        "resize_conv",
        (2, 3),
    )
    assert means(result, first, "fd") == pytest.approx({0: 10.5, 1: 10.65, 2: 10.8})
    assert means(result, second, "fd") == pytest.approx({0: 12.5, 1: 12.85}), (
        "a seed without all of them does not count"
    )
    _, one, two, *_ = rows(study_page(study_facts(result)), "By generator.upsample: means over training.batch_size")
    assert one[:3] == ["fd: transposed_conv", "3", "10.65"]
    assert two == ["fd: resize_conv", "2", "12.68", "0.2475", "+2.1"]


def test_three_axes_are_grouped_by_each_and_by_all_but_one():
    html = study_page(study_facts(study_result({**AXES, "training.ema": ["null", 0.9]}, 2)))
    titles = re.findall(r"<caption>(By .*?)</caption>", html)
    assert "By training.ema: means over generator.upsample, training.batch_size" in titles
    assert "By generator.upsample, training.batch_size: means over training.ema" in titles
    assert len(titles) == 6


def test_one_axis_is_not_grouped():
    assert "axes" not in sections(study_page(study_facts(study_result({"training.batch_size": [16, 32]}))))


def test_costs_are_a_table_and_charts_where_they_differ():
    html = study_page(study_facts())
    assert rows(html, "Cost of a run")[2] == ["transposed_conv, 32", "1,001", "600", "2e9", "11", "10 to 12"]
    assert "noisy" in words(html)
    charts = rows(html, "fd by multiply-accumulates")
    assert charts[1] == ["transposed_conv, 16", "1e9", "10.1"]
    assert any(
        "transposed_conv, 16: 10.1 with 1e9 multiply-accumulates." in text
        for text in re.findall(r"<desc[^>]*>(.*?)</desc>", html)
    )
    equal = cost(study_facts(study_result(cost=lambda variant: 1e9)))
    assert [block.kind for block in equal.blocks] == ["table", "paragraph"]


def test_new_samples_are_pictures_of_each_variant():
    grid = np.zeros((56, 56, 1), np.uint8)
    facts = study_facts(samples={(0, 0): grid, (1, 0): grid, (3, 1): grid}, layout=(2, 2), sampled=True)
    html = study_page(facts)
    assert re.findall(r'alt="([^"]*)"', html) == [
        "samples of transposed_conv, 16, seed 0",
        "samples of transposed_conv, 32, seed 0",
        "samples of resize_conv, 32, seed 1",
    ]
    assert "resize_conv, 16: there are no samples of seed 0." in words(html)


def test_without_new_samples_those_of_the_run_folders_are_shown(make_study):
    result = study_result(seeds=2)
    folder = make_study(result, without=[(3, 0)])
    (folder.run(result.of(2)[0].identity) / "samples" / "step-000040.png").write_bytes(b"\x89PNG")
    html = study_page(read(folder, result))
    assert re.findall(r'alt="([^"]*)"', html) == [
        "samples of transposed_conv, 16, seed 0",
        "samples of transposed_conv, 32, seed 0",
    ]
    assert "transposed_conv, 16, step 40" in words(html)
    assert "resize_conv, 16: step-000040.png is no PNG that can be read" in words(html)
    assert "resize_conv, 32: the run folder of seed 0 holds no sample grid." in words(html)


def test_curves_are_means_with_bands(make_study, lines):
    result = study_result({"training.batch_size": [16, 32]}, 3)
    folder = make_study(result)
    for run in result.runs:
        numbers = [{"step": step, "generator_loss": step + run.seed * (1 + run.variant)} for step in (2, 4, 6)]
        scores = [{"step": 6, "fd[x,n=3]": 5.0 + run.seed, "floor/fd[x,n=3]": 2.0}]
        # A run that was stopped early counts in the steps that it has.
        lines(folder.run(run.identity) / "metrics.jsonl", numbers[: 1 if run.seed == 2 else 3] + scores)
    html = study_page(read(folder, result))
    table = rows(html, "Losses: generator")
    assert table == [["step", "16", "32"], ["2", "3", "4"], ["4", "4.5", "5"], ["6", "6.5", "7"]]
    assert rows(html, "fd</caption>") == [["step", "16", "32"], ["6", "6", "6"]]
    assert "fd[x,n=3]" in words(html)
    assert html.count("fill-opacity: 0.16") >= 2


def test_more_variants_than_colours_are_in_several_charts_with_the_reference(make_study, lines):
    result = study_result({"training.batch_size": list(range(1, 9))}, 1)
    folder = make_study(result)
    for run in result.runs:
        lines(folder.run(run.identity) / "metrics.jsonl", [{"step": 1, "generator_loss": 1.0}])
    html = study_page(read(folder, result))
    heads = re.findall(r"<caption>Losses: generator</caption>\s*<thead><tr>(.*?)</tr>", html, re.DOTALL)
    assert [re.findall(r">(\w+)</th>", one) for one in heads] == [
        ["step", "1", "2", "3", "4", "5", "6"],
        ["step", "1", "7", "8"],
    ]


def test_failures_missing_runs_and_findings_are_told():
    result = study_result(
        failed=[(1, 2)], missing=[(2, 0), (2, 1)], findings=("generator stage 1: 40 % dead channels",)
    )
    html = study_page(study_facts(result))
    assert rows(html, "1 run failed")[1] == ["transposed_conv, 32", "2", "training diverged at step 7"]
    assert rows(html, "2 runs not finished")[1] == ["resize_conv, 16", "0, 1"]
    assert rows(html, "Findings")[1] == ["transposed_conv, 16", "0", "generator stage 1: 40 % dead channels"]


def test_a_study_that_has_just_begun_has_a_page():
    everything = [(variant, seed) for variant in range(4) for seed in range(3)]
    html = study_page(study_facts(study_result(missing=everything)))
    assert sections(html) == SECTIONS
    assert "fd: no run has it yet." in words(html)
    assert "12 runs of 12 not finished." in words(html)


def test_one_seed_has_no_spread_and_no_interval():
    row = rows(study_page(study_facts(study_result(seeds=1))), "fd: lower is better")[2]
    assert row[3:] == ["11", "–", "–", "+1", "–", "1"]


def test_a_study_without_training_has_neither_samples_nor_curves():
    assert sections(study_page(study_facts(untrained=True))) == [
        one for one in SECTIONS if one not in ("samples", "curves")
    ]


def test_a_claim_comes_with_its_verdict():
    result = study_result({"training.batch_size": [16, 32]}, 6)
    claim = Claim("Larger batches are worse.", "nobody", (Expectation("32", "16", ("fd",), "higher"),))
    html = study_page(study_facts(result, verdict=judge(claim, result)))
    assert "What the study shows Claim: Larger batches are worse. (nobody) Verdict: supported." in words(html)
    assert rows(html, "What the claim expects")[1][:3] == ["fd: 32 higher than 16", "fd", "supported"]


def test_the_head_says_what_was_done():
    axes = tuple(axis_of(key, values) for key, values in AXES.items())
    study = Study("/home/somebody/tiny-fashion28.yaml", axes, 3, ("fd",), ("training.keep=1",))
    found = dict(head(study, study_result(failed=[(0, 0)], missing=[(1, 1)]), [20, 20, 40, 40], {"keras": "3.15"}))
    assert found["Recipe"] == ("tiny-fashion28.yaml",), "folders of this machine say nothing to others"
    assert found["Varied"] == ("generator.upsample: transposed_conv · resize_conv", "training.batch_size: 16 · 32")
    assert found["Runs"] == ("10 of 12 finished, 1 failed, 1 missing",)
    assert found["Seeds"] == ("3: training.seed is 0 … 2",)
    assert found["Steps"] == ("20 to 40, by variant",)
    assert found["All runs"] == ("training.keep=1",)
    assert found["Versions"] == ("keras 3.15",)


def test_a_broken_run_folder_is_left_out_and_told(make_study):
    result = study_result({"training.batch_size": [16, 32]}, 2)
    folder = make_study(result)
    (folder.run(result.runs[0].identity) / "recipe.yaml").unlink()
    (folder.run(result.runs[1].identity) / "metrics.jsonl").write_bytes(b"\xff{[\n" * 3)
    html = study_page(read(folder, result))
    assert "16, seed 0: its folder cannot be read: " in words(html)
    assert "16, seed 1: metrics.jsonl has 3 broken lines" in words(html)
    assert str(folder.path) not in html


HOSTILE = "</title></style><script>alert(1)</script><img src=x onerror=alert(2)>\u202e'\"{{7*7}}{%x%}$\\x$`"


def test_hostile_texts_are_text(make_study, lines):
    result = study_result(
        {"training.loss": [HOSTILE, "b"], HOSTILE: ["c", "d"]},
        2,
        failed=[(1, 0)],
        findings=(HOSTILE,),
        description=HOSTILE,
    )
    object.__setattr__(result.runs[2], "failure", HOSTILE)
    folder = make_study(result, without=[(1, 0)])
    for run in result.runs[:2]:
        lines(folder.run(run.identity) / "metrics.jsonl", [{"step": 1, f"fd[{HOSTILE}": 2, "generator_loss": 1}])
    facts = read(folder, result)
    html = study_page(facts)
    assert html.count("<script") == 1, "the page's own, which its policy names by its sum"
    assert "alert(1)</script>" not in html
    assert "<img src=x" not in html
    assert sections(html) == SECTIONS
    assert "{{7*7}}" in html
    assert "\u202e" not in html


def test_huge_values_do_not_break_the_charts():
    values = iter([1e300, -1e300, 1e-300, 0.0, 5.0, 6.0] * 2)
    html = study_page(study_facts(study_result(value=lambda variant, seed: next(values))))
    assert sections(html) == SECTIONS


def test_names_stay_different_when_they_are_cut():
    assert short_names(["a", "b"], 16) == ("a", "b")
    assert short_names(["transposed_conv, 16", "transposed_conv, 32"], 16) == ("transpos…onv, 16", "transpos…onv, 32")
    assert short_names(["x" * 30 + "a" + "x" * 30, "x" * 30 + "b" + "x" * 30], 16) == (
        "1 xxxxxxxxxxxxx…",
        "2 xxxxxxxxxxxxx…",
    )
    variants = variants_of([axis_of("training.loss", ["x" * 200 + "a", "x" * 200 + "b"])])
    assert len(set(names_of(variants))) == 2


def test_a_large_study_has_a_page_of_bounded_size():
    result = study_result({"training.batch_size": list(range(1, 301))}, 2, findings=("f" * 500,) * 9)
    began = time.monotonic()
    html = study_page(study_facts(result, notes=("note",) * 500))
    assert len(html) < 3_000_000
    assert time.monotonic() - began < 120
    assert "the first 100 of 300 variants" in words(html)
    assert "The first 12 of 300 variants are drawn." in words(html)
    assert "450 more notes are left out." in words(html)


def test_equal_studies_have_equal_pages():
    assert study_page(study_facts()) == study_page(study_facts())


def test_the_page_says_only_finite_numbers():
    html = study_page(study_facts(study_result(seeds=1)))
    assert not re.search(r"\b(nan|inf)\b", words(html), re.IGNORECASE)
