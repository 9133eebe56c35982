"""The chain over trust records: every flipped field is found, and named where it stands."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.rust_semantics import U64_MAX
from harnlab.core.trust import (
    ChainHead,
    TrustDecision,
    append_to_chain,
    chain_head,
    entry_hash,
    unique_records,
    verify_chain,
)

#: A record whose hash was made by another program (FORMATS 3.4).
MEASURED = {
    "schema": "opentrustgraph/v0",
    "record_id": "019e0000-0000-7000-8000-000000000001",
    "agent": "agent.alpha",
    "action": "autonomy.tier_transition",
    "approver": "operator",
    "outcome": "denied",
    "trace_id": "trace-1",
    "autonomy_tier": "act_with_approval",
    "timestamp": "2026-05-01T10:00:00.25Z",
    "cost_usd": None,
    "chain_index": 1,
    "previous_hash": None,
    "metadata": {
        "session_id": "s-1",
        "from_tier": "act_auto",
        "to_tier": "act_with_approval",
        "reason": "hourly_autonomy_budget_exceeded",
        "request_id": "hitl_approval_019e0000-0000-7000-8000-0000000000aa",
        "source": "agent_loop",
    },
    "entry_hash": "sha256:e3c0a8a10bf7a726823f7bc2765804bee538a73b572921c3e47995840978f2d4",
}


def decision(number=1, **fields):
    given = {"agent": f"agent-{number}", "action": "step", "outcome": "success", "trace_id": f"t-{number}"}
    return TrustDecision(**(given | fields))


def chain(length, **fields):
    payloads, head = [], ChainHead()
    for number in range(1, length + 1):
        made = append_to_chain(
            head,
            decision(number, **fields),
            record_id=f"id-{number}",
            timestamp=f"2026-05-01T10:00:0{number}Z",
        )
        payloads.append(made.payload())
        head = chain_head(payloads[-1])
    return payloads


def events(payloads):
    return [(100 + number, payload) for number, payload in enumerate(payloads, start=1)]


def test_a_record_hashed_by_another_program_verifies():
    report = verify_chain([(1, MEASURED)])
    assert report.verified
    assert report.root_hash == MEASURED["entry_hash"]


def test_a_record_made_here_equals_the_measured_one():
    made = append_to_chain(
        ChainHead(),
        TrustDecision(
            agent="agent.alpha",
            action="autonomy.tier_transition",
            approver="operator",
            outcome="denied",
            trace_id="trace-1",
            autonomy_tier="act_with_approval",
            metadata=MEASURED["metadata"],
        ),
        record_id=MEASURED["record_id"],
        timestamp=MEASURED["timestamp"],
    )
    assert made.payload() == MEASURED
    assert made.entry_hash == MEASURED["entry_hash"]


def test_a_decision_is_fully_trusted_unless_it_says_otherwise():
    payload = chain(1)[0]
    defaults = {"autonomy_tier": "act_auto", "approver": None, "cost_usd": None, "metadata": {}}
    assert defaults.items() <= payload.items()
    assert payload["schema"] == "opentrustgraph/v0"


def test_a_whole_cost_is_hashed_as_a_float():
    payload = chain(1, cost_usd=1)[0]
    assert repr(payload["cost_usd"]) == "1.0"
    assert verify_chain([(1, payload)]).verified


def test_metadata_is_hashed_as_it_will_be_read():
    payload = chain(1, metadata={"share": float("nan"), "reviewers": ("a",)})[0]
    assert payload["metadata"] == {"share": None, "reviewers": ["a"]}
    assert verify_chain([(1, payload)]).verified


def test_each_record_points_at_the_one_before():
    first, second, third = chain(3)
    assert [first["chain_index"], second["chain_index"], third["chain_index"]] == [1, 2, 3]
    assert [first["previous_hash"], second["previous_hash"], third["previous_hash"]] == [
        None,
        first["entry_hash"],
        second["entry_hash"],
    ]
    assert len({first["entry_hash"], second["entry_hash"], third["entry_hash"]}) == 3


def test_an_empty_chain_holds():
    report = verify_chain([])
    assert report.to_json() == {
        "topic": "trust_graph",
        "total": 0,
        "verified": True,
        "root_hash": None,
        "broken_at_event_id": None,
        "errors": [],
    }


def test_a_chain_that_holds_ends_in_its_root_hash():
    payloads = chain(3)
    report = verify_chain(events(payloads), topic="trust.graph")
    assert (report.topic, report.total, report.verified) == ("trust.graph", 3, True)
    assert report.root_hash == payloads[-1]["entry_hash"]


def test_a_record_that_stands_twice_is_counted_once():
    payloads = chain(2)
    doubled = [*events(payloads), (201, copy.deepcopy(payloads[0])), (202, copy.deepcopy(payloads[1]))]
    assert unique_records(doubled) == events(payloads)
    assert verify_chain(doubled).to_json() == verify_chain(events(payloads)).to_json()


def test_a_forgery_does_not_hide_behind_an_older_records_hash():
    payloads = chain(2)
    forged = payloads[1] | {"entry_hash": payloads[0]["entry_hash"]}
    report = verify_chain(events([payloads[0], forged]))
    assert report.total == 2
    assert [(link.position, link.field) for link in report.broken] == [(2, "entry_hash")]


def test_a_changed_record_breaks_its_own_hash_and_no_other_link():
    payloads = chain(3)
    payloads[1]["agent"] = "someone-else"
    report = verify_chain(events(payloads))
    (link,) = report.broken
    assert (link.event_id, link.position, link.record_id, link.field) == (102, 2, "id-2", "entry_hash")
    assert link.expected == entry_hash(payloads[1])
    assert link.found == payloads[1]["entry_hash"]
    assert report.broken_at_event_id == 102
    assert not report.verified


def test_a_resealed_record_breaks_the_link_that_points_at_it():
    payloads = chain(3)
    old = payloads[1]["entry_hash"]
    payloads[1]["agent"] = "someone-else"
    payloads[1]["entry_hash"] = new = entry_hash(payloads[1])
    report = verify_chain(events(payloads))
    assert [str(link) for link in report.broken] == [
        f'event 103: previous_hash mismatch; expected Some("{new}"), found Some("{old}")'
    ]


def test_a_removed_record_breaks_index_and_pointer_of_the_next():
    payloads = chain(3)
    first, second = payloads[0]["entry_hash"], payloads[1]["entry_hash"]
    report = verify_chain(events([payloads[0], payloads[2]]))
    assert report.to_json() == {
        "topic": "trust_graph",
        "total": 2,
        "verified": False,
        "root_hash": payloads[2]["entry_hash"],
        "broken_at_event_id": 102,
        "errors": [
            "event 102: expected chain_index 2, found 3",
            f'event 102: previous_hash mismatch; expected Some("{first}"), found Some("{second}")',
        ],
    }


def test_a_first_record_that_points_at_something_is_named():
    (payload,) = chain(1)
    payload["previous_hash"] = "sha256:0"
    first = verify_chain([(7, payload)]).broken[0]
    assert str(first) == 'event 7: previous_hash mismatch; expected None, found Some("sha256:0")'


def test_a_record_from_before_the_chain_is_named_field_by_field():
    old = {key: value for key, value in chain(1)[0].items() if key not in {"chain_index", "entry_hash"}}
    report = verify_chain([(1, old)])
    assert [(link.field, link.found) for link in report.broken] == [("chain_index", 0), ("entry_hash", "")]
    assert str(report.broken[1]) == f"event 1: entry_hash mismatch; expected {entry_hash(old)}, found "
    assert report.root_hash == ""


@pytest.mark.parametrize("index", [True, 1.0, "1", None])
def test_a_chain_index_of_another_type_is_named(index):
    payload = chain(1)[0] | {"chain_index": index}
    payload["entry_hash"] = entry_hash(payload)
    assert [link.field for link in verify_chain([(1, payload)]).broken] == ["chain_index"]


@pytest.mark.parametrize("payload", [None, [], "text", 5])
def test_an_event_that_holds_no_record_is_named_and_takes_no_place(payload):
    first, second = chain(2)
    report = verify_chain([(1, first), (2, payload), (3, second)])
    assert report.total == 2
    (link,) = report.broken
    assert (link.event_id, link.position, link.record_id, link.field) == (2, 2, None, "payload")
    assert str(link) == f"event 2: payload mismatch; expected an object, found {type(payload).__name__}"


def test_a_value_the_runtime_could_not_have_written_breaks_its_record():
    payload = chain(1)[0] | {"cost_usd": float("nan")}
    (link,) = verify_chain([(1, payload)]).broken
    assert (link.field, link.expected) == ("entry_hash", "a record that can be hashed")


def test_a_copy_under_another_hash_is_no_copy():
    (payload,) = chain(1)
    report = verify_chain([(1, payload), (2, payload | {"entry_hash": "sha256:0"})])
    assert (report.total, report.broken_at_event_id) == (2, 2)


def test_what_has_no_hash_is_never_taken_for_a_copy():
    unhashable = chain(1)[0] | {"cost_usd": float("nan")}
    broken = verify_chain([(1, None), (2, None), (3, unhashable), (4, unhashable)]).broken
    assert {link.event_id for link in broken} == {1, 2, 3, 4}


def test_a_record_nested_too_deep_is_named_and_does_not_crash():
    deep = []
    for _ in range(5000):
        deep = [deep]
    report = verify_chain([(1, chain(1)[0] | {"metadata": {"deep": deep}})])
    assert [link.field for link in report.broken] == ["entry_hash"]


@pytest.mark.parametrize("stored", [["a"], 5, None, {"sha256": 1}])
def test_a_stored_hash_of_another_type_is_named_and_is_no_root(stored):
    report = verify_chain([(1, chain(1)[0] | {"entry_hash": stored})])
    assert [link.field for link in report.broken] == ["entry_hash"]
    assert report.root_hash is None


def test_a_record_id_of_another_type_is_left_out_of_the_report():
    assert verify_chain([(1, chain(1)[0] | {"record_id": 5})]).broken[0].record_id is None


def test_the_head_of_a_chain_is_where_the_next_record_goes_on():
    assert chain_head(None) == ChainHead(chain_index=0, entry_hash=None)
    assert chain_head(MEASURED) == ChainHead(chain_index=1, entry_hash=MEASURED["entry_hash"])
    assert chain_head(MEASURED | {"agent": "changed"}).entry_hash == MEASURED["entry_hash"]


@pytest.mark.parametrize("stored", [{}, {"entry_hash": ""}, {"entry_hash": None}, {"entry_hash": 5}])
def test_a_record_without_a_hash_is_continued_from_the_hash_it_should_have(stored):
    old = {key: value for key, value in MEASURED.items() if key not in {"chain_index", "entry_hash"}}
    assert chain_head(old | stored) == ChainHead(chain_index=0, entry_hash=entry_hash(old))


@pytest.mark.parametrize(("index", "expected"), [(-3, 0), (0, 0), (True, 0), ("4", 0), (4, 4)])
def test_an_index_that_is_no_place_counts_as_none(index, expected):
    assert chain_head(MEASURED | {"chain_index": index}).chain_index == expected


def test_the_index_of_a_full_chain_stays():
    made = append_to_chain(ChainHead(chain_index=U64_MAX), decision(), record_id="i", timestamp="t")
    assert made.chain_index == U64_MAX


names = st.sampled_from(sorted(MEASURED))
values = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dictionaries(st.text(), st.text())
)


@given(st.integers(1, 5), st.data())
def test_any_flipped_field_is_found_and_named(length, data):
    payloads = chain(length, metadata={"reason": "r", "cost": 1e-7})
    place = data.draw(st.integers(0, length - 1))
    name = data.draw(names)
    value = data.draw(values.filter(lambda value: repr(value) != repr(payloads[place][name])))
    payloads[place][name] = value
    report = verify_chain(events(payloads))
    fields = {(link.position, link.field) for link in report.broken}
    assert (place + 1, "entry_hash") in fields
    expected = {(place + 1, "entry_hash")}
    if name in {"chain_index", "previous_hash"}:
        expected.add((place + 1, name))
    if name == "entry_hash" and place + 1 < length:
        expected.add((place + 2, "previous_hash"))
    assert fields == expected
    assert report.broken_at_event_id == 101 + place


@given(st.integers(1, 5), st.data())
def test_any_removed_or_added_field_is_found(length, data):
    payloads = chain(length)
    place = data.draw(st.integers(0, length - 1))
    if data.draw(st.booleans()):
        del payloads[place][data.draw(names)]
    else:
        payloads[place][data.draw(st.text().filter(lambda name: name not in MEASURED))] = None
    report = verify_chain(events(payloads))
    assert place + 1 in {link.position for link in report.broken}


@given(st.permutations(range(5)))
def test_only_the_right_order_holds(order):
    payloads = chain(5)
    assert verify_chain(events([payloads[i] for i in order])).verified == (order == sorted(order))


@given(st.integers(0, 6))
def test_every_chain_made_here_holds(length):
    report = verify_chain(events(chain(length, cost_usd=1e-7, metadata={"é": [1e16, -0.0]})))
    assert (report.verified, report.total) == (True, length)
