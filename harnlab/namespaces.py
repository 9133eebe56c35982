"""``.harn`` on frames of pandas and of Polars; ``import harnlab.namespaces``, or ``%load_ext harnlab.notebook``.

::

    import harnlab.namespaces
    calls = runs.pandas.calls                    # pandas; runs.calls is Polars and has the same
    calls.harn.name                              # 'calls', told by its columns
    calls.harn.columns                           # what each column is, in which unit
    calls.harn.places()                          # path:line of each row
    calls.harn.records(runs)                     # the original JSON of each row
    calls[calls.cost_usd > 0.1].harn.ask(hl.routes.matrix)
    calls.harn.to_polars()                       # runs.calls.harn.to_pandas() is the way back
    runs.scan("dispatches").filter(pl.col("provenance_model").harn.inherited())
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import pandas as pd
import polars as pl

from harnlab.errors import InvalidArgument
from harnlab.frames import FrameSchema
from harnlab.pandas_runs import as_declared, to_pandas, to_polars
from harnlab.questions import recognised
from harnlab.runs import Runs
from harnlab.vocabulary import ProvenanceOrigin

if TYPE_CHECKING:
    from harnlab.pandas_runs import PandasRuns

NAME: Final = "harn"


class _Rows:
    """What either library's frame can be asked."""

    def __init__(self, frame: Any, columns: list[str], kind: str) -> None:
        self._frame = frame
        self._columns = columns
        self._where = f"{kind}.{NAME}"

    @property
    def name(self) -> str | None:
        """Name of the frame of harnlab this is, told by its columns; ``None`` for any other."""
        found = recognised(self._columns)
        return found.name if found else None

    def _schema(self) -> FrameSchema:
        found = recognised(self._columns)
        if found is None:
            raise InvalidArgument(
                f"columns {', '.join(self._columns[:8])}",
                where=self._where,
                expected="all columns of a frame that `harnlab schema` lists",
            )
        return found

    def _described(self) -> pl.DataFrame:
        rows = [(c.name, str(c.dtype), c.unit, c.nullable, c.doc) for c in self._schema().columns]
        shape = {"column": pl.String, "dtype": pl.String, "unit": pl.String, "nullable": pl.Boolean}
        return pl.DataFrame(rows, schema=shape | {"doc": pl.String}, orient="row")


class _EagerRows(_Rows):
    """What a frame with rows can be asked besides."""

    def _polars(self) -> pl.DataFrame:
        raise NotImplementedError

    def ask(self, asked: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:
        """Answer of a question such as ``hl.routes.matrix`` to these rows alone; other frames count as not recorded.

        Raises
        ------
        InvalidArgument
            Where these are no rows of a frame of harnlab.
        """
        return asked(self._frame, *arguments, **options)

    def records(self, runs: Runs | PandasRuns) -> list[Any]:
        """Original record of each row, as :meth:`harnlab.Runs.record` gives it."""
        rows = self._places("source_path", "source_line", "source_offset", "length")
        return [runs.record(row) for row in rows.iter_rows(named=True)]

    def _places(self, *more: str) -> pl.DataFrame:
        needed = more or ("source_path", "source_line")
        if missing := [name for name in needed if name not in self._columns]:
            raise InvalidArgument(
                f"no column {', '.join(missing)}", where=self._where, expected="rows of a frame of harnlab"
            )
        frame = self._polars()
        return frame.select(pl.col(name).cast(pl.Int64) if name != "source_path" else name for name in needed)

    def _told_places(self) -> pl.Series:
        line = pl.col("source_line").fill_null(1)
        return self._places().select(place=pl.format("{}:{}", "source_path", line))["place"]


@pd.api.extensions.register_dataframe_accessor(NAME)
class PandasRows(_EagerRows):
    """``frame.harn`` of a pandas frame."""

    def __init__(self, frame: pd.DataFrame) -> None:
        super().__init__(frame, [str(name) for name in frame.columns], "pandas")

    @property
    def columns(self) -> pd.DataFrame:
        """What each column is: ``column, dtype, unit, nullable, doc``."""
        return to_pandas(self._described())

    def places(self) -> pd.Series:
        """``path:line`` of each row, under the index of the frame."""
        return pd.Series(self._told_places().to_list(), index=self._frame.index, name="place", dtype="str")

    def to_polars(self) -> pl.DataFrame:
        """The same rows in Polars; a frame of harnlab with its declared dtypes."""
        return to_polars(self._frame, recognised(self._columns))

    def _polars(self) -> pl.DataFrame:
        return to_polars(self._frame)


@pl.api.register_dataframe_namespace(NAME)
class PolarsRows(_EagerRows):
    """``frame.harn`` of a Polars frame."""

    def __init__(self, frame: pl.DataFrame) -> None:
        super().__init__(frame, frame.columns, "polars")

    @property
    def columns(self) -> pl.DataFrame:
        """What each column is: ``column, dtype, unit, nullable, doc``."""
        return self._described()

    def places(self) -> pl.Series:
        """``path:line`` of each row."""
        return self._told_places()

    def declared(self) -> pl.DataFrame:
        """Only the columns harnlab declares, with their declared dtypes."""
        return as_declared(self._frame, self._schema())

    def to_pandas(self) -> pd.DataFrame:
        """The same rows in pandas, backed by Arrow: integers stay integers, null is not NaN."""
        return to_pandas(self._frame)

    def _polars(self) -> pl.DataFrame:
        frame: pl.DataFrame = self._frame
        return frame


@pl.api.register_lazyframe_namespace(NAME)
class LazyRows(_Rows):
    """``frame.harn`` of a Polars LazyFrame; nothing is collected."""

    def __init__(self, frame: pl.LazyFrame) -> None:
        super().__init__(frame, frame.collect_schema().names(), "polars")

    @property
    def columns(self) -> pl.DataFrame:
        """What each column is: ``column, dtype, unit, nullable, doc``."""
        return self._described()

    def placed(self) -> pl.LazyFrame:
        """The same with a column ``place``, ``path:line`` of each row."""
        frame: pl.LazyFrame = self._frame
        line = pl.col("source_line").fill_null(1)
        return frame.with_columns(place=pl.format("{}:{}", "source_path", line))


@pl.api.register_expr_namespace(NAME)
class Words:
    """``expression.harn`` of a column of Harn's words."""

    def __init__(self, expression: pl.Expr) -> None:
        self._expression = expression

    def inherited(self) -> pl.Expr:
        """Whether an origin says that the value silently came from the primary; null where none is recorded."""
        return self._expression == ProvenanceOrigin.INHERITED_FROM_PRIMARY.value


__all__ = ["NAME", "LazyRows", "PandasRows", "PolarsRows", "Words"]
