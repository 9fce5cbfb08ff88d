"""Pages under axe-core: nothing that would keep somebody from reading or using them."""

from __future__ import annotations

import pytest
from axe import needs_axe, violations, violations_in_all_views
from studies_by_hand import study_facts, study_result

from dcgan_kit import PluginSettings, draw_explanation, explain
from dcgan_kit.reports.facts import read_facts
from dcgan_kit.reports.page import page
from dcgan_kit.reports.study_facts import names_of, read_runs
from dcgan_kit.reports.study_page import study_page
from dcgan_kit.studies.folder import StudyFolder

pytestmark = needs_axe


@pytest.fixture
def report(run, analyses, tmp_path):
    file = tmp_path / "report.html"
    file.write_text(page([read_facts(run, "garments")], analyses))
    return file


def test_axe_finds_what_is_wrong(browser, tmp_path):
    file = tmp_path / "ill.html"
    file.write_text("<!DOCTYPE html><html lang='en'><title>ill</title><img src='data:,'><button></button>")
    browser.open(file)
    assert [line.split(":")[0] for line in violations(browser)] == ["critical button-name", "critical image-alt"]


def test_the_report_of_a_run(browser, report):
    assert violations_in_all_views(browser, report) == []


def test_a_large_picture(browser, report):
    browser.open(report)
    browser.evaluate("document.querySelector('.pictures button').click()")
    assert violations(browser) == []


def test_the_report_of_several_runs(browser, make_run, tmp_path):
    runs = [make_run(tmp_path / name) for name in ("one", "two")]
    file = tmp_path / "report.html"
    file.write_text(page([read_facts(run, run.name) for run in runs], {}))
    assert violations_in_all_views(browser, file) == []


def test_the_page_of_a_study(browser, make_run, tmp_path):
    result = study_result({"generator.upsample": ["transposed_conv", "resize_conv"]}, 3, failed=[(1, 2)])
    folder = StudyFolder(tmp_path / "study")
    for run in result.runs:
        make_run(folder.run(run.identity))
    runs, notes = read_runs(folder, result, names_of(result.variants))
    file = tmp_path / "study.html"
    file.write_text(study_page(study_facts(result, runs=runs, notes=notes)))
    assert violations_in_all_views(browser, file) == []


@pytest.mark.parametrize("component", ["max_pool", "batch", "relu"])
def test_a_worked_example(browser, component, tmp_path):
    file = tmp_path / "example.html"
    draw_explanation([explain(component, settings=PluginSettings(builtins_only=True))], file)
    assert violations_in_all_views(browser, file) == []
