"""Charts say what they show: in lines reported apart without colour, in words, and in numbers."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from dcgan_kit.networks.kernel_overlap import taps
from dcgan_kit.reports.charts import MOST_LINES, MOST_ROWS, Chart, Level, Line, described, drawn, number
from dcgan_kit.reports.overlap import Overlap, overlap_drawing
from dcgan_kit.reports.run_files import Series
from dcgan_kit.reports.svg import belonging

SVG = "{http://www.w3.org/2000/svg}"

GOOD = "Shows a number. Good: low."


def series(*values, every=10):
    return Series(tuple(range(0, every * len(values), every)), tuple(map(float, values)))


def element(drawing, prefix="c"):
    return ElementTree.fromstring(belonging(drawing.source, prefix, drawing.title, drawing.description))


def texts(root):
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def test_names_stand_at_the_ends_of_lines_as_text():
    chart = Chart(
        "Losses",
        (Line("generator", series(1, 2)), Line("discriminator", series(1, 0))),
        (Level("floor", 0.5),),
        caption=GOOD,
    )
    found = texts(element(drawn(chart)))
    assert {"Losses", "generator", "discriminator", "floor", "step"} <= set(found)


def test_lines_differ_in_dashes_and_markers():
    lines = tuple(Line(f"line {i}", series(i, i + 1)) for i in range(MOST_LINES))
    source = drawn(Chart("many", lines, caption=GOOD)).source
    dashes = re.findall(r"stroke-dasharray: ([^;\"]+)", source)
    assert len(set(dashes)) >= 5


def test_title_and_description_for_people_who_do_not_see_it():
    drawing = drawn(Chart("Loss", (Line("generator", series(3, 1, 2)),), (Level("floor", 0.5),), caption=GOOD))
    root = element(drawing)
    assert root.get("role") == "img"
    ids = root.get("aria-labelledby").split()
    assert [child.get("id") for child in root[:2]] == ids
    assert root[0].text == "Loss"
    assert root[1].text == ("generator: 3 at step 0, 2 at step 20; lowest 1 at 10, highest 3 at 0. Level floor: 0.5.")


def test_no_id_is_shared_between_charts_and_every_reference_leads_somewhere():
    drawing = drawn(Chart("Loss", (Line("a", series(1, 2)),), caption=GOOD))
    one, two = element(drawing, "one"), element(drawing, "two")
    found = [{node.get("id") for node in root.iter() if node.get("id")} for root in (one, two)]
    assert not found[0] & found[1]
    text = ElementTree.tostring(one, encoding="unicode")
    for target in re.findall(r'(?:url\(#|href="#)([^)"]+)', text):
        assert target in found[0]


def test_colours_and_fonts_are_the_pages_and_no_style_sheet_leaks():
    text = ElementTree.tostring(
        element(drawn(Chart("Loss", (Line("a", series(1, 2)),), caption=GOOD))), encoding="unicode"
    )
    assert "var(--series-1)" in text
    assert "currentColor" in text
    assert "DejaVu" not in text
    assert not re.search(r"#0[0-9a-f]{5}", text)
    assert "<style" not in text


@pytest.mark.parametrize("name", ["$x$", "a & b", "<script>alert(1)</script>", "漢字 ü", "\\frac{1}{0}", "{", "%s"])
def test_any_name_is_text(name):
    drawing = drawn(Chart(name, (Line(name, series(1, 2)),), caption=GOOD))
    root = element(drawing)
    assert root[0].text == name
    assert any(text.startswith(name[:10]) for text in texts(root))


@pytest.mark.parametrize("values", [(1e30, -1e30), (0, 0), (1e-30, 2e-30), (5,), (-1, -1, -1), (2e-4, 2.0000001e-4)])
@pytest.mark.parametrize("logarithmic", [False, True])
def test_any_numbers_can_be_drawn(values, logarithmic):
    element(drawn(Chart("numbers", (Line("a", series(*values)),), logarithmic=logarithmic, caption=GOOD)))


def test_a_constant_does_not_look_lively():
    source = drawn(Chart("rate", (Line("a", series(2e-4, 2.0000001e-4, 2e-4, 2.0000001e-4)),), caption=GOOD)).source
    heights = [float(y) for y in re.findall(r'<use [^>]*y="([\d.]+)"[^>]*#010200', source)]
    assert heights
    assert max(heights) - min(heights) < 0.01


def test_the_table_is_evenly_thinned_and_says_so():
    drawing = drawn(Chart("Loss", (Line("a", series(*range(1000), every=1)),), caption=GOOD))
    assert len(drawing.table.rows) == MOST_ROWS
    assert drawing.table.caption == f"Loss, {MOST_ROWS} of 1,000 steps"
    assert drawing.table.rows[-1] == ("999", "999")
    assert len(drawing.source) < 60_000


def test_lines_that_do_not_fit_stand_in_the_table():
    lines = tuple(Line(f"line {i}", series(i)) for i in range(MOST_LINES + 2))
    drawing = drawn(Chart("many", lines, caption=GOOD))
    assert drawing.caption == f"{GOOD} 2 more lines are only in the table."
    assert len(drawing.table.columns) == MOST_LINES + 3
    assert "line 9" in described(Chart("many", lines, caption=GOOD))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (3.0, "3"),
        (1234.0, "1,234"),
        (12345.6, "12,346"),
        (0.00012, "0.00012"),
        (2.5e12, "2.5e+12"),
    ],
)
def test_numbers_are_short(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("kernel", "stride", "factor"), [(3, 2, 4.0), (5, 2, 2.25), (7, 2, 16 / 9), (2, 2, 1.0), (4, 2, 1.0), (6, 2, 1.0)]
)
def test_overlap_of_kernels_and_strides(kernel, stride, factor):
    """Odena et al. 2016: a kernel that the stride does not divide overlaps unevenly."""
    assert Overlap("layer", "", taps(kernel, stride), taps(kernel, stride)).factor == pytest.approx(factor)


def test_an_overlap_map_has_each_pixels_taps():
    drawing = overlap_drawing(Overlap("stage1", "transposed_conv, kernel 3, stride 2", taps(3, 2), taps(3, 2)))
    found = texts(element(drawing))
    assert drawing.title == "stage1: uneven by 4"
    assert [found.count(count) for count in ("4", "2", "1")] == [16, 32, 16]
    assert drawing.table.rows == (("row 0", "4", "2"), ("row 1", "2", "1"))


def test_pixels_that_no_tap_reaches_are_infinitely_uneven():
    assert overlap_drawing(Overlap("stage1", "kernel 1", taps(1, 2), taps(1, 2))).title == "stage1: uneven by ∞"
