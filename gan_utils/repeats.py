"""Measurements repeated with several seeds, and the tables that show their spread."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

_NAME_WIDTH = 26
_CELL_WIDTH = 17

Table = dict[str, dict[str, list[float]]]


def over_seeds(
    experiment: Callable[[int], Mapping[str, Mapping[str, float]]], seeds: Iterable[int]
) -> Table:
    """Run an experiment with each seed.

    Args:
        experiment: Takes a seed; returns row -> column -> number, the same rows for each seed.
        seeds: At least one.

    Returns:
        Row -> column -> one number for each seed, which `records.record` can keep.
    """
    runs = [experiment(seed) for seed in seeds]
    return {
        row: {column: [float(run[row][column]) for run in runs] for column in columns}
        for row, columns in runs[0].items()
    }


def table(title: str, rows: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """Return a table as text: mean, ± standard deviation (of the population) over several seeds.

    Args:
        title: Heading of the first column.
        rows: What `over_seeds` returned; a new line of headings begins where the columns change.

    Returns:
        A line for each row below the names of its columns; empty without rows.
    """
    lines: list[str] = []
    names: tuple[str, ...] = ()
    for row, columns in rows.items():
        if names != tuple(columns):
            names = tuple(columns)
            lines.append(_line(title, names))
        lines.append(_line(row, [_cell(values) for values in columns.values()]))
    return "\n".join(lines)


def _cell(values: Sequence[float]) -> str:
    spread = f" ± {np.std(values):.2g}" if len(values) > 1 else ""
    return f"{np.mean(values):.3g}{spread}"


def _line(name: str, cells: Iterable[str]) -> str:
    return f"{name:<{_NAME_WIDTH}}" + "".join(f"{cell:>{_CELL_WIDTH}}" for cell in cells)
