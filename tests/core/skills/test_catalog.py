"""Which cards fit a budget."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harnlab.core.rust_semantics import U64_MAX, byte_len
from harnlab.core.skills import CATALOG_HEADER, fit_catalog, fit_lengths, omission_suffix, render_catalog

pieces = st.sampled_from(["", "a", "é", "日本", "🙂", "\n", "x" * 30, "é" * 60])
texts = st.lists(pieces, max_size=3).map("".join)
# long lists of short cards: the suffix's number grows a digit while cards are dropped
many = st.integers(0, 120).flatmap(
    lambda count: st.sampled_from(["", "a", "bb", "é" * 3]).map(lambda b: [b] * count)
)
catalogs = st.lists(texts, max_size=14) | many
budgets = st.integers(0, 400) | st.sampled_from([2000, 2**63, U64_MAX])


def literal_fit_catalog(header: bytes, blocks: list[bytes], budget: int) -> tuple[bytes, int]:
    """The seed's ``fit_catalog`` statement by statement: the oracle the shipped one is compared with."""
    omission_template = b"\n\n... 1 more skill(s) omitted to stay within budget."
    budget = max(budget, len(header) + len(omission_template))

    visible = 0
    rendered = header
    while visible < len(blocks):
        candidate_len = len(rendered) + (len(blocks[visible]) if visible == 0 else 1 + len(blocks[visible]))
        if candidate_len > budget:
            break
        if visible > 0:
            rendered += b"\n"
        rendered += blocks[visible]
        visible += 1

    omitted = max(0, len(blocks) - visible)
    if omitted > 0:
        while True:
            suffix = f"\n\n... {omitted} more skill(s) omitted to stay within budget.".encode()
            if len(rendered) + len(suffix) <= budget:
                rendered += suffix
                break
            if visible == 0:
                break
            visible -= 1
            omitted += 1
            rendered = header
            for index, block in enumerate(blocks[:visible]):
                if index > 0:
                    rendered += b"\n"
                rendered += block
    return rendered, visible


def assert_equals_the_seed(header, blocks, budget):
    rendered, shown = literal_fit_catalog(header.encode(), [block.encode() for block in blocks], budget)
    fit = fit_catalog(header, blocks, budget)
    assert (fit.rendered, fit.shown) == (rendered.decode(), shown)
    by_length = fit_lengths(byte_len(header), [byte_len(block) for block in blocks], budget)
    assert (by_length.shown, by_length.used) == (shown, len(rendered))
    assert fit.rendered.endswith(by_length.suffix)
    return fit


@given(texts, catalogs, budgets)
@example("", [], 0)
@example("H", ["", "", ""], 0)
@example("H", ["a" * 40, *[""] * 9], 0)
@example(CATALOG_HEADER, ["é" * 20] * 12, 251)
def test_the_fit_equals_the_seeds_statement_by_statement(header, blocks, budget):
    assert_equals_the_seed(header, blocks, budget)


@pytest.mark.parametrize("length", [0, 1, 2, 7, 51, 52, 53, 60])
def test_the_fit_equals_the_seeds_at_every_budget_around_a_change_of_digits(length):
    for count in (1, 2, 9, 10, 11, 12, 99, 100, 101):
        blocks = ["x" * length] * count
        whole = length * count + count
        budgets = {*range(40, 120), *range(max(0, whole - 60), whole + 3)}
        for budget in sorted(budgets):
            assert_equals_the_seed("h", blocks, budget)


@given(texts, catalogs, budgets, budgets)
def test_a_larger_budget_never_shows_fewer_cards(header, blocks, one, other):
    small, large = sorted((one, other))
    assert fit_catalog(header, blocks, small).shown <= fit_catalog(header, blocks, large).shown


@given(texts, catalogs, budgets)
def test_a_catalog_stays_within_its_raised_budget_and_counts_every_card(header, blocks, budget):
    fit = fit_catalog(header, blocks, budget)
    assert byte_len(fit.rendered) <= max(budget, byte_len(header) + 52)
    assert fit.rendered.startswith(header + "\n".join(blocks[: fit.shown]))
    omitted = len(blocks) - fit.shown
    suffix = fit.rendered.removeprefix(header + "\n".join(blocks[: fit.shown]))
    assert suffix == omission_suffix(omitted) or (suffix, fit.shown) == ("", 0)


def test_the_header_is_the_runtimes():
    assert byte_len(CATALOG_HEADER) == 151


def test_the_suffix_says_how_many_and_nothing_for_none():
    assert omission_suffix(12) == "\n\n... 12 more skill(s) omitted to stay within budget."
    assert omission_suffix(0) == ""


def test_a_card_is_dropped_again_to_make_room_for_the_suffix():
    fit = fit_catalog("h", ["x" * 40, "y" * 40, "z" * 40], 100)
    assert fit.shown == 1
    assert fit.rendered == "h" + "x" * 40 + omission_suffix(2)


def test_ten_omitted_cards_at_the_smallest_budget_leave_no_room_for_the_suffix():
    assert fit_catalog("h", ["x" * 60] * 9, 0).rendered == "h" + omission_suffix(9)
    assert fit_catalog("h", ["x" * 60] * 10, 0).rendered == "h"


def test_an_empty_catalog_says_none_in_the_prompt():
    assert render_catalog([], 0) == CATALOG_HEADER + "(none)"
    assert render_catalog(["- `a`"], 2000) == CATALOG_HEADER + "- `a`"
    assert render_catalog(["- `a`" * 20], 0) == CATALOG_HEADER + omission_suffix(1)
