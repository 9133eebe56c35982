"""What a durable-state folder becomes: keys with their writers, handoffs, what a crash left, and whose run it is."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import harnlab as hl
from harnlab.errors import UnreadablePath
from harnlab.ingest.file_names import actual_name, shown_name, shown_path
from harnlab.ingest.sources import SourceKind
from harnlab.ingest.state_folders import read
from ingest.document_files import rows, source

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
WRITER = {"writer_id": "planner", "stage_id": "plan", "session_id": "sess-w", "worker_id": "worker-1"}


def at(seconds):
    return datetime.fromtimestamp(seconds, UTC)


def write(folder, key, content=b"text", *, writer=WRITER, updated_at=1_782_117_041, **more):
    """A key as the runtime writes it, with metadata unless ``writer`` is none."""
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if writer is not None:
        metadata(folder, key, {"writer": writer, "updated_at": updated_at, **more})


def metadata(folder, key, value):
    path = folder / ".agent_state_meta" / f"{key}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(value if isinstance(value, bytes) else json.dumps(value, indent=2).encode())


def envelope(**changed):
    written = {"_type": "agent_state_handoff", "version": 1, "session_id": "s", "root": "/srv/state"}
    written |= {"key": "__handoff.json", "summary": {"done": ["plan.md"]}, "written_at": 1_782_117_060}
    return written | {"writer": WRITER} | changed


@pytest.fixture
def session(tmp_path):
    folder = tmp_path / "state" / "s"
    folder.mkdir(parents=True)
    return folder


def folder_source(folder):
    return source(folder, SourceKind.STATE_FOLDER)


def read_rows(folder, frame="state_entries"):
    return rows(read(folder_source(folder)), frame)


def problems(folder):
    """Path below the folder, kind, field and reason of every problem."""
    shown = f"shown/{folder.name}"
    found = read(folder_source(folder)).problems
    return [((p.path or shown).removeprefix(shown), p.kind.value, p.field, p.reason) for p in found]


def test_every_column_of_an_entry_is_read(session):
    write(session, "notes/risks.md", b"12345", reviewed=True)
    os.utime(session / "notes/risks.md", ns=(0, 1_782_117_999_123_456_789))
    [row] = read_rows(session)
    assert row == {
        "run_id": "folder",
        "source_path": "shown/s/notes/risks.md",
        "source_line": 1,
        "source_offset": 0,
        "length": 5,
        "root": "shown",
        "session_id": "s",
        "key": "notes/risks.md",
        "state": "value",
        "content_bytes": 5,
        "writer_id": "planner",
        "writer_stage_id": "plan",
        "writer_session_id": "sess-w",
        "writer_worker_id": "worker-1",
        "updated_at": at(1_782_117_041),
        "modified_at": datetime(2026, 6, 22, 8, 46, 39, 123456, UTC),
        "extra": '{"reviewed":true}',
    }


def test_every_column_of_a_handoff_is_read(session):
    write(session, "__handoff.json", json.dumps(envelope(note="n")).encode())
    [row] = read_rows(session, "handoffs")
    assert row == {
        "run_id": "folder",
        "source_path": "shown/s/__handoff.json",
        "source_line": 1,
        "source_offset": 0,
        "length": (session / "__handoff.json").stat().st_size,
        "root": "shown",
        "session_id": "s",
        "version": 1,
        "summary": '{"done":["plan.md"]}',
        "writer_id": "planner",
        "writer_stage_id": "plan",
        "writer_session_id": "sess-w",
        "writer_worker_id": "worker-1",
        "written_at": at(1_782_117_060),
        "extra": '{"note":"n","root":"/srv/state"}',
    }
    assert problems(session) == []


def test_a_handoff_is_a_key_and_an_event_too(session):
    write(session, "__handoff.json", json.dumps(envelope()).encode())
    assert [row["key"] for row in read_rows(session)] == ["__handoff.json"]
    [row] = read_rows(session, "events")
    assert (row["type"], row["session_id"], row["timestamp"]) == (
        "agent_state_handoff",
        "s",
        at(1_782_117_060),
    )
    assert row["source_path"] == "shown/s/__handoff.json"


def test_keys_are_sorted_by_their_text(session):
    for key in ("b", "a/z", "a.md", "ü", "Z", "a/b/c"):
        write(session, key)
    assert [row["key"] for row in read_rows(session)] == ["Z", "a.md", "a/b/c", "a/z", "b", "ü"]


def test_keys_that_look_like_metadata_keep_their_own_writers(session):
    for number, key in enumerate(("plan.md", "plan.md.json", "plan.md.json.json", "k/plan.md")):
        write(session, key, writer={"writer_id": f"w{number}"})
    found = {row["key"]: (row["writer_id"], row["state"]) for row in read_rows(session)}
    assert found == {
        "plan.md": ("w0", "value"),
        "plan.md.json": ("w1", "value"),
        "plan.md.json.json": ("w2", "value"),
        "k/plan.md": ("w3", "value"),
    }


def test_a_folder_where_metadata_should_be_leaves_the_key_without_a_writer(session):
    write(session, "plan.md", writer=None)
    write(session, "plan.md.json/inner", writer={"writer_id": "w"})
    found = {row["key"]: (row["state"], row["writer_id"]) for row in read_rows(session)}
    assert found == {"plan.md": ("value", None), "plan.md.json/inner": ("value", "w")}


def test_a_key_without_metadata_has_no_writer_and_is_no_problem(session):
    write(session, "signed")
    write(session, "todo.txt", writer=None)
    found = {row["key"]: row for row in read_rows(session)}
    assert (found["todo.txt"]["writer_id"], found["todo.txt"]["updated_at"]) == (None, None)
    assert found["signed"]["writer_id"] == "planner"
    assert problems(session) == []


def test_metadata_without_a_value_is_a_row_of_its_own(session):
    metadata(session, "gone/away.md", {"writer": {"writer_id": "w"}, "updated_at": 5})
    [row] = read_rows(session)
    assert (row["key"], row["state"], row["content_bytes"]) == ("gone/away.md", "orphan_metadata", None)
    assert (row["writer_id"], row["updated_at"]) == ("w", at(5))
    assert row["source_path"] == "shown/s/.agent_state_meta/gone/away.md.json"


def test_a_crash_leaves_a_row_that_names_the_interrupted_write(session):
    write(session, "plan.md")
    (session / ".plan.md..agent_state_tmp.019e").write_bytes(b"half")
    (session / ".agent_state_meta/.plan.md.json..agent_state_tmp.019f").write_bytes(b"")
    found = [row for row in read_rows(session) if row["state"] == "crash_leftover"]
    assert [(row["key"], row["content_bytes"], row["extra"]) for row in found] == [
        (
            ".agent_state_meta/.plan.md.json..agent_state_tmp.019f",
            0,
            '{"interrupted_metadata_of": "plan.md"}',
        ),
        (".plan.md..agent_state_tmp.019e", 4, '{"interrupted_write_of": "plan.md"}'),
    ]
    assert problems(session) == []


@pytest.mark.parametrize(
    ("content", "kind", "member", "said"),
    [
        (b"", "blank", None, "blank"),
        (b"{", "bad", None, "not JSON"),
        (b"[]", "blank", None, "empty array"),
        (b'[{"writer_id": "w"}, 5]', "bad", None, "found 5"),
        (b'[{"writer_id": "w"}]', "bad", None, "expected a JSON object, found an array"),
        (b'"text"', "bad", None, "expected a JSON object"),
        (b'{"writer": 5, "updated_at": 5}', "drift", "writer", "expected an object, found 5"),
        (b'{"writer": null, "updated_at": 5}', "drift", "writer", "found null"),
        (b'{"writer": {"writer_id": 7}}', "drift", "writer.writer_id", "expected text, found 7"),
        (b'{"writer": {}, "updated_at": "soon"}', "drift", "updated_at", 'found "soon"'),
        (b'{"writer": {}, "updated_at": -1}', "drift", "updated_at", "outside"),
        (b'{"writer": {}, "updated_at": true}', "drift", "updated_at", "found true"),
        (b'{"writer": {}, "updated_at": 99999999999999}', "drift", "updated_at", "time"),
        (b'{"writer": {}, "writer": {}}', "duplicate_key", "writer", "more than once"),
        (b'{"writer": {"writer_id": "\xff"}}', "drift", None, "0xff is not UTF-8"),
    ],
)
def test_metadata_that_is_not_as_the_runtime_writes_it_is_a_problem_with_its_place(
    session, content, kind, member, said
):
    write(session, "plan.md", writer=None)
    metadata(session, "plan.md", content)
    [row] = read_rows(session)
    assert (row["key"], row["state"], row["updated_at"]) in [
        ("plan.md", "value", None),
        ("plan.md", "value", at(5)),
    ]
    [(path, found, field, reason)] = problems(session)
    assert (path, found) == ("/.agent_state_meta/plan.md.json", kind)
    assert said in reason
    assert member is None or field == member
    [problem] = read(folder_source(session)).problems
    assert (problem.line, problem.offset is None) == (1, False)


@pytest.mark.parametrize(
    ("changed", "kind", "field"),
    [
        ({"version": 2}, "unsupported", "version"),
        ({"version": "1"}, "drift", "version"),
        ({"version": None}, "unsupported", "version"),
        ({"_type": "state_handle"}, "unsupported", "_type"),
        ({"_type": None}, "drift", "_type"),
        ({"session_id": "other"}, "drift", "session_id"),
        ({"key": "elsewhere.json"}, "drift", "key"),
        ({"summary": "done"}, "drift", "summary"),
        ({"writer": None}, "drift", "writer"),
        ({"written_at": "later"}, "drift", "written_at"),
    ],
)
def test_an_envelope_of_another_kind_is_kept_with_a_problem(session, changed, kind, field):
    write(session, "__handoff.json", json.dumps(envelope(**changed)).encode())
    assert len(read_rows(session, "handoffs")) == 1
    [(path, found, member, _)] = problems(session)
    assert (path, found, member) == ("/__handoff.json", kind, field)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"plain": 1}', b"7"])
def test_a_handoff_that_is_no_envelope_is_a_key_and_a_problem(session, content):
    write(session, "__handoff.json", content)
    assert read_rows(session, "handoffs") == []
    assert [row["key"] for row in read_rows(session)] == ["__handoff.json"]
    assert problems(session)


@pytest.mark.parametrize("recorded_by", ["metadata", "handoff"])
def test_session_ids_with_slashes_are_known_by_what_the_session_recorded(tmp_path, recorded_by):
    folder = tmp_path / "state" / "tenant" / "s5"
    if recorded_by == "metadata":
        write(folder, "k", writer={"writer_id": "w", "session_id": "tenant/s5"})
    else:
        handed = envelope(session_id="tenant/s5")
        write(folder, "__handoff.json", json.dumps(handed).encode(), writer=None)
    runs = hl.load(tmp_path)
    [row] = runs.state_entries.rows(named=True)
    assert (Path(row["root"]), row["session_id"]) == (tmp_path / "state", "tenant/s5")
    assert runs.problems.height == 0


def test_a_session_inside_a_session_is_its_own(session):
    write(session, "k", writer={"writer_id": "outer"})
    write(session / "inner", "k", writer={"writer_id": "inner"})
    write(session / "inner", "__handoff.json", json.dumps(envelope(session_id="s/inner")).encode())
    found = [(row["root"], row["session_id"], row["key"], row["writer_id"]) for row in read_rows(session)]
    assert found == [
        ("shown", "s", "k", "outer"),
        ("shown", "s/inner", "__handoff.json", "planner"),
        ("shown", "s/inner", "k", "inner"),
    ]
    assert problems(session) == []


def test_a_folder_is_found_by_metadata_by_a_handoff_or_by_a_temp_file(tmp_path):
    write(tmp_path / "by-meta", "k")
    write(tmp_path / "by-handoff", "__handoff.json", json.dumps(envelope()).encode(), writer=None)
    (tmp_path / "by-temp").mkdir()
    (tmp_path / "by-temp/.k..agent_state_tmp.1").touch()
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain/notes.txt").touch()
    loaded = hl.load(tmp_path)
    assert loaded.state_entries["session_id"].to_list() == ["by-handoff", "by-meta", "by-temp"]


def test_the_record_of_an_entry_is_its_content(tmp_path):
    write(tmp_path / "s", "plan.md", "# Plän\n".encode())
    write(tmp_path / "s", "ledger.json", b'{"sum": 3}')
    write(tmp_path / "s", "empty", b"")
    write(tmp_path / "s", "bytes", b"a\xffb")
    metadata(tmp_path / "s", "gone", b'{"writer": {"writer_id": "w"}}')
    runs = hl.load(tmp_path)
    found = {row["key"]: (runs.record(row), runs.text(row)) for row in runs.state_entries.rows(named=True)}
    assert found == {
        "plan.md": ("# Plän\n", "# Plän\n"),
        "ledger.json": ({"sum": 3}, '{"sum": 3}'),
        "empty": ("", ""),
        "bytes": ("a�b", "a�b"),
        "gone": ({"writer": {"writer_id": "w"}}, '{"writer": {"writer_id": "w"}}'),
    }
    assert runs.record(f"{tmp_path}/s/ledger.json:1") == {"sum": 3}


def test_a_value_too_large_to_read_says_so(tmp_path, monkeypatch):
    write(tmp_path / "s", "k", b"x" * 11)
    runs = hl.load(tmp_path)
    monkeypatch.setattr("harnlab.runs.LARGEST_VALUE_BYTES", 10)
    with pytest.raises(UnreadablePath, match="a value of 11 bytes; the largest that is read is 10"):
        runs.text(runs.state_entries)


def test_a_value_that_went_away_says_so(tmp_path):
    write(tmp_path / "s", "k")
    runs = hl.load(tmp_path)
    (tmp_path / "s/k").unlink()
    with pytest.raises(UnreadablePath, match="No such file"):
        runs.record(runs.state_entries)


def _recorded(folder, run, **named):
    record = {"_type": "run_record", "id": run, "trace_spans": [], **named}
    (folder / ".harn-runs").mkdir(exist_ok=True)
    (folder / f".harn-runs/{run}.json").write_text(json.dumps(record))


@pytest.mark.parametrize(
    "named",
    [
        {"transcript": {"id": "sess-1", "messages": [{"role": "user", "content": "hi"}]}},
        {"transcript": {"id": "t", "messages": [{"role": "user", "session_id": "sess-1"}]}},
        {"transcript": {"id": "sess-1", "events": [{"id": "e", "kind": "skill.loaded"}]}},
        {"metadata": {"agent": {"session_id": "sess-1"}}},
        {"stages": [{"id": "st", "metadata": {"session_id": "sess-1"}}]},
        {"trace_spans": [{"span_id": 1, "metadata": {"session_id": "sess-1"}}]},
    ],
)
def test_state_belongs_to_the_one_run_that_names_its_session(tmp_path, named):
    write(tmp_path / "state/sess-1", "k")
    write(tmp_path / "state/sess-2", "k")
    _recorded(tmp_path, "run-a", **named)
    _recorded(tmp_path, "run-b")
    found = hl.load(tmp_path).state_entries.select("session_id", "run_id").rows()
    assert found == [("sess-1", "run-a"), ("sess-2", "state")]


def test_state_that_two_runs_name_belongs_to_its_folder(tmp_path):
    write(tmp_path / "state/sess-1", "k")
    for run in ("run-a", "run-b"):
        _recorded(tmp_path, run, metadata={"session_id": "sess-1"})
    assert hl.load(tmp_path).state_entries["run_id"].to_list() == ["state"]


def test_the_sample_of_two_writers_gives_the_facts_it_was_made_with():
    expected = json.loads((SAMPLES / "two-writers/expected.json").read_text("utf-8"))
    runs = hl.load(SAMPLES / "two-writers")
    assert runs.problems.height == len(expected["problems"]) == 0
    values = runs.state_entries.filter(pl.col("state") == "value")
    found = {
        session: [
            {
                "key": row["key"],
                "bytes": row["content_bytes"],
                "writer_id": row["writer_id"],
                "updated_at": row["updated_at"] and int(row["updated_at"].timestamp()),
            }
            for row in values.filter(pl.col("session_id") == session).rows(named=True)
        ]
        for session in expected["sessions"]
    }
    assert found == expected["sessions"]
    assert values.height == expected["entries"]
    without = values.filter(pl.col("writer_id").is_null()).select("session_id", "key").rows()
    assert without == [(one["session"], one["key"]) for one in expected["without_metadata"]]
    left = runs.state_entries.filter(pl.col("state") == "crash_leftover")["source_path"].to_list()
    assert [Path(path).relative_to(SAMPLES / "two-writers").as_posix() for path in left] == expected[
        "temp_files"
    ]
    [handoff] = runs.handoffs.rows(named=True)
    [told] = expected["handoffs"]
    assert (handoff["session_id"], handoff["writer_id"]) == (told["session"], told["writer_id"])
    assert int(handoff["written_at"].timestamp()) == told["written_at"]
    assert sorted(json.loads(handoff["summary"])) == told["summary_keys"]
    assert json.loads(handoff["extra"]) == {"root": expected["root"]}


@given(st.binary(min_size=1, max_size=12).filter(lambda raw: not set(raw) & {0, 47}))
def test_a_shown_name_is_text_and_leads_back_to_the_name(raw):
    name = os.fsdecode(raw)
    shown = shown_name(name)
    shown.encode()
    assert actual_name(shown) == name


@given(st.lists(st.binary(min_size=1, max_size=4).filter(lambda raw: not set(raw) & {0, 47}), unique=True))
def test_no_two_names_are_shown_alike(raws):
    assert len({shown_name(os.fsdecode(raw)) for raw in raws}) == len(raws)


@given(st.text(st.characters(exclude_characters="\\/", exclude_categories=["Cs"]), min_size=1))
def test_a_name_that_is_text_is_shown_as_it_is(name):
    assert shown_name(name) == name == shown_path(name)
