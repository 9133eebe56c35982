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


def test_a_picture_never_loads_data_from_elsewhere():
    chart = alt.Chart("http://127.0.0.1:9/steps.csv").mark_bar().encode(x="cost:Q")
    with pytest.raises(ValueError, match=r"not allowed|External data url"):
        renderer.to_svg(chart)


@pytest.mark.parametrize("call", [renderer.enable, lambda theme: renderer.to_svg(bars(), theme=theme)])
def test_an_unknown_theme_is_refused_by_name(call):
    with pytest.raises(UnknownName, match="no theme 'dark'; expected one of harnlab, harnlab-light"):
        call(theme="dark")
