"""The chapters of the lecture: each has all its parts, and its recipes can be loaded."""

import re
from pathlib import Path

import pytest

from dcgan_kit import load_recipe

FOLDER = Path(__file__).parents[2] / "docs" / "lecture"
CHAPTERS = sorted(FOLDER.glob("*.md"))
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
def test_every_recipe_can_be_loaded(chapter):
    for text in blocks(chapter, "yaml"):
        assert load_recipe(text).check() is not None
