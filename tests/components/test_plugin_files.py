"""The files of a plugin in a plugins folder, and the hash of its code."""

from __future__ import annotations

import hashlib
import importlib
from pathlib import Path

import pytest

from dcgan_kit.components.plugin_files import code_files, code_hash

FILES = {
    "mine.py": "from ._curves import bend\n\ndef later():\n    from . import _lazy\n",
    "_curves.py": "from ._deep.sums import add\nbend = add\n",
    "_deep/__init__.py": "",
    "_deep/sums.py": "from .. import _top\nadd = 1\n",
    "_top.py": "from .._outside import x\n",
    "_lazy.py": "import json\n",
    "_unused.py": "1 / 0\n",
    "alone.py": "import json\nfrom . import absent\n",
    "pack/__init__.py": "from .one import x\n",
    "pack/one.py": "from . import two\nx = 1\n",
    "pack/two.py": "from .one import x\n",
}
MINE = ["_curves.py", "_deep/__init__.py", "_deep/sums.py", "_lazy.py", "_top.py", "mine.py"]


@pytest.fixture
def written(tmp_path: Path) -> Path:
    (tmp_path / "_outside.py").write_text("x = 1\n")
    folder = tmp_path / "plugins"
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("file", "files"),
    [
        ("mine.py", MINE),
        ("alone.py", ["alone.py"]),
        ("pack/__init__.py", ["pack/__init__.py", "pack/one.py", "pack/two.py"]),
    ],
)
def test_it_consists_of_what_it_imports_from_beside_it(written, file, files):
    assert [str(path.relative_to(written)) for path in code_files(written / file)] == files


def test_the_hash_changes_with_each_of_its_files_and_with_no_other(written):
    first = code_hash(written / "mine.py")
    for name in FILES:
        path = written / name
        text = path.read_text()
        path.write_text(f"{text}# changed\n")
        assert (code_hash(written / "mine.py") != first) == (name in MINE), name
        path.write_text(text)
    assert code_hash(written / "mine.py") == first


def test_the_hash_of_a_single_file_is_that_of_its_text(written):
    assert code_hash(written / "alone.py") == hashlib.sha256(FILES["alone.py"].encode()).hexdigest()


def test_a_file_that_is_no_python_is_one_of_its_files(written):
    (written / "_curves.py").write_text("def (\n")
    assert "_curves.py" in [path.name for path in code_files(written / "mine.py")]


def test_moving_the_folder_changes_nothing(written, tmp_path):
    first = code_hash(written / "mine.py")
    written.rename(tmp_path / "elsewhere")
    importlib.invalidate_caches()
    assert code_hash(tmp_path / "elsewhere" / "mine.py") == first
