"""Each frame is made when it is asked for: in any order, by any thread, whatever has become of the files by then."""

import pickle
import random
import shutil
import weakref
from pathlib import Path
from threading import Barrier, Thread
from zipfile import ZipFile

import pytest
from polars.testing import assert_frame_equal

import harnlab as hl
from cache.kept import LINES
from cache.test_load import assert_equal, damaged_log
from harnlab.cache import entry
from harnlab.errors import HarnlabError
from harnlab.frames import EVENTS, RUNS, SCHEMAS
from harnlab.frames.when_asked import FramesByMaker
from harnlab.ingest import assembly
from harnlab.ingest.sources import Source, SourceKind

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
ORDERS = [list(SCHEMAS), list(SCHEMAS)[::-1], *(random.Random(n).sample(list(SCHEMAS), 21) for n in range(4))]


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNLAB_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "run").mkdir()
    return damaged_log(tmp_path / "run" / "llm_transcript.jsonl")


def cold_cached_and_grown(log):
    """Loads of a log in every state a cache can be in, each with a load that read the same bytes cold."""
    cold = hl.load(log, cache=False)
    yield hl.load(log, cache=False), cold
    yield hl.load(log, cache="refresh"), cold
    yield hl.load(log), cold
    with log.open("ab") as file:
        file.write(LINES[0][50:] + b"\n" + b"\n".join(LINES) + b"\n")
    grown = hl.load(log, cache=False)
    yield hl.load(log), grown  # what was appended is read
    yield hl.load(log), grown  # and has become an entry behind the first
    assert grown.events.height > cold.events.height


@pytest.mark.parametrize("order", ORDERS, ids=range(len(ORDERS)))
def test_frames_asked_for_in_any_order_are_those_of_a_cold_load(log, order):
    for found, expected in cold_cached_and_grown(log):
        for name in order:
            found.frame(name)
        assert_equal(found, expected)


def test_frames_asked_for_by_two_threads_at_once_are_those_of_a_cold_load(log):
    for found, expected in cold_cached_and_grown(log):
        together, told = Barrier(2), {}

        def ask(order, found=found, together=together, told=told):
            together.wait()
            told[order[0]] = [(name, found.frame(name)) for name in order]

        threads = [Thread(target=ask, args=(order,)) for order in ORDERS[:2]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(told) == 2
        for frames in told.values():
            for name, frame in frames:
                assert frame is found.frame(name)
                assert_frame_equal(frame, expected.frame(name))


@pytest.mark.parametrize("sample", ["cost-overrun", "inherited-route", "autonomy-pressure", "skill-catalog"])
def test_a_frame_of_linked_runs_is_the_same_whether_it_is_asked_for_alone_or_last(sample):
    whole = hl.load(SAMPLES / sample)
    for name in SCHEMAS:
        whole.frame(name)
    for name in SCHEMAS:
        assert_frame_equal(hl.load(SAMPLES / sample).frame(name), whole.frame(name))


@pytest.mark.parametrize("lost", ["evicted", "cut", "overwritten", "with its log"])
def test_an_entry_that_is_lost_after_a_load_is_not_missed(log, tmp_path, lost):
    cold = hl.load(log, cache=False)
    for name in SCHEMAS:
        cold.frame(name)
    hl.load(log)
    runs = hl.load(log)
    [kept] = (tmp_path / "cache").iterdir()
    match lost:
        case "evicted":
            kept.unlink()
        case "cut":
            kept.write_bytes(kept.read_bytes()[:100])
        case "overwritten":
            with kept.open("r+b") as file:
                file.write(bytes(kept.stat().st_size))
        case "with its log":
            shutil.rmtree(tmp_path / "cache")
            shutil.rmtree(log.parent)
    assert_equal(runs, cold)


def decoded(monkeypatch):
    """How many frames of entries have been decoded, as a list that grows."""
    found, decode = [], entry.pl.read_parquet
    monkeypatch.setattr(
        entry.pl, "read_parquet", lambda *of, **asked: (found.append(1), decode(*of, **asked))[1]
    )
    return found


def test_a_second_look_decodes_only_what_is_asked_for(log, monkeypatch):
    log.write_bytes(log.read_bytes() + b"\n")  # a line that is torn would be read again
    hl.load(log)
    made = decoded(monkeypatch)
    runs = hl.load(log)
    assert made == []
    for _ in range(2):
        assert runs.messages.height
        assert len(made) == 1
    assert runs.calls.height
    assert len(made) > 1


def test_what_a_frame_was_joined_from_is_let_go(log, monkeypatch):
    held = []
    join = assembly.join_calls

    def noted(events):
        held.extend(map(weakref.ref, events.values()))
        return join(events)

    monkeypatch.setattr(assembly, "join_calls", noted)
    for runs in (hl.load(log, cache=False), hl.load(log), hl.load(log)):
        held.clear()
        assert runs.calls.height
        assert len(held) >= 2
        assert [one() for one in held] == [None] * len(held)


def test_a_join_that_was_stopped_is_never_given_as_rows_that_are_not_there(log, monkeypatch):
    def stopped(events):
        raise KeyboardInterrupt

    runs = hl.load(log, cache=False)
    with monkeypatch.context() as patch:
        patch.setattr(assembly, "join_calls", stopped)
        with pytest.raises(KeyboardInterrupt):
            runs.calls  # noqa: B018
    for name in ("calls", "step_calls"):
        with pytest.raises(hl.HarnlabError, match="stopped half-way"):
            runs.frame(name)
    assert_frame_equal(runs.events, hl.load(log, cache=False).events)


def test_runs_that_are_pickled_before_anything_was_asked_are_whole(log):
    for found, expected in cold_cached_and_grown(log):
        assert_equal(pickle.loads(pickle.dumps(found)), expected)


@pytest.mark.parametrize("first", ["events", "runs"])
def test_the_line_that_stands_for_a_run_is_the_first_that_was_read(tmp_path, first):
    def line(path, number):
        place = {"run_id": "r", "source_path": path, "source_line": number, "source_offset": 0, "length": 1}
        return place | {"source_kind": "transcript"}

    sources = [
        Source(path=tmp_path / name, shown=name, kind=SourceKind.TRANSCRIPT, run_id="r", project="p")
        for name in ("z", "a")
    ]
    events = FramesByMaker.of({"events": EVENTS.build([line("z", 3), line("a", 1)])})
    frames = assembly.all_frames(events, {}, {}, sources)
    frames[first]
    assert frames["events"]["source_path"].to_list() == ["a", "z"]
    assert frames["runs"].select("run_id", "source_path", "source_line").rows() == [("r", "z", 3)]
    assert frames["runs"].schema == RUNS.empty().schema


@pytest.mark.parametrize("room", ["schemas", "ingest"])
def test_code_anywhere_in_the_readers_or_the_frames_decides_what_is_kept(tmp_path, monkeypatch, room):
    module = getattr(entry, room)
    copy = tmp_path / room
    shutil.copytree(module.__path__[0], copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(module, "__path__", [str(copy)])
    versions = set()
    paths = sorted(copy.rglob("*.py"))
    for path in paths:
        path.write_text(path.read_text() + "\n# another")
        entry.reader_version.cache_clear()
        versions.add(entry.reader_version())
    entry.reader_version.cache_clear()
    assert len(versions) == len(paths) > 5


def test_an_entry_that_is_sound_but_no_parquet_says_how_to_read_the_log_again(log, tmp_path):
    log.write_bytes(log.read_bytes() + b"\n")
    hl.load(log)
    [kept] = (tmp_path / "cache").iterdir()
    with ZipFile(kept) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with ZipFile(kept, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, b"PAR1" if name == "events.parquet" else content)
    with pytest.raises(HarnlabError, match=r"kept frame cannot be decoded.*cache=\"refresh\""):
        hl.load(log).frame("events")
    assert hl.load(log, cache="refresh").events.height
    assert hl.load(log).events.height
