import json
import xml.etree.ElementTree as ET

import altair as alt
import nbformat
import pytest

from harnlab.charts import renderer, theme
from harnlab.errors import UnknownName

COSTS = alt.Data(values=[{"step": "verify", "cost": 0.25}, {"step": "plan", "cost": 0.5}])


def bars(title="Cost by step"):
    chart = alt.Chart(COSTS).mark_bar().encode(x="cost:Q", y="step:N")
    return chart.properties(title=title) if title else chart


@pytest.fixture(autouse=True)
def session_as_it_was():
    with (
        alt.renderers.enable(alt.renderers.active),
        alt.theme.enable(alt.theme.active),
        alt.data_transformers.enable(alt.data_transformers.active),
    ):
        yield


def test_a_chart_goes_out_under_the_name_jupyterlab_draws():
    renderer.enable()
    bundle, metadata = bars()._repr_mimebundle_()
    assert set(bundle) == {"application/vnd.vegalite.v5+json", "text/plain"}
    spec = bundle[renderer.VEGALITE_MIME]
    assert spec["$schema"].endswith("/vega-lite/v5.json")
    assert spec["data"] == {"values": [{"step": "verify", "cost": 0.25}, {"step": "plan", "cost": 0.5}]}
    assert metadata[renderer.VEGALITE_MIME]["embed_options"]["actions"]["editor"] is False


def test_a_chart_is_small_and_a_notebook_may_hold_it():
    renderer.enable()
    bundle, metadata = bars()._repr_mimebundle_()
    assert len(json.dumps(bundle)) < 3_500
    output = nbformat.v4.new_output("display_data", data=bundle, metadata=metadata)
    cell = nbformat.v4.new_code_cell("chart", outputs=[output])
    nbformat.validate(nbformat.v4.new_notebook(cells=[cell]))


def test_two_sessions_write_the_same_bytes():
    renderer.enable()
    assert json.dumps(bars()._repr_mimebundle_()) == json.dumps(bars()._repr_mimebundle_())


@pytest.mark.parametrize(
    ("chart", "text"),
    [
        (bars("Cost"), "<chart: Cost>"),
        (bars(alt.Title(["Cost", "by step"], subtitle="USD")), "<chart: Cost by step>"),
        (bars(None), "<chart>"),
        (bars(None) + bars("Limit"), "<chart: Limit>"),
        (bars(None) | bars("Right"), "<chart: Right>"),
        (alt.vconcat(bars("Top"), bars("Bottom"), title="Both"), "<chart: Both>"),
    ],
)
def test_the_text_of_a_chart_is_its_title(chart, text):
    assert renderer.describe(chart.to_dict()) == text


@pytest.mark.parametrize("name", ["harnlab-light", "harnlab-dark"])
def test_a_chart_becomes_an_svg_in_the_asked_theme(name):
    svg = renderer.to_svg(bars(), theme=name)
    ground = "#ffffff" if name == "harnlab-light" else theme.DARK_GROUND
    assert ET.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"
    assert f'fill="{ground}"' in svg
    assert ">verify</text>" in svg


def test_drawing_a_picture_leaves_the_sessions_theme_alone():
    renderer.enable("harnlab-dark")
    renderer.to_svg(bars(), theme="harnlab-light")
    assert alt.theme.active == "harnlab-dark"


def test_text_from_a_log_is_not_markup_in_a_picture():
    evil = alt.Data(values=[{"step": "<script>alert(1)</script>", "cost": 1}])
    svg = renderer.to_svg(alt.Chart(evil).mark_bar().encode(x="cost:Q", y="step:N"))
    assert "<script" not in svg
    assert "&lt;script" in svg


HIDING = "safe\u202egnp.exe\u200b"
READ = "safe\\u202egnp.exe\\u200b"


def hiding():
    """Every place a text of a log may come to; one column is called as a member of a specification is."""
    rows = alt.Data(
        values=[{"field": HIDING, "as": HIDING, "cost": 1}, {"field": "größer 中文", "as": "", "cost": 2}]
    )
    color = alt.Color("field:N", scale=alt.Scale(domain=[HIDING, "größer 中文"]))
    wanted = alt.FieldOneOfPredicate(field="field", oneOf=[HIDING, "größer 中文"])
    chart = alt.Chart(rows).mark_bar().transform_filter(wanted).transform_filter("datum.cost != '\u200b'")
    chart = chart.encode(x="cost:Q", y=alt.Y("as:N", sort=[HIDING]), color=color, tooltip="field:N")
    return chart.properties(title=alt.Title(HIDING, subtitle=[HIDING]))


def test_jupyterlab_is_given_no_text_that_hides_or_turns_what_a_reader_sees():
    renderer.enable()
    bundle, _ = hiding()._repr_mimebundle_()
    spec = bundle[renderer.VEGALITE_MIME]
    assert bundle["text/plain"] == f"<chart: {READ}>"
    assert spec["data"]["values"][0] == {"field": READ, "as": READ, "cost": 1}
    assert spec["data"]["values"][1]["field"] == "größer 中文"
    assert spec["title"] == {"text": READ, "subtitle": [READ]}
    assert spec["encoding"]["y"]["sort"] == [READ]
    assert spec["encoding"]["color"]["scale"]["domain"][0] == READ
    assert spec["transform"][0]["filter"]["oneOf"][0] == READ


def test_what_computes_in_a_chart_is_left_as_it_is():
    spec = renderer.render(hiding().to_dict())[0][renderer.VEGALITE_MIME]
    assert spec["transform"][1] == {"filter": "datum.cost != '\u200b'"}


def test_a_picture_shows_what_would_hide_or_turn_its_text():
    svg = renderer.to_svg(hiding())
    assert READ in svg
    assert not set(HIDING).difference(READ).intersection(svg)
    assert svg.count('aria-roledescription="bar"') == 2


def test_a_chart_of_plain_texts_goes_out_as_it_was_made():
    spec = bars().to_dict()
    sent = renderer.render(spec)[0][renderer.VEGALITE_MIME]
    assert json.dumps(sent) == json.dumps({**spec, "$schema": sent["$schema"]})


def test_a_picture_never_loads_data_from_elsewhere():
    chart = alt.Chart("http://127.0.0.1:9/steps.csv").mark_bar().encode(x="cost:Q")
    with pytest.raises(ValueError, match=r"not allowed|External data url"):
        renderer.to_svg(chart)


@pytest.mark.parametrize("call", [renderer.enable, lambda theme: renderer.to_svg(bars(), theme=theme)])
def test_an_unknown_theme_is_refused_by_name(call):
    with pytest.raises(UnknownName, match="no theme 'dark'; expected one of harnlab, harnlab-light"):
        call(theme="dark")
