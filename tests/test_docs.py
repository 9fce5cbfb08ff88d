"""The documentation leaves nothing out: what can be named stands in docs/*.md."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from pathlib import Path

import pytest

from dcgan_kit.api.claims import list_claims
from dcgan_kit.cli import cli
from dcgan_kit.components.kinds import KINDS
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.components.plugin_loader import HOOKS, load_builtins
from dcgan_kit.networks.lint import LINTS
from dcgan_kit.recipes import key_declarations

PLUGINS = load_builtins()
CLAIMS = list_claims(settings=PluginSettings(builtins_only=True))
DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def words():
    """Everything that docs/*.md write as code: single words, and the words of lines of code."""
    texts = [file.read_text(encoding="utf-8") for file in DOCS.glob("*.md")]
    assert texts
    return {word for text in texts for word in re.findall(r"[\w/.-]+", text)}


@pytest.fixture(scope="module")
def texts():
    """All of docs/*.md."""
    return "\n".join(file.read_text(encoding="utf-8") for file in DOCS.glob("*.md"))


def commands(group, above=()):
    for name, command in group.commands.items():
        yield " ".join((*above, name)), command
        yield from commands(command, (*above, name)) if hasattr(command, "commands") else ()


def pages():
    """README, CHANGELOG, CONTRIBUTING, and every page below docs. Discussions are parts of docs/claims.md."""
    root = Path(__file__).parents[1]
    below = [file for file in sorted(DOCS.rglob("*.md")) if file.name != "discussion.md"]
    return [root / "README.md", root / "CHANGELOG.md", root / "CONTRIBUTING.md", *below]


def prose(text):
    """A page without its blocks of code."""
    return re.sub(r"^(`{3,})[^`\n]*\n.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text):
    """The anchors that GitHub gives to headings: small letters, no punctuation, hyphens; a number from the second on."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE):
        anchor = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "]", heading).lower()).replace(" ", "-")
        number = 0
        while (unique := f"{anchor}-{number}" if number else anchor) in found:
            number += 1
        found.add(unique)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_kinds(kind, words):
    assert kind in words


def test_components(words):
    assert [str(c) for c in PLUGINS.registry if c.name not in words] == []


def test_options(words):
    missing = [f"{c}: {option}" for c in PLUGINS.registry for option in c.options.model_fields if option not in words]
    assert missing == []


def test_recipes(words):
    assert [name for name in PLUGINS.recipes if name not in words] == []


def test_lints(words, texts):
    assert [name for name in LINTS if name not in words] == []


def test_hooks(words):
    assert [hook for hook in HOOKS if hook not in words] == []


def test_commands_and_their_options(texts):
    missing = []
    for name, command in commands(cli):
        if f"dcgan-kit {name}" not in texts:
            missing.append(name)
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--") and option not in texts:
                    missing.append(f"{name} {option}")
    assert missing == []


def test_keys_of_recipes(words):
    keys = {name for section in key_declarations.sections() for name in section.model_fields}
    assert {"generator", "order", "sample_grid", "filters"} <= keys
    assert sorted(keys - words) == []


def test_pages_that_findings_name():
    root = Path(__file__).parents[1]
    sources = [*(root / "plugins").rglob("*.py"), root / "dcgan_kit" / "probing" / "health_line.py"]
    named = {
        page for file in sources for page in re.findall(r"health\.md#([\w{}-]+)", file.read_text(encoding="utf-8"))
    }
    assert len(named) >= 9
    named = {name.replace("{reading}", reading) for name in named for reading in ("dead", "dormant")}
    assert sorted(named - anchors((root / "docs" / "health.md").read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("variable", ["DCGAN_KIT_BLOCK", "DCGAN_KIT_PLUGINS_DIR", "DCGAN_KIT_STRICT"])
def test_environment_variables(variable, texts):
    assert variable in texts


def test_links_lead_to_files_and_headings_that_there_are():
    broken = []
    for page in pages():
        for target in re.findall(r"\]\(([^)\s]+)[^)]*\)", prose(page.read_text(encoding="utf-8"))):
            if "://" in target or target.startswith("mailto:"):
                continue
            path, _, anchor = target.partition("#")
            file = page.parent / path if path else page
            there = file.exists() and (
                not anchor or file.suffix != ".md" or anchor in anchors(file.read_text(encoding="utf-8"))
            )
            if not there:
                broken.append(f"{page.name}: {target}")
    assert broken == []


def test_anchors_are_githubs():
    text = "# A `b_c` & d's\n## Twice\n## Twice\n```text\n# no heading\n```\n"
    assert anchors(text) == {"a-b_c--ds", "twice", "twice-1"}


@pytest.mark.parametrize("name", CLAIMS)
def test_the_record_of_a_claim_is_that_of_the_study_that_is_shipped(name):
    folder = DOCS / "claims" / name
    record = json.loads((folder / "claim.json").read_text(encoding="utf-8"))
    assert record["name"] == name
    assert record["study"] == CLAIMS[name].study.as_yaml()
    assert not record["plan_changed"]
    assert (
        sum(one["finished"] + one["failed"] for one in record["variants"]) == len(record["variants"]) * record["seeds"]
    )
    assert (folder / "samples.png").exists() == (record["samples"] is not None)
    assert (folder / "discussion.md").read_text(encoding="utf-8").strip()


def test_the_lecture_has_the_verdict_of_each_record():
    rows = re.findall(r"\| \[(\w+)\]\(claims\.md#([\w-]+)\) \|$", (DOCS / "lecture.md").read_text(), re.MULTILINE)
    verdicts = {name: json.loads((DOCS / "claims" / name / "claim.json").read_text())["verdict"] for _, name in rows}
    assert [(verdicts[name], name) for _, name in rows] == rows
    assert set(verdicts) == set(CLAIMS)


def test_no_page_has_a_gap_or_two_versions_of_a_passage():
    marks = re.compile(r"@@|^(?:<{7}|>{7}|\|{7})(?: |$)", re.MULTILINE)
    found = {page.name: marks.findall(page.read_text(encoding="utf-8")) for page in pages()}
    assert {name: marks for name, marks in found.items() if marks} == {}


@pytest.fixture(scope="module")
def layers():
    """The rows of the contract that imports run downward, without ``dcgan_kit.``."""
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = [c for c in project["tool"]["importlinter"]["contracts"] if c["type"] == "layers"]
    return [row.replace("dcgan_kit.", "") for row in contract["layers"]]


def test_layers_of_the_page_on_architecture(layers):
    text = (Path(__file__).parents[1] / "docs" / "architecture.md").read_text(encoding="utf-8")
    assert re.search(r"```text\n(.*?)\n```", text, re.DOTALL)[1].splitlines() == layers
    described = re.findall(r"^\| `dcgan_kit\.(\w+)` \| .{10,} \|$", text, re.MULTILINE)
    assert described == [room for row in layers for room in row.split(" | ")]


def test_every_room_has_a_layer(layers):
    package = Path(__file__).parents[1] / "dcgan_kit"
    rooms = {path.parent.name for path in package.glob("*/__init__.py")} | {path.stem for path in package.glob("*.py")}
    assert rooms - {"__init__"} == {room for row in layers for room in row.split(" | ")}


def names_in(file):
    """What a module defines."""
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        yield from (target.id for target in targets if isinstance(target, ast.Name))


@pytest.mark.parametrize("page", ["docs/architecture.md", "CONTRIBUTING.md"])
def test_files_and_names_that_pages_on_the_code_mention(page):
    root = Path(__file__).parents[1]
    text = (root / page).read_text(encoding="utf-8").replace("dcgan_kit/cli/NAME.py", "")
    mentioned = re.findall(r"`(\.?\w[\w.-]*/[\w./-]*)(?::\s+(\w+))?`", prose(text))
    assert len(mentioned) >= 5
    missing = [path for path, _ in mentioned if not (root / path).exists()]
    missing += [f"{path}: {name}" for path, name in mentioned if name and name not in names_in(root / path)]
    assert missing == []
