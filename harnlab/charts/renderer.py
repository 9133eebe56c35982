"""Draw charts with no network: in JupyterLab by the Vega it brings along, elsewhere as SVG.

JupyterLab 4 bundles Vega-Lite 5 and claims only its MIME type, while Altair 6 announces version 6, which
Lab shows as text and nbformat refuses to store. The specs harnlab writes mean the same in both versions, so
they go out under the name Lab knows: 3 KB a chart instead of 900 KB of inlined JavaScript, drawn at once, and
compared line by line when a notebook is a test.
"""

from __future__ import annotations

from typing import Any, Final

import altair as alt
import vl_convert

from harnlab.charts import theme as themes
from harnlab.errors import UnknownName
from harnlab.invisible import visible

VEGALITE_MIME: Final = "application/vnd.vegalite.v5+json"
_LAB_SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v5.json"
#: Charts shrink with a narrow page, where Lab would cut them off, and their menu wears the page's theme. Vega-Embed
#: takes it as its style sheet in place of its own. Lab moves a chart 8 pixels to the right and widens nothing for it.
_STYLE: Final = (
    ".vega-embed{position:relative;display:inline-block;max-width:calc(100% - 10px)}"
    ".vega-embed svg.marks{max-width:100%;height:auto}"
    ".vega-embed details:not([open])>:not(summary){display:none!important}"
    ".vega-embed summary{position:absolute;top:0;right:0;padding:5px;z-index:9;list-style:none;line-height:0;"
    "border-radius:50%;opacity:0;cursor:pointer}"
    ".vega-embed summary,.vega-embed .vega-actions{border:1px solid var(--jp-border-color1,#aaa);"
    "background:var(--jp-layout-color1,#fff)}"
    ".vega-embed summary,.vega-embed .vega-actions a{color:var(--jp-ui-font-color1,#222)}"
    ".vega-embed:hover summary,.vega-embed:focus-within summary{opacity:1}"
    ".vega-embed summary svg{width:14px;height:14px}"
    ".vega-embed .vega-actions{position:absolute;z-index:9;top:30px;right:0;padding:4px 0;border-radius:3px}"
    ".vega-embed .vega-actions a{display:block;padding:4px 12px;font:13px sans-serif;text-decoration:none}"
    ".vega-embed .vega-actions a:hover{background:var(--jp-layout-color2,#eee)}"
)
#: The menu of a chart: saving it and reading its source, but no link to an editor on another machine.
_EMBED: Final = {
    "renderer": "svg",
    "defaultStyle": _STYLE,
    "actions": {"export": True, "source": True, "compiled": False, "editor": False},
}
#: Members that name columns or compute; a changed one would find nothing. In data they are columns like others.
_NOT_SHOWN: Final = frozenset(
    {"as", "calculate", "expr", "field", "fields", "filter", "groupby", "labelExpr", "test"}
)
_DATA: Final = frozenset({"data", "datasets"})


def render(spec: dict[str, Any], **_options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """MIME bundle and metadata of one chart, as Altair asks a renderer for them."""
    spec = _visible(spec)
    bundle = {VEGALITE_MIME: {**spec, "$schema": _LAB_SCHEMA}, "text/plain": describe(spec)}
    return bundle, {VEGALITE_MIME: {"embed_options": _EMBED}}


def _visible(part: Any, unshown: frozenset[str] = _NOT_SHOWN) -> Any:
    """A specification in which no text of its data, titles and labels hides, or turns round, what a reader sees."""
    if isinstance(part, str):
        return visible(part)
    if isinstance(part, list):
        return [_visible(inner, unshown) for inner in part]
    if not isinstance(part, dict):
        return part
    return {
        name: inner
        if name in unshown and not isinstance(inner, dict)
        else _visible(inner, frozenset() if name in _DATA else unshown)
        for name, inner in part.items()
    }


def describe(spec: dict[str, Any]) -> str:
    """Name a chart in one line that never changes between runs: ``<chart: Cost by step>``."""
    title = _title(spec)
    return f"<chart: {title}>" if title else "<chart>"


def _title(spec: dict[str, Any]) -> str:
    """First title of a spec, its own before those of its parts."""
    title = spec.get("title")
    if isinstance(title, dict):
        title = title.get("text")
    if title:
        return " ".join(map(str, title)) if isinstance(title, list) else str(title)
    parts = [part for kind in ("layer", "hconcat", "vconcat", "concat") for part in spec.get(kind, ())]
    return next(filter(None, map(_title, parts)), "")


def enable(theme: str = "harnlab") -> None:
    """Make harnlab's renderer, a theme and inline data the defaults of this Python session.

    Parameters
    ----------
    theme : str
        ``harnlab`` (follows the page), ``harnlab-light`` or ``harnlab-dark``.

    Raises
    ------
    UnknownName
        For a theme harnlab does not have.
    """
    _known(theme)
    alt.renderers.register("harnlab", render)
    alt.renderers.enable("harnlab")
    alt.data_transformers.enable("default", consolidate_datasets=False)
    alt.theme.enable(theme)


def to_svg(chart: alt.TopLevelMixin, *, theme: str = "harnlab-light") -> str:
    """Draw a chart as an SVG text, without a browser and without a network.

    Parameters
    ----------
    chart : altair chart
        Any chart; the session's own theme and renderer are left as they are.
    theme : str
        ``harnlab-light`` or ``harnlab-dark``.

    Returns
    -------
    str
        One ``<svg>`` element.

    Raises
    ------
    UnknownName
        For a theme harnlab does not have.
    """
    _known(theme)
    with alt.theme.enable(theme), alt.data_transformers.enable("default", consolidate_datasets=False):
        spec = chart.to_dict()
    return vl_convert.vegalite_to_svg(_visible(spec), allowed_base_urls=[])


def _known(theme: str) -> None:
    if theme not in themes.THEMES:
        raise UnknownName.among("theme", theme, themes.THEMES, where="theme")
