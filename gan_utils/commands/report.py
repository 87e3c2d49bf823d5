"""The result of `gan-utils score` as JSON values and as text."""

from collections.abc import Sequence
from typing import Any

import gan_utils
from gan_utils.commands.looking import Seen
from gan_utils.metrics import Score
from gan_utils.metrics.reports import title_of

_SIDES = ("real", "fake")


def as_dict(
    seen: Sequence[Seen], scores: dict[str, Score], *, seed: int, saved: str | None
) -> dict[str, Any]:
    """Return everything that was found out, as plain values.

    Args:
        seen: The real side and, where there is one, the generated side.
        scores: What `metrics.measure` returned.
        seed: Of the order of the pictures and of all draws.
        saved: Where the statistics of the real side were kept.

    Returns:
        Values that JSON can hold.
    """
    first = seen[0].what
    sides = {
        side: {"source": part.title, "count": part.what.count}
        for side, part in zip(_SIDES, seen, strict=False)
    }
    return {
        "gan_utils": gan_utils.__version__,
        **sides,
        "extractor": first.extractor,
        "resizing": first.resizing,
        "seed": seed,
        "saved_statistics": saved,
        "scores": {name: score.to_dict() for name, score in scores.items()},
    }


def as_text(found: dict[str, Any]) -> str:
    """Return the same for people: where it comes from, then a line for each score."""
    rows = [
        (side, f"{found[side]['source']} ({found[side]['count']:,} pictures)")
        for side in _SIDES
        if side in found
    ]
    rows += [(name, str(found[name])) for name in ("extractor", "resizing", "seed")]
    if found["saved_statistics"]:
        rows.append(("saved", f"statistics of the real pictures in {found['saved_statistics']}"))
    lines = [f"{name:<11}{value}" for name, value in rows]
    if found["scores"]:
        lines += ["", f"{'':<17}{'value':>10}{'spread':>10}  real against real"]
        lines += [_line(score) for score in found["scores"].values()]
    return "\n".join(lines) + "\n"


def _line(score: dict[str, Any]) -> str:
    spread = "" if score["spread"] is None else f"{score['spread']:.2g}"
    floor = "unknown"
    if score["floor"] is not None:
        sizes = " + ".join(f"{count:,}" for count in score["floor_counts"])
        floor = f"{score['floor']:.4g} ({sizes})"
    settings = ", ".join(
        f"{name.replace('_', ' ')} {value:,}" for name, value in score["settings"].items()
    )
    line = f"{title_of(score['metric']):<17}{score['value']:>10.4g}{spread:>10}  {floor:<24}"
    return f"{line}{settings}".rstrip()
