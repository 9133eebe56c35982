"""The report in a Chromium without a network: drawn, sortable, printable, and for every reader."""

import contextlib

import pytest
from axe_playwright_python.sync_playwright import Axe

import harnlab as hl
from browser.explorers import CONTRAST, SAMPLES, SOMETHING_RAN
from ingest.transcript_lines import dispatch, line, request, response

HOSTILE = [
    "<script>window.harnlabWasHere = 1</script>",
    "</textarea></title><img src=x onerror='window.harnlabWasHere = 2'>",
    "javascript:window.harnlabWasHere=3",
    "\u202egnihtemos\u200b",
    "{{ 7 * 7 }} ${window.harnlabWasHere = 4}",
    "' + window.alert('x') + '",
    "]]><svg onload='window.harnlabWasHere = 5'>",
]
#: Boxes that reach past the paper, and pixels of the ground, when the page is printed.
TOO_WIDE = """() => [...document.querySelectorAll('table, svg, pre, p, h2, td')]
    .filter(node => node.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(node => `${node.tagName} ${node.textContent.slice(0, 60)}`)"""


#: The ink of a text of a drawing is its fill.
INK_OF_SVG = """() => {
    for (const text of document.querySelectorAll('svg text')) text.style.color = getComputedStyle(text).fill;
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return hl.report(hl.load(str(SAMPLES), progress=False), tmp_path_factory.mktemp("report") / "report.html")


@contextlib.contextmanager
def opened(chromium, path, **options):
    """Page of a report with the network off; it fails on a page error, a console error or any request."""
    context = chromium.new_context(offline=True, **options)
    page = context.new_page()
    wrong = []
    page.on("pageerror", lambda error: wrong.append(f"page error: {error}"))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: wrong.append(asked.url) if asked.url != path.as_uri() else None)
    try:
        page.goto(path.as_uri())
        yield page
    finally:
        context.close()
    assert wrong == []


def column(page, table, name):
    """Texts of a column of a table, top to bottom."""
    heads = table.locator("thead th").all_inner_texts()
    place = next(number for number, head in enumerate(heads, start=1) if head.startswith(name))
    return table.locator(f"tbody td:nth-child({place})").all_inner_texts()


def costs(page):
    return page.get_by_role("region", name="Cost by persona, step and model").locator("table")


def test_charts_are_drawn_and_a_named_line_is_one_click_away(chromium, report):
    with opened(chromium, report) as page:
        sizes = page.locator("figure svg").evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().width)"
        )
        assert len(sizes) >= 8
        assert min(sizes) > 200
        first = page.locator("td.line a").first
        named = first.inner_text()
        first.click()
        quote = page.locator(".quote:target")
        assert quote.locator("p").inner_text().endswith(named)
        assert quote.locator("pre").inner_text().startswith("{")


def test_a_column_is_sorted_by_click_and_by_keyboard_and_says_so(chromium, report):
    with opened(chromium, report) as page:
        table = costs(page)
        head = table.locator("th", has_text="input_tokens")
        assert head.get_attribute("aria-sort") == "none"
        head.get_by_role("button").click()
        numbers = [int(text.replace(",", "")) for text in column(page, table, "input_tokens") if text]
        assert numbers == sorted(numbers)
        assert head.get_attribute("aria-sort") == "ascending"
        page.keyboard.press("Enter")
        numbers = [int(text.replace(",", "")) for text in column(page, table, "input_tokens") if text]
        assert numbers == sorted(numbers, reverse=True)
        assert head.get_attribute("aria-sort") == "descending"
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Space")
        assert head.get_attribute("aria-sort") == "none"
        other = table.locator("th[aria-sort=ascending]")
        assert other.count() == 1


def test_what_is_not_recorded_comes_last_in_either_order(chromium, report):
    with opened(chromium, report) as page:
        table = page.get_by_role("region", name="Every run, and what to look at in it").locator("table")
        button = table.locator("th", has_text="cost_usd").get_by_role("button")
        for _ in range(2):
            button.click()
            known = [bool(text) for text in column(page, table, "cost_usd")]
            assert known == sorted(known, reverse=True)


@pytest.mark.parametrize("width", [1100, 900, 700])
def test_every_table_fits_its_page(chromium, report, width):
    with opened(chromium, report, viewport={"width": width, "height": 900}) as page:
        beyond = page.locator(".scroll").evaluate_all(
            "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.ariaLabel)"
        )
        assert beyond == []


def test_without_scripts_a_table_is_a_plain_table(chromium, report):
    with opened(chromium, report, java_script_enabled=False) as page:
        assert costs(page).locator("tbody tr").count() > 5
        assert page.get_by_role("button").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_serious_finding_for_readers_with_other_senses(chromium, report, theme):
    with opened(chromium, report, color_scheme=theme) as page:
        found = Axe().run(page).response["violations"]
        told = [(one["id"], one["impact"], one["nodes"][0]["html"][:200]) for one in found]
        assert [one for one in told if one[1] in ("serious", "critical")] == []


def test_texts_of_charts_read_in_the_dark(chromium, report):
    with opened(chromium, report, color_scheme="dark") as page:
        page.evaluate(INK_OF_SVG)
        texts = page.locator("figure svg text").all()[:40]
        assert min(text.evaluate(CONTRAST) for text in texts) > 4.5


def test_on_paper_nothing_is_cut_and_the_ground_is_white(chromium, report):
    with opened(chromium, report, color_scheme="dark", viewport={"width": 718, "height": 1000}) as page:
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate("() => getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("() => getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
        assert page.evaluate(TOO_WIDE) == []
        assert len(page.pdf(format="A4", print_background=True)) > 50_000


@pytest.mark.parametrize("redact", [False, True])
def test_texts_of_somebody_who_means_harm_are_shown_and_do_nothing(chromium, tmp_path, redact):
    records = []
    for number, text in enumerate(HOSTILE):
        call = f"{text}{number}"
        told = {"provider": text, "model": f"{text} {number}"}
        records += [
            request(call, **told),
            response(call, **told, text=text, cost_usd=0.1, timestamp=f"{1779109651 + number}.5"),
            dispatch(call, **told, provenance={"provider": "inherited_from_primary", "model": text}),
            {"type": text, "timestamp": text, text: text},
        ]
    (tmp_path / "llm_transcript.jsonl").write_bytes(b"\n".join(line(**one) for one in records) + b"\n")
    path = hl.report(hl.load(tmp_path, progress=False), tmp_path / "report.html", redact=redact)
    with opened(chromium, path) as page:
        page.locator("th button").first.click()
        assert page.evaluate(SOMETHING_RAN) is None
        assert page.locator("script, img, iframe, object, [onload], [onerror]").count() == 1  # the page's own
        assert "onerror" in page.locator("main").inner_text()
