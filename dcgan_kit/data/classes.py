"""Class labels of images, from the names of their folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

SPLITS = frozenset(
    ("train", "training", "test", "testing", "val", "valid", "validation", "dev", "eval", "evaluation", "holdout")
)
"""Names of splits of a data set, in lower case. Folders with these names are not classes."""
SHOWN = 10
"""Most classes that a line names."""


class ClassFolders(NamedTuple):
    """Classes from the names of folders.

    Attributes:
        labels: the class number of each image, or None.
        notes: lines that explain the result to the user.
        names: the name of each class; empty without labels.
    """

    labels: np.ndarray | None
    notes: tuple[str, ...]
    names: tuple[str, ...] = ()


def class_folders(source: str, paths: Sequence[Sequence[str]]) -> ClassFolders:
    """Return the class of each image, from the names of folders.

    The top folders are the classes, numbered in sorted order, if three conditions hold: every image is in one of them,
    there are two or more, and at most half of them contain a single image. If all top folders have names of splits
    (train, test, …), the folders below them are used instead. Broken images count too, so that they do not change the
    number of a class.

    Args:
        source: name of the images in the lines.
        paths: for each image, its folders from the top, and its file name.
    """
    import numpy as np

    notes = []
    level = 0
    tops = {path[0] for path in paths if len(path) > 1}
    if tops and all(top.lower() in SPLITS for top in tops) and all(len(path) > 1 for path in paths):
        level = 1
        names = ", ".join(sorted(tops))
        if len(tops) > 1:
            notes.append(
                f"{source}: {names} are splits, not classes; all are used. To use one alone, name it in 'path'"
            )
        else:
            notes.append(f"{source}: {names} is a split, not a class")
    folders = [path[level] for path in paths if len(path) > level + 1]
    counts = Counter(folders)
    if len(counts) < 2:
        return ClassFolders(None, tuple(notes))
    if len(folders) < len(paths):
        beside = len(paths) - len(folders)
        notes.append(f"{source}: no labels: {beside:,} of {len(paths):,} images lie beside the folders, not in them")
        return ClassFolders(None, tuple(notes))
    single = sum(1 for count in counts.values() if count == 1)
    if 2 * single > len(counts):
        notes.append(f"{source}: no labels: {single:,} of {len(counts):,} folders hold a single image")
        return ClassFolders(None, tuple(notes))
    classes, labels = np.unique(folders, return_inverse=True)
    named = [f"{name} ({counts[str(name)]:,})" for name in classes[:SHOWN]]
    more = [f"{len(classes) - SHOWN:,} more"] if len(classes) > SHOWN else []
    notes.append(f"{source}: labels are the folders' names, {len(classes):,} classes: {', '.join([*named, *more])}")
    return ClassFolders(labels, tuple(notes), tuple(map(str, classes)))
