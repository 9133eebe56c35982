"""Rules in TOML: what is read, and how a mistake is told."""

import json

import pytest
from jsonschema import Draft202012Validator

from harnlab.errors import InvalidArgument, UnreadablePath
from harnlab.gate import MeasureName, Statistic, parse_rules, read_rules, rules_schema

WHOLE = """
runs = ["runs", "../more"]
baseline = "baseline.json"

[[rule]]
name = "verify stays cheap"
measure = "cost_per_run"
persona = "captain"
step = "*"
model = "m"
statistic = "max"
limit = 0.02
tolerance = { absolute = 0.0005, relative_pct = 5 }
allow_insufficient = true

[[rule]]
measure = "denials"
limit = 3
"""


def rule(*lines):
    return "\n".join(["", "[[rule]]", *lines])


def test_every_member_is_read_back(tmp_path):
    (tmp_path / "rules.toml").write_text(WHOLE)
    rules = read_rules(tmp_path / "rules.toml")
    first, second = rules.rules
    assert rules.runs == ((tmp_path / "runs").as_posix(), (tmp_path.parent / "more").as_posix())
    assert rules.baseline == (tmp_path / "baseline.json").as_posix()
    assert rules.path == str(tmp_path / "rules.toml")
    assert (first.name, first.measure, first.statistic) == (
        "verify stays cheap",
        MeasureName.COST_PER_RUN,
        Statistic.MAX,
    )
    assert first.scope == {"persona": "captain", "step": "*", "model": "m"}
    assert (first.limit, first.tolerance.absolute, first.tolerance.relative_pct) == (0.02, 0.0005, 5)
    assert (first.allow_insufficient, second.allow_insufficient) == (True, False)
    assert (second.title, second.taken, second.tolerance) == ("denials", Statistic.TOTAL, None)


def test_a_rule_without_a_name_is_called_by_its_measure_and_scope():
    (one,) = parse_rules(
        rule('measure = "cost_per_step"', 'step = "verify"', 'model = "*"', "limit = 1")
    ).rules
    assert one.title == "cost_per_step step=verify, model=*"
    assert one.taken is Statistic.MEAN


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a =", "rules.toml: not TOML: Invalid value"),
        ("", "rules.toml: Object missing required field `rule`"),
        ("rule = []", "`rule`: Expected `array` of length >= 1"),
        ("runs = 1\nrule = []", "rules.toml: `runs`: Expected `array`, got `int`"),
        ("rules = 1\nrule = []", "unknown member `rules`; expected one of rule, runs, baseline. Try: rule"),
        (rule("limit = 1"), "rules.toml:2: Object missing required field `measure`"),
        (
            rule('measure = "price"', "limit = 1"),
            "rules.toml:2: Invalid enum value 'price'; expected one of cost_per",
        ),
        (
            rule('measure = "denials"', "limit = 1", 'statistic = "p95"'),
            "'p95'; expected one of mean, max, total",
        ),
        (rule('measure = "denials"', "limt = 1"), "rules.toml:2: unknown member `limt`;"),
        (rule('measure = "denials"', "limt = 1"), "Try: limit"),
        (rule('measure = "denials"', "limit = -1"), "rules.toml:2: `limit`: Expected `float` >= 0.0"),
        (rule('measure = "denials"', "limit = nan"), "rules.toml:2: `limit`: Expected `float` >= 0.0"),
        (rule('measure = "denials"', "limit = inf"), "allows anything; expected a finite number"),
        (rule('measure = "denials"', "limit = true"), "`limit`: Expected `float"),
        (rule('measure = "denials"', 'limit = "3"'), "`limit`: Expected `float"),
        (
            rule('measure = "denials"', "tolerance = { abs = 1 }"),
            "unknown member `abs`; expected one of absolute",
        ),
        (rule('measure = "denials"', "tolerance = { }"), "says no `limit` and no `tolerance`"),
        (rule('measure = "denials"', "limit = 1", "tolerance = { }"), "says no `limit` and no `tolerance`"),
        (
            rule('measure = "denials"'),
            "rule 'denials' says no `limit` and no `tolerance`; expected at least one",
        ),
        (rule('measure = "denials"', "limit = 1", 'step = "a"'), "`step` does not narrow denials"),
        (rule('measure = "omitted_skills"', "limit = 1", 'model = "a"'), "expected only persona"),
        (rule('measure = "denials"', "limit = 1", 'name = ""'), "`name`: Expected `str` of length >= 1"),
        (rule('measure = "unknown_words"', "limit = 1", 'statistic = "mean"'), "words are counted in total"),
        (WHOLE + rule('measure = "denials"', "limit = 4"), "rules.toml:16: two rules are called 'denials'"),
        (WHOLE + rule('measure = "price"', "limit = 4"), "rules.toml:20: Invalid enum value 'price'"),
    ],
)
def test_a_mistake_names_the_line_of_its_rule_and_what_to_write(text, told):
    with pytest.raises(InvalidArgument) as caught:
        parse_rules(text, path="rules.toml")
    assert told in str(caught.value)


def test_rules_that_are_not_there_or_not_text_are_told(tmp_path):
    with pytest.raises(UnreadablePath, match="No such file"):
        read_rules(tmp_path / "none.toml")
    with pytest.raises(UnreadablePath, match="cannot be read"):
        read_rules(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'baseline = "\xe9"')
    with pytest.raises(InvalidArgument, match="not UTF-8"):
        read_rules(tmp_path / "latin.toml")


def test_a_byte_order_mark_is_no_part_of_the_rules(tmp_path):
    (tmp_path / "rules.toml").write_text(WHOLE, encoding="utf-8-sig")
    assert len(read_rules(tmp_path / "rules.toml").rules) == 2


def test_the_json_schema_admits_what_is_read_and_refuses_what_is_not():
    schema = rules_schema()
    Draft202012Validator.check_schema(schema)
    json.dumps(schema)
    admits = Draft202012Validator(schema).is_valid
    assert admits({"rule": [{"measure": "denials", "limit": 1}], "runs": ["x"], "baseline": "b.json"})
    assert not admits({"rule": []})
    assert not admits({"rule": [{"measure": "denials", "limt": 1}]})
    assert not admits({"rule": [{"measure": "price", "limit": 1}]})
    assert not admits({"rule": [{"measure": "denials", "limit": -1}]})
    assert not admits({"rule": [{"measure": "denials", "limit": 1}], "path": "x"})
    assert set(schema["$defs"]["MeasureName"]["enum"]) == set(MeasureName)


def test_rules_that_are_neither_a_path_nor_rules_are_refused():
    with pytest.raises(InvalidArgument, match="expected a path or rules already read"):
        read_rules({"rule": []})
