"""How Sphinx builds the pages: ``make docs``, with no network."""

import importlib.metadata
import re
import shutil
import sys
from pathlib import Path

import click
import nbformat
import vl_convert
from docutils import nodes

from harnlab.cli.entry import harnlab

DOCS = Path(__file__).parent
ROOT = DOCS.parent
sys.path.insert(0, str(DOCS))

project = "harnlab"
author = "the harnlab team"
version = release = importlib.metadata.version("harnlab")
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
]
exclude_patterns = ["_build"]
html_static_path = ["_static"]
html_css_files = ["harnlab.css"]
html_theme = "furo"
html_title = f"harnlab {release}"
html_copy_source = False
html_show_copyright = False
add_module_names = False
html_theme_options = {"sidebar_hide_name": False}

nb_execution_mode = "off"  # the outputs are recorded, and held to their numbers by `make test`
nb_merge_streams = True
nb_render_markdown_format = "myst"  # the default knows no tables
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
napoleon_google_docstring = False
napoleon_use_rtype = False
autodoc_member_order = "bysource"
autodoc_typehints = "none"  # docstrings give types in words, with shapes and units
autodoc_default_options = {"members": True}
suppress_warnings = ["myst.header"]  # a notebook may begin at any depth

VEGA = "application/vnd.vegalite.v5+json"


def tutorials(_app: object) -> None:
    """The notebooks, with every chart as a drawing that needs no script and takes the ink of the page."""
    folder = DOCS / "tutorials"
    for stale in folder.glob("*.ipynb"):
        stale.unlink()
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            for number, output in enumerate(cell.get("outputs", [])):
                data = output.get("data", {})
                if VEGA in data:
                    data["text/html"] = drawing(data.pop(VEGA), f"{path.stem}-{cell.id}-{number}")
                for mime in [mime for mime in data if mime.startswith("application/")]:
                    del data[mime]  # an explorer is alive in a notebook; a page has its text
        nbformat.write(notebook, folder / path.name)


def drawing(spec: dict, name: str) -> str:
    """SVG of a chart, with ids of its own on a page of many."""
    svg = vl_convert.vegalite_to_svg(spec, vl_version="5.21")
    svg = re.sub(r'(id="|url\(#|href="#)', rf"\g<1>{name}-", svg)
    return f'<div style="overflow-x: auto">{svg}</div>'


def commands(_app: object) -> None:
    """Help of every command, as ``--help`` prints it."""
    parts = ["# Commands", "Every command, as `--help` prints it."]
    top = click.Context(harnlab, info_name="harnlab")
    for name in harnlab.list_commands(top):
        command = harnlab.get_command(top, name)
        parts += each(command, click.Context(command, info_name=name, parent=top))
    (DOCS / "reference/commands.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def each(command: click.Command, context: click.Context) -> list[str]:
    """A heading and the help of a command and of those below it."""
    context.terminal_width = context.max_content_width = 88
    parts = [f"## {context.command_path}", f"```text\n{command.get_help(context)}\n```"]
    for name, child in getattr(command, "commands", {}).items():
        parts += each(child, click.Context(child, info_name=name, parent=context))
    return parts


def changelog(_app: object) -> None:
    """What is new, beside the other pages."""
    shutil.copyfile(ROOT / "CHANGELOG.md", DOCS / "changelog.md")


def prose(_app: object, doctree: nodes.document) -> None:
    """Mark what code printed in sentences: no two columns that line up."""
    for block in doctree.findall(nodes.literal_block):
        if block.get("language") in ("text", "myst-ansi") and not re.search(r"\S {2,}\S", block.astext()):
            block["classes"].append("prose")


def setup(app: object) -> None:
    """Pages that are made from the code, before any is read."""
    app.connect("doctree-read", prose)
    for page in (tutorials, commands, changelog):
        app.connect("builder-inited", page)
