"""The part of the capability registry that decides a wire format, as data (FORMATS 7)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from harnlab.core.matching import glob_match
from harnlab.errors import InvalidArgument

_FAMILIES_OF_CLAUDE: Final = ("opus", "sonnet", "haiku")
_MOCK_LENDERS: Final = ("anthropic", "openai")
_VERSION: Final = re.compile(r"([0-9]+)(?:\.([0-9]+)|-([0-9]+)(?=-|\Z)|(?=-|\Z))")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRule:
    """One row of a provider's rule list.

    Attributes
    ----------
    model_match : str
        Pattern over model ids, case-insensitive (:func:`~harnlab.core.matching.glob_match`).
    version_min : tuple of int, optional
        Lowest ``(major, minor)``; a model without a readable version never matches.
    message_wire_format : str, optional
        Dialect of the matching models; absent means the provider's default.
    extends : bool
        Whether later matching rules may still fill what this one leaves open.
    """

    model_match: str
    version_min: tuple[int, ...] | None = None
    message_wire_format: str | None = None
    extends: bool = False

    def matches(self, model: str) -> bool:
        """Whether this rule speaks about ``model``."""
        if not glob_match(self.model_match.lower(), model.lower()):
            return False
        if self.version_min is None:
            return True
        version = model_version(model)
        return version is not None and len(self.version_min) == 2 and version >= self.version_min


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityTable:
    """What is known of a capability registry.

    Attributes
    ----------
    provider_defaults : mapping of str to str
        Provider to dialect, for its models that no rule decides.
    rules : mapping of str to tuple of ModelRule
        Provider to its rules; the first that matches wins.
    families : mapping of str to str
        Provider to the sibling whose rules and default it falls back on.
    not_read : frozenset of str
        Providers the real registry has an answer for that this table does not know.
    """

    provider_defaults: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, tuple[ModelRule, ...]] = field(default_factory=dict)
    families: Mapping[str, str] = field(default_factory=dict)
    not_read: frozenset[str] = frozenset()

    @classmethod
    def from_mapping(cls, section: Mapping[str, Any]) -> CapabilityTable:
        """Read a parsed ``capabilities.toml``, or the ``[capabilities]`` section of a ``harn.toml``.

        Capabilities that do not touch the wire format are passed over.

        Raises
        ------
        InvalidArgument
            When a rule has no ``model_match`` text.
        """
        defaults = {
            provider: member["message_wire_format"]
            for provider, member in section.get("provider_defaults", {}).items()
            if member.get("message_wire_format") is not None
        }
        rules = {
            provider: tuple(_rule(row, f"provider.{provider}[{number}]") for number, row in enumerate(rows))
            for provider, rows in section.get("provider", {}).items()
        }
        return cls(provider_defaults=defaults, rules=rules, families=dict(section.get("provider_family", {})))

    def overridden_by(self, project: CapabilityTable) -> CapabilityTable:
        """Lay a project's table over this one.

        Its rules are asked before these; its defaults and families replace these.
        """
        providers = [*self.rules, *project.rules]
        known = project.provider_defaults.keys() | project.families.keys()
        return CapabilityTable(
            provider_defaults={**self.provider_defaults, **project.provider_defaults},
            rules={one: project.rules.get(one, ()) + self.rules.get(one, ()) for one in providers},
            families={**self.families, **project.families},
            not_read=(self.not_read - known) | project.not_read,
        )

    def dialect(self, provider: str, model: str) -> str | None:
        """Look up ``message_wire_format``.

        The provider's rules are asked, then those of its family, and so on; defaults met on the way
        count, the nearest first. ``mock`` borrows the rules of ``anthropic``, then of ``openai``.

        Returns
        -------
        str or None
            The dialect, ``"openai"`` when nothing says otherwise, ``None`` when this table does not know.
        """
        if provider == "mock":
            lent = (self._decided(one, model, self.provider_defaults.get(one)) for one in _MOCK_LENDERS)
            return next(filter(None, lent), "openai")
        default = None
        for one in self._lineage(provider):
            default = default or self.provider_defaults.get(one)
            if dialect := self._decided(one, model, default):
                return dialect
            if one in self.not_read:
                return None
        return default or "openai"

    def _lineage(self, provider: str) -> Iterator[str]:
        """The provider, its family, that one's family, …; a circle in a project's table ends the walk."""
        seen: set[str] = set()
        current: str | None = provider
        while current is not None and current not in seen:
            yield current
            seen.add(current)
            current = self.families.get(current)

    def _decided(self, provider: str, model: str, default: str | None) -> str | None:
        """The dialect by the provider's rules; ``None`` when none of them matches."""
        matched = False
        for rule in self.rules.get(provider, ()):
            if rule.matches(model):
                matched = True
                if rule.message_wire_format or not rule.extends:
                    return rule.message_wire_format or default or "openai"
        return (default or "openai") if matched else None


def model_version(model: str) -> tuple[int, int] | None:
    """``(major, minor)`` of a Claude or GPT model id, else ``None``.

    Reads ``claude-opus-4-7``, ``claude-opus-4.7``, ``openai/gpt-5.4-preview``; a dashed number from 1000
    on is a date, so ``claude-opus-4-20250514`` is ``(4, 0)``.
    """
    lower = model.lower()
    if lower.startswith("claude-") or "/claude-" in lower:
        tails = [lower.partition(f"{family}-")[2] for family in _FAMILIES_OF_CLAUDE]
    else:
        tails = [lower.rpartition("/")[2].partition("gpt-")[2]]
    for tail in tails:
        if found := _VERSION.match(tail):
            major, dotted, dashed = found.groups()
            minor = int(dotted) if dotted else int(dashed or 0)
            return int(major), 0 if dashed and minor >= 1000 else minor
    return None


def _rule(row: Mapping[str, Any], where: str) -> ModelRule:
    model_match = row.get("model_match")
    if not isinstance(model_match, str):
        raise InvalidArgument(
            f"model_match is {model_match!r}",
            where=where,
            expected="a text",
            hint='model_match = "*" for every model of the provider',
        )
    version_min = row.get("version_min")
    return ModelRule(
        model_match=model_match,
        version_min=None if version_min is None else tuple(version_min),
        message_wire_format=row.get("message_wire_format"),
        extends=row.get("extends", False),
    )


#: The registry as far as FORMATS 7 states it with evidence: three providers speak their own dialect, the
#: siblings of ``openai`` and every provider not listed speak OpenAI's. ``bedrock`` and ``vertex`` are
#: registered, but what the registry says of them was not read. The one rule takes every Claude model, for
#: ``mock`` borrows rules and not defaults.
BUILTIN_CAPABILITIES: Final = CapabilityTable(
    provider_defaults={"anthropic": "anthropic", "gemini": "gemini", "ollama": "ollama"},
    rules={"anthropic": (ModelRule(model_match="claude-*"),)},
    families={
        "dashscope": "openai",
        "deepseek": "openai",
        "fireworks": "openai",
        "groq": "openai",
        "huggingface": "openai",
        "llamacpp": "openai",
        "local": "openai",
        "mlx": "openai",
        "openrouter": "openai",
        "together": "openai",
        "vercel_ai_gateway": "openrouter",
    },
    not_read=frozenset({"bedrock", "vertex"}),
)
