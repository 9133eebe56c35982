"""Skill activation evidence to ``skill_cards``: wherever it stands, in order, each once, with its place."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import harnlab as hl
from harnlab.frames import SCHEMAS
from harnlab.ingest.skill_evidence import evidence_places, in_document, read
from harnlab.ingest.sources import SourceKind
from ingest.document_files import kinds, rows, written

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
TYPE = "skill_activation_evidence"


def card(skill="ops/rotate", **changed):
    return {
        "id": skill,
        "name": "rotate",
        "source": "host",
        "description": "Rotates keys.",
        "when_to_use": "when keys leak",
        "disable_model_invocation": True,
        "selected": False,
        "omitted_reason": "budget",
        "char_estimate": 40,
        "token_estimate": 10,
        "lifecycle": "used",
        "matched": {"score": 1.5, "reason": "prompt says keys"},
    } | changed


def evidence(*cards, **changed):
    payload = {"_type": TYPE, "schema_version": 1, "budget_chars": 260, "used_chars": 243}
    payload |= {"budget_tokens": 65, "used_tokens": 61, "omitted": []}
    payload["shown"] = [one["id"] for one in cards if one["selected"]]
    return payload | {"cards": list(cards)} | changed


def turn(number, **changed):
    return evidence(card(f"skill-{number}"), **changed)


def file(folder, name, content):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def lines(*values):
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def turns(runs):
    return runs.skill_cards.select("turn", "skill_id").rows()


def test_every_column_of_a_card_is_read(tmp_path):
    payload = evidence(card("a"), card(weight=7), turn=3, session_id="s", catalog_limit=4)
    path = file(tmp_path, "kept/evidence.json", b"\n  " + json.dumps(payload).encode())
    runs = hl.load(tmp_path)
    row = runs.skill_cards.row(1, named=True)
    assert row == {
        "run_id": "kept",
        "source_path": str(path),
        "source_line": 2,
        "source_offset": 3,
        "length": len(json.dumps(payload)),
        "turn": 3,
        "position": 1,
        "schema_version": 1,
        "budget_chars": 260,
        "used_chars": 243,
        "budget_tokens": 65,
        "used_tokens": 61,
        "skill_id": "ops/rotate",
        "name": "rotate",
        "source": "host",
        "description": "Rotates keys.",
        "when_to_use": "when keys leak",
        "disable_model_invocation": True,
        "selected": False,
        "omitted_reason": "budget",
        "char_estimate": 40,
        "token_estimate": 10,
        "lifecycle": "used",
        "matched_score": 1.5,
        "matched_reason": "prompt says keys",
        "extra": '{"session_id":"s","catalog_limit":4,"weight":7}',
    }
    assert runs.record(row) == payload
    assert runs.problems.height == 0
    assert runs.run_ids == ["kept"]


@pytest.mark.parametrize("selected", [True, False])
@pytest.mark.parametrize("disabled", [True, False])
def test_flags_of_a_card_are_read_each_from_its_own_member(tmp_path, selected, disabled):
    one = card(selected=selected, disable_model_invocation=disabled, matched=None)
    source = written(tmp_path / "e.json", evidence(one), SourceKind.SKILL_EVIDENCE)
    [row] = rows_found(read(source))
    assert (row["selected"], row["disable_model_invocation"]) == (selected, disabled)
    assert (row["matched_score"], row["matched_reason"]) == (None, None)


def rows_found(part):
    found = part.frames.get("skill_evidence")
    return [] if found is None else found.rows(named=True)


SHAPES = {
    "an object": (json.dumps(turn(0)), "e.json"),
    "an object over lines": (json.dumps(turn(0), indent=2), "e.json"),
    "an array": (json.dumps([turn(0), turn(1)]), "e.json"),
    "lines": (lines(turn(0), turn(1)).decode(), "e.jsonl"),
    "lines named json": (lines(turn(0), turn(1)).decode(), "e.json"),
    "lines of wrappers": (
        lines({"note": 1}, {"at": 5, "held": turn(0)}, {"held": turn(1)}).decode(),
        "e.jsonl",
    ),
    "deep in any document": (json.dumps({"a": [{"b": {"c": [1, turn(0)]}}, turn(1)]}, indent=1), "dump.json"),
    "behind a page of something else": (
        json.dumps({"a": "x" * 70_000, "b": [turn(0), turn(1)]}),
        "dump.json",
    ),
    "with spaces around the mark": (json.dumps(turn(0)).replace('"_type": ', '"_type"\n :\t'), "e.json"),
    "next to braces and quotes in text": (json.dumps(['}"{["\\', turn(0), '\\"]', turn(1)]), "e.json"),
    "behind a byte order mark": ("\ufeff" + json.dumps([turn(0), turn(1)]), "e.json"),
    "on a line of a transcript": (
        lines({"type": "note", "payload": {"deep": [turn(0), turn(1)]}}).decode(),
        "t.jsonl",
    ),
    "in a tool result": (
        lines({"type": "tool_result", "call_id": "c", "result": turn(0)}).decode(),
        "t.jsonl",
    ),
    "in a run record's metadata": (
        json.dumps({"_type": "run_record", "id": "r", "metadata": {"e": turn(0)}}),
        "r.json",
    ),
    "before a run record's own mark": (
        json.dumps({"metadata": {"e": turn(0)}, "_type": "run_record"}),
        "r.json",
    ),
    "in a receipt": (json.dumps({"schema": "harn.receipt.v1", "metadata": {"e": [turn(0)]}}), "r.json"),
    "in a completed step": (
        json.dumps([{"function": "f", "status": "s", "llm_calls": 1, "e": turn(0)}]),
        "s.json",
    ),
    "in a persona": (json.dumps({"name": "p", "steps": [], "e": turn(0)}), "p.json"),
    "in an agent event": (
        lines({"index": 0, "emitted_at_ms": 5, "type": "x", "e": turn(0)}).decode(),
        "event_log-s.jsonl",
    ),
    "in a topic": (
        lines({"id": 1, "event": {"kind": "k", "payload": {"e": turn(0)}, "occurred_at_ms": 5}}).decode(),
        "events/topics/t.jsonl",
    ),
    "in a signed receipt": (
        json.dumps(
            {
                "schema": "harn-provenance-receipt-v1",
                "event_log": {"events": [{"topic": "t", "event_id": 1, "kind": "k", "payload": turn(0)}]},
            }
        ),
        "p.json",
    ),
    "in a trust chain": (
        json.dumps({"schema": "opentrustgraph-chain/v0", "records": [{"metadata": turn(0)}]}),
        "c.json",
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_evidence_is_found_and_leads_back_to_its_object(tmp_path, shape):
    content, name = SHAPES[shape]
    file(tmp_path, f"run/{name}", content.encode())
    runs = hl.load(tmp_path)
    count = content.count(TYPE)
    assert turns(runs) == [(number, f"skill-{number}") for number in range(count)]
    for row in runs.skill_cards.rows(named=True):
        assert runs.record(row) == turn(row["turn"])
        raw = content.encode()
        assert raw[: row["source_offset"]].count(b"\n") + 1 == row["source_line"]


def database(path, *payloads):
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as log, log:
        log.execute(
            "CREATE TABLE events (topic TEXT, event_id INTEGER, kind TEXT, payload BLOB, headers TEXT,"
            " occurred_at_ms INTEGER)"
        )
        told = [("t", number, "k", json.dumps(p), "{}", number) for number, p in enumerate(payloads, 1)]
        log.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", told)


def test_evidence_in_a_database_leads_back_to_its_row(tmp_path):
    database(tmp_path / "p/.harn/events.sqlite", {"a": 1}, {"held": [turn(0), turn(1)]})
    runs = hl.load(tmp_path)
    assert turns(runs) == [(0, "skill-0"), (1, "skill-1")]
    row = runs.skill_cards.row(1, named=True)
    assert (row["source_line"], row["source_offset"], row["length"]) == (2, None, None)
    assert runs.record(row) == {"held": [turn(0), turn(1)]}


def test_evidence_quoted_in_a_text_is_no_record(tmp_path):
    quoted = {"type": "message", "role": "tool", "content": json.dumps(turn(0))}
    file(tmp_path, "llm_transcript.jsonl", lines(quoted))
    assert hl.load(tmp_path).skill_cards.height == 0


@pytest.mark.parametrize("mark", ["skill_activation_evidence_v2", "my_skill_activation_evidence"])
def test_another_type_is_no_evidence(tmp_path, mark):
    file(tmp_path, "llm_transcript.jsonl", lines({"type": "x", "e": turn(0) | {"_type": mark}}))
    assert hl.load(tmp_path).skill_cards.height == 0


def test_the_last_of_two_types_counts(tmp_path):
    twice = json.dumps(turn(0)).replace("{", '{"_type": "other", ', 1)
    other = json.dumps(turn(1))[:-1] + ', "_type": "other"}'
    file(tmp_path, "e.jsonl", f"{twice}\n{other}\n".encode())
    assert turns(hl.load(tmp_path)) == [(0, "skill-0")]


def test_turns_are_the_payloads_own_where_all_differ(tmp_path):
    told = [turn(5, turn=5), turn(7, turn=7), turn(2, turn=2)]
    file(tmp_path, "e.jsonl", lines(*told))
    assert turns(hl.load(tmp_path)) == [(2, "skill-2"), (5, "skill-5"), (7, "skill-7")]


def test_turns_that_are_told_twice_are_counted_in_their_order(tmp_path):
    told = [turn(0, turn=1), turn(1, turn=0), turn(2, turn=1)]
    file(tmp_path, "e.jsonl", lines(*told))
    assert turns(hl.load(tmp_path)) == [(0, "skill-1"), (1, "skill-0"), (2, "skill-2")]


def test_turns_are_counted_by_place_where_one_names_none(tmp_path):
    told = [turn(0, turn=9), turn(1), turn(2, turn=1)]
    file(tmp_path, "e.jsonl", lines(*told))
    assert turns(hl.load(tmp_path)) == [(0, "skill-0"), (1, "skill-1"), (2, "skill-2")]


def test_a_turn_without_cards_is_counted(tmp_path):
    file(tmp_path, "e.jsonl", lines(turn(0), evidence(), turn(2)))
    assert turns(hl.load(tmp_path)) == [(0, "skill-0"), (2, "skill-2")]


@pytest.mark.parametrize("own", [-1, 4_294_967_296, "3", 2.5, True])
def test_a_turn_that_is_no_count_is_a_problem_or_a_drift(tmp_path, own):
    file(tmp_path, "e.jsonl", lines(turn(0, turn=own)))
    runs = hl.load(tmp_path)
    assert turns(runs) == [(3 if own == "3" else 0, "skill-0")]
    assert runs.problems.select("kind", "field").rows() == [("drift", "turn")]


def test_the_same_evidence_in_many_places_of_a_run_is_one_turn(tmp_path):
    run = "run_1"
    held = {
        "id": "s",
        "events": [{"id": "e", "kind": "k", "metadata": turn(0)}, {"id": "f", "metadata": turn(0)}],
    }
    record = {
        "_type": "run_record",
        "id": run,
        "stages": [{"id": "st", "transcript": held}],
        "transcript": held,
    }
    file(tmp_path, f".harn-runs/{run}.json", record)
    file(tmp_path, f"t/{run}/llm_transcript.jsonl", lines({"type": "x", "e": turn(0)}))
    file(tmp_path, f"t/{run}/skill_evidence.jsonl", lines(turn(0), turn(0), turn(1)))
    runs = hl.load(tmp_path)
    assert turns(runs) == [(0, "skill-0"), (1, "skill-0"), (2, "skill-1")]
    assert set(runs.skill_cards["source_path"]) == {str(tmp_path / f"t/{run}/skill_evidence.jsonl")}
    assert set(runs.skill_cards["run_id"]) == {run}


def test_files_of_one_kind_are_never_copies_of_each_other(tmp_path):
    for agent in "ab":
        file(tmp_path, f"run_1/{agent}.jsonl", lines(turn(0)))
    file(tmp_path, ".harn-runs/run_1.json", {"_type": "run_record", "id": "run_1", "trace_spans": []})
    assert turns(hl.load(tmp_path)) == [(0, "skill-0"), (1, "skill-0")]


def test_what_only_the_run_record_holds_belongs_to_its_run(tmp_path):
    records = [{"_type": "run_record", "id": f"run_{n}", "metadata": turn(n)} for n in range(2)]
    file(tmp_path, ".harn-runs/all.json", records)
    found = hl.load(tmp_path).skill_cards.select("run_id", "turn", "skill_id").rows()
    assert found == [("run_0", 0, "skill-0"), ("run_1", 0, "skill-1")]


def test_evidence_in_a_receipt_belongs_to_the_run_the_receipt_names(tmp_path):
    receipt = {"schema": "harn.receipt.v1", "parent_run_id": "run_7", "metadata": turn(0)}
    file(tmp_path, "receipts/r.json", receipt)
    assert hl.load(tmp_path).skill_cards["run_id"].to_list() == ["run_7"]


def test_a_superseded_run_record_gives_no_cards(tmp_path):
    record = {"_type": "run_record", "id": "run", "finished_at": "5", "metadata": turn(0)}
    file(tmp_path, ".harn-runs/a.json", record)
    file(tmp_path, ".harn-runs/b.json", record | {"finished_at": "6"})
    [row] = hl.load(tmp_path).skill_cards.rows(named=True)
    assert row["source_path"].endswith("b.json")


def test_a_lost_line_keeps_no_cards_and_the_lines_after_it_are_read(tmp_path):
    whole = json.dumps(turn(0)).encode()
    bad = [whole[:-1], b'{"open": "quote ' + whole, whole[:40]]
    content = b"\n".join([*bad, lines(turn(1)).rstrip(), whole[:-9]])
    file(tmp_path, "e.jsonl", content)
    runs = hl.load(tmp_path)
    assert turns(runs) == [(0, "skill-1")]
    assert runs.events["source_line"].to_list() == [4]
    told = runs.problems.select("source_line", "kind").rows()
    assert told == [(1, "bad"), (2, "bad"), (3, "bad"), (5, "torn")]


@pytest.mark.parametrize("name", ["llm_transcript.jsonl", "evidence.jsonl", "events/topics/t.jsonl"])
def test_whole_evidence_on_a_lost_line_is_lost_with_it(tmp_path, name):
    read_first = {"_type": TYPE, "cards": []} if name == "evidence.jsonl" else {"type": "note"}
    if "topics" in name:
        read_first = {"id": 1, "event": {"kind": "k", "payload": {}, "occurred_at_ms": 5}}
    lost = b'{"type": "note", "e": ' + json.dumps(turn(0)).encode()
    file(tmp_path, f"run/{name}", lines(read_first) + lost + b', "rest"\n' + lost)
    runs = hl.load(tmp_path)
    assert turns(runs) == []
    assert runs.problems.filter(pl.col("source_line") > 1)["kind"].to_list() == ["bad", "torn"]


def test_a_cut_document_keeps_the_turns_before_the_cut(tmp_path):
    content = json.dumps([turn(0), turn(1), turn(2)], indent=1).encode()
    source = written(tmp_path / "e.json", content[: content.rfind(b"skill-2")], SourceKind.SKILL_EVIDENCE)
    part = read(source)
    assert [row["skill_id"] for row in rows_found(part)] == ["skill-0", "skill-1"]
    assert kinds(part.problems) == ["bad"]


def test_oddities_of_evidence_are_problems_at_their_card(tmp_path):
    odd = evidence(card("a"), card("b", char_estimate="40", matched={"score": "x"}), schema_version=2)
    source = written(tmp_path / "e.json", odd, SourceKind.SKILL_EVIDENCE)
    part = read(source)
    told = [(problem.kind.value, problem.field, problem.line) for problem in part.problems]
    content = source.path.read_text()
    line = content[: content.index('"id": "b"')].count("\n")
    assert sorted(told) == [
        ("drift", "cards[].char_estimate", line),
        ("drift", "cards[].matched.score", line),
        ("unsupported", "schema_version", 1),
    ]
    assert [row["char_estimate"] for row in rows_found(part)] == [40, 40]


def test_cards_that_are_none_are_told_and_the_others_kept(tmp_path):
    source = written(
        tmp_path / "e.json", turn(0) | {"cards": [5, card("a"), None]}, SourceKind.SKILL_EVIDENCE
    )
    part = read(source)
    assert [row["skill_id"] for row in rows_found(part)] == ["a"]
    assert kinds(part.problems) == ["drift", "drift"]


@pytest.mark.parametrize("cards", [None, 5, {"a": 1}])
def test_evidence_whose_cards_are_no_list_is_told(tmp_path, cards):
    source = written(tmp_path / "e.json", turn(0, shown=[]) | {"cards": cards}, SourceKind.SKILL_EVIDENCE)
    part = read(source)
    assert [row["position"] for row in rows_found(part)] == [None]
    assert [problem.field for problem in part.problems] == ["cards"]


def test_a_contradiction_between_shown_and_selected_is_told(tmp_path):
    told = evidence(card("a", selected=True), card("b"), shown=["a", "b"])
    part = read(written(tmp_path / "e.json", told, SourceKind.SKILL_EVIDENCE))
    [problem] = part.problems
    assert (problem.field, problem.reason) == (
        "shown",
        'shown names ["a", "b"], but the selected cards are ["a"]',
    )


@pytest.mark.parametrize(
    "lifecycle", ["eligible", "shown", "omitted", "loaded", "used", "from a newer runtime"]
)
def test_lifecycle_is_as_recorded_whatever_else_the_card_says(tmp_path, lifecycle):
    one = card(lifecycle=lifecycle, selected=False, omitted_reason="catalog_limit")
    [row] = rows_found(read(written(tmp_path / "e.json", evidence(one), SourceKind.SKILL_EVIDENCE)))
    assert (row["lifecycle"], row["selected"], row["omitted_reason"]) == (lifecycle, False, "catalog_limit")


def test_skill_events_of_a_run_record_stand_once_and_say_what_was_loaded(tmp_path):
    events = [
        {"id": "e1", "kind": "skill_matched", "metadata": {"candidates": [{"name": "a", "score": 2.5}]}},
        {"id": "e2", "kind": "skill.loaded", "metadata": {"skill_id": "a", "signed": True, "trusted": False}},
        {"id": "e3", "kind": "skill_activated", "metadata": {"name": "a", "score": 2.5, "reason": "r"}},
    ]
    held = {"id": "session", "events": events}
    record = {
        "_type": "run_record",
        "id": "run",
        "stages": [{"id": "st", "transcript": held}],
        "transcript": held,
    }
    file(tmp_path, ".harn-runs/run.json", record)
    file(tmp_path, "run/e.jsonl", lines(evidence(card("a", lifecycle="loaded"))))
    runs = hl.load(tmp_path)
    assert runs.skill_events.select("kind", "skill", "stage_id").rows() == [
        ("skill_matched", None, "st"),
        ("skill.loaded", "a", "st"),
        ("skill_activated", "a", "st"),
    ]
    loaded = runs.skill_events.filter(kind="skill.loaded")["skill"].to_list()
    assert runs.skill_cards.filter(pl.col("lifecycle") == "loaded")["skill_id"].to_list() == loaded == ["a"]


def test_a_file_of_evidence_is_events_too(tmp_path):
    file(tmp_path, "e.jsonl", lines(turn(0, session_id="s"), {"plain": 1}))
    found = hl.load(tmp_path).events.select("source_kind", "type", "session_id", "source_line").rows()
    assert found == [("skill_evidence", TYPE, "s", 1), ("skill_evidence", None, None, 2)]


def test_the_sample_catalog_gives_the_facts_it_was_made_with():
    expected = json.loads((SAMPLES / "skill-catalog/expected.json").read_text("utf-8"))
    runs = hl.load(SAMPLES / "skill-catalog")
    assert runs.problems.height == len(expected["problems"]) == 0
    assert runs.run_ids == [expected["run_id"]]
    cards = runs.skill_cards
    assert cards["turn"].n_unique() == expected["turns"]
    for told in expected["per_turn"]:
        of_turn = cards.filter(turn=told["turn"])
        assert of_turn.height == told["cards"]
        assert of_turn.filter("selected")["skill_id"].to_list() == told["shown"]
        assert set(of_turn.select("budget_chars", "used_chars").rows()) == {
            (told["budget_chars"], told["used_chars"])
        }
        omitted = of_turn.filter(~pl.col("selected"))["omitted_reason"].value_counts().rows()
        assert dict(omitted) == told["omitted"]
    assert dict(cards.select("skill_id", "char_estimate").unique().rows()) == expected["card_bytes"]
    assert dict(runs.skill_events["kind"].value_counts().rows()) == expected["skill_events"]
    loaded = runs.skill_events.filter(kind="skill.loaded")["skill"].unique().sort().to_list()
    assert loaded == expected["loaded"]
    disabled = cards.filter("disable_model_invocation")["skill_id"].unique().to_list()
    assert disabled == [expected["disabled"]]
    used = cards.filter(skill_id=expected["used_though_never_shown"]["skill"], lifecycle="used")[
        "turn"
    ].to_list()
    assert used == expected["used_though_never_shown"]["turns"]
    webhook = cards.filter(~pl.col("selected"), skill_id="webhook-replay")["turn"].to_list()
    assert webhook == expected["webhook_replay_omitted_in_turns"]


_documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(_documents, _documents, st.sampled_from([None, 0, 2]))
def test_every_object_of_the_type_is_found_at_any_depth(around, inside, indent):
    one = {"_type": TYPE, "inside": inside}
    document = {"a": around, "held": [inside, {"deep": one}], "z": [one, around]}
    content = json.dumps(document, indent=indent).encode()
    assert [json.loads(content[start:end]) for start, end in evidence_places(content)] == [one, one]


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_places_in_bytes_that_are_no_json_are_inside_the_bytes(before, after):
    content = before + json.dumps(turn(0)).encode() + after
    for start, end in evidence_places(content):
        assert 0 <= start < end <= len(content)
        assert content[start : start + 1] == b"{"


@pytest.mark.parametrize(
    "content", [b'"' + b'\\"' * 200_000, b"[" * 300_000, b'{"' * 200_000, b"\\\n" * 200_000]
)
def test_searching_bytes_made_to_be_slow_is_not(content):
    marked = content + b'"_type":"skill_activation_evidence"' + content
    assert list(evidence_places(marked)) == []


def test_a_document_without_evidence_has_none(tmp_path):
    part = in_document(written(tmp_path / "r.json", {"_type": "run_record"}))
    assert (part.frames, part.problems) == ({}, [])


def test_frames_of_a_file_without_evidence_are_in_their_schema(tmp_path):
    file(tmp_path, "llm_transcript.jsonl", lines({"type": "message"}))
    assert hl.load(tmp_path).skill_cards.equals(SCHEMAS["skill_cards"].empty())
    assert rows(read(written(tmp_path / "e.json", b"", SourceKind.SKILL_EVIDENCE)), "events") == []
