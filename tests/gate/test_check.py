"""The gate: rules against runs and a baseline, and the line that broke a rule."""

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import harnlab as hl
from analysis.frame_stand_in import StandIn, call, dispatch, inside
from harnlab.errors import InvalidArgument, MalformedRecord, UnreadablePath
from harnlab.gate import baseline_of, blocking, check, exit_code, parse_rules, read_baseline, write_baseline
from harnlab.gate.baseline import baseline_text
from harnlab.gate.outputs import to_markdown

REGRESSION = Path(__file__).parents[2] / "sample_transcripts" / "regression"
RULES = REGRESSION / "rules.toml"


def rules(**members):
    """One rule, its tolerance as a table."""
    tolerance = members.pop("tolerance", None)
    lines = [f"{name} = {json.dumps(value)}" for name, value in members.items()]
    if tolerance is not None:
        lines.append(f"tolerance = {{ {', '.join(f'{n} = {v}' for n, v in tolerance.items())} }}")
    return parse_rules("\n".join(["[[rule]]", *lines]))


def one(runs, baseline=None, **members):
    """Finding of one rule that gives one."""
    found = check(runs, rules=rules(**members), baseline=baseline)
    assert found.height == 1
    return found.row(0, named=True)


def costs(*per_call, run="run-1"):
    return [call(f"{run}-{n}", cost, run_id=run) for n, cost in enumerate(per_call)]


@pytest.fixture(scope="module")
def sides():
    return {side: hl.load(REGRESSION / side) for side in ("baseline", "candidate")}


@pytest.fixture(scope="module")
def candidate(sides):
    return check(sides["candidate"], rules=RULES, baseline=sides["baseline"])


def test_the_baseline_passes_against_itself(sides):
    found = check(sides["baseline"], rules=RULES, baseline=sides["baseline"])
    assert found["verdict"].unique().to_list() == ["pass"]
    assert exit_code(found) == 0


def test_each_planted_regression_is_named_and_nothing_else(candidate):
    failed = candidate.filter(pl.col("verdict") != "pass")
    assert failed.select("measure", "scope", "observed", "verdict").rows() == [
        ("cost_per_run", "step=verify", 0.0126, "fail"),
        ("inherited_share", "everything", 600 / 35, "fail"),
        ("dead_lane_share", "everything", 100 / 35, "fail"),
        ("omitted_skills", "everything", 4.0, "fail"),
        ("unknown_words", "everything", 1.0, "fail"),
    ]
    assert exit_code(candidate) == 1
    assert blocking(candidate).height == 5


def test_the_numbers_are_those_a_person_derived_from_the_logs(candidate):
    expected = json.loads((REGRESSION / "expected.json").read_text("utf-8"))
    before, after = (expected["sides"][side] for side in ("baseline", "candidate"))
    by = {(row["measure"], row["scope"]): row for row in candidate.to_dicts()}
    verify = by["cost_per_run", "step=verify"]
    assert verify["observed"] == float(after["cost_by_step"]["verify"]) / 3
    assert verify["baseline"] == float(before["cost_by_step"]["verify"]) / 4
    assert by["omitted_skills", "everything"]["observed"] == after["omitted_cards"]
    assert by["dead_lane_share", "everything"]["observed"] == 100 * after["dead_lanes"] / after["dispatches"]
    (word,) = after["unknown_outcomes"]
    assert f"new: dispatches.outcome_kind={word}" in by["unknown_words", "everything"]["because"]


def test_each_finding_leads_to_a_log_line_that_shows_it(sides, candidate):
    culprit = {row["measure"]: sides["candidate"].record(row) for row in blocking(candidate).to_dicts()}
    assert culprit["cost_per_run"]["cost_usd"] > 0
    assert culprit["inherited_share"]["provenance"]["provider"] == "inherited_from_primary"
    assert culprit["dead_lane_share"]["outcome_kind"] == "empty_completion_terminal"
    assert culprit["omitted_skills"]["omitted"] == ["test-writer"]
    assert culprit["unknown_words"]["outcome_kind"] == "lane_quarantined"


def test_a_baseline_kept_as_a_file_says_what_the_runs_say(sides, candidate, tmp_path):
    read = hl.gate.read_rules(RULES)
    path = write_baseline(baseline_of(sides["baseline"], read), tmp_path / "new" / "baseline.json")
    assert check(sides["candidate"], rules=read, baseline=path).equals(candidate)
    assert read_baseline(path) == baseline_of(sides["baseline"], read)
    assert baseline_text(read_baseline(path)) == path.read_text("utf-8")


def test_a_baseline_kept_as_parquet_is_a_table_and_says_the_same(sides, candidate, tmp_path):
    read = hl.gate.read_rules(RULES)
    kept = baseline_of(sides["baseline"], read)
    path = write_baseline(kept, tmp_path / "baseline.parquet")
    assert read_baseline(path) == kept
    assert check(sides["candidate"], rules=read, baseline=path).equals(candidate)
    table = pl.read_parquet(path)
    verify = table.row(by_predicate=pl.col("step") == "verify", named=True)
    assert table.height == len(kept.measures)
    assert (verify["measure"], verify["units"], round(verify["total"], 6)) == ("cost_per_run", 4, 0.027)


def test_paths_do_as_well_as_runs_and_the_rules_name_their_own_baseline(candidate):
    found = check(str(REGRESSION / "candidate"), rules=RULES)
    assert found.drop("source_path").equals(candidate.drop("source_path"))


def test_the_larger_of_both_tolerances_counts():
    base, runs = StandIn(calls=costs(1.0)), StandIn(calls=costs(1.2))
    both = {"measure": "cost_per_run", "baseline": base}
    assert one(runs, **both, tolerance={"absolute": 0.2, "relative_pct": 1})["verdict"] == "pass"
    assert one(runs, **both, tolerance={"absolute": 0.01, "relative_pct": 20})["verdict"] == "pass"
    found = one(runs, **both, tolerance={"absolute": 0.19, "relative_pct": 19})
    assert (found["verdict"], found["baseline"], found["tolerance"], found["allowed"]) == (
        "fail",
        1.0,
        0.19,
        1.19,
    )


def test_a_limit_holds_whatever_the_baseline_says():
    base, runs = StandIn(calls=costs(1.0)), StandIn(calls=costs(1.0))
    found = one(runs, base, measure="cost_per_run", limit=0.9, tolerance={"absolute": 5})
    assert (found["verdict"], found["allowed"]) == ("fail", 0.9)


def test_exactly_what_is_allowed_passes():
    runs = StandIn(calls=costs(0.1, 0.2))
    assert one(runs, measure="cost_per_run", limit=0.3)["verdict"] == "pass"


def test_the_call_that_takes_a_run_over_is_the_culprit():
    runs = StandIn(calls=[*costs(0.1, run="run-0"), *costs(0.5, 0.4, 0.3, run="run-2")])
    found = one(runs, measure="cost_per_run", statistic="max", limit=0.8)
    assert (found["observed"], found["run_id"], found["source_line"]) == (1.2, "run-2", 3)
    total = one(runs, measure="cost_per_run", statistic="total", limit=0.55)
    assert (total["observed"], total["source_line"]) == (1.3, 2)


def test_each_step_is_held_against_its_own_baseline():
    def runs(plan, verify):
        steps = [inside("a", "plan", 1, 0), inside("b", "verify", 2, 0)]
        return StandIn(calls=[call("a", plan), call("b", verify)], step_calls=steps)

    given = rules(measure="cost_per_run", step="*", tolerance={"absolute": 0})
    found = check(runs(0.1, 0.3), rules=given, baseline=runs(0.2, 0.2))
    assert found.select("scope", "verdict").rows() == [("step=plan", "pass"), ("step=verify", "fail")]


def test_a_step_that_is_new_or_gone_is_not_decided():
    def runs(*steps):
        calls = [call(step, 0.1) for step in steps]
        return StandIn(calls=calls, step_calls=[inside(s, s, n, 0) for n, s in enumerate(steps)])

    given = rules(measure="cost_per_run", step="*", tolerance={"absolute": 0})
    found = check(runs("plan", "new"), rules=given, baseline=runs("plan", "gone"))
    told = {row["scope"]: (row["verdict"], row["blocking"], row["because"]) for row in found.to_dicts()}
    assert told["step=plan"][:2] == ("pass", False)
    assert told["step=new"][:2] == ("insufficient", True)
    assert "the baseline has nothing to compare it with" in told["step=new"][2]
    assert told["step=gone"][:2] == ("insufficient", True)
    assert "no record to decide from; the baseline measured 1 there" in told["step=gone"][2]


def test_calls_of_unknown_price_cannot_pass_but_may_fail():
    runs = StandIn(calls=[*costs(0.5), call("dark")])
    found = one(runs, measure="cost_per_run", limit=1)
    assert (found["verdict"], found["blocking"], found["source_line"]) == ("insufficient", True, 2)
    assert "as far as known: 1 without an answer" in found["because"]
    assert one(runs, measure="cost_per_run", limit=0.4)["verdict"] == "fail"
    assert not one(runs, measure="cost_per_run", limit=1, allow_insufficient=True)["blocking"]


@pytest.mark.parametrize("measure", list(hl.gate.MeasureName))
def test_nothing_recorded_is_not_taken_for_nothing_wrong(measure):
    found = one(StandIn(), measure=measure.value, limit=0)
    assert (found["verdict"], found["observed"], found["blocking"]) == ("insufficient", None, True)


def test_shares_are_of_all_dispatches_or_of_each_run():
    runs = StandIn(
        dispatches=[
            *(dispatch(f"a{n}", n, origins="oooop") for n in range(3)),
            dispatch("a3", 3, origins="iooop"),
            dispatch("b0", 4, origins="iooop", run_id="run-2"),
        ]
    )
    shares = {
        statistic: one(runs, measure="inherited_share", statistic=statistic, limit=100)["observed"]
        for statistic in ("total", "mean", "max")
    }
    assert shares == {"total": 40.0, "mean": 62.5, "max": 100.0}
    found = one(runs, measure="inherited_share", limit=0)
    assert (found["run_id"], found["source_line"]) == ("run-1", 4)


def test_a_flake_that_recovered_is_no_dead_lane():
    kinds = ["served", "empty_completion_transient_recovered", "empty_completion_terminal", "served"]
    runs = StandIn(dispatches=[dispatch(f"c{n}", n, kind=kind) for n, kind in enumerate(kinds)])
    found = one(runs, measure="dead_lane_share", limit=0)
    assert (found["observed"], found["source_line"]) == (25.0, 3)


def test_steps_are_measured_one_by_one_as_the_runtime_charged_them():
    runs = StandIn(
        steps=[
            {"step": "verify", "cost_usd": 0.1, "model": "m"},
            {"step": "verify", "cost_usd": 0.4, "model": "m"},
            {"step": "plan", "cost_usd": 9.0, "model": "m"},
        ]
    )
    found = one(runs, measure="cost_per_step", step="verify", limit=0.2)
    assert (found["observed"], found["source_line"], found["verdict"]) == (0.25, 2, "fail")
    assert "on average over 2 steps" in found["because"]


def test_a_denial_several_records_tell_of_counts_once():
    denied = {"decision": "denied", "agent_key": "triage"}
    runs = StandIn(
        autonomy_checks=[
            {"decision": "admitted", "agent_key": "triage"},
            {**denied, "request_id": "r1"},
            {**denied, "request_id": "r1"},
            {**denied, "request_id": "r2"},
        ]
    )
    found = one(runs, measure="denials", limit=1)
    assert (found["observed"], found["source_line"]) == (2.0, 4)


def test_a_skill_that_is_left_out_is_named():
    cards = [{"turn": 0, "position": n, "name": f"skill-{n}", "selected": n != 1} for n in range(3)]
    runs = StandIn(runs=[{"persona": "captain"}], skill_cards=cards)
    found = one(runs, measure="omitted_skills", persona="captain", limit=0)
    assert (found["observed"], found["source_line"]) == (1.0, 2)
    assert "skill `skill-1`" in found["because"]


def test_a_word_the_baseline_has_seen_is_not_new():
    def said(*words):
        return StandIn(dispatches=[dispatch(f"c{n}", n, kind=word) for n, word in enumerate(words)])

    new = {"measure": "unknown_words", "tolerance": {"absolute": 0}}
    assert one(said("served", "odd"), said("odd"), **new)["verdict"] == "pass"
    found = one(said("odd", "odder", "odder"), said("odd"), **new)
    assert (found["verdict"], found["observed"], found["source_line"]) == ("fail", 1.0, 2)
    assert found["because"].endswith("new: dispatches.outcome_kind=odder")


def test_a_decision_that_comes_out_otherwise_is_a_finding_and_an_undecided_one_is_not(sides):
    def with_outcomes(kind):
        first = pl.int_range(pl.len()) == 0
        changed = {name: sides["baseline"].frame(name) for name in hl.frames.SCHEMAS}
        outcome = pl.when(first).then(pl.lit(kind)).otherwise("outcome_kind")
        changed["dispatches"] = changed["dispatches"].with_columns(outcome_kind=outcome)
        return hl.Runs(changed, sides["baseline"].sources)

    assert one(sides["baseline"], measure="parity_mismatches", limit=0)["verdict"] == "pass"
    found = one(with_outcomes("usage_limit"), measure="parity_mismatches", limit=0)
    assert (found["verdict"], found["observed"]) == ("fail", 1.0)
    assert found["source_line"] == sides["baseline"].dispatches["source_line"][0]
    assert one(sides["candidate"], measure="parity_mismatches", limit=0)["verdict"] == "pass"


def test_what_a_log_says_cannot_break_the_sentence_it_is_told_in():
    runs = StandIn(dispatches=[dispatch("c", kind="\x1b[2Jodd\n\u202eword")])
    assert "outcome_kind= [2Jodd word" in one(runs, measure="unknown_words", limit=0)["because"]


def test_a_tolerance_without_a_baseline_is_wrong_usage():
    with pytest.raises(InvalidArgument, match=r"no baseline to compare with.*--update-baseline"):
        one(StandIn(), measure="denials", tolerance={"absolute": 0})


def test_a_baseline_that_is_missing_or_none_is_told(tmp_path):
    with pytest.raises(UnreadablePath, match="--update-baseline"):
        read_baseline(tmp_path / "none.json")
    for content in (b"{", b"[]", b'{"schema": "harnlab.baseline.v2"}', b"\xff"):
        (tmp_path / "baseline.json").write_bytes(content)
        with pytest.raises(MalformedRecord, match="not a baseline"):
            read_baseline(tmp_path / "baseline.json")


def test_a_parquet_file_that_is_missing_or_no_baseline_is_told(tmp_path):
    path = tmp_path / "baseline.parquet"
    with pytest.raises(UnreadablePath, match="--update-baseline"):
        read_baseline(path)
    path.write_bytes(b"PAR1 torn")
    with pytest.raises(MalformedRecord, match=r"not a baseline.*Parquet with the schema"):
        read_baseline(path)
    about = {"schema": "harnlab.baseline.v1", "runs": "[]", "unknown_words": "[]"}
    row = {"measure": ["denials"], "persona": [None], "step": [None], "model": [None], "mean": [1.0]}
    for frame, metadata in (
        (pl.DataFrame({"a": [1]}), {}),
        (pl.DataFrame({"a": [1]}), about),
        (pl.DataFrame(row), about),
        (pl.DataFrame(row).clear(), about | {"schema": "harnlab.baseline.v2"}),
        (pl.DataFrame(row).clear(), about | {"runs": "{"}),
    ):
        frame.write_parquet(path, metadata=metadata)
        with pytest.raises(MalformedRecord, match="not a baseline"):
            read_baseline(path)


def test_a_baseline_is_the_same_text_whatever_the_order_of_the_runs(sides):
    read = hl.gate.read_rules(RULES)
    shuffled = hl.Runs(
        {name: sides["baseline"].frame(name).reverse() for name in hl.frames.SCHEMAS},
        sides["baseline"].sources,
    )
    texts = {baseline_text(baseline_of(runs, read)) for runs in (sides["baseline"], shuffled)}
    assert len(texts) == 1


def test_a_table_for_a_pull_request_rounds_as_its_sentences_do():
    found = check(REGRESSION / "candidate", rules=RULES, baseline=REGRESSION / "baseline")
    cells = [line.split(" | ") for line in to_markdown(found).splitlines() if line.startswith("| ")]
    observed = [row[2] for row in cells[1:]]
    assert observed == ["≈0.000136", "0.001785", "≈0.084142", "0.0126", "≈17.14", "≈2.86", "4", "1"]


few = settings(max_examples=40, deadline=None)
amounts = st.lists(st.floats(0, 10, allow_subnormal=False), min_size=1, max_size=6)
statistics = st.sampled_from(["mean", "max", "total"])


@few
@given(amounts, statistics)
def test_any_runs_pass_against_themselves_with_no_tolerance_at_all(per_run, statistic):
    runs = StandIn(calls=[one for n, cost in enumerate(per_run) for one in costs(cost, run=f"run-{n}")])
    zero = {"absolute": 0}
    assert one(runs, runs, measure="cost_per_run", statistic=statistic, tolerance=zero)["verdict"] == "pass"


@few
@given(amounts, statistics, st.floats(0, 10, allow_subnormal=False))
def test_a_failure_always_has_a_culprit_and_a_pass_none(per_run, statistic, limit):
    runs = StandIn(calls=[one for n, cost in enumerate(per_run) for one in costs(cost, run=f"run-{n}")])
    found = one(runs, measure="cost_per_run", statistic=statistic, limit=limit)
    assert (found["verdict"] == "fail") == (found["observed"] > limit) == (found["source_line"] is not None)
