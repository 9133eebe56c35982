"""Durable state asked about under another conflict policy."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harnlab as hl
from analysis.frame_stand_in import StandIn, at
from harnlab.backends.memory import MemoryBackend
from harnlab.core.agent_state import Scope, WriteOptions, WriterIdentity
from harnlab.errors import HarnRuntimeError, InvalidArgument
from harnlab.replay import whatif
from harnlab.vocabulary import ConflictPolicy

POLICIES = [policy.value for policy in ConflictPolicy]


def tried(*writes):
    """Writes as ``key=writer``; ``key=`` is a writer nobody named."""
    pairs = [text.partition("=") for text in writes]
    return pl.DataFrame(
        {"key": [key for key, _, _ in pairs], "writer_id": [writer or None for _, _, writer in pairs]},
        schema={"key": pl.String, "writer_id": pl.String},
    )


def ask(*writes, **options):
    return whatif.conflict_policy(StandIn(), writes=tried(*writes), **options)


def column(frame, name):
    return frame[name].to_list()


# the table of DESIGN 5, cell by cell


def test_stricter_is_exact_up_to_the_first_refusal_of_a_key_and_bound_after():
    told = ask("p=a", "p=a", "p=b", "p=b", "q=b", policy="error", recorded_policy="warn")
    assert column(told, "whatif") == ["written", "written", "refused", "refused", "written"]
    assert column(told, "recorded") == ["written", "written", "warned", "written", "written"]
    assert column(told, "decidability") == ["exact", "exact", "exact", "bound", "exact"]
    assert column(told, "whatif_last_writer") == ["a", "a", "a", "a", "b"]
    assert column(told, "recorded_last_writer") == ["a", "a", "b", "b", "b"]


def test_warn_and_ignore_store_the_same_so_they_are_exact():
    told = ask("p=a", "p=b", "p=a", policy="ignore", recorded_policy="warn")
    assert column(told, "decidability") == ["exact"] * 3
    assert column(told, "whatif") == ["written"] * 3
    assert column(told, "whatif_last_writer") == column(told, "recorded_last_writer") == ["a", "b", "a"]
    assert told["because"][1] == "written instead of warned: warn and ignore store the same"


def test_looser_is_a_bound_from_the_first_write_that_was_refused():
    told = ask("p=a", "p=b", "p=a", policy="warn", recorded_policy="error")
    assert column(told, "whatif") == ["written", "warned", "warned"]
    assert column(told, "recorded") == ["written", "refused", "written"]
    assert column(told, "decidability") == ["exact", "bound", "bound"]


def test_with_only_the_last_writer_on_disk_nothing_is_decided_but_warn_against_ignore():
    entry = {"root": "r", "session_id": "s", "key": "p", "state": "value", "writer_id": "b"}
    runs = StandIn(state_entries=[entry, entry | {"key": "q", "state": "crash_leftover"}])
    words = {}
    for lived in (None, *POLICIES):
        for policy in POLICIES:
            told = whatif.conflict_policy(runs, policy=policy, recorded_policy=lived)
            assert told.height == 1
            words[lived, policy] = told["decidability"][0]
            assert told["whatif_last_writer"][0] == ("b" if words[lived, policy] == "exact" else None)
    exact = {pair for pair, word in words.items() if word == "exact"}
    assert exact == {
        ("ignore", "ignore"),
        ("ignore", "warn"),
        ("warn", "ignore"),
        ("warn", "warn"),
        ("error", "error"),
    }
    assert set(words.values()) == {"exact", "insufficient"}


def test_a_handoff_of_another_writer_makes_a_conflict_suspected():
    entry = {
        "root": "r",
        "session_id": "s",
        "key": "p",
        "state": "value",
        "writer_id": "b",
        "updated_at": at(5),
    }
    handoff = {
        "root": "r",
        "session_id": "s",
        "writer_id": "a",
        "written_at": at(1),
        "summary": '{"done":[{"x":"p"}]}',
    }
    runs = StandIn(state_entries=[entry], handoffs=[handoff])
    row = whatif.conflict_policy(runs, policy="error", recorded_policy="warn").row(0, named=True)
    assert row["decidability"] == "insufficient"
    assert row["because"].endswith(
        "the handoff of a names this key and b wrote it later, so a conflict is suspected"
    )


@pytest.mark.parametrize(
    "change",
    [
        {"writer_id": "b"},
        {"written_at": at(9)},
        {"written_at": None},
        {"summary": '{"done":["q"]}'},
        {"summary": "{"},
        {"session_id": "other"},
    ],
)
def test_a_handoff_that_proves_nothing_raises_no_suspicion(change):
    entry = {
        "root": "r",
        "session_id": "s",
        "key": "p",
        "state": "value",
        "writer_id": "b",
        "updated_at": at(5),
    }
    handoff = {
        "root": "r",
        "session_id": "s",
        "writer_id": "a",
        "written_at": at(1),
        "summary": '{"done":["p"]}',
    }
    runs = StandIn(state_entries=[entry], handoffs=[handoff | change])
    assert "suspected" not in whatif.conflict_policy(runs, policy="error")["because"][0]


# what else


def test_where_nobody_knows_the_policy_of_the_run_a_conflict_makes_the_rest_a_bound():
    told = ask("p=a", "p=b", "p=b", policy="warn")
    assert column(told, "recorded") == ["written", None, "written"]
    assert column(told, "decidability") == ["exact", "exact", "bound"]
    assert column(told, "recorded_last_writer") == [None, None, None]


def test_a_writer_nobody_named_is_in_no_conflict_and_leaves_the_one_before():
    told = ask("p=a", "p=", "p=b", policy="error", recorded_policy="error")
    assert column(told, "whatif") == ["written", "written", "refused"]


def test_keys_are_compared_as_they_are_stored():
    assert column(ask("./p=a", "p=b", policy="error"), "whatif") == ["written", "refused"]
    assert column(ask("../p=a", policy="error"), "whatif") == ["written"]


def test_words_the_runtime_takes_for_a_policy_are_policies_here():
    assert column(ask("p=a", policy=[" Strict ", "off"]), "asked_policy") == ["error", "ignore"]


@pytest.mark.parametrize(
    "options", [{"policy": "sometimes"}, {"policy": []}, {"policy": "warn", "recorded_policy": "x"}]
)
def test_a_policy_that_is_none_is_refused(options):
    with pytest.raises(InvalidArgument, match="ignore, warn, error"):
        ask("p=a", **options)


def test_writes_without_a_writer_column_are_refused():
    with pytest.raises(InvalidArgument, match="writes without writer_id"):
        whatif.conflict_policy(StandIn(), policy="warn", writes=pl.DataFrame({"key": ["p"]}))


# always

WRITES = st.lists(
    st.tuples(st.sampled_from("pq"), st.sampled_from(["a", "b", "c", ""])).map("=".join), max_size=10
)


@given(WRITES, st.sampled_from(list(ConflictPolicy)))
@settings(max_examples=60, deadline=None)
def test_answers_are_those_of_a_store_that_lives_through_the_writes(writes, policy):
    store, scope, truth = MemoryBackend(), Scope(root="r", namespace="s"), []
    store.ensure_scope(scope)
    for text in writes:
        key, _, writer = text.partition("=")
        options = WriteOptions(writer=WriterIdentity(writer_id=writer or None), conflict_policy=policy)
        try:
            conflict = store.write(scope, key, "x", options).conflict
        except HarnRuntimeError:
            truth.append("refused")
        else:
            truth.append("warned" if conflict and policy is ConflictPolicy.WARN else "written")
    assert column(ask(*writes, policy=policy.value), "whatif") == truth


@given(WRITES, st.sampled_from(POLICIES))
@settings(max_examples=40, deadline=None)
def test_the_recorded_policy_gives_the_record(writes, policy):
    told = ask(*writes, policy=policy, recorded_policy=policy)
    assert column(told, "whatif") == column(told, "recorded")
    assert column(told, "whatif_last_writer") == column(told, "recorded_last_writer")
    assert set(told["decidability"]) <= {"exact"}


@given(WRITES, st.sampled_from([None, *POLICIES]))
@settings(max_examples=30, deadline=None)
def test_a_sweep_equals_the_single_answers(writes, lived):
    single = [ask(*writes, policy=policy, recorded_policy=lived) for policy in POLICIES]
    assert ask(*writes, policy=POLICIES, recorded_policy=lived).equals(pl.concat(single))


def test_the_sample_can_only_be_suspected_from_its_folders():
    runs = hl.load("sample_transcripts/two-writers", progress=False)
    told = whatif.conflict_policy(runs, policy="error")
    assert (told.height, set(told["decidability"])) == (7, {"insufficient"})
    hint = told.filter(pl.col("because").str.contains("suspected"))
    assert hint.select("session_id", "key", "writer_id").rows() == [("release-4.13", "plan.md", "reviewer")]
