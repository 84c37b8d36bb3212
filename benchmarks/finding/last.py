"""python -m benchmarks.finding.last: reads Montgomery, once, with the model that is to ship.

It is the other country. Nothing is chosen by it, so it is read when nothing is to be chosen any more; before
that `python -m benchmarks finding` says that it is not read.
"""

from __future__ import annotations

from benchmarks.finding.measure import reader
from benchmarks.finding.sets import montgomery


def main() -> None:
    """Keeps the scores beside those of the other sets; a second call reads nothing."""
    found = reader().read(list(montgomery()))
    print(f"{len(found)} images of Montgomery are read, {found.count(None)} of them without lungs.")


if __name__ == "__main__":
    main()
