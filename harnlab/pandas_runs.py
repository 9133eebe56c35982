"""Runs for an analyst who works in pandas: the same frames as pandas, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from harnlab.errors import InvalidArgument, no_frame_called
from harnlab.frames import SCHEMAS, FrameSchema

if TYPE_CHECKING:
    import pandas as pd

    from harnlab.runs import Runs


def is_pandas(value: object, *, kind: str = "DataFrame") -> bool:
    """Whether a value is a frame (or other kind) of pandas; answered without loading pandas."""
    classes = type(value).__mro__
    return any(one.__name__ == kind and one.__module__.partition(".")[0] == "pandas" for one in classes)


def to_pandas(frame: pl.DataFrame) -> pd.DataFrame:
    """Frame as pandas, with the same column names and dtypes.

    Returns
    -------
    pandas.DataFrame
        Backed by Arrow, so that integers stay integers and null stays distinct from NaN.
    """
    return frame.to_pandas(use_pyarrow_extension_array=True)


def to_polars(frame: Any, declared: FrameSchema | None = None) -> pl.DataFrame:
    """Pandas frame as Polars; where a schema declares it, its columns with their declared dtypes.

    Parameters
    ----------
    frame : pandas.DataFrame
        Arrow-backed, nullable or NumPy columns; the index is left out, NaN of NumPy columns is null, and times
        without a zone are UTC.
    declared : FrameSchema, optional
        What the frame is to be; columns it does not declare are left out.

    Raises
    ------
    InvalidArgument
        For a column that is missing, stands there twice, or cannot be what is declared.
    """
    if twice := frame.columns[frame.columns.duplicated()].to_list():
        raise InvalidArgument(f"two columns are called {twice[0]!r}", where="pandas frame")
    try:
        plain = pl.from_pandas(frame.reset_index(drop=True))
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise InvalidArgument(str(error).partition("\n")[0], where="pandas frame") from None
    return plain if declared is None else as_declared(plain, declared)


def as_declared(frame: pl.DataFrame, declared: FrameSchema) -> pl.DataFrame:
    """Columns a schema declares, in its order and dtypes.

    Raises
    ------
    InvalidArgument
        For a column that is missing or cannot be what is declared.
    """
    where = f"frame `{declared.name}`"
    if missing := [name for name in declared.names if name not in frame.columns]:
        raise InvalidArgument(
            f"no column {', '.join(missing)}",
            where=where,
            expected=f"the columns of `harnlab schema {declared.name}`",
            hint=f'start from runs.to_pandas("{declared.name}") or runs.{declared.name}',
        )
    columns = []
    for name, dtype in declared.dtypes.items():
        column = frame[name]
        if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is None:
            column = column.dt.replace_time_zone("UTC")
        try:
            columns.append(column.cast(dtype))
        except pl.exceptions.PolarsError:
            raise InvalidArgument(
                f"column {name} of {column.dtype}", where=where, expected=f"values of {dtype}"
            ) from None
    return pl.DataFrame(columns)


class PandasRuns:
    """Runs whose frames, and whose answers, are pandas: ``hl.costs.by(runs.pandas, "step")`` gives pandas.

    Made by :attr:`harnlab.Runs.pandas`. Each frame of :mod:`harnlab.frames` is an attribute.
    """

    def __init__(self, runs: Runs) -> None:
        self.polars = runs

    def frame(self, name: str) -> pd.DataFrame:
        """The frame called ``name``, as pandas; :class:`~harnlab.errors.UnknownName` lists them all."""
        return to_pandas(self.polars.frame(name))

    def __getattr__(self, name: str) -> Any:
        if name in SCHEMAS:
            return self.frame(name)
        raise no_frame_called(name, self, SCHEMAS)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *SCHEMAS})

    @property
    def summary(self) -> pd.DataFrame:
        """One row per run."""
        return to_pandas(self.polars.summary)

    @property
    def run_ids(self) -> list[str]:
        """Ids of the runs, in order."""
        return self.polars.run_ids

    def filter(self, condition: Callable[[pd.DataFrame], Any]) -> PandasRuns:
        """The runs whose row of ``summary`` meets a condition, as ``lambda summary: summary.cost_usd > 1``.

        Raises
        ------
        InvalidArgument
            For anything that does not give a boolean a row.
        """
        summary = self.summary
        try:
            kept = summary.loc[condition]["run_id"].to_list()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidArgument(
                f"{type(error).__name__}: {error}",
                where="runs.pandas.filter",
                expected="a function of the summary that gives a boolean a row",
            ) from None
        return PandasRuns(self.polars.filter(pl.col("run_id").is_in(kept)))

    def record(self, reference: Any) -> Any:
        """The original JSON of a row, as :meth:`harnlab.Runs.record` gives it."""
        return self.polars.record(reference)

    def text(self, reference: Any) -> str:
        """The original text of a row, as :meth:`harnlab.Runs.text` gives it."""
        return self.polars.text(reference)

    def __getitem__(self, run_id: str) -> PandasRuns:
        return PandasRuns(self.polars[run_id])

    def __len__(self) -> int:
        return len(self.polars)

    def __iter__(self) -> Iterator[str]:
        return iter(self.polars)

    def __repr__(self) -> str:
        return f"{self.polars!r} as pandas"

    def __reduce__(self) -> tuple[Any, ...]:
        return PandasRuns, (self.polars,)
