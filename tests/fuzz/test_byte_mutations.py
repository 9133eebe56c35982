"""No reader falls over, loses a line or loses a record, whatever happened to the bytes of its file."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz.targets import TARGETS, TOKENS

CORPUS = Path(__file__).parent / "corpus"
EXAMPLES = {"sqlite": 20, "sqlite_payload": 25, "load": 25}


@st.composite
def damaged(draw, seeds):
    """Bytes of a good file after a few things that happen to files."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(content)))
        match draw(st.sampled_from(["flip", "insert", "overwrite", "delete", "cut", "repeat"])):
            case "flip" if at < len(content):
                content[at] ^= 1 << draw(st.integers(0, 7))
            case "insert":
                content[at:at] = draw(st.sampled_from(TOKENS))
            case "overwrite":
                token = draw(st.sampled_from(TOKENS))
                content[at : at + len(token)] = token
            case "delete":
                del content[at : at + draw(st.integers(1, 60))]
            case "cut":
                del content[at:]
            case "repeat":
                content[at:at] = content[max(0, at - draw(st.integers(1, 80))) : at]
    return bytes(content)


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_bytes_never_break_a_reader_or_lose_a_record(name, tmp_path_factory):
    target, folder = TARGETS[name], tmp_path_factory.mktemp(name)

    @settings(
        max_examples=EXAMPLES.get(name, 60),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(damaged(target.seeds()))
    def holds(content):
        target.run(folder, content)

    holds()


@pytest.mark.parametrize("name", TARGETS)
def test_good_files_pass_their_own_checks(name, tmp_path):
    for seed in TARGETS[name].seeds():
        TARGETS[name].run(tmp_path, seed)


def _found():
    return sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("path", _found(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_what_fuzzing_once_broke_holds(path, tmp_path):
    TARGETS[path.parent.name].run(tmp_path, path.read_bytes())
