"""The pytest plugin in other repositories: rules as tests, fixtures, strict notebooks, silence when unused."""

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

import harnlab.gate  # noqa: F401 - numpy cannot be loaded anew in each pytest run inside this process

pytest_plugins = ["pytester"]

REGRESSION = Path(__file__).parents[1] / "sample_transcripts" / "regression"


@pytest.fixture
def repository(pytester):
    """A repository of somebody else, with rules and two sets of runs."""
    checks = pytester.path / "checks"
    for side in ("baseline", "candidate"):
        shutil.copytree(REGRESSION / side, checks / side)
    rules = (REGRESSION / "rules.toml").read_text("utf-8")
    (checks / "rules.toml").write_text(rules, encoding="utf-8")
    pytester.makeini("[pytest]\naddopts = --strict-markers --strict-config\nfilterwarnings = error\n")
    return pytester


def outcomes(result):
    found = result.parseoutcomes()
    found.pop("warnings", None)
    return found


def test_each_rule_is_one_test_and_a_broken_one_tells_finding_and_log_line(repository):
    result = repository.runpytest_inprocess("--harnlab", "checks/rules.toml")
    assert outcomes(result) == {"failed": 5}
    result.stdout.fnmatch_lines(
        [
            "*rule: a step costs what it did*",
            "a step costs what it did (step=verify): 0.0126 USD on average over 3 runs*",
            "  at checks/candidate/transcripts/run_019f1d57-*/llm_transcript.jsonl:60",
            "no word nobody knows (everything): *new: dispatches.outcome_kind=lane_quarantined",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*step=read*")


def test_runs_that_keep_every_rule_are_green(repository):
    result = repository.runpytest_inprocess(
        "--harnlab=checks/rules.toml", "--harnlab-runs=checks/baseline", "-v"
    )
    assert outcomes(result) == {"passed": 5}
    result.stdout.fnmatch_lines(["checks/rules.toml::no dead lanes PASSED*"])


def test_rules_run_beside_the_tests_that_are_named_and_alone_when_none_is(repository):
    repository.makepyfile(test_own="def test_one(): pass")
    alone = repository.runpytest_inprocess("--harnlab=checks/rules.toml")
    beside = repository.runpytest_inprocess("--harnlab=checks/rules.toml", "test_own.py")
    below = repository.runpytest_inprocess("--harnlab=checks/rules.toml", ".")
    assert outcomes(alone) == {"failed": 5}
    assert outcomes(beside) == outcomes(below) == {"passed": 1, "failed": 5}


def test_ini_keys_make_rules_a_part_of_every_run(repository):
    repository.makeini(
        "[pytest]\nharnlab_rules = checks/rules.toml\n"
        "harnlab_runs = checks/baseline\nharnlab_baseline = checks/baseline\n"
    )
    repository.makepyfile(test_own="def test_one(): pass")
    assert outcomes(repository.runpytest_inprocess()) == {"passed": 6}
    assert outcomes(repository.runpytest_inprocess("checks")) == {"passed": 5}
    assert outcomes(repository.runpytest_inprocess("test_own.py")) == {"passed": 1}


def test_rules_are_selected_by_name_like_any_test(repository):
    assert outcomes(repository.runpytest_inprocess("--harnlab=checks/rules.toml", "-k", "dead")) == {
        "failed": 1,
        "deselected": 4,
    }


def test_wrong_rules_are_told_in_one_line(repository):
    (repository.path / "bad.toml").write_text('[[rule]]\nmeasure = "prize"\nlimit = 1\n')
    result = repository.runpytest_inprocess("--harnlab=bad.toml")
    assert outcomes(result) == {"errors": 1}
    result.stdout.fnmatch_lines(["bad.toml:1: Invalid enum value 'prize'; expected one of *"])


def test_runs_that_are_missing_are_told_without_a_traceback(repository):
    result = repository.runpytest_inprocess("--harnlab=checks/rules.toml", "--harnlab-runs=nowhere")
    assert outcomes(result) == {"failed": 5}
    result.stdout.fnmatch_lines(["nowhere: no such file or folder*"])
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_rule_that_may_stay_undecided_is_skipped(repository):
    rules = '[[rule]]\nmeasure = "denials"\nlimit = 0\n'
    (repository.path / "undecided.toml").write_text(f"{rules}allow_insufficient = true\n")
    (repository.path / "strict.toml").write_text(rules)
    runs = "--harnlab-runs=checks/baseline"
    assert outcomes(repository.runpytest_inprocess("--harnlab=undecided.toml", runs)) == {"skipped": 1}
    assert outcomes(repository.runpytest_inprocess("--harnlab=strict.toml", runs)) == {"failed": 1}


def test_fixtures_serve_tests_of_ones_own(repository):
    repository.makepyfile(
        """
        import pytest

        def test_runs_and_baseline(harn_runs, harn_baseline):
            assert len(harn_runs) == 4
            assert len(harn_baseline) == 4

        def test_a_check_gives_its_findings(harn_check, harn_baseline):
            found = harn_check("checks/rules.toml", runs=harn_baseline)
            assert found["verdict"].unique().to_list() == ["pass"]

        def test_a_broken_rule_fails(harn_check, harn_runs):
            harn_check("checks/rules.toml", runs=harn_runs)

        def test_nothing_named(harn_check):
            harn_check()
        """
    )
    result = repository.runpytest_inprocess(
        "--harnlab-runs=checks/candidate", "--harnlab-baseline=checks/baseline"
    )
    assert outcomes(result) == {"passed": 2, "failed": 2}
    result.stdout.fnmatch_lines(
        ["a step costs what it did (step=verify): *", "*harn_check: no rules are named*"]
    )


def test_a_fixture_without_anything_to_load_says_what_to_name(repository):
    repository.makepyfile("def test_one(harn_runs): pass\ndef test_two(harn_baseline): pass")
    result = repository.runpytest_inprocess()
    assert outcomes(result) == {"errors": 2}
    result.stdout.fnmatch_lines(
        ["*no runs are named. Try: --harnlab-runs*", "*none is named. Try: --harnlab-baseline*"]
    )


def test_a_ci_reads_the_findings_from_pytests_own_report(repository):
    repository.runpytest_inprocess("--harnlab=checks/rules.toml", "--junitxml=out.xml")
    suite = ET.parse(repository.path / "out.xml").getroot().find("testsuite")
    assert (suite.get("tests"), suite.get("failures")) == ("5", "5")
    told = [failure.text for failure in suite.iter("failure")]
    assert any("llm_transcript.jsonl:33" in text for text in told)


def notebook(path, recorded):
    cell = new_code_cell(
        "print(6 * 7)",
        execution_count=1,
        outputs=[new_output("stream", name="stdout", text=recorded)],
        id="code-01",
    )
    nbformat.write(new_notebook(cells=[cell, new_code_cell("answer = 1", id="code-02")]), path)


def test_notebooks_are_strict_in_any_repository_and_only_on_request(repository):
    notebook(repository.path / "investigation.ipynb", "41\n")
    assert outcomes(repository.runpytest_subprocess("--strict-markers")) == {}
    result = repository.runpytest_subprocess("--harnlab-notebooks", "-rA")
    assert outcomes(result) == {"failed": 2}
    result.stdout.fnmatch_lines(["*-41", "*+42", "*no recorded run*Record it: python -m harnlab.nbcheck*"])


def test_a_notebook_that_was_recorded_as_the_guard_says_passes(repository):
    notebook(repository.path / "investigation.ipynb", "41\n")
    done = subprocess.run(
        [sys.executable, "-m", "harnlab.nbcheck", "investigation.ipynb"],
        cwd=repository.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "recorded investigation.ipynb\n"), done.stderr
    repository.makeini("[pytest]\nharnlab_notebooks = true\n")
    assert outcomes(repository.runpytest_subprocess()) == {"passed": 2}


def test_without_nbval_the_notebook_option_says_what_to_install(repository):
    result = repository.runpytest_subprocess("--harnlab-notebooks", "-p", "no:nbval")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*needs nbval. Try: pip install 'harnlab?test?'"])


def test_unused_it_loads_nothing_and_changes_nothing(repository):
    repository.makepyfile(
        """
        import sys

        def test_light(pytestconfig):
            assert "harnlab.pytest_plugin" in sys.modules
            for name in ("polars", "msgspec", "altair", "harnlab.gate", "harnlab.nbcheck", "harnlab.runs"):
                assert name not in sys.modules, name
            assert pytestconfig.args == [str(pytestconfig.rootpath)]
        """
    )
    assert outcomes(repository.runpytest_subprocess("-p", "no:cacheprovider")) == {"passed": 1}


def test_rules_and_notebooks_run_on_several_workers(repository):
    notebook(repository.path / "investigation.ipynb", "42\n")
    result = repository.runpytest_subprocess("-n2", "--harnlab-notebooks", "--harnlab=checks/rules.toml", ".")
    assert outcomes(result) == {"failed": 6, "passed": 1}
