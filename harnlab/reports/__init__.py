"""One HTML file that says what happened: opens with the network off, holds its charts and the lines it stands on."""

from __future__ import annotations

from harnlab.reports.html import report_page, write_report

__all__ = ["report_page", "write_report"]
