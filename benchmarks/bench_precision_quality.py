"""Image quality after training in bfloat16 and in float32: lessons 02 and 06, several seeds.

    GAN_PROFILE=full python benchmarks/bench_precision_quality.py [--updates 4000] [LESSON...]

Each training runs in a process of its own, with the lesson's networks and update, the batch and
optimizer of `cases`, and an EMA of the generator's weights. Seeds and numbers of updates are the
same in both precisions, which take turns. The images are scored by the book's protocol
(`gan_utils.evaluation`). If the means of the two precisions differ by less than the seeds of one,
the difference is not significant. Set GAN_RECORD to keep the figures of both lessons.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

import numpy as np
from asked import asked_lessons

from gan_utils import data, evaluation, profile, records

LESSONS = {"02": ("02_dcgan", "GAN"), "06": ("06_acgan", "ACGAN")}
PRECISIONS = ("float32", "mixed_bfloat16")
SEEDS = (0, 1, 2)
EMA_DECAY = 0.998
SCORES = ("distance", "agreement")


def train(name: str, seed: int, updates: int) -> dict[str, float]:
    """Train one lesson's networks in the precision that GAN_PRECISION names; return its scores."""
    import keras
    from cases import case_of, compiled, load_lesson

    keras.config.set_dtype_policy(profile.precision)
    keras.utils.set_random_seed(seed)
    case, (file, kind) = case_of(name), LESSONS[name]
    lesson = load_lesson(file)
    model = getattr(lesson, kind)
    gan = compiled(
        model(*case.networks(), lesson.LATENT_DIM, ema_decay=EMA_DECAY, seed=seed),
    )
    gan.fit(case.batches().dataset(), steps_per_epoch=updates, epochs=1, verbose=0)
    count = evaluation.DRAWS if updates >= 1000 else 500  # a trial run, whose scores do not matter
    labels = np.arange(count, dtype="int32") % 10 if case.labeled else None
    inputs = gan.generator_inputs(None, np.array([seed, 1], "int32"), count)
    if case.labeled:
        inputs = [inputs[0], labels[:, None]]
    found = evaluation.scores(
        gan.translate(inputs),
        labels,
        real_images=data.load_images(case.data, split="test").images,
        classifier=case.data,
    )
    return {score: found[score] for score in SCORES if found[score] is not None}


def run(name: str, seed: int, updates: int, precision: str) -> dict[str, float]:
    """Train in a process of its own."""
    command = [sys.executable, __file__, name, "--seed", str(seed), "--updates", str(updates)]
    environment = {**os.environ, "GAN_PRECISION": precision, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def summary(runs: dict[str, list[dict[str, float]]]) -> dict[str, dict[str, float]]:
    """Return, for each score, the difference of the precisions' means and the spread of the seeds.

    Args:
        runs: The scores of each seed, by precision.
    """
    found = {}
    for score in runs[PRECISIONS[0]][0]:
        values = [[run[score] for run in runs[precision]] for precision in PRECISIONS]
        found[score] = {
            "apart": abs(statistics.mean(values[0]) - statistics.mean(values[1])),
            "spread": max(max(part) - min(part) for part in values),
        }
    return found


def main() -> None:
    """Train, print, and record when both lessons were trained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help=", ".join(LESSONS))
    parser.add_argument("--updates", type=int, default=profile.steps(full=4_000, quick=200))
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.seed is not None:
        print(json.dumps(train(*options.lessons, options.seed, options.updates)))
        return
    wanted = asked_lessons(parser, options.lessons, LESSONS)
    found = {}
    for name in wanted:
        runs: dict[str, list] = {precision: [] for precision in PRECISIONS}
        for seed in SEEDS:
            for precision in PRECISIONS:
                runs[precision].append(run(name, seed, options.updates, precision))
                print(name, seed, precision, runs[precision][-1], flush=True)
        found[name] = {"runs": runs, "summary": summary(runs)}
        print(name, found[name]["summary"], flush=True)
    if wanted == list(LESSONS):
        facts = {"seeds": SEEDS, "updates": options.updates, "ema_decay": EMA_DECAY}
        records.record("bench_precision_quality", {"lessons": found}, **facts)


if __name__ == "__main__":
    main()
