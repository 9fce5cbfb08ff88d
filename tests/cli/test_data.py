"""``dcgan-kit data inspect`` and ``recipes new``: from a folder of pictures to a first training."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from dcgan_kit import PluginSettings, inspect_data, load_recipe, new_recipe
from dcgan_kit.terminal.progress import Quiet

LEVELS = np.random.default_rng(0).integers(0, 256, (130, 12, 12), np.uint8)


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    """A folder of two classes of 60 and 70 grey images of 36x44."""
    folder = tmp_path_factory.mktemp("classes")
    for number, levels in enumerate(LEVELS):
        file = folder / ("cats" if number < 60 else "dogs") / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray(levels).resize((44, 36)).save(file)
    return folder


@pytest.fixture
def mixed(tmp_path):
    """A folder of images of several modes, a copy, a broken one, and a text."""
    colour = Image.fromarray(np.dstack([LEVELS[0], LEVELS[1], LEVELS[2]]))
    folder = tmp_path / "mixed"
    folder.mkdir()
    colour.save(folder / "a.png")
    colour.save(folder / "b.bmp")
    colour.convert("L").save(folder / "c.png")
    Image.fromarray(LEVELS[3].astype(np.uint16) * 257).save(folder / "d.tif")
    (folder / "e.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "notes.txt").write_text("no image")
    return folder


def test_a_folder_is_described_in_words(command, mixed):
    done = command("data", "inspect", mixed)
    for line in ("4 images, read by images", "12x12", "grey, 16 bits", "equal to an earlier image: 1\n  a.png, b.bmp",
                 "that cannot be read: 1", "left out 1 file that is no image (1 .txt)", "repeat others, pixel by pixel",
                 "size for networks: 28x28x3", "20 % of the images cannot be read"):  # fmt: skip
        assert line in done.stdout, line


def test_as_json_it_is_what_the_function_returns(command, classes):
    found = json.loads(command("data", "inspect", classes, "--json").stdout)
    assert found["sizes"] == [{"height": 36, "width": 44, "images": 130}]
    assert found["classes"] == {"cats": 60, "dogs": 70}
    assert found["size"] == {"height": 32, "width": 32, "channels": 1}
    same = inspect_data(classes, watcher=Quiet())
    assert list(same.advice) == found["advice"]
    assert same.levels.mean == tuple(found["levels"]["mean"])


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["fashion_mnist_4k"], "4,000 images, read by fashion_mnist_4k"),
        (["data/fashion_mnist_4k", "resize=true", "--size", "32x32x3"], "size for networks: 32x32x3"),
        (["tiny-fashion28"], "size for networks: 28x28x1"),
        (["tiny-fashion28", "data={use: fashion_mnist_4k, resize: true}", "image.size=32"], "size for networks: 32x32"),
        (["{use: fashion_mnist_4k}"], "Ankle boot"),
    ],
)
def test_a_component_and_a_recipe_are_sources_too(arguments, line, command):
    assert line in command("data", "inspect", *arguments).stdout


def test_the_picture_shows_the_images_at_the_size_of_the_networks(command, classes, tmp_path):
    file = tmp_path / "grid.png"
    done = command("data", "inspect", classes, "fit=pad", "background=255", "--size", "8x8", "--picture", file)
    assert f"{file}: images of 8x8 as the networks see them" in done.stderr
    picture = Image.open(file)
    # 8 images of 8 pixels, each 10 times as large, with gaps of 2.
    assert picture.size == (8 * 82 - 2, 8 * 82 - 2)
    assert picture.mode == "L"
    # The pictures are wider than high, so fit=pad leaves a white margin of a row.
    assert np.asarray(picture)[70:80, :80].min() == 255
    assert np.asarray(picture)[30:50, :80].min() < 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["no-such-folder"], "no-such-folder: there is no such file or folder"),
        (["imagez"], "Did you mean 'images'?"),
        (["images", "path=nowhere"], "nowhere does not exist"),
        (["fashion_mnist_4k", "fitt=pad"], "fitt"),
        (["fashion_mnist_4k", "--size", "4y"], "e.g. 64, 48x96 or 64x64x3. Received: 4y"),
        (["fashion_mnist_4k", "--size", "32"], "images are 28x28x1, and 32x32x1 is asked for"),
        (["fashion_mnist_4k", "--picture", "a.gif"], "ends in .png"),
        (["{use: images"], "data:1:"),
    ],
)
def test_a_mistake_is_answered_without_a_traceback(arguments, message, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in command("data", "inspect", *arguments, status=2).stderr


def broken_folder(folder, broken):
    """Return a folder with four images and a number of broken ones."""
    folder.mkdir()
    for number in range(4):
        Image.fromarray(LEVELS[number]).resize((32, 32)).save(folder / f"{number}.png")
    for number in range(broken):
        (folder / f"broken-{number}.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return folder


def test_more_broken_images_than_are_named(command, tmp_path):
    done = command("data", "inspect", broken_folder(tmp_path / "many", 6)).stdout
    assert done.count("  broken: ") == 5
    assert "\n  and 1 more\n" in done
    assert " more\n" not in command("data", "inspect", broken_folder(tmp_path / "few", 5)).stdout


def test_a_recipe_whose_training_will_stop_says_so(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = broken_folder(tmp_path / "many", 6)
    said = command("recipes", "new", "many", "--data", folder).stderr
    assert "written: many.yaml, but training will stop: 60 % of the images cannot be read" in said
    assert "checked" not in said
    assert "note: 4 different images" in said
    allowed = command(
        "recipes", "new", "allowed", "--data", f"{{use: images, path: {folder}, max_broken_share: 0.9}}"
    ).stderr
    assert "written: allowed.yaml, checked" in allowed


@pytest.mark.parametrize(
    ("source", "picture", "said"),
    [
        ("faces", "faces/grid.png", "lies in the data"),
        ("faces", "faces/0.png", "lies in the data"),
        ("images path=faces", "faces/below/grid.png", "lies in the data"),
        ("faces", "elsewhere/grid.png", "lies in the data"),
        ("a.png", "a.png", "is what is read"),
        ("a.png", "b.png", "is what is read"),
    ],
)
def test_a_picture_never_replaces_the_data_nor_becomes_a_part_of_them(
    source, picture, said, command, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    broken_folder(tmp_path / "faces", 0)
    (tmp_path / "elsewhere").symlink_to("faces")
    np.savez("a.npz", x=LEVELS)
    (tmp_path / "a.npz").rename("a.png")
    (tmp_path / "b.png").hardlink_to("a.png")
    before = {file: file.read_bytes() for file in tmp_path.rglob("*.png")}
    assert said in command("data", "inspect", *source.split(), "--picture", picture, status=2).stderr
    assert {file: file.read_bytes() for file in tmp_path.rglob("*.png")} == before


def test_folders_without_images_and_files_that_are_no_data(command, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("text")
    assert "no image in" in command("data", "inspect", tmp_path / "empty", status=2).stderr
    assert "left out 1 file that is no image" in command("data", "inspect", tmp_path / "texts", status=2).stderr
    picture = tmp_path / "one.png"
    Image.fromarray(LEVELS[0]).save(picture)
    (tmp_path / "not.zip").write_text("no archive")
    for file, said in (
        (picture, "is one picture; give the folder that holds it"),
        (tmp_path / "not.zip", "is not a readable zip archive"),
    ):
        assert said in command("data", "inspect", file, status=2).stderr
    np.savez(tmp_path / "a.npz", images=LEVELS)
    assert (
        "set 'images' to one of them, with images=images"
        in command("data", "inspect", tmp_path / "a.npz", status=2).stderr
    )
    assert "130 images" in command("data", "inspect", tmp_path / "a.npz", "images=images").stdout
    assert "Name the component" in command("data", "inspect", tmp_path / "texts" / "a.txt", status=2).stderr


def test_looking_at_a_folder_starts_no_tensorflow(classes):
    code = f"import sys, dcgan_kit; dcgan_kit.inspect_data({str(classes)!r}); print('tensorflow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_plugin_without_stored_images_is_seen_as_a_recipe_gets_it(command, tmp_path):
    (tmp_path / "dots.py").write_text(
        "import numpy as np\nfrom dcgan_kit import Images, component, hookimpl\n\n"
        "@component('data')\ndef dots(spec):\n    '''Dots.'''\n"
        "    return Images(np.arange(6, dtype=np.uint8).repeat(spec.height * spec.width * spec.channels)"
        ".reshape(6, *spec.shape))\n\n"
        "@hookimpl\ndef dcgan_kit_components():\n    return [dots]\n"
    )
    options = ("--plugins-dir", tmp_path)
    assert "say which by size (--size), e.g. 64x64x3" in command("data", "inspect", "dots", *options, status=2).stderr
    done = command("data", "inspect", "dots", "--size", "16x16x1", "--picture", tmp_path / "d.png", *options)
    assert "6 images, read by dots" in done.stdout
    assert "levels: 0 to 5" in done.stdout


STRANGE = """import numpy as np
from dcgan_kit import ImageSpec, StoredImage, StoredImages, component, hookimpl

def images(what):
    if what == "raises":
        raise KeyError("gone")
    for number in range(4):
        yield 7 if what == "numbers" else StoredImage(str(number), lambda: np.full((8, 8, 1), 9, np.uint8))

def fitted(what, pixels, spec):
    return 1 / 0 if what == "unfit" else pixels

def _stored(what):
    return StoredImages("strange", 4, lambda: images(what), lambda pixels, spec: fitted(what, pixels, spec))

@component("data", stored=_stored)
def %s(spec: ImageSpec, *, what: str = ""):
    '''Strange images.'''

@hookimpl
def dcgan_kit_components():
    return [%s]
"""


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("raises", "its function 'images' failed: KeyError: "),
        ("numbers", "'images' must return dcgan_kit.StoredImage or texts. Received: int"),
        ("unfit", "its function 'fitted' failed: ZeroDivisionError: division by zero ("),
        ("small", "'fitted' must return uint8 (16, 16, 1). Received: uint8 (8, 8, 1)"),
    ],
)
def test_code_of_a_plugin_that_fails_while_images_are_read_is_named(what, message, command, tmp_path):
    (tmp_path / "strange.py").write_text(STRANGE.replace("%s", "odd"))
    options = ("--size", "16x16x1", "--picture", tmp_path / "a.png", "--plugins-dir", tmp_path)
    answer = command("data", "inspect", "odd", f"what={what}", *options, status=2).stderr
    assert message in answer


def test_a_recipe_names_the_owner_of_a_component_if_two_plugins_offer_the_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(STRANGE.replace("%s", "odd"))
    settings = PluginSettings(folders=(tmp_path,))
    recipe = new_recipe("new", "two/odd", size="8x8x1", settings=settings, watcher=Quiet())
    assert "use: two/odd\n" in (tmp_path / "new.yaml").read_text()
    assert recipe.resolved.data.component.owner == "two"


def test_only_options_that_are_paths_are_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("y", "labels"):
        (tmp_path / name).mkdir()
    np.savez("a.npz", x=LEVELS[:60, :, :, None].repeat(2, 1).repeat(2, 2), labels=np.arange(60) % 2)
    recipe = new_recipe("new", {"use": "npz", "path": "a.npz", "labels": "labels"}, size="24", watcher=Quiet())
    assert recipe.resolved.data.options["path"] == f"{tmp_path}/a.npz"
    assert recipe.resolved.data.options["labels"] == "labels"
    np.save("x.npy", LEVELS[:60, :, :, None].repeat(2, 1).repeat(2, 2))
    np.save("y.npy", np.arange(60) % 2)
    recipe = new_recipe("other", {"use": "npy", "path": "x.npy", "labels": "y.npy"}, size="24", watcher=Quiet())
    assert recipe.resolved.data.options["labels"] == f"{tmp_path}/y.npy"


def test_a_recipe_for_a_folder_trains(command, classes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = command("recipes", "new", "pets", "--data", classes)
    assert "dcgan-kit train pets.yaml" in done.stderr
    text = (tmp_path / "pets.yaml").read_text()
    assert "the median of their shorter" in text
    assert "Channels: all images are grey." in text
    recipe = load_recipe(tmp_path / "pets.yaml")
    assert recipe.check() == ()
    assert recipe.resolved.image.spec.shape == (32, 32, 1)
    assert recipe.resolved.condition.classes == 2
    assert (tmp_path / "recipe.schema.json").exists()
    done = command("train", "pets.yaml", "training.steps=2", "training.evaluation={scores: []}",
                   "training.probing={probes: []}", "training.precision=float32", "generator.input.filters=8",
                   "generator.stages.0.filters=8", "generator.stages.1.filters=8")  # fmt: skip
    assert "done: runs/pets" in done.stderr
    before = text
    assert "exists already" in command("recipes", "new", "pets.yaml", "--data", classes, status=2).stderr
    assert (tmp_path / "pets.yaml").read_text() == before


@pytest.mark.parametrize(
    ("source", "options", "shape"),
    [
        ("classes", {"conditional": False, "size": "48x96"}, (48, 96, 1)),
        ("classes", {"size": "64x64x3"}, (64, 64, 3)),
        ("mixed", {}, (28, 28, 3)),
        ("fashion_mnist_4k", {}, (28, 28, 1)),
    ],
)
def test_recipes_for_other_data_are_valid(source, options, shape, request, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = request.getfixturevalue(source) if source in ("classes", "mixed") else source
    recipe = new_recipe("new", data, watcher=Quiet(), **options)
    assert recipe.resolved.image.spec.shape == shape
    assert [one.lint for one in recipe.check()] == []
    assert recipe.missing_data() == ""
    assert (recipe.resolved.condition is None) == (source == "mixed" or options.get("conditional") is False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["new", "--data", "no-such-folder"], "there is no such file or folder"),
        (["new", "--data", "fashion_mnist_4k", "--size", "64"], "does not resize"),
        (["new", "--data", "{use: fashion_mnist_4k, resize: true}", "--size", "45"], "take multiples of 16"),
        (["no/such/place.yaml", "--data", "fashion_mnist_4k"], "there is no folder no/such"),
        (["new"], "Missing option '--data'"),
        (["new.txt", "--data", "fashion_mnist_4k"], "new.txt: ends in .txt, and a recipe ends in .yaml"),
    ],
)
def test_a_mistake_writes_no_recipe(arguments, message, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert message in command("recipes", "new", *arguments, status=2).stderr
    assert list(tmp_path.iterdir()) == []
