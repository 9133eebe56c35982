"""``harnlab doctor``: what of harnlab works on this machine, and what does not and why."""

from __future__ import annotations

import importlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import click
import polars as pl

from harnlab import __version__
from harnlab.cli.judged import Judged
from harnlab.cli.output import envelope, table
from harnlab.cli.shipped import shipped
from harnlab.errors import UnreadablePath

_CHROMES: Final = ("chromium", "chromium-browser", "google-chrome", "chrome")
#: Optional package -> what it is for, and how to get it.
_OPTIONAL: Final = {
    "nbval": ("strict notebooks: pytest --harnlab-notebooks", "pip install 'harnlab[test]'"),
    "pytest": ("rules as tests: pytest --harnlab", "pip install 'harnlab[test]'"),
    "nbclient": ("harnlab new-check records its notebook", "pip install 'harnlab[test]'"),
    "distributed": ("reading on many machines", "pip install 'harnlab[dask]'"),
    "duckdb": ("SQL over frames", "pip install 'harnlab[duckdb]'"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One thing harnlab needs or can use: whether it works, and what does not without it."""

    part: str
    found: str | None
    works: bool
    needed: bool
    purpose: str
    hint: str | None = None


@click.command(short_help="What works on this machine, and what does not.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON, in a versioned envelope.")
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """Say what works on this machine, what does not, and why. Exit code 1 when something needed does not work.

    Example: harnlab doctor
    """
    parts = list(examined())
    healthy = all(part.works for part in parts if part.needed)
    code = context.ensure_object(Judged).code = 0 if healthy else 1
    if as_json:
        click.echo(envelope("doctor", {"healthy": healthy, "parts": [asdict(part) for part in parts]}))
    else:
        click.echo(_told(parts))
        click.echo("\nEverything needed works." if healthy else "\nSomething needed does not work.")
    context.exit(code)


def examined() -> Iterator[Part]:
    """Every part, the needed ones first."""
    yield _python()
    yield from _required()
    yield _pictures()
    yield _lab_charts()
    yield _widgets()
    yield _notebooks()
    yield _terminal()
    for name, (purpose, hint) in _OPTIONAL.items():
        version = _version(name)
        works = version is not None
        yield Part(
            part=name, found=version, works=works, needed=False, purpose=purpose, hint=None if works else hint
        )
    yield _chromium()


def _python() -> Part:
    works = (3, 11) <= sys.version_info[:2] < (3, 14)
    found = f"{platform.python_version()} ({sys.executable})"
    return Part(part="Python", found=found, works=works, needed=True, purpose="harnlab runs on 3.11 to 3.13")


def _required() -> Iterator[Part]:
    """Packages harnlab declares, against the versions it declares."""
    from packaging.requirements import Requirement  # noqa: PLC0415 - comes with JupyterLab

    yield Part(part="harnlab", found=__version__, works=True, needed=True, purpose="this program")
    for line in metadata.requires("harnlab") or ():
        wanted = Requirement(line)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        version = _version(wanted.name)
        works = version is not None and wanted.specifier.contains(version, prereleases=True)
        hint = None if works else f"pip install '{wanted.name}{wanted.specifier}'"
        purpose = f"declared: {wanted.specifier}"
        yield Part(part=wanted.name, found=version, works=works, needed=True, purpose=purpose, hint=hint)


def _pictures() -> Part:
    spec = {
        "data": {"values": [{"a": 1}]},
        "mark": "bar",
        "encoding": {"x": {"field": "a", "type": "quantitative"}},
    }
    try:
        drawn = importlib.import_module("vl_convert").vegalite_to_svg(spec, allowed_base_urls=[])
        works, found = drawn.startswith("<svg"), "draws SVG with no network"
    except Exception as error:
        works, found = False, f"{type(error).__name__}: {error}"
    return Part(
        part="picture renderer", found=found, works=works, needed=True, purpose="charts in harnlab report"
    )


def _lab_charts() -> Part:
    """Charts are drawn by the Vega-Lite 5 that JupyterLab 4 brings along."""
    version = _version("jupyterlab")
    works = version is not None and version.startswith("4.")
    hint = None if works else "pip install 'jupyterlab>=4.5,<5'"
    return Part(
        part="chart renderer", found=f"JupyterLab {version}" if version else None, works=works, needed=True,
        purpose="charts in notebooks (Vega-Lite 5)", hint=hint,
    )  # fmt: skip


def _widgets() -> Part:
    """The browser's half of ipywidgets and anywidget, which must lie where JupyterLab looks."""
    from jupyter_core.paths import jupyter_path  # noqa: PLC0415 - only the doctor asks

    wanted = ("@jupyter-widgets/jupyterlab-manager", "anywidget")
    places = [Path(folder) for folder in jupyter_path("labextensions")]
    missing = [name for name in wanted if not any((place / name).is_dir() for place in places)]
    return Part(
        part="widgets in JupyterLab",
        found=f"no {' and no '.join(missing)}" if missing else "found",
        works=not missing,
        needed=True,
        purpose="explorers",
        hint="pip install --force-reinstall ipywidgets jupyterlab_widgets anywidget" if missing else None,
    )


def _notebooks() -> Part:
    try:
        found, works = str(shipped()), True
    except UnreadablePath as error:
        found, works = error.found, False
    return Part(part="notebooks and samples", found=found, works=works, needed=False, purpose="harnlab lab")


def _terminal() -> Part:
    encoding = getattr(sys.stdout, "encoding", None) or "none"
    works = encoding.lower().replace("-", "") == "utf8"
    hint = None if works else "PYTHONUTF8=1"
    return Part(
        part="terminal",
        found=encoding,
        works=works,
        needed=False,
        purpose="tables and names in any script",
        hint=hint,
    )


def _chromium() -> Part:
    asked = os.environ.get("HARNLAB_CHROME")
    found = asked if asked and Path(asked).exists() else next(filter(None, map(shutil.which, _CHROMES)), None)
    return Part(
        part="Chromium", found=found, works=found is not None and _version("playwright") is not None, needed=False,
        purpose="browser tests only", hint="apt-get install chromium; pip install playwright",
    )  # fmt: skip


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _told(parts: list[Part]) -> str:
    rows: list[dict[str, Any]] = [
        {
            "": "ok" if part.works else "NO" if part.needed else "-",
            "part": part.part,
            "found": part.found,
            "for": part.purpose,
            "try": None if part.works else part.hint,
        }
        for part in parts
    ]
    return table(pl.DataFrame(rows, infer_schema_length=None), limit=len(rows))
