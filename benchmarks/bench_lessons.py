"""Time of a training step in each lesson: `fit`, a bare `tf.function`, the classic loop, the limit.

    GAN_PROFILE=full python benchmarks/bench_lessons.py [LESSON...]

The networks, losses and updates are the lessons' own. The classic loop is that of the tutorials,
`train_on_batch` after `predict`, in the one order in which its discriminator really trains. The
machine's limit is the number of operations in the step's graph, divided by the rate of a large
matrix product in the same process. All variants take turns, so that other load slows them alike. A
profile of the compiled step shows where the rest of the time goes. Set GAN_RECORD to keep the
figures.
"""

import argparse
import statistics
from typing import Any

import keras
import tensorflow as tf
from arithmetic import matrix_rate, operations_of, time_shares
from asked import asked_lessons
from cases import CASES, Case
from runners import STEPS, bare_runner, classic_runner, fit_runner, in_turns, waiting_share

from gan_utils import records

ROUNDS = 5
PRODUCTS = ("MatMul", "Conv2D")


def measure(case: Case) -> dict[str, Any]:
    """Return the cost of one lesson's step: milliseconds, ratios, and number of operations."""
    batches = case.batches()
    runners = {
        "bare": bare_runner(case.make_gan().train_step, lambda: iter(batches.dataset())),
        "fit": fit_runner(case.make_gan(), batches),
    }
    if case.loop:
        runners["classic"] = classic_runner(case, batches)
    rates: list[float] = []
    seconds = in_turns(runners, ROUNDS, lambda: rates.append(matrix_rate()))
    gan, batch = case.make_gan(), next(iter(batches.dataset()))
    operations = operations_of(gan, batch)
    traced = tf.function(gan.train_step)
    traced(batch)
    rate = statistics.median(rates)
    found = {
        "batch_size": case.batch_size,
        **{f"{name}_ms": 1000 * value for name, value in seconds.items()},
        "fit_over_bare": seconds["fit"] / seconds["bare"],
        "gigaflop": operations / 1e9,
        "gigaflop_a_second": rate / 1e9,
        "share_of_limit": operations / rate / seconds["fit"],
        "waiting_share": waiting_share(case.make_gan().train_step, iter(batches.dataset())),
        **where_time_goes(time_shares(traced, batch)),
    }
    if case.loop:
        found["classic_over_fit"] = seconds["classic"] / seconds["fit"]
    return found


def where_time_goes(shares: dict[str, float]) -> dict[str, Any]:
    """Summarize a profile: the share of products and convolutions, and the three largest others."""
    others = [
        {"name": name, "share": share}
        for name, share in shares.items()
        if not any(kind in name for kind in PRODUCTS)
    ]
    return {
        "product_share": 1 - sum(other["share"] for other in others),
        "others": sorted(others, key=lambda other: -other["share"])[:3],
    }


def print_row(case: Case, row: dict[str, Any]) -> None:
    """Print one row of the table, and the summary of the profile."""
    classic = f"{row['classic_over_fit']:.2f}" if case.loop else "-"
    print(f"{case.lesson:<14}{row['batch_size']:>6}{row['bare_ms']:>9.1f}", end="")
    print(f"{row['fit_ms']:>8.1f}{row['fit_over_bare']:>10.3f}{classic:>13}", end="")
    print(f"{row['gigaflop']:>8.2f}{row['share_of_limit']:>16.0%}{row['waiting_share']:>9.1%}")
    others = ", ".join(f"{other['name']} {other['share']:.0%}" for other in row["others"])
    print(
        f"    products {row['product_share']:.0%} of the operations' time; then {others}",
        flush=True,
    )


def main() -> None:
    """Print a table, and record it if it has all lessons."""
    names = [case.lesson for case in CASES]
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help=", ".join(names))
    wanted = asked_lessons(parser, parser.parse_args().lessons, names)
    print(f"{'lesson':<14}{'batch':>6}{'bare ms':>9}{'fit ms':>8}{'fit/bare':>10}", end="")
    print(f"{'classic/fit':>13}{'Gflop':>8}{'share of limit':>16}{'waiting':>9}")
    found = {}
    for case in CASES:
        if case.lesson in wanted:
            found[case.lesson.replace(" ", "_")] = row = measure(case)
            print_row(case, row)
            keras.backend.clear_session()
    if wanted == names:
        facts = {"data": "pictures of each lesson's own set", "rounds": ROUNDS, "steps": STEPS}
        records.record("bench_lessons", {"lessons": found}, **facts)


if __name__ == "__main__":
    main()
