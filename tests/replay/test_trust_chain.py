import json

from analysis.frame_stand_in import StandIn
from harnlab.core.trust import ChainHead, TrustDecision, append_to_chain
from harnlab.replay import trust


def chain(count=3):
    """Rows of ``trust_records`` of a chain that holds."""
    head, rows = ChainHead(), []
    for number in range(count):
        decision = TrustDecision(agent="a", action="issue.label", outcome="success", trace_id="t")
        record = append_to_chain(head, decision, record_id=f"r{number}", timestamp="2026-06-08T09:02:10Z")
        payload = record.payload()
        head = ChainHead(chain_index=record.chain_index, entry_hash=payload["entry_hash"])
        named = ("record_id", "agent", "action", "outcome", "chain_index", "previous_hash", "entry_hash")
        rows.append({name: payload[name] for name in named} | {"payload": json.dumps(payload)})
    return [row | {"source_path": "topics/trust_graph.jsonl", "topics": ["trust_graph"]} for row in rows]


def replay(rows):
    return trust(StandIn(trust_records=rows)).to_dicts()


def test_a_chain_that_holds_matches_and_its_hashes_are_computed_again():
    told = replay(chain())
    assert {row["verdict"] for row in told} == {"match"}
    assert [row["recorded_entry_hash"] for row in told] == [row["replayed_entry_hash"] for row in told]


def test_a_changed_record_is_named_with_its_field():
    rows = chain()
    rows[1]["payload"] = rows[1]["payload"].replace('"success"', '"failure"')
    told = replay(rows)
    assert [row["verdict"] for row in told] == ["match", "mismatch", "match"]
    assert (told[1]["field"], told[1]["source_line"]) == ("entry_hash", 2)
    assert told[1]["replayed_entry_hash"] != told[1]["recorded_entry_hash"]
    assert told[1]["because"]


def test_a_record_from_before_the_chain_is_not_decided():
    payload = json.loads(chain(1)[0]["payload"]) | {"entry_hash": ""}
    row = chain(1)[0] | {"entry_hash": "", "payload": json.dumps(payload)}
    (told,) = replay([row])
    assert told["verdict"] == "insufficient"


def test_a_payload_that_is_no_record_has_no_hash():
    told = replay([chain(1)[0] | {"payload": "5"}])
    assert (told[0]["verdict"], told[0]["replayed_entry_hash"]) == ("mismatch", None)
