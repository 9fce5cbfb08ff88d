"""The commands on the pages run, and print what stands below them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from executable_pages import COMMANDS, Page, comments, differences, file_name, missing, steps

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = [
    page for page in PAGES if re.search(r"^```(console|bash|pycon)$", page.read_text(encoding="utf-8"), re.MULTILINE)
]


def name(page):
    return str(page.relative_to(ROOT))


@pytest.mark.slow
@pytest.mark.parametrize("path", RUN, ids=name)
def test_every_command_prints_what_the_page_shows(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DCGAN_KIT_CACHE", str(tmp_path / "cache"))
    assert Page(path).run() == []


def blocks():
    """(page and line, reason or None, commands) of each console block."""
    for path in RUN:
        for example in Page(path).document.examples():
            if example.region.lexemes["arguments"] in COMMANDS:
                reason = comments(example).get("not run", [None])[0]
                yield f"{name(path)}:{example.line}", reason, steps(example.parsed)


def test_a_block_that_no_test_runs_says_why():
    found = list(blocks())
    assert len(found) > 100
    skipped = {where: reason for where, reason, _ in found if reason is not None}
    assert [where for where, reason in skipped.items() if len(reason) < len("installs")] == []
    # A page is trusted because it runs: most blocks do.
    assert len(skipped) < len(found) / 2


def test_what_is_marked_as_run_is_a_command():
    programs = {step.command.split()[0] for _, reason, commands in blocks() if reason is None for step in commands}
    assert programs == {"dcgan-kit", ".venv/bin/dcgan-kit", "cat", "python"}


@pytest.mark.parametrize(
    ("shown", "printed", "fits"),
    [
        (["a", "b"], ["a", "", "b  "], True),
        (["a", "b"], ["a", "c", "b"], False),
        (["a", "…", "b"], ["a", "c", "d", "b"], True),
        (["a", "…"], ["a"], True),
        (["a"], ["a", "b"], False),
        (["b", "a"], ["a", "b"], False),
        (["in …/x.py:1"], ["in /tmp/x.py:1"], True),
        (["in …/x.py:1"], ["in /tmp/y.py:1"], False),
        (["step 1  849 images/s"], ["step 1  N images/s"], True),
        (["G 0.71 (x)"], ["G 0.72 (x)"], False),
    ],
)
def test_a_page_shows_exactly_what_is_printed_but_for_ellipses(shown, printed, fits):
    assert (differences(shown, printed) is None) == fits


def test_workers_may_print_in_any_order():
    assert missing(["1 | a", "0 | b"], ["0 | b", "1 | a", "0 | c"]) is None
    assert "1 | x" in missing(["1 | x", "0 | b"], ["0 | b", "1 | a"])


def test_a_page_is_run_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "page.md"
    page.write_text(
        "Put this into `a/mine.yaml`:\n\n```yaml\nversion: 1\nextends: tiny-fashion28\n```\n\n"
        "<!-- first: echo '# a comment' >> a/mine.yaml -->\n\n```console\n$ cat a/mine.yaml\n"
        "version: 1\nextends: tiny-fashion28\n# a comment\n$ cat nothing\n```\n\n"
        "<!-- not run: takes hours -->\n\n```console\n$ false\n```\n\n```pycon\n>>> 1 + 1\n3\n\n```\n"
    )
    run = Page(page)
    failed, session = run.run()
    assert "page.md:10: $ cat nothing\nstatus 1" in failed
    assert "Expected:\n    3\nGot:\n    2" in session
    assert list(run.not_run.values()) == ["takes hours"]


def test_which_file_a_block_is(tmp_path):
    page = tmp_path / "page.md"
    text = (
        "With\nthis `a.yaml`:\n\n```yaml\n```\n\nThis is\n`b/c.py`. It has `d.py`.\n\n```python\n```\n\n```yaml\n```\n"
    )
    page.write_text(text + "\nAs in `e.yaml`:\n\n<!-- file: f.toml -->\n\n```toml\n```\n")
    assert [file_name(example) for example in Page(page).document.examples()] == ["a.yaml", "b/c.py", None, "f.toml"]
