"""How Sphinx builds the site (`make docs`). The sources are read, not imported: no TensorFlow is needed."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
PAGES = {"index": "README.md", "contributing": "CONTRIBUTING.md", "changelog": "CHANGELOG.md"}
"""Pages whose text is a document beside docs/."""

project = "tf_pruned_rl"
author = "The tf_pruned_rl authors"
copyright = f"2026, {author}"
extensions = ["autoapi.extension", "myst_parser", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = project
html_copy_source = False
myst_heading_anchors = 4

autoapi_dirs = [str(ROOT / "tf_pruned_rl")]
autoapi_root = "api"
autoapi_add_toctree_entry = False
autoapi_options = ["members", "imported-members", "show-inheritance", "show-module-summary"]
autoapi_python_class_content = "both"
autoapi_member_order = "groupwise"
suppress_warnings = ["autoapi.python_import_resolution"]  # of names that are assigned two at a time


def at_home(text: str) -> str:
    """Returns a document of the folder above with its links as they are from docs/."""
    pages = {file: f"{page}.md" for page, file in PAGES.items()}

    def link(match: re.Match[str]) -> str:
        file, hash_sign, heading = match[1].partition("#")
        if file and not file.startswith("https:"):
            file = pages.get(file) or (
                file.removeprefix("docs/") if file.startswith("docs/") else f"../{file}"
            )
        return f"]({file}{hash_sign}{heading})"

    return re.sub(r"\]\(([^)]+)\)", link, text)


def put_document(app: Sphinx, page: str, source: list[str]) -> None:
    """Puts a document in front of what its page adds to it."""
    if page in PAGES:
        source[0] = at_home((ROOT / PAGES[page]).read_text(encoding="utf-8")) + "\n" + source[0]


def skip_modules(app: Sphinx, what: str, name: str, item: object, skip: bool, options: object) -> bool | None:
    """Leaves modules out: what a package offers to others stands in its ``__init__``."""
    return True if what == "module" else None


def escape_stars(app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]) -> None:
    """Keeps the star of a shape such as [N, *shape] from starting italics."""
    lines[:] = [re.sub(r"(?<![\w`*\\])\*(?=\w)", r"\\*", line) for line in lines]


def setup(app: Sphinx) -> None:
    """Connects them."""
    app.connect("source-read", put_document)
    app.connect("autoapi-skip-member", skip_modules)
    app.connect("autodoc-process-docstring", escape_stars)
