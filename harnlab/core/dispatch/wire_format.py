"""The request dialect a call went out in (``resolved_dispatch`` 0.9.8, FORMATS 7)."""

from __future__ import annotations

from typing import Final

from harnlab.core.dispatch.capabilities import CapabilityTable
from harnlab.vocabulary import WireFormat

_BY_DIALECT: Final = {
    "anthropic": WireFormat.ANTHROPIC_NATIVE,
    "ollama": WireFormat.OLLAMA,
    "gemini": WireFormat.GEMINI,
}


def wire_format_of(dialect: str) -> WireFormat:
    """Name the registry's ``message_wire_format`` as a record does; any word but three means OpenAI's."""
    return _BY_DIALECT.get(dialect, WireFormat.OPENAI_COMPAT)


def wire_format_for(table: CapabilityTable, provider: str, model: str) -> WireFormat | None:
    """Decide the wire format of one provider and model.

    Parameters
    ----------
    table : CapabilityTable
        What is known of the registry: :data:`~harnlab.core.dispatch.BUILTIN_CAPABILITIES`, under the
        project's own rules if it has any.
    provider, model : str
        As the dispatch names them.

    Returns
    -------
    WireFormat or None
        ``openai_compat`` for a provider nobody registered, as in the runtime; ``None`` where the runtime
        has an answer that this table never read.
    """
    dialect = table.dialect(provider, model)
    return None if dialect is None else wire_format_of(dialect)
