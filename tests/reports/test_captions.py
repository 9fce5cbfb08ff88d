"""Every chart says below itself what it shows and what is good."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from studies_by_hand import study_facts, study_result

from dcgan_kit.api.catalogue import list_components
from dcgan_kit.evaluation.selection import build_score
from dcgan_kit.reports.facts import read_facts
from dcgan_kit.reports.page import page
from dcgan_kit.reports.reading_captions import reading_caption
from dcgan_kit.reports.score_captions import score_caption
from dcgan_kit.reports.study_facts import names_of, read_runs
from dcgan_kit.reports.study_page import study_page
from dcgan_kit.studies.folder import StudyFolder

PROBES = Path(__file__).parents[2] / "plugins" / "probe"
JUDGES = ("Good: ", "judges nothing", "do not change", "says what is good", "differs clearly", "at step 0")


def charts(html):
    """Return (title, caption) of each chart on a page."""
    figures = re.findall(r"<figure>\s*<svg.*?</figure>", html, re.DOTALL)
    assert len(figures) == html.count("<svg")
    return [
        (re.search(r"<title[^>]*>([^<]*)", figure)[1], "".join(re.findall(r"<figcaption>([^<]*)", figure)))
        for figure in figures
    ]


def judged(html):
    found = charts(html)
    for title, caption in found:
        assert any(word in caption for word in JUDGES), (title, caption)
    return found


def test_each_chart_of_a_run_has_a_caption(run, lines, analyses):
    numbers = [
        {"step": step, "mine": step, "generator.stage1.activation/unheard_of": step, "fd[x,n=3]": step, "odd[x]": step}
        for step in (1, 2)
    ]
    lines(run / "metrics.jsonl", [*(run / "metrics.jsonl").read_text().splitlines(), *numbers])
    found = judged(page([read_facts(run, "garments")], analyses))
    assert {"Losses", "Gradient norms", "Images per second", "mine", "odd", "garments: all frequencies"} <= {
        title for title, _ in found
    }


def test_each_chart_of_several_runs_has_a_caption(make_run, tmp_path):
    runs = [make_run(tmp_path / name) for name in ("one", "two")]
    assert len(judged(page([read_facts(run, run.name) for run in runs], {}))) > 6


def test_each_chart_of_a_study_has_a_caption(make_run, tmp_path):
    result = study_result({"generator.upsample": ["transposed_conv", "resize_conv"]}, 3)
    folder = StudyFolder(tmp_path)
    for run in result.runs:
        make_run(folder.run(run.identity))
    runs, notes = read_runs(folder, result, names_of(result.variants))
    found = judged(study_page(study_facts(result, runs=runs, notes=notes)))
    assert {"Losses: generator", "Losses: discriminator"} <= {title for title, _ in found}


def test_each_reading_of_a_built_in_probe_has_its_own_caption():
    source = "\n".join(file.read_text() for file in PROBES.glob("*.py"))
    names = set(re.findall(r'f?"[^"/\s]+/([a-z_]+?)(?:_\{period\})?"', source))
    assert {"dead", "spread", "checkerboard", "gradient", "push", "overlap"} <= names
    assert [name for name in names if reading_caption(name) == reading_caption("a plugin's")] == []


@pytest.mark.parametrize("name", [one.name for one in list_components("score")])
def test_each_number_of_a_built_in_score_has_its_own_caption(name, resolve):
    recipe = resolve("tiny-fashion28", f"training.evaluation.scores=[{name}]")
    (choice,) = recipe.training.evaluation.scores
    for number, better in build_score(choice).score.better.items():
        assert score_caption(number, better) != score_caption("a plugin's", better), number


@pytest.mark.parametrize(
    ("better", "says"), [("lower", "it falls"), ("higher", "it rises"), ("floor", "near"), ("neither", "nothing")]
)
def test_a_score_of_a_plugin_says_which_way_is_good(better, says):
    assert says in score_caption("theirs", better)
