"""One HTML file that says what happened: opens with the network off, holds its charts, runs no script."""

from __future__ import annotations

from harnlab.reports.html import write_report

__all__ = ["write_report"]
