"""What the release captain said and used, call by call: the scenario from which every fact follows."""

# ruff: noqa: E501 - one call a row reads best unbroken

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from .routes import Json, Tokens
from .transcript import tool_schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One served call and at most one tool it asked for."""

    used: Tokens
    text: str
    route: str = "sonnet"
    tool: str = ""
    arguments: Json = field(default_factory=dict)
    result: str = ""
    thinking: str | None = None


def _turn(
    used: str, text: str, tool: str = "", result: str = "", /, *, route: str = "sonnet", **arguments: str
) -> Turn:
    numbers = [int(number.replace(",", "")) for number in used.split()]
    names = ("input", "output", "read", "write")
    tokens = Tokens(**dict(zip(names, numbers, strict=False)))
    return Turn(used=tokens, text=text, route=route, tool=tool, arguments=dict(arguments), result=result)


SYSTEM: Final = (
    "You are release_captain for harbor-billing, a payments service in Go.\n"
    "Take the release from tag to announcement. Read before you claim: every finding names a file and a line.\n"
    "A release is blocked by: a migration that cannot be rolled back, a webhook signature change without a\n"
    "version bump, or a failing ledger invariant. Everything else is a note.\n"
    "Work one step at a time; stop and say so when you are not sure."
)
TOOLS: Final = [
    tool_schema("git_log", "Commits between two tags, one line each.", range="revision range"),
    tool_schema(
        "git_diff", "Unified diff of a path between two tags.", range="revision range", path="file or folder"
    ),
    tool_schema("read_file", "Read a file of the checkout.", path="path from the repository root"),
    tool_schema(
        "grep", "Search the checkout with a regular expression.", pattern="regex", path="where to look"
    ),
    tool_schema("run_tests", "Run one Go test package and return its output.", package="package path"),
    tool_schema("post_message", "Post to a release channel.", channel="channel name", text="what to say"),
]

OPENING: Final = (
    _turn("3,840 260", "Plan: collect the changes, review the diff and verify each area as I meet it, then changelog, "
          "risk, sign-off, announcement. I start with the commit list.", "git_log",
          "a41f0c2 ledger: post fees in the settlement currency\n9be77d1 webhooks: retry with jitter\n"
          "3c0d9aa migrations: add settlement_fx index\n77e1b04 docs: webhook retry table\n(34 more)",
          range="v4.11.3..v4.12.0"),
    _turn("4,410 190", "38 commits, three areas that can block a release: ledger-core, webhooks, migrations."),
)  # fmt: skip

COLLECT: Final = (
    _turn("3,120 240", "Grouping the commits by area.", "git_log", "38 commits: ledger 11, webhooks 9, migrations 4, "
          "docs 8, ci 6", route="haiku", range="v4.11.3..v4.12.0"),
    _turn("4,260 310", "Ledger: fees now post in the settlement currency (a41f0c2).", "git_diff",
          "@@ internal/ledger/fees.go:88 @@\n-	amt := fee.In(base)\n+	amt := fee.In(settlement)", route="haiku",
          range="v4.11.3..v4.12.0", path="internal/ledger"),
    _turn("5,480 280", "Webhooks: retry with jitter, at most 9 attempts (9be77d1).", "git_diff",
          "@@ internal/webhooks/retry.go:41 @@\n+	wait := backoff(n) + jitter(250*time.Millisecond)", route="haiku",
          range="v4.11.3..v4.12.0", path="internal/webhooks"),
    _turn("2,950 410", "These commit messages say “Währungsumrechnung” and “手数料”: currency conversion and fees.",
          route="glm"),
    _turn("6,130 260", "Migrations: one index, built concurrently.", "read_file",
          "CREATE INDEX CONCURRENTLY settlement_fx_idx ON settlements (fx_rate_id);", route="haiku",
          path="migrations/0142_settlement_fx.sql"),
    _turn("6,720 350", "No change touches the signing key rotation.", "grep", "no matches", route="haiku",
          pattern="RotateSigningKey", path="internal"),
    _turn("7,040 520", "Collected: 38 commits, 3 risky areas, 2 notes for the changelog.", route="haiku"),
)  # fmt: skip

#: ``input`` includes cache tokens; each call reads what the calls before it wrote.
REVIEW: Final = (
    _turn("18,400 620 0 14,200", "Reading the ledger diff first: it moves money.", "git_diff",
          "@@ internal/ledger/fees.go:88 @@ … 412 lines", range="v4.11.3..v4.12.0", path="internal/ledger"),
    _turn("20,150 540 14,200 4,900", "fees.go:88 converts before rounding; settle.go:204 still rounds first.",
          "read_file", "func (s *Settler) round(a Amount) Amount { … }", path="internal/ledger/settle.go"),
    _turn("22,380 710 19,100 2,600", "Rounding order differs, but the invariant test covers it.", "run_tests",
          "ok  internal/ledger 3.204s", package="./internal/ledger/..."),
    _turn("24,960 480 21,700 2,400", "Ledger reads well. Verifying ledger-core before I go on."),
    _turn("27,120 690 24,100 2,300", "Now webhooks: the retry loop sleeps inside the transaction.", "read_file",
          "func (d *Dispatcher) deliver(ctx context.Context, ev Event) error { … }",
          path="internal/webhooks/dispatcher.go"),
    _turn("28,840 350 26,400 1,500", "dispatcher.go:131 holds a row lock while it waits. Verifying webhooks."),
    _turn("30,570 560 27,900 1,900", "Webhook verification returned nothing; I note the finding and go on.", "git_diff",
          "@@ migrations/0142_settlement_fx.sql @@ … 9 lines", range="v4.11.3..v4.12.0", path="migrations"),
    _turn("32,410 420 29,800 1,700", "The index is concurrent and has a down migration. Verifying migrations."),
    _turn("33,900 880 31,500 1,600", "Review done: no blocker; one note on dispatcher.go:131, lock held while waiting."),
)  # fmt: skip

#: No cache in ``verify``: its step is charged exactly what the transcript says.
VERIFY: Final = {
    "ledger-core": (
        _turn("4,210 310", "Invariant: the sum of postings is zero per settlement.", "grep", "ledger_test.go:61: "
              "func TestPostingsSumToZero", pattern="SumToZero", path="internal/ledger"),
        _turn("5,320 280", "Running it against the new fee path.", "run_tests", "ok  internal/ledger 3.911s",
              package="./internal/ledger -run SumToZero"),
        _turn("6,480 420", "And with a currency that has no minor unit.", "run_tests", "ok  internal/ledger 2.770s",
              package="./internal/ledger -run JPY"),
        _turn("7,150 350", "settle.go:204 rounds before conversion; checking the drift.", "read_file",
              "// drift is bounded by half a minor unit per leg", path="internal/ledger/settle.go"),
        _turn("8,030 510", "Bounded by half a unit; the ledger posts the remainder to 9990.", "grep",
              "settle.go:219: s.post(9990, drift)", pattern="9990", path="internal/ledger"),
        _turn("8,620 640", "ledger-core verified: postings balance in all 14 currencies tested."),
    ),
    "webhooks": (
        _turn("4,350 330", "Does the retry loop hold the lock? Reproducing with the fixture.", "run_tests",
              "FAIL internal/webhooks 30.0s: context deadline exceeded", package="./internal/webhooks -run Retry"),
        _turn("6,120 410", "It times out. Reading the dispatcher with its callers.", "read_file",
              "func (d *Dispatcher) deliver … 310 lines", path="internal/webhooks/dispatcher.go"),
        _turn("9,480 520", "The lock comes from claimNext. Reading the store.", "read_file",
              "func (s *Store) claimNext(ctx context.Context) (Event, error) { … 420 lines }",
              path="internal/webhooks/store.go"),
        _turn("13,240 610", "I need the delivery log of the failing fixture.", "read_file",
              "(log of 3,100 deliveries, cut at 16 kB)", path="testdata/webhooks/slow_consumer.log"),
        _turn("17,860 700", "Again with the whole log: the stall is after delivery 2,048.", "read_file",
              "(deliveries 2,040–2,060)", path="testdata/webhooks/slow_consumer.log"),
        _turn("18,730 140", "One more look at the store before I judge.", "grep", "store.go:77: FOR UPDATE",
              pattern="FOR UPDATE", path="internal/webhooks"),
        _turn("24,510 860", "The row lock is held through the jitter sleep: deliveries stall for up to 9 retries. "
              "This blocks the release unless retry moves out of the transaction."),
    ),
    "migrations": (
        _turn("4,100 260", "Checking that 0142 can be rolled back.", "read_file",
              "DROP INDEX CONCURRENTLY IF EXISTS settlement_fx_idx;", path="migrations/0142_settlement_fx.down.sql"),
        _turn("4,980 300", "It can. Running up and down on an empty database.", "run_tests",
              "ok  migrations 8.113s", package="./migrations -run UpDown"),
        _turn("5,610 240", "And on the 2 GB snapshot.", "run_tests", "ok  migrations 41.520s",
              package="./migrations -run Snapshot"),
        _turn("6,020 450", "migrations verified: up and down clean, no long lock taken."),
    ),
}  # fmt: skip

CHANGELOG: Final = (
    _turn("3,000 1,000", "Draft:\n## 4.12.0\n### Changed\n- Fees post in the settlement currency.\n- Webhook retries "
          "use jitter.", route="haiku"),
    _turn("4,500 1,500", "Final changelog with links to 38 commits and the two notes from the review.", route="haiku"),
)  # fmt: skip

RISK: Final = (
    _turn("8,200 640", "Risk inputs: 3 areas, 2 verified. webhooks has no verification result.", "read_file",
          "rollout: 5% → 25% → 100% over 6 h", path="deploy/rollout.yaml"),
    _turn("10,150 720", "An unverified area that holds row locks is a high risk at 100 %.", "grep",
          "deliver_timeout: 30s", pattern="deliver_timeout", path="deploy"),
    _turn("11,890 810", "Risk: high for webhooks, low elsewhere. A person should decide."),
)  # fmt: skip

SIGNOFF: Final = (
    _turn("14,200 900", "The risk step asks for a decision. Options: hold, or ship with webhook retries off.",
          "read_file", "flags:\n  webhook_retry_jitter: true", route="opus", path="deploy/flags.yaml"),
    _turn("15,800 1,150", "Sign-off: ship 4.12.0 with webhook_retry_jitter off until dispatcher.go:131 is fixed.",
          route="opus"),
)  # fmt: skip

ANNOUNCE: Final = (
    _turn("2,210 380", "Writing the announcement.", "read_file", "#releases: what changed, what to watch, who is on call",
          route="haiku", path="docs/announce.md"),
    _turn("2,940 420", "Posting it.", "post_message", "posted", route="haiku", channel="#releases",
          text="harbor-billing 4.12.0 is out, webhook retry jitter off"),
    _turn("3,310 150", "Announced in #releases.", route="haiku"),
)  # fmt: skip
