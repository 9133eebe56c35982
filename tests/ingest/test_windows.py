import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harnlab.ingest import windows as module
from harnlab.ingest.windows import Unreadable, Window, ahead, index_lines, windows


def lines_of(paths, size):
    """(file, number, offset, content, torn) of every line, read in windows of ``size`` bytes."""
    found = []
    for window in windows(paths, size=size):
        assert isinstance(window, Window)
        found += [(one.file, one.line, one.offset, None, False) for one in window.oversized]
        lines = index_lines(window)
        for i in range(len(lines)):
            content = bytes(window.buffer[lines.starts[i] : lines.ends[i]])
            place = (lines.files[i], lines.numbers[i], lines.offsets[i])
            found.append((*map(int, place), content, bool(lines.torn[i])))
    return found


def expected_lines(contents):
    found = []
    for file, content in enumerate(contents):
        offset = 3 if content.startswith(b"\xef\xbb\xbf") else 0
        parts = content[offset:].split(b"\n")
        torn = parts.pop() if parts[-1] else parts.pop() and None
        for number, part in enumerate(parts, 1):
            found.append((file, number, offset, part, False))
            offset += len(part) + 1
        if torn:
            found.append((file, len(parts) + 1, offset, torn, True))
    return found


@settings(deadline=None)
@given(
    contents=st.lists(
        st.lists(st.sampled_from([b"a", b"bb" * 9, b"\n", b"\xef\xbb\xbf", b"\r"])), max_size=4
    ),
    size=st.integers(4, 40),
)
def test_every_line_of_every_file_has_its_number_and_offset_whatever_the_window(
    tmp_path_factory, contents, size
):
    folder = tmp_path_factory.mktemp("logs")
    whole = [b"".join(parts) for parts in contents]
    paths = [folder / str(i) for i in range(len(whole))]
    for path, content in zip(paths, whole, strict=True):
        path.write_bytes(content)
    assert lines_of(paths, size) == expected_lines(whole)


def test_a_line_longer_than_a_window_is_read_whole(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"x" * 100 + b"\nshort\n")
    assert [len(line[3]) for line in lines_of([path], 16)] == [100, 5]


@pytest.mark.parametrize("tail", [b"", b"\n", b"\nnext\n", b"\nnext"])
def test_a_line_over_the_limit_is_passed_over_and_the_next_one_is_not(tmp_path, monkeypatch, tail):
    monkeypatch.setattr(module, "LONGEST_LINE_BYTES", 50)
    monkeypatch.setattr(module, "WINDOW_BYTES", 8)
    path = tmp_path / "log"
    path.write_bytes(b"first\n" + b"x" * 200 + tail)
    found = lines_of([path], 16)
    assert found[:2] == [(0, 1, 0, b"first", False), (0, 2, 6, None, False)]
    assert found[2:] == ([(0, 3, 207, b"next", tail == b"\nnext")] if b"next" in tail else [])


def test_a_file_that_is_gone_is_reported_and_the_others_are_read(tmp_path):
    there = tmp_path / "there"
    there.write_bytes(b"{}\n")
    found = list(windows([tmp_path / "gone", there]))
    assert isinstance(found[0], Unreadable)
    assert found[0].reason == "No such file or directory"
    assert len(index_lines(found[1])) == 1


def test_many_small_files_share_one_window(tmp_path):
    paths = [tmp_path / str(i) for i in range(50)]
    for path in paths:
        path.write_bytes(b"{}\n{}")
    (window,) = windows(paths)
    lines = index_lines(window)
    assert np.array_equal(lines.files, np.repeat(np.arange(50), 2))
    assert lines.torn.tolist() == [False, True] * 50


def test_what_is_read_ahead_comes_in_order_and_is_one_item_at_most():
    made = []
    items = ahead(made.append(number) or number for number in range(1, 50))
    for wanted in range(1, 50):
        assert next(items) == wanted
        assert len(made) <= wanted + 1
    assert list(items) == []


def test_what_goes_wrong_ahead_is_raised_where_it_is_used():
    items = ahead(1 // number for number in (1, 0))
    assert next(items) == 1
    with pytest.raises(ZeroDivisionError):
        next(items)


def test_a_window_that_is_kept_keeps_its_bytes(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"%07d\n" % number for number in range(100)))
    kept = list(windows([path], size=64))
    assert b"".join(bytes(window.buffer) for window in kept) == path.read_bytes()


def test_windows_that_are_let_go_share_one_buffer(tmp_path):
    path = tmp_path / "log"
    path.write_bytes(b"".join(b"%07d\n" % number for number in range(100)))
    buffers = set()
    for window in windows([path], size=64):
        buffers.add(id(window.buffer.obj))
        del window
    assert len(buffers) == 1
