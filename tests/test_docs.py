"""The pages of docs say what the code says, and their code prints what they show."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

import harnlab

DOCS = Path(__file__).parents[1] / "docs"
PAGES = runpy.run_path(str(DOCS / "tables.py"))["PAGES"]
RECORD = runpy.run_path(str(DOCS / "record.py"))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_made_from_the_code_is_up_to_date(name):
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run: python docs/tables.py"


@pytest.mark.parametrize("name", RECORD["PAGES"])
def test_the_code_of_a_page_prints_what_the_page_shows(name):
    assert (DOCS / name).read_text(encoding="utf-8") == RECORD["recorded"](name), "run: python docs/record.py"


def test_a_page_whose_code_fails_is_not_recorded(tmp_path, monkeypatch):
    globals_ = RECORD["recorded"].__globals__
    monkeypatch.setitem(globals_, "DOCS", tmp_path)
    (tmp_path / "page.md").write_text("```console\nharnlab show nowhere\n```\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="harnlab show nowhere"):
        RECORD["recorded"]("page.md")


def test_every_public_name_has_its_place_in_the_reference():
    pages = "".join(page.read_text(encoding="utf-8") for page in (DOCS / "reference").glob("*.md"))
    missing = [
        name
        for name in harnlab.__all__
        if not re.search(rf"\b(hl|harnlab)\.(\w+\.)?{name}\b", pages) and not name.startswith("read_")
    ]
    assert missing == []


def test_the_site_builds_without_a_warning_and_asks_for_nothing_outside(tmp_path):
    build = [
        sys.executable,
        "-m",
        "sphinx",
        "-q",
        "-W",
        "--keep-going",
        "-b",
        "html",
        "-d",
        tmp_path / "trees",
    ]
    done = subprocess.run([*build, DOCS, tmp_path / "site"], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = [
        line.strip()
        for page in (tmp_path / "site").rglob("*.html")
        for line in page.read_text(encoding="utf-8").splitlines()
        if ("<script" in line or "<link" in line or "<img" in line)
        and ('src="http' in line or 'href="http' in line)
    ]
    assert loaded == []
    findings = (tmp_path / "site/tutorials/06_regression_check.html").read_text(encoding="utf-8")
    assert '<th class="head text-right"><p>observed</p></th>' in findings
