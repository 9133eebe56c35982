"""Masking what must not leave the house: texts of messages, keys, tokens, addresses.

Two nets. A quoted log line keeps only fields that are known to hold no text (times, counts, routes, words of Harn's
own); every other text is its length. And everything that is shown anywhere goes through the patterns below, so that
a key that stands in a model's name or a path does not survive either. The same secret gets the same number, so that
rows can still be told apart. No list of patterns is complete: the page says what was masked, not that nothing is
left.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

#: Kind of secret -> what it looks like. In order: the wider shape first.
_SHAPES: Final[tuple[tuple[str, str], ...]] = (
    ("private key", r"-----BEGIN[A-Z0-9 ]{0,40}(?:PRIVATE KEY|CERTIFICATE)[A-Z ]*-----.*?(?:-----END[^-]*-----|$)"),
    ("token", r"eyJ[\w-]{4,}\.[\w-]{2,}(?:\.[\w-]*)?"),
    ("password", r"(?<=://)[^\s/@\"'<>]{1,256}(?=@)"),
    ("token", r"(?i:\b(?:bearer|basic|token|apikey)\s+)[\w.~+/=-]{6,}"),
    ("key", r"\b(?:sk|pk|rk|ak|key|whsec|xai|gsk|hf|r8|pplx|fw|nvapi|sess|api)[-_](?:\w{1,24}-){0,8}\w{12,}[\w-]*"),
    ("key", r"\b(?:sk|pk|rk)-[\w-]{10,}"),
    ("key", r"\bgh[pousr]_\w{16,}|\bgithub_pat_\w{16,}|\bglpat-[\w-]{16,}|\bxox[a-z]-[\w-]{8,}|\bxapp-[\w-]{8,}"),
    ("key", r"\bA(?:KIA|SIA|ROA|IDA|GPA)[A-Z0-9]{12,}"),
    ("key", r"\bAIza[\w-]{20,}|\bya29\.[\w-]{10,}|\bGOCSPX-[\w-]{10,}"),
    ("key", r"\bSG\.[\w-]{10,}\.[\w-]{10,}|\bnpm_\w{20,}|\bpypi-[\w-]{20,}|\bdckr_pat_[\w-]{16,}|\bATATT[\w=-]{16,}"),
    ("e-mail", r"[\w.!#$%&'*+=?^`{|}~-]{1,64}(?:@|%40)(?:[\w-]{1,63}\.)+[^\W\d_]{2,24}"),
)  # fmt: skip
#: A word that names a secret, and what stands after it.
_NAMED: Final = re.compile(
    r"(?i)(?P<name>[\w-]{0,40}(?:api[_-]?key|apikey|access[_-]?key|secret|passw(?:or)?d|passphrase|pwd|credential|"
    r"private[_-]?key|auth(?:orization)?|bearer|(?<![a-z])token|cookie|session[_-]?key|signing[_-]?key|"
    r"client[_-]?secret|webhook[_-]?url|connection[_-]?string|dsn)[\w-]{0,20})"
    r"(?P<between>\\{0,4}[\"']?\s{0,4}(?:=>|[:=])\s{0,4}\\{0,4}[\"']?(?:(?:Bearer|Basic|Token)\s+)?)"
    r"(?P<secret>[^\s\"'\\,;&<>(){}\[\]]{4,})"
)
_SECRET_NAME: Final = re.compile(
    r"(?i)api[_-]?key|apikey|access[_-]?key|secret|passw(or)?d|passphrase|pwd|credential|private[_-]?key|"
    r"authorization|bearer|cookie|signing[_-]?key|connection[_-]?string|(^|[_-])(token|auth|dsn|key)$"
)
#: Long mixed text without a space: a key of a shape nobody has named yet.
_DENSE: Final = re.compile(r"[A-Za-z0-9+/_=-]{24,}")
#: Ids, hashes and names that are long and mixed and no secret.
_IDS: Final = re.compile(
    r"(?i)(?:[a-z]{1,24}[_-])*[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|"
    r"(?:sha(?:256|512)[-:])?[0-9a-f]{32}|(?:sha(?:256|512)[-:])?[0-9a-f]{64}"
)
_DENSE_BITS: Final = 3.8
#: Digits of a number that counts nothing.
_LONG_NUMBER: Final = 25
#: Characters that are not seen: they would let a key pass the patterns above.
_UNSEEN: Final = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")

#: Fields of a record that hold no text of a person or model; all others are masked in a quoted line.
_PLAIN: Final = frozenset(
    {
        "accounting_status", "actor_chain", "agent_id", "agent_key", "approval", "autonomy_tier",
        "base_url_host", "cache_visibility", "call_id", "call_role", "call_type", "completed_at",
        "created_at", "decision", "dialect", "error_category", "error_kind", "event_id",
        "event_type", "finish_reason", "function", "id", "inherited_fields", "kind", "lifecycle",
        "model", "name_of_step", "occurred_at", "omitted_reason", "origin", "outcome_kind",
        "parent_id", "parent_run_id", "parent_span_id", "persona", "phase", "provenance_model",
        "provenance_provider", "provenance_thinking", "provenance_tool_format",
        "provenance_wire_format", "provider", "reason_code", "receipt_id", "record_id",
        "record_type", "requested_model", "requested_provider", "route_policy", "run_id", "schema",
        "schema_version", "session_id", "skill_id", "span_id", "stage", "stage_id", "started_at",
        "finished_at", "status", "step", "stop_reason", "task_type", "template", "thinking_level",
        "thinking_mode", "timestamp", "tool_choice", "tool_format", "topic", "trace_id", "turn",
        "type", "updated_at", "version", "wire_format", "worker_id", "workflow_id", "written_at",
    }
)  # fmt: skip


class Redactor:
    """Masks texts, the same secret always under the same number; ``masked`` counts what was masked by kind."""

    def __init__(self) -> None:
        self.masked: Counter[str] = Counter()
        self._numbers: dict[str, dict[str, int]] = {}
        self._shapes = [(kind, re.compile(shape, re.DOTALL)) for kind, shape in _SHAPES]

    def text(self, text: str) -> str:
        """The text without anything that looks like a secret."""
        text = _UNSEEN.sub("", text)
        for kind, shape in self._shapes:
            text = shape.sub(self._masking(kind), text)
        text = _NAMED.sub(self._named, text)
        return _DENSE.sub(self._dense, text)

    def line(self, text: str) -> str:
        """A log line with its structure, numbers and known words; other texts as their length."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return self._length(text)
        if not isinstance(value, dict):  # no record: a piece of something else
            return self._length(text)
        try:
            return json.dumps(self._value(value, ""), ensure_ascii=False)
        except RecursionError:
            return self._length(text)

    def _value(self, value: Any, name: str) -> Any:
        match value:
            case dict():
                return {self._name(key): self._value(inner, key) for key, inner in value.items()}
            case list():
                return [self._value(inner, name) for inner in value]
            case str():
                return self.text(value) if name in _PLAIN and len(value) <= 200 else self._length(value)
            case int() if abs(value) >= 2**64:
                return self._length(str(value))
            case int() | float() if not isinstance(value, bool) and _SECRET_NAME.search(name):
                return self._mask("key", str(value))
        return value

    def _name(self, key: str) -> str:
        return self.text(key) if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}", key) else self._length(key)

    def _length(self, text: str) -> str:
        self.masked["text"] += 1
        return f"[text, {len(text):,} characters]"

    def _mask(self, kind: str, secret: str) -> str:
        self.masked[kind] += 1
        numbers = self._numbers.setdefault(kind, {})
        number = numbers.setdefault(secret, len(numbers) + 1)
        return f"[{kind} {number}]"

    def _masking(self, kind: str) -> Callable[[re.Match[str]], str]:
        return lambda match: self._mask(kind, match[0])

    def _named(self, match: re.Match[str]) -> str:
        counted = "tokens" in match["name"].lower() and re.fullmatch(r"[\d.]+", match["secret"])
        if counted or not any(c.isalnum() for c in match["secret"]):
            return match[0]
        return match["name"] + match["between"] + self._mask("key", match["secret"])

    def _dense(self, match: re.Match[str]) -> str:
        word = match[0]
        if word.isdigit() and len(word) >= _LONG_NUMBER:
            return self._mask("key", word)
        mixed = any(c.isdigit() for c in word) and any(c.isalpha() for c in word)
        if not mixed or _IDS.fullmatch(word) or _bits(word) < _DENSE_BITS:
            return word
        parts = re.split("[/_-]", word)
        return (
            word if all(len(part) < 20 or _IDS.fullmatch(part) for part in parts) else self._mask("key", word)
        )

    def told(self) -> str:
        """What was masked, in words."""
        names: Mapping[str, str] = {
            "text": "texts",
            "key": "keys",
            "token": "tokens",
            "e-mail": "e-mail addresses",
        }
        counts = [f"{count:,} {names.get(kind, f'{kind}s')}" for kind, count in self.masked.most_common()]
        return ", ".join(counts) or "nothing found"


def _bits(word: str) -> float:
    """Shannon entropy of a word, bits a letter."""
    return -sum(n / len(word) * math.log2(n / len(word)) for n in Counter(word).values())
