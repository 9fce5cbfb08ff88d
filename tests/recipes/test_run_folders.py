"""A run folder is known by the same signs wherever one is met."""

import pytest

from dcgan_kit.recipes.loading import find_recipe
from dcgan_kit.recipes.recipe_file import read_file
from dcgan_kit.recipes.run_folders import is_run_folder, is_run_folder_at, run_folder_between


@pytest.mark.parametrize(
    ("names", "run"),
    [
        (["recipe.yaml", "environment.json"], True),
        (["recipe.yaml", "checkpoints"], True),
        (["recipe.yaml"], False),
        (["environment.json", "checkpoints"], False),
    ],
)
def test_where_a_run_folder_is_met_it_is_known(names, run, tmp_path, builtins):
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    assert is_run_folder(names) == is_run_folder_at(folder) == run
    assert run_folder_between(folder / "samples" / "0.png", tmp_path) == (folder if run else None)
    assert find_recipe(str(folder / "recipe.yaml"), builtins)[1] == ("mine" if run else "recipe")
    with pytest.raises(Exception, match="is a run folder, not a recipe" if run else "is a folder, not a recipe file"):
        read_file(folder)
