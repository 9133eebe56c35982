from itertools import combinations

import altair as alt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harnlab import vocabulary
from harnlab.charts import theme

ALL_SWATCHES = [swatch for palette in theme.PALETTES for swatch in palette.swatches]

# Machado, Oliveira & Fernandes 2009, severity 1.0, on linear RGB.
EYES = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
TO_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
TO_OKLAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def seen(color, eye):
    srgb = np.array([int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)])
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return TO_OKLAB @ np.cbrt(TO_CONES @ np.clip(EYES[eye] @ linear, 0, 1))


@pytest.mark.parametrize(
    ("palette", "words"),
    [
        (theme.PROVENANCE, vocabulary.ProvenanceOrigin),
        (theme.OUTCOME, vocabulary.OutcomeKind),
        (theme.LIFECYCLE, vocabulary.SkillLifecycle),
        (theme.STEP_STATUS, vocabulary.StepStatus),
    ],
)
def test_a_palette_has_every_word_of_its_vocabulary_once(palette, words):
    assert [swatch.word for swatch in palette.swatches] == list(words)


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize("palette", theme.PALETTES, ids=lambda palette: palette.name)
def test_two_colours_of_a_palette_stay_apart_for_every_eye(palette, eye):
    for one, other in combinations(palette.swatches, 2):
        distance = np.linalg.norm(seen(one.color, eye) - seen(other.color, eye))
        assert distance > 0.1, (one.word, other.word)


@pytest.mark.parametrize("palette", theme.PALETTES, ids=lambda palette: palette.name)
def test_glyphs_tell_words_apart_without_colour(palette):
    glyphs = [swatch.glyph for swatch in palette.swatches]
    assert all(len(glyph) == 1 for glyph in glyphs)
    assert len(set(glyphs)) == len(glyphs)


@pytest.mark.parametrize("swatch", ALL_SWATCHES, ids=lambda swatch: swatch.word)
def test_a_fill_stands_out_on_a_white_and_on_a_dark_page(swatch):
    assert theme.contrast(swatch.color, "#ffffff") >= 3
    assert theme.contrast(swatch.color, theme.DARK_GROUND) >= 3


@pytest.mark.parametrize("swatch", ALL_SWATCHES, ids=lambda swatch: swatch.word)
def test_text_on_a_fill_is_readable(swatch):
    assert theme.contrast(swatch.ink, swatch.color) >= 4.3


def test_contrast_agrees_with_the_two_ends_of_wcag():
    assert theme.contrast("#000000", "#ffffff") == pytest.approx(21)
    assert theme.contrast("#123456", "#123456") == pytest.approx(1)


def test_a_scale_holds_only_the_words_present_in_the_palettes_order():
    scale = theme.STEP_STATUS.scale(["escalated", "completed", "completed"]).to_dict()
    assert scale == {"domain": ["completed", "escalated"], "range": ["#5ea182", "#b075db"]}


def test_a_word_of_a_newer_harn_comes_last_in_grey():
    scale = theme.STEP_STATUS.scale(["paused", "failed"]).to_dict()
    assert scale == {"domain": ["failed", "paused"], "range": ["#d70609", "#8f9091"]}
    assert theme.STEP_STATUS.of("paused").glyph == "?"
    assert theme.STEP_STATUS.of(None).label == "not recorded"


@given(st.lists(st.text(max_size=8)))
def test_every_word_has_one_colour_whatever_the_log_says(words):
    scale = theme.OUTCOME.scale(words).to_dict()
    assert sorted(scale["domain"]) == sorted(set(words))
    assert len(scale["range"]) == len(scale["domain"])


@pytest.mark.parametrize("name", theme.THEMES)
def test_a_theme_makes_a_valid_chart(name):
    with alt.theme.enable(name):
        chart = alt.Chart(alt.Data(values=[{"x": 1}]), title="t").mark_bar().encode(x="x:Q")
        assert chart.to_dict()["config"]["font"].startswith("system-ui")


def test_the_notebook_theme_takes_ink_and_ground_from_the_page():
    with alt.theme.enable("harnlab"):
        config = alt.Chart(alt.Data(values=[])).mark_bar().to_dict()["config"]
    assert config["background"] == "transparent"
    assert set(inks(config)) == {"currentColor"}


def inks(config):
    yield from (config["title"]["color"], config["title"]["subtitleColor"])
    yield from (
        config[part][ink] for part in ("axis", "legend", "header") for ink in ("labelColor", "titleColor")
    )
    yield from (config["text"]["color"], config["rule"]["color"])


@pytest.mark.parametrize(("name", "ground"), [("harnlab-light", "#ffffff"), ("harnlab-dark", "#111111")])
def test_ink_of_a_picture_theme_reads_on_its_ground(name, ground):
    with alt.theme.enable(name):
        config = alt.Chart(alt.Data(values=[])).mark_bar().to_dict()["config"]
    assert config["background"] == ground
    assert min(theme.contrast(ink, ground) for ink in inks(config)) >= 4.5
