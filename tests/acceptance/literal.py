"""The seeds' pure functions line by line, as slow and plain as they stand there; nothing of ``harnlab.core``.

Inputs and outputs are those of the golden vectors. A runtime int is an ``int``, a float a ``float``;
``{"$float": …}`` and ``{"$duration_ms": …}`` are read by :func:`decoded`.
"""

import math
import re
from decimal import Decimal

WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680"
    + "".join(map(chr, range(0x2000, 0x200B)))
    + "\u2028\u2029\u202f\u205f\u3000"
)


class Duration(int):
    """Milliseconds, a type of its own."""


def decoded(value):
    if isinstance(value, list):
        return [decoded(one) for one in value]
    if isinstance(value, dict):
        if list(value) == ["$float"]:
            return {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}[value["$float"]]
        if list(value) == ["$duration_ms"]:
            return Duration(value["$duration_ms"])
        return {name: decoded(one) for name, one in value.items()}
    return value


def type_name(value):
    if value is None:
        return "nil"
    if isinstance(value, Duration):
        return "duration"
    return {bool: "bool", int: "int", float: "float", str: "string", list: "list", dict: "dict"}[type(value)]


def display(value):
    kind = type_name(value)
    if kind == "nil":
        return "nil"
    if kind == "bool":
        return "true" if value else "false"
    if kind == "float":
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "inf" if value > 0 else "-inf"
        if value == int(value) and abs(value) < 1e15:
            return f"{value:.1f}"
        text = f"{Decimal(repr(value)):f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    if kind == "list":
        return "[" + ", ".join(display(one) for one in value) + "]"
    if kind == "dict":
        return "{" + ", ".join(f"{name}: {display(value[name])}" for name in sorted(value)) + "}"
    if kind == "duration":
        ms = int(value)
        if ms >= 3_600_000 and ms % 3_600_000 == 0:
            return f"{ms // 3_600_000}h"
        if ms >= 60_000 and ms % 60_000 == 0:
            return f"{ms // 60_000}m"
        if ms >= 1000 and ms % 1000 == 0:
            return f"{ms // 1000}s"
        return f"{ms}ms"
    return str(value)


def provenance(given):
    value = decoded(given["value"])
    if not isinstance(value, dict):
        return {"parsed": None, "json": None}
    parsed = {}
    for key in ("provider", "model", "wire_format", "thinking", "tool_format"):
        parsed[key] = None
        if key in value:
            text = display(value[key])
            if text != "":
                parsed[key] = text
    return {"parsed": parsed, "json": {key: "unknown" if one is None else one for key, one in parsed.items()}}


def from_error(given):
    lower = given["message"].lower()
    if "completion_tokens=" in lower and (
        "delivered no content" in lower
        or ("no dispatchable tool call or answer" in lower and "upstream contract violation" in lower)
    ):
        return _outcome("empty_completion_terminal", completion_tokens=0, content_len=0)
    if "rate limit" in lower or "quota" in lower or "usage limit" in lower or "429" in lower:
        return _outcome("usage_limit")
    for needle, name in [
        ("api error", "api_error"),
        ("timed out", "timeout"),
        ("timeout", "timeout"),
        ("connection", "connection"),
        ("missing content array", "malformed_response"),
        ("authentication", "auth"),
        ("unauthorized", "auth"),
        ("401", "auth"),
        ("not found", "not_found"),
        ("404", "not_found"),
        ("overloaded", "overloaded"),
        ("500", "server_error"),
        ("502", "server_error"),
        ("503", "server_error"),
    ]:
        if needle in lower:
            return _outcome("provider_error", **{"class": name})
    return _outcome("provider_error", **{"class": "unknown"})


def from_result(given):
    content_len = len(given["text"].encode())
    committed_nothing = (
        given["text"] == ""
        and given["tool_calls"] == []
        and (given["thinking"] is None or given["thinking"] == "")
    )
    tokens = given["output_tokens"]
    if committed_nothing and tokens > 0:
        return _outcome("empty_completion_terminal", completion_tokens=tokens, content_len=0)
    if given["empty_retries"] > 0:
        return _outcome(
            "empty_completion_transient_recovered",
            completion_tokens=tokens,
            content_len=content_len,
            empty_retries=given["empty_retries"],
        )
    return _outcome("served", completion_tokens=tokens, content_len=content_len)


def _outcome(kind, **members):
    return {"outcome": {"kind": kind, **members}, "outcome_kind": kind}


def base_url_host(given):
    parts = given["base_url"].split("://")
    if len(parts) < 2:
        return {"host": given["base_url"]}
    return {"host": parts[1].split("/")[0]}


def thinking_json(given):
    thinking = given["thinking"]
    if thinking["kind"] == "disabled":
        return {"json": {"mode": "off", "enabled": False}}
    if thinking["kind"] == "enabled":
        return {"json": {"mode": "enabled", "enabled": True, "budget_tokens": thinking["budget_tokens"]}}
    if thinking["kind"] == "adaptive":
        return {"json": {"mode": "adaptive", "enabled": True}}
    level = thinking["level"]
    return {"json": {"mode": "effort", "level": level, "enabled": level != "none"}}


def fit_catalog(header, blocks, budget):
    template = "\n\n... 1 more skill(s) omitted to stay within budget."
    budget = max(budget, len(header.encode()) + len(template.encode()))
    visible = 0
    rendered = header
    while visible < len(blocks):
        block = blocks[visible]
        size = len(rendered.encode()) + (len(block.encode()) if visible == 0 else 1 + len(block.encode()))
        if size > budget:
            break
        if visible > 0:
            rendered += "\n"
        rendered += block
        visible += 1
    omitted = len(blocks) - visible
    if omitted > 0:
        while True:
            suffix = f"\n\n... {omitted} more skill(s) omitted to stay within budget."
            if len(rendered.encode()) + len(suffix.encode()) <= budget:
                rendered += suffix
                break
            if visible == 0:
                break
            visible -= 1
            omitted += 1
            rendered = header
            for index, block in enumerate(blocks[:visible]):
                if index > 0:
                    rendered += "\n"
                rendered += block
    return rendered, visible


def catalog_fit(given):
    rendered, shown = fit_catalog(given["header"], given["blocks"], given["budget"])
    return {"rendered": rendered, "rendered_bytes": len(rendered.encode()), "shown": shown}


HEADER = (
    '## Available skills\n\nThese skills are available. Call `load_skill({ name: "<skill-id>" })` to load the full '
    "body of a skill when it becomes relevant.\n\n"
)


def activation_evidence(given):
    inputs, budget = given["inputs"], given["budget"]
    fit_index = [index for index, one in enumerate(inputs) if one["in_catalog"]]
    rendered, shown_count = HEADER, 0
    if fit_index:
        rendered, shown_count = fit_catalog(HEADER, [inputs[index]["block"] for index in fit_index], budget)
    shown_inputs = fit_index[:shown_count]
    cards, shown, omitted = [], [], []
    for index, one in enumerate(inputs):
        if one["disable_model_invocation"]:
            selected, reason = False, "disable_model_invocation"
        elif not one["in_catalog"]:
            selected, reason = False, "catalog_limit"
        elif index in shown_inputs:
            selected, reason = True, None
        else:
            selected, reason = False, "budget"
        lifecycle = "shown" if selected else "omitted"
        if one["id"] in given["used"]:
            lifecycle = "used"
        elif one["id"] in given["loaded"]:
            lifecycle = "loaded"
        (shown if selected else omitted).append(one["id"])
        size = len(one["block"].encode())
        echoed = ("id", "name", "source", "description", "when_to_use", "disable_model_invocation", "matched")
        cards.append(
            {name: one[name] for name in echoed}
            | {"selected": selected, "omitted_reason": reason, "char_estimate": size}
            | {"token_estimate": (size + 3) // 4, "lifecycle": lifecycle}
        )
    used = len(rendered.encode())
    return {
        "schema_version": 1,
        "budget_chars": budget,
        "used_chars": used,
        "budget_tokens": (budget + 3) // 4,
        "used_tokens": (used + 3) // 4,
        "shown": shown,
        "omitted": omitted,
        "cards": cards,
    }


def autonomy_parse(given):
    label = given["label"]
    options = decoded(given["options"])
    if not isinstance(options, dict) or "autonomy_budget" not in options:
        return {"ok": None}
    budget = options["autonomy_budget"]
    if budget is None:
        return {"ok": None}
    if not isinstance(budget, dict):
        return _refused(f"{label}: autonomy_budget must be a dict {{per_hour, per_day, key?, reviewer?}}")
    caps = {}
    for name in ("per_hour", "per_day"):
        value = budget.get(name)
        if value is None:
            caps[name] = None
        elif type(value) is int and value >= 0:
            caps[name] = value
        else:
            return _refused(f"{label}: autonomy_budget.{name} must be a non-negative int")
    if caps["per_hour"] == 0:
        return _refused(f"{label}: autonomy_budget.per_hour must be >= 1 (use nil to disable)")
    if caps["per_day"] == 0:
        return _refused(f"{label}: autonomy_budget.per_day must be >= 1 (use nil to disable)")
    if caps["per_hour"] is None and caps["per_day"] is None:
        return {"ok": None}
    key = budget.get("key")
    if key is None:
        key = given["default_key"]
    elif not (isinstance(key, str) and key.strip(WHITE_SPACE)):
        return _refused(f"{label}: autonomy_budget.key must be a non-empty string, got {type_name(key)}")
    if not key.strip(WHITE_SPACE):
        return _refused(f"{label}: autonomy_budget requires a non-empty `key` or session_id")
    reviewer = budget.get("reviewer")
    if reviewer is None:
        reviewer = "operator"
    elif not (isinstance(reviewer, str) and reviewer.strip(WHITE_SPACE)):
        return _refused(
            f"{label}: autonomy_budget.reviewer must be a non-empty string, got {type_name(reviewer)}"
        )
    return {"ok": {"key": key, **caps, "reviewer": reviewer}}


def _refused(message):
    return {"error": {"kind": "runtime", "message": message}}


def as_u64(number):
    return min(int(number), 2**64 - 1)


def step_definition(args):
    """Answer of ``register_step`` and the definition it leaves."""
    args = decoded(args)
    if not args or not isinstance(args[0], str):
        return _thrown("__register_step: expected (function_name, metadata_dict)"), None
    if len(args) < 2 or not isinstance(args[1], dict):
        return _thrown("__register_step: metadata argument must be a dict"), None
    function, meta = args[0], args[1]

    def text(name):
        return meta[name] if isinstance(meta.get(name), str) else None

    definition = {
        "function": function,
        "name": function if text("name") is None else text("name"),
        "model": text("model") or None,
        "error_boundary": text("error_boundary"),
        "max_tokens": None,
        "max_usd": None,
    }
    budget = meta.get("budget")
    if isinstance(budget, dict):
        tokens, usd = budget.get("max_tokens"), budget.get("max_usd")
        if type(tokens) is int and tokens > 0:
            definition["max_tokens"] = tokens
        if type(tokens) is float and math.isfinite(tokens) and tokens > 0.0:
            definition["max_tokens"] = as_u64(tokens)
        if type(usd) is float and math.isfinite(usd) and usd >= 0.0:
            definition["max_usd"] = usd
        if type(usd) is int and usd >= 0:
            definition["max_usd"] = float(usd)
    word = definition["error_boundary"]
    definition["boundary"] = word if word in ("continue", "escalate") else "fail"
    return {"ok": None}, definition


def _thrown(message):
    return {"error": {"kind": "thrown", "value": message}}


def persona_matches(pattern, persona):
    """Rule of 0.8 for patterns whose only special character is a ``*`` that stands alone."""
    if pattern == "*":
        return True
    if "*" in pattern:
        expression = b".*".join(re.escape(part.encode()) for part in pattern.split("*"))
        if re.fullmatch(expression, persona.encode(), re.DOTALL):
            return True
    if pattern.endswith("*"):
        return persona.startswith(pattern[:-1])
    if pattern.startswith("*"):
        return persona.endswith(pattern[1:])
    return persona == pattern


def hooks(given):
    registered = decoded(given["hooks"])
    matches = []
    for query in decoded(given["queries"]):
        if query.get("clear"):
            registered = []
            matches.append([])
            continue
        found = []
        for hook in registered:
            if hook["event"] != query["event"]:
                continue
            if not persona_matches(hook["persona_pattern"], query["persona"] or ""):
                continue
            if hook["step_name"] is not None and hook["step_name"] != query["step_name"]:
                continue
            threshold, pct = hook["threshold_pct"], query["budget_pct"]
            if threshold is not None and (pct is None or not pct >= threshold):
                continue
            found.append({"handler": hook["handler"], "event": hook["event"]})
        matches.append(found)
    return {"matches": matches}
