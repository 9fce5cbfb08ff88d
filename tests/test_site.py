"""The site is built without a warning, has no dead link, and loads nothing from a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe import needs_axe, violations_in_all_views
from chromium import Browser

import dcgan_kit

ROOT = Path(__file__).parent.parent
LOADS = {("script", "src"), ("img", "src"), ("link", "href"), ("iframe", "src"), ("source", "src"), ("object", "data")}
"""What a browser fetches when it opens a page. A link to another page is fetched when somebody follows it."""

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """The anchors of a page, what it loads, and its links."""

    def __init__(self, file):
        super().__init__()
        self.file, self.anchors, self.loads, self.links = file, {""}, [], []
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        for name, value in attrs:
            if name == "id":
                self.anchors.add(value)
            if (tag, name) in LOADS and not (value or "").startswith("data:"):
                self.loads.append(value)
            elif (tag, name) == ("a", "href"):
                self.links.append(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder of the site, built by the command that the documentation names."""
    folder = tmp_path_factory.mktemp("site") / "site"
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "build_site.py", folder], capture_output=True, text=True, env=environment()
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def environment():
    """The environment without settings that pytest was given for its own process."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONWARNINGS"}


@pytest.fixture(scope="module")
def pages(site):
    return {file: Page(file) for file in site.rglob("*.html") if "_static" not in file.parts}


def test_every_page_of_the_documentation_is_in_it(pages, site):
    docs = [file.relative_to(ROOT / "docs") for file in (ROOT / "docs").rglob("*.md") if file.name != "discussion.md"]
    assert len(docs) > 100
    assert {site / page.with_suffix(".html") for page in docs} <= set(pages)


def test_the_index_has_the_four_kinds_of_page(site):
    captions = re.findall(r'class="caption"[^>]*><span[^>]*>([^<]+)</span>', (site / "index.html").read_text())
    assert captions == ["Tutorial", "How-to guides", "Reference", "Explanation"]


def test_no_link_is_dead(pages):
    dead, outside = [], set()
    for page in pages.values():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                outside.add(link)
                continue
            file = (page.file.parent / unquote(parts.path)).resolve() if parts.path else page.file
            if not file.is_file() or (file in pages and unquote(parts.fragment) not in pages[file].anchors):
                dead.append(f"{page.file.name}: {link}")
    assert dead == []
    # Tests reach no network; an address that is at least well-formed and encrypted is all that can be asked here.
    assert {link for link in outside if not re.fullmatch(r"https://[\w-]+(\.[\w-]+)+(/\S*)?", link)} == set()


def test_it_loads_nothing_from_a_network(pages, site):
    loaded = {link for page in pages.values() for link in page.loads}
    assert len(loaded) > 10
    assert [link for link in loaded if urlsplit(link).scheme or urlsplit(link).netloc] == []
    for file in [*site.rglob("*.css"), *site.rglob("*.js")]:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"""(url\(|@import|\bimport\b|fetch\()\s*["']?(https?:)?//""", text), file


def test_the_reference_has_every_public_name(pages, site):
    missing = [name for name in dcgan_kit.__all__ if f"dcgan_kit.{name}" not in pages[site / "api.html"].anchors]
    assert missing == []


def test_the_search_finds_words_of_pages_without_a_server(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert index.startswith("Search.setIndex(")
    assert all(f'"{word}"' in index or f"{word}:" in index for word in ("checkerboard", "slurm"))


@needs_axe
def test_axe_finds_nothing_serious(site, tmp_path):
    browser = Browser(tmp_path / "profile")
    pages = ("index", "lecture/8-transposed-convolution", "howto/ablation", "commands", "api")
    found = {page: violations_in_all_views(browser, site / f"{page}.html") for page in pages}
    browser.close()
    assert found == {page: [] for page in pages}
