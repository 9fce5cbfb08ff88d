"""What of a folder or an archive is an image, and what is said of the rest."""

from __future__ import annotations

import io
import os
import socket
import warnings
import zipfile

import pytest
from PIL import Image

from dcgan_kit import DataError, class_folders, image_archive, image_folder
from dcgan_kit.data.image_archive import UTF8_FLAG


def picture(format_name="PNG", grey=0):
    stream = io.BytesIO()
    Image.new("L", (4, 4), grey).save(stream, format_name)
    return stream.getvalue()


PICTURE = picture()
RUN = {
    "recipe.yaml": b"version: 1", "checkpoints/manifest.json": b"{}", "samples/step-000010.png": PICTURE,
    "sample-7.png": PICTURE, "report/curves.png": PICTURE, "each/0.png": PICTURE, "generator.keras": b"PK\3\4",
}  # fmt: skip


def below(place, files):
    return {f"{place}/{name}": content for name, content in files.items()}


@pytest.fixture(params=["folder", "archive"])
def found(request, tmp_path):
    """Return a function {name: content} -> ImageFiles, of a folder and of an archive."""

    def found(files, folder=""):
        if request.param == "archive":
            with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for name, content in files.items():
                    archive.writestr(name, content)
            return image_archive(tmp_path / "a.zip", folder)
        for name, content in files.items():
            (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "in" / name).write_bytes(content)
        return image_folder(tmp_path / "in" / folder)

    return found


def names(files):
    return ["/".join(path) for path in files.paths]


def reported(files):
    return [line.removeprefix(f"{files.source}: left out ") for line in files.left_out]


@pytest.mark.parametrize(
    "name", ["a.jfif", "a.tif", "a.jp2", "a.avif", "a", "a.dat", "a.txt", "a.PNG", "a.webp", "a.b.c", "checkpoints"]
)
@pytest.mark.parametrize("format_name", ["PNG", "JPEG", "TIFF", "AVIF", "JPEG2000", "PPM"])
def test_an_image_is_known_by_its_content(name, format_name, tmp_path):
    (tmp_path / name).write_bytes(picture(format_name))
    files = image_folder(tmp_path)
    assert names(files) == [name]
    assert files.left_out == ()
    with files.open(0) as stream:
        assert stream.read() == picture(format_name)


def test_what_is_no_image_is_counted_by_reason(found):
    others = {
        "README.txt": b"Pictures of 2024", "a.json": b"{}", "b.json": b"{}", "Thumbs.db": b"\xd0\xcf\x11\xe0",
        "labels.csv": b"a,b", "drawing.pdf": b"%PDF-1.7", "drawing.eps": b"%!PS-Adobe-3.0", "LICENSE": b"", ".DS_Store": b"x",
    }  # fmt: skip
    files = found({"a.png": PICTURE, "broken.png": b"x", "photo.heic": b"\0\0\0\x18ftypheic", **others})
    # What is called an image and is none is broken, which is for whoever decodes it to say.
    assert names(files) == ["a.png", "broken.png", "photo.heic"]
    assert reported(files) == [
        "8 files that are no images (2 .json, 1 .csv, 1 .db, 1 .eps, 1 .pdf, 2 more)",
        "1 name that begins with a dot or is macOS's own (1 without suffix)",
    ]


@pytest.mark.parametrize("place", ["runs/x", "run", "a/b/c/d", "train/out"])
def test_run_folders_are_left_out(place, found):
    files = found({"a.png": PICTURE, "deep/b.png": PICTURE, **below(place, RUN)})
    assert names(files) == ["a.png", "deep/b.png"]
    assert reported(files) == [f"a run folder, because output of training is not used as data: {place}"]


def test_several_run_folders_are_named(found):
    runs = {name: content for number in range(8) for name, content in below(f"runs/{number}", RUN).items()}
    assert reported(found({"a.png": PICTURE, **runs})) == [
        "8 run folders, because output of training is not used as data: runs/0, runs/1, runs/2, runs/3, runs/4, 3 more"
    ]


@pytest.mark.parametrize("marks", [{"checkpoints/x": b""}, {"environment.json": b"{}"}])
def test_a_run_folder_is_known_from_its_first_checkpoint_on(marks, found):
    files = found({"a.png": PICTURE, **below("r", {"recipe.yaml": b"", "samples/0.png": PICTURE, **marks})})
    assert names(files) == ["a.png"]


@pytest.mark.parametrize("other", [{"recipe.yaml": b""}, {"checkpoints/0": b""}, {"environment.json": b"{}"}])
def test_other_folders_are_no_run_folders(other, found):
    files = found({"a.png": PICTURE, **below("mine", {"b.png": PICTURE, **other})})
    assert names(files) == ["a.png", "mine/b.png"]


@pytest.mark.parametrize("place", ["", "runs/x"])
def test_a_run_folder_itself_is_refused_and_what_is_named_in_it_is_read(place, found):
    with pytest.raises(
        DataError, match=r"is a run folder, which holds output of training: give the folder of the images"
    ):
        found(below(place, RUN) if place else RUN, place)
    assert names(found(below("runs/x", RUN), "runs/x/each")) == ["0.png"]
    assert names(found(below("runs/x", RUN), "runs/x/samples")) == ["step-000010.png"]


def test_what_is_not_an_ordinary_file_is_counted_and_not_opened(tmp_path):
    (tmp_path / "a.png").write_bytes(PICTURE)
    os.mkfifo(tmp_path / "pipe.png")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "endless.jpg").symlink_to("/dev/zero")
    (tmp_path / "itself").symlink_to(tmp_path / "itself")
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "nothing")
    with socket.socket(socket.AF_UNIX) as listening:
        before = os.getcwd()
        os.chdir(tmp_path)
        try:
            listening.bind("socket.png")
        finally:
            os.chdir(before)
        files = image_folder(tmp_path)
    assert names(files) == ["a.png"]
    assert reported(files) == ["6 pipes, devices, or links that lead to no file (3 .png, 2 without suffix, 1 .jpg)"]


def test_a_file_that_is_larger_than_any_image_is_not_read(tmp_path):
    with (tmp_path / "a.png").open("wb") as stream:
        stream.write(PICTURE)
        stream.truncate(2**30)
    with pytest.raises(DataError, match="1,024 MiB are more than an image may have"):
        image_folder(tmp_path).open(0)


# Archives


def archive_of(path, members):
    """Write members under exactly the names that are given, as foreign programs do."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, (name, content) in enumerate(members):
            info = zipfile.ZipInfo(f"{number:04}")
            info.filename = name
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # About names that come twice.
                archive.writestr(info, content)
    return path


@pytest.mark.parametrize(
    ("members", "paths"),
    [
        (["cats\\0.png", "dogs\\0.png"], ["cats/0.png", "dogs/0.png"]),
        (["cats\\young\\0.png", "cats/1.png"], ["cats/1.png", "cats/young/0.png"]),
        (["./a.png", ".\\b.png"], ["a.png", "b.png"]),
        (["a//b.png", "a\\\\c.png"], ["a/b.png", "a/c.png"]),
        (["cats/", "cats\\", "cats\\0.png"], ["cats/0.png"]),
        (["__MACOSX/._0.png", "__MACOSX\\0.png", "0.png"], ["0.png"]),
        (["x/__MACOSX/0.png", ".hidden\\0.png", "1.png"], ["1.png"]),
        (["a.png", "a.png", "./a.png", "x\\..\\a.png"], ["a.png"]),
        (["C.png", "C/D.png", "a:b.png"], ["C/D.png", "C.png", "a:b.png"]),
        (["사진\\0.png", "été/1.png"], ["été/1.png", "사진/0.png"]),
    ],
)
def test_names_of_every_program(members, paths, tmp_path):
    files = image_archive(archive_of(tmp_path / "a.zip", [(name, PICTURE) for name in members]))
    assert names(files) == paths


@pytest.mark.parametrize(
    "name",
    [
        "..\\0.png",
        "cats\\..\\..\\0.png",
        "C:\\cats\\0.png",
        "c:/0.png",
        "\\\\host\\share\\0.png",
        "\\0.png",
        "//h/0.png",
    ],
)
def test_names_that_lead_out_stay_refused_with_backslashes_too(name, tmp_path):
    files = image_archive(archive_of(tmp_path / "a.zip", [("a.png", PICTURE), (name, PICTURE)]))
    assert names(files) == ["a.png"]
    assert [line.rpartition(": ")[2] for line in files.broken] == ["its name points outside the archive"]


def test_of_members_with_one_name_the_last_one_counts(tmp_path):
    members = [("a.png", PICTURE), ("b.png", PICTURE), (".\\a.png", picture(grey=9))]
    files = image_archive(archive_of(tmp_path / "a.zip", members))
    assert names(files) == ["a.png", "b.png"]
    assert reported(files) == ["1 member that a later one of the same name replaces (1 .png)"]
    with files.open(0) as stream:
        assert stream.read() == picture(grey=9)


def test_utf_8_without_its_mark_is_read_as_what_it_is(tmp_path):
    path = archive_of(tmp_path / "a.zip", [("사진/0.png", PICTURE), ("사진/1.png", PICTURE)])
    content = bytearray(path.read_bytes())
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.find(mark)
        while start >= 0:
            flags = int.from_bytes(content[start + at : start + at + 2], "little") & ~UTF8_FLAG
            content[start + at : start + at + 2] = flags.to_bytes(2, "little")
            start = content.find(mark, start + 4)
    path.write_bytes(content)
    assert names(image_archive(path, "사진")) == ["0.png", "1.png"]


# Classes


@pytest.mark.parametrize(
    ("paths", "labels", "reported"),
    [
        (["a/1", "a/2", "b/1"], [0, 0, 1], "labels are the folders' names, 2 classes: a (2), b (1)"),
        (["train/1", "train/2", "test/1"], None, "test, train are splits, not classes; all are used"),
        (["train/1", "train/2"], None, "train is a split, not a class"),
        (["Train/b/1", "Train/b/3", "VAL/a/2", "VAL/a/4"], [1, 1, 0, 0], "2 classes: a (2), b (2)"),
        (["train/a/1", "train/a/2", "test/b/3", "test/4", "train/b/5"], None, "1 of 5 images lie beside the folders"),
        (["train/1", "train/2", "plane/1", "plane/2"], [1, 1, 0, 0], "2 classes: plane (2), train (2)"),
        (["a/1", "a/2", "b/1", "3"], None, "no labels: 1 of 4 images lie beside the folders, not in them"),
        ([f"{n:03}/1" for n in range(300)], None, "no labels: 300 of 300 folders hold a single image"),
        (["a/1", "a/2", "b/1", "c/1"], None, "no labels: 2 of 3 folders hold a single image"),
        (["a/1", "a/2"], None, ""),
        (["1", "2"], None, ""),
        ([f"{n:02}/{m}" for n in range(12) for m in "ab"], [n // 2 for n in range(24)], "12 classes: 00 (2), 01 (2), "),
    ],
)  # fmt: skip
def test_folders_are_classes_by_a_rule_that_is_told(paths, labels, reported):
    found, notes, names = class_folders("faces", [tuple(path.split("/")) for path in paths])
    assert len(names) == (0 if labels is None else max(labels) + 1)
    assert all(f"{name} (" in reported or len(names) > 10 for name in names)
    assert (found is None) == (labels is None)
    assert labels is None or found.tolist() == labels
    assert all(line.startswith("faces: ") for line in notes)
    assert reported in "\n".join(notes)
    assert bool(notes) == bool(reported)
