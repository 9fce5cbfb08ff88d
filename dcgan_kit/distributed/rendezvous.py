"""Workers meet here before TensorFlow connects them; while they wait, signals work, and other programs are noticed.

TensorFlow would wait forever in C++ code, and would take any program that answers at an address for a worker. So every
worker first listens at its own address, where it answers with its identity, and connects to the first worker, the
chief. When all workers are connected, the chief lets all of them continue. The protocol: each side sends one line of
ASCII, ``dcgan-kit CLUSTER INDEX``; at the end the chief sends ``go``.
"""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from dcgan_kit.distributed.addresses import parts_of
from dcgan_kit.errors import UserError, printable

OTHER_PROGRAM_SECONDS = 120.0
"""How long another program may answer at an address; workers of an earlier job need up to 90 seconds to leave."""
PORT_SECONDS = 15.0
"""How long another program may use this worker's port."""
ANSWER_SECONDS = 5.0
SILENT_SECONDS, PROBES = 30, 3
"""TCP keepalive: seconds of silence before each probe of the other side, and the number of probes."""
BETWEEN_SECONDS = 0.5
MAX_LINE = 120
GO = b"go\n"


def meet(addresses: Sequence[str], index: int, report: Callable[[str], None]) -> None:
    """Wait until all workers are connected; all workers return at about the same time.

    Args:
        addresses: ``host:port`` of each worker, the same on all workers.
        index: index of this process in ``addresses``.
        report: receives each message about missing workers, or about another program at an address, once.

    Raises:
        UserError: another program uses an address, and does not leave it.
    """
    meeting = _Meeting(addresses, index, report)
    with meeting.listening():
        if index == 0:
            meeting.gather()
        else:
            meeting.join()


class _Meeting:
    def __init__(self, addresses: Sequence[str], index: int, report: Callable[[str], None]) -> None:
        self._addresses, self._index, self._report = addresses, index, report
        self._cluster = hashlib.sha256("\n".join(addresses).encode()).hexdigest()[:16]
        self._connected: dict[int, socket.socket] = {}
        self._lock = threading.Lock()
        self._reported: set[str] = set()
        self._other_program_since: dict[int, float] = {}

    def gather(self) -> None:
        """Wait for all other workers, and let them continue."""
        others = range(1, len(self._addresses))
        while True:
            with self._lock:
                absent = [index for index in others if index not in self._connected]
            if not absent:
                break
            # A worker that answers at its address will soon connect, so it is not reported as missing.
            missing = [index for index in absent if not self._answers_as_worker(index)]
            if missing:
                self._report_once(f"waiting for {', '.join(map(self._name, missing))}")
            time.sleep(BETWEEN_SECONDS)
        for connection in self._connections():
            # If a worker is lost now, ``watching`` finds it, as in training.
            with suppress(OSError):
                connection.sendall(GO)
                connection.shutdown(socket.SHUT_RDWR)

    def join(self) -> None:
        """Connect to the chief, and wait until it lets all continue; connect again if the chief is restarted."""
        while True:
            chief = self._connect(0)
            if chief is None:
                self._report_once(f"waiting for {self._name(0)}")
            else:
                with chief:
                    _wait_while_alive(chief)
                    with suppress(OSError):
                        if _line(chief) == GO:
                            return
            time.sleep(BETWEEN_SECONDS)

    def _answers_as_worker(self, index: int) -> bool:
        found = self._connect(index)
        if found is None:
            return False
        found.close()
        return True

    def _connect(self, index: int) -> socket.socket | None:
        """Connect to a worker, and check its identity; return None if no worker answers yet.

        Raises:
            UserError: another program has answered for too long, or another worker of this cluster answers.
        """
        try:
            connection = socket.create_connection(parts_of(self._addresses[index]), timeout=ANSWER_SECONDS)
        except OSError:
            self._other_program_since.pop(index, None)
            return None
        try:
            connection.sendall(self._hello(self._index))
            answer = _line(connection)
        except OSError:
            answer = b""
        if answer == self._hello(index):
            self._other_program_since.pop(index, None)
            return connection
        connection.close()
        if answer in map(self._hello, range(len(self._addresses))):
            raise UserError(
                f"{self._name(index)}: worker {answer.split()[2].decode()} of the same cluster answers there; each "
                "worker needs an address of its own"
            )
        self._report_other_program(index, answer)
        return None

    def _report_other_program(self, index: int, answer: bytes) -> None:
        program = "a worker of another cluster" if answer.startswith(b"dcgan-kit ") else "another program"
        content = f", which sends {answer[:40]!r}" if answer else ""
        message = f"{self._name(index)}: {program} answers there{content}{holder(self._addresses[index])}"
        since = self._other_program_since.setdefault(index, time.monotonic())
        if time.monotonic() - since >= OTHER_PROGRAM_SECONDS:
            raise UserError(f"{message}. End it, or choose another address")
        self._report_once(f"{message}; waiting up to {OTHER_PROGRAM_SECONDS:.0f} s for it to leave")

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen at this worker's address, and answer each connection with its identity.

        Raises:
            UserError: the port cannot be used.
        """
        server = self._server()
        thread = threading.Thread(target=self._answer_all, args=(server,), name="rendezvous", daemon=True)
        thread.start()
        try:
            yield
        finally:
            # ``close`` alone would leave the thread in ``accept``, which would keep the port in use.
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            server.close()
            thread.join(ANSWER_SECONDS)
            for connection in self._connections():
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def _connections(self) -> list[socket.socket]:
        """Return the other workers' connections; the threads that wait for their end close them."""
        with self._lock:
            return list(self._connected.values())

    def _server(self) -> socket.socket:
        port = parts_of(self._addresses[self._index])[1]
        until = time.monotonic() + PORT_SECONDS
        dual = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual else socket.AF_INET
        while True:
            try:
                return socket.create_server(("", port), family=family, dualstack_ipv6=dual)
            except OSError as error:
                # A worker of an earlier training may not have left yet.
                if not isinstance(error, PermissionError) and time.monotonic() < until:
                    time.sleep(BETWEEN_SECONDS)
                    continue
                raise UserError(
                    f"{self._name(self._index)}, this one, cannot use its port: {os.strerror(error.errno or 0)}"
                    f"{holder(f'localhost:{port}')}. End the process that uses it, or choose another port"
                ) from error

    def _answer_all(self, server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        """Answer with this worker's identity; on the chief, keep another worker's connection until it is closed."""
        connection.settimeout(ANSWER_SECONDS)
        # A worker whose connection breaks connects again; if not, the chief reports it as missing.
        with suppress(OSError):
            received = _line(connection)
            connection.sendall(self._hello(self._index))
            sender = next((i for i in range(len(self._addresses)) if received == self._hello(i)), None)
            if sender is None or sender == self._index or self._index != 0:
                connection.close()
                return
            with self._lock:
                self._connected[sender] = connection
            _wait_while_alive(connection)
            connection.recv(1)
        with self._lock:
            for index in [index for index, kept in self._connected.items() if kept is connection]:
                del self._connected[index]
        connection.close()

    def _hello(self, index: int) -> bytes:
        return f"dcgan-kit {self._cluster} {index}\n".encode()

    def _name(self, index: int) -> str:
        return f"worker {index} at {self._addresses[index]}"

    def _report_once(self, message: str) -> None:
        if message not in self._reported:
            self._reported.add(message)
            self._report(message)


def _wait_while_alive(connection: socket.socket) -> None:
    """Remove a connection's timeout, and turn on TCP keepalive, which notices a machine that lost its power."""
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # macOS has another name for TCP_KEEPIDLE, so there its default of two hours stays.
    for name, value in (("TCP_KEEPIDLE", SILENT_SECONDS), ("TCP_KEEPINTVL", SILENT_SECONDS), ("TCP_KEEPCNT", PROBES)):
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _line(connection: socket.socket) -> bytes:
    """Read until the end of a line, of the connection, or of ``MAX_LINE`` bytes."""
    read = b""
    while not read.endswith(b"\n") and len(read) < MAX_LINE:
        more = connection.recv(1)
        if not more:
            break
        read += more
    return read


def holder(address: str, proc: Path = Path("/proc")) -> str:
    """Return which process of this machine listens at an address, e.g. ``, process 7 (nginx)``; empty if unknown."""
    host, port = parts_of(address)
    if host not in ("localhost", "::1", socket.gethostname()) and not host.startswith("127."):
        return ""
    wanted = {f"socket:[{inode}]" for inode in _listening(proc, port)}
    for process in proc.glob("[0-9]*"):
        # A process may end meanwhile, and processes of other users cannot be read.
        with suppress(OSError):
            if any(str(link.readlink()) in wanted for link in (process / "fd").iterdir()):
                name = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                return f", process {process.name} ({printable(name)})"
    return ""


def _listening(proc: Path, port: int) -> Iterator[str]:
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (proc / "net" / table).read_text(encoding="ascii", errors="replace").splitlines()[1:]:
                fields = line.split()
                # 0A is the state of a listening socket.
                if len(fields) > 9 and fields[3] == "0A" and fields[1].rpartition(":")[2] == f"{port:04X}":
                    yield fields[9]
