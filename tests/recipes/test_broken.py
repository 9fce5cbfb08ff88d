"""Every broken recipe of the folder ``broken`` is reported exactly what its leading comments expect, all at once."""

import re
from pathlib import Path

import pytest

from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import RecipeError
from dcgan_kit.recipes.loading import load_recipe

BROKEN = Path(__file__).parent / "broken"
FILES = sorted(BROKEN.glob("*.yaml"))
EXPECTATION = "# expect: "


def expected_of(file):
    lines = file.read_text().splitlines()
    return [line.removeprefix(EXPECTATION) for line in lines if line.startswith(EXPECTATION)]


def told_of(file, error):
    return [
        # Lists of known names grow.
        re.sub(r" Known: [^:]*?\.(?= |$)", " Known: …", line.removeprefix(f"{file.name}:"))
        for line in map(str, error.problems)
    ]


def test_the_corpus_is_large():
    assert len(FILES) >= 70


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_problem_is_told_with_its_place(monkeypatch, file):
    expected = expected_of(file)
    assert expected, "a broken recipe must say what it expects"
    # Below the working directory paths are shown relative to it.
    monkeypatch.chdir(BROKEN)
    with pytest.raises(RecipeError) as caught:
        load_recipe(str(file), (), PluginSettings())
    assert told_of(file, caught.value) == expected


def test_a_duplicate_and_a_bad_override_do_not_hide_other_problems(problems, extending_whole):
    text = extending_whole("training: {seed: 1, seed: 2, steps: many}\n")
    assert problems(text, "generator.stages.9.filters=8", "image.channels=7") == [
        "3:21: training.seed: is given twice; first at 3:12",
        "3:37: training.steps: must be a whole number (given: 'many' (text))",
        "override:1:1: generator.stages.9: does not exist: generator.stages has items 0 to 0, called stage1",
        "override:2:16: image.channels: must be at most 4 (given: 7 (a whole number))",
    ]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "{a: ["], ids=["list", "mapping", "block", "mixed"])
def test_ten_thousand_deep_nesting_is_refused_quickly(problems, opening):
    [problem] = problems("a:\n  " + opening * 10_000)
    assert problem.endswith("nested more than 50 deep")


def test_nesting_by_aliases_counts_in_full(problems):
    rows = [f"a{i}: &a{i} {'[' * 40}{f'*a{i - 1}' if i else 'x'}{']' * 40}" for i in range(30)]
    assert problems("\n".join(rows)) == ["2:49: nested more than 50 deep, aliases counted in full"]


def test_an_alias_bomb_is_refused(problems):
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    [problem] = problems("\n".join(rows))
    assert problem.endswith("the recipe has more than 20000 values, aliases counted in full")


def test_more_than_twenty_generations_are_refused(tmp_path, problems):
    for index in range(25):
        (tmp_path / f"g{index}.yaml").write_text(f"version: 1\nextends: g{index + 1}.yaml\n")
    [problem] = problems("version: 1\nextends: g0.yaml\n")
    assert problem.endswith("g18.yaml:2:10: extends: more than 20 generations")


def test_a_path_that_no_file_can_have(problems):
    assert problems('extends: "a\\0.yaml"\n') == ["1:10: extends: 'a\\x00.yaml': no path has a NUL character"]
    [problem] = problems(f"extends: {'a' * 300}.yaml\n")
    assert problem.endswith("cannot be read: File name too long")


def test_messages_stay_short_when_the_input_is_long(problems, extending_whole):
    [text, number] = problems(extending_whole(f"image: {{size: {'x' * 5000}}}\ntraining: {{seed: {'9' * 150}}}\n"))
    assert len(text) < 200
    assert len(number) < 200
