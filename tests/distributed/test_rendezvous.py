"""Workers that meet, wait, are started again, and find strangers at their addresses; without TensorFlow."""

from __future__ import annotations

import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import pytest

from dcgan_kit.distributed import rendezvous
from dcgan_kit.distributed.rendezvous import holder, meet
from dcgan_kit.errors import UserError


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch):
    monkeypatch.setattr(rendezvous, "BETWEEN_SECONDS", 0.02)
    monkeypatch.setattr(rendezvous, "ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(rendezvous, "OTHER_PROGRAM_SECONDS", 0.2)
    monkeypatch.setattr(rendezvous, "PORT_SECONDS", 0.2)


@pytest.fixture
def addresses():
    """Three addresses at which nobody listens."""
    with ExitStack() as held:
        taken = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        return [f"127.0.0.1:{server.getsockname()[1]}" for server in taken]


def said_of(addresses, index):
    reported = []
    meet(addresses, index, reported.append)
    return reported


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_workers_meet_in_whatever_order_they_come(order, addresses, monkeypatch):
    waits = threading.Event()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(meet, addresses, order[0], lambda _: waits.set())
        assert waits.wait(300)
        assert not first.done()
        others = [pool.submit(meet, addresses, index, print) for index in order[1:]]
        for meeting in (first, *others):
            assert meeting.result(60) is None
    for address in addresses:
        socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))).close()


def test_who_is_waited_for_is_told_once(addresses):
    reported, waits = [], threading.Event()

    def tell(message):
        reported.append(message)
        waits.set()

    with ThreadPoolExecutor(3) as pool:
        chief = pool.submit(meet, addresses, 0, tell)
        assert waits.wait(300)
        others = [pool.submit(meet, addresses, index, print) for index in (1, 2)]
        for meeting in (chief, *others):
            meeting.result(60)
    assert reported[0] == f"waiting for worker 1 at {addresses[1]}, worker 2 at {addresses[2]}"
    assert len(reported) == len(set(reported))


@contextmanager
def stranger(address, says=b"", closes=False):
    """A server of something else at an address."""
    with socket.create_server(("127.0.0.1", int(address.rpartition(":")[2]))) as server:
        kept = []

        def serve():
            while True:
                try:
                    there, _ = server.accept()
                    if says:
                        there.sendall(says)
                except OSError:
                    return
                if closes:
                    there.close()
                else:
                    kept.append(there)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        server.shutdown(socket.SHUT_RDWR)
    thread.join(60)
    for there in kept:
        there.close()


@pytest.mark.parametrize(("says", "closes", "reported"), [
    (b"", False, "another program answers there"),
    (b"", True, "another program answers there"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", True, r"answers there, which sends b'HTTP/1\.1 400 Bad Request"),
    (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" * 50, False, r"another program answers there, which sends b'"),
    (b"dcgan-kit 0123456789abcdef 0\n", True, "a worker of another cluster answers there"),
    (b"\x1b[2J\n", True, r"sends b'\\x1b\[2J"),
])  # fmt: skip
@pytest.mark.parametrize("index", [0, 1], ids=["the chief meets it", "a worker meets it"])
def test_a_stranger_at_an_address_is_named_and_not_waited_for_ever(index, says, closes, reported, addresses):
    pair = addresses[:2]
    other = pair[1 - index]
    notes = []
    with stranger(other, says, closes), pytest.raises(UserError, match=reported) as caught:
        meet(pair, index, notes.append)
    message = str(caught.value)
    assert message.startswith(f"worker {1 - index} at {other}: ")
    assert f", process {os.getpid()} (" in message
    assert message.endswith("). End it, or choose another address")
    assert any("waiting up to 0 s for it to leave" in note for note in notes)
    assert message.isprintable()


@pytest.mark.parametrize("index", [0, 1])
def test_a_port_of_ones_own_that_is_taken_is_told_with_its_holder(index, addresses):
    with stranger(addresses[index]), pytest.raises(UserError) as caught:
        meet(addresses[:2], index, print)
    reported = f"worker {index} at {addresses[index]}, this one, cannot use its port: Address already in use, process "
    assert str(caught.value).startswith(f"{reported}{os.getpid()} (")


def test_a_stranger_that_leaves_is_forgotten(addresses, monkeypatch):
    monkeypatch.setattr(rendezvous, "OTHER_PROGRAM_SECONDS", 60.0)
    pair, seen = addresses[:2], threading.Event()
    with ThreadPoolExecutor(2) as pool:
        with stranger(pair[1], b"HTTP/1.1 400\r\n", closes=True):
            chief = pool.submit(meet, pair, 0, lambda _: seen.set())
            assert seen.wait(300)
        worker = pool.submit(meet, pair, 1, print)
        assert (chief.result(60), worker.result(60)) == (None, None)


def test_two_addresses_of_one_worker_are_told(addresses):
    """``localhost`` and 127.0.0.1, say."""
    port = addresses[0].rpartition(":")[2]
    with pytest.raises(UserError, match=r"worker 0 of the same cluster answers there; each worker needs an address"):
        meet([addresses[0], f"localhost:{port}"], 0, print)


def test_a_worker_that_left_before_all_were_there_is_waited_for_again(addresses):
    """It was killed, and started again."""
    arrived = rendezvous._Meeting(addresses, 1, print)
    with ThreadPoolExecutor(3) as pool:
        chief = pool.submit(meet, addresses, 0, lambda _: None)
        while (there := arrived._connect(0)) is None:
            pass
        there.close()
        others = [pool.submit(meet, addresses, index, lambda _: None) for index in (1, 2)]
        for meeting in (chief, *others):
            assert meeting.result(60) is None


def test_who_listens_is_known_of_this_machine_alone(addresses):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert holder(f"127.0.0.1:{port}").startswith(f", process {os.getpid()} (")
        assert holder(f"elsewhere.example:{port}") == ""
    assert holder(addresses[0]) == ""
