"""The HTML report: what it says, and that nothing from a log can act in it."""

import re

import pytest

import harnlab as hl
from ingest.transcript_lines import dispatch, line, request, response

HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    runs = hl.load(["sample_transcripts/cost-overrun", "sample_transcripts/inherited-route"])
    return hl.report(runs, tmp_path_factory.mktemp("report") / "new folder" / "report.html").read_text()


def test_the_report_tells_both_findings_with_their_lines(page):
    assert "llm_transcript.jsonl:63" in page
    assert "over its max_usd of 0.25 USD by 0.08642 USD" in page
    assert page.count("<svg") >= 2


def test_the_report_asks_for_nothing_outside_itself(page):
    assert re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!#)[^"'>\s)]*//[^"'>\s)]+""", page) == []
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert "<script" not in page


def test_the_report_of_the_samples_is_under_three_megabytes(tmp_path):
    path = hl.report(hl.load("sample_transcripts"), tmp_path / "all.html")
    assert path.stat().st_size < 3_000_000


def test_text_from_a_log_is_text_in_the_report(tmp_path):
    records = [
        request("c1", provider=HOSTILE, model=HOSTILE),
        response("c1", provider=HOSTILE, model=HOSTILE),
        dispatch("c1", provider=HOSTILE, model=HOSTILE),
        {"type": HOSTILE, "timestamp": HOSTILE},
    ]
    (tmp_path / "llm_transcript.jsonl").write_bytes(b"\n".join(line(**one) for one in records))
    page = hl.report(hl.load(tmp_path), tmp_path / "report.html").read_text()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script" not in page
    assert "<img" not in page


def test_runs_without_findings_say_so(tmp_path):
    (tmp_path / "llm_transcript.jsonl").write_bytes(line(**response("c1")))
    page = hl.report(hl.load(tmp_path), tmp_path / "report.html").read_text()
    assert "No step went over a limit." in page
    assert "No inherited route found" in page


def test_a_report_that_cannot_be_written_is_an_error_with_its_path(tmp_path):
    (tmp_path / "llm_transcript.jsonl").write_bytes(line(**response("c1")))
    with pytest.raises(hl.UnreadablePath, match="cannot be written"):
        hl.report(hl.load(tmp_path), tmp_path / "llm_transcript.jsonl" / "report.html")
