"""A growing log in a widget: each event taken in once, totals exact, pause and stop kept."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

import harnlab as hl
from harnlab.widgets import tail_view
from harnlab.widgets.tail_rows import Totals, known_cost
from harnlab.widgets.tail_view import TailView
from widgets.pages import told

SAMPLE = "sample_transcripts/cost-overrun/llm_transcript.jsonl"


def line(number, kind="provider_call_response", **members):
    event = {
        "iteration": number,
        "call_id": f"c{number}",
        "type": kind,
        "timestamp": f"{1_778_578_027 + number}.5",
    }
    return json.dumps(event | members) + "\n"


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "llm_transcript.jsonl"
    path.write_text(line(0, cost_usd=0.1))
    return path


def test_what_is_appended_is_taken_in_once_and_summed_exactly(log):
    view = TailView(log, status="paused")
    assert view.look() == 1
    with log.open("a") as file:
        file.write(line(1, cost_usd=0.2) + line(2, "provider_call_request") + line(3, cost_usd=None))
    assert (view.look(), view.look()) == (3, 0)
    assert view.totals.cost_usd == Decimal("0.3")
    assert (view.totals.asked, view.totals.answered, view.totals.unpriced) == (1, 3, 1)
    assert view.selected["call_id"].to_list() == ["c0", "c1", "c2", "c3"]
    assert "0.30 USD" in told(view._head)


def test_half_a_line_waits_for_its_end(log):
    view = TailView(log, status="paused")
    view.look()
    whole = line(1, cost_usd=0.2)
    with log.open("a") as file:
        file.write(whole[:40])
        file.flush()
        assert view.look() == 0
        file.write(whole[40:])
    assert view.look() == 1


def test_totals_are_those_of_the_log_loaded_whole():
    view = TailView(SAMPLE, status="paused")
    view.look()
    summary = hl.load(SAMPLE, progress=False).summary
    assert float(view.totals.cost_usd) == summary["cost_usd"].item()
    assert view.totals.unpriced == summary["unpriced_calls"].item()


def test_the_picked_event_stays_picked_while_rows_come_and_its_line_is_shown(log):
    view = TailView(log, status="paused")
    view.look()
    view.events.select([0])
    with log.open("a") as file:
        file.write(line(1, cost_usd=0.2))
    view.look()
    assert view.selected["call_id"].to_list() == ["c0"]
    assert '"cost_usd": 0.1' in told(view._record)


def test_old_rows_fall_out_and_totals_still_count_them(log, monkeypatch):
    monkeypatch.setattr(tail_view, "KEPT", 5)
    log.write_text("".join(line(n, cost_usd=0.1) for n in range(4)))
    view = TailView(log, status="paused")
    view.look()
    view.events.select([3])
    with log.open("a") as file:
        file.write("".join(line(n, cost_usd=0.1) for n in range(4, 7)))
    view.look()
    assert view.events.frame["call_id"].to_list() == ["c2", "c3", "c4", "c5", "c6"]
    assert view.selected["call_id"].to_list() == ["c3"]
    assert '"call_id": "c3"' in told(view._record)
    assert (view.totals.events, view.totals.cost_usd) == (7, Decimal("0.7"))


async def looks_until(view, events, patience_s=20):
    for _ in range(int(patience_s / 0.01)):
        if view.totals.events >= events:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(view)


def test_in_a_loop_it_looks_by_itself_and_not_while_paused_or_stopped(log, wire):
    async def follow():
        view = TailView(log, interval_s=0.01)
        await looks_until(view, 1)
        view._pressed("paused")
        with log.open("a") as file:
            file.write(line(1, cost_usd=0.2))
        await asyncio.sleep(0.1)
        assert view.totals.events == 1
        view._pressed("following")
        await looks_until(view, 2)
        view.close()
        assert view.status == "stopped"
        assert view._waiting is None

    # a thread of its own: Playwright's loop counts as running in that of the browser tests
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, follow()).result()


def test_a_press_cannot_wake_a_stopped_view(log):
    view = TailView(log, status="stopped")
    view._pressed("following")
    assert view.status == "stopped"


def test_code_and_state_go_on_where_they_say(log):
    view = TailView(log, status="paused")
    view.look()
    again = eval(view.code, {"hl": hl})
    again.look()
    assert again.selected.equals(view.selected)
    with log.open("a") as file:
        file.write(line(1, cost_usd=0.2))
    further = TailView(log, state=view.state, status="paused")
    assert further.look() == 1


def test_text_and_summary_are_stable(log):
    view = TailView(log, status="paused")
    view.look()
    bundle = view._repr_mimebundle_()
    assert bundle["text/plain"] == "<TailView: paused; 1 events; 0.10 USD for 1 calls answered>"
    summary = bundle["application/vnd.harnlab.tail-view+json"]
    assert summary == json.loads(json.dumps(summary))
    assert summary["cost_usd"] == "0.1"


@pytest.mark.parametrize("interval_s", [0, -1, float("nan")])
def test_an_interval_that_is_no_time_is_refused(log, interval_s):
    with pytest.raises(hl.InvalidArgument, match="seconds above 0"):
        TailView(log, interval_s=interval_s)


@pytest.mark.parametrize(
    ("record", "known", "price"),
    [
        ('{"cost_usd": 0.5}', 0.5, 0.5),
        ('{"cost_usd": null, "known_cost_usd": 0.25}', 0.25, None),
        ('{"cost_usd": true}', None, None),
        ('{"cost_usd": NaN}', None, None),
        ("[1]", None, None),
        ("", None, None),
    ],
)
def test_a_cost_that_is_no_number_is_not_known(record, known, price):
    assert known_cost(record) == (known, price)


def test_no_event_changes_no_total():
    assert Totals().after([]) == Totals()


def test_the_payload_of_a_sqlite_row_is_its_log_line():
    view = TailView("sample_transcripts/autonomy-pressure/america/.harn/events.sqlite", status="paused")
    assert view.look() == 74
    view.events.select([73])
    text = view._texts[73]
    assert isinstance(json.loads(text), dict)
    assert text[:200] in told(view._record)
