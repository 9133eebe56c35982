"""Inputs no vector has, mutated from those that do: harnlab answers as a line-by-line port of the seeds does."""

import importlib
import json
import random

import pytest

from acceptance import literal
from golden.codec import difference
from golden.test_vectors import ADAPTERS, DEFAULT_DIR, vector_files, vectors_of

MANY = 120

#: Texts in which lower-casing, trimming or counting bytes goes wrong where it can.
ODD_TEXTS = [
    "",
    " ",
    "\u2003\x85",
    "\x1c",
    "İ",
    "ẞß",
    "ΟΔΟΣ",
    "é",
    "😀",
    "429",
    "503",
    "://",
    "/",
    "API Error",
    "Quota",
    "ſ",
]
ODD_VALUES = [
    *ODD_TEXTS[:4],
    None,
    True,
    False,
    0,
    1,
    -1,
    2**63 - 1,
    -(2**63),
    0.5,
    -0.0,
    1.0,
    1e15,
    1e-7,
    18446744073709551615.0,
    {"$float": "nan"},
    {"$float": "inf"},
    {"$duration_ms": 0},
    {"$duration_ms": 90_000},
    [],
    [None, "a", 1.5],
    {},
    {"b": 1, "a": "x"},
]


def spliced(text, others, chance):
    """Text with some characters dropped, doubled, in the other case, or with a piece of another text inside."""
    characters = list(text)
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(characters))
        what = chance.randrange(4)
        if what == 0:
            del characters[at : at + 1]
        elif what == 1:
            characters[at:at] = list(chance.choice(ODD_TEXTS))
        elif what == 2:
            characters[at : at + 1] = [c.swapcase() for c in characters[at : at + 1]]
        else:
            other = chance.choice(others)
            start = chance.randint(0, len(other))
            characters[at:at] = list(other[start : start + chance.randint(0, 30)])
    return "".join(characters)


def mutated(value, chance):
    """Value with one of its members, at any depth, made another value of any type."""
    if (
        isinstance(value, dict)
        and value
        and not any(name.startswith("$") for name in value)
        and chance.random() < 0.9
    ):
        name = chance.choice(sorted(value))
        if chance.random() < 0.15:
            return {k: v for k, v in value.items() if k != name}
        return value | {name: mutated(value[name], chance)}
    if isinstance(value, list) and value and chance.random() < 0.7:
        at = chance.randrange(len(value))
        return [*value[:at], mutated(value[at], chance), *value[at + 1 :]]
    return chance.choice(ODD_VALUES)


def vectors():
    by_op = {}
    for file in vector_files(DEFAULT_DIR):
        for vector in vectors_of(file):
            by_op.setdefault(vector["op"], []).append(vector["input"])
    return by_op


INPUTS = vectors()


def texts(op, member):
    return [given[member] for given in INPUTS[op]]


def of_text(op, member):
    def make(chance):
        every = texts(op, member)
        return {member: spliced(chance.choice(every), every, chance)}

    return make


def result_input(chance):
    given = chance.choice(INPUTS["dispatch_outcome_from_result"])
    return given | {
        "text": chance.choice(["", "", " ", given["text"], *ODD_TEXTS]),
        "tool_calls": chance.choice([[], [], given["tool_calls"], [None]]),
        "thinking": chance.choice([None, "", given["thinking"], " "]),
        "output_tokens": chance.choice([0, 1, -1, given["output_tokens"], 2**63 - 1, -(2**63)]),
        "empty_retries": chance.choice([0, 0, 1, given["empty_retries"], 2**64 - 1]),
    }


def catalog_input(chance):
    given = chance.choice(INPUTS["catalog_fit"])
    blocks = [spliced(block, ODD_TEXTS, chance) for block in given["blocks"]] * chance.choice([1, 1, 2, 5])
    chance.shuffle(blocks)
    return given | {
        "blocks": blocks,
        "budget": tight_budget(given["header"], blocks, given["budget"], chance),
    }


def tight_budget(header, blocks, budget, chance):
    sizes = [len(header.encode())]
    for block in blocks:
        sizes.append(sizes[-1] + 1 + len(block.encode()))
    near = chance.choice(sizes) + chance.choice([0, 52, 53, 54]) + chance.randint(-2, 2)
    return chance.choice([0, budget, near, near, near])


def evidence_input(chance):
    given = chance.choice([one for one in INPUTS["activation_evidence"] if one["inputs"]])
    cards = [
        card
        | {
            "block": spliced(card["block"], ODD_TEXTS, chance),
            "in_catalog": chance.random() < 0.8,
            "disable_model_invocation": chance.random() < 0.2,
        }
        for card in given["inputs"]
    ]
    ids = [card["id"] for card in cards]
    blocks = [card["block"] for card in cards if card["in_catalog"]]
    return {
        "inputs": cards,
        "budget": tight_budget(literal.HEADER, blocks, given["budget"], chance),
        "loaded": chance.sample(ids, chance.randint(0, len(ids))),
        "used": [*chance.sample(ids, chance.randint(0, len(ids))), "no-such-skill"],
    }


def thinking_input(chance):
    kind = chance.choice(["disabled", "adaptive", "enabled", "effort"])
    return {
        "thinking": {"kind": kind}
        | ({"budget_tokens": chance.choice([None, 0, 1, -1, 2**63 - 1])} if kind == "enabled" else {})
        | (
            {"level": chance.choice(["none", "minimal", "low", "medium", "high", "xhigh", "max"])}
            if kind == "effort"
            else {}
        )
    }


def parse_input(chance):
    given = chance.choice([one for one in INPUTS["autonomy_parse"] if isinstance(one["options"], dict)])
    options = mutated(given["options"], chance)
    return given | {
        "options": options,
        "default_key": chance.choice([given["default_key"], "", " ", "\u2003", "k"]),
    }


def hooks_input(chance):
    given = chance.choice(INPUTS["hooks"])
    names = [hook["persona_pattern"] for hook in given["hooks"]] + ["", "Merge_Captain", "größe"]
    stars = [name.replace("**", "*") for name in names if not set(name) & set("?[]{}\\")]
    registered = [hook | {"persona_pattern": chance.choice(stars)} for hook in given["hooks"]]
    registered = [
        hook
        | {
            "step_name": chance.choice([None, hook["step_name"], "verify", ""]),
            "threshold_pct": chance.choice([None, hook["threshold_pct"], 80.0, -0.0, {"$float": "nan"}]),
        }
        for hook in registered
    ]
    queries = [
        query
        | {
            "persona": chance.choice([None, "", chance.choice(stars).replace("*", "x"), query["persona"]]),
            "step_name": chance.choice([None, query["step_name"], "verify", ""]),
            "budget_pct": chance.choice(
                [None, query["budget_pct"], 80.0, 79.99999999999999, 0.0, {"$float": "inf"}]
            ),
        }
        for query in given["queries"]
        if not query.get("clear")
    ]
    return {"hooks": registered, "queries": queries}


CASES = {
    "provenance": (
        lambda chance: {"value": mutated(chance.choice(texts("provenance", "value")), chance)},
        literal.provenance,
    ),
    "dispatch_outcome_from_error": (of_text("dispatch_outcome_from_error", "message"), literal.from_error),
    "dispatch_outcome_from_result": (result_input, literal.from_result),
    "base_url_host": (of_text("base_url_host", "base_url"), literal.base_url_host),
    "thinking_json": (thinking_input, literal.thinking_json),
    "catalog_fit": (catalog_input, literal.catalog_fit),
    "activation_evidence": (evidence_input, literal.activation_evidence),
    "autonomy_parse": (parse_input, literal.autonomy_parse),
    "hooks": (hooks_input, literal.hooks),
}


@pytest.mark.parametrize("op", CASES)
def test_harnlab_and_the_seed_answer_alike(op, tmp_path):
    answer = importlib.import_module(f"golden.adapters.{ADAPTERS[op]}").OPS[op]
    make, expected_of = CASES[op]
    chance = random.Random(op)
    for _ in range(MANY):
        given = make(chance)
        wrong = difference(expected_of(given), answer(given, tmp_path))
        assert wrong is None, f"{wrong}\n{json.dumps(given)}"


def test_step_definitions_are_read_as_the_seed_reads_them(tmp_path):
    answer = importlib.import_module("golden.adapters.steps").OPS["step_budget"]
    registered = [
        step["args"]
        for given in INPUTS["step_budget"]
        for step in given["ops"]
        if step["op"] == "register_step"
    ]
    chance = random.Random("step definitions")
    for _ in range(4 * MANY):
        args = mutated(chance.choice(registered), chance)
        if not isinstance(args, list):
            continue
        function = args[0] if args and isinstance(args[0], str) else "f"
        ops = [{"op": "register_step", "args": args}, {"op": "definition", "function": function}]
        expected = dict(zip(("0", "1"), literal.step_definition(args), strict=True))
        actual = dict(zip(("0", "1"), answer({"ops": ops}, tmp_path)["results"], strict=True))
        assert difference(expected, actual) is None, json.dumps(args)


@pytest.mark.parametrize("op", CASES)
def test_the_port_answers_the_vectors_themselves(op):
    expected_of = CASES[op][1]
    for file in vector_files(DEFAULT_DIR):
        for vector in vectors_of(file):
            special = (
                op == "hooks"
                and any(
                    set(hook["persona_pattern"]) & set("?[]{}\\") or "**" in hook["persona_pattern"]
                    for hook in vector["input"]["hooks"]
                )
                if vector["op"] == op
                else True
            )
            if not special:
                assert difference(vector["output"], expected_of(vector["input"])) is None, vector["id"]
