import json

from harnlab.frames import STEPS
from harnlab.ingest.finished_steps import TOLD_OTHERWISE, one_row_per_step


def row(source, **more):
    told = {"run_id": "r", "seq": 0, "step": "verify", "source_kind": source, "source_path": source}
    return told | {"cost_usd": 0.25, "status": "completed"} | more


def test_where_sources_contradict_each_other_the_others_keep_their_values_and_places_in_extra():
    rows = [row("span"), row("completed_steps", source_line=3, cost_usd=0.5), row("receipt")]
    (merged,) = one_row_per_step(STEPS.build(rows)).rows(named=True)
    assert merged["cost_usd"] == 0.25
    log, receipt = json.loads(merged["extra"])[TOLD_OTHERWISE]
    assert (log["source_path"], log["source_line"], log["cost_usd"]) == ("completed_steps", 3, 0.5)
    assert (receipt["source_path"], receipt["cost_usd"]) == ("receipt", 0.25)


def test_sources_that_agree_leave_no_extra_and_one_that_is_silent_does_not_disagree():
    rows = [row("span"), row("receipt", cost_usd=None, error=None)]
    (merged,) = one_row_per_step(STEPS.build(rows)).rows(named=True)
    assert merged["extra"] is None


def test_other_members_of_extra_stay_beside_what_is_said_otherwise():
    rows = [row("span", extra='{"new": 1}'), row("receipt", status="skipped")]
    (merged,) = one_row_per_step(STEPS.build(rows)).rows(named=True)
    assert json.loads(merged["extra"])["new"] == 1
    assert json.loads(merged["extra"])[TOLD_OTHERWISE][0]["status"] == "skipped"
