"""Answers for ``autonomy_parse`` and ``autonomy_budget``."""

from dataclasses import asdict

from golden.codec import decode, encode
from harnlab.backends.event_log_denials import enforce_budget
from harnlab.core.autonomy import Approved, AutonomyBudget, AutonomyCounters, read_budget
from harnlab.errors import HarnRuntimeError


def failure(error):
    return {"error": {"kind": "runtime", "message": error.message}}


def autonomy_parse(given, _room):
    try:
        budget = read_budget(decode(given["options"]), default_key=given["default_key"], label=given["label"])
    except HarnRuntimeError as error:
        return failure(error)
    return {"ok": budget and asdict(budget)}


class RecordingLedger:
    """Stands for the event log: notes each call, fails where it is told to, counts the ids it gave out."""

    def __init__(self):
        self.fail_at = None
        self.requests = 0
        self.calls = []

    @property
    def next_request_id(self):
        return f"hitl_approval_{self.requests + 1}"

    def request_approval(self, request):
        self._note("approval", {"call": "approval_request", **asdict(request)})
        self.requests += 1

    def append_lifecycle(self, event):
        self._note("lifecycle", {"call": "append", **asdict(event)})

    def append_trust(self, decision):
        self._note("trust", {"call": "trust_record", **asdict(decision)})

    def _note(self, stage, call):
        if self.fail_at == stage:
            raise HarnRuntimeError(f"injected {stage} failure")
        self.calls.append(call)


class Sequence:
    """One vector of ``autonomy_budget``: a clock, the counters and the ledger."""

    def __init__(self, start_unix):
        self.now_s = start_unix
        self.counters = AutonomyCounters()
        self.ledger = RecordingLedger()
        self.log_active = True

    def set_time(self, unix):
        self.now_s = unix

    def advance(self, seconds):
        self.now_s += seconds

    def check(self, config):
        reason = self.counters.exceeded_cap(AutonomyBudget(**config), self.now_s)
        return reason and reason.value

    def note(self, config):
        self.counters.note(config["key"], self.now_s)

    def snapshot(self, key):
        count = self.counters.snapshot(key, self.now_s)
        return {"hour": count.this_hour, "today": count.today}

    def reset(self):
        self.counters.reset()

    def set_log_active(self, active):
        self.log_active = active

    def set_fail(self, at):
        self.ledger.fail_at = at

    def enforce(self, config, session_id, trace_id):
        self.ledger.calls = []
        try:
            verdict = enforce_budget(
                self.counters,
                AutonomyBudget(**config),
                ledger=self.ledger if self.log_active else None,
                now_s=self.now_s,
                session_id=session_id,
                trace_id=trace_id,
                request_id=self.ledger.next_request_id,
            )
        except HarnRuntimeError as error:
            answer = failure(error)
        else:
            approved = isinstance(verdict, Approved)
            answer = {"approved": asdict(verdict.budget)} if approved else {"denied": verdict.result}
        return answer | {"log_calls": self.ledger.calls}


def autonomy_budget(given, _room):
    sequence = Sequence(given["start_unix"])
    results = []
    for step in given["ops"]:
        arguments = {name: value for name, value in step.items() if name != "op"}
        results.append(encode(getattr(sequence, step["op"])(**arguments)))
    return {"results": results}


OPS = {"autonomy_parse": autonomy_parse, "autonomy_budget": autonomy_budget}
