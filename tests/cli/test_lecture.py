"""The chapters of the lecture: every command prints what stands below it, and each chapter has all its parts."""

import re
import shlex
from pathlib import Path

import pytest

from dcgan_kit import load_recipe

FOLDER = Path(__file__).parents[2] / "docs" / "lecture"
CHAPTERS = sorted(FOLDER.glob("*.md"))
QUICK = ("explain", "check", "show")
PARTS = ["Worked example", "In a recipe", "Measure it", "What studies found", "Questions"]


def named(chapter):
    return chapter.stem


def blocks(chapter, language):
    return re.findall(rf"```{language}\n(.*?)```", chapter.read_text(encoding="utf-8"), re.DOTALL)


def test_there_is_a_chapter_for_each_page_of_the_lecture():
    text = (FOLDER.parent / "lecture.md").read_text(encoding="utf-8")
    assert [chapter.name for chapter in CHAPTERS] == re.findall(r"\]\(lecture/([\w.-]+)\) \|", text)
    assert len(CHAPTERS) == 9


@pytest.mark.parametrize("chapter", CHAPTERS, ids=named)
def test_a_chapter_has_all_its_parts(chapter):
    text = chapter.read_text(encoding="utf-8")
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == PARTS
    assert re.search(r"^# \d\. ", text)
    assert re.search(r"!\[[^\]]+\]\(\.\./images/", text), "a picture"
    assert len(re.findall(r"^\*\*[^*]+\?", text.partition("## Questions")[2], re.MULTILINE)) == 3
    assert "](../claims.md#" in text
    assert not re.search(r"^>>>|@@", text, re.MULTILINE)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=named)
def test_every_command_prints_what_stands_below_it(chapter, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    for block in blocks(chapter, "console"):
        for part in re.split(r"^\$ dcgan-kit ", block, flags=re.MULTILINE)[1:]:
            line, _, printed = part.partition("\n")
            if line.split()[0] not in QUICK:
                continue
            done = command(*shlex.split(line), status=2 if "must end in" in printed else 0)
            found = iter([text.rstrip() for text in f"{done.stdout}\n{done.stderr}".splitlines()])
            for wanted in filter(None, map(str.rstrip, printed.splitlines())):
                assert wanted in found, f"{line}: {wanted}"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=named)
def test_every_recipe_can_be_loaded(chapter):
    for text in blocks(chapter, "yaml"):
        assert load_recipe(text).check() is not None
