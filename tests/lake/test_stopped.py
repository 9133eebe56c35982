"""Whatever stops a conversion, the lake is as it was, and converting again goes on."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import harnlab as hl
from harnlab.errors import InvalidArgument, UnreadablePath
from harnlab.lake import conversion, layout
from lake.comparing import assert_equals_cold

#: Converts, and is killed by the system where the n-th file should reach the disk, or its place in the lake.
KILLED = """
import os, signal, sys
import harnlab as hl
from harnlab.lake import plan
plan.PART_BYTES = 1
left = int(sys.argv[3])
def killing(call):
    def counted(*given, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*given, **named)
    return counted
os.fsync, os.replace = killing(os.fsync), killing(os.replace)
hl.convert(sys.argv[1], sys.argv[2])
"""


def killed_at(write, runs, lake):
    done = subprocess.run([sys.executable, "-c", KILLED, runs, lake, str(write)], check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_conversion_killed_again_and_again_ends_with_the_whole_lake(
    runs_of_their_own, tmp_path, monkeypatch
):
    lake = tmp_path / "lake"
    for write in (3, 12, 41):
        killed_at(write, runs_of_their_own, lake)
        with pytest.raises(UnreadablePath, match=r"not finished.*harnlab convert"):
            hl.load(lake)
    monkeypatch.setattr(conversion.plan, "PART_BYTES", 1)
    done = hl.convert(runs_of_their_own, lake)
    assert 0 < len(done.written) < len(done.parts), "parts that were done before the kill are kept"
    assert_equals_cold(runs_of_their_own, lake)
    assert not any((lake / layout.UNFINISHED).iterdir())


def test_a_lake_whose_new_conversion_is_killed_is_the_lake_before(runs_of_their_own, tmp_path, monkeypatch):
    lake = tmp_path / "lake"
    monkeypatch.setattr(conversion.plan, "PART_BYTES", 1)
    hl.convert(runs_of_their_own, lake)
    before = hl.load(lake).summary
    for number in range(8):
        with (runs_of_their_own / f"run_{number}" / "llm_transcript.jsonl").open("ab") as log:
            log.write(b'\n{"type": "later"}\n')
    killed_at(25, runs_of_their_own, lake)
    assert hl.load(lake).summary.equals(before)
    hl.convert(runs_of_their_own, lake)
    assert_equals_cold(runs_of_their_own, lake)


@pytest.mark.parametrize("write", [1, 4, 11])
def test_a_full_disk_is_told_with_what_to_do_and_loses_nothing(write, samples, tmp_path, monkeypatch):
    left = [write]

    def filling(descriptor):
        left[0] -= 1
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", filling)
        with pytest.raises(UnreadablePath, match=r"No space left on device.*make room.*are kept") as told:
            hl.convert(samples, tmp_path / "lake")
    assert str(tmp_path / "lake") in str(told.value)
    hl.convert(samples, tmp_path / "lake")
    assert_equals_cold(samples, tmp_path / "lake")


def test_ctrl_c_keeps_the_parts_that_are_done(runs_of_their_own, tmp_path, monkeypatch):
    monkeypatch.setattr(conversion.plan, "PART_BYTES", 1)
    write, done = conversion.write_part, []

    def interrupted(job):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(write(job).part)
        return write(job)

    with monkeypatch.context() as patch:
        patch.setattr(conversion, "write_part", interrupted)
        with pytest.raises(KeyboardInterrupt):
            hl.convert(runs_of_their_own, tmp_path / "lake")
    again = hl.convert(runs_of_their_own, tmp_path / "lake")
    assert again.written == {part.part for part in again.parts} - set(done)
    assert_equals_cold(runs_of_their_own, tmp_path / "lake")


def test_workers_end_with_their_parent(runs_of_their_own, tmp_path):
    script = """
import os, sys, time
from harnlab.lake.executors import done_in_turn
from lake.jobs import process_id_then_sleep
if __name__ == "__main__":
    for pid in done_in_turn(process_id_then_sleep, [0, 60], executor=None, workers=2):
        print(pid, flush=True)
"""
    path = tmp_path / "script.py"
    path.write_text(script)
    surroundings = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    with subprocess.Popen([sys.executable, path], stdout=subprocess.PIPE, env=surroundings) as parent:
        assert int(parent.stdout.readline()) != parent.pid
        parent.kill()
        rest, _ = parent.communicate(timeout=30)  # the pipe closes when the last worker has ended
    assert rest == b""


def test_two_conversions_into_one_lake_do_not_meet(runs_of_their_own, tmp_path):
    with (
        layout.locked(tmp_path / "lake"),
        pytest.raises(InvalidArgument, match="another process is converting"),
    ):
        hl.convert(runs_of_their_own, tmp_path / "lake")
    hl.convert(runs_of_their_own, tmp_path / "lake")


def test_a_part_that_lost_a_file_is_written_again(runs_of_their_own, tmp_path):
    hl.convert(runs_of_their_own, tmp_path / "lake")
    next((tmp_path / "lake" / "calls").iterdir()).unlink()
    with pytest.raises(UnreadablePath, match=r"a part of the lake cannot be read.*convert again"):
        hl.load(tmp_path / "lake").calls  # noqa: B018
    done = hl.convert(runs_of_their_own, tmp_path / "lake")
    assert len(done.written) == 1
    assert_equals_cold(runs_of_their_own, tmp_path / "lake")
