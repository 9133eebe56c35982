"""The twenty defects of PERFORMANCE.md 1c, each in fifty lines of a transcript: what is kept, and what is told."""

import json

import pytest

import harnlab as hl

LINES, AT = 50, 24


def response(number, **members):
    record = {
        "type": "provider_call_response",
        "call_id": f"c{number}",
        "iteration": number,
        "timestamp": f"1777629600.{number:03}",
        "span_id": None,
        "model": "m",
        "provider": "p",
        "input_tokens": 10,
        "output_tokens": 1,
        "cost_usd": 0.5,
        "text": "ok",
    }
    return record | members


def line(number=AT, **members):
    return json.dumps(response(number, **members)).encode()


def raw(old, new):
    """The line in which a spelling was replaced."""
    return line().replace(old, new)


GOOD = [line(number) for number in range(LINES)]
WITHOUT_COST = {name: value for name, value in response(AT).items() if name != "cost_usd"}
#: Defect -> lines that stand in place of line 25; kinds told of them; ``calls`` kept; a value kept.
DEFECTS = {
    "bad line in the middle": ([b'{"type":"provider_call_resp'], ["bad"], 49, {}),
    "two records interleaved": ([line()[:90] + line(98) + line()[90:]], ["bad"], 49, {}),
    "invalid UTF-8 in a text": ([raw(b'"ok"', b'"\xff\xfe"')], ["drift"], 50, {"cost_usd": 0.5}),
    "blank line": ([b""], ["blank"], 49, {}),
    "an array": ([b"[1,2]"], ["bad"], 49, {}),
    "a number": ([b"42"], ["bad"], 49, {}),
    "5333.0 for an integer": ([line(input_tokens=5333.0)], ["drift"], 50, {"input_tokens": 5333}),
    "5333.5 for an integer": ([line(input_tokens=5333.5)], ["drift"], 50, {"input_tokens": None}),
    "a text for an integer": ([line(input_tokens="5333")], ["drift"], 50, {"input_tokens": 5333}),
    "an unsigned 64-bit integer": ([line(input_tokens=2**64 - 1)], ["drift"], 50, {"input_tokens": None}),
    "NaN": ([raw(b'"ok"', b"NaN")], ["drift"], 50, {"cost_usd": 0.5}),
    "a lone surrogate": ([raw(b'"m"', b'"\\ud800"')], ["drift"], 50, {"model": "\ufffd"}),
    "a null for a nested record": ([line(structural_experiment=None)], [], 50, {"cost_usd": 0.5}),
    "a missing member": ([json.dumps(WITHOUT_COST).encode()], [], 50, {"cost_usd": None}),
    "a member nobody knows": ([line(new_member={"a": 1})], [], 50, {"extra": '{"new_member":{"a": 1}}'}),
    "a type nobody knows": ([line(type="a_new_type")], [], 49, {}),
    "an integer for a cost": ([line(cost_usd=0)], [], 50, {"cost_usd": 0.0}),
    "a line of Windows": ([line() + b"\r"], [], 50, {"cost_usd": 0.5}),
    "a member given twice": ([raw(b'"m"', b'"x", "model": "y"')], ["duplicate_key"], 50, {"model": "y"}),
}


def whole(lines):
    return b"".join(one + b"\n" for one in lines)


def files():
    """Content of each defective file."""
    found = {name: whole([*GOOD[:AT], *bad, *GOOD[AT + 1 :]]) for name, (bad, *_) in DEFECTS.items()}
    found["torn last line"] = whole(GOOD)[:-30]
    found["a byte order mark"] = b"\xef\xbb\xbf" + whole(GOOD)
    found["an empty file"] = b""
    return found


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("defects")
    for name, content in files().items():
        (folder / name).mkdir()
        (folder / name / "llm_transcript.jsonl").write_bytes(content)
    return hl.load(folder)


def of(frame, name):
    return frame.filter(frame["source_path"].str.contains(f"/{name}/", literal=True))


def test_all_twenty_are_here_and_more():
    assert len(files()) >= 20


@pytest.mark.parametrize("name", DEFECTS)
def test_the_rest_is_kept_and_the_defect_is_told_with_its_place(runs, name):
    (bad,), kinds, calls, kept = DEFECTS[name]
    told = of(runs.problems, name)
    assert told["kind"].to_list() == kinds
    lost = sum(kind in {"bad", "blank"} for kind in kinds)
    assert of(runs.events, name).height == LINES - lost
    assert of(runs.calls, name).height == calls
    for row in told.to_dicts():
        assert row["source_line"] == AT + 1
        assert row["source_offset"] == len(whole(GOOD[:AT]))
        assert row["length"] == len(bad.removesuffix(b"\r"))
        assert row["reason"]
        assert runs.text(row) == bad.decode("utf-8", "replace")
    if kept:
        (call,) = of(runs.calls, name).filter(source_line=AT + 1).to_dicts()
        assert {member: call[member] for member in kept} == kept


def test_a_raw_value_that_no_column_holds_is_told(runs):
    reasons = [of(runs.problems, f"{value} for an integer")["reason"][0] for value in ("5333.5", "5333.0")]
    assert "5333.5" in reasons[0]
    assert "read as 5333" in reasons[1]
    assert str(2**64 - 1) in of(runs.problems, "an unsigned 64-bit integer")["reason"][0]


def test_a_torn_last_line_is_told_with_its_place(runs):
    (row,) = of(runs.problems, "torn last line").to_dicts()
    assert (row["kind"], row["source_line"], row["source_offset"]) == ("torn", LINES, len(whole(GOOD[:-1])))
    assert of(runs.events, "torn last line").height == LINES - 1


def test_a_byte_order_mark_is_nothing(runs):
    assert of(runs.problems, "a byte order mark").is_empty()
    assert of(runs.calls, "a byte order mark").height == LINES
    assert runs.record(of(runs.events, "a byte order mark").head(1))["call_id"] == "c0"


def test_an_empty_file_is_nothing(runs):
    assert of(runs.events, "an empty file").height == of(runs.problems, "an empty file").height == 0
