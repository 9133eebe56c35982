"""One look for every chart: three themes, and a colour and a glyph for each of Harn's words.

``harnlab`` draws text, labels and rules in the page's own ink, so one committed spec reads well in a light and in
a dark JupyterLab and follows when the theme is switched. ``harnlab-light`` and ``harnlab-dark`` say every colour
and are for pictures that leave the notebook.

The fills keep 3:1 contrast on white and on JupyterLab's dark ground, and any two of a palette stay apart for
the common kinds of colour blindness; the glyph says it once more, since colour is never the only signal.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import altair as alt

from harnlab.vocabulary import OutcomeKind, ProvenanceOrigin, SkillLifecycle, StepStatus

#: Names for ``harnlab.notebook.setup(theme=…)`` and ``to_svg``.
THEMES: Final = ("harnlab", "harnlab-light", "harnlab-dark")

#: Ground of JupyterLab's dark theme; the fills are chosen against this and white.
DARK_GROUND: Final = "#111111"

_CATEGORIES: Final = ["#4a66fd", "#e57136", "#316d6e", "#a856b4", "#c78107", "#8f9091"]
_GUIDE: Final = "#8f9091"


@dataclass(frozen=True, slots=True, kw_only=True)
class Swatch:
    """How one word is drawn."""

    word: str
    label: str
    color: str
    glyph: str

    @property
    def ink(self) -> str:
        """Black or white, whichever reads better on the swatch's own colour."""
        return max("#ffffff", DARK_GROUND, key=lambda ink: contrast(ink, self.color))


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """The swatches of one vocabulary, in the order in which legends show them."""

    name: str
    swatches: tuple[Swatch, ...]

    def of(self, word: str | None) -> Swatch:
        """Swatch of a word; grey with a question mark for a word of a newer Harn, or none at all."""
        for swatch in self.swatches:
            if swatch.word == word:
                return swatch
        return Swatch(word=word or "", label=word or "not recorded", color="#8f9091", glyph="?")

    def scale(self, words: Iterable[str] | None = None) -> alt.Scale:
        """Colour scale over the palette's words.

        Parameters
        ----------
        words : iterable of str, optional
            Words present in a frame. The scale then holds only these: the palette's in its own order, then
            those it does not know. Default: all words of the palette.
        """
        shown = [swatch.word for swatch in self.swatches]
        if words is not None:
            present = set(words)
            shown = [word for word in shown if word in present] + sorted(present.difference(shown))
        return alt.Scale(domain=shown, range=[self.of(word).color for word in shown])


def _palette(name: str, *rows: tuple[str, str, str, str]) -> Palette:
    return Palette(
        name=name,
        swatches=tuple(
            Swatch(word=word, label=label, color=color, glyph=glyph) for word, label, color, glyph in rows
        ),
    )


PROVENANCE: Final = _palette(
    "provenance",
    (ProvenanceOrigin.OPERATOR_PIN, "operator pin", "#4a66fd", "◆"),
    (ProvenanceOrigin.PIPELINE_INPUT, "pipeline input", "#316d6e", "▶"),
    (ProvenanceOrigin.ESCALATION_OVERRIDE, "escalation override", "#a856b4", "▲"),
    (ProvenanceOrigin.CATALOG_DEFAULT, "catalog default", "#6a6419", "■"),
    (ProvenanceOrigin.INHERITED_FROM_PRIMARY, "inherited from primary", "#e57136", "↓"),
    (ProvenanceOrigin.UNKNOWN, "unknown", "#8f9091", "?"),
)
OUTCOME: Final = _palette(
    "outcome",
    (OutcomeKind.SERVED, "served", "#4ba393", "✓"),
    (OutcomeKind.EMPTY_COMPLETION_TRANSIENT_RECOVERED, "empty, recovered", "#c78107", "↻"),
    (OutcomeKind.EMPTY_COMPLETION_TERMINAL, "empty, terminal", "#8d468e", "∅"),
    (OutcomeKind.USAGE_LIMIT, "usage limit", "#494ee9", "⊘"),
    (OutcomeKind.PROVIDER_ERROR, "provider error", "#c11d28", "✗"),
)
LIFECYCLE: Final = _palette(
    "skill lifecycle",
    (SkillLifecycle.ELIGIBLE, "eligible", "#8a8988", "·"),
    (SkillLifecycle.SHOWN, "shown", "#4695fd", "○"),
    (SkillLifecycle.OMITTED, "omitted", "#c78815", "×"),
    (SkillLifecycle.LOADED, "loaded", "#0c703e", "◐"),
    (SkillLifecycle.USED, "used", "#9349a4", "●"),
)
STEP_STATUS: Final = _palette(
    "step status",
    (StepStatus.COMPLETED, "completed", "#5ea182", "✓"),
    (StepStatus.FAILED, "failed", "#d70609", "✗"),
    (StepStatus.SKIPPED, "skipped", "#6b6a6a", "↷"),
    (StepStatus.ESCALATED, "escalated", "#b075db", "▲"),
)
PALETTES: Final = (PROVENANCE, OUTCOME, LIFECYCLE, STEP_STATUS)


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two ``#rrggbb`` colours as WCAG 2 defines it, from 1 to 21."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _config(*, ink: str, quiet: str, ground: str) -> dict[str, Any]:
    guide = {"labelColor": ink, "titleColor": quiet, "labelFontSize": 11, "titleFontSize": 11}
    guide["titleFontWeight"] = "normal"
    return {
        "background": ground,
        "font": "system-ui, 'DejaVu Sans', sans-serif",
        "view": {"stroke": None},
        "title": {
            "anchor": "start",
            "color": ink,
            "fontSize": 14,
            "subtitleColor": quiet,
            "subtitleFontSize": 12,
            "offset": 12,
        },
        "axis": guide
        | {
            "gridColor": _GUIDE,
            "gridOpacity": 0.25,
            "domainColor": _GUIDE,
            "tickColor": _GUIDE,
            "labelSeparation": 6,
        },
        "legend": guide,
        "header": guide,
        "text": {"color": ink, "fontSize": 11},
        "rule": {"color": ink},
        "bar": {"cornerRadiusEnd": 2},
        "range": {"category": _CATEGORIES},
    }


def _theme(**colors: str) -> alt.theme.ThemeConfig:
    return alt.theme.ThemeConfig({"config": _config(**colors)})  # type: ignore[typeddict-item]


@alt.theme.register("harnlab", enable=False)
def _follows_the_page() -> alt.theme.ThemeConfig:
    return _theme(ink="currentColor", quiet="currentColor", ground="transparent")


@alt.theme.register("harnlab-light", enable=False)
def _light() -> alt.theme.ThemeConfig:
    return _theme(ink="#24292f", quiet="#57606a", ground="#ffffff")


@alt.theme.register("harnlab-dark", enable=False)
def _dark() -> alt.theme.ThemeConfig:
    return _theme(ink="#e6edf3", quiet="#9da7b3", ground=DARK_GROUND)
