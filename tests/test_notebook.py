import altair as alt
import polars as pl
import pytest

from harnlab.notebook import load_ipython_extension, setup


@pytest.fixture(autouse=True)
def session_as_it_was():
    with (
        pl.Config(),
        alt.renderers.enable(alt.renderers.active),
        alt.theme.enable(alt.theme.active),
        alt.data_transformers.enable(alt.data_transformers.active),
    ):
        yield


def test_loading_the_extension_sets_charts_and_tables_up():
    load_ipython_extension(None)
    assert alt.renderers.active == "harnlab"
    assert alt.theme.active == "harnlab"
    assert alt.data_transformers.consolidate_datasets is False


def test_a_theme_can_be_asked_for():
    setup(theme="harnlab-dark")
    assert alt.theme.active == "harnlab-dark"


def test_a_millionth_of_a_dollar_shows_in_a_printed_table():
    setup()
    assert "0.012346" in str(pl.DataFrame({"cost_usd": [0.0123455999]}))


@pytest.mark.parametrize("columns", ["20", "200"])
def test_a_table_prints_the_same_on_every_screen(monkeypatch, columns):
    frame = pl.DataFrame({f"column_{number}": ["x" * 20] for number in range(9)})
    setup()
    expected = str(frame)
    monkeypatch.setenv("COLUMNS", columns)
    setup()
    assert str(frame) == expected


def test_rows_says_how_many_rows_are_shown():
    setup(rows=4)
    shown = str(pl.DataFrame({"n": range(100, 200)}))
    assert [n for n in range(100, 200) if str(n) in shown.partition("i64")[2]] == [100, 101, 198, 199]
