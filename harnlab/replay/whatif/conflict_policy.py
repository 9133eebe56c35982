"""What durable state would have kept under another conflict policy, and how far anything proves that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import polars as pl

from harnlab.core.agent_state import WriterIdentity
from harnlab.core.agent_state.conflict import conflict_between, enforce_policy, parse_policy
from harnlab.core.agent_state.keys import normalise_key
from harnlab.core.agent_state.writer import NOBODY
from harnlab.errors import HarnRuntimeError, InvalidArgument
from harnlab.frames import SOURCE, Instant
from harnlab.questions import question
from harnlab.replay.handed_over import Suspicion, suspected
from harnlab.replay.inputs import Frames
from harnlab.replay.whatif.decidability import Decidability
from harnlab.vocabulary import ConflictPolicy

Row = Mapping[str, Any]

_WHERE: Final = "whatif.conflict_policy"
WRITTEN: Final = "written"
WARNED: Final = "warned"
REFUSED: Final = "refused"

_PLACE: Final = tuple(column.name for column in SOURCE)
_COLUMNS: Final[dict[str, pl.DataType]] = {
    "run_id": pl.String(),
    "root": pl.String(),
    "session_id": pl.String(),
    "key": pl.String(),
    "at": Instant,
    "writer_id": pl.String(),
    "asked_policy": pl.String(),
    "recorded_policy": pl.String(),
    "recorded": pl.String(),
    "recorded_last_writer": pl.String(),
    "whatif": pl.String(),
    "whatif_last_writer": pl.String(),
    "decidability": pl.String(),
    "because": pl.String(),
    **{column.name: column.dtype for column in SOURCE[1:]},
}
_NEEDED: Final = ("key", "writer_id")


@question
def conflict_policy(
    runs: Frames,
    /,
    *,
    policy: str | Iterable[str],
    recorded_policy: str | None = None,
    writes: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Ask what another conflict policy would have refused or let through.

    Parameters
    ----------
    runs : Frames
        Runs, or anything that gives their frames.
    policy : str or iterable of str
        Policies to ask about: ``ignore``, ``warn`` or ``error``, or a word the runtime takes for one of them.
    recorded_policy : str, optional
        The policy the sessions ran with. No file of a state folder names it.
    writes : polars.DataFrame, optional
        Every write that was tried, in order, where a host kept them: ``key`` and ``writer_id``, optionally ``root``,
        ``session_id``, ``at`` and source columns. Without it only the last writers on disk are known.

    Returns
    -------
    polars.DataFrame
        One row for each policy and write (or each key on disk): ``recorded`` and ``whatif`` are ``written``,
        ``warned`` or ``refused`` (null: not known), with who then is the key's last writer, ``decidability`` and
        ``because``.

    Raises
    ------
    InvalidArgument
        For a policy the runtime does not know, and for writes without a key or writer column.

    Notes
    -----
    Every answer is the core's (seed agent_state 0.7.26, FORMATS 5): a conflict is two writers with different
    ``writer_id``; ``error`` refuses before it writes; a writer nobody named leaves the one before in the metadata.
    """
    words = [policy] if isinstance(policy, str) else list(policy)
    if not words:
        raise InvalidArgument("no policy", where=_WHERE, expected=f"one of {', '.join(ConflictPolicy)}")
    asked = [_policy(word) for word in words]
    lived = None if recorded_policy is None else _policy(recorded_policy)
    if writes is None:
        rows = list(_on_disk(runs, asked, lived))
    else:
        if missing := [name for name in _NEEDED if name not in writes.columns]:
            raise InvalidArgument(f"writes without {missing[0]}", where=_WHERE, expected="key and writer_id")
        rows = [row for one in asked for row in _replayed(writes, one, lived)]
    return pl.DataFrame(
        {name: pl.Series([row.get(name) for row in rows], dtype=kind) for name, kind in _COLUMNS.items()}
    )


def _policy(word: str) -> ConflictPolicy:
    try:
        return parse_policy(word)
    except HarnRuntimeError as error:
        raise InvalidArgument(
            error.message, where=_WHERE, expected=f"one of {', '.join(ConflictPolicy)}"
        ) from None


@dataclass(slots=True)
class _Store:
    """Last writer of every key under one policy; ``None`` policy where nobody knows it."""

    policy: ConflictPolicy | None
    writers: dict[tuple[Any, ...], WriterIdentity] = field(default_factory=dict)

    def write(self, place: tuple[Any, ...], key: str, writer: WriterIdentity) -> str | None:
        """Try one write; the answer, or ``None`` where the policy that decides it is not known."""
        conflict = conflict_between(key, self.last(place), writer)
        if conflict is not None and self.policy is None:
            self.writers[place] = writer
            return None
        try:
            warning = enforce_policy(self.policy or ConflictPolicy.IGNORE, conflict)
        except HarnRuntimeError:
            return REFUSED
        if not writer.is_empty:
            self.writers[place] = writer
        return WRITTEN if warning is None else WARNED

    def last(self, place: tuple[Any, ...]) -> WriterIdentity:
        """Last writer of a key."""
        return self.writers.get(place, NOBODY)


def _replayed(
    writes: pl.DataFrame, asked: ConflictPolicy, lived: ConflictPolicy | None
) -> Iterator[dict[str, Any]]:
    """Rows of a known sequence of writes under one policy."""
    ours, theirs = _Store(asked), _Store(lived)
    changed: dict[tuple[Any, ...], int] = {}
    for number, row in enumerate(writes.iter_rows(named=True), 1):
        place = row.get("root"), row.get("session_id"), _normal(row["key"])
        writer = WriterIdentity(writer_id=row["writer_id"])
        recorded, whatif = theirs.write(place, row["key"], writer), ours.write(place, row["key"], writer)
        word, because = _decidable(recorded, whatif, changed.get(place))
        if (recorded == REFUSED) != (whatif == REFUSED) or recorded is None:
            changed.setdefault(place, number)
        yield {name: row[name] for name in _COLUMNS if name in row} | {
            "asked_policy": asked.value,
            "recorded_policy": lived and lived.value,
            "recorded": recorded,
            "recorded_last_writer": theirs.last(place).writer_id if lived else None,
            "whatif": whatif,
            "whatif_last_writer": ours.last(place).writer_id,
            "decidability": word.value,
            "because": because,
        }


def _normal(key: str) -> str:
    """The key as it is stored; one the runtime refuses stands for itself."""
    try:
        return normalise_key(key)
    except HarnRuntimeError:
        return key


def _decidable(recorded: str | None, whatif: str | None, changed: int | None) -> tuple[Decidability, str]:
    if changed is not None:
        why = f"the answer to write {changed} changed, or may have, so this one might not have been tried"
        return Decidability.BOUND, why
    if recorded == whatif:
        return Decidability.EXACT, f"{whatif} under both policies"
    if whatif == REFUSED:
        return (
            Decidability.EXACT,
            "the first refusal of this key; what its writer would then have done is not recorded",
        )
    if recorded == REFUSED:
        return (
            Decidability.BOUND,
            f"{whatif} instead of refused; what its writer would then have done is not recorded",
        )
    if recorded is None:
        return Decidability.EXACT, f"{whatif}; what it was under the policy of the run is not known"
    return Decidability.EXACT, f"{whatif} instead of {recorded}: warn and ignore store the same"


def _on_disk(
    runs: Frames, asked: Iterable[ConflictPolicy], lived: ConflictPolicy | None
) -> Iterator[dict[str, Any]]:
    """Rows of the keys on disk, of which only the last writer is known."""
    doubts = {_place(one.entry): one for one in suspected(runs)}
    entries = runs.frame("state_entries").filter(state="value")
    for policy in asked:
        for row in entries.iter_rows(named=True):
            told = {name: row[name] for name in (*_PLACE, "root", "session_id", "key", "writer_id")}
            told |= {"at": row["updated_at"], "recorded_last_writer": row["writer_id"]}
            told |= {"asked_policy": policy.value, "recorded_policy": lived and lived.value}
            yield told | _last_writer(row, policy, lived, doubts.get(_place(row)))


def _last_writer(
    row: Row, policy: ConflictPolicy, lived: ConflictPolicy | None, doubt: Suspicion | None
) -> dict[str, Any]:
    storing = {ConflictPolicy.WARN, ConflictPolicy.IGNORE}
    if policy is lived or {policy, lived} <= storing:
        why = "this is the policy it ran with" if policy is lived else "warn and ignore store the same"
        told = {"whatif_last_writer": row["writer_id"], "decidability": Decidability.EXACT.value}
        return told | {"because": f"nothing changes on disk: {why}"}
    because = "the folder keeps the last writer of a key and no trace of those before"
    if lived is None and policy in storing:
        because = "the policy it ran with is not on disk, so a refused write may have left no trace"
    if doubt is not None:
        conflict = doubt.conflict
        because += (
            f"; the handoff of {conflict.previous.display_name} names this key and {conflict.current.display_name} "
            "wrote it later, so a conflict is suspected"
        )
    return {"decidability": Decidability.INSUFFICIENT.value, "because": because}


def _place(row: Row) -> tuple[Any, ...]:
    return row["root"], row["session_id"], row["key"]
