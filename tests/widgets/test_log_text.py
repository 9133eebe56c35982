"""Text from a log shows what is in it and nothing else."""

from hypothesis import given, settings
from hypothesis import strategies as st

from harnlab.widgets.log_text import ABSENT, beginning, cell, one_line


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
