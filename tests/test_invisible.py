"""What hides, commands or turns text around is written out, or a blank; everything else stays as it is."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st

from harnlab.invisible import blanked, blanked_line, visible


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


def test_plain_text_has_blanks_in_place_of_what_is_not_printed():
    assert blanked("größer\n\u202eb\x1b[2J") == "größer  b [2J"
    assert blanked_line(" größer\n\u202eb\xa0\x1b[2J") == "größer b [2J"
    assert blanked("as it is") == "as it is"
