"""Which figures of each recorded run the results page shows, and what was published beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean
from typing import Any

Value = Callable[[dict[str, Any]], float]


@dataclass(frozen=True)
class Figure:
    """A line of a lesson's table: what it is, how to find it, how to print it."""

    words: str
    value: Value
    form: str = ".1f"
    published: str = ""


def at(*keys: str | int) -> Value:
    """Return a function that walks down a record's metrics."""

    def find(metrics: dict[str, Any]) -> float:
        for key in keys:
            metrics = metrics[key]
        return metrics  # type: ignore[return-value]

    return find


def mean_at(*keys: str) -> Value:
    """Return a function that averages the last key over a list of runs."""
    return lambda metrics: mean(run[keys[-1]] for run in at(*keys[:-1])(metrics))


def over_seeds(*keys: str) -> Value:
    """Return a function that averages a list with a number for each seed."""
    return lambda metrics: mean(at(*keys)(metrics))


def fewest_at(*keys: str) -> Value:
    """Return a function that takes the last key's least value over a list of runs."""
    return lambda metrics: min(run[keys[-1]] for run in at(*keys[:-1])(metrics))


def distances(before: Value, after: Value, floor: Value) -> list[Figure]:
    """Return the three lines of a Fréchet distance: before, after, and what real images get."""
    return [
        Figure("Fréchet distance, untrained", before, ",.0f"),
        Figure("Fréchet distance, trained", after),
        Figure("Fréchet distance, real against real", floor),
    ]


PLAIN = distances(at("distance_before"), at("distance_after"), at("real_vs_real"))
# Test accuracy of SGAN, and of the same network on the labeled images alone, by number of labels.
ODENA = {25: (0.802, 0.750), 50: (0.883, 0.859), 100: (0.928, 0.895), 1000: (0.964, 0.965)}
SGAN = [
    Figure(
        f"{name}, {count:,} labels: test accuracy", mean_at(key, str(count), "test"), ".1%", text
    )
    for count, shares in ODENA.items()
    for (name, key), share in zip(
        (("SGAN", "sgan"), ("labels alone", "baseline")), shares, strict=True
    )
    for text in [f"{share:.1%} {{cite}}`odena2016semisupervised`"]
]
# Pix2Pix against its baseline, L1 alone, in both directions: which one wins depends on it.
PIX2PIX = [
    Figure(
        f"{way}, {name}: {words}", lambda metrics, run=run, value=value: value(run(metrics)), form
    )
    for way, share, runs in (
        (
            "Map to satellite",
            "right when read back",
            {
                "L1 alone": at("back_figures", "L1 alone"),
                "L1 + GAN": at("back_figures", "L1 + GAN, 70x70"),
            },
        ),
        (
            "Satellite to map",
            "right map color",
            {"L1 alone": at("figures", "L1 alone"), "L1 + GAN": at("figures", "Pix2Pix")},
        ),
    )
    for words, value, form in (
        ("sharpness", at("sharpness"), ".2f"),
        ("sharpness, distance from 1", lambda found: abs(found["sharpness"] - 1), ".2f"),
        ("L1, of a range of 1", at("l1"), ".3f"),
        ("SSIM", at("ssim"), ".3f"),
        (share, at("map_color"), ".1%"),
    )
    for name, run in runs.items()
]
FIGURES: dict[str, list[Figure]] = {
    "01_gan": [
        *PLAIN,
        Figure("Ring: clusters covered of 8, worst seed", fewest_at("ring", "modes"), ".0f"),
        Figure("Ring: points within 3 sigma, mean", mean_at("ring", "share"), ".1%"),
    ],
    "02_dcgan": [
        *PLAIN,
        Figure("Generated digits read with confidence", at("readable"), ".1%"),
        Figure("Real digits read with confidence", at("readable_real"), ".1%"),
    ],
    "03_keras_notes": [
        Figure(
            "`predict` in a loop, times as slow as a function", at("predict_over_function"), ".0f"
        ),
    ],
    "04_cgan": [
        Figure("Label accuracy, concatenated", at("results", "concatenate", "accuracy"), ".1%"),
        Figure("Label accuracy, multiplied", at("results", "multiply", "accuracy"), ".1%"),
        Figure("Fréchet distance, concatenated", at("results", "concatenate", "distance")),
        Figure("Fréchet distance, multiplied", at("results", "multiply", "distance")),
        Figure("Fréchet distance, real against real", at("real_vs_real")),
    ],
    "05_cdcgan": [
        Figure("Label accuracy", at("result", "accuracy"), ".1%"),
        *distances(at("before", "distance"), at("result", "distance"), at("real_vs_real")),
    ],
    "06_acgan": [
        Figure("Label accuracy", at("accuracy"), ".1%"),
        Figure("The reference classifier on real images", at("classifier_accuracy"), ".1%"),
        Figure("Fréchet distance, trained", at("distance")),
        Figure("Fréchet distance, real against real", at("real_vs_real")),
    ],
    "07_sgan": SGAN,
    "08_infogan": [
        Figure("Fréchet distance, trained", at("comparison", "InfoGAN", "distance")),
        Figure("Recall", at("comparison", "InfoGAN", "recall"), ".2f"),
        Figure("Agreement of codes and digits", at("agreement"), ".1%"),
        Figure("Purity of the codes", at("purity"), ".1%"),
        Figure("Test digits sorted wrong by Q", at("error"), ".1%", "5% {cite}`chen2016infogan`"),
    ],
    "09_lsgan": PLAIN,
    "10_wgan": [
        Figure("Fréchet distance, untrained", at("distance_before"), ",.0f"),
        Figure("Fréchet distance, gradient penalty", at("distance_after")),
        Figure("Fréchet distance, clipped weights", at("distance_clipped")),
        Figure("Fréchet distance, real against real", at("real_vs_real")),
        Figure(
            "Rank correlation, estimate and distance", at("spearman", "critic in training"), ".2f"
        ),
    ],
    "11_pix2pix": [
        *PIX2PIX,
        Figure(
            "The same map everywhere: right color",
            at("figures", "the mean map", "map_color"),
            ".1%",
        ),
    ],
    "12_pix2pix_classes": [
        Figure(f"{name}: class accuracy", at("results", key, "accuracy"), ".1%")
        for name, key in (("No class", "plain"), *((f"Way {n}", f"way {n}") for n in (1, 2, 3)))
    ]
    + [Figure("True items: class accuracy", at("marks", "true items", "accuracy"), ".1%")],
    "13_metrics": [
        Figure(f"Undamaged digits: {name}", at("cases", "undamaged", name), form)
        for name, form in (("Inception Score", ".2f"), ("FID", ".2f"), ("KID", ".2f"))
    ]
    + [Figure("FID of undamaged digits, 50 samples a side", at("bias", 1, 0))],
    "14_comparison": [
        Figure("Discriminator's gap between known and new files", at("gaps", "plain"), ".2f"),
        Figure("The same with augmented images", at("gaps", "augmented"), ".2f"),
    ],
    "16_modern_objectives": [*PLAIN, Figure("Recall", at("recall"), ".2f")],
    "15_diagnosis": [Figure("Steps of each broken game", at("steps"), ",.0f")],
    "17_latent_space": [
        *(
            Figure(
                f"Truncated to {psi}: {name}", over_seeds("truncation", f"psi {psi}", name), ".2f"
            )
            for psi in (0.5, 1.0)
            for name in ("precision", "recall")
        ),
        *(
            Figure(f"Inversion, {name}: error", over_seeds("inversion", name, "error"), ".1%")
            for name in ("own samples", "test digits", "turned digits", "test, CGAN, wrong label")
        ),
        *(
            Figure(f"Fréchet distance, {name}", over_seeds("weights", key, "distance"))
            for name, key in (
                ("short training, last step", "weights of the last step"),
                ("short training, EMA", "EMA"),
            )
        ),
    ],
    "18_color_photographs": [
        Figure("Fréchet distance, untrained", at("distance_before")),
        Figure("Fréchet distance, trained", at("distance_after"), ".2f"),
        Figure("Fréchet distance, real against real", at("real_vs_real"), ".2f"),
        Figure("Label accuracy", at("agreement"), ".1%"),
        Figure("Precision", at("precision"), ".2f"),
        Figure("Recall", at("recall"), ".2f"),
    ],
    "19_cyclegan": [
        *(
            Figure(f"{name}: {words}", mean_at("cases", name, key), ".1%")
            for name in ("CycleGAN", "no cycle term", "Pix2Pix")
            for words, key in (("right map color", "map_color"), ("renamed", "renamed"))
        ),
        Figure("Always the most common color", at("majority"), ".1%"),
        *(
            Figure(f"Back from the map, {name}: L1", mean_at("hidden", name), ".3f")
            for name in ("as drawn", "cleaned")
        ),
    ],
    "20_gans_and_diffusion": [
        Figure(f"{name}: {words}", mean_at("cases", name, key), form)
        for name in ("GAN, one call", "DDPM, 1,000 steps", "DDIM, 50 steps", "DDIM, 10 steps")
        for words, key, form in (
            ("Fréchet distance", "distance_of_all", ".1f"),
            ("recall", "recall", ".2f"),
            ("seconds", "seconds", ".2f"),
        )
    ],
    "lenet": [
        Figure("MNIST: test accuracy", at("mnist", "test_accuracy"), ".2%"),
        Figure("Fashion-MNIST: test accuracy", at("fashion_mnist", "test_accuracy"), ".2%"),
    ],
    "convnet": [Figure("CIFAR-10: test accuracy", at("cifar10", "test_accuracy"), ".2%")],
    "pairs": [
        Figure("Pairs streamed from disk", at("pairs"), ",.0f"),
        Figure("Memory above the start, in GB", at("gb_above_start"), ".2f"),
    ],
}
