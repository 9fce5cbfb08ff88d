"""What a run folder says of its run, and what is reported of a file that cannot be used."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dcgan_kit.errors import RunError
from dcgan_kit.reports.facts import MOST_CLASSES, labels, read_facts


def test_a_whole_run(run, score_key):
    facts = read_facts(run, "garments")
    assert facts.notes == ()
    assert (facts.steps, facts.finished) == (40, False)
    assert facts.recipe["training.sample_grid"] == [2, 2]
    assert facts.environment["packages.keras"] == "3"
    assert [(grid.step, grid.raw) for grid in facts.grids] == [
        (0, False), (20, False), (40, False), (0, True), (20, True), (40, True),
    ]  # fmt: skip
    (found,) = facts.findings
    assert (found.step, found.disease, found.value, found.baseline) == (40, "dead channels", 0.4, 0.0)
    (number,) = facts.evaluation.numbers
    assert (number.key, number.value, number.floor, number.better) == (score_key, 20.0, 2.5, "lower")
    assert facts.evaluation.of["step"] == "40"


def test_minutes_are_what_the_logged_images_took(run):
    # 40 steps of 16 images at 160 a second.
    assert read_facts(run, "garments").minutes == pytest.approx(4 / 60)


def test_a_folder_without_a_recipe_is_no_run(tmp_path):
    with pytest.raises(RunError, match="is not a run folder"):
        read_facts(tmp_path, "none")


def test_a_recipe_alone_is_a_run_that_has_not_begun(tmp_path, recipe_text):
    (tmp_path / "recipe.yaml").write_text(recipe_text())
    facts = read_facts(tmp_path, "new")
    assert (facts.steps, facts.minutes, facts.grids, facts.findings, facts.evaluation) == (0, None, (), (), None)
    assert facts.notes == ()


@pytest.mark.parametrize(
    ("name", "content", "reported"),
    [
        ("recipe.yaml", b"generator: [\n", "recipe.yaml is no valid recipe"),
        ("recipe.yaml", b"\xff\xfe\x00", "recipe.yaml is no valid recipe"),
        ("environment.json", b"{", "environment.json is no JSON"),
        ("evaluation.json", b"[]", "evaluation.json holds no list of numbers"),
        ("evaluation.json", b'{"numbers": 3}', "evaluation.json holds no list of numbers"),
        ("metrics.jsonl", b'{"step": 1\n{"step": 2, "a": 1}\n', "metrics.jsonl has 1 broken line"),
        ("metrics.jsonl", b'{"step": 2, "a": NaN}\n', "metrics.jsonl has 1 number not finite"),
    ],
)
def test_a_damaged_file_is_told_and_the_rest_is_read(name, content, reported, run):
    (run / name).write_bytes(content)
    facts = read_facts(run, "garments")
    assert len(facts.notes) == 1
    assert facts.notes[0].startswith(reported)
    assert len(facts.grids) == 6


def test_findings_and_numbers_of_other_types_than_they_should_have_are_empty(run, lines):
    lines(run / "findings.jsonl", [{"step": 3, "disease": ["x"], "value": "1", "observation": 7}, "{"])
    (run / "evaluation.json").write_text(json.dumps({"of": 7, "numbers": [3, {"number": "fd", "value": {}}, {}]}))
    facts = read_facts(run, "garments")
    (found,) = facts.findings
    assert (found.disease, found.observation, found.value) == ("", "", None)
    (number,) = facts.evaluation.numbers
    assert (number.number, number.value, number.protocol) == ("fd", None, {})


def test_classes_of_other_types_than_they_should_have_are_left_out(run):
    numbers = [{"number": "kid", "value": 0.5, "floor": "x", "better": "lower"}, 7]
    classes = [3, {"class": "a", "numbers": []}, {"class": 1}, {"class": 2, "name": ["x"], "numbers": numbers}]
    (run / "evaluation.json").write_text(json.dumps({"numbers": [], "classes": classes}))
    (found,) = read_facts(run, "garments").evaluation.classes
    assert (found.title, found.samples, found.references) == ("2", None, None)
    assert [(one.number, one.value, one.floor) for one in found.numbers] == [("kid", 0.5, None)]
    (run / "evaluation.json").write_text(json.dumps({"numbers": [], "classes": 5}))
    assert read_facts(run, "garments").evaluation.classes == ()


def test_judges_of_other_types_than_they_should_have_are_left_out(run):
    judges = [3, {"judge": "a", "numbers": 4}, {"judge": ["x"], "sees": "shapes", "numbers": [{"number": "fd"}, 7]}]
    (run / "evaluation.json").write_text(json.dumps({"numbers": [], "judges": judges}))
    (found,) = read_facts(run, "garments").evaluation.judges
    assert (found.title, [one.number for one in found.numbers]) == (": shapes", ["fd"])
    (run / "evaluation.json").write_text(json.dumps({"numbers": [], "judges": {"judge": "a"}}))
    assert read_facts(run, "garments").evaluation.judges == ()


def test_more_classes_than_a_table_shows_are_counted(run):
    classes = [{"class": number, "numbers": []} for number in range(MOST_CLASSES + 1)]
    (run / "evaluation.json").write_text(json.dumps({"numbers": [], "classes": classes}))
    found = read_facts(run, "garments").evaluation
    assert len(found.classes) == MOST_CLASSES
    assert found.notes == ("The table shows 200 of 201 classes; evaluation.json holds all.",)


def test_files_that_are_no_grids_are_none(run):
    for name in ("step-.png", "step-1.jpg", "step-9999999999999.png", "step-000001-raw.png.tmp", "other.png"):
        (run / "samples" / name).write_bytes(b"")
    assert len(read_facts(run, "garments").grids) == 6


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["runs/a"], ("a",)),
        (["runs/a", "runs/b"], ("a", "b")),
        (["one/a", "two/a"], ("one/a", "two/a")),
        (["one/x/a", "two/x/a", "b"], ("one/x/a", "two/x/a", "b")),
    ],
)
def test_labels_tell_folders_apart_in_few_words(paths, names):
    found = labels([Path("/somewhere") / path for path in paths])
    assert found[: len(names) - 1] == names[:-1]
    assert found[-1].endswith(names[-1])
    assert len(set(found)) == len(paths)
