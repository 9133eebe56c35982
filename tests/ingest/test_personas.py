"""Step definitions from JSON, TOML and plain mappings, with limits as the runtime reads them."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.steps.definition import read_step_definition
from harnlab.errors import InvalidArgument
from harnlab.frames import STEP_DEFINITIONS
from harnlab.ingest.personas import max_tokens, max_usd, read, step_definitions
from harnlab.ingest.sources import SourceKind
from ingest.document_files import kinds, pointed_at, rows, written

STEP = {
    "name": "verify",
    "function": "verify_area",
    "model": "glm-5",
    "approval": "required",
    "receipt": "always",
    "error_boundary": "continue",
    "retry": {"max_attempts": 3},
    "budget": {"max_tokens": 80000, "max_usd": 0.25},
    "line": 97,
    "owner": "qa",
}
PERSONA = {"name": "captain", "autonomy_tier": "act_auto", "steps": [STEP]}
EXPECTED = {
    "persona": "captain",
    "function": "verify_area",
    "name": "verify",
    "model": "glm-5",
    "error_boundary": "continue",
    "max_tokens": 80000,
    "max_usd": 0.25,
    "approval": "required",
    "receipt": "always",
    "retry_max_attempts": 3,
    "declared_line": 97,
    "extra": '{"owner":"qa"}',
}
MANIFEST = b"""# the release team
[package]
name = "harbor"

[[personas]]
name = "captain"

[[personas.steps]]
name = "verify"
function = "verify_area"
model = "glm-5"
approval = "required"
receipt = "always"
error_boundary = "continue"
line = 97
owner = "qa"

  [personas.steps.retry]
  max_attempts = 3

[personas.steps.budget]   # in a table of its own
max_tokens = 80_000
max_usd = 0.25

[[ personas . steps ]]
function = "sign_off"
areas = [
  ["a"],
]

[[personas]]
name = "scout"
steps = []
"""


def part(tmp_path, content, name="persona.json"):
    return read(written(tmp_path / name, content, SourceKind.PERSONA))


def definition(tmp_path, step):
    (row,) = rows(part(tmp_path, {"name": "p", "steps": [{"function": "f", **step}]}), "step_definitions")
    return row


@pytest.mark.parametrize("content", [PERSONA, [PERSONA], {"personas": [PERSONA]}])
def test_every_column_is_read_back_with_its_own_value(tmp_path, content):
    source = written(tmp_path / "persona.json", content, SourceKind.PERSONA)
    read_part = read(source)
    (row,) = rows(read_part, "step_definitions")
    assert pointed_at(source, row) == (STEP, row["source_line"])
    assert row | EXPECTED == row
    assert row.keys() - EXPECTED.keys() == {
        "run_id",
        "source_path",
        "source_line",
        "source_offset",
        "length",
    }
    assert (row["run_id"], row["source_path"]) == ("folder", "shown/persona.json")
    (event,) = rows(read_part, "events")
    assert (event["source_kind"], event["type"]) == ("persona", None)
    assert read_part.problems == []


def test_a_manifest_gives_every_step_at_its_header(tmp_path):
    read_part = part(tmp_path, MANIFEST, name="harn.toml")
    first, second = rows(read_part, "step_definitions")
    assert first | EXPECTED == first
    assert (second["persona"], second["function"], second["name"]) == ("captain", "sign_off", "sign_off")
    tables = [MANIFEST[row["source_offset"] :][: row["length"]] for row in (first, second)]
    assert tables[0].startswith(b'[[personas.steps]]\nname = "verify"')
    assert tables[0].endswith(b"max_usd = 0.25")
    assert tables[1] == b'[[ personas . steps ]]\nfunction = "sign_off"\nareas = [\n  ["a"],\n]'
    assert [row["source_line"] for row in (first, second)] == [8, 25]
    (event,) = rows(read_part, "events")
    assert (event["source_line"], event["source_offset"], event["length"]) == (1, 0, len(MANIFEST))
    assert read_part.problems == []


@pytest.mark.parametrize(
    "content",
    [
        b'personas = [{name = "p", steps = [{function = "f", name = "g"}]}]',
        b'[[personas]]\nname = "p"\nsteps = [{function = "f", name = "g"}]',
        b'[personas.first]\nname = "p"\nsteps = [{function = "f", name = "g"}]',
    ],
)
def test_steps_without_a_header_of_their_own_stand_at_the_manifest(tmp_path, content):
    (row,) = rows(part(tmp_path, content, name="harn.toml"), "step_definitions")
    assert (row["persona"], row["function"], row["name"]) == ("p", "f", "g")
    assert (row["source_line"], row["source_offset"], row["length"]) == (1, 0, len(content))


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b'[[personas]]\nname = "p\n', "bad"),
        (b"x = " + b"[" * 100_000, "bad"),
        (b"personas = 5", "drift"),
        (b"personas = [5]", "drift"),
        (b'[[personas]]\nname = "p"\nsteps = [5]', "drift"),
        (b'[[personas]]\nname = "p\xff"', "drift"),
        (b"", "drift"),
    ],
)
def test_a_damaged_manifest_is_a_problem(tmp_path, content, kind):
    read_part = part(tmp_path, content, name="harn.toml")
    assert kinds(read_part.problems) == [kind]
    assert rows(read_part, "step_definitions") == []
    assert len(rows(read_part, "events")) == (kind == "drift")


def test_a_manifest_that_does_not_parse_names_the_line(tmp_path):
    (problem,) = part(tmp_path, b'[[personas]]\nname = "p\n', name="harn.toml").problems
    assert problem.line == 2
    assert problem.reason.startswith("not TOML (")


def test_a_plain_mapping_of_functions_is_a_set_of_definitions(tmp_path):
    given_steps = {
        "verify_area": {"model": "", "budget": {"max_usd": 1}},
        "sign": {"name": "s", "budget": {}},
    }
    source = written(tmp_path / "limits.json", given_steps, SourceKind.PERSONA)
    first, second = rows(read(source), "step_definitions")
    assert (first["function"], first["name"], first["model"], first["max_usd"]) == (
        "verify_area",
        "verify_area",
        None,
        1.0,
    )
    assert (second["function"], second["name"], second["persona"]) == ("sign", "s", None)
    assert pointed_at(source, second)[0] == given_steps["sign"]


def test_an_analysts_mapping_gives_the_same_definitions():
    frame = step_definitions({"verify_area": STEP, "sign": {}}, persona="captain")
    assert dict(frame.schema) == STEP_DEFINITIONS.dtypes
    first, second = frame.rows(named=True)
    assert first | EXPECTED == first
    assert (second["function"], second["name"], second["persona"]) == ("sign", "sign", "captain")
    assert first["source_path"] == "(given)"
    assert first["source_line"] is None


def test_an_analysts_mapping_of_something_else_says_what_it_should_be():
    with pytest.raises(InvalidArgument, match=r"definition of 'verify' is a int.*expected a mapping"):
        step_definitions({"verify": 5})


@pytest.mark.parametrize(
    ("budget", "tokens", "usd"),
    [
        ({"max_tokens": 0.5}, 0, None),
        ({"max_tokens": 99.9, "max_usd": 2}, 99, 2.0),
        ({"max_tokens": 0, "max_usd": 0}, None, 0.0),
        ({"max_tokens": -1, "max_usd": -0.1}, None, None),
        ({"max_tokens": "5", "max_usd": "5"}, None, None),
        ({"max_tokens": True, "max_usd": True}, None, None),
        ({"max_tokens": math.nan, "max_usd": math.inf}, None, None),
        ({"max_tokens": 10**400, "max_usd": 10**400}, 2**63 - 1, float(2**63 - 1)),
        ([1], None, None),
    ],
)
def test_limits_are_read_as_the_runtime_reads_them_and_odd_ones_stay_as_written(
    tmp_path, budget, tokens, usd
):
    row = definition(tmp_path, {"budget": budget})
    assert (row["max_tokens"], row["max_usd"]) == (tokens, usd)
    kept = row["extra"] and json.loads(row["extra"])["budget"]
    plain = isinstance(budget, dict) and budget.keys() <= {"max_usd"} and budget.get("max_usd") == usd
    assert repr(kept) == repr(None if plain else budget)


def test_a_plain_budget_leaves_nothing_in_extra_and_an_unknown_limit_stays_there(tmp_path):
    assert definition(tmp_path, {"budget": {"max_tokens": 5, "max_usd": None}})["extra"] is None
    row = definition(tmp_path, {"budget": {"max_tokens": 5, "max_calls": 2}})
    assert json.loads(row["extra"]) == {"budget": {"max_tokens": 5, "max_calls": 2}}
    assert row["max_tokens"] == 5


limits = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**62), 2**62), st.floats(-1e15, 1e15), st.floats(), st.text()
)


@given(limits, limits)
def test_limits_are_the_ones_the_core_decides_with(tokens, usd):
    decided = read_step_definition("f", {"budget": {"max_tokens": tokens, "max_usd": usd}})
    assert max_usd(usd) == decided.max_usd
    assert max_tokens(tokens) == (None if decided.max_tokens is None else min(decided.max_tokens, 2**63 - 1))


def test_an_unknown_boundary_stays_and_what_is_no_text_counts_as_not_declared(tmp_path):
    row = definition(tmp_path, {"error_boundary": "panic", "name": 5, "model": ""})
    assert (row["error_boundary"], row["name"], row["model"]) == ("panic", "f", None)


@pytest.mark.parametrize(
    "content", [{}, {"f": 5}, {"personas": 5}, {"name": "p", "steps": 5}, {"steps": [5]}]
)
def test_the_wrong_shape_is_an_event_and_a_problem(tmp_path, content):
    read_part = part(tmp_path, content)
    assert len(rows(read_part, "events")) == 1
    assert rows(read_part, "step_definitions") == []
    assert kinds(read_part.problems) == ["drift"]


def test_a_persona_cut_short_keeps_the_steps_before_the_cut(tmp_path):
    content = json.dumps({"name": "p", "steps": [STEP, STEP]}, indent=1).encode()
    read_part = part(tmp_path, content[:-60])
    assert [row["persona"] for row in rows(read_part, "step_definitions")] == ["p"]
    assert kinds(read_part.problems) == ["bad"]
