import polars as pl

from harnlab.frames import PROBLEMS
from harnlab.replay.verdict import judged, with_damage

FIELDS = ("a", "b")


def row(**more):
    told = {"recorded_a": 1, "replayed_a": 1, "recorded_b": "x", "replayed_b": "x", "no_b": None}
    return told | {"evidence": "line 7", "source_path": "log", "source_line": 8} | more


def verdict(*, problems=(), **more):
    rows = pl.DataFrame([row(**more)], schema_overrides={"no_b": pl.String, "replayed_b": pl.String})
    rows = with_damage(rows, PROBLEMS.build(problems), {"source_line": "source_path"})
    told = judged(rows, FIELDS, undecided={"b": "no_b"}).row(0, named=True)
    return told["verdict"], told["field"], told["because"]


def test_equal_answers_match_and_name_what_they_were_decided_from():
    assert verdict() == ("match", None, "decided the same from line 7")


def test_two_nulls_are_equal_and_a_null_differs_from_a_value():
    assert verdict(recorded_b=None, replayed_b=None)[0] == "match"
    assert verdict(replayed_b=None)[:2] == ("mismatch", "b")


def test_the_first_field_that_differs_is_named_with_both_answers():
    assert verdict(replayed_a=2, replayed_b="y") == (
        "mismatch",
        "a",
        "`a` is recorded as 1 but decided again as 2, from line 7",
    )


def test_a_field_that_cannot_be_decided_never_differs():
    assert verdict(replayed_b="y", no_b="nobody said") == (
        "insufficient",
        "b",
        "`b` cannot be decided: nobody said",
    )


def test_a_difference_counts_before_what_cannot_be_decided():
    assert verdict(replayed_a=2, no_b="nobody said")[:2] == ("mismatch", "a")


def test_a_difference_on_a_line_whose_bytes_are_damaged_proves_nothing():
    broken = {"source_path": "log", "source_line": 8, "kind": "drift", "reason": "byte 0xff is not UTF-8"}
    assert verdict(replayed_a=2, problems=[broken]) == (
        "insufficient",
        "a",
        "`a` is recorded as 1 but decided again as 2, from line 7; but line 8 is damaged (byte 0xff is not UTF-8)",
    )
    assert verdict(problems=[broken])[0] == "match"
    assert verdict(replayed_a=2, problems=[broken | {"source_line": 9}])[0] == "mismatch"
    assert verdict(replayed_a=2, problems=[broken | {"field": "shown"}])[0] == "mismatch"


def test_working_columns_do_not_stay():
    rows = judged(
        pl.DataFrame([row()], schema_overrides={"no_b": pl.String}), FIELDS, undecided={"b": "no_b"}
    )
    assert set(rows.columns) == {
        *("recorded_a", "replayed_a", "recorded_b", "replayed_b", "source_path", "source_line"),
        *("verdict", "field", "because"),
    }
