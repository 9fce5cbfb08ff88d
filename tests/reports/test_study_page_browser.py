"""The page of a study in a real browser: everybody can read it and move through it."""

from __future__ import annotations

import base64
from itertools import pairwise

import numpy as np
import pytest
from chromium import CHROMIUM, CONTRAST
from studies_by_hand import study_facts, study_result

from dcgan_kit.reports.study_facts import names_of, read_runs
from dcgan_kit.reports.study_page import study_page
from dcgan_kit.studies.folder import StudyFolder

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")

AXES = {
    "generator.upsample": ["transposed_conv", {"use": "transposed_conv", "kernel_size": 5}],
    "training.batch_size": [16, 32],
}


@pytest.fixture(scope="module")
def file(make_run, tmp_path_factory):
    """A page of a study with a long name of a variant, a failed run, a missing one and everything else."""
    findings = ("generator stage 1: 40 % dead channels",)
    result = study_result(AXES, 6, failed=[(3, 2)], missing=[(1, 1)], findings=findings, description="One\nTwo")
    folder = StudyFolder(tmp_path_factory.mktemp("study"))
    for run in result.runs:
        if run.seed < 2:
            make_run(folder.run(run.identity))
    runs, notes = read_runs(folder, result, names_of(result.variants))
    grid = np.random.default_rng(0).integers(0, 256, (56, 112, 1), np.uint8)
    samples = {(variant, 0): grid for variant in range(4)}
    facts = study_facts(result, runs=runs, notes=notes, samples=samples, layout=(2, 4), sampled=True)
    file = folder.path / "study.html"
    file.write_text(study_page(facts))
    return file


def test_nothing_is_fetched_and_nothing_fails(browser, file):
    browser.open(file)
    addresses = [request["request"]["url"] for request in browser.of("Network.requestWillBeSent")]
    assert [address for address in addresses if not address.startswith("data:")] == [file.as_uri()]
    for event in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
        assert browser.of(event) == []
    assert browser.evaluate("document.images.length") == 4
    assert browser.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0 && i.alt.length > 9)")


def test_headings_landmarks_and_tables(browser, file):
    browser.open(file)
    levels = browser.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])")
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for landmark in ("header", "nav[aria-label]", "main", "footer"):
        assert browser.evaluate(f"document.querySelectorAll('{landmark}').length") == 1
    assert browser.evaluate("[...document.querySelectorAll('table')].every(t => t.caption.textContent)")
    assert browser.evaluate("[...document.querySelectorAll('th')].every(h => h.scope)")
    assert browser.evaluate(
        "(ids => ids.length === new Set(ids).size)([...document.querySelectorAll('[id]')].map(e => e.id))"
    )


@pytest.mark.parametrize("width", [320, 400, 1200])
def test_text_needs_no_sideways_scrolling(width, browser, file):
    browser.open(file, width)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_the_keyboard_goes_through_everything_in_order_and_is_seen(browser, file):
    browser.open(file)
    wanted = browser.evaluate(
        "[...document.querySelectorAll('a[href], summary, button, [tabindex=\"0\"]')].filter(e => e.checkVisibility())"
        ".map(e => e.textContent.trim().slice(0, 40))"
    )
    visited, outlines = [], []
    for _ in wanted:
        browser.press("Tab")
        visited.append(browser.evaluate("document.activeElement.textContent.trim().slice(0, 40)"))
        outlines.append(browser.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth)"))
    assert visited == wanted
    assert visited[:3] == ["Skip to the report", "What the study shows", "Numbers"]
    assert min(outlines) >= 2


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_what_is_behind_it(dark, browser, file):
    browser.open(file, dark=dark)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    least, what = browser.evaluate(CONTRAST)
    assert least >= 4.5, what


def test_texts_of_a_chart_are_apart_and_inside(browser, file):
    browser.open(file)
    overlapping = browser.evaluate("""
        [...document.querySelectorAll('svg')].slice(0, 4).flatMap(svg => {
          const texts = [...svg.querySelectorAll('text')], found = [];
          const boxes = texts.map(t => t.getBoundingClientRect()), frame = svg.getBoundingClientRect();
          boxes.forEach((a, i) => {
            if (a.left < frame.left - 1 || a.right > frame.right + 4) found.push('outside: ' + texts[i].textContent);
            boxes.slice(i + 1).forEach((b, j) => {
              if (a.left < b.right && b.left < a.right && a.top + 4 < b.bottom && b.top + 4 < a.bottom)
                found.push(texts[i].textContent + ' | ' + texts[i + 1 + j].textContent);
            });
          });
          return found;
        })
    """)
    assert overlapping == []


@pytest.mark.parametrize(("width", "height"), [(8.27, 11.69), (8.5, 11)], ids=["A4", "Letter"])
def test_it_prints(width, height, browser, file):
    browser.open(file)
    printed = base64.b64decode(browser.do("Page.printToPDF", paperWidth=width, paperHeight=height)["data"])
    assert 2 <= printed.count(b"/Type /Page\n") <= 12
    browser.do("Emulation.setEmulatedMedia", media="print")
    page_width = round((width - 2 * 14 / 25.4) * 96)
    browser.do("Emulation.setDeviceMetricsOverride", width=page_width, height=1000, deviceScaleFactor=1, mobile=False)
    outside = browser.evaluate(
        "[...document.querySelectorAll('svg, img, table')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.tagName + ' ' + e.textContent.slice(0, 60))"
    )
    assert outside == []
    assert browser.evaluate("[...document.querySelectorAll('details:not([open])')].every(d => !d.offsetParent)")
