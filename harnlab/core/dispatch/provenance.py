"""Where each field of a dispatch came from (``resolved_dispatch`` 0.9.8, FORMATS 1.7 and 7)."""

from __future__ import annotations

from dataclasses import dataclass

from harnlab.core.values import Value, display
from harnlab.vocabulary import PROVENANCE_FIELDS, ProvenanceOrigin


@dataclass(frozen=True, slots=True, kw_only=True)
class DispatchProvenance:
    """Origin of each of the five fields; ``None`` where nobody said.

    Origins stay free text: :class:`~harnlab.vocabulary.ProvenanceOrigin` names the known ones, and a word
    from a newer resolver passes through.
    """

    provider: str | None = None
    model: str | None = None
    wire_format: str | None = None
    thinking: str | None = None
    tool_format: str | None = None

    @classmethod
    def from_value(cls, value: Value) -> DispatchProvenance | None:
        """Read the ``dispatch_provenance`` option of a call.

        A member of any type counts by its display form, so ``nil`` becomes the origin ``"nil"``; only an
        empty text counts as absent.

        Parameters
        ----------
        value : Value
            The option as the caller gave it.

        Returns
        -------
        DispatchProvenance or None
            ``None`` when the value is no dict: the call is not annotated.
        """
        if not isinstance(value, dict):
            return None
        origins = {field: display(value[field]) or None for field in PROVENANCE_FIELDS if field in value}
        return cls(**origins)

    def to_json(self) -> dict[str, str]:
        """All five members as a record carries them; an absent origin is the text ``"unknown"``."""
        return {field: getattr(self, field) or ProvenanceOrigin.UNKNOWN.value for field in PROVENANCE_FIELDS}
