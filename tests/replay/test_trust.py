"""A chain that holds is verified to the last float; one that does not names the record and the field."""

import json
import shutil

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import harnlab as hl
from harnlab.backends.event_log_files import FileEventLog
from harnlab.backends.event_log_sqlite import SqliteEventLog
from harnlab.backends.event_log_trust import append_trust_record
from harnlab.backends.trust_chain import chain_export, write_chain_export
from harnlab.core.trust import TrustDecision

METADATA = [
    {"tiny": 1e-7, "large": 1e16, "whole": 1.0, "none": -0.0},
    {"ключ": {"ä": [1, {"z": 1e-7, "a": None}], "Z": "é"}, "a": 2**63},
    {"nested": {"b": {"b": {"b": 5e-324}}, "a": 1.7976931348623157e308}},
    {},
]


def decision(number, agent="agent.a", **members):
    return TrustDecision(
        agent=agent,
        action="issue.label",
        outcome="success",
        trace_id=f"trace-{number}",
        cost_usd=[1e-7, 1e16, 1.0, -0.0, None][number % 5],
        metadata=METADATA[number % len(METADATA)],
        **members,
    )


def fill(log, count=8, name="record"):
    for number in range(count):
        append_trust_record(
            log,
            decision(number, agent="ops/é" if number % 3 == 0 else "agent.a"),
            record_id=f"{name}-{number}",
            occurred_at_ms=1_777_629_600_000 + number * 250,
        )


@pytest.fixture
def topics(tmp_path):
    fill(FileEventLog(tmp_path / ".harn/events", durable=False))
    return tmp_path / ".harn/events/topics"


@pytest.fixture
def database(tmp_path):
    with SqliteEventLog(tmp_path / "rows/.harn/events.sqlite") as log:
        fill(log, name="row")
    return tmp_path / "rows/.harn/events.sqlite"


def broken(root):
    records = hl.trust.verified(hl.load(root).trust_records)
    return {
        row["record_id"]: (row["broken_field"], row["broken_because"])
        for row in records.filter(~pl.col("verified")).to_dicts()
    }


def test_chains_of_every_backend_hold_with_floats_nesting_and_non_ascii_keys(tmp_path, topics, database):
    runs = hl.load(tmp_path)
    records = hl.trust.verified(runs.trust_records)
    assert records["verified"].to_list() == [True] * 16
    assert records["broken_field"].null_count() == records["broken_because"].null_count() == 16
    assert [row["topics"] for row in records.to_dicts() if row["record_id"].endswith("-0")] == [
        ["trust.graph", "trust.graph.ops__", "trust_graph", "trust_graph.ops__"]
    ] * 2
    chains = hl.trust.chains(runs)
    assert chains.select("topic", "total", "verified").rows() == [("trust_graph", 8, True)] * 2
    assert chains["root_hash"].n_unique() == 2


def test_a_copy_of_a_whole_log_adds_no_records(tmp_path, topics):
    shutil.copytree(topics, tmp_path / "backup/.harn/events/topics")
    assert hl.load(tmp_path).trust_records.height == 8


def change(topics, old, new, *, topic="trust_graph", number=3):
    path = topics / f"{topic}.jsonl"
    lines = path.read_bytes().split(b"\n")
    assert old in lines[number]
    lines[number] = lines[number].replace(old, new)
    path.write_bytes(b"\n".join(lines))


def test_a_changed_member_is_named_by_record_and_field(tmp_path, topics):
    change(topics, b'"issue.label"', b'"issue.delete"')
    ((record_id, (field, because)),) = broken(tmp_path).items()
    assert (record_id, field) == ("record-3", "entry_hash")
    assert because.endswith("not as in the copy in trust.graph, trust.graph.ops__, trust_graph.ops__: action")
    (chain,) = hl.trust.chains(hl.load(tmp_path)).to_dicts()
    assert (chain["verified"], chain["broken_at_event_id"]) == (False, 4)
    assert chain["broken"] == ["record-3: entry_hash"]


def test_a_changed_hash_breaks_the_record_and_the_link_to_it(tmp_path, topics):
    runs = hl.load(tmp_path)
    stored = runs.trust_records.filter(record_id="record-3")["entry_hash"][0]
    change(topics, f'"entry_hash":"{stored}"}},"headers"'.encode(), b'"entry_hash":"sha256:0"},"headers"')
    found = broken(tmp_path)
    assert {record: field for record, (field, _) in found.items()} == {
        "record-3": "entry_hash",
        "record-4": "previous_hash",
    }


def test_a_record_cut_out_of_the_chain_is_named_by_the_next(tmp_path, topics):
    path = topics / "trust_graph.jsonl"
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([*lines[:2], *lines[3:]]))
    found = broken(tmp_path)
    assert found["record-3"][0] == "chain_index"
    assert "expected 3, found 4" in found["record-3"][1]
    # the copies in other topics still hold on their own
    assert "record-2" not in found


def test_a_changed_copy_in_an_agents_topic_is_named_too(tmp_path, topics):
    change(topics, b'"issue.label"', b'"issue.delete"', topic="trust_graph.agent.a", number=0)
    assert {record: field for record, (field, _) in broken(tmp_path).items()} == {"record-1": "entry_hash"}
    (chain,) = hl.trust.chains(hl.load(tmp_path)).to_dicts()
    assert chain["verified"]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_anywhere_in_a_record_is_found(tmp_path, topics, data):
    path = topics / "trust_graph.jsonl"
    sound = path.read_bytes()
    line = data.draw(st.integers(0, 7))
    lines = sound.split(b"\n")
    begin, end = lines[line].index(b'"payload":') + len(b'"payload":'), lines[line].index(b',"headers"')
    place, bit = data.draw(st.integers(begin, end - 1)), data.draw(st.integers(0, 7))
    content = bytearray(lines[line])
    content[place] ^= 1 << bit
    lines[line] = bytes(content)
    path.write_bytes(b"\n".join(lines))
    try:
        runs = hl.load(tmp_path)
        found = hl.trust.verified(runs.trust_records).filter(~pl.col("verified"))
        if _value(lines[line]) == _value(sound.split(b"\n")[line]):
            assert found.is_empty()
        elif line + 1 in runs.problems.filter(kind="bad")["source_line"]:
            # the line is gone: every record behind it is one place too far
            assert found["source_line"].to_list() == list(range(line + 2, 9))
        else:
            # the record itself; where its stored hash was hit, the next one's link too
            assert found["source_line"][0] == line + 1
            assert set(found["source_line"]) <= {line + 1, line + 2}
    finally:
        path.write_bytes(sound)


def _value(line):
    try:
        return json.loads(line)
    except ValueError:
        return None


def test_a_flipped_bit_in_a_database_is_found(tmp_path, database):
    content = database.read_bytes()
    place = content.index(b'"issue.label","approver":null,"outcome":"success","trace_id":"trace-5"')
    flipped = bytearray(content)
    flipped[place + 3] ^= 1
    database.write_bytes(flipped)
    assert set(broken(tmp_path)) == {"row-5"}


# --- exports


def test_an_export_is_read_back_record_for_record(tmp_path, topics):
    log = FileEventLog(topics.parent, durable=False)
    export = chain_export(log, generated_at_ms=1_777_629_600_000, producer="tests", producer_version="1")
    (tmp_path / "export").mkdir()
    write_chain_export(tmp_path / "export/chain.json", export)
    assert [path.name for path in (tmp_path / "export").iterdir()] == ["chain.json"]
    runs, original = hl.load(tmp_path / "export"), hl.load(topics)
    records = hl.trust.verified(runs.trust_records)
    assert records["verified"].to_list() == [True] * 8
    same = [
        "record_id",
        "agent",
        "outcome",
        "cost_usd",
        "chain_index",
        "entry_hash",
        "previous_hash",
        "timestamp",
    ]
    assert records.select(same).equals(original.trust_records.select(same))
    (chain,) = hl.trust.chains(runs).to_dicts()
    assert (chain["total"], chain["verified"], chain["root_hash"]) == (8, True, export["chain"]["root_hash"])
    assert runs.record(records.row(2, named=True)) == export["records"][2]
    assert runs.problems.is_empty()


def test_an_export_beside_its_log_adds_nothing_and_a_changed_one_is_named(tmp_path, topics):
    export = chain_export(
        FileEventLog(topics.parent, durable=False), generated_at_ms=0, producer="tests", producer_version="1"
    )
    write_chain_export(tmp_path / "chain.json", export)
    assert hl.load(tmp_path).trust_records.height == 8
    export["records"][4]["metadata"] = {"tiny": 2e-7}
    write_chain_export(tmp_path / "chain.json", export)
    assert set(broken(tmp_path)) == {"record-4"}


# --- records of other shapes


def test_a_projected_record_is_an_event_and_no_trust_record(tmp_path):
    log = FileEventLog(tmp_path / ".harn/events", durable=False)
    fill(log, 1)
    projected = {
        "actor_id": "agent.a",
        "action": "x",
        "outcome": "success",
        "autonomy_tier_at_time": "act_auto",
    }
    log.append("trust_graph.records", "trust_recorded", projected, {}, 0)
    runs = hl.load(tmp_path)
    assert runs.trust_records["record_id"].to_list() == ["record-0"]
    assert runs.events.filter(topic="trust_graph.records").height == 1


def test_two_records_without_hashes_are_told_by_their_ids(tmp_path):
    log = FileEventLog(tmp_path / ".harn/events", durable=False)
    for topic in ("trust_graph", "trust.graph"):
        for record_id in ("a", "b"):
            log.append(topic, "trust_recorded", {"record_id": record_id, "agent": "x"}, {}, 0)
    runs = hl.load(tmp_path)
    assert runs.trust_records["record_id"].to_list() == ["a", "b"]
    assert set(broken(tmp_path)) == {"a", "b"}


# --- tiers


def test_the_tier_of_an_agent_is_that_of_its_last_successful_change(tmp_path):
    log = FileEventLog(tmp_path / ".harn/events", durable=False)
    steps = [
        ("trust.promote", "success", "act_with_approval"),
        ("issue.label", "success", "act_auto"),
        ("trust.promote", "denied", "act_auto"),
        ("trust.demote", "success", "shadow"),
    ]
    for number, (action, outcome, tier) in enumerate(steps):
        change = TrustDecision(agent="a", action=action, outcome=outcome, trace_id="t", autonomy_tier=tier)
        append_trust_record(
            log, change, record_id=f"r{number}", occurred_at_ms=1_777_629_600_000 + number * 1000
        )
    tiers = hl.trust.tiers(hl.load(tmp_path), default="suggest").to_dicts()
    assert [(row["tier"], row["action"], row["record_id"]) for row in tiers] == [
        ("suggest", None, None),
        ("act_with_approval", "trust.promote", "r0"),
        ("shadow", "trust.demote", "r3"),
    ]
    assert [row["since"] for row in tiers[1:]] == [row["until"] for row in tiers[:-1]]
    assert (tiers[0]["since"], tiers[-1]["until"]) == (None, None)
