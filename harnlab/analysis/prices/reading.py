"""Price tables read from TOML or from rows."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

import polars as pl

from harnlab.errors import MalformedRecord, UnreadablePath
from harnlab.questions import of_frames
from harnlab.replay.price_table import FAST, STANDARD, Price, PriceTable

Source = str | os.PathLike[str] | pl.DataFrame | Iterable[Mapping[str, Any]]
Row = Mapping[str, Any]

_WHERE: Final = "prices.read"
_RATES: Final = ("input", "output", "cache_read", "cache_write")
#: Suffixes of a rate's name, with what makes it a rate per million tokens.
_UNITS: Final = {"_usd_per_mtok": Decimal(1), "_usd_per_1k": Decimal(1000)}
_NAMES: Final = frozenset(
    {
        "provider",
        "model",
        "tier",
        "from_input_tokens",
        *(f"{rate}{unit}" for rate in _RATES for unit in _UNITS),
    }
)


@of_frames
def read(source: Source, /, *, name: str | None = None) -> PriceTable:
    """Read a price table.

    Parameters
    ----------
    source : path, polars.DataFrame or iterable of mapping
        A TOML file with ``[[price]]`` tables, or rows of the same members: ``model``, optional ``provider`` (any
        where missing), ``input_usd_per_mtok`` and ``output_usd_per_mtok``, optional ``cache_read_usd_per_mtok`` and
        ``cache_write_usd_per_mtok`` (the input rate where missing), ``from_input_tokens`` (least input tokens of the
        band, 0) and ``tier`` (``standard`` or ``fast``). Rates may be given as ``…_usd_per_1k`` instead.
    name : str, optional
        What to call the table; its file's name by default.

    Returns
    -------
    PriceTable

    Raises
    ------
    UnreadablePath
        For a file that cannot be read.
    MalformedRecord
        For a file that is no TOML, and for a row with an unknown member, without a rate, or with one that is no
        number of 0 or more.
    InvalidArgument
        Where two rows price the same thing.
    """
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        rows, where = _toml_rows(path), str(path)
        name = name or path.name
    else:
        rows = source.to_dicts() if isinstance(source, pl.DataFrame) else list(source)
        where = _WHERE
    return PriceTable(
        [_price(row, f"{where}, price {number}") for number, row in enumerate(rows, 1)],
        name or "the price table given",
    )


def _toml_rows(path: Path) -> list[Any]:
    try:
        read_in = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except OSError as error:
        raise UnreadablePath(f"cannot be read: {error.strerror}", where=str(path)) from None
    except (ValueError, RecursionError) as error:
        raise MalformedRecord(f"no TOML ({error})", where=str(path)) from None
    rows = read_in.get("price")
    if not isinstance(rows, list):
        raise MalformedRecord("no prices", where=str(path), expected="[[price]] tables")
    return rows


def _price(row: Any, where: str) -> Price:
    if not isinstance(row, Mapping):
        raise MalformedRecord(f"{row!r}", where=where, expected="members of a price")
    if unknown := sorted(set(row) - _NAMES):
        raise MalformedRecord(
            f"no member {unknown[0]!r}", where=where, expected=f"one of {', '.join(sorted(_NAMES))}"
        )
    rates = {rate: _rate(row, rate, where) for rate in _RATES}
    model, provider, tier = row.get("model"), row.get("provider"), row.get("tier") or STANDARD
    if not isinstance(model, str) or not model or not isinstance(provider, str | None):
        raise MalformedRecord(f"model {model!r} of provider {provider!r}", where=where, expected="texts")
    if tier not in {STANDARD, FAST}:
        raise MalformedRecord(f"tier {tier!r}", where=where, expected=f"{STANDARD} or {FAST}")
    band = row.get("from_input_tokens") or 0
    if isinstance(band, bool) or not isinstance(band, int) or band < 0:
        raise MalformedRecord(
            f"from_input_tokens {band!r}", where=where, expected="a whole number of 0 or more"
        )
    plain, output = rates.pop("input"), rates.pop("output")
    if plain is None or output is None:
        missing = "input" if plain is None else "output"
        raise MalformedRecord(f"no {missing} rate", where=where, expected=f"{missing}_usd_per_mtok")
    return Price(
        model=model, provider=provider, tier=tier, from_input_tokens=band, input=plain, output=output, **rates
    )


def _rate(row: Row, rate: str, where: str) -> Decimal | None:
    given = {unit: value for unit in _UNITS if (value := row.get(f"{rate}{unit}")) is not None}
    if not given:
        return None
    if len(given) > 1:
        raise MalformedRecord(f"two {rate} rates", where=where, expected="one")
    ((unit, value),) = given.items()
    try:
        number = (
            None if isinstance(value, bool) else Decimal(repr(value) if isinstance(value, float) else value)
        )
    except (InvalidOperation, TypeError, ValueError):
        number = None
    if number is None or not number.is_finite() or number < 0:
        raise MalformedRecord(f"{rate}{unit} {value!r}", where=where, expected="a number of 0 or more")
    return number * _UNITS[unit]
