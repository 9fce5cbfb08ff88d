"""Files of a run folder are a stranger's: what cannot be used is left out, counted, and reported."""

from __future__ import annotations

import json
import math
import os

import pytest

from dcgan_kit.reports import run_files
from dcgan_kit.reports.run_files import Series, Unusable, finite, read_document, read_json, read_metrics


def test_numbers_by_name_in_order_of_steps_the_last_of_a_step_counts(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 4, "a": 4}\n{"step": 2, "a": 1.5, "b": 2}\n{"step": 2, "a": 2.5}\n')
    metrics = read_metrics(file)
    assert metrics.series == {"a": Series((2, 4), (2.5, 4.0)), "b": Series((2,), (2.0,))}
    assert (metrics.lines, metrics.broken, metrics.left_out, metrics.cut) == (3, 0, 0, False)


@pytest.mark.parametrize(
    "line",
    [
        '{"step": 3, "a"',
        "[1, 2]",
        "7",
        '{"a": 1}',
        '{"step": "3", "a": 1}',
        '{"step": true, "a": 1}',
        '{"step": -1, "a": 1}',
        '{"step": 1e3, "a": 1}',
        "[" * 100_000,
        '{"step": ' + "9" * 10_000 + "}",
        "\x00\xff",
    ],
)
def test_a_broken_line_is_counted_and_the_others_stay(line, tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text(f'{{"step": 1, "a": 1}}\n{line}\n{{"step": 2, "a": 2}}\n')
    metrics = read_metrics(file)
    assert metrics.series["a"].values == (1.0, 2.0)
    assert metrics.broken == 1


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e31", "-1e300", "9" * 400])
def test_numbers_that_cannot_be_drawn_are_left_out_and_counted(value, tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text(f'{{"step": 1, "a": {value}, "b": 1}}\n')
    metrics = read_metrics(file)
    assert list(metrics.series) == ["b"]
    assert metrics.left_out == 1


def test_what_is_no_number_is_no_metric(tmp_path):
    (tmp_path / "m").write_text(json.dumps({"step": 1, "a": "1", "b": None, "c": True, "d": [1], "e": {}}))
    assert read_metrics(tmp_path / "m").series == {}


def test_a_file_that_is_not_there_holds_nothing(tmp_path):
    assert read_metrics(tmp_path / "none").series == {}
    assert read_json(tmp_path / "none") is None


def test_names_and_bytes_are_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(run_files, "MOST_NAMES", 2)
    monkeypatch.setattr(run_files, "MOST_OF_LINES", 60)
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1, "a": 1, "b": 2, "c": 3}\n' * 10)
    metrics = read_metrics(file)
    assert list(metrics.series) == ["a", "b"]
    assert metrics.cut
    assert metrics.lines == 2


def test_a_document_that_is_too_large_is_refused(tmp_path):
    (tmp_path / "large.json").write_bytes(b"[" + b"1," * 100 + b"1]")
    with pytest.raises(Unusable, match=r"large\.json is larger"):
        read_document(tmp_path / "large.json", 100)


def test_a_pipe_is_not_waited_for_and_a_link_not_followed(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "secret").write_text("{}")
    (tmp_path / "link.json").symlink_to(tmp_path / "secret")
    (tmp_path / "folder.json").mkdir()
    for name in ("pipe.json", "link.json", "folder.json"):
        with pytest.raises(Unusable, match=name):
            read_json(tmp_path / name)


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x00"])
def test_a_document_that_is_no_json_is_told(text, tmp_path):
    (tmp_path / "file.json").write_text(text)
    with pytest.raises(Unusable, match=r"file\.json is no JSON"):
        read_json(tmp_path / "file.json")


def test_thinning_keeps_both_ends_and_chooses_evenly():
    series = Series(tuple(range(100_000)), tuple(map(float, range(100_000))))
    thin = series.thinned(400)
    assert len(thin.steps) == len(set(thin.steps)) == 400
    assert (thin.steps[0], thin.steps[-1]) == (0, 99_999)
    gaps = [after - before for before, after in zip(thin.steps, thin.steps[1:], strict=False)]
    assert max(gaps) - min(gaps) <= 1
    assert series.thinned(100_000) is series


def test_the_best_is_the_first_of_equals():
    assert Series((1, 2, 3), (2.0, 1.0, 1.0)).best(highest=False) == (2, 1.0)
    assert Series((1, 2, 3), (2.0, 1.0, 2.0)).best(highest=True) == (1, 2.0)


@pytest.mark.parametrize(("value", "number"), [(3, 3.0), (True, None), (math.nan, None), (10**400, None), ("3", None)])
def test_finite_numbers(value, number):
    assert finite(value) == number
