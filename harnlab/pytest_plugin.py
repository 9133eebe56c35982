"""pytest plugin: ``--harnlab rules.toml`` gives one test per rule, ``--harnlab-notebooks`` runs notebooks strictly.

Fixtures ``harn_runs``, ``harn_baseline`` and ``harn_check`` serve tests of one's own. Nothing of harnlab but this
module and its errors is loaded until one of these is used.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from harnlab.errors import HarnlabError

if TYPE_CHECKING:
    import polars as pl

    from harnlab.gate import Baseline, Rules
    from harnlab.runs import Runs

_rule_files: Final = pytest.StashKey[frozenset[Path]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options, and ini keys of the same meaning; paths in an ini file are taken from its folder."""
    group = parser.getgroup("harnlab", "agent runs held against rules")
    group.addoption(
        "--harnlab", action="append", default=[], metavar="RULES", dest="harnlab_rules",
        help="hold runs against the rules of this TOML file, one test per rule (repeatable)",
    )  # fmt: skip
    group.addoption(
        "--harnlab-runs", action="append", default=[], metavar="PATH",
        help="runs to check instead of those the rules name (repeatable)",
    )  # fmt: skip
    group.addoption(
        "--harnlab-baseline", metavar="PATH", help="baseline file, or folder of runs, to compare with"
    )
    group.addoption(
        "--harnlab-notebooks", action="store_true",
        help="run notebooks with nbval, strictly: a changed number or a cell without a recorded run fails",
    )  # fmt: skip
    parser.addini("harnlab_rules", "rules to hold runs against, one test per rule", type="paths", default=[])
    parser.addini("harnlab_runs", "runs to check instead of those the rules name", type="paths", default=[])
    parser.addini(
        "harnlab_baseline", "baseline file, or folder of runs, to compare with", type="paths", default=[]
    )
    parser.addini("harnlab_notebooks", "run notebooks with nbval, strictly", type="bool", default=False)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Collect the rules that are asked for, and make notebooks strict where that is asked for."""
    asked = [_from_here(config, name) for name in config.getoption("harnlab_rules")]
    standing = [path for path in config.getini("harnlab_rules") if path not in asked]
    config.stash[_rule_files] = frozenset([*asked, *standing])
    nothing_named = config.args_source is not pytest.Config.ArgsSource.ARGS
    if asked and nothing_named:
        config.args = [str(path) for path in asked]
    else:
        extra = [*asked, *(standing if nothing_named else ())]
        named = [_from_here(config, argument.partition("::")[0]) for argument in config.args]
        config.args += [str(path) for path in extra if not any(path.is_relative_to(one) for one in named)]
    if config.getoption("harnlab_notebooks") or config.getini("harnlab_notebooks"):
        _hold_notebooks(config)


def _hold_notebooks(config: pytest.Config) -> None:
    if not config.pluginmanager.hasplugin("nbval"):
        raise pytest.UsageError("--harnlab-notebooks needs nbval. Try: pip install 'harnlab[test]'")
    from harnlab.nbcheck import guard  # noqa: PLC0415 - nothing is loaded until it is used

    config.option.nbval = True
    config.pluginmanager.register(guard, "harnlab-notebooks")


def _from_here(config: pytest.Config, name: str) -> Path:
    return Path(os.path.abspath(config.invocation_params.dir / name))  # noqa: PTH100 - links stay as they are


def _shown(config: pytest.Config, path: Path) -> str:
    """Path as a person would write it: from where pytest runs, where it lies below."""
    here = config.invocation_params.dir
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else str(path)


def _named_runs(config: pytest.Config) -> list[str] | None:
    """Runs that options or ini name; ``None`` leaves it to the rules."""
    asked = [_from_here(config, name) for name in config.getoption("harnlab_runs")] or config.getini(
        "harnlab_runs"
    )
    return [_shown(config, path) for path in asked] or None


def _named_baseline(config: pytest.Config) -> str | None:
    asked = config.getoption("harnlab_baseline")
    paths = [_from_here(config, asked)] if asked else config.getini("harnlab_baseline")
    return _shown(config, paths[0]) if paths else None


class RuleBroken(Exception):
    """A rule the runs do not keep; the findings that say so are in ``findings``."""

    def __init__(self, findings: pl.DataFrame) -> None:
        super().__init__(_told(findings))
        self.findings = findings


class RulesFile(pytest.File):
    """A file of rules; its runs are loaded and checked once, when the first rule is tested."""

    rules: Rules
    _findings: pl.DataFrame | None = None

    def collect(self) -> Iterator[RuleItem]:
        """One test per rule."""
        from harnlab.gate import read_rules  # noqa: PLC0415

        try:
            self.rules = read_rules(_shown(self.config, self.path))
        except HarnlabError as error:
            raise self.CollectError(str(error)) from None
        for rule in self.rules.rules:
            yield RuleItem.from_parent(self, name=" ".join(rule.title.split()), title=rule.title)

    def findings(self) -> pl.DataFrame:
        """Findings of all rules of the file."""
        if self._findings is None:
            from harnlab.gate import check  # noqa: PLC0415

            self._findings = check(
                _named_runs(self.config), rules=self.rules, baseline=_named_baseline(self.config)
            )
        return self._findings


class RuleItem(pytest.Item):
    """One rule as a test."""

    def __init__(self, *, title: str, **more: Any) -> None:
        super().__init__(**more)
        self.title = title

    def runtest(self) -> None:
        """Fail where the runs do not keep the rule, skip where nobody can tell and the rule allows that."""
        parent: Any = self.parent
        found = parent.findings()
        found = found.filter(found["rule"] == self.title)
        broken = found.filter("blocking")
        if broken.height:
            raise RuleBroken(broken)
        if (found["verdict"] == "insufficient").all():
            pytest.skip(found["because"][0])

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Findings, or an error meant for people, without a traceback."""
        if isinstance(excinfo.value, RuleBroken | HarnlabError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        """Where the rule stands."""
        return self.path, None, f"rule: {self.name}"


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> RulesFile | None:
    """Take the files of rules that were asked for."""
    if file_path in _collected(parent.config):
        rules: RulesFile = RulesFile.from_parent(parent, path=file_path)
        return rules
    return None


@pytest.fixture(scope="session")
def harn_runs(pytestconfig: pytest.Config) -> Runs:
    """Runs that ``--harnlab-runs``, the ini key ``harnlab_runs`` or the configured rules name, loaded once."""
    from harnlab.gate import read_rules  # noqa: PLC0415
    from harnlab.runs import load  # noqa: PLC0415

    paths = _named_runs(pytestconfig)
    if paths is None:
        rules = map(read_rules, _configured(pytestconfig))
        paths = [path for one in rules for path in one.runs]
    if not paths:
        pytest.fail(
            "harn_runs: no runs are named. Try: --harnlab-runs PATH, or harnlab_runs in the ini file",
            pytrace=False,
        )
    return load(paths)


@pytest.fixture(scope="session")
def harn_baseline(pytestconfig: pytest.Config) -> Baseline | Runs:
    """Baseline (a file read, or the runs of a folder) of options, ini keys or the rules."""
    from harnlab.gate import read_baseline, read_rules  # noqa: PLC0415
    from harnlab.runs import load  # noqa: PLC0415

    path = _named_baseline(pytestconfig)
    if path is None:
        path = next(filter(None, (read_rules(one).baseline for one in _configured(pytestconfig))), None)
    if path is None:
        pytest.fail(
            "harn_baseline: none is named. Try: --harnlab-baseline PATH, or harnlab_baseline in the ini file",
            pytrace=False,
        )
    return load(path) if Path(path).is_dir() else read_baseline(path)


@pytest.fixture
def harn_check(pytestconfig: pytest.Config) -> Callable[..., pl.DataFrame]:
    """Function ``harn_check(rules, runs=…, baseline=…)`` that fails the test where a rule is broken.

    It gives the findings. What is not given is taken from options and ini keys, then from the rules.
    """
    from harnlab.gate import check  # noqa: PLC0415

    def checked(rules: Any = None, *, runs: Any = None, baseline: Any = None) -> pl.DataFrame:
        __tracebackhide__ = True
        chosen = rules if rules is not None else next(iter(_configured(pytestconfig)), None)
        if chosen is None:
            pytest.fail("harn_check: no rules are named. Try: harn_check('rules.toml')", pytrace=False)
        if isinstance(chosen, Path):
            chosen = _shown(pytestconfig, chosen)
        found = check(
            runs if runs is not None else _named_runs(pytestconfig),
            rules=chosen,
            baseline=baseline if baseline is not None else _named_baseline(pytestconfig),
        )
        broken = found.filter("blocking")
        if broken.height:
            pytest.fail(_told(broken), pytrace=False)
        return found

    return checked


def _collected(config: pytest.Config) -> frozenset[Path]:
    none: frozenset[Path] = frozenset()
    return config.stash.get(_rule_files, none)


def _configured(config: pytest.Config) -> list[str]:
    return [_shown(config, path) for path in sorted(_collected(config))]


def _told(findings: pl.DataFrame) -> str:
    """Findings as lines: rule and scope, why, and the log line."""
    from harnlab.gate.findings import place  # noqa: PLC0415

    lines = []
    for row in findings.to_dicts():
        lines.append(f"{row['rule']} ({row['scope']}): {row['because']}")
        if where := place(row):
            lines.append(f"  at {where}")
    return "\n".join(lines)
