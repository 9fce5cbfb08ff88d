"""Checks and splits the addresses of workers, ``host:port``."""

from __future__ import annotations

import ipaddress
import re

MAX_HOST = 253
"""Most characters of a name in the domain name system (RFC 1035)."""
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?")


def fault_of_address(text: str) -> str:
    """Return why a text is not ``host:port``, and what to do; empty if it is.

    Hosts are names, IPv4 addresses, or IPv6 addresses in brackets. Ports are whole numbers from 1 to 65535.
    """
    host, colon, port = text.rpartition(":")
    if not colon or (text.startswith("[") and text.endswith("]")):
        return "has no port; write host:port"
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        return f"has the port {port[:20]!r}; a port is a whole number from 1 to 65535"
    return fault_of_host(host)


def fault_of_host(host: str) -> str:
    """Return why a text is not a host; empty if it is."""
    if not host:
        return "has no host; write host:port"
    if re.search(r"\s", host):
        return "has a space in its host; remove it"
    if "/" in host:
        return "has a slash in its host; leave out a scheme such as grpc://, and paths"
    if ":" in host:
        return _fault_of_version_6(host)
    if len(host) > MAX_HOST or not _NAME.fullmatch(host):
        return "has no valid host name; names are letters, digits, dots and hyphens, at most 253"
    return ""


def _fault_of_version_6(host: str) -> str:
    if not (host.startswith("[") and host.endswith("]")):
        return "has colons in its host; write one port, and IPv6 addresses in brackets: [::1]:2222"
    try:
        ipaddress.IPv6Address(host[1:-1])
    except ValueError:
        return "has no IPv6 address in its brackets"
    return ""


def parts_of(address: str) -> tuple[str, int]:
    """Split a valid address into its host, without brackets, and its port."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
