"""Every row of every frame leads to the record it came from: of all samples, and of samples after damage."""

import random
import shutil
from pathlib import Path

import polars as pl
import pytest

import harnlab as hl

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"
INCIDENTS = sorted(folder.name for folder in SAMPLES.iterdir() if (folder / "expected.json").exists())
#: Columns whose value stands word for word in the record of the row.
SAID = ("request_id", "record_id", "entry_hash", "tool_name", "agent_key", "skill", "skill_id")
MOST = 40


def leads_home(runs, frames):
    """Rows that were looked at, by frame; fails at the first that does not lead to its record."""
    seen = {}
    broken = set(runs.problems.filter(pl.col("kind").is_in(["bad", "torn"]))["source_path"])
    for name in frames:
        frame = runs.frame(name)
        for row in frame.sample(min(MOST, frame.height), seed=1).iter_rows(named=True):
            seen[name] = seen.get(name, 0) + 1
            text = runs.text(row)
            if name == "problems":
                continue
            try:
                assert runs.record(row) is not None
            except hl.MalformedRecord:
                # a document that breaks off: its rows are what stands before, and the break is told
                assert row["source_path"] in broken
            for column in SAID:
                value = row.get(column)
                if value is not None and value.isascii() and name != "step_calls":
                    assert value in text, (name, column, row)
    return seen


@pytest.mark.parametrize("incident", INCIDENTS)
def test_every_row_of_a_sample_leads_to_its_record(incident):
    runs = hl.load(SAMPLES / incident)
    seen = leads_home(runs, [name for name in hl.frames.SCHEMAS if name != "problems"])
    assert set(seen) == {name for name in hl.frames.SCHEMAS if runs.frame(name).height} - {"problems"}
    placed = runs.problems.drop_nulls(["source_offset", "length"])
    for row in placed.iter_rows(named=True):
        assert len(runs.text(row).encode("utf-8", "replace")) >= min(row["length"], 1)


def test_the_samples_have_rows_in_every_frame():
    runs = hl.load([SAMPLES / incident for incident in INCIDENTS])
    assert {name for name in hl.frames.SCHEMAS if runs.frame(name).is_empty()} <= {"routing_decisions"}


@pytest.mark.parametrize("seed", range(4))
def test_every_row_of_a_damaged_sample_leads_to_its_record(tmp_path, seed):
    chance = random.Random(seed)
    for incident in ("cost-overrun", "autonomy-pressure", "two-writers", "skill-catalog"):
        copy = shutil.copytree(SAMPLES / incident, tmp_path / incident)
        files = [path for path in copy.rglob("*") if path.is_file() and path.suffix in {".json", ".jsonl"}]
        for path in chance.sample(files, min(6, len(files))):
            content = bytearray(path.read_bytes())
            for _ in range(4):
                at = chance.randrange(len(content) or 1)
                match chance.randrange(4):
                    case 0:
                        content[at : at + 1] = bytes([chance.randrange(256)])
                    case 1:
                        content[at:at] = chance.choice(
                            [b"\n", b"\r\n", b'"', b"{}", b"\xff", b"NaN", b"[1]\n"]
                        )
                    case 2:
                        del content[at : at + chance.randrange(200)]
                    case _:
                        content[at:at] = content[max(0, at - 60) : at]
            path.write_bytes(content)
    leads_home(hl.load(tmp_path), [name for name in hl.frames.SCHEMAS if name != "problems"])
