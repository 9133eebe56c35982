import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import harnlab as hl
from harnlab.ingest.linking import link_by_folder
from harnlab.ingest.sources import Source, SourceKind
from ingest.transcript_lines import line, request, response


def write(path, *lines):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"".join(line(**one) + b"\n" for one in lines))


def record(root, run_id, *call_ids):
    path = root / ".harn-runs" / f"{run_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    spans = [
        {
            "span_id": number,
            "parent_id": None,
            "kind": "llm_call",
            "name": "llm_call",
            "start_ms": number * 10,
            "duration_ms": 5,
            "metadata": {"call_id": call_id},
        }
        for number, call_id in enumerate(call_ids, 1)
    ]
    path.write_text(
        json.dumps({"_type": "run_record", "id": run_id, "status": "completed", "trace_spans": spans})
    )


def runs_of_calls(root):
    return dict(hl.load(root).calls.select("call_id", "run_id").rows())


def test_a_transcript_beside_its_only_run_record_is_that_run(tmp_path):
    record(tmp_path, "run_a")
    write(tmp_path / "llm_transcript.jsonl", request("c1"), response("c1"))
    runs = hl.load(tmp_path)
    assert runs.run_ids == ["run_a"]
    assert set(runs.events["run_id"]) == {"run_a"}


def test_a_transcript_in_a_folder_named_after_a_run_is_that_run(tmp_path):
    record(tmp_path, "run_a")
    record(tmp_path, "run_b")
    write(tmp_path / "logs" / "run_b" / "llm_transcript.jsonl", response("c1"))
    assert runs_of_calls(tmp_path) == {"c1": "run_b"}


def test_runs_that_share_a_transcript_are_told_apart_by_the_calls_their_spans_name(tmp_path):
    record(tmp_path, "run_a", "a1", "a2")
    record(tmp_path, "run_b", "b1")
    prompt = {"type": "system_prompt", "content": "…", "hash": 1}
    lines = [prompt, request("a1"), response("a1"), prompt, request("b1"), response("b1"), request("a2")]
    write(tmp_path / "llm_transcript.jsonl", *lines, {"type": "daemon_event"})
    runs = hl.load(tmp_path)
    assert runs_of_calls(tmp_path) == {"a1": "run_a", "a2": "run_a", "b1": "run_b"}
    written = runs.events.filter(pl.col("source_kind") == "transcript").sort("source_line")["run_id"]
    assert written.to_list() == ["run_a"] * 3 + ["run_b"] * 3 + ["run_a"] * 2


def test_a_transcript_without_a_record_is_a_run_named_after_its_folder(tmp_path):
    write(tmp_path / "nightly" / "llm_transcript.jsonl", response("c1"))
    runs = hl.load(tmp_path)
    assert runs.run_ids == ["nightly"]
    assert runs.runs["status"].to_list() == [None]


def test_a_call_two_records_name_is_left_where_its_file_is(tmp_path):
    record(tmp_path, "run_a", "c1")
    record(tmp_path, "run_b", "c1")
    write(tmp_path / "logs" / "llm_transcript.jsonl", response("c1"))
    assert runs_of_calls(tmp_path) == {"c1": "logs"}


@pytest.mark.parametrize("name", ["harn.toml", "persona.json"])
def test_a_persona_alone_is_no_run(tmp_path, name):
    toml = "[[personas]]\nname='p'\n[[personas.steps]]\nname='verify'\nfunction='f'\n"
    document = json.dumps({"name": "p", "steps": [{"name": "verify", "function": "f"}]})
    (tmp_path / name).write_text(toml if name.endswith("toml") else document)
    runs = hl.load(tmp_path)
    assert runs.run_ids == []
    assert runs.step_definitions["name"].to_list() == ["verify"]


def test_a_run_two_records_tell_of_is_told_once_by_the_record_that_is_whole(tmp_path):
    record(tmp_path, "run_a", "c1")
    whole = tmp_path / ".harn-runs" / "run_a.json"
    (tmp_path / ".harn-runs" / "cut.json").write_bytes(whole.read_bytes()[:-20])
    runs = hl.load(tmp_path)
    assert runs.runs.select("run_id", "source_path").rows() == [("run_a", whole.as_posix())]
    assert runs.spans["call_id"].to_list() == ["c1"]
    told = runs.problems.filter(pl.col("kind") == "unsupported")["reason"].to_list()
    assert told == [f"run run_a is told by {whole.as_posix()} too, whose rows are used"]


NAME = st.sampled_from(["run_a", "run_b", "logs", "x"])
FILES = st.lists(
    st.tuples(
        st.lists(NAME, max_size=3),
        NAME,
        st.sampled_from([SourceKind.TRANSCRIPT, SourceKind.EVENT_LOG_FILE]),
        st.sampled_from("pq"),
    ),
    max_size=4,
)


@given(files=FILES, runs=st.dictionaries(st.sampled_from("pq"), st.lists(NAME, max_size=3)))
def test_a_file_is_linked_by_the_one_run_its_path_names_or_by_the_only_one_there_is(files, runs):
    sources = [
        Source(path=Path(*folders, f"{name}.jsonl"), shown=str(number), kind=kind, run_id="", project=project)
        for number, (folders, name, kind, project) in enumerate(files)
    ]
    linked = {}
    for source in sources:
        known = runs.get(source.project, [])
        named = [run for run in known if run in source.path.parts or run == source.path.stem]
        alike = [one for one in sources if (one.project, one.kind) == (source.project, source.kind)]
        if len(named) == 1:
            linked[source.shown] = named[0]
        elif len(known) == 1 and (source.kind is SourceKind.EVENT_LOG_FILE or len(alike) == 1):
            linked[source.shown] = known[0]
    assert link_by_folder(sources, runs) == linked
