"""Every table shows each of its words unbroken, on terminals of any width; no help text holds marks of its source."""

from __future__ import annotations

import re
import sys

import pytest

from dcgan_kit.cli import cli
from dcgan_kit.terminal import console

COMMANDS = {
    "components": ["components", "list"],
    "component": ["components", "show", "transposed_conv"],
    "plugins": ["plugins", "list"],
    "plugin": ["plugins", "show", "score"],
    "recipes": ["recipes", "list"],
    "networks": ["show", "lecture-fashion28"],
    "difference": ["show", "lecture-fashion28", "--diff", "radford-faces64"],
}


@pytest.fixture
def printed(command, monkeypatch):
    """Return a function (arguments, width) -> what the command prints, and the words of all cells of its tables."""

    def printed(arguments, width):
        words = []

        def keeping(columns, rows, right=(), title=""):
            rows = [list(map(str, row)) for row in rows]
            words.extend(word for row in (columns, *rows) for cell in row for word in cell.split())
            table(columns, rows, right, title)

        table = console.table
        monkeypatch.setattr(console, "WIDE", width)
        for module in ("catalogue", "show", "probe", "evaluate", "verify_resume"):
            monkeypatch.setattr(f"dcgan_kit.cli.{module}.table", keeping)
        text = command(*arguments).stdout
        monkeypatch.undo()
        return text, words

    return printed


@pytest.mark.parametrize("name", COMMANDS)
def test_words_of_tables_are_whole(name, printed):
    for width in (60, 80, 120):
        require_whole(*printed(COMMANDS[name], width), width)


def require_whole(text, words, width):
    assert words
    found = set(text.split())
    # A label of lines in place of a row has a colon after it.
    assert [word for word in words if len(word) < width - 2 and not found & {word, f"{word}:"}] == []


@pytest.mark.parametrize("width", [20, 40, 60, 80, 120, console.WIDE])
@pytest.mark.parametrize(
    "cells",
    [
        [["a", "b"]],
        [["generator.stages.0.upsample.kernel_size", "[4, 4]", "-"]],
        [["stage1_upsample", *(f"{number:.3g} ({number:.3g})" for number in (1e-7, 2.5e3, 12, 3, 4, 5))]],
        [["/a/path/that/is/quite/long/but/fits", "what it holds, in many words that want a line of their own"]],
        [["量子化された画像", "幅の広い文字", "x"]],
        [["", "empty before", ""]],
        [["two\nlines", "one"]],
        [],
    ],
    ids=lambda cells: " ".join(cells[0])[:20] if cells else "no row",
)
def test_any_table(cells, width, monkeypatch, capsys):
    monkeypatch.setattr(console, "WIDE", width)
    columns = [f"column_{index}" for index in range(len(cells[0]) if cells else 3)]
    console.table(columns, cells, right=columns[1:2], title="a title")
    text = capsys.readouterr().out
    from rich.cells import cell_len

    assert max(map(cell_len, text.splitlines())) <= width
    joined = set(text.replace("─", " ").split())
    for word in (word for row in (columns * bool(cells), *cells) for cell in row for word in cell.split()):
        if cell_len(word) < width - 2:
            assert joined & {word, f"{word}:"}, word


def test_a_word_that_is_wider_than_the_terminal_is_folded_and_not_cut(monkeypatch, capsys):
    monkeypatch.setattr(console, "WIDE", 20)
    console.table(("file", "size"), [("x" * 50, "3")])
    assert capsys.readouterr().out.count("x") == 50


@pytest.mark.parametrize("width", [40, 60, 80])
@pytest.mark.parametrize(
    "text", ["word " * 60, "  indented " * 12 + "\n\nand more", "/a/path/" * 30 + " is whole", "short", "", "a-b " * 50]
)
def test_prose_breaks_between_words_on_a_terminal(text, width, monkeypatch):
    written = []
    monkeypatch.setenv("COLUMNS", f"{width}")
    monkeypatch.setattr(console.click, "echo", lambda text, err=False: written.append(text))
    for stream, show in (("stdout", console.say), ("stderr", console.note)):
        with monkeypatch.context() as patch:
            patch.setattr(getattr(sys, stream), "isatty", lambda: True, raising=False)
            show(text)
        assert written[-1].split() == text.split()
        assert all(len(line) <= width or len(line.split()) == 1 for line in written[-1].split("\n"))
        show(text)
        assert written[-1] == text


def test_help_texts_have_no_marks():
    def walk(group, words=()):
        for name, found in group.commands.items():
            yield (*words, name), found
            if hasattr(found, "commands"):
                yield from walk(found, (*words, name))

    for words, found in (((), cli), *walk(cli)):
        from click import Context

        for width in (60, 80, 110):
            text = found.get_help(Context(found, info_name=" ".join(words), terminal_width=width))
            assert not re.search(r"\\[a-z]|\x08|\x0c|``|noqa|:(class|func|mod):", text), words
