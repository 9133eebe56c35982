from harnlab.frames import STEPS
from harnlab.ingest.finished_steps import one_row_per_step


def told(source_kind, seq, step, **columns):
    place = {"run_id": "r", "source_path": f"{source_kind}.json", "source_line": seq + 1}
    return {**place, "source_kind": source_kind, "seq": seq, "step": step, **columns}


def test_a_step_told_by_three_files_is_one_row_with_what_each_knows():
    rows = [
        told("receipt", 0, "plan", function="plan_step", receipt_id="rc", cost_usd=9.0),
        told("completed_steps", 0, "plan", function="plan_step", error="over", cost_usd=1.5),
        told("span", 0, "plan", persona="captain", span_id=4, cost_usd=1.5),
    ]
    (row,) = one_row_per_step(STEPS.build(rows)).rows(named=True)
    wanted = {
        "source_kind": "span",
        "source_path": "span.json",
        "persona": "captain",
        "span_id": 4,
        "function": "plan_step",
        "error": "over",
        "receipt_id": "rc",
        "cost_usd": 1.5,
        "seq": 0,
    }
    assert {name: row[name] for name in wanted} == wanted


def test_repeats_of_a_step_stay_apart_in_the_order_they_finished():
    rows = [
        *(
            told("span", seq, step, cost_usd=float(seq))
            for seq, step in enumerate(["verify", "plan", "verify"])
        ),
        *(
            told("completed_steps", seq, step, error=f"e{seq}")
            for seq, step in enumerate(["verify", "plan", "verify"])
        ),
    ]
    merged = one_row_per_step(STEPS.build(rows))
    assert merged.select("seq", "step", "cost_usd", "error").rows() == [
        (0, "verify", 0.0, "e0"),
        (1, "plan", 1.0, "e1"),
        (2, "verify", 2.0, "e2"),
    ]


def test_a_step_only_one_file_tells_of_is_kept():
    rows = [told("span", 0, "plan"), told("completed_steps", 0, "plan"), told("completed_steps", 1, "ship")]
    merged = one_row_per_step(STEPS.build(rows))
    assert merged.select("seq", "step", "source_kind").rows() == [
        (0, "plan", "span"),
        (1, "ship", "completed_steps"),
    ]


def test_two_runs_do_not_mix():
    rows = [told("span", 0, "plan"), {**told("span", 0, "plan"), "run_id": "other"}]
    assert one_row_per_step(STEPS.build(rows)).height == 2


def test_no_steps_give_the_empty_frame():
    assert one_row_per_step(STEPS.empty()).equals(STEPS.empty())
