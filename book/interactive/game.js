// Lesson 01's game in the page: two networks train while one watches and turns the knobs.
import { button, choice, color, css, element, install, onThemeChange, picture, slider } from "./parts.js";
import { CENTERS, coveredModes, fittingPointsOfModes, LOSSES, MODES, prepare, RingGame, SPREAD } from "./ring.js";

export { coveredModes, LOSSES, prepare, RingGame };

const EXTENT = 2.8;
const SIZE = 416;
const FIELD_SIDE = 40;
const STEPPING_MS = 24; // of each frame; the rest is for drawing and for the page
const CALM_MS = 1000; // between two frames where the reader wants no motion
const SILENCE_MS = 4000; // between two sentences to a screen reader while the game runs
const REMEMBERED = 2000; // looks; then every other one is forgotten
const RATE = -2.7; // 10^-2.7 is about 0.002

const LOSS_NAMES = [
  ["non-saturating", "non-saturating"],
  ["saturating", "saturating (the original)"],
  ["least-squares", "least squares"],
];
const NEWS = { [-1]: "Modes vanished.", 1: "More modes are covered." };
const IDEAS = [
  "Let it run until all eight modes are covered. Then raise the learning rate of G far above that " +
    "of D, and watch modes vanish. Lower it again: do they come back?",
  "Press Reset with G ten times as fast as D from the start: where do the points go, and where " +
    "does the bright place go then?",
  "Take the discriminator with 4 units per layer: the collapse of the section “Mode collapse”.",
  "Compare the losses, each after a Reset. Which one covers the first mode first?",
];
const UNITS = [
  ["64", "64 units per layer: keeps up"],
  ["4", "4 units per layer: too simple"],
];

export async function start(root) {
  await prepare();
  new Table(root).open();
}

class Table {
  constructor(root) {
    this.root = root;
    this.seed = 0;
    this.calm = matchMedia("(prefers-reduced-motion: reduce)");
    this.makeStage();
    this.makePanel();
    this.reset();
  }

  makeStage() {
    this.canvas = picture(SIZE, "");
    this.history = element("canvas", { width: SIZE, height: 84, role: "img" });
    this.fieldCanvas = element("canvas", { width: FIELD_SIDE, height: FIELD_SIDE });
    const legend = element("p", { className: "interactive-legend" }, [
      element("span", { className: "real", textContent: "● real points" }),
      element("span", { className: "fake", textContent: "✕ generated points" }),
      element("span", { textContent: "bright: D takes a point for real, dark: for a fake" }),
      element("span", { textContent: "full circle: mode covered, dashed: missing" }),
    ]);
    this.stage = element("div", { className: "interactive-stage" }, [this.canvas, legend, this.history]);
  }

  makePanel() {
    this.startButton = button("Start", () => (this.running ? this.pause() : this.run()));
    const step = button("Step", () => this.oneStep());
    const reset = button("Reset", () => {
      this.reset();
      this.say(`New networks. ${this.summary()}`);
    });
    this.lossChoice = choice("Loss", LOSS_NAMES, (name) => (this.game.loss = name));
    this.unitsChoice = choice("Discriminator", UNITS, () => {
      this.reset();
      this.say(`New networks. ${this.summary()}`);
    });
    this.rates = {
      discriminator: this.rateSlider("Learning rate of D", "discriminator"),
      generator: this.rateSlider("Learning rate of G", "generator"),
    };
    this.numbers = element("dl", { className: "interactive-numbers" });
    this.status = element("p", { className: "interactive-say", role: "status" });
    this.panel = element("div", { className: "interactive-panel" }, [
      element("div", { className: "interactive-buttons" }, [this.startButton, step, reset]),
      this.rates.discriminator.field,
      this.rates.generator.field,
      this.lossChoice.field,
      this.unitsChoice.field,
      this.numbers,
      this.status,
    ]);
  }

  rateSlider(words, player) {
    const say = (power) => Number((10 ** power).toPrecision(2)).toString();
    const options = { min: -4, max: -1, step: 0.1, value: RATE, say };
    return slider(words, options, (power) => this.game.setRate(player, 10 ** power));
  }

  open() {
    const ideas = element("ul", {}, IDEAS.map((idea) => element("li", { textContent: idea })));
    const summary = element("summary", { textContent: "What to try" });
    const details = element("details", { open: true }, [summary, ideas]);
    install(this.root, [this.stage, this.panel, details]);
    onThemeChange(() => this.draw());
    new IntersectionObserver((entries) => {
      if (this.running && !entries.at(-1).isIntersecting) this.pause(); // scrolled out of sight
    }).observe(this.root);
    this.draw();
    this.startButton.focus();
    if (this.calm.matches) this.say(`Ready. ${this.summary()}`);
    else this.run();
  }

  reset() {
    this.pause();
    this.game?.dispose();
    const rate = (player) => 10 ** this.rates[player].control.valueAsNumber;
    this.game = new RingGame({
      seed: (this.seed += 1),
      loss: this.lossChoice.control.value,
      discriminatorUnits: Number(this.unitsChoice.control.value),
      rates: { discriminator: rate("discriminator"), generator: rate("generator") },
    });
    this.real = this.game.somePoints();
    this.losses = null;
    this.past = [];
    this.look();
  }

  run() {
    this.running = true;
    this.startButton.textContent = "Pause";
    this.say(this.summary());
    this.drawn = 0;
    this.next = requestAnimationFrame(() => this.frame());
  }

  pause() {
    if (this.running) this.say(`Paused. ${this.summary()}`);
    this.running = false;
    cancelAnimationFrame(this.next); // a second loop would begin with the next start
    this.startButton.textContent = "Start";
  }

  oneStep() {
    this.pause();
    if (!this.move()) return;
    this.look();
    this.say(this.summary());
  }

  // One move of each player; tells whether the numbers are still numbers.
  move() {
    this.losses = this.game.step();
    const fine = Number.isFinite(this.losses.discriminator) && Number.isFinite(this.losses.generator);
    if (!fine) {
      this.pause();
      this.say("The numbers have overflowed. Take smaller learning rates and press Reset.");
    }
    return fine;
  }

  frame() {
    const end = performance.now() + STEPPING_MS;
    while (this.running && performance.now() < end && this.move());
    if (!this.running) return;
    if (!this.calm.matches || performance.now() - this.drawn > CALM_MS) {
      this.drawn = performance.now();
      this.look();
    }
    this.next = requestAnimationFrame(() => this.frame());
  }

  // Counts, draws, and says in words when a mode is won or lost.
  look() {
    this.fake = this.game.fakePoints();
    this.covered = coveredModes(this.fake);
    const count = this.covered.filter(Boolean).length;
    this.past.push({ step: this.game.steps, count });
    if (this.past.length > REMEMBERED) this.past = this.past.filter((_, index) => index % 2 === 0);
    if (this.running && count !== this.toldCount && performance.now() - this.told > SILENCE_MS) {
      this.say(`${NEWS[Math.sign(count - this.toldCount)]} ${this.summary()}`);
    }
    this.draw();
  }

  summary() {
    const count = this.covered.filter(Boolean).length;
    return `Step ${this.game.steps}: ${count} of ${MODES} modes covered, ${this.share()} within 3 sigma.`;
  }

  share() {
    const fitting = fittingPointsOfModes(this.fake).reduce((sum, count) => sum + count, 0);
    return `${Math.round((100 * fitting) / this.fake.length)} %`;
  }

  say(words) {
    this.status.textContent = words;
    this.told = performance.now();
    this.toldCount = this.covered.filter(Boolean).length;
  }

  draw() {
    const context = this.canvas.getContext("2d");
    const at = (x) => ((x / EXTENT + 1) / 2) * SIZE;
    this.drawField(context);
    const text = css(this.root, "--pst-color-text-base");
    CENTERS.forEach(([x, y], mode) => {
      context.beginPath();
      context.setLineDash(this.covered[mode] ? [] : [3, 5]);
      context.lineWidth = this.covered[mode] ? 1.8 : 1.2;
      context.strokeStyle = text;
      context.arc(at(x), at(-y), (3 * SPREAD * SIZE) / (2 * EXTENT), 0, 2 * Math.PI);
      context.stroke();
    });
    context.setLineDash([]);
    context.fillStyle = css(this.root, "--real");
    for (const [x, y] of this.real) context.fillRect(at(x) - 1.5, at(-y) - 1.5, 3, 3);
    context.strokeStyle = css(this.root, "--fake");
    context.lineWidth = 1.4;
    context.beginPath();
    for (const [x, y] of this.fake) {
      context.moveTo(at(x) - 2.5, at(-y) - 2.5);
      context.lineTo(at(x) + 2.5, at(-y) + 2.5);
      context.moveTo(at(x) + 2.5, at(-y) - 2.5);
      context.lineTo(at(x) - 2.5, at(-y) + 2.5);
    }
    context.stroke();
    this.canvas.setAttribute("aria-label", `Real and generated points. ${this.summary()}`);
    this.drawHistory();
    this.writeNumbers();
  }

  drawField(context) {
    const [fake, real] = [color(this.root, "--judged-fake"), color(this.root, "--judged-real")];
    const small = this.fieldCanvas.getContext("2d");
    const image = small.createImageData(FIELD_SIDE, FIELD_SIDE);
    this.game.field(FIELD_SIDE, EXTENT).forEach((judged, index) => {
      const mixed = real.map((value, channel) => fake[channel] + judged * (value - fake[channel]));
      image.data.set([...mixed, 255], 4 * index);
    });
    small.putImageData(image, 0, 0);
    context.drawImage(this.fieldCanvas, 0, 0, SIZE, SIZE);
  }

  // How many modes were covered at each look, over the steps.
  drawHistory() {
    const { width, height } = this.history;
    const context = this.history.getContext("2d");
    const [left, top, bottom] = [18, 8, height - 20];
    const level = (count) => bottom - (count / MODES) * (bottom - top);
    const last = Math.max(this.game.steps, 200);
    context.clearRect(0, 0, width, height);
    context.font = "12px sans-serif";
    context.fillStyle = css(this.root, "--pst-color-text-base");
    context.fillText(String(MODES), 4, top + 6);
    context.fillText("0", 4, bottom + 3);
    context.fillText("modes covered, over the steps", left, height - 4);
    context.textAlign = "right";
    context.fillText(String(last), width - 4, height - 4);
    context.textAlign = "left";
    context.strokeStyle = css(this.root, "--pst-color-border");
    context.strokeRect(left, top, width - left - 4, bottom - top);
    context.strokeStyle = css(this.root, "--fake");
    context.lineWidth = 2;
    context.beginPath();
    for (const { step, count } of this.past) {
      context.lineTo(left + (step / last) * (width - left - 4), level(count));
    }
    context.stroke();
    context.lineWidth = 1;
    const count = this.past.at(-1).count;
    this.history.setAttribute("aria-label", `Modes covered over ${this.game.steps} steps, now ${count}.`);
  }

  writeNumbers() {
    const shown = (value) => (this.losses ? value().toFixed(2) : "–");
    const rows = [
      ["Step", this.game.steps],
      ["Modes covered", `${this.past.at(-1).count} of ${MODES}`],
      ["Points within 3 sigma", this.share()],
      ["Loss of D", shown(() => this.losses.discriminator)],
      ["Loss of G", shown(() => this.losses.generator)],
    ];
    this.numbers.replaceChildren(
      ...rows.flatMap(([name, value]) => [
        element("dt", { textContent: name }),
        element("dd", { textContent: value }),
      ]),
    );
  }
}
