"""The HTML report: what it says, what it stands on, and that nothing from a log can act in it."""

import base64
import hashlib
import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pytest

import harnlab as hl
from harnlab.reports.headlines import _rounded, _spent, worst_of_each_step
from harnlab.reports.words import cells, shown
from ingest.transcript_lines import dispatch, line, request, response

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    runs = hl.load(["sample_transcripts/cost-overrun", "sample_transcripts/inherited-route"])
    return hl.report(runs, tmp_path_factory.mktemp("report") / "new folder" / "report.html")


@pytest.fixture(scope="module")
def page(report):
    return report.read_text()


@pytest.fixture(scope="module")
def of_the_samples(tmp_path_factory):
    return hl.report(hl.load("sample_transcripts"), tmp_path_factory.mktemp("samples") / "all.html")


def small_log(folder, *records):
    (folder / "llm_transcript.jsonl").write_bytes(b"\n".join(line(**one) for one in records))
    return hl.load(folder)


def test_the_report_tells_both_findings_with_their_lines(page):
    assert "llm_transcript.jsonl:63" in page.replace("<wbr>", "")
    assert "over its max_usd of 0.25 USD by 0.08642 USD" in page
    assert "silently inherited a part of the route" in page
    assert page.count("<svg") >= 5


def test_the_report_asks_for_nothing_outside_itself(page):
    assert re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!#)[^"'>\s)]*//[^"'>\s)]+""", page) == []
    assert "default-src 'none'" in page


def test_the_only_script_is_the_reports_own_and_the_page_allows_no_other(page):
    (script,) = re.findall("<script>(.*?)</script>", page, re.DOTALL)
    known = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{known}'" in page
    assert page.count("<script") == 1


def test_the_report_of_the_samples_is_under_three_megabytes_and_has_every_section(of_the_samples):
    assert of_the_samples.stat().st_size < 3_000_000
    titles = re.findall("<h2>(.*?)</h2>", of_the_samples.read_text())
    assert titles == [
        "Steps over their limit",
        "Where the money went",
        "Inherited routes",
        "Skills left out",
        "Autonomy denied",
        "Durable state",
        "Runs",
        "Problems",
        "What a record can decide",
        "The log lines",
    ]


def test_every_line_a_table_names_is_quoted_or_counted(of_the_samples):
    page = of_the_samples.read_text()
    anchors = re.findall('<a href="#(line-[0-9]+)" data-n', page)
    quotes = re.findall('<div class="quote" id="(line-[0-9]+)"', page)
    assert anchors
    assert set(anchors) == set(quotes)
    assert len(quotes) == len(set(quotes))


def test_a_quoted_line_links_to_the_file_from_where_the_report_lies(report, page):
    links = re.findall('<p data-n="[0-9]+"><a href="(\\./[^"]*)"', page)
    assert links
    assert all((report.parent / unquote(link)).is_file() for link in links)


def test_a_quoted_line_is_the_line_of_the_log(page):
    place, text = re.search(
        r"<p [^>]*><a [^>]*>(\S+cost-overrun/llm_transcript.jsonl:\d+)</a></p>\s*<pre>(.*?)</pre>",
        page.replace("<wbr>", ""),
    ).groups()
    path, _, number = place.rpartition(":")
    assert Path(path).read_text().splitlines()[int(number) - 1][:100] == text.replace("&#34;", '"')[:100]


def test_what_a_record_can_decide_is_told_word_by_word(page):
    assert set(re.findall("<dt>(.*?)</dt>", page)) == {"exact", "bound", "censored", "insufficient"}
    assert all(row["question"].replace("'", "&#39;") in page for row in hl.whatif.DECIDABILITY.to_dicts())


def test_a_run_says_in_one_column_what_to_look_at_in_it(page):
    noticed = re.findall("<td>([0-9]+ (?:step|inherited|unpriced|problem)[^<]*)</td>", page)
    assert "2 steps stopped, 1 unpriced call" in noticed
    assert "5 inherited calls" in noticed


def test_amounts_of_one_unit_line_up_and_limits_of_several_do_not():
    usd = pl.Series("cost_usd", [1.837488, 0.68067, None, 12.0])
    assert cells(usd) == ["1.837488", "0.680670", "", "12.000000"]
    assert cells(pl.Series("limit_value", [0.25, 30_000.0])) == ["0.25", "30,000"]
    assert cells(pl.Series("keys", [["a", "b"], None])) == ["a, b", ""]


def test_numbers_are_sorted_by_their_value_and_not_by_their_text(page):
    assert 'data-sort="1037450">1,037,450<' in page


def test_text_from_a_log_is_text_in_the_report(tmp_path):
    records = [
        request("c1", provider=HOSTILE, model=HOSTILE),
        response("c1", provider=HOSTILE, model=HOSTILE),
        dispatch("c1", provider=HOSTILE, model=HOSTILE, provenance={"provider": "inherited_from_primary"}),
        {"type": HOSTILE, "timestamp": HOSTILE},
    ]
    page = hl.report(small_log(tmp_path, *records), tmp_path / "report.html").read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert page.count("<script") == 1
    assert "<img" not in page


def test_a_text_of_a_megabyte_does_not_make_the_report_large(tmp_path):
    told = "x" * 1_000_000
    records = [
        request("c1", model=told),
        response("c1", model=told, text=told),
        dispatch("c1", model=told, provenance={"provider": "inherited_from_primary"}),
    ]
    path = hl.report(small_log(tmp_path, *records), tmp_path / "report.html")
    assert path.stat().st_size < 600_000
    assert "… (1,000,000 characters)" in path.read_text()


@pytest.mark.parametrize(
    "unseen", ["\u202e", "\u200b", "\x00", "\x1b", "\ufeff", "\u2066", "\u3164", "\ue000"]
)
def test_characters_that_are_not_seen_are_written_out(unseen):
    assert shown(f"a{unseen}b") == f"a\\u{ord(unseen):04x}b"


def test_a_file_name_that_looks_like_an_address_is_a_path(tmp_path):
    folder = tmp_path / "javascript:alert(1)"
    folder.mkdir()
    runs = small_log(folder, response("c1", stop_reason=5))
    page = hl.report(runs, tmp_path / "report.html").read_text()
    assert "javascript:alert(1)" in page
    assert 'href="javascript' not in page


def seen(page):
    """What a reader sees of the first screen."""
    first = page[page.index("<h1>") : page.index("<nav")]
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]*>", "", first)))


def test_the_first_screen_says_in_sentences_what_it_cost_and_what_went_wrong(of_the_samples):
    told = seen(of_the_samples.read_text())
    assert "At least 4.19 USD for 391 model calls; 4 of them have no known price." in told
    assert "The dearest run, “Release harbor-billing 4.12.0”, cost 1.31 USD." in told
    assert "2 steps went over a limit: verify spent 0.34 USD, its limit is 0.25 USD; risk used 32,410" in told
    assert "24 calls took a route nobody chose for them" in told
    assert "2 came back empty and billed" in told
    assert "48 pieces of the logs were not as expected: in 13 files" in told


def test_every_finding_leads_to_a_section(of_the_samples):
    page = of_the_samples.read_text()
    named = re.findall('<li><a href="#([a-z]+)"', page)
    assert named == ["overruns", "routes", "skills", "autonomy", "state", "problems"]
    assert set(named) <= set(re.findall('<section id="([a-z]+)"', page))


def test_what_is_not_found_is_told_apart_from_what_no_log_records(tmp_path):
    page = hl.report(small_log(tmp_path, response("c1")), tmp_path / "report.html").read_text()
    told = seen(page)
    assert "What happened in 1 run " in told
    assert "Nothing went wrong that the logs can show." in told
    assert "Looked for and not found: no step went over a limit; every line was read." in told
    assert "Not on record, so not judged: routes, skill catalogs, autonomy quotas, durable state." in told
    assert "No inherited route found" in page
    assert "Redacted" not in page


def test_a_limit_that_is_broken_by_less_than_a_cent_is_still_seen_to_be_broken():
    assert _spent({"step": "a", "often": 1, "unit": "USD", "observed": 0.2503, "limit_value": 0.25}) == (
        "`a` spent 0.2503 USD, its limit is 0.25 USD"
    )


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        ("4.1933837", "4.19 USD"),
        ("0", "0.00 USD"),
        ("0.0042", "0.0042 USD"),
        ("1234567.8", "1,234,567.80 USD"),
    ],
)
def test_an_amount_is_told_as_one_says_it(amount, told):
    assert _rounded(amount) == told


def test_a_step_that_overran_in_many_runs_is_told_once_by_its_worst():
    over = pl.DataFrame(
        {"step": ["a", "b", "a"], "overshoot_pct": [5.0, None, 9.0], "observed": [105.0, None, 109.0]}
    ).with_columns(unit=pl.lit("tokens"), limit_value=100.0)
    told = [_spent(row) for row in worst_of_each_step(over).to_dicts()]
    assert told == [
        "`a` used 109 tokens, its limit is 100 (the worst of 2)",
        "`b` was stopped by a limit, and by how much is not on record",
    ]


def test_nothing_at_all_is_a_report_too(tmp_path):
    runs = small_log(tmp_path, response("c1")).filter(pl.col("run_id") == "nobody")
    told = seen(hl.report(runs, tmp_path / "report.html").read_text())
    assert "What happened in 0 runs No model call is on record." in told
    assert "Nothing went wrong" not in told


def test_a_document_that_is_quoted_takes_no_page_for_its_line_breaks(of_the_samples):
    quotes = re.findall("<pre>(.*?)</pre>", of_the_samples.read_text(), re.DOTALL)
    records = [quote for quote in quotes if quote.startswith("{ &#34;_type&#34;: &#34;run_record&#34;")]
    assert len(records) > 20
    assert not any("\n" in record for record in records)
    assert "(a blank line)" in quotes


def test_a_redacted_report_says_so_and_names_no_folder_above_the_logs(tmp_path):
    told = "mail alice@example.org, key sk-abcdefghijklmnop1234567890abcdefghijklmnop"
    runs = small_log(tmp_path, response("c1", model=told, text="the whole plan"))
    page = hl.report(runs, tmp_path / "report.html", redact=True).read_text()
    assert "1 e-mail" in page or "e-mail addresses" in page
    assert "[e-mail 1]" in page
    assert not any(secret in page for secret in ("alice@", "abcdefghij", "the whole plan", str(tmp_path)))


def test_a_report_that_cannot_be_written_is_an_error_with_its_path(tmp_path):
    runs = small_log(tmp_path, response("c1"))
    with pytest.raises(hl.UnreadablePath, match="cannot be written"):
        hl.report(runs, tmp_path / "llm_transcript.jsonl" / "report.html")
