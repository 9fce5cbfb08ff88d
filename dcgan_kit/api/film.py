"""The training of a run as a moving picture."""

from __future__ import annotations

from pathlib import Path

from dcgan_kit.errors import UserError
from dcgan_kit.runs.write_errors import write_requested_file

FASTEST, SLOWEST = 0.1, 600.0


def write_film(run: Path, output: str | Path | None, seconds: float, raw: bool) -> Path:
    """Write the film of a run; see ``Run.film``."""
    from dcgan_kit.reports.film import film
    from dcgan_kit.reports.moving_picture import FORMATS, require_form

    path = run / "film.gif" if output is None else Path(output)
    form = path.suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise UserError(f"{path}: a film ends in .gif or .mp4")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not FASTEST <= seconds <= SLOWEST:
        raise UserError(f"seconds: must be a number from {FASTEST:g} to {SLOWEST:g}. Received: {seconds!r}")
    require_form(form)
    write_requested_file(path, film(run, form, seconds, raw))
    return path
