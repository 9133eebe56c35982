"""The host a call went to (``resolved_dispatch`` 0.9.8)."""

from __future__ import annotations


def base_url_host(base_url: str) -> str:
    """Text between the first ``://`` and the next ``/`` or ``://``; port and user name stay.

    A base URL without ``://`` is returned whole. On purpose this is no URL parser: the record shows what
    the runtime showed, so a misrouted call is found by the same text.
    """
    parts = base_url.split("://")
    return parts[1].split("/")[0] if len(parts) > 1 else base_url
