"""What a redacted report may still say: nothing that is, or looks like, a secret, and no text of a message."""

import base64
import json
import re
import string
from html import unescape

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import harnlab as hl
from harnlab.reports.redaction import Redactor
from ingest.transcript_lines import dispatch, line, request, response

WORD = string.ascii_letters + string.digits


def words(least, most=None, letters=WORD):
    return st.text(letters, min_size=least, max_size=most or least)


def jwt(body):
    def part(text):
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    return f"{part(json.dumps({'alg': 'HS256'}))}.{part(json.dumps({'sub': body}))}.{part(body)}"


SECRETS = st.one_of(
    words(40, 48).map("sk-{}".format),
    words(40, 60).map("sk-ant-api03-{}".format),
    words(36).map("sk-proj-{}".format),
    words(36).map("ghp_{}".format),
    words(22).map("github_pat_{}".format),
    words(20).map("glpat-{}".format),
    words(24).map("xoxb-1234-{}".format),
    words(16, letters=string.ascii_uppercase + string.digits).map("AKIA{}".format),
    words(35).map("AIza{}".format),
    words(34).map("hf_{}".format),
    words(24).map("sk_live_{}".format),
    words(12, 20).map(jwt),
    words(12, 20, string.ascii_lowercase).map("{}@example.co.uk".format),
    words(12, 20, string.ascii_lowercase).map("first.{}+tag@example.org".format),
    words(24, 64).map("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----".format),
    words(12, 30).map("https://admin:{}@db.example.org/x".format),
)
#: Where a secret may stand in a text.
AROUND = st.sampled_from(
    ["{}", "key: {} .", "({})", "export API_KEY={}", '{{"api_key": "{}"}}', "a\u200bb {}", "{}\nmore", "«{}»"]
)
#: Part of each secret that must not be read anywhere.
NAMED = st.one_of(
    words(8, 30).map("password={}".format),
    words(8, 30).map("Authorization: Bearer {}".format),
    words(8, 30).map('"client_secret": "{}"'.format),
    words(8, 30).map('\\"access_token\\": \\"{}\\"'.format),
    words(8, 30).map("DB_PASSWD='{}'".format),
    words(8, 30).map("x-api-key: {}".format),
)


def core(secret):
    """Longest run of letters in a secret: what a reader would need of it."""
    longest = "".join(c if c in WORD else " " for c in secret).split()
    return max(longest, key=len)


@settings(deadline=None)
@given(secret=SECRETS, around=AROUND)
def test_no_known_shape_of_a_secret_survives(secret, around):
    assert core(secret) not in Redactor().text(around.format(secret))


@settings(deadline=None)
@given(text=NAMED)
def test_what_stands_after_a_word_for_a_secret_does_not_survive(text):
    value = "".join(c if c in WORD else " " for c in text).split()[-1]
    assert value not in Redactor().text(text)


@pytest.mark.parametrize("unseen", ["\u200b", "\u2060", "\ufeff", "\u202e", "\u00ad"])
def test_characters_that_are_not_seen_do_not_hide_a_secret(unseen):
    told = Redactor().text(f"sk-ant-{unseen}abcdefgh{unseen}ijklmnop1234567890")
    assert "ijklmnop" not in told


@pytest.mark.parametrize(
    "text",
    [
        "run_019e1b82-3cc5-7001-8387-80758b4592f2",
        "019e1b82-9ff9-702b-8c7f-c5b3d2cbe8c3",
        "openrouter/claude-sonnet-4-6/openai_compat",
        "openrouter/qwen/qwen3.6-27b/openai_compat",
        "24 of 364 dispatches (6.6 %) silently inherited a part of the route from the primary",
        "call 3 of 3 took `risk` from 19,710 tokens to 32,410 tokens, over its max_tokens of 30,000 tokens",
        "max_tokens: 30000, total_tokens=5333",
        "transcripts/run_019e1c1d-684c-7001-be19-0aceefff9662/llm_transcript.jsonl:12",
        "hourly_autonomy_budget_exceeded",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_what_an_analyst_needs_is_left_as_it_is(text):
    redactor = Redactor()
    assert redactor.text(text) == text
    assert redactor.told() == "nothing found"


def test_the_same_secret_has_the_same_number_and_another_another():
    told = Redactor().text("a@example.org b@example.org a@example.org")
    assert told == "[e-mail 1] [e-mail 2] [e-mail 1]"


def test_a_quoted_line_keeps_its_structure_its_numbers_and_the_words_of_the_runtime():
    record = {"type": "provider_call_response", "text": "my secret plan", "cost_usd": 0.5, "cached": True}
    record |= {"tool_calls": [{"arguments": {"path": "/home/alice"}}], "a key with a name": 1}
    told = json.loads(Redactor().line(json.dumps(record)))
    assert told == {
        "type": "provider_call_response",
        "text": "[text, 14 characters]",
        "cost_usd": 0.5,
        "cached": True,
        "tool_calls": [{"arguments": {"path": "[text, 11 characters]"}}],
        "[text, 17 characters]": 1,
    }


def test_a_quoted_line_that_is_no_json_is_its_length():
    assert Redactor().line('{"text": "half a li') == "[text, 19 characters]"
    assert Redactor().line("9" * 30) == "[text, 30 characters]"
    assert Redactor().line("[" * 100_000) == "[text, 100,000 characters]"


def test_masking_a_megabyte_does_not_take_long():
    long = "key token secret_ " * 60_000
    assert len(Redactor().text(long[:20_000])) > 10_000


def hostile_home(home, secrets):
    """Write a log that holds a secret in every place a text may stand, another one in each of its calls."""
    records = []
    for number, secret in enumerate(secrets):
        told, call = f"before {secret} after", f"c{number}"
        records += [
            request(call, provider=told, model=told, messages=[{"role": "user", "content": told}]),
            response(call, provider=told, model=told, text=told, thinking=told, stop_reason=told),
            dispatch(call, provider=told, model=told, provenance={"provider": "inherited_from_primary"}),
            {"type": told, "timestamp": told, told: told},
            {"type": "resolved_dispatch", "call_id": told, "iteration": told, "model": secret},
        ]
    folder = home / f"mail {secrets[0]}".replace("/", "_")[:100]
    folder.mkdir()
    lines = [line(**record) for record in records]
    lines += [json.dumps(secret).encode() for secret in secrets] + [secret.encode() for secret in secrets]
    (folder / "llm_transcript.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return folder


@settings(max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(secrets=st.lists(SECRETS, min_size=10, max_size=10, unique_by=core))
def test_no_secret_survives_anywhere_in_the_file(tmp_path_factory, secrets):
    home = tmp_path_factory.mktemp("home")
    runs = hl.load(hostile_home(home, secrets), progress=False)
    page = hl.report(runs, home / "report.html", redact=True).read_text()
    for text in (page, unescape(page)):
        assert [secret for secret in secrets if core(secret) in text] == []
    assert "<strong>Redacted.</strong>" in page
    assert {link[0] for link in re.findall('href="([^"]*)', page)} <= {"#"}
    assert str(home) not in page
