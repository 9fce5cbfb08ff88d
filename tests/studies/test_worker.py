"""The process that trains a run of a study: the seconds that it took, also if it was stopped in between."""

import signal
from types import SimpleNamespace

import pytest

from dcgan_kit.api import study_worker
from dcgan_kit.components.plugin import PluginSettings
from dcgan_kit.errors import TrainingStopped
from tests.fixtures.studies_by_hand import study_folder


@pytest.mark.parametrize(
    ("content", "before"), [(None, 0.0), ("90.5\n", 90.5), ("junk", 0.0), ("nan", 0.0), ("-3", 0.0)]
)
def test_seconds_before_a_stop_count(content, before, tmp_path, monkeypatch):
    plan = study_folder(tmp_path / "study")
    run = plan.runs[0]
    plan.write_recipes([run])
    file = plan.folder.run(run.identity) / study_worker.SECONDS
    if content is not None:
        file.write_text(content)
    clock = iter([100.0, 110.0, 200.0, 230.0])
    monkeypatch.setattr(study_worker, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    monkeypatch.setattr(study_worker, "StepLines", lambda: None)

    def stopped(*_, **__):
        raise TrainingStopped(file.parent, 3, signal.SIGTERM)

    found = []
    monkeypatch.setattr(study_worker, "_write_readings", lambda run, numbers, seconds, settings: found.append(seconds))
    monkeypatch.setattr(study_worker, "train", stopped)
    arguments = (plan.folder.path, run.identity, ("fd",), PluginSettings(builtins_only=True))
    with pytest.raises(TrainingStopped):
        study_worker.train_and_read(*arguments)
    monkeypatch.setattr(study_worker, "train", lambda *_, **__: None)
    study_worker.train_and_read(*arguments)
    assert found == [pytest.approx(before + 10.0 + 30.0)]
