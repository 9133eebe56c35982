"""A click on a mark becomes a frame, without a browser: what is sent, what comes back, what is refused."""

from datetime import UTC, datetime

import altair as alt
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import harnlab as hl
from harnlab.widgets import live_chart, live_data
from widgets.logs import HOSTILE

SPENT = pl.DataFrame(
    {"step": ["plan", "verify", "verify"], "persona": ["a", "a", None], "usd": [1.0, 2.0, 3.0]}
)


def bars(frame=SPENT):
    return alt.Chart(frame, title="Spend").mark_bar().encode(x="usd:Q", y="step:N")


def values(live):
    (name,) = [name for name in live.spec if name == "data"]
    return live.spec[name]["values"]


@pytest.fixture
def live():
    return live_chart.LiveChart(bars(), SPENT)


def test_a_click_on_a_mark_gives_the_rows_behind_it(live, from_page):
    from_page.message(live, row=2)
    assert live.picked == {"step": "verify", "persona": None}
    assert live.selected["usd"].to_list() == [3.0]
    assert live.lit == [2]
    assert live.told == "Picked step: verify; persona: —"


def test_a_second_click_or_escape_picks_none_and_all_rows_are_selected(live, from_page):
    for row in (0, 0):
        from_page.message(live, row=row)
    assert live.selected.height == 3
    from_page.message(live, row=1)
    from_page.message(live, row=None)
    assert live.picked == {}
    assert live.lit == []


@pytest.mark.parametrize("row", [3, -1, True, "0", 1.0])
def test_a_page_cannot_pick_what_is_not_there(live, from_page, row):
    from_page.message(live, row=row)
    assert live.picked == {}


def test_every_mark_of_one_value_is_lit_together():
    live = live_chart.LiveChart(bars(), SPENT, by=["step"], picked={"step": "verify"})
    assert live.lit == [1, 2]
    assert live.selected["usd"].to_list() == [2.0, 3.0]


def test_a_function_gives_the_rows_of_a_mark():
    live = live_chart.LiveChart(
        bars(), lambda mark: SPENT.filter(pl.col("step") == mark["step"]), by=["step"]
    )
    assert live.selected.height == 3
    live.picked = {"step": "plan"}
    assert live.selected["usd"].to_list() == [1.0]


def test_a_moment_is_found_again_as_charts_hold_it():
    moments = [datetime(2026, 5, 12, hour, 0, 0, 123_456, tzinfo=UTC) for hour in (9, 10)]
    frame = pl.DataFrame({"at": moments, "calls": [1, 2]})
    live = live_chart.LiveChart(alt.Chart(frame).mark_bar().encode(x="at:T", y="calls:Q"), frame)
    live._heard(live, {"row": 1}, [])
    assert live.selected["calls"].to_list() == [2]


def test_code_builds_the_same_rows_again():
    chart, rows = bars(), SPENT
    live = live_chart.LiveChart(chart, rows, picked={"step": "plan", "persona": "a"})
    again = eval(live.code, {"hl": hl, "chart": chart, "rows": rows})
    assert again.selected.equals(live.selected)
    assert again.summary() == live.summary()


def test_text_and_summary_stay_the_same_from_run_to_run(live):
    bundle, _ = live._repr_mimebundle_()
    assert bundle["text/plain"] == "<LiveChart: Spend; Nothing picked: click a mark, or press Enter on it>"
    told = {"chart": "Spend", "by": ["step", "persona"], "picked": {}, "marks": 3}
    assert bundle["application/vnd.harnlab.live-chart+json"] == told


def test_charts_share_one_runtime_that_is_sent_once(wire):
    live_chart._shared().clear()
    sent = len(wire)
    charts = [live_chart.LiveChart(bars(), SPENT) for _ in range(3)]
    sizes = [len(str(data)) for kind, data in wire[sent:] if kind == "comm_open"]
    assert sum(size > 500_000 for size in sizes) == 1
    assert sum(size for size in sizes if size < 500_000) < 100_000
    live_chart.runtime().close()
    assert live_chart.runtime().comm is not None
    assert len(charts) == 3


def test_names_that_are_no_columns_or_no_marks_are_refused(live):
    with pytest.raises(hl.InvalidArgument, match="columns of the chart's data"):
        live_chart.LiveChart(bars(), SPENT, by=["model"])
    with pytest.raises(hl.InvalidArgument, match="columns of the chart's data"):
        live_chart.LiveChart(bars(), lambda mark: SPENT)
    with pytest.raises(hl.UnknownName, match="no mark"):
        live.picked = {"step": "review", "persona": "a"}


def test_a_chart_that_says_it_has_nothing_to_draw_is_drawn_and_picks_nothing():
    nothing = hl.costs.by(hl.load("sample_transcripts/cost-overrun", progress=False), "step").clear()
    live = live_chart.LiveChart(hl.charts.costs.by_dimension(nothing), nothing)
    assert "nothing to draw: no calls" in str(live.spec)
    assert (live.picked, live.selected.height, live.summary()["marks"]) == ({}, 0, 0)
    assert eval(live.code, {"hl": hl, "chart": hl.charts.costs.by_dimension(nothing), "rows": nothing})


def test_a_chart_without_rows_is_drawn_and_picks_nothing():
    live = live_chart.LiveChart(bars(SPENT.clear()), SPENT.clear())
    assert live.selected.is_empty()
    assert live.summary()["marks"] == 0


def test_texts_of_a_log_are_drawn_visible_and_short_and_still_pick_their_own_rows():
    names = [*HOSTILE, "x" * 1_000_000]
    frame = pl.DataFrame({"step": names, "usd": [1.0] * len(names)})
    live = live_chart.LiveChart(bars(frame), frame)
    drawn = [row["step"] for row in values(live)]
    assert max(map(len, drawn)) <= 200
    assert not set("\u202e\u200b\u2060\ufeff").intersection("".join(drawn))
    for row, name in enumerate(names):
        live._heard(live, {"row": row}, [])
        assert live.selected["step"].to_list() == [name]


def test_data_of_every_part_of_a_chart_is_numbered():
    parts = alt.hconcat(bars(SPENT.head(1)), bars(SPENT.tail(1)))
    spec = live_data.specification(parts)
    assert live_data.numbered(list(live_data.data_rows(spec)), None, ["step"]) == [
        {"step": "plan"},
        {"step": "verify"},
    ]


@pytest.mark.parametrize("sample", ["inherited-route"])
def test_every_cell_of_the_route_matrix_leads_to_its_dispatches(sample):
    runs = hl.load(f"sample_transcripts/{sample}", progress=False)
    matrix = hl.routes.matrix(runs)
    live = live_chart.LiveChart(hl.charts.routes.provenance_matrix(matrix), matrix)
    for field, origin, calls in matrix.select("field", "origin", "calls").iter_rows():
        live.picked = {"field": field, "origin": origin}
        assert live.selected["calls"].to_list() == [calls]


def test_columns_that_a_chart_draws_as_one_group_are_picked_together_and_the_rest_as_others():
    runs = hl.load("sample_transcripts/inherited-route", progress=False)
    by = hl.costs.by(runs, "model", "provider")
    live = live_chart.LiveChart(hl.charts.costs.by_dimension(by, top=1), by)
    dearest = by.sort("cost_usd", descending=True)
    live._heard(live, {"row": 0}, [])
    assert live.selected.equals(dearest.head(1))
    live._heard(live, {"row": 1}, [])
    assert live.selected.height == by.height - 1
    assert live.selected.columns == by.columns
    outcomes = hl.routes.outcomes(runs, by="model")
    mix = live_chart.LiveChart(hl.charts.routes.outcome_mix(outcomes), outcomes)
    for row in range(outcomes.height):
        mix._heard(mix, {"row": row}, [])
        assert mix.selected.height == 1


@pytest.mark.parametrize("unit", ["usd", "tokens", "time"])
@pytest.mark.parametrize("sample", ["cost-overrun", "inherited-route"])
def test_every_bar_of_an_icicle_leads_to_the_calls_in_it(sample, unit):
    nested = hl.costs.nested(hl.load(f"sample_transcripts/{sample}", progress=False))
    chart = hl.charts.costs.icicle(nested, unit=unit)
    live = live_chart.LiveChart(chart, nested)
    bars = {(row["level"], row["path"]): row for row in live_data.data_rows(live.spec) if "path" in row}
    assert live.summary()["marks"] == len(bars)
    for (level, path), bar in bars.items():
        live.picked = {"level": level, "path": path}
        assert live.selected["calls"].sum() == bar["calls"]
    assert live.selected.columns == nested.columns
    again = eval(live.code, {"hl": hl, "chart": chart, "rows": nested})
    assert again.selected.equals(live.selected)


@settings(deadline=None, max_examples=40)  # machines differ
@given(st.lists(st.tuples(*[st.sampled_from(["a", "b", "—", None])] * 2, st.floats(0, 1_000)), min_size=1))
@example([("a", "a", 0.0)])
def test_bars_too_narrow_to_see_lead_to_their_calls_together(rows):
    names = ["step", "model", "cost_usd"]
    costs = pl.DataFrame(rows, schema=names, orient="row").with_row_index("call_id")
    costs = costs.select("step", "model", pl.col("call_id").cast(pl.String), "cost_usd", calls=1)
    costs = costs.select("step", "model", "call_id", "calls", "cost_usd")
    live = live_chart.LiveChart(hl.charts.costs.icicle(costs), costs)
    for bar in [row for row in live_data.data_rows(live.spec) if "path" in row]:
        live.picked = {"level": bar["level"], "path": bar["path"]}
        assert live.selected["calls"].sum() == bar["calls"]


def test_a_chart_that_is_refused_tells_the_page_nothing(wire):
    live_chart.runtime()
    before = len(wire)
    for wrong in ({"by": ["model"]}, {"picked": {"step": "review", "persona": "a"}}):
        with pytest.raises(hl.HarnlabError):
            live_chart.LiveChart(bars(), SPENT, **wrong)
    assert wire[before:] == []
