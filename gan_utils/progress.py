"""A progress bar on stderr."""

import sys

_CELLS = 24


class Progress:
    """Shows how many images of how many are done.

    Args:
        title: What is being read.
        total: Number of images.
        shown: Whether to draw; by default only on a terminal.
    """

    def __init__(self, title: str, total: int, *, shown: bool | None = None) -> None:
        self.title = title
        self.total = total
        self.done = 0
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._cells = -1
        self._draw()

    def advance(self, count: int) -> None:
        """Move on by `count` images."""
        self.done += count
        self._draw()

    def close(self) -> None:
        """End the line, so that what follows starts on a new one."""
        if self._shown:
            sys.stderr.write("\n")

    def _draw(self) -> None:
        cells = _CELLS * self.done // max(1, self.total)
        if not self._shown or cells == self._cells:
            return
        self._cells = cells
        bar = "#" * cells + "." * (_CELLS - cells)
        sys.stderr.write(f"\r{self.title} [{bar}] {self.done:,}/{self.total:,}")
        sys.stderr.flush()
