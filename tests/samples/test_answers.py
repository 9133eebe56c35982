"""What harnlab answers of the samples, held to the facts a person derived from them by hand."""

from decimal import Decimal
from pathlib import Path

import pytest

import harnlab as hl

from .conftest import Incident

SAMPLES = Path(__file__).parents[2] / "sample_transcripts"


@pytest.mark.parametrize("incident", ["cost-overrun"], indirect=True)
def test_a_step_is_over_by_its_share_of_the_limit(incident: Incident) -> None:
    found = {row["step"]: row for row in hl.costs.overruns(hl.load(SAMPLES / "cost-overrun")).to_dicts()}
    assert set(found) == {overrun["step"] for overrun in incident.expected["overruns"]}
    for overrun in incident.expected["overruns"]:
        row = found[overrun["step"]]
        observed, limit = Decimal(str(overrun["observed"])), Decimal(str(overrun["limit_value"]))
        assert row["observed"] == pytest.approx(float(observed))
        assert row["overshoot"] == pytest.approx(float(observed - limit))
        assert row["overshoot_pct"] == pytest.approx(float(100 * (observed - limit) / limit))


@pytest.mark.parametrize("incident", ["inherited-route"], indirect=True)
def test_each_field_and_origin_has_its_calls_its_cost_and_the_share_of_both(incident: Incident) -> None:
    expected = incident.expected
    total = Decimal(expected["cost_usd"])
    for row in hl.routes.matrix(hl.load(SAMPLES / "inherited-route")).to_dicts():
        cell = expected["origin_matrix"][row["field"]].get(row["origin"], {"dispatches": 0, "cost_usd": "0"})
        cost = Decimal(cell["cost_usd"])
        assert (row["calls"], row["cost_usd"]) == (cell["dispatches"], float(cost))
        assert row["share_pct"] == pytest.approx(100 * cell["dispatches"] / expected["dispatches"])
        assert row["cost_share_pct"] == pytest.approx(float(100 * cost / total))
