# ruff: noqa: E501 - one issue or turn a row reads best unbroken
"""The twelve issues of ``inherited-route`` and what a coding agent says while it fixes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .transcript import tool_schema


@dataclass(frozen=True, slots=True)
class Issue:
    """One ticket of the day."""

    number: int
    start: str
    title: str
    symptom: str
    file: str
    function: str
    test: str
    cause: str
    fix: str


ISSUES: Final = (
    Issue(4181, "2026-05-11T09:04:17.310Z", "Invoice PDF shows the wrong due date", "the due date is one day early in Auckland", "src/invoice/due.ts", "dueDate", "test/invoice/due.test.ts", "the date is cut in UTC", "cut it in the customer's zone"),
    Issue(4184, "2026-05-11T10:31:40.022Z", "Search box loses the last letter", "typing fast drops the last key", "src/search/box.tsx", "onType", "test/search/box.test.tsx", "the debounce keeps the first event", "keep the last event"),
    Issue(4190, "2026-05-11T11:47:05.740Z", "CSV export breaks on quotes", "a name with a quote shifts every column", "src/export/csv.ts", "cell", "test/export/csv.test.ts", "quotes are not doubled", "double them as RFC 4180 says"),
    Issue(4195, "2026-05-11T13:22:31.118Z", "Seats count twice after undo", "undo adds a seat that was never removed", "src/plan/seats.ts", "applyUndo", "test/plan/seats.test.ts", "the undo stack replays both halves", "replay the inverse only"),
    Issue(4199, "2026-05-11T15:05:58.901Z", "Avatar upload fails on Safari", "HEIC files are refused with 415", "src/avatar/upload.ts", "accepts", "test/avatar/upload.test.ts", "the type list has no image/heic", "accept it and convert on the server"),
    Issue(4203, "2026-05-11T16:40:12.455Z", "Webhook page shows stale status", "a delivered event stays “pending”", "src/webhooks/list.tsx", "useDeliveries", "test/webhooks/list.test.tsx", "the cache key has no page number", "put the page into the key"),
    Issue(4207, "2026-05-12T08:52:44.087Z", "Trial banner on paid accounts", "the banner stays after an upgrade", "src/plan/banner.tsx", "showsTrial", "test/plan/banner.test.tsx", "it reads the plan at login", "read it from the store"),
    Issue(4211, "2026-05-12T09:26:20.613Z", "Tax rounding differs from the ledger", "totals are off by a cent for 3 lines of 0.35", "src/invoice/tax.ts", "taxOf", "test/invoice/tax.test.ts", "each line is rounded before the sum", "round once, after the sum"),
    Issue(4214, "2026-05-12T10:58:03.270Z", "Session ends while typing", "a long comment is lost at 30 minutes", "src/session/idle.ts", "touch", "test/session/idle.test.ts", "typing does not count as activity", "touch the session on input"),
    Issue(4216, "2026-05-12T12:15:49.836Z", "Nightly evaluation: date picker", "the picker opens on the wrong month", "src/date/picker.tsx", "initialMonth", "test/date/picker.test.tsx", "months are counted from 1", "count them from 0"),
    Issue(4220, "2026-05-12T14:03:27.549Z", "Currency menu sorts “Ö” last", "ÖRE stands after Z in Swedish and in German", "src/money/menu.tsx", "byName", "test/money/menu.test.tsx", "names are compared by code point", "compare with the user's collator"),
    Issue(4226, "2026-05-12T16:31:10.194Z", "Bulk invite stops at 50", "the 51st address is dropped without a word", "src/team/invite.ts", "batches", "test/team/invite.test.ts", "the last batch is not sent", "send the remainder"),
)  # fmt: skip

SYSTEM: Final = (
    "You are a coding agent in the repository harbor-web (TypeScript). Fix one issue: reproduce it with a test, find the\n"
    "cause, change as little as possible, run the tests. Use one tool per turn. When two attempts at the cause fail, say\n"
    "STUCK and the smart model takes over."
)
TITLE_SYSTEM: Final = "Answer with a title of at most eight words."
COMMIT_SYSTEM: Final = "Write a commit message: one line of at most 72 characters."
TOOLS: Final = [
    tool_schema("read_file", "Read a file of the checkout.", path="path from the repository root"),
    tool_schema(
        "grep", "Search the checkout with a regular expression.", pattern="regex", path="where to look"
    ),
    tool_schema("edit_file", "Replace a passage of a file.", path="file", old="passage", new="replacement"),
    tool_schema("run_tests", "Run one test file with vitest.", path="test file"),
]

#: (what the model says, tool, its answer); braces are filled from the issue.
CHEAP: Final = (
    ("Looking for where this happens: {symptom}.", "grep", "{file}:41: export function {function}(", {"pattern": "{function}", "path": "src"}),
    ("Reading {file}.", "read_file", "export function {function}(input) {{ … 38 lines … }}", {"path": "{file}"}),
    ("Is there a test for {function}?", "grep", "{test}:12: describe('{function}'", {"pattern": "describe\\('{function}", "path": "test"}),
    ("Adding a test that fails: {symptom}.", "edit_file", "1 passage replaced", {"path": "{test}", "old": "// cases", "new": "it('{title}', () => …)"}),
    ("Running it.", "run_tests", "✗ {title}\n  1 failed, 6 passed", {"path": "{test}"}),
    ("It fails as reported. First try: guard the input.", "edit_file", "1 passage replaced", {"path": "{file}", "old": "return", "new": "if (!input) return"}),
    ("Running again.", "run_tests", "✗ {title}\n  1 failed, 6 passed", {"path": "{test}"}),
    ("Second try: change the caller.", "edit_file", "1 passage replaced", {"path": "{file}", "old": "{function}(", "new": "{function}Safe("}),
    ("STUCK: {function} still fails and I do not see why.", "run_tests", "✗ {title}\n  2 failed, 5 passed", {"path": "{test}"}),
)  # fmt: skip
SMART: Final = (
    ("Taking over. The two guesses changed the wrong place; I read {file} from the top.", "read_file", "export function {function}(input) {{ … 38 lines … }}", {"path": "{file}"}),
    ("The cause: {cause}. Reverting both guesses first.", "edit_file", "2 passages replaced", {"path": "{file}", "old": "{function}Safe(", "new": "{function}("}),
    ("The change is small: {fix}.", "edit_file", "1 passage replaced", {"path": "{file}", "old": "// {function}", "new": "// {fix}"}),
    ("Checking the callers of {function} before I hand back.", "grep", "{file}:41 and 2 callers, both fine", {"pattern": "{function}\\(", "path": "src"}),
    ("Done: {cause}, so I {fix}. Back to the first model for the tests.", "", "", {}),
)  # fmt: skip
FINISH: Final = (
    ("Running the test after the change.", "run_tests", "✓ {title}\n  7 passed", {"path": "{test}"}),
    ("Running the whole folder.", "run_tests", "✓ 31 passed", {"path": "test"}),
    ("Fixed: {cause}; now we {fix}.", "", "", {}),
)  # fmt: skip
