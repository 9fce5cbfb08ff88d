"""The server of the page: on loopback, at a free port, until it is stopped."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Sequence

import uvicorn

from dcgan_kit.errors import UserError
from dcgan_kit.explorer.access import Access
from dcgan_kit.explorer.application import application
from dcgan_kit.explorer.exploration import Exploration
from dcgan_kit.explorer.source import Source

HOST = "127.0.0.1"
"""No other machine reaches it."""
PATIENCE = 2
"""Seconds that open requests have to end when the server stops."""


def listening(port: int) -> socket.socket:
    """Return a socket that listens on loopback.

    Args:
        port: the port; 0: any that is free.

    Raises:
        UserError: the port is taken, or may not be used.
    """
    # asyncio sends at once (TCP_NODELAY) only where the protocol is named; otherwise each answer waits 40 ms for the
    # acknowledgment of its headers.
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOST, port))
        found.listen(128)
    except OSError as error:
        found.close()
        raise UserError(f"port {port}: {error.strerror}; choose another one, or 0 for any that is free") from error
    return found


def serve(sources: Sequence[Source], found: socket.socket, ready: Callable[[str], None]) -> None:
    """Serve the page until a signal stops the process.

    Args:
        sources: what the page draws with.
        found: a socket that listens.
        ready: receives the address, with its token, before the first request is answered.
    """
    server, address = prepared(sources, found)
    ready(address)
    server.run(sockets=[found])


def prepared(sources: Sequence[Source], found: socket.socket) -> tuple[uvicorn.Server, str]:
    """Return a server that does not run yet, and its address with a new token."""
    token, port = secrets.token_urlsafe(24), found.getsockname()[1]
    app = application(Exploration(sources), Access(token, port))
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", ws="none", server_header=False,
        timeout_graceful_shutdown=PATIENCE, proxy_headers=False,
    )  # fmt: skip
    return uvicorn.Server(config), f"http://{HOST}:{port}/?token={token}"
