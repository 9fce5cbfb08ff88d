"""Only ordinary files are read, and only ordinary files are replaced."""

from __future__ import annotations

import os
import socket

import pytest

from dcgan_kit.files import is_there, open_regular, read_regular, write_whole


def _fifo(path):
    os.mkfifo(path)


def _folder(path):
    path.mkdir()


def _link_to_a_device(path):
    path.symlink_to("/dev/zero")


def _link_to_a_pipe(path):
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to(path.with_name("pipe"))


def _link_to_itself(path):
    path.symlink_to(path)


def _socket(path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


ODD = [_fifo, _folder, _link_to_a_device, _link_to_a_pipe, _link_to_itself, _socket]


@pytest.mark.parametrize("follow_links", [True, False])
@pytest.mark.parametrize("make", ODD)
def test_what_is_not_a_regular_file_is_not_read(tmp_path, monkeypatch, make, follow_links):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "file"
    make(file)
    with pytest.raises(OSError, match=r"is (a folder|a link|not a regular file)|symbolic links"):
        open_regular(file, follow_links=follow_links)


@pytest.mark.parametrize("make", ODD)
def test_what_is_not_a_regular_file_is_not_replaced(tmp_path, monkeypatch, make):
    file = tmp_path / "file"
    make(file)
    before, kind = sorted(tmp_path.iterdir()), file.lstat().st_mode
    with pytest.raises(OSError, match=r"is (a folder|a link|not a regular file)"):
        write_whole(file, b"new")
    assert sorted(tmp_path.iterdir()) == before
    assert file.lstat().st_mode == kind


def test_a_link_to_a_file_is_followed_only_where_it_may_be(tmp_path):
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular(tmp_path / "link", 100) == b"content"
    with pytest.raises(OSError, match="is a link"):
        read_regular(tmp_path / "link", 100, follow_links=False)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_an_impossible_name_is_an_error_of_the_system(tmp_path, name):
    with pytest.raises(OSError, match=r"is not a file name|too long"):
        open_regular(tmp_path / name)
    with pytest.raises(OSError, match=r"is not a file name|too long"):
        write_whole(tmp_path / name, b"")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_may_be_a_link_that_leads_nowhere(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    (tmp_path / "file").touch()
    names = ("link", "file", "nothing", "file/below", "nothing/below")
    assert [is_there(tmp_path / name) for name in names] == [True, True, False, False, False]
    for name in ("a\0b", "x" * 300):
        with pytest.raises(OSError, match=r"is not a file name|too long"):
            is_there(tmp_path / name)


def test_no_more_is_read_than_may_be(tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"x" * 11)
    assert len(read_regular(file, 11)) == 11
    with pytest.raises(OSError, match="larger than 10 bytes"):
        read_regular(file, 10)


def test_a_file_is_replaced_whole(tmp_path):
    file = tmp_path / "below" / ("y" * 255)
    write_whole(file, b"one")
    write_whole(file, b"two")
    assert file.read_bytes() == b"two"
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]
    mask = os.umask(0)
    os.umask(mask)
    assert file.stat().st_mode & 0o777 == 0o666 & ~mask
