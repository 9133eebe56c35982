"""Where files may lie: anywhere, under other names, projects side by side, named in any spelling."""

import pytest

import harnlab as hl
from acceptance.project import Project
from acceptance.seen import column, cost, load, nothing_wrong
from acceptance.test_run_records import calls, full
from acceptance.written import call_id, jsonl


@pytest.mark.parametrize(
    ("path", "run_id"),
    [
        ("llm_transcript.jsonl", "repo"),
        ("logs/2026-05-01/llm_transcript.jsonl", "2026-05-01"),
        (".harn/llm/run-7/llm_transcript.jsonl", "run-7"),
        ("transcripts/run-7/llm_transcript.jsonl", "run-7"),
        ("saved/session-42.jsonl", "session-42"),
        ("saved/session-42.ndjson", "session-42"),
        ("größe/лог/llm_transcript.jsonl", "лог"),
        ("with space/llm_transcript.jsonl", "with space"),
    ],
)
def test_a_transcript_is_found_wherever_it_lies(tmp_path, path, run_id):
    project = Project(tmp_path / "repo")
    project.transcript(calls(1, 2), path)
    runs = nothing_wrong(load(project.folder))
    assert runs.calls.height == 2
    assert cost(runs) == 0.0009
    assert [name.split("/")[-1] for name in runs.run_ids] == [run_id]


def test_runs_of_two_projects_stay_apart(tmp_path):
    for name in ("api", "web"):
        project = Project(tmp_path / name)
        project.run_record(f"{name}-1", **full(f"{name}-1", trace_spans=[]))
        project.transcript(calls(1 if name == "api" else 3), "llm_transcript.jsonl")
    runs = nothing_wrong(load(tmp_path))
    assert runs.run_ids == ["api-1", "web-1"]
    assert runs.calls.select("run_id", "call_id").rows() == [("api-1", call_id(1)), ("web-1", call_id(3))]


def test_runs_of_the_same_name_in_two_projects_stay_apart(tmp_path):
    for name in ("api", "web"):
        Project(tmp_path / name).transcript(calls(1), "transcripts/run-1/llm_transcript.jsonl")
    runs = nothing_wrong(load(tmp_path))
    assert len(runs) == 2
    assert cost(runs) == 0.0009


def test_what_the_runtime_keeps_for_itself_is_passed_over(tmp_path):
    project = Project(tmp_path)
    project.transcript(calls(1), "llm_transcript.jsonl")
    project.json(".harn/store.json", {"key": "value"})
    project.json(".harn/checkpoints/cp.json", {"pipeline": "main", "entries": {}})
    project.json(".harn/metadata/root/entries.json", {"entries": {}, "generated_at": "x"})
    project.json(".harn/workflows/wf.json", {"id": "wf", "mailbox": []})
    project.json("package.json", {"name": "web", "scripts": {}})
    project.json("tsconfig.json", {"compilerOptions": {}})
    project.file("pyproject.toml", "[project]\nname = 'x'\n")
    project.file("src/main.harn", "pipeline main() {}")
    runs = nothing_wrong(load(tmp_path))
    assert [source.kind.value for source in runs.sources] == ["transcript"]


def test_a_folder_of_the_runtime_without_a_run_is_told_so(tmp_path):
    project = Project(tmp_path)
    project.json(".harn/store.json", {})
    (tmp_path / ".harn-runs").mkdir()
    with pytest.raises(hl.UnreadablePath, match="no file that harnlab knows"):
        load(tmp_path)


def test_an_empty_transcript_is_a_run_without_calls(tmp_path):
    Project(tmp_path).file("run-1/llm_transcript.jsonl", b"")
    runs = nothing_wrong(load(tmp_path))
    assert runs.calls.is_empty()
    assert runs.events.is_empty()


def test_output_of_harn_run_as_json_lines_is_kept_as_events(tmp_path):
    lines = [
        {"event_type": "stdout", "payload": "hi"},
        {
            "event_type": "tool_call",
            "call_id": "tc_1",
            "name": "grep",
            "args": {},
            "started_at": "1777629600.001",
        },
        {"event_type": "tool_result", "call_id": "tc_1", "ok": True, "result": "x"},
        {"event_type": "evidence_persisted", "execution_id": "e", "run_record_path": ".harn-runs/r.json"},
    ]
    Project(tmp_path).file("out/run.ndjson", jsonl(lines))
    runs = nothing_wrong(load(tmp_path))
    assert runs.events.height == 4
    assert runs.calls.is_empty()


@pytest.mark.parametrize("ending", ["", "/", "//", "/."])
def test_any_spelling_of_a_folder_names_it(tmp_path, ending):
    Project(tmp_path).transcript(calls(1))
    assert load(f"{tmp_path}{ending}").calls.height == 1


def test_a_path_from_another_working_directory(tmp_path, monkeypatch):
    project = Project(tmp_path / "repo ü")
    project.transcript(calls(1))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    runs = nothing_wrong(load("../repo ü"))
    monkeypatch.chdir(tmp_path)
    assert runs.record(runs.calls.row(0, named=True))["call_id"] == call_id(1)


def test_the_home_folder_is_understood(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    Project(tmp_path / "repo").transcript(calls(1))
    assert load("~/repo").calls.height == 1
    assert load("~/rep*/transcripts").calls.height == 1


def test_the_same_folder_twice_counts_once(tmp_path):
    project = Project(tmp_path / "repo")
    path = project.transcript(calls(1))
    for several in ((tmp_path, tmp_path), (tmp_path, path), (path, str(path)), (f"{tmp_path}/*", tmp_path)):
        assert load(*several).calls.height == 1
        assert load(*several).events.height == 2


def test_a_link_to_a_folder_inside_it_counts_once(tmp_path):
    project = Project(tmp_path)
    project.transcript(calls(1))
    (tmp_path / "latest").symlink_to(tmp_path / "transcripts", target_is_directory=True)
    assert load(tmp_path).calls.height == 1


def test_loading_twice_gives_equal_frames_whatever_the_order_of_paths(tmp_path):
    for name in ("b", "a", "c"):
        Project(tmp_path / name).transcript(calls(1, 2))
        Project(tmp_path / name).run_record(f"r-{name}", **full(f"r-{name}", trace_spans=[]))
    one = load(tmp_path / "a", tmp_path / "b", tmp_path / "c")
    other = load(tmp_path / "c", tmp_path / "b", tmp_path / "a")
    for name in hl.frames.SCHEMAS:
        assert one.frame(name).equals(other.frame(name)), name


def test_one_file_is_enough_of_any_kind(tmp_path):
    project = Project(tmp_path)
    project.run_record("r1", **full("r1"))
    project.transcript(calls(7), "x/llm_transcript.jsonl")
    assert load(tmp_path / ".harn-runs/r1.json").run_ids == ["r1"]
    assert column(load(tmp_path / "x/llm_transcript.jsonl").calls, "call_id") == [call_id(7)]
