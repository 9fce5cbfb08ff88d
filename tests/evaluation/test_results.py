from __future__ import annotations

import json
import os

import pytest

from dcgan_kit.errors import RunError
from dcgan_kit.evaluation import results
from dcgan_kit.evaluation.evaluator import Number
from dcgan_kit.evaluation.protocol import Protocol
from dcgan_kit.evaluation.results import FILE, Evaluation, read_evaluation

PROTOCOL = Protocol("", "fashion_classifier@1a2b3c4d", "28x28x1", 2000, 800, "val", "5e6f7a8b")
EVALUATION = Evaluation({"run": "r", "step": 3}, (Number("fd", 2.0, 0.5, "lower", PROTOCOL, 800),), ("a note",))


def test_what_was_written_is_read_in_a_folder_or_by_its_name(tmp_path):
    (tmp_path / FILE).write_text(json.dumps(EVALUATION.as_data()))
    assert read_evaluation(tmp_path) == read_evaluation(tmp_path / FILE) == EVALUATION


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / FILE)
    with pytest.raises(RunError, match=r"evaluation\.json: cannot be read: is not a regular file"):
        read_evaluation(tmp_path)


def test_a_file_without_end_is_not_read_to_its_end(tmp_path, monkeypatch):
    with pytest.raises(RunError, match="is not a regular file"):
        read_evaluation(tmp_path.__class__("/dev/zero"))
    monkeypatch.setattr(results, "MOST", 2**20)
    (tmp_path / FILE).write_bytes(b" " * (2**20 + 1))
    with pytest.raises(RunError, match="is larger than 1 MiB"):
        read_evaluation(tmp_path)
