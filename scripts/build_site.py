"""Build the documentation as a site that needs no network.

Usage: python scripts/build_site.py [FOLDER, default build/site]

The pages of docs/ read well as they are on the repository's web page. Sphinx wants more, and this script adds it to a
copy: README, CHANGELOG and CONTRIBUTING beside the other pages, tables of contents, and a page about the public names.
The exit status is not 0 if there is any warning, for example about a link to a heading that is not there.
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from sphinx.cmd.build import build_main

import dcgan_kit
from dcgan_kit.process.tensorflow_startup import quieten

ROOT = Path(__file__).resolve().parent.parent
TOP_PAGES = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")
BESIDE = "deploy"
"""A folder beside docs whose files pages link to."""
CHAPTERS = {"lecture.md": "lecture/*", "decisions/README.md": "[0-9]*"}
"""Pages with a list of pages that belong below them."""
ADDED = {"Reference": ["Public names <api>"]}
"""Pages that only the site has, by part of the index."""
_TO_TOP = re.compile(rf"\]\(\.\./((?:\.\./)*(?:{'|'.join(map(re.escape, (*TOP_PAGES, f'{BESIDE}/')))}))")
"""A link from a page of docs to a page or a folder that lies one folder nearer in the copy."""
ACCESSIBLE = {
    'class="caption" role="heading">': 'class="caption" role="heading" aria-level="2">',
    '<div class="highlight"><pre>': '<div class="highlight"><pre tabindex="0">',
    '<div class="table-wrapper ': '<div tabindex="0" class="table-wrapper ',
}
"""What Sphinx writes, and what readers without a mouse or a screen need: levels of headings, and wide blocks and
tables that the keyboard can scroll (rules aria-required-attr and scrollable-region-focusable of axe-core)."""
_ENTRY = re.compile(r"^\* \[([^\]]*)\]\(([\w./-]+)\.md\)", re.MULTILINE)


def build(target: Path) -> int:
    """Build the site in a folder, and return the exit status."""
    quieten()
    source = target.with_name(f"{target.name}-source")
    write_source(source)
    cache = target.with_name(f"{target.name}-cache")
    status = build_main(["-q", "-W", "--keep-going", "-d", str(cache), str(source), str(target)])
    for page in target.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        for written, accessible in ACCESSIBLE.items():
            text = text.replace(written, accessible)
        page.write_text(text, encoding="utf-8")
    return status


def write_source(folder: Path) -> None:
    """Write what Sphinx reads into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "docs", folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / BESIDE, folder / BESIDE)
    for name in TOP_PAGES:
        text = (ROOT / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace("](docs/", "]("), encoding="utf-8")
    for page in folder.rglob("*.md"):
        text = page.read_text(encoding="utf-8")
        page.write_text(_TO_TOP.sub(r"](\1", text), encoding="utf-8")
    (folder / "api.md").write_text(api_page(), encoding="utf-8")
    for caption, entries in parts((folder / "index.md").read_text(encoding="utf-8")):
        append(folder / "index.md", toctree(entries, caption=caption))
    for name, pattern in CHAPTERS.items():
        append(folder / name, toctree([pattern], glob=""))


def parts(index: str) -> Iterator[tuple[str, list[str]]]:
    """Yield the heading of each part of the index, and its pages as entries of a table of contents."""
    for part in index.split("\n## ")[1:]:
        heading, _, text = part.partition("\n")
        yield heading, [*(f"{title} <{page}>" for title, page in _ENTRY.findall(text)), *ADDED.get(heading, ())]


def toctree(entries: Sequence[str], **options: str) -> str:
    """Return the directive that puts pages below another one."""
    lines = [f":{name}: {value}".rstrip() for name, value in {"hidden": "", **options}.items()]
    return "\n".join(["```{toctree}", *lines, "", *entries, "```"])


def append(page: Path, block: str) -> None:
    """Append a block to a page."""
    with page.open("a", encoding="utf-8") as file:
        file.write(f"\n{block}\n")


def api_page() -> str:
    """Return a page with every public name and its docstring."""
    names = sorted(dcgan_kit.__all__, key=str.lower)
    intro = "What `import dcgan_kit` offers. [dcgan-kit from Python](python.md) shows how to use it."
    blocks = "\n\n".join(f".. {directive(getattr(dcgan_kit, name))}:: dcgan_kit.{name}" for name in names)
    return f"# Public names\n\n{intro}\n\n```{{eval-rst}}\n{blocks}\n```\n"


def directive(value: object) -> str:
    """Return the name of the directive that documents a value, its members too."""
    if isinstance(value, type):
        return "autoclass"
    return "autofunction" if callable(value) and hasattr(value, "__name__") else "autodata"


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "site").resolve()))
