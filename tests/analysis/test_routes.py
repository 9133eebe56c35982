from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.frame_stand_in import StandIn, at, call, dispatch, inside
from harnlab.analysis import routes
from harnlab.errors import InvalidArgument, UnknownName
from harnlab.vocabulary import PROVENANCE_FIELDS

DEAD, FLAKE = "empty_completion_terminal", "empty_completion_transient_recovered"

#: Three inherited calls in two runs (one dead, one flaked, one unpriced), two pinned neighbours, one unknown.
SILENT = StandIn(
    dispatches=[
        dispatch("late", 9, origins="ioiuo", kind=FLAKE, run_id="run-2"),
        dispatch("pin-1", 1, origins="oocuu"),
        dispatch("first", 5, origins="iocuo", kind=DEAD),
        dispatch("pin-2", 2, origins="oocco"),
        dispatch("who", 3, origins="uuuuu"),
        dispatch("mid", 6, origins="oocio"),
    ],
    calls=[
        call("late", 0.1, run_id="run-2"),
        call("first", 0.2, output_tokens=8),
        call("mid", None),
        call("pin-1", 0.4),
        call("pin-2", 0.8),
        call("who", 1.6),
    ],
    step_calls=[inside("first", "verify", 2, 0)],
    events=[
        {"call_id": "first", "session_id": "s1", "source_kind": "transcript"},
        {"call_id": "late", "session_id": "s2", "source_kind": "transcript", "run_id": "run-2"},
    ],
)


class TestInherited:
    def test_a_dispatch_is_listed_with_its_fields_cost_step_and_line_oldest_first(self):
        frame = routes.inherited(SILENT)
        assert frame["call_id"].to_list() == ["first", "mid", "late"]
        first = frame.row(0, named=True)
        assert first["inherited_fields"] == ["provider"]
        assert (first["cost_usd"], first["output_tokens"], first["step"], first["session"]) == (
            0.2,
            8,
            "verify",
            "s1",
        )
        assert (first["run_id"], first["source_path"], first["source_line"]) == (
            "run-1",
            "dispatches.jsonl",
            3,
        )
        assert first["route"] == "openrouter/claude-sonnet-4-6/openai_compat"
        assert frame["inherited_fields"].to_list()[1:] == [["thinking"], ["provider", "wire_format"]]

    def test_a_call_without_a_price_is_counted_apart(self):
        frame = routes.inherited(SILENT)
        assert frame["cost_usd"].to_list() == [0.2, None, 0.1]
        assert frame["unpriced_calls"].to_list() == [0, 1, 0]

    def test_unknown_and_missing_origins_are_never_taken_for_inherited(self):
        runs = StandIn(dispatches=[dispatch("a", origins="uuuuu"), dispatch("b", origins="-----")])
        assert routes.inherited(runs).height == 0

    def test_a_call_dispatched_twice_is_charged_once(self):
        runs = StandIn(dispatches=[dispatch("a", origins="iiiii")] * 2, calls=[call("a", 0.5)])
        frame = routes.inherited(runs)
        assert frame["cost_usd"].to_list() == [0.5, None]
        assert frame["unpriced_calls"].to_list() == [0, 0]


class TestMatrix:
    def test_calls_and_cost_are_told_by_field_and_origin(self):
        frame = routes.matrix(SILENT)
        cells = {(field, origin): rest for field, origin, *rest in frame.rows()}
        # calls, unpriced calls, USD, share of six calls, share of 3.1 USD
        assert cells["provider", "inherited_from_primary"] == pytest.approx([2, 0, 0.3, 100 / 3, 30 / 3.1])
        assert cells["thinking", "unknown"][:3] == [4, 0, 2.3]
        assert cells["thinking", "inherited_from_primary"] == [1, 1, None, pytest.approx(100 / 6), None]
        assert cells["model", "pipeline_input"] == [0, 0, 0.0, 0.0, 0.0]

    def test_a_newer_origin_has_rows_of_its_own(self):
        runs = StandIn(dispatches=[dispatch("a", provenance_model="oracle")])
        frame = routes.matrix(runs)
        assert frame.filter(pl.col("origin") == "oracle")["calls"].sum() == 1
        assert frame.filter(pl.col("field") == "model")["calls"].sum() == 1

    def test_without_dispatches_every_cell_is_empty(self):
        frame = routes.matrix(StandIn())
        assert frame.height == 30
        assert frame["calls"].sum() == 0
        assert frame["share_pct"].null_count() == 30


class TestOutcomes:
    def test_each_outcome_has_its_share_and_interval(self):
        frame = routes.outcomes(SILENT)
        assert frame.select("outcome_kind", "lane", "calls", "group_calls").rows() == [
            ("served", "alive", 4, 6),
            (DEAD, "dead", 1, 6),
            (FLAKE, "recovered", 1, 6),
        ]
        served = frame.row(0, named=True)
        shares = served["share_pct"], served["low_pct"], served["high_pct"]
        assert shares == pytest.approx((66.667, 29.999, 90.323), abs=1e-2)  # Wilson, 4 in 6
        assert (served["cost_usd"], served["unpriced_calls"]) == (2.8, 1)

    def test_groups_are_compared_by_dimensions(self):
        frame = routes.outcomes(SILENT, by=["origin", "model"])
        assert frame.filter(pl.col("origin") == "inherited_from_primary")["group_calls"].to_list() == [
            3,
            3,
            3,
        ]
        assert frame.filter(pl.col("origin") == "pinned").select("outcome_kind", "calls").rows() == [
            ("served", 2)
        ]
        assert routes.outcomes(SILENT, by="step").filter(pl.col("step") == "verify")["calls"].to_list() == [1]

    def test_a_word_of_a_newer_harn_has_no_lane(self):
        runs = StandIn(dispatches=[dispatch("a", kind="dreamt"), dispatch("b", kind=None)])
        assert set(routes.outcomes(runs).select("outcome_kind", "lane").rows()) == {
            ("dreamt", None),
            ("(unattributed)", None),
        }

    def test_wrong_dimensions_are_told(self):
        with pytest.raises(UnknownName, match="one of run_id"):
            routes.outcomes(SILENT, by="outcome_kind")
        with pytest.raises(InvalidArgument, match="named twice"):
            routes.outcomes(SILENT, by=["model", "model"])

    @pytest.mark.parametrize("dimension", [name for name in routes.DIMENSIONS if name != "outcome_kind"])
    def test_every_dimension_accounts_for_every_dispatch(self, dimension):
        assert routes.outcomes(SILENT, by=dimension)["calls"].sum() == 6


class TestIncident:
    def test_it_starts_at_the_first_inherited_call(self):
        first = routes.incident(SILENT).first
        assert (first.call_id, first.at, first.place, first.step) == (
            "first",
            at(5),
            "dispatches.jsonl:3",
            "verify",
        )
        assert first.inherited_fields == ("provider",)

    def test_its_radius_is_counted(self):
        found = routes.incident(SILENT)
        assert found.found
        assert (found.calls, found.dispatches, found.runs, found.sessions) == (3, 6, 2, 2)
        assert (found.cost_usd, found.unpriced_calls) == (Decimal("0.3"), 1)
        assert (found.started_at, found.ended_at) == (at(5), at(9))
        assert found.fields == {"provider": 2, "wire_format": 1, "thinking": 1}
        assert (found.dead, found.recovered) == (1, 1)
        assert (found.unknown_origins, found.origins) == (9, 30)
        assert found.matrix.equals(routes.matrix(SILENT))

    def test_the_same_model_is_compared_on_its_pinned_route(self):
        runs = StandIn(
            dispatches=[
                dispatch("a", 1, origins="iocco"),
                dispatch("b", 2),
                dispatch("c", 3, model="other"),
                dispatch("d", 4, origins="uocco"),
            ]
        )
        assert routes.incident(runs).outcomes.select("model", "origin", "calls").rows() == [
            ("claude-sonnet-4-6", "inherited_from_primary", 1),
            ("claude-sonnet-4-6", "pinned", 1),
        ]

    def test_the_paragraph_can_be_pasted(self):
        assert routes.incident(SILENT).paragraph == (
            "3 of 6 dispatches (50.0 %) silently inherited a part of the route from the primary: "
            "provider in 2, wire_format in 1, thinking in 1. "
            "The first went to openrouter/claude-sonnet-4-6/openai_compat at 2026-05-01 10:05:00 UTC in step verify: "
            "run run-1, call first, dispatches.jsonl:3. "
            "They reach 2 runs and 2 sessions, the last at 2026-05-01 10:09:00 UTC, and cost 0.30 USD; "
            "1 of these calls has no known price. "
            "claude-sonnet-4-6 came back billed and empty in 1 of 3 calls (33.3 %, 95 % interval 6.1 to 79.2 %) "
            "on the inherited route, in 0 of 2 calls (0.0 %, 95 % interval 0.0 to 65.8 %) on its pinned route. "
            "1 inherited call ended in a dead lane, 1 only flaked and recovered. "
            "9 of 30 origins (30.0 %) are unknown: what these fields inherited the log cannot tell, "
            "so the count is a lower bound."
        )

    def test_no_incident_says_so_and_what_it_could_not_see(self):
        runs = StandIn(dispatches=[dispatch("a"), dispatch("b", origins="uuuuu")])
        found = routes.incident(runs)
        assert not found.found
        assert (found.first, found.calls, found.cost_usd, found.fields, found.sessions) == (
            None,
            0,
            0,
            {},
            None,
        )
        assert found.paragraph == (
            "No inherited route found in 2 dispatches. 5 of 10 origins (50.0 %) are unknown: "
            "what these fields inherited the log cannot tell."
        )
        assert found.outcomes.height == 0

    def test_without_dispatches_nothing_is_claimed(self):
        found = routes.incident(StandIn())
        assert found.paragraph == (
            "No inherited route found: no dispatches are recorded, so the log cannot show any."
        )
        assert found.unknown_share_pct is None

    def test_without_a_pinned_neighbour_nothing_is_compared(self):
        found = routes.incident(StandIn(dispatches=[dispatch("a", origins="iiiii")]))
        assert "the log has no call of it on a pinned route to compare with" in found.paragraph
        assert found.paragraph.endswith("Every origin is recorded.")
        assert "its price is not known" in found.paragraph
        assert "session" not in found.paragraph

    def test_text_from_a_log_is_never_markup(self):
        evil = "<b>`x`\n# head\u202e[l](http://e)"
        found = routes.incident(StandIn(dispatches=[dispatch("a", origins="iiiii", model=evil)]))
        assert "\n" not in found.paragraph
        assert "\u202e" not in found.paragraph
        assert "`openrouter/<b>'x' # head [l](http://e)/openai_compat`" in found._repr_markdown_()

    def test_a_record_without_a_time_or_a_call_is_still_told(self):
        found = routes.incident(
            StandIn(dispatches=[dispatch(None, origins="iiiii", timestamp=None, model=None)])
        )
        assert (found.started_at, found.models, found.unpriced_calls) == (None, (), 1)
        assert "It went to openrouter/?/openai_compat: run run-1, dispatches.jsonl:1." in found.paragraph
        assert "It reaches 1 run, and costs 0.00 USD; its price is not known." in found.paragraph

    def test_calls_without_a_time_never_come_first(self):
        rows = [dispatch("a", origins="iiiii", timestamp=None), dispatch("b", 1, origins="iiiii")]
        assert routes.incident(StandIn(dispatches=rows)).first.call_id == "b"


origins = st.text("ooccpiu-", min_size=5, max_size=5)
dispatched = st.lists(st.tuples(origins, st.none() | st.floats(0, 1)), max_size=15)


@given(dispatched)
@settings(deadline=None, max_examples=40)
def test_each_field_of_the_matrix_accounts_for_every_dispatch_and_every_cent(drawn):
    runs = StandIn(
        dispatches=[dispatch(str(n), origins=letters) for n, (letters, _) in enumerate(drawn)],
        calls=[call(str(n), cost) for n, (_, cost) in enumerate(drawn)],
    )
    frame = routes.matrix(runs)
    for field in PROVENANCE_FIELDS:
        cells = frame.filter(pl.col("field") == field)
        assert cells["calls"].sum() == len(drawn)
        assert cells["unpriced_calls"].sum() == sum(cost is None for _, cost in drawn)
        assert cells["cost_usd"].sum() == pytest.approx(sum(cost or 0 for _, cost in drawn))
    inherited = [letters for letters, _ in drawn if "i" in letters]
    found = routes.incident(runs)
    assert routes.inherited(runs).height == found.calls == len(inherited)
    assert sum(found.fields.values()) == sum(letters.count("i") for letters in inherited)
    assert found.unknown_origins == sum(letters.count("u") + letters.count("-") for letters, _ in drawn)
    assert found.found == bool(inherited)


class TestTrend:
    def test_each_window_has_its_inherited_share_and_the_first_call_is_marked(self):
        frame = routes.trend(SILENT, every="5m")
        assert frame.select(
            "at", "calls", "inherited_calls", "unknown_calls", "first_inherited_at"
        ).rows() == [
            (at(0), 3, 0, 1, None),
            (at(5), 3, 3, 0, at(5)),
        ]
        assert frame["share_pct"].to_list() == [0, 100]
        assert frame["low_pct"].to_list() == pytest.approx([0, 43.85], abs=0.01)

    def test_dispatches_without_a_time_are_counted_too(self):
        assert routes.trend(StandIn(dispatches=[dispatch("a", timestamp=None)]))["at"].to_list() == [None]
        assert routes.trend(StandIn()).height == 0

    def test_a_width_that_is_none_is_refused(self):
        with pytest.raises(InvalidArgument, match=r"routes.trend: every='soon'"):
            routes.trend(SILENT, every="soon")
