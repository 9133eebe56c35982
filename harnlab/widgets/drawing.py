"""A part of a page drawn from elements the kernel computes, and the presses it sends back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets as t

from harnlab.widgets.elements import Element


class Drawing(anywidget.AnyWidget):
    """Elements as a widget; :meth:`on_press` hears its buttons."""

    _esm = Path(__file__).with_name("drawing.js")
    _css = Path(__file__).with_name("drawing.css")

    tree: t.List[Any] = t.List().tag(sync=True)

    def __init__(self, *elements: Element) -> None:
        self._pressed: list[Callable[[str], None]] = []
        super().__init__(tree=list(elements))
        self.on_msg(self._heard)

    def draw(self, *elements: Element) -> None:
        """Show these elements instead."""
        self.tree = list(elements)

    def on_press(self, listener: Callable[[str], None]) -> None:
        """Call ``listener`` with the name of a button that was pressed."""
        self._pressed.append(listener)

    def go_to(self, name: str) -> None:
        """Move the keyboard to the element marked ``data-focus=name``."""
        self.send({"focus": name})

    def _heard(self, _widget: Any, content: Mapping[str, Any], _buffers: Any) -> None:
        press = content.get("press")
        if isinstance(press, str):
            for listener in self._pressed:
                listener(press)
