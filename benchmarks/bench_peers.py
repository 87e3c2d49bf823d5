"""Time of a step of lessons 02, 06 and 11, in PyTorch and in the classic Keras loop too.

    GAN_PROFILE=full taskset -c 0 python benchmarks/bench_peers.py [LESSON...]

Networks, batch and optimizer are the same: ours is the lesson's `train_step`, PyTorch's the same
update in `torch_games`, in float32 and in bfloat16 by `torch.autocast`, channels last, with fused
Adam; for the two small lessons also with `torch.compile`. Pix2Pix has the tutorial's size, 256 x
256. Each variant runs in a process of its own, and they take turns. Needs torch
(`pip install -e '.[peers]'`). Set GAN_RECORD to keep the figures.
"""

import argparse
import importlib.metadata

import bench_pix2pix
import workers
from asked import asked_lessons
from bench_precision import PRECISIONS, noise, worker

from gan_utils import records

BATCHES = {"02": 64, "06": 32, "11": 1}
TORCH = {
    "torch_float32": {},
    "torch_bfloat16": {"half": True},
    "torch_compiled_float32": {"compiled": True},
    "torch_compiled_bfloat16": {"half": True, "compiled": True},
}
COMPILED = ("02", "06")  # the 54 million weights of Pix2Pix would take it minutes
ROUNDS = 5


def serve(lesson: str, name: str) -> None:
    """Time the step of a peer."""
    if name == "classic":
        serve_classic(lesson)
        return
    import torch
    import torch_games

    torch.manual_seed(0)
    game = torch_games.GAMES[lesson](BATCHES[lesson])
    workers.serve(torch_games.make_step(game, **TORCH[name]))


def serve_classic(lesson: str) -> None:
    """Time the loop of the older tutorials."""
    from cases import case_of

    batch = noise(lesson, BATCHES[lesson])
    if lesson == "11":
        _, step = bench_pix2pix.classic_step()
    else:
        case = case_of(lesson)
        step = case.loop(case, case.networks(), batch)
    workers.serve(lambda: step(batch))


def measure(lesson: str) -> dict[str, dict[str, float]]:
    """Return, for each variant, the milliseconds of a step and their ratio to ours."""

    def peer(name: str) -> workers.Worker:
        return workers.Worker(__file__, [lesson, "--serve", name], GAN_PROFILE="full")

    start = {p: lambda p=p: worker(lesson, BATCHES[lesson], p) for p in PRECISIONS}
    names = [name for name in TORCH if lesson in COMPILED or "compiled" not in name]
    start |= {name: lambda name=name: peer(name) for name in ("classic", *names)}
    found = workers.in_turns(start, ROUNDS)
    for name, row in found.items():
        ours = found[PRECISIONS["bfloat16" in name]]
        row["over_ours"] = row[workers.clock()] / ours[workers.clock()]
    return found


def main() -> None:
    """Print a table, and record it if it has all lessons."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help=", ".join(BATCHES))
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.lessons, options.serve)
        return
    try:
        version = importlib.metadata.version("torch")
    except importlib.metadata.PackageNotFoundError:
        print("torch is not installed: nothing to compare with (pip install -e '.[peers]')")
        return
    wanted = asked_lessons(parser, options.lessons, BATCHES)
    found = {}
    for lesson in wanted:
        found[lesson] = measure(lesson)
        print(f"{lesson}, batch {BATCHES[lesson]}", flush=True)
        for name, row in found[lesson].items():
            times = f"{row['ms']:9.1f}{row['processor_ms']:9.1f}{row['over_ours']:7.2f}"
            print(f"    {name:<26}{times}", flush=True)
    if wanted == list(BATCHES):
        facts = {"torch": version, "batch_sizes": BATCHES, "rounds": ROUNDS}
        records.record("bench_peers", {"lessons": found}, data="noise", **facts)


if __name__ == "__main__":
    main()
