import json
import os

import pytest

from harnlab.errors import UnreadablePath
from harnlab.ingest.discover import discover
from harnlab.ingest.sources import SourceKind


def put(root, **files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))


def kinds(root):
    return {source.path.relative_to(root).as_posix(): source.kind for source in discover([root])}


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.json", {"_type": "run_record", "id": "r"}, SourceKind.RUN_RECORD),
        ("a.json", {"id": "r", "workflow_id": "w", "stages": []}, SourceKind.RUN_RECORD),
        ("a.json", {"schema": "harn.receipt.v1"}, SourceKind.RECEIPT),
        ("a.json", [{"schema": "harn.receipt.v1"}], SourceKind.RECEIPT),
        ("a.jsonl", {"schema": "harn.receipt.v1"}, SourceKind.RECEIPT),
        ("a.json", {"name": "p", "steps": []}, SourceKind.PERSONA),
        ("a.json", {"verify": {"budget": {"max_usd": 1}}}, SourceKind.PERSONA),
        ("harn.toml", "[[personas]]\nname='p'\n", SourceKind.PERSONA),
        (
            "a.jsonl",
            {"name": "s", "function": "f", "status": "completed", "llm_calls": 1},
            SourceKind.COMPLETED_STEPS,
        ),
        (
            "a.json",
            [{"name": "s", "function": "f", "status": "x", "llm_calls": 1}],
            SourceKind.COMPLETED_STEPS,
        ),
        ("a.jsonl", {"type": "message", "timestamp": "1.000"}, SourceKind.TRANSCRIPT),
        ("llm_transcript.jsonl", "torn {", SourceKind.TRANSCRIPT),
        ("a.jsonl", {"id": 1, "event": {"kind": "k"}}, SourceKind.EVENT_LOG_FILE),
        (
            "event_log-s.jsonl",
            {"index": 0, "emitted_at_ms": 1, "type": "turn_start"},
            SourceKind.AGENT_EVENTS,
        ),
        ("events.sqlite", "SQLite format 3\0", SourceKind.EVENT_LOG_SQLITE),
        ("a.json", {"_type": "skill_activation_evidence"}, SourceKind.SKILL_EVIDENCE),
        ("a.json", {"schema": "opentrustgraph-chain/v0"}, SourceKind.TRUST_CHAIN),
        ("a.json", {"schema": "harn-provenance-receipt-v1"}, SourceKind.PROVENANCE_RECEIPT),
    ],
)
def test_a_file_is_told_by_what_is_in_it(tmp_path, name, content, kind):
    put(tmp_path, **{name: content})
    assert kinds(tmp_path) == {name: kind}


def test_other_files_of_a_folder_are_passed_over(tmp_path):
    put(tmp_path, **{"package.json": {"name": "x"}, "README.md": "#", "llm_transcript.jsonl": "{}\n"})
    assert list(kinds(tmp_path)) == ["llm_transcript.jsonl"]


def test_a_state_folder_is_one_source(tmp_path):
    put(tmp_path, **{"state/s-1/__handoff.json": "{}", "state/s-1/plan.md": "x"})
    assert {source.kind for source in discover([tmp_path])} == {SourceKind.STATE_FOLDER}


@pytest.mark.parametrize("path", ["missing", "*.nothing"])
def test_a_path_that_is_not_there_is_an_error(tmp_path, path):
    with pytest.raises(UnreadablePath, match=r"no such file|matches nothing"):
        discover([tmp_path / path])


def test_a_folder_without_a_known_file_says_what_was_expected(tmp_path):
    put(tmp_path, **{"notes.txt": "x"})
    with pytest.raises(UnreadablePath, match=r"no file that harnlab knows; expected llm_transcript\.jsonl"):
        discover([tmp_path])


def test_a_named_file_that_is_not_known_is_an_error(tmp_path):
    put(tmp_path, **{"package.json": {"name": "x"}})
    with pytest.raises(UnreadablePath, match="not a file harnlab knows"):
        discover([tmp_path / "package.json"])


def test_links_are_followed_only_inside_the_folder(tmp_path):
    put(tmp_path, **{"in/a.jsonl": '{"type":"x"}\n', "out/b.jsonl": '{"type":"x"}\n'})
    (tmp_path / "in" / "inside.jsonl").symlink_to("a.jsonl")
    (tmp_path / "in" / "outside.jsonl").symlink_to(tmp_path / "out" / "b.jsonl")
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "out")
    assert list(kinds(tmp_path / "in")) == ["a.jsonl"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this system")
def test_a_pipe_in_the_folder_is_not_opened(tmp_path):
    put(tmp_path, **{"llm_transcript.jsonl": "{}\n"})
    os.mkfifo(tmp_path / "pipe.jsonl")
    assert list(kinds(tmp_path)) == ["llm_transcript.jsonl"]


def test_the_same_file_named_twice_is_read_once(tmp_path):
    put(tmp_path, **{"llm_transcript.jsonl": "{}\n"})
    assert len(discover([tmp_path, tmp_path / "llm_transcript.jsonl", f"{tmp_path}/*.jsonl"])) == 1


def test_a_run_is_named_after_its_folder_and_by_more_of_its_path_where_two_share_a_name(tmp_path):
    put(tmp_path, **{"a/run/llm_transcript.jsonl": "{}\n", "b/run/llm_transcript.jsonl": "{}\n"})
    put(tmp_path, **{"other/llm_transcript.jsonl": "{}\n"})
    names = [source.run_id for source in discover([tmp_path])]
    assert names[2] == "other"
    assert names[0].endswith("a/run")
    assert names[1].endswith("b/run")


def test_a_project_is_the_nearest_folder_the_runtime_left_its_marks_in(tmp_path):
    put(
        tmp_path,
        **{"one/.harn-runs/r.json": {"_type": "run_record"}, "one/logs/t.jsonl": '{"type":"x"}\n'},
    )
    put(tmp_path, **{"two/t.jsonl": '{"type":"x"}\n'})
    projects = {source.path.name: source.project for source in discover([tmp_path])}
    assert projects["r.json"] == str(tmp_path / "one")
    assert {source.project for source in discover([tmp_path])} == {str(tmp_path / "one"), str(tmp_path)}
