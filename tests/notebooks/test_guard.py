"""The guard of notebooks: what makes a notebook fail, and how the failure reads."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output

from harnlab.nbcheck import guard

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CHART = "application/vnd.vegalite.v5+json"


def printed(text):
    return new_output("stream", name="stdout", text=text)


def shown(run, **data):
    return new_output("execute_result", data=data, execution_count=run)


def cell(run, source, *outputs):
    return new_code_cell(source, execution_count=run, outputs=list(outputs))


def run_nbval(folder, *cells):
    """Run one notebook of these cells under the guard; pytest's exit code and report."""
    nbformat.write(new_notebook(cells=list(cells)), folder / "investigation.ipynb")
    shutil.copy(NOTEBOOKS / "conftest.py", folder)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\n")
    options = ["--nbval", "--color=no", "-rA", "--tb=short", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(folder)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


TABLE = (
    "<table><tr><th>step</th><th>cost_usd</th></tr>"
    "<tr><td>plan</td><td>0.5</td></tr>\n<tr>\n <td>verify</td>\n <td>{}</td></tr></table>"
)
DISPLAY = "from IPython.display import HTML, display\n"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """One notebook with everything that may go wrong, run once."""
    return run_nbval(
        tmp_path_factory.mktemp("changed"),
        cell(1, "cost = 0.0031\nprint('verify', cost)", printed("verify 0.003\n")),
        cell(
            2,
            f"{DISPLAY}HTML({TABLE.format('0.31')!r})",
            shown(
                2, **{"text/html": TABLE.format("0.30"), "text/plain": "<IPython.core.display.HTML object>"}
            ),
        ),
        cell(
            3,
            f"display({{{CHART!r}: {{'data': {{'values': [{{'step': 'verify', 'cost_usd': cost}}]}}}}}}, raw=True)",
            new_output(
                "display_data", data={CHART: {"data": {"values": [{"step": "verify", "cost_usd": 0.003}]}}}
            ),
        ),
        cell(None, "answer = 42"),
        cell(9, "print(answer)", printed("42\n")),
        cell(6, "print(answer)", printed("42\n")),
        cell(7, "for n in range(30): print(n, cost)", printed("".join(f"{n} 0\n" for n in range(30)))),
    )


def cell_report(report, number):
    text = report[1].partition(f"Cell {number}: ")[2]
    return re.split(r"\n_{5,}|\n={5,}", text)[0]


def test_only_the_cell_that_shows_what_it_showed_passes(report):
    code, text = report
    assert code == 1
    assert "1 passed" in text
    assert "6 failed" in text
    assert re.search(r"PASSED .*Cell 5", text)


def test_a_changed_number_in_text_is_named(report):
    text = cell_report(report, 0)
    assert "- recorded in the notebook\n  + now\n  -verify 0.003\n  +verify 0.0031\n" in text


def test_a_changed_table_shows_its_changed_row_as_text(report):
    text = cell_report(report, 1)
    assert "-| verify | 0.30\n  +| verify | 0.31\n" in text
    assert "| plan" not in text.partition("+ now")[2]


def test_a_changed_chart_shows_the_path_to_the_changed_value(report):
    text = cell_report(report, 2)
    assert "-.data.values[0].cost_usd = 0.003\n  +.data.values[0].cost_usd = 0.0031\n" in text
    assert "data.values[0].step" not in text.partition("+ now")[2]


def test_a_cell_without_a_recorded_run_fails_but_still_runs(report):
    assert "no recorded run" in cell_report(report, 3)
    assert "NameError" not in report[1]


def test_a_cell_recorded_out_of_order_fails(report):
    assert "recorded as run 9, but from the top it is run 5" in cell_report(report, 4)


def test_a_long_difference_is_cut_and_counted(report):
    text = cell_report(report, 6)
    assert "… and 40 more changed lines" in text
    assert len(text.splitlines()) < 40


def test_what_may_differ_between_runs_does_not_fail(tmp_path):
    code, text = run_nbval(
        tmp_path,
        cell(1, "object()", shown(1, **{"text/plain": "<object at 0x7f00deadbeef>"})),
        cell(
            2,
            "import warnings\nwarnings.warn('old price table')",
            new_output(
                "stream",
                name="stderr",
                text="/tmp/ipykernel_1/2.py:2: UserWarning: old price table\n"
                "  warnings.warn('old price table')\n",
            ),
        ),
        cell(
            3,
            "from tqdm import tqdm\nfor _ in tqdm(range(3)): pass",
            new_output("stream", name="stderr", text="100%|██████████| 3/3 [00:00<00:00, 9.87it/s]\n"),
        ),
        cell(
            4,
            "import os, time\nprint(os.environ['TZ'], os.environ['CI'], time.tzname[0])",
            printed("UTC true UTC\n"),
        ),
        new_code_cell(""),
        cell(5, "print('last')", printed("last\n")),
    )
    assert code == 0, text
    assert "6 passed" in text


def test_a_duration_is_a_number_like_any_other():
    sanitize = guard.SANITIZE.read_text()
    patterns = re.findall(r"^regex: (.*)$", sanitize, re.MULTILINE)
    assert len(patterns) == 3
    assert not any(re.search(pattern, "p95 250 ms, 12% of 3/4 calls, $0.0031") for pattern in patterns)


def test_only_the_clause_of_a_long_value_that_changed_is_shown():
    long = "; ".join(f"clause {number} stays as it was" for number in range(20))
    changes = guard.changed_lines({"told": f"{long}; 18 calls."}, {"told": f"{long}; 19 calls."})
    assert changes == ["-.told = '18 calls.'", "+.told = '19 calls.'"]


leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(documents.filter(lambda document: not isinstance(document, str)), documents)
def test_two_json_outputs_that_differ_always_have_a_line_to_show(recorded, now):
    if recorded == now:
        assert guard.changed_lines(recorded, recorded) == []
    else:
        assert guard.changed_lines(recorded, now)


@pytest.mark.parametrize(
    ("deaths", "why", "starts"),
    [
        (0, "", 1),
        (1, "Kernel died before replying", 2),
        (2, "Kernel died before replying", 2),
        (1, "no answer", 1),
    ],
)
def test_a_kernel_that_dies_at_once_is_started_once_more(deaths, why, starts):
    tried = []

    def start(name):
        tried.append(name)
        if len(tried) <= deaths:
            raise RuntimeError(why)
        return "running"

    if starts > deaths:
        assert guard.started_again(start)("python") == "running"
    else:
        with pytest.raises(RuntimeError, match=why):
            guard.started_again(start)("python")
    assert tried == ["python"] * starts
