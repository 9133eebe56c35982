"""Options and summaries shared by all tests."""

from pathlib import Path

import pytest

from golden.counts import COUNTS


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_tests(tmp_path_factory):
    """No test reads or writes the cache of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNLAB_CACHE_DIR", str(tmp_path_factory.mktemp("cache")))
        yield


def pytest_addoption(parser):
    parser.addoption(
        "--golden-dir",
        type=Path,
        default=Path(__file__).parent / "golden" / "vectors",
        help="folder of golden vector files (*.jsonl, *.jsonl.gz); default: the copy in tests/golden/vectors",
    )


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):  # pytest-xdist: only what is put here reaches the summary
        session.config.workeroutput["golden"] = session.config.stash.get(COUNTS, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    counts = node.config.stash.setdefault(COUNTS, {})
    for op, (passed, total) in getattr(node, "workeroutput", {}).get("golden", {}).items():
        before = counts.get(op, (0, 0))
        counts[op] = (before[0] + passed, before[1] + total)


def pytest_terminal_summary(terminalreporter, config):
    counts = config.stash.get(COUNTS, {})
    if counts:
        terminalreporter.section("golden vectors")
        for op, (passed, total) in sorted(counts.items()):
            terminalreporter.write_line(f"{op:32} {passed}/{total}")
        passed, total = (sum(column) for column in zip(*counts.values(), strict=True))
        terminalreporter.write_line(f"{'all ops':32} {passed}/{total}")
