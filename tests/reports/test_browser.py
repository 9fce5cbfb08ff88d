"""The page in a real browser: nothing is fetched, nothing fails, everybody can read it and move through it."""

from __future__ import annotations

import base64
from itertools import combinations, pairwise

import pytest
from chromium import CHROMIUM, CONTRAST

from dcgan_kit.networks.builder import build_networks
from dcgan_kit.reports.facts import read_facts
from dcgan_kit.reports.network_picture import network_picture
from dcgan_kit.reports.page import page

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def file(make_run, tmp_path_factory):
    """A page about two runs, one of which has a long name."""
    folder = tmp_path_factory.mktemp("runs")
    runs = [
        make_run(folder / name) for name in ("garments", "a-run-whose-name-is-so-long-that-it-must-be-broken-somewhere")
    ]
    file = folder / "report.html"
    file.write_text(page([read_facts(run, run.name) for run in runs], {}))
    return file


def test_nothing_is_fetched_and_nothing_fails(browser, file):
    browser.open(file)
    addresses = [request["request"]["url"] for request in browser.of("Network.requestWillBeSent")]
    assert [address for address in addresses if not address.startswith("data:")] == [file.as_uri()]
    assert browser.of("Runtime.exceptionThrown") == []
    assert browser.of("Runtime.consoleAPICalled") == []
    assert browser.of("Log.entryAdded") == []


def test_the_policy_holds_against_what_somebody_adds(browser, file, tmp_path):
    spoilt = tmp_path / "spoilt.html"
    added = "<script>window.ran = 1</script><img src='http://127.0.0.1:9/x.png'><link rel=stylesheet href=x.css></body>"
    spoilt.write_text(file.read_text().replace("</body>", added))
    browser.open(spoilt)
    assert browser.evaluate("window.ran === undefined")
    assert len([e for e in browser.of("Log.entryAdded") if "Content Security Policy" in e["entry"]["text"]]) == 3


def test_all_pictures_load_and_say_what_is_seen(browser, file):
    browser.open(file)
    assert browser.evaluate("document.images.length") == 12
    assert browser.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0 && i.alt.length > 9)")
    named = "[...document.querySelectorAll('svg')].every(s => s.getAttribute('aria-labelledby').split(' ')" \
            ".every(id => document.getElementById(id).textContent))"  # fmt: skip
    assert browser.evaluate(named)


def test_headings_landmarks_and_tables(browser, file):
    browser.open(file)
    levels = browser.evaluate("[...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    for landmark in ("header", "nav[aria-label]", "main", "footer"):
        assert browser.evaluate(f"document.querySelectorAll('{landmark}').length") == 1
    assert browser.evaluate("document.documentElement.lang") == "en"
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


def test_words_of_tables_are_whole(browser, file):
    """On a small screen a table scrolls by itself; a column as narrow as a letter cannot be read."""
    browser.open(file, 320)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    broken = browser.evaluate("""
        [...document.querySelectorAll('th, td')].flatMap(cell => {
          const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT), found = [];
          while (walker.nextNode())
            for (const word of walker.currentNode.data.matchAll(/[\\p{L}\\p{N}]+/gu)) {
              const range = document.createRange();
              range.setStart(walker.currentNode, word.index);
              range.setEnd(walker.currentNode, word.index + word[0].length);
              if (new Set([...range.getClientRects()].map(r => Math.round(r.top))).size > 1) found.push(word[0]);
            }
          return found;
        })
    """)
    assert broken == []


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
    assert visited[:3] == ["Skip to the report", "Summary", "Samples over time"]
    assert min(outlines) >= 2
    browser.evaluate("document.querySelector('.skip').focus()")
    assert browser.evaluate("document.querySelector('.skip').getBoundingClientRect().left") >= 0


@pytest.mark.parametrize("dark", [False, True])
def test_text_stands_out_from_what_is_behind_it(dark, browser, file):
    browser.open(file, dark=dark)
    browser.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    least, what = browser.evaluate(CONTRAST)
    assert least >= 4.5, what
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(20, 24, 28)" if dark else "rgb(253, 253, 251)"
    )


LARGE = "(i => [i.alt, i.getBoundingClientRect().width / i.naturalWidth])(document.querySelector('#large img'))"


def test_a_picture_opens_large_and_arrows_go_through_the_series(browser, file):
    browser.open(file)
    browser.evaluate("document.querySelector('.pictures button').focus()")
    browser.press("Enter")
    assert browser.evaluate("document.querySelector('#large').matches(':modal')")
    alt, scale = browser.evaluate(LARGE)
    assert alt == "samples of garments after 0 steps"
    assert scale > 2
    assert scale == int(scale), "pixels of equal size"
    assert browser.evaluate("getComputedStyle(document.querySelector('#large img')).imageRendering") == "pixelated"
    browser.press("ArrowLeft")
    assert browser.evaluate(LARGE)[0] == alt, "this is the first one"
    browser.press("ArrowRight")
    assert browser.evaluate(LARGE)[0] == "samples of garments after 20 steps"
    browser.press("End")
    assert browser.evaluate(LARGE)[0] == "samples of garments after 40 steps"
    browser.press("Escape")
    assert not browser.evaluate("document.querySelector('#large').open")
    assert browser.evaluate("document.activeElement.firstChild.alt") == "samples of garments after 40 steps"


@pytest.mark.parametrize("dark", [False, True])
def test_a_large_picture_fits_a_small_screen(dark, browser, make_run, grid, tmp_path):
    run = make_run(tmp_path / "tall")
    grid(run / "samples" / "step-000040.png", 9, rows=20, columns=20, enlarged=1)
    text = (run / "recipe.yaml").read_text()
    (run / "recipe.yaml").write_text(text.replace("sample_grid: [2, 2]", "sample_grid: [20, 20]"))
    (tmp_path / "tall.html").write_text(page([read_facts(run, "tall")], {}))
    browser.open(tmp_path / "tall.html", 400, dark)
    browser.evaluate("document.querySelectorAll('.pictures button')[2].click()")
    left, right, height, across = browser.evaluate(
        "(b => [b.left, b.right, b.height, b.width])(document.querySelector('#large img').getBoundingClientRect())"
    )
    assert 0 <= left < right <= 400
    assert height == pytest.approx(across, abs=1)
    assert browser.evaluate(CONTRAST)[0] >= 4.5


def test_without_a_script_the_pictures_stay_pictures(browser, file):
    browser.do("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(file)
        assert browser.evaluate("document.querySelectorAll('.pictures img').length") == 12
        assert browser.evaluate("[...document.querySelectorAll('button')].every(b => !b.checkVisibility())")
    finally:
        browser.do("Emulation.setScriptExecutionDisabled", value=False)


@pytest.mark.parametrize(("width", "height"), [(8.27, 11.69), (8.5, 11)], ids=["A4", "Letter"])
def test_it_prints(width, height, browser, file):
    browser.open(file)
    printed = base64.b64decode(browser.do("Page.printToPDF", paperWidth=width, paperHeight=height)["data"])
    assert printed.startswith(b"%PDF")
    assert 2 <= printed.count(b"/Type /Page\n") <= 12
    browser.do("Emulation.setEmulatedMedia", media="print")
    page_width = round((width - 2 * 14 / 25.4) * 96)
    browser.do("Emulation.setDeviceMetricsOverride", width=page_width, height=1000, deviceScaleFactor=1, mobile=False)
    inside = "[...document.querySelectorAll('svg, img, table')].every(e => e.getBoundingClientRect().right <= innerWidth + 1)"
    assert browser.evaluate(inside)
    assert browser.evaluate("[...document.querySelectorAll('details:not([open])')].every(d => !d.offsetParent)")


@pytest.mark.parametrize("dark", [False, True])
def test_texts_of_a_drawing_of_networks_are_apart(browser, resolve, tmp_path, dark):
    recipe = resolve("sngan-cifar32")
    file = tmp_path / "networks.svg"
    file.write_text(network_picture(recipe, build_networks(recipe, symbolic=True)))
    browser.open(file, dark=dark)
    boxes = browser.evaluate(
        "[...document.querySelectorAll('text')].map(e => (b => [b.x, b.y, b.x + b.width, b.y + b.height])(e.getBBox()))"
    )
    width, height = browser.evaluate("(b => [b.width, b.height])(document.documentElement.viewBox.baseVal)")
    assert all(left >= 0 and top >= 0 and right <= width and low <= height for left, top, right, low in boxes)
    # Lines of one text may touch, because a box also has room for accents.
    for one, other in combinations(boxes, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] - 3 <= other[1] or other[3] - 3 <= one[1]
    ink = browser.evaluate("getComputedStyle(document.querySelector('text')).fill")
    assert ink == ("rgb(231, 234, 236)" if dark else "rgb(27, 33, 39)")
