"""Times and sizes in words."""

from __future__ import annotations

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def duration(seconds: float) -> str:
    """Return a time in words: ``40 s``, ``12 min``, ``3 h 5 min``."""
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60:,} h {minutes % 60} min"


def short_duration(seconds: float) -> str:
    """Return a time that may be far below a second: ``0.4 ms``, ``35 ms``, ``2.5 s``; from ten seconds on as above."""
    if seconds < 0.9995:
        return f"{1000 * seconds:.3g} ms"
    return f"{seconds:.2g} s" if seconds < 9.95 else duration(seconds)


def size(amount: float) -> str:
    """Return a number of bytes in words: ``300 bytes``, ``3.4 MiB``, ``120 MiB``."""
    power = 0
    while amount >= 1024 and power < len(UNITS) - 1:
        amount, power = amount / 1024, power + 1
    return f"{amount:,.0f} {UNITS[power]}" if power == 0 or amount >= 99.95 else f"{amount:.1f} {UNITS[power]}"
