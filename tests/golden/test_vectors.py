"""Every vector file of ``--golden-dir``, answered by the cores; a count per operation is printed at the end."""

import gzip
import importlib
import json
from pathlib import Path

import pytest

from golden.codec import difference
from golden.counts import COUNTS

#: operation -> module of ``golden.adapters`` whose ``OPS`` answers it
ADAPTERS = {
    "constants": "constants",
    "step_budget": "steps",
    "hooks": "steps",
    "hooks_glob_extended": "steps",
    "autonomy_parse": "autonomy",
    "autonomy_budget": "autonomy",
    "dispatch_outcome_from_result": "dispatch",
    "dispatch_outcome_from_error": "dispatch",
    "provenance": "dispatch",
    "thinking_json": "dispatch",
    "wire_format": "dispatch",
    "base_url_host": "dispatch",
    "dispatch_record": "dispatch",
    "agent_state": "agent_state",
    "catalog_fit": "skills",
    "activation_evidence": "skills",
}
#: members of an output that are compared, where the vectors' README makes others optional
COMPARED = {
    "hooks_glob_extended": {"matches_globset"},
    "step_budget": {"results", "span_calls"},
}
DEFAULT_DIR = Path(__file__).parent / "vectors"


def vectors_of(path: Path):
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def vector_files(directory: Path):
    return sorted([*directory.glob("*.jsonl"), *directory.glob("*.jsonl.gz")])


def pytest_generate_tests(metafunc):
    if "path" not in metafunc.fixturenames:
        return
    files = vector_files(metafunc.config.getoption("--golden-dir"))
    metafunc.parametrize("path", files, ids=[file.name.split(".")[0] for file in files])


def test_the_core_answers_as_the_runtime_did(path, request, tmp_path):
    vectors = vectors_of(path)
    assert vectors, f"{path} holds no vector"
    counts = request.config.stash.setdefault(COUNTS, {})
    failures = []
    for number, vector in enumerate(vectors):
        op = vector["op"]
        answer = importlib.import_module(f"golden.adapters.{ADAPTERS[op]}").OPS[op]
        room = tmp_path / str(number)
        room.mkdir()
        actual = answer(vector["input"], room)
        compared = COMPARED.get(op)
        expected = {k: v for k, v in vector["output"].items() if compared is None or k in compared}
        wrong = difference(expected, actual)
        passed, total = counts.get(op, (0, 0))
        counts[op] = (passed + (wrong is None), total + 1)
        if wrong:
            failures.append(f"{vector['id']}: {wrong}")
    assert not failures, f"{len(failures)} of {len(vectors)} differ:\n" + "\n".join(failures[:20])


def test_every_op_of_the_table_has_an_answer(request):
    if request.config.getoption("--golden-dir") != DEFAULT_DIR:
        pytest.skip("another directory need not hold every operation")
    assert {v["op"] for file in vector_files(DEFAULT_DIR) for v in vectors_of(file)} == set(ADAPTERS)
