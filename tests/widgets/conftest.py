"""Wires that remember what went to the page."""

import comm
import pytest


@pytest.fixture
def wire(monkeypatch):
    """Everything widgets send, as ``(kind, data)``; without it ipywidgets drops it all."""
    sent = []

    class Recording(comm.base_comm.BaseComm):
        def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
            sent.append((msg_type, data))

    monkeypatch.setattr(comm, "create_comm", Recording)
    return sent


@pytest.fixture
def from_page():
    """Play the page: ``from_page(widget, sort=…)`` sets traits, ``from_page.message(widget, …)`` sends a message."""
    return Page()


class Page:
    """What a page does to a widget."""

    def __call__(self, widget, **state):
        self._deliver(widget, {"method": "update", "state": state, "buffer_paths": []})

    def message(self, widget, **content):
        self._deliver(widget, {"method": "custom", "content": content})

    def _deliver(self, widget, data):
        widget._handle_msg({"content": {"data": data}, "buffers": []})
