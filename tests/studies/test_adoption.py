"""Runs of neighbouring studies: copied if they are finished, ordinary files only, never over a run of one's own."""

import pytest

from dcgan_kit.errors import RunError
from dcgan_kit.studies import adoption
from dcgan_kit.studies.adoption import adopt
from dcgan_kit.studies.folder import StudyFolder
from dcgan_kit.studies.readings import Cost, Reading, Readings

READ = Readings({"fd": Reading(1.0)}, Cost(1, 1, 1.0, 1.0)).as_json()


@pytest.fixture
def studies(tmp_path):
    """Two study folders, the second with a finished run ``id``."""
    mine, other = StudyFolder(tmp_path / "mine"), StudyFolder(tmp_path / "other")
    run = other.run("id")
    (run / "checkpoints").mkdir(parents=True)
    (run / "readings.json").write_bytes(READ)
    (run / "checkpoints" / "step.npz").write_bytes(b"weights")
    mine.path.mkdir()
    return mine, other


def test_a_finished_run_is_copied(studies):
    mine, other = studies
    assert adopt(mine, "id") == other.run("id")
    assert (mine.run("id") / "checkpoints" / "step.npz").read_bytes() == b"weights"
    assert [path.name for path in mine.runs.iterdir()] == ["id"]


def test_an_unfinished_run_another_run_and_one_s_own_are_not(studies):
    mine, other = studies
    assert adopt(mine, "else") is None
    (other.run("id") / "readings.json").unlink()
    assert adopt(mine, "id") is None
    (other.run("id") / "readings.json").write_text("{}")
    assert adopt(mine, "id") is None
    (other.run("id") / "readings.json").write_bytes(READ)
    mine.run("id").mkdir(parents=True)
    assert adopt(mine, "id") is None
    assert list(mine.run("id").iterdir()) == []


def test_links_are_left_out(studies, tmp_path):
    mine, other = studies
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "file").write_text("secret")
    (other.run("id") / "link").symlink_to(tmp_path / "secret" / "file")
    (other.run("id") / "folder").symlink_to(tmp_path / "secret")
    adopt(mine, "id")
    assert sorted(path.name for path in mine.run("id").iterdir()) == ["checkpoints", "readings.json"]


def test_a_folder_that_is_too_large_is_not_copied(studies, monkeypatch):
    mine, _ = studies
    monkeypatch.setattr(adoption, "MOST_FILES", 1)
    assert adopt(mine, "id") is None
    assert list(mine.runs.iterdir()) == []


def test_a_neighbour_that_cannot_be_read_is_passed_over(studies, monkeypatch):
    mine, other = studies

    def refused(run):
        raise RunError(f"{run}: cannot be read: Permission denied")

    monkeypatch.setattr(adoption, "read_readings", refused)
    assert adopt(mine, "id") is None
    assert not mine.runs.exists()
    assert other.run("id").is_dir()
