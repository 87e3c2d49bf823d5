"""What a step costs in each lesson: `fit`, a bare `tf.function`, the classic loop, the machine.

The networks, losses and updates are the lessons' own. The classic loop is that of the tutorials,
`train_on_batch` after `predict`, in the one order in which its discriminator really trains. The
machine's limit is the step's arithmetic, counted while it runs, over the rate of a large matrix
product in the same process. Everything runs in turns, so that a busy machine slows all of it.
Run with ``make bench``; set GAN_RECORD to keep the figures.
"""

import statistics

import keras
from arithmetic import matrix_rate, operations_of
from classic_loops import CASES, Case
from runners import STEPS, bare_runner, classic_runner, fit_runner, in_turns

from gan_utils import Batches, data, records

ROUNDS = 5


def measure(case: Case) -> dict[str, float]:
    """Return what a step of one lesson costs: milliseconds, ratios, and arithmetic."""
    train_set = data.load_images(case.data)
    labels = train_set.labels if case.labeled else None
    batches = Batches(train_set.images, labels, batch_size=case.batch_size)
    runners = {
        "bare": bare_runner(case.make_gan().train_step, lambda: iter(batches.dataset())),
        "fit": fit_runner(case.make_gan(), batches),
        "classic": classic_runner(case, case.networks(), batches),
    }
    rates: list[float] = []
    seconds = in_turns(runners, ROUNDS, lambda: rates.append(matrix_rate()))
    operations = operations_of(case.make_gan(), next(iter(batches.dataset())))
    rate = statistics.median(rates)
    return {
        "batch_size": case.batch_size,
        **{f"{name}_ms": 1000 * value for name, value in seconds.items()},
        "fit_over_bare": seconds["fit"] / seconds["bare"],
        "classic_over_fit": seconds["classic"] / seconds["fit"],
        "gigaflop": operations / 1e9,
        "gigaflop_a_second": rate / 1e9,
        "share_of_limit": operations / rate / seconds["fit"],
    }


def main() -> None:
    """Print a table and record it."""
    print(f"{'lesson':<12}{'batch':>6}{'bare ms':>9}{'fit ms':>8}{'fit/bare':>10}", end="")
    print(f"{'classic/fit':>13}{'Gflop':>8}{'share of limit':>16}")
    found = {}
    for case in CASES:
        row = found[case.lesson] = measure(case)
        print(f"{case.lesson:<12}{row['batch_size']:>6}{row['bare_ms']:>9.1f}", end="")
        print(f"{row['fit_ms']:>8.1f}{row['fit_over_bare']:>10.3f}", end="")
        print(f"{row['classic_over_fit']:>13.2f}{row['gigaflop']:>8.2f}", end="")
        print(f"{row['share_of_limit']:>16.0%}", flush=True)
        keras.backend.clear_session()
    facts = {"data": "real pictures of each lesson's own set", "rounds": ROUNDS, "steps": STEPS}
    records.record("bench_lessons", {"lessons": found}, **facts)


if __name__ == "__main__":
    main()
