"""Which mutations are tried together after a push that nobody survived."""

from hypothesis import given
from hypothesis import strategies as st

from server.sync.trials import DEATHS_MAX, Mark, Part, is_culprit, split

numbers = st.integers(1, 40)


def batch(first: int, last: int) -> list[dict[str, int]]:
    return [{"number": n} for n in range(first, last + 1)]


@given(first=numbers, size=st.integers(1, 60), start=numbers, length=st.integers(0, 60), deaths=st.integers(1, 5))
def test_parts_are_the_push_in_its_order(first: int, size: int, start: int, length: int, deaths: int):
    """Nothing is left out, doubled or moved: each part goes on from the one before."""
    mutations, mark = batch(first, first + size - 1), Mark(start, start + length, deaths)

    parts = split(mutations, mark)

    assert [m for part in parts for m in part.mutations] == mutations
    assert all(part.mutations for part in parts)


@given(size=st.integers(1, 2_000), poison=st.integers(1, 2_000))
def test_s8_whatever_the_size_the_culprit_alone_is_found_within_six_deaths(size: int, poison: int):
    """Played through: each push dies at the poison, and leaves the mark of the part that it was in."""
    poison = min(poison, size)
    mutations, mark, deaths = batch(1, size), None, 1  # the first one died without a mark

    for _ in range(10):
        parts = [Part(mutations)] if mark is None else split(mutations, mark)
        [fatal] = [part for part in parts if {"number": poison} in part.mutations]
        refused = [part for part in parts if mark is not None and is_culprit(part, mark)]
        if refused:
            break
        mark, deaths = fatal.mark, deaths + 1

    assert [part.mutations for part in refused] == [[{"number": poison}]]
    assert 1 + DEATHS_MAX <= deaths <= 6


def test_who_died_once_alone_is_no_culprit():
    """A server that was switched off at that moment proves nothing."""
    assert not is_culprit(Part(batch(7, 7), 1), Mark(7, 7, 1))
    assert not is_culprit(Part(batch(7, 7), 5), Mark(6, 7, 5))
    assert is_culprit(Part(batch(7, 7), 2), Mark(7, 7, 2))
