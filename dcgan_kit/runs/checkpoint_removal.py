"""Checkpoints that newer ones replace are removed."""

from __future__ import annotations

from pathlib import Path

from dcgan_kit.runs.manifest import BEST, Manifest, entries_of, manifest_of, write_manifest
from dcgan_kit.runs.run_folder import RunFolder
from dcgan_kit.runs.write_errors import writing


def remove_replaced(run: RunFolder, path: Path, keep: int) -> None:
    """Remove the files that a checkpoint replaces: old checkpoints beyond ``keep``, and earlier best ones.

    A process may have ended before this was complete, so a resumed run calls it again.

    Args:
        run: the run folder.
        path: the checkpoint that was written, or from which training continues.
        keep: how many checkpoints up to this one stay.

    Raises:
        RunError: the folder cannot be written.
    """
    manifest = manifest_of(run)
    entry = next((one for one in manifest.entries if one.file == path.name), None) if manifest else None
    if manifest is None or entry is None:
        return
    later = [one for one in manifest.entries if one.step > entry.step]
    # An older checkpoint of the same step, which a recovery went back to, is replaced too.
    before = [one for one in manifest.entries if one.step < entry.step]
    kept = [*[*before, entry][-keep:], *later]
    for old in manifest.entries:
        if old not in kept:
            remove_file(run.checkpoints / old.file)
    if kept != list(manifest.entries):
        write_manifest(run, Manifest(tuple(kept), manifest.best))
    for file in run.checkpoints.glob(f"{BEST}*.npz"):
        if manifest.best is None or file.name != manifest.best.entry.file:
            remove_file(file)


def remove_recovery_checkpoint(run: RunFolder, recoveries: int) -> None:
    """Remove the newest checkpoint if it was written after the last recovery, unless it is the only one.

    Its numbers are finite, but training from it led to numbers that are not, even at the lower learning rate.
    """
    entries = entries_of(run)
    if recoveries and len(entries) > 1 and entries[-1].file.endswith(f"-again-{recoveries}.npz"):
        manifest = manifest_of(run)
        write_manifest(run, Manifest(tuple(entries[:-1]), None if manifest is None else manifest.best))
        remove_file(run.checkpoints / entries[-1].file)


def remove_file(file: Path) -> None:
    """Remove a file, if it is there.

    Raises:
        RunError: the folder cannot be written.
    """
    with writing(file):
        file.unlink(missing_ok=True)
