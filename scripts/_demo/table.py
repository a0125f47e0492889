"""Show a CSV file as an aligned table."""

import csv
import sys
from pathlib import Path


def main(path: Path) -> None:
    """Print the table, its columns aligned, numbers to the right."""
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for index, row in enumerate(rows):
        cells = [_padded(cell, width) for cell, width in zip(row, widths, strict=True)]
        print("  ".join(cells).rstrip())
        if index == 0:
            print("  ".join("-" * width for width in widths))


def _padded(cell: str, width: int) -> str:
    is_number = cell.replace(".", "", 1).isdigit()
    return cell.rjust(width) if is_number else cell.ljust(width)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
