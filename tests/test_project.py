"""What the project says of itself holds: the README's commands, the headers of recipes, nothing left to fill in."""

import re
import subprocess
import tomllib
from datetime import date
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
RECIPES = sorted((ROOT / "recipes").glob("*.yaml"))
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))


def readme_commands() -> list[str]:
    return re.findall(r"^(python3 -m venv .*)$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_readme_has_one_command_to_train_and_one_to_test() -> None:
    train, test = readme_commands()
    assert train.endswith("dcgan-kit train lecture-fashion28")
    assert test.endswith("-m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder")


def test_ci_runs_the_test_command_of_the_readme() -> None:
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert lines[-1] == readme_commands()[1]


def test_every_package_is_installed() -> None:
    """An editable installation finds a folder that nobody listed; a wheel would lack it."""
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    tops = {"dcgan_kit": "dcgan_kit", "plugins": "dcgan_kit_plugins", "recipes": "dcgan_kit_recipes"}
    there = {
        ".".join((name, *file.parent.relative_to(ROOT / top).parts))
        for top, name in tops.items()
        for file in (ROOT / top).rglob("__init__.py")
    }
    assert listed == there


def test_pre_commit_runs_what_the_check_runs() -> None:
    check = (ROOT / "scripts" / "check").read_text(encoding="utf-8")
    commands = [
        f".venv/bin/{program}{rest.removesuffix(' &')}"
        for program, rest in re.findall(r'^"\$bin/(\S+)"(.*)$', check, re.MULTILINE)
    ]
    configuration = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repo["repo"] for repo in configuration["repos"]] == ["local"]
    hooks = configuration["repos"][0]["hooks"]
    assert [hook["entry"] for hook in hooks] == commands
    for hook in hooks:
        # Each looks at the whole tree, whatever the commit holds.
        assert (hook["language"], hook["pass_filenames"], hook["always_run"]) == ("system", False, True)


def test_lowest_versions_are_the_bounds_of_the_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bounds = [dependency.replace(">=", "==") for dependency in project["dependencies"]]
    lines = (ROOT / "tests" / "lowest-versions.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not line.startswith("#")] == bounds
    oldest = re.match(r">=(3\.\d+),", project["requires-python"])
    assert oldest is not None
    assert re.search(
        rf"^# Tried on \d{{4}}-\d\d-\d\d with Python {re.escape(oldest[1])}\.", "\n".join(lines), re.MULTILINE
    )


def test_decisions_are_numbered_without_a_gap() -> None:
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_begins_with_number_date_and_status(path: Path) -> None:
    title, _, day, status, _, *text = path.read_text(encoding="utf-8").splitlines()
    assert title.startswith(f"# {int(path.name[:4])}. ")
    assert date.fromisoformat(day.removeprefix("* Date: "))
    found = re.fullmatch(
        r"\* Status: (?:accepted|withdrawn on \d{4}-\d\d-\d\d|superseded by \[(\d+)\]\((\S+)\))", status
    )
    assert found, status
    if found[1]:
        assert (path.parent / found[2]).is_file()
        assert int(found[2][:4]) == int(found[1]) > int(path.name[:4])
    assert [part in "\n".join(text) for part in ("**Context.**", "**Decision.**", "**Consequences.**")] == [True] * 3


def test_pictures_and_links_of_the_readme_are_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!http)([^)#]+)", text):
        assert (ROOT / target).exists(), target


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_begins_with_schema_source_hardware_and_figures(path: Path) -> None:
    header = "".join(line for line in path.read_text(encoding="utf-8").splitlines(True) if line.startswith("#"))
    assert header.startswith("# yaml-language-server: $schema=recipe.schema.json\n")
    for fact in ("Source:", "Hardware:", "Figures:"):
        assert f"# {fact}" in header


def test_nothing_is_left_to_fill_in_and_no_machine_is_named() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.decode()
    files = [ROOT / name for name in tracked.split("\0") if name] or list(ROOT.rglob("*.py"))
    placeholder = re.compile(r"@[A-Z]{2,}@|\b(?:TODO|FIXME|XXX)\b")
    machine = re.compile(r"/(?:work|root)/")
    for file in files:
        if file.suffix not in (".py", ".md", ".yaml", ".toml", "") or file == Path(__file__) or not file.is_file():
            continue
        text = file.read_text(encoding="utf-8")
        assert not placeholder.search(text), file
        assert not machine.search(text), file
