"""How Sphinx builds the pages of this folder as a site. `scripts/build_site.py` prepares the sources and calls it."""

from dcgan_kit.version import __version__

project = "dcgan-kit"
version = release = __version__
html_title = f"dcgan-kit {__version__}"
language = "en"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
# Discussions are parts of claims.md.
exclude_patterns = ["claims/*/discussion.md"]

# Pages link to headings as on the repository's web page.
myst_heading_anchors = 6

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
# An attribute may also be a method that calls it.
napoleon_use_ivar = True

# All of furo's files are in its package. No page loads anything from a network.
html_theme = "furo"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
autodoc_default_options = {"members": True}
