"""The help of every command has an example, and the example works."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import click
import pytest

from dcgan_kit.cli import cli

ROOT = Path(__file__).parents[2]
LONG = {"train", "launch", "verify-resume", "replay", "claims run"}
LONG |= {"study run", "study show", "study add-seeds", "study report", "study export"}
LONG |= {"explore"}
"""Commands whose examples train, serve, or need a study or a crash. Here only their arguments are read:
tests/test_pages.py, tests/cli/test_studies_page.py and tests/explorer run such commands."""


def commands(group, above=()):
    """(name, command) of every command and group that help shows."""
    for name, command in sorted(group.commands.items()):
        if command.hidden:
            continue
        yield " ".join((*above, name)), command
        if isinstance(command, click.Group):
            yield from commands(command, (*above, name))


COMMANDS = dict(commands(cli))


def examples(command):
    """The lines of a help text that are commands, without what the shell does with their output."""
    found = re.findall(r"^ *(?:\w+: +)?dcgan-kit (.*)$", command.help, re.MULTILINE)
    return [shlex.split(re.sub(r" >>? .*", "", line)) for line in found]


EXAMPLES = {" ".join(words): (name, words) for name, command in COMMANDS.items() for words in examples(command)}


def parsed(words):
    """The names of the command that the words call, after click has read all arguments."""
    context, command = cli.make_context("dcgan-kit", list(words)), cli
    names = []
    while isinstance(command, click.Group):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        names.append(name)
        context = command.make_context(name, rest, parent=context)
    return " ".join(names)


@pytest.fixture(scope="module")
def folder(command, tmp_path_factory):
    """A folder with all that examples name: two runs, pictures, verdicts of claims, plugins."""
    folder = tmp_path_factory.mktemp("examples")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("DCGAN_KIT_CACHE", str(folder / "cache"))
        quick = ("training.steps=2", "training.batch_size=4", "training.held_out=0.2")
        for run in ("runs/lecture-fashion28", "runs/resized"):
            command("train", "tiny-fashion28", *quick, "--run", run)
        patch.setenv("HOME", str(folder / "home"))
        photographs = [f"home/{name}" for name in ("faces", "wide", "birds")]
        for seed, name in enumerate(("my/samples", "my/photographs", *photographs)):
            command("sample", "runs/lecture-fashion28", "--seed", seed, "--count", 120, "--each", name)
        shutil.make_archive("faces", "zip", "home/faces")
        shutil.copy("my/photographs/00000.png", "shoe.png")
        shutil.copytree(ROOT / "docs" / "claims", folder / "studies" / "claims")
        shutil.copytree(ROOT / "tests" / "sample_plugins" / "folder", folder / "my_plugins")
        for name in ("studies/tiny-fashion28", "runs/lecture-fashion28/crashes/step-000000007"):
            (folder / name).mkdir(parents=True)
        yield folder


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example_of_itself(name):
    assert name in {" ".join(words)[: len(name)] for words in examples(COMMANDS[name])}


@pytest.mark.slow
@pytest.mark.parametrize(("name", "words"), EXAMPLES.values(), ids=EXAMPLES)
def test_every_example_works(name, words, folder, command):
    called = parsed(words)
    assert called in COMMANDS
    assert called.startswith(name) or called == "study run"
    if called not in LONG:
        command(*words)


def test_the_examples_of_the_program_itself():
    lines = re.findall(r"dcgan-kit (\w[^,\n]*)", cli.help)
    assert len(lines) >= 3
    assert {parsed(line.split()) for line in lines} <= set(COMMANDS)
