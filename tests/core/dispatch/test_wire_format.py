"""The dialect a call went out in, over a capability table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab.core.dispatch import (
    BUILTIN_CAPABILITIES,
    CapabilityTable,
    ModelRule,
    wire_format_for,
    wire_format_of,
)
from harnlab.core.dispatch.capabilities import model_version
from harnlab.errors import InvalidArgument
from harnlab.vocabulary import WireFormat

OPENAI_SPEAKERS = (
    *("openai", "azure_openai", "openrouter", "together", "huggingface", "local", "groq", "fireworks"),
    *("mistral", "cohere", "xai", "moonshot", "zai", "baseten", "deepinfra", "sambanova", "nvidia"),
    *("nebius", "vercel_ai_gateway", "dashscope", "llamacpp", "mlx", "deepseek"),
)
OPENAI_SIBLINGS = {
    *("openrouter", "together", "groq", "deepseek", "fireworks", "huggingface", "local", "dashscope"),
    *("llamacpp", "mlx", "vercel_ai_gateway"),
}


def built_in(provider, model="any"):
    return wire_format_for(BUILTIN_CAPABILITIES, provider, model)


def table_of(*rules, **members):
    return CapabilityTable(rules={"p": rules}, **members)


@pytest.mark.ported_from("resolved_dispatch.rs::wire_format_native_for_anthropic_claude")
def test_claude_at_anthropic_speaks_its_native_format():
    assert built_in("anthropic", "claude-sonnet-4-6") == "anthropic_native"


@pytest.mark.ported_from("resolved_dispatch.rs::wire_format_compat_for_openai_style")
def test_gpt_at_openai_speaks_openais():
    assert built_in("openai", "gpt-4o") == "openai_compat"


@pytest.mark.ported_from("resolved_dispatch.rs::wire_format_preserves_native_non_openai_dialects")
def test_gemini_and_ollama_keep_their_own():
    assert built_in("gemini", "gemini-2.5-pro") == "gemini"
    assert built_in("ollama", "llama3.2") == "ollama"


def test_the_same_model_through_a_reseller_changes_its_format():
    assert built_in("openrouter", "anthropic/claude-sonnet-4-6") is WireFormat.OPENAI_COMPAT


@pytest.mark.parametrize(
    ("dialect", "wire_format"),
    [
        ("anthropic", "anthropic_native"),
        ("ollama", "ollama"),
        ("gemini", "gemini"),
        ("openai", "openai_compat"),
        ("openai_compat", "openai_compat"),
        ("Anthropic", "openai_compat"),
        ("", "openai_compat"),
    ],
)
def test_every_dialect_but_three_is_openais(dialect, wire_format):
    assert wire_format_of(dialect) == wire_format


@pytest.mark.parametrize(
    "provider",
    OPENAI_SPEAKERS,
)
def test_the_providers_of_the_format_notes_speak_openais(provider):
    assert built_in(provider, "claude-sonnet-4-6") is WireFormat.OPENAI_COMPAT


@given(st.text(), st.text())
def test_a_provider_nobody_registered_speaks_openais(provider, model):
    registered = {"anthropic", "gemini", "ollama", "bedrock", "vertex", "mock"}
    if provider not in registered:
        assert built_in(provider, model) is WireFormat.OPENAI_COMPAT


@pytest.mark.parametrize("provider", ["bedrock", "vertex"])
def test_what_was_not_read_is_not_answered(provider):
    assert built_in(provider) is None


def test_a_project_that_says_it_makes_an_unread_provider_known():
    project = CapabilityTable(provider_defaults={"bedrock": "anthropic"}, families={"vertex": "gemini"})
    table = BUILTIN_CAPABILITIES.overridden_by(project)
    assert wire_format_for(table, "bedrock", "x") is WireFormat.ANTHROPIC_NATIVE
    assert wire_format_for(table, "vertex", "x") is WireFormat.GEMINI
    assert table.not_read == frozenset()


def test_a_rule_answers_for_an_unread_provider_and_only_for_its_models():
    project = CapabilityTable(
        rules={"bedrock": (ModelRule(model_match="*claude*", message_wire_format="anthropic"),)}
    )
    table = BUILTIN_CAPABILITIES.overridden_by(project)
    assert wire_format_for(table, "bedrock", "anthropic.claude-3") is WireFormat.ANTHROPIC_NATIVE
    assert wire_format_for(table, "bedrock", "titan") is None


def test_a_sibling_of_an_unread_provider_is_unread_too():
    table = BUILTIN_CAPABILITIES.overridden_by(CapabilityTable(families={"mine": "bedrock"}))
    assert wire_format_for(table, "mine", "x") is None


def test_a_project_may_declare_more_unread_providers():
    table = BUILTIN_CAPABILITIES.overridden_by(CapabilityTable(not_read=frozenset({"novel"})))
    assert table.dialect("novel", "x") is None
    assert table.dialect("bedrock", "x") is None


def test_mock_borrows_the_rules_of_anthropic_and_then_of_openai():
    assert built_in("mock", "claude-opus-4-7") is WireFormat.ANTHROPIC_NATIVE
    assert built_in("mock", "gpt-4o") is WireFormat.OPENAI_COMPAT
    table = CapabilityTable(rules={"openai": (ModelRule(model_match="odd", message_wire_format="gemini"),)})
    assert table.dialect("mock", "odd") == "gemini"
    assert table.dialect("mock", "even") == "openai"


def test_the_first_matching_rule_wins():
    table = table_of(
        ModelRule(model_match="a*", message_wire_format="gemini"),
        ModelRule(model_match="*", message_wire_format="ollama"),
    )
    assert table.dialect("p", "abc") == "gemini"
    assert table.dialect("p", "xyz") == "ollama"


def test_a_rule_without_a_dialect_takes_the_providers_default_and_ends_the_search():
    rules = (ModelRule(model_match="a*"), ModelRule(model_match="*", message_wire_format="ollama"))
    assert table_of(*rules, provider_defaults={"p": "gemini"}).dialect("p", "abc") == "gemini"
    assert table_of(*rules).dialect("p", "abc") == "openai"


def test_a_rule_that_extends_is_filled_by_a_later_one():
    extending = ModelRule(model_match="a*", extends=True)
    filling = ModelRule(model_match="*", message_wire_format="ollama")
    assert table_of(extending, filling).dialect("p", "abc") == "ollama"
    assert table_of(extending, provider_defaults={"p": "gemini"}).dialect("p", "abc") == "gemini"
    assert table_of(extending).dialect("p", "abc") == "openai"
    closing = ModelRule(model_match="*")
    assert table_of(extending, closing, filling).dialect("p", "abc") == "openai"


def test_a_rule_that_extends_but_says_its_dialect_is_not_overruled():
    said = ModelRule(model_match="*", message_wire_format="gemini", extends=True)
    assert (
        table_of(said, ModelRule(model_match="*", message_wire_format="ollama")).dialect("p", "x") == "gemini"
    )


@pytest.mark.parametrize("extends", [False, True])
def test_a_matching_rule_keeps_the_family_out_even_where_it_names_no_dialect(extends):
    rules = {
        "child": (ModelRule(model_match="*", extends=extends),),
        "parent": (ModelRule(model_match="*", message_wire_format="gemini"),),
    }
    table = CapabilityTable(rules=rules, families={"child": "parent"})
    assert table.dialect("child", "x") == "openai"


def test_a_projects_rule_for_openai_reaches_every_sibling():
    project = CapabilityTable(rules={"openai": (ModelRule(model_match="odd", message_wire_format="gemini"),)})
    table = BUILTIN_CAPABILITIES.overridden_by(project)
    assert set(table.families) == OPENAI_SIBLINGS
    assert {table.dialect(sibling, "odd") for sibling in OPENAI_SIBLINGS} == {"gemini"}
    assert table.dialect("azure_openai", "odd") == "openai"
    assert table.dialect("mock", "claude-opus-4-7") == "anthropic"


def test_an_unmatched_model_falls_back_on_the_family_and_its_default():
    table = CapabilityTable(
        provider_defaults={"parent": "ollama"},
        rules={
            "child": (ModelRule(model_match="own", message_wire_format="gemini"),),
            "parent": (ModelRule(model_match="special", message_wire_format="anthropic"),),
        },
        families={"child": "parent"},
    )
    assert table.dialect("child", "own") == "gemini"
    assert table.dialect("child", "special") == "anthropic"
    assert table.dialect("child", "other") == "ollama"


def test_the_nearest_default_counts_even_where_the_familys_rule_matches():
    table = CapabilityTable(
        provider_defaults={"child": "gemini", "parent": "ollama"},
        rules={"parent": (ModelRule(model_match="*"),)},
        families={"child": "parent"},
    )
    assert table.dialect("child", "x") == "gemini"


def test_families_in_a_circle_end_the_search():
    assert CapabilityTable(families={"a": "b", "b": "a"}).dialect("a", "x") == "openai"


def test_a_projects_rules_come_first_and_its_defaults_replace_ours():
    base = table_of(
        ModelRule(model_match="*", message_wire_format="gemini"),
        provider_defaults={"q": "gemini", "r": "gemini"},
        families={"s": "q", "t": "q"},
    )
    project = table_of(
        ModelRule(model_match="a*", message_wire_format="ollama"),
        provider_defaults={"q": "ollama"},
        families={"s": "none"},
    )
    table = base.overridden_by(project)
    assert [table.dialect(*pair) for pair in (("p", "abc"), ("p", "x"))] == ["ollama", "gemini"]
    assert [table.dialect(one, "x") for one in "qrst"] == ["ollama", "gemini", "openai", "ollama"]


def test_a_model_pattern_ignores_case():
    assert ModelRule(model_match="Claude-*").matches("CLAUDE-opus")
    assert ModelRule(model_match="claude-*").matches("gpt-4o") is False


@pytest.mark.parametrize(
    ("model", "version"),
    [
        ("claude-opus-4-7", (4, 7)),
        ("claude-opus-4.7", (4, 7)),
        ("claude-opus-4.6-fast", (4, 6)),
        ("Anthropic/Claude-Haiku-4-5-20251001", (4, 5)),
        ("claude-opus-4-20250514", (4, 0)),
        ("claude-opus-4-999", (4, 999)),
        ("claude-opus-4-1000", (4, 0)),
        ("claude-sonnet-4", (4, 0)),
        ("claude-sonnet-4-preview", (4, 0)),
        ("claude-3-5-sonnet-20241022", (20241022, 0)),
        ("claude-opus-x-sonnet-4-5", (4, 5)),
        ("claude-instant", None),
        ("gpt-5.4-preview", (5, 4)),
        ("gpt-5.1000", (5, 1000)),
        ("openai/gpt-5-4", (5, 4)),
        ("gpt-4o", None),
        ("gpt-4.x", None),
        ("gpt-5/llama-3.1", None),
        ("gpt-5-mini/llama-3.1", None),
        ("llama-3.1", None),
        ("", None),
    ],
)
def test_a_version_is_read_from_claude_and_gpt_ids(model, version):
    assert model_version(model) == version


@pytest.mark.parametrize(
    ("version_min", "model", "matches"),
    [
        (None, "llama", True),
        ((4, 6), "claude-opus-4-6", True),
        ((4, 6), "claude-opus-5-0", True),
        ((4, 6), "claude-opus-4-5", False),
        ((4, 6), "llama", False),
        ((4,), "claude-opus-4-6", False),
        ((4, 6, 1), "claude-opus-5-0", False),
    ],
)
def test_a_lowest_version_needs_two_numbers_and_a_readable_model(version_min, model, matches):
    assert ModelRule(model_match="*", version_min=version_min).matches(model) is matches


def test_a_parsed_capability_file_becomes_a_table():
    table = CapabilityTable.from_mapping(
        {
            "provider": {
                "acme": [
                    {"model_match": "claude-*", "version_min": [4, 6], "message_wire_format": "anthropic"},
                    {"model_match": "*", "native_tools": True, "extends": True},
                ]
            },
            "provider_defaults": {
                "acme": {"message_wire_format": "gemini"},
                "other": {"seed_supported": True},
            },
            "provider_family": {"sibling": "acme"},
        }
    )
    assert table == CapabilityTable(
        provider_defaults={"acme": "gemini"},
        rules={
            "acme": (
                ModelRule(model_match="claude-*", version_min=(4, 6), message_wire_format="anthropic"),
                ModelRule(model_match="*", extends=True),
            )
        },
        families={"sibling": "acme"},
    )
    assert CapabilityTable.from_mapping({}) == CapabilityTable()


def test_a_rule_without_a_pattern_is_refused_with_its_place():
    with pytest.raises(InvalidArgument) as refused:
        CapabilityTable.from_mapping({"provider": {"acme": [{"model_match": "*"}, {"native_tools": True}]}})
    assert str(refused.value) == (
        "provider.acme[1]: model_match is None; expected a text. "
        'Try: model_match = "*" for every model of the provider'
    )
