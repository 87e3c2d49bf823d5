"""Puts the interactive parts into the lessons' pages: a game, and trained networks.

A lesson marks the place with an HTML comment on a line of its own, such as
``<!-- interactive: cgan -->``, which notebook viewers do not show.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat

from gan_utils import export

from . import (
    bundle,
    execute,
    export_denoiser,
    export_generator,
    export_inversion,
    export_translator,
)
from .execute import Project

if TYPE_CHECKING:
    import keras

INTERACTIVE = execute.ROOT / "book" / "interactive"
EXPORTERS = (export_denoiser, export_generator, export_inversion, export_translator)
EXPORTS = [Path(module.__file__) for module in (export, *EXPORTERS)]
FOLDER = "_static/interactive"  # of the site
COMMENT = re.compile(r"^<!-- interactive: (\w+) -->$", re.MULTILINE)
GAME = "ring"
GAME_LESSON = "01_gan"
INVERSION = "inversion"
MEGABYTE = 1e6
RUNTIMES = {
    "game": ("game.js", "tfjs-backend-wasm-simd.wasm"),
    "generator": ("generator.js", "ort-wasm-simd-threaded.wasm"),
    "translator": ("translator.js", "ort-wasm-simd-threaded.wasm"),
    "inverter": ("inverter.js", "ort-wasm-simd-threaded.wasm"),
    "denoiser": ("denoiser.js", "ort-wasm-simd-threaded.wasm"),
}


@dataclass(frozen=True)
class Words:
    """The texts of a widget's cover, and its word for what the reader chooses, such as a digit."""

    title: str
    invitation: str
    button: str
    thing: str = "image"


def ask_for(thing: str) -> Words:
    """Return the texts for a class-conditional generator."""
    invitation = f"Choose the {thing}, change the noise, and see what the generator draws."
    return Words("The trained generator", invitation, "Start the generator", thing)


WALK = Words(
    "The trained generator",
    "Walk from one point of the noise to another, and watch one image become the other.",
    "Start the generator",
)
# One entry for each name that a lesson may put into its comment.
WIDGETS = {
    GAME: Words(
        "The game, live",
        "Train both networks here, step by step. Change the learning rates and the loss, and watch "
        "modes come and go.",
        "Play the game",
    ),
    **dict.fromkeys(("gan", "dcgan", "lsgan", "wgan_gp", "r3gan"), WALK),
    **dict.fromkeys(("cgan", "cdcgan"), ask_for("digit")),
    INVERSION: Words(
        "Inversion, live",
        "Draw a digit, and let gradient descent find the latent vector whose image is nearest.",
        "Draw a digit",
    ),
    export_denoiser.GENERATOR: Words(
        "Diffusion, live",
        "Watch noise become a digit, call by call, and choose how often the network is called.",
        "Start the denoiser",
    ),
    "acgan": ask_for("item"),
    "infogan": ask_for("code"),
    "photographs": ask_for("class"),
    "map_to_satellite": Words(
        "The trained translator",
        "Paint a map, and see which city the network invents for it. Its dropout is left out here, "
        "so that the same map gives the same image.",
        "Start the translator",
    ),
    "unpaired_to_satellite": Words(
        "The translator that never saw a pair",
        "Paint a map, and see what F makes of each color: some may mean another kind of ground.",
        "Start the translator",
    ),
}


@dataclass(frozen=True)
class Widgets:
    """The markup that replaces each comment, and the files that the widgets load."""

    texts: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)

    def place(self, text: str) -> str:
        """Return a page's text with each comment replaced, by nothing if there is no widget."""
        return COMMENT.sub(lambda found: self.texts.get(found[1], ""), text)

    def copy(self, site: Path) -> None:
        """Put the files that the widgets load into the site."""
        for name, path in self.files.items():
            target = site / FOLDER / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def prepare(project: Project) -> Widgets:
    """Make the widgets that the lessons ask for; print which ones are not available.

    Raises:
        LessonError: A lesson asks for a widget that does not exist.
    """
    wanted = [
        name
        for lesson in execute.lesson_names(project.root)
        for name in asked_in(execute.read_lesson(project.root, lesson))
    ]
    if not wanted:
        return Widgets()
    for name in wanted:
        if name not in WIDGETS:
            raise execute.LessonError(
                f"No interactive part {name!r}: add it to tools/book/widgets.py."
            )
    try:
        made = bundle.bundle(project.root)
    except bundle.NoBundleError as error:
        print(f"The pages get no interactive parts: {error}. (Node.js 18 or newer makes them.)")
        return Widgets({name: absence(name) for name in wanted})
    widgets = Widgets()
    for path in made.iterdir():
        if path.suffix in (".js", ".wasm"):
            widgets.files[path.name] = path
    for name in wanted:
        add = add_game if name == GAME else add_generator
        add(project, widgets, name)
    return widgets


def asked_in(notebook: nbformat.NotebookNode) -> list[str]:
    """Return the names of the widgets that a lesson asks for."""
    return [
        name
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for name in COMMENT.findall(cell.source)
    ]


def absence(name: str) -> str:
    """Return the replacement text on a page that was built without Node.js."""
    more = "The last section of [Profiles and data](../book/profiles-and-data.md)"
    return f"*{WIDGETS[name].title} is not part of this copy of the book. {more} says why.*"


def add_game(project: Project, widgets: Widgets, name: str) -> None:
    """Add the game; its still image is the last frame of the lesson's own animation."""
    path = project.root / "_build" / "interactive" / f"{project.profile}-{name}.png"
    if last_frame(project, path):
        widgets.files[f"{name}.png"] = path
    words = "Points, the discriminator's field, and circles around the modes, at the end of a run"
    widgets.texts[name] = cover(widgets, name, "game", words)


def last_frame(project: Project, path: Path) -> bool:
    """Write the last frame of lesson 01's first animation; return whether there is one."""
    from PIL import Image

    executed = execute.executed_copy(project, GAME_LESSON)
    outputs = (
        []
        if executed is None
        else [output for cell in execute.code_cells(executed) for output in cell.outputs]
    )
    found = [
        output["data"]["image/gif"] for output in outputs if "image/gif" in output.get("data", {})
    ]
    if not found:
        return False
    with Image.open(BytesIO(base64.b64decode(found[0]))) as animation:
        animation.seek(animation.n_frames - 1)
        animation.convert("RGB").save(path)
    return True


def add_generator(project: Project, widgets: Widgets, name: str) -> None:
    """Add the widget of a trained generator, unless there is none of that name yet."""
    from gan_utils import weights

    if generator_of(name) not in weights.names():
        print(f"No interactive part {name!r}: there is no trained generator of that name yet.")
        return
    manifest = weights.facts(generator_of(name))
    if name == INVERSION:
        add = add_inversion
    elif name == export_denoiser.GENERATOR:
        add = add_denoiser
    else:
        add = add_translator if export_translator.is_translator(manifest) else add_noise
    add(project, widgets, name, manifest)


def generator_of(name: str) -> str:
    """Return the name of the trained generator that a widget runs."""
    return export_inversion.GENERATOR if name == INVERSION else name


def add_noise(project: Project, widgets: Widgets, name: str, manifest: dict) -> None:
    """Add a generator of noise, class-conditional or not."""
    facts = export_generator.Facts.of(name, manifest)

    def write(network: keras.Model, model: Path, still: Path) -> None:
        export_generator.write(export.to_onnx(network), model)
        export_generator.still(network, facts, still)

    model, still = exported(project, name, (".onnx", ".png"), write)
    widgets.files.update({path.name: path for path in (model, still)})
    words = f"Images drawn by the trained generator, a grid of {export_generator.STILL_ROWS} rows"
    shown = facts.shown() | {"word": WIDGETS[name].thing, "model": address(model)}
    widgets.texts[name] = cover(widgets, name, "generator", words, shown)


def add_translator(project: Project, widgets: Widgets, name: str, manifest: dict) -> None:
    """Add a translator of images, and the map that the reader begins with."""

    def write(network: keras.Model, *files: Path) -> None:
        export_translator.export(network, manifest["output"][0], *files)

    files = exported(project, name, (".onnx", ".png", "-map.png"), write)
    widgets.files.update({path.name: path for path in files})
    facts = export_translator.facts(name, manifest)
    facts |= {"model": address(files[0]), "example": files[2].name}
    words = "A map, and the image that the trained network makes of it"
    widgets.texts[name] = cover(widgets, name, "translator", words, facts)


def add_inversion(project: Project, widgets: Widgets, name: str, manifest: dict) -> None:
    """Add lesson 17's search for a latent vector, and digits to search for."""
    endings = (".onnx", ".png", "-digits.png")
    files = exported(project, name, endings, export_inversion.export)
    widgets.files.update({path.name: path for path in files})
    facts = export_inversion.facts(manifest)
    facts |= {"model": address(files[0]), "examples": files[2].name}
    words = "Ten digits of MNIST's test set, dark on light"
    widgets.texts[name] = cover(widgets, name, "inverter", words, facts)


def add_denoiser(project: Project, widgets: Widgets, name: str, _: dict) -> None:
    """Add lesson 20's denoiser, which draws in as many calls as the reader asks for."""
    files = exported(project, name, (".onnx", ".png"), export_denoiser.write)
    widgets.files.update({path.name: path for path in files})
    words = "Four rows of ten images, each from a blur on the left to a digit on the right"
    facts = export_denoiser.facts() | {"model": address(files[0])}
    widgets.texts[name] = cover(widgets, name, "denoiser", words, facts)


def exported(
    project: Project, name: str, endings: tuple[str, ...], write: Callable[..., None]
) -> list[Path]:
    """Return a widget's files; they are made if they do not exist or are out of date.

    Args:
        project: The book.
        name: Name of the widget.
        endings: Endings of the files' names.
        write: Function of the trained network and the paths, which writes the files.
    """
    from gan_utils import process, weights

    folder = project.root / "_build" / "interactive" / "generators"
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{name}{ending}" for ending in endings]
    stamp = folder / f"{name}.key"
    generator = generator_of(name)
    key = f"{weights.facts(generator)['sha256']} {bundle.digest(EXPORTS)}"
    if not all(path.is_file() for path in [stamp, *files]) or stamp.read_text() != key:
        print(f"Exporting the network of the interactive part {name!r}", flush=True)
        process.import_tensorflow()
        with process.held_back_errors():  # the converter tells of every step
            write(weights.load_generator(generator), *files)
        stamp.write_text(key)
    return files


def address(model: Path) -> str:
    """Return the address of a network's file, relative to the widgets' folder."""
    return f"{model.name}?v={version(model)}"


def cover(widgets: Widgets, name: str, kind: str, alt: str, facts: dict | None = None) -> str:
    """Return the markup that the page shows until the reader starts the widget."""
    script, *_ = loaded = [widgets.files[file] for file in RUNTIMES[kind]]
    loaded += [widgets.files[f"{name}.onnx"]] if facts else []
    size = sum(path.stat().st_size for path in loaded) / MEGABYTE
    picture = f"../{FOLDER}/{name}.png"
    words = WIDGETS[name]
    image = f'<img class="dark-light" src="{picture}" alt="{html.escape(alt)}">'
    page = INTERACTIVE / "cover.html"
    markup = (
        page.read_text(encoding="utf-8")
        .strip()
        .format(
            title=html.escape(words.title),
            invitation=html.escape(words.invitation),
            button=html.escape(words.button),
            module=f"../{FOLDER}/{script.name}?v={version(script)}",
            facts=html.escape(json.dumps(facts or {})),
            still=image if f"{name}.png" in widgets.files else "",
            cost=f"It runs in your browser and loads {size:.1f} MB.",
            script=(INTERACTIVE / "start.js").read_text(encoding="utf-8").strip(),
        )
    )
    return f"```{{raw}} html\n{markup}\n```"


def version(path: Path) -> str:
    """Return a short hash of a file for its address, so that browsers load a new version."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:10]
