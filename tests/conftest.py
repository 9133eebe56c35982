"""Options and summaries shared by all tests."""

from pathlib import Path

from golden.counts import COUNTS


def pytest_addoption(parser):
    parser.addoption(
        "--golden-dir",
        type=Path,
        default=Path(__file__).parent / "golden" / "vectors",
        help="folder of golden vector files (*.jsonl, *.jsonl.gz); default: the copy in tests/golden/vectors",
    )


def pytest_terminal_summary(terminalreporter, config):
    counts = config.stash.get(COUNTS, {})
    if counts:
        terminalreporter.section("golden vectors")
        for op, (passed, total) in sorted(counts.items()):
            terminalreporter.write_line(f"{op:32} {passed}/{total}")
        passed, total = (sum(column) for column in zip(*counts.values(), strict=True))
        terminalreporter.write_line(f"{'all ops':32} {passed}/{total}")
