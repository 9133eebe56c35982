"""Which files must be read together, and how they are put into parts of a bounded size.

A cold load joins rows across files: by run, within a project by its records and logs, and by ids that logs share.
What is read together is therefore never less than a run, and a whole project where its records and logs tie its runs
together. What only the rows can tell (an id in two parts) is found afterwards, in :mod:`harnlab.lake.crossing`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from harnlab.ingest.event_log import LOG_KINDS
from harnlab.ingest.sources import Source, SourceKind
from harnlab.lake.parts import StatedSource

#: Bytes of files that are read at a time; a run, or a project, that is larger is not split.
PART_BYTES: Final = 64 << 20
#: Kinds that tie the runs of a project together.
_TYING: Final = frozenset({*LOG_KINDS, SourceKind.TRUST_CHAIN, SourceKind.STATE_FOLDER})


@dataclass(slots=True)
class Ties:
    """What reading told: pairs of files (as shown) that must be read together, and projects that must stay whole."""

    pairs: set[tuple[str, str]] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)

    def extend(self, other: Ties) -> bool:
        """Keep another's too; gives whether there was anything new."""
        new = not (other.pairs <= self.pairs and other.whole <= self.whole)
        self.pairs |= other.pairs
        self.whole |= other.whole
        return new


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Files that must be read together; ``runless`` where their project was split by runs and they name none."""

    sources: tuple[StatedSource, ...]
    runless: bool

    @property
    def bytes(self) -> int:
        """Bytes of all files."""
        return sum(one.state.size for one in self.sources)


def split_projects(sources: Iterable[Source]) -> dict[str, frozenset[str]]:
    """Projects whose runs can be read apart, each with the runs its records are named for.

    Their only shared files are read the same beside any run: no logs, no state, and every transcript lies in a
    place that names exactly one run.
    """
    projects: dict[str, list[Source]] = {}
    for source in sources:
        projects.setdefault(source.project, []).append(source)
    found = {}
    for project, members in projects.items():
        runs = [source.path.stem for source in members if source.kind is SourceKind.RUN_RECORD]
        known = frozenset(runs)
        if len(runs) > 1 and len(runs) == len(known) and all(_is_told(one, known) for one in members):
            found[project] = known
    return found


def _is_told(source: Source, runs: frozenset[str]) -> bool:
    named = len(_named(source, runs))
    surely = source.kind in {SourceKind.TRANSCRIPT, SourceKind.RUN_RECORD}
    return source.kind not in _TYING and (named == 1 if surely else named < 2)


def _named(source: Source, runs: frozenset[str]) -> set[str]:
    """Runs that the path of a file names, as :func:`harnlab.ingest.linking.link_by_folder` sees it."""
    return {*source.path.parts, source.path.stem} & runs


def read_together(sources: Sequence[StatedSource], ties: Ties) -> list[Together]:
    """Groups of files that must be read together, in the order of their first file."""
    plain = [one.source for one in sources]
    split = {project: runs for project, runs in split_projects(plain).items() if project not in ties.whole}
    tying = {
        s.project for s in plain if s.kind in LOG_KINDS or s.kind is SourceKind.RUN_RECORD
    } - split.keys()
    groups = _Groups()
    recorded, runless = set(), set()
    for source in plain:
        runs = split.get(source.project, frozenset())
        if source.project in tying:
            groups.join(source.shown, ("project", source.project))
        elif named := _named(source, runs):
            groups.join(source.shown, ("record", source.project, *named))
            recorded.add((source.project, source.shown))
        else:
            groups.join(source.shown, ("run", source.run_id))
            if runs:
                runless.add((source.project, source.shown))
    for one, other in ties.pairs:
        groups.join(one, other)
    # a file that names no run must not be read beside only some of its project's records
    mixed = _heads(groups, recorded) & _heads(groups, runless)
    if mixed:
        return read_together(sources, Ties(ties.pairs, ties.whole | {project for project, _ in mixed}))
    members: dict[object, list[StatedSource]] = {}
    for stated in sources:
        members.setdefault(groups.head(stated.source.shown), []).append(stated)
    apart = {head for _, head in _heads(groups, runless)}
    return [Together(sources=tuple(group), runless=head in apart) for head, group in members.items()]


def _heads(groups: _Groups, files: Iterable[tuple[str, str]]) -> set[tuple[str, object]]:
    return {(project, groups.head(shown)) for project, shown in files}


class _Groups:
    """Sets that are joined; each is known by one of its members."""

    def __init__(self) -> None:
        self._above: dict[object, object] = {}

    def head(self, one: object) -> object:
        above = self._above.setdefault(one, one)
        while above != one:
            self._above[one] = self._above[above]
            one, above = above, self._above[above]
        return one

    def join(self, one: object, other: object) -> None:
        self._above[self.head(one)] = self.head(other)


def batches(groups: Iterable[Together], *, size: int) -> list[tuple[StatedSource, ...]]:
    """Groups put together, in order, up to a size; those that name no run apart from those that do."""
    found: list[list[StatedSource]] = []
    held: dict[bool, list[StatedSource]] = {}
    weight: dict[bool, int] = {}
    for group in groups:
        runless = group.runless
        with_record = any(one.source.kind is SourceKind.RUN_RECORD for one in group.sources)
        if runless and with_record:
            found.append([*group.sources])
        elif runless not in held or weight[runless] + group.bytes > size:
            held[runless], weight[runless] = [*group.sources], group.bytes
            found.append(held[runless])
        else:
            held[runless] += group.sources
            weight[runless] += group.bytes
    return [tuple(sorted(batch, key=lambda one: one.source.shown)) for batch in found]
