"""A row of limits compared in one chart; a click on one asks about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import ipywidgets as widgets
import polars as pl

from harnlab.charts.whatif import step_sweep
from harnlab.replay.whatif.step_budget import StepLimits
from harnlab.widgets.drawing import Drawing
from harnlab.widgets.elements import button, element
from harnlab.widgets.live_chart import LiveChart

#: Limits compared, evenly spread.
COMPARED: Final = 8
_LIMITS: Final = ("max_usd", "max_tokens")


class LimitSweep(widgets.VBox):  # type: ignore[misc]
    """Buttons that compare limits, and the chart of what steps would have spent under each.

    Parameters
    ----------
    ask : callable
        Called with the name of a limit and the one clicked.
    """

    def __init__(self, ask: Callable[[str, float], None]) -> None:
        self._ask = ask
        self._steps: StepLimits | None = None
        self._most: Mapping[str, float] = {}
        self._shown: str | None = None
        super().__init__()
        self._buttons = Drawing()
        self._buttons.on_press(self._pressed)
        self.children: tuple[Any, ...] = (self._buttons,)

    @property
    def chart(self) -> LiveChart | None:
        """The chart on show."""
        return self.children[1] if len(self.children) > 1 else None

    def offer(self, steps: StepLimits, most: Mapping[str, float]) -> None:
        """Compare limits of these steps, up to ``most`` of each, when asked to; the chart of others goes."""
        self._steps, self._most = steps, most
        self._show(None)

    def _pressed(self, press: str) -> None:
        _, _, name = press.partition("sweep:")
        if name in _LIMITS:
            self._show(None if name == self._shown else name)

    def _show(self, name: str | None) -> None:
        before, self._shown = self.chart, name
        switches = [button(f"Compare {one}", f"sweep:{one}", pressed=one == name) for one in _LIMITS]
        self._buttons.draw(element("div", *switches))
        self.children = (self._buttons,) if name is None else (self._buttons, self._drawn(name))
        if before is not None:
            before.close()

    def _drawn(self, name: str) -> LiveChart:
        answers = answers_to(self._steps, name, self._most[name]) if self._steps else pl.DataFrame()
        chart = LiveChart(
            step_sweep(answers),
            lambda mark: answers.filter(pl.col(f"asked_{name}") == mark["asked"]),
            by=["asked"],
        )
        chart.observe(lambda change: self._clicked(name, change["new"]), names="picked")
        return chart

    def _clicked(self, name: str, picked: Mapping[str, Any]) -> None:
        if picked:
            self._ask(name, picked["asked"])


def answers_to(steps: StepLimits, name: str, most: float) -> pl.DataFrame:
    """Frame of ``hl.whatif.step_budget`` for evenly spread limits up to ``most``."""
    limits = [most * number / COMPARED for number in range(1, COMPARED + 1)]
    if name == "max_tokens":
        return steps.ask(max_tokens=sorted({round(limit) for limit in limits}))
    return steps.ask(max_usd=sorted({float(f"{limit:.3g}") for limit in limits}))
