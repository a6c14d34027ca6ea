"""A list of ids as parameters has one of few lengths, and the same ids."""

import pytest

from app.db.id_lists import of_few_lengths


@pytest.mark.parametrize(
    ("ids", "listed"),
    [
        ([], []),
        ([7], [7]),
        ([2, 1], [1, 2]),
        ([3, 1, 2], [1, 2, 3, 3]),
        ([5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 5, 5, 5]),
    ],
)
def test_the_last_id_is_repeated_up_to_a_power_of_two(ids: list[int], listed: list[int]) -> None:
    assert of_few_lengths(ids) == listed


def test_ten_thousand_lists_have_fifteen_lengths() -> None:
    assert len({len(of_few_lengths(range(size))) for size in range(1, 10_001)}) == 15
