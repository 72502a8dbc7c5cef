"""How long to wait before the next try."""


def doubled(failures: int, *, first: float = 1.0, longest: float) -> float:
    """`first` after the first of so many failures in a row, twice as long after each further one, up to `longest`."""
    return float(min(longest, first * 2.0 ** min(failures - 1, 16)))
