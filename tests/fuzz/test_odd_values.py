"""Any value may stand in any place of any record: it is read, or told, and every question still has an answer."""

import copy
import json
import random
import shutil
from pathlib import Path

import pytest

import harnlab as hl
from fuzz import targets

ODD = (
    *(None, True, 0, -1, 2**63, 2**70, -(2**63) - 1, 1.5, float("nan"), float("-inf"), -0.0, 1e308, 10**17),
    *([], {}, [None], [[1]], {"a": 1}, {"": None}, "", "é\u2028", "\ud800", "\x00", "../x", "0x1", "9" * 30),
    *(-62_135_596_801, 253_402_300_800, 253_402_300_800_000, "9999-12-31T23:59:59.999999-12:00"),
)
SAMPLES = Path(__file__).parents[2] / "sample_transcripts"


def documents():
    """A file of each kind, and its record."""
    yield ".harn-runs/r.json", targets.RUN
    yield "receipts/r.json", targets.RECEIPT
    yield "completed_steps.json", [targets.STEP]
    yield "personas/p.json", targets.PERSONA
    yield "evidence.json", targets.EVIDENCE
    yield "signed.json", targets.SIGNED
    yield "chain.json", targets.CHAIN
    yield "s/.agent_state_meta/plan.md.json", targets.METADATA
    yield "s/__handoff.json", targets.HANDOFF
    yield "event_log-s.jsonl", targets.AGENT
    yield from _entries("cost-overrun/llm_transcript.jsonl", "t/llm_transcript.jsonl")
    for topic in sorted((SAMPLES / "autonomy-pressure").rglob("topics/*.jsonl")):
        name = topic.relative_to(SAMPLES).as_posix()
        yield from _entries(name, f".harn/events/topics/{topic.name}")


def _entries(sample, path):
    """One record of each type or kind of a sample file."""
    records = [json.loads(line) for line in (SAMPLES / sample).read_text().splitlines()]
    yield from (
        (path, one) for one in {str(r.get("type") or r["event"]["kind"]): r for r in records}.values()
    )


def places(value, path=()):
    """Every place inside a value, its own too."""
    yield path
    inner = (
        value.items() if isinstance(value, dict) else enumerate(value[:2]) if isinstance(value, list) else ()
    )
    for name, member in inner:
        yield from places(member, (*path, name))


def put(value, path, new):
    """The same value with another one in a place."""
    if not path:
        return new
    changed = copy.deepcopy(value)
    inner = changed
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = new
    return changed


def ask(runs):
    """Questions an analyst asks of anything."""
    assert runs.summary.height == len(runs)
    hl.trust.chains(runs)
    hl.trust.tiers(runs)
    assert hl.trust.verified(runs.trust_records).height == runs.trust_records.height
    hl.trace(runs, "x")
    hl.parity(runs)
    for name in hl.frames.SCHEMAS:
        for row in runs.frame(name).iter_rows(named=True):
            if name != "problems":
                runs.record(row)


def check(folder, path, record, place, odd):
    """Write a record with an odd value where its kind of file lies, and ask."""
    shutil.rmtree(folder, ignore_errors=True)
    file = folder / path
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(put(record, place, odd)) + "\n")
    try:
        runs = hl.load(folder)
    except hl.UnreadablePath:
        return
    try:
        ask(runs)
    except Exception as error:
        error.add_note(f"{odd!r} at {place} of {path}")
        raise


CASES = [
    (path, record, place, odd) for path, record in documents() for place in places(record) for odd in ODD
]


@pytest.mark.parametrize("seed", range(4))
def test_an_odd_value_anywhere_breaks_no_reader_and_no_question(tmp_path, seed):
    for case in random.Random(seed).sample(CASES, 8):
        check(tmp_path / "given", *case)


@pytest.mark.nightly
def test_many_odd_values_anywhere_break_no_reader_and_no_question(tmp_path):
    for case in random.Random("nightly").sample(CASES, 1500):
        check(tmp_path / "given", *case)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_a_record_that_is_no_record_is_told(tmp_path, odd):
    check(tmp_path / "given", "llm_transcript.jsonl", {}, (), odd)
