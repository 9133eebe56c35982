"""A slider and a number box for a limit that may be left as it was recorded."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets as t


class Dial(anywidget.AnyWidget):
    """Ask about one limit; ``value`` is ``None`` until the analyst does.

    An ``ipywidgets`` slider reports a value of its own whenever its range moves, and a question nobody asked would
    be answered; this one reports only what a hand did.

    Parameters
    ----------
    label : str
        Name of the limit.
    whole : bool
        Whether only whole numbers make sense.
    """

    _esm = Path(__file__).with_name("dial.js")
    _css = Path(__file__).with_name("dial.css")

    label = t.Unicode("").tag(sync=True)
    told = t.Unicode("").tag(sync=True)
    whole = t.Bool(False).tag(sync=True)
    least = t.Float(0.0).tag(sync=True)
    most = t.Float(1.0).tag(sync=True)
    step = t.Float(0.01).tag(sync=True)
    recorded = t.Float(None, allow_none=True).tag(sync=True)
    value = t.Float(None, allow_none=True).tag(sync=True)

    def __init__(self, label: str, *, whole: bool = False) -> None:
        super().__init__(label=label, whole=whole)

    def stand(self, *, value: float | None, recorded: float | None, most: float, told: str) -> None:
        """Stand on a value, or on the recorded one; the scale reaches at least to ``most``.

        ``told`` says in the empty box what holds while nothing is asked.
        """
        reach = max(most, value or 0.0, recorded or 0.0) or 1.0
        width = float(f"{reach / 500:.1g}")
        if self.whole:
            width = max(1.0, math.ceil(width))
        with self.hold_sync():
            self.step, self.most = width, width * math.ceil(reach / width)
            self.recorded, self.told, self.value = recorded, told, value

    @t.validate("value")
    def _in_range(self, proposal: Mapping[str, Any]) -> float | None:
        value: float | None = proposal["value"]
        if value is not None and not self.least <= value < math.inf:
            raise t.TraitError(f"{self.label}={value!r}; expected a number from {self.least:g}")
        return value
