"""Paths as the runtime joins and climbs them: text in, text out (Rust's ``std::path`` on Unix).

Not :mod:`posixpath`: the runtime keeps ``./`` and ``..`` when it joins, and forgets a trailing ``/.`` when it
climbs. Both show on disk and in error texts.
"""

from __future__ import annotations


def join_path(base: str, rest: str) -> str:
    """Append ``rest`` to ``base``; an absolute ``rest`` replaces it (``Path::join``)."""
    if rest.startswith("/") or not base:
        return rest
    return f"{base}{rest}" if base.endswith("/") else f"{base}/{rest}"


def parent_path(path: str) -> str | None:
    """Path without its last component, ``None`` for a root or nothing (``Path::parent``)."""
    trimmed = _without_tail_noise(path)
    if not trimmed.strip("/"):
        return None
    head, slash, _ = trimmed.rpartition("/")
    return _without_tail_noise(head) or slash


def file_name(path: str) -> str:
    """Last component of a path."""
    return path.rpartition("/")[2]


def _without_tail_noise(path: str) -> str:
    # "a/./" and "a/." are "a"; a lone leading "." is a component of its own
    while path.endswith(("/", "/.")) and path.strip("/"):
        path = path.removesuffix("/.") if path.endswith("/.") else path.removesuffix("/")
    return path
