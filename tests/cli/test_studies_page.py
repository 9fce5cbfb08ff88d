"""The commands of docs/studies.md, in their order, with the files that the page says to save; each as small as it can."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "studies.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def tiny(arguments):
    """A command with one seed, two steps, and no more."""
    words = ["1" if before == "--seeds" else word for before, word in zip(["", *arguments], arguments, strict=False)]
    if words[:2] == ["study", "add-seeds"]:
        return [*words[:-1], "1"]
    if words[0] == "study" and words[1] not in ("show", "report", "export"):
        once = [] if "--seeds" in words else ["--seeds", "1"]
        return [*words, *once, "--budget", "steps=2", "training.batch_size=4"]
    return words


def steps():
    """(file to save, its text) and commands, in the order of the page."""
    text = PAGE.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        language, content = block.groups()
        saved = re.search(r"Save this as `(\S+)`:\s*$", text[: block.start()])
        if language == "yaml" and saved:
            yield saved[1], content
        elif language == "console":
            for line in content.splitlines():
                words = shlex.split(line, comments=True)
                assert words[0] == "dcgan-kit"
                yield words[1:]


@pytest.mark.slow
def test_every_command_of_the_page_works(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = []
    for step in steps():
        if isinstance(step, tuple):
            Path(step[0]).write_text(step[1])
        else:
            done.append(" ".join(step[:2]))
            command(*tiny(step))
    wanted = {"study tiny-fashion28", "study upsampling.yaml", "study report", "study export", "claims run"}
    assert {*wanted, "claims report"} <= set(done)
    assert "no-activation-is-linear" in Path("studies/claims/claims.md").read_text()
    (linear,) = tmp_path.glob("studies/claims/linear/claim.json")
    assert json.loads(linear.read_text())["verdict"] == "supported"
    assert str(tmp_path) not in linear.read_text()
    assert len(json.loads(Path("studies/upsampling/study.json").read_text())["variants"]) == 3
