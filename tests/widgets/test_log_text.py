"""Text from a log shows what is in it and nothing else."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from harnlab.widgets.log_text import ABSENT, beginning, cell, one_line, visible


def test_plain_text_stays_as_it_is():
    assert visible("größer: 中文 עברית <b>\n\tok") == "größer: 中文 עברית <b>\n\tok"


def test_marks_that_turn_or_hide_text_are_written_out():
    assert visible("a\u202eb\u200bc\x00d\u3164") == "a\\u202eb\\u200bc\\u0000d\\u3164"
    assert visible("\U000e0041") == "\\U000e0041"


@settings(deadline=None)  # machines differ
@given(st.text())
def test_nothing_invisible_is_left(text):
    left = {unicodedata.category(c) for c in visible(text) if c not in "\n\t"}
    assert left.isdisjoint({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})


@settings(deadline=None)  # machines differ
@given(st.text(alphabet="a\n\t\r\u2028"))
def test_one_line_is_one_line(text):
    assert len(one_line(text).splitlines()) <= 1


def test_a_long_text_is_cut_and_says_so():
    assert one_line("x" * 200, 10) == "x" * 9 + "…"
    assert beginning("x" * 25, 20) == ("x" * 20, 5)
    assert beginning("x" * 20, 20) == ("x" * 20, 0)


def test_what_the_log_does_not_have_is_no_zero():
    assert cell(None) == ABSENT
    assert cell(0) == "0"
    assert cell(False) == "no"
    assert cell(1234567) == "1,234,567"
