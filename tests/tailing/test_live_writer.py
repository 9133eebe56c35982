"""One process appends while another tails and loads: every event once, in order."""

import random
import signal
import subprocess
import sys
import time

import pytest

import harnlab as hl

WRITER = r"""
import json, os, random, sqlite3, sys, time
folder, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
chance = random.Random(seed)
topics = os.path.join(folder, "files/.harn/events/topics"); os.makedirs(topics, exist_ok=True)
rows = os.path.join(folder, "rows/.harn"); os.makedirs(rows, exist_ok=True)
path = os.path.join(topics, "live.topic.jsonl")
log = sqlite3.connect(os.path.join(rows, "events.sqlite"), isolation_level=None, timeout=30)
log.execute("PRAGMA journal_mode = WAL"); log.execute("PRAGMA synchronous = OFF")
log.execute("CREATE TABLE IF NOT EXISTS events(topic TEXT NOT NULL, event_id INTEGER NOT NULL, kind TEXT NOT NULL,"
            "payload BLOB NOT NULL, headers TEXT NOT NULL, occurred_at_ms INTEGER NOT NULL,"
            "PRIMARY KEY(topic, event_id))")
stored = log.execute("SELECT coalesce(max(event_id), 0) FROM events").fetchone()[0]
# a restarted writer ends the line that was cut, as a new line of its own
if os.path.exists(path) and os.path.getsize(path):
    with open(path, "rb+") as file:
        content = file.read()
        if not content.endswith(b"\n"):
            file.write(b"\n")
    whole = [line for line in content.split(b"\n")[:-1] if line.startswith(b'{"id"') and line.endswith(b"}")]
    written = max((json.loads(line)["id"] for line in whole), default=0)
else:
    written = 0
file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
def line_of(number):
    payload = {"call_id": f"c{number}", "text": "x" * chance.randint(0, 200)}
    event = {"kind": "k", "payload": payload, "headers": {}, "occurred_at_ms": 1777629600000 + number}
    return (json.dumps({"id": number, "event": event}, separators=(",", ":")) + "\n").encode()
print("ready", flush=True)
while stored < count or written < count:
    size = chance.randint(1, 120)
    if stored < count:
        log.execute("BEGIN IMMEDIATE")
        for number in range(stored + 1, min(stored + size, count) + 1):
            log.execute("INSERT INTO events VALUES ('live.topic', ?, 'k', ?, '{}', ?)",
                        (number, json.dumps({"call_id": f"c{number}"}).encode(), 1777629600000 + number))
        log.execute("COMMIT")
        stored = min(stored + size, count)
    if written < count:
        content = b"".join(line_of(number) for number in range(written + 1, min(written + size, count) + 1))
        cut = chance.randint(0, len(content))
        os.write(file, content[:cut]); time.sleep(chance.random() * 0.002); os.write(file, content[cut:])
        written = min(written + size, count)
log.close()
"""


def start(folder, count, seed):
    command = [sys.executable, "-c", WRITER, str(folder), str(count), str(seed)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert writer.stdout.readline() == b"ready\n"
    return writer


def numbers(rows):
    return [int(row["call_id"][1:]) for row in rows]


def logs(folder):
    return folder / "files/.harn/events/topics/live.topic.jsonl", folder / "rows/.harn/events.sqlite"


def loaded(folder):
    """What a load sees in each log at the moment; each is what had been written, from the first on."""
    seen = []
    for name, path in zip(("files", "rows"), logs(folder), strict=True):
        runs = hl.load(folder / name)
        assert runs.problems["kind"].is_in(["torn"]).all()
        events = runs.events.filter(source_path=str(path)).sort("source_line")
        assert numbers(events.to_dicts()) == list(range(1, events.height + 1))
        seen.append(events.height)
    return seen


def follow(folder, count, *, writer, restart_s):
    """Tail both logs until all is there; the tail of one log is given up and taken up again from its state."""
    chance, found, states, loads = random.Random(count), ([], []), [None, None], 0
    tails = [hl.tail(path, follow=False) for path in logs(folder)]
    deadline = time.monotonic() + 120
    while any(len(one) < count for one in found):
        assert time.monotonic() < deadline
        for which, path in enumerate(logs(folder)):
            found[which].extend(numbers(tails[which]))
            if chance.random() < restart_s:
                states[which] = tails[which].state
                tails[which].close()
                tails[which] = hl.tail(path, state=states[which], follow=False)
        if loads < 3:
            loaded(folder)
            loads += 1
    for tail in tails:
        tail.close()
    assert writer.wait(60) == 0
    return found


def every_event_once(folder, count):
    writer = start(folder, count, seed=count)
    try:
        files, rows = follow(folder, count, writer=writer, restart_s=0.2)
    finally:
        writer.kill()
        writer.stdout.close()
        writer.wait()
    assert files == list(range(1, count + 1))
    assert rows == list(range(1, count + 1))
    assert loaded(folder) == [count, count]


def test_twenty_thousand_events_are_each_given_once_and_in_order(tmp_path):
    every_event_once(tmp_path, 20_000)


@pytest.mark.nightly
def test_fifty_thousand_events_are_each_given_once_and_in_order(tmp_path):
    every_event_once(tmp_path, 50_000)


def test_a_writer_killed_again_and_again_leaves_every_event_to_be_given_once(tmp_path):
    count, found = 2_000, ([], [])
    states = [None, None]
    for round_ in range(6):
        writer = start(tmp_path, count, seed=round_)
        time.sleep(0.01 * round_)
        if round_ < 5:
            writer.send_signal(signal.SIGKILL)
        writer.wait(60)
        writer.stdout.close()
        for which, path in enumerate(logs(tmp_path)):
            if path.exists():
                with hl.tail(path, state=states[which], follow=False) as tail:
                    found[which].extend(numbers(tail))
                    states[which] = tail.state
    assert sorted(set(found[0])) == list(range(1, count + 1))
    assert found[0] == sorted(set(found[0]))
    assert found[1] == list(range(1, count + 1))
