"""docs/own-images.md: its program, its commands and its excerpt are what a reader gets."""

import re
import shlex
from pathlib import Path

import pytest

import dcgan_kit
from dcgan_kit.terminal.progress import Quiet

PAGE = (Path(__file__).parents[2] / "docs" / "own-images.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder that the page's first program writes into."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("page"))
        exec(re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)[0], {})
        yield Path.cwd()


def test_the_recipe_of_the_page_is_the_one_that_is_written(command, folder):
    blocks = re.findall(r"```console\n\$ dcgan-kit ([^\n]*)\n(.*?)```", PAGE, re.DOTALL)
    assert [line.split()[0] for line, _ in blocks] == ["data", "recipes", "train"]
    for line, _ in blocks[:2]:
        command(*shlex.split(line))
    text = (folder / "garments.yaml").read_text()
    for excerpt in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL):
        assert excerpt in text
    assert (folder / "garments.png").read_bytes()[:4] == b"\x89PNG"


def test_the_program_at_the_end_does_the_same(folder):
    found = dcgan_kit.inspect_data("garments", watcher=Quiet())
    assert (found.count, found.equal.count) == (1000, 0)
    recipe = dcgan_kit.new_recipe("unlabelled", "garments", conditional=False, watcher=Quiet())
    assert recipe.resolved.condition is None
    assert recipe.resolved.training.held_out == 0.1
