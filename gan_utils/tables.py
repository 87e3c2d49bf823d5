"""Tables of the steps of a run as CSV files."""

import csv
from pathlib import Path

from gan_utils.files import whole_file


def write_rows(rows: list[dict[str, float]], path: Path) -> None:
    """Write a table.

    Args:
        rows: at least one, all with the same names.
        path: the file.

    Raises:
        OSError: it cannot be written; an older file stays as it is.
    """
    with (
        whole_file(path) as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path) -> list[dict[str, float]]:
    """Read what `write_rows` wrote.

    Args:
        path: the file.

    Returns:
        The rows; `step` is a whole number.

    Raises:
        ValueError: the file is damaged or holds something else; it is left as it is.
        OSError: it cannot be read.
    """
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
        return [row | {"step": int(row["step"])} for row in rows]
    except (ValueError, KeyError, TypeError, OverflowError, csv.Error) as error:
        raise ValueError(
            f"{path} is no table of steps ({error}); delete it to go on without the steps so far."
        ) from error
