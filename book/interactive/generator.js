// A trained generator in the page: noise and, where it takes one, a class go in, an image comes out.
import { button, choice, element, install, picture, slider } from "./parts.js";
import { labelTensor, open, paint, Queue, tensor } from "./session.js";

const STEPS = 9; // images on the way between two points
const WALK = 100; // positions of the slider
const REST_MS = 120;

export async function start(root) {
  const facts = JSON.parse(root.dataset.facts);
  const bench = new Bench(root, facts, await open(facts.model));
  bench.open();
  await bench.draw();
}

// What a generator takes: rows of noise, and the position of a class for each row.
function inputs(facts, rows, labels) {
  const codes = (label) => facts.classes.map((_, code) => Number(code === label));
  const whole = facts.encoding === "one-hot" ? rows.map((row, at) => [...row, ...codes(labels[at])]) : rows;
  const latents = tensor(whole.flatMap((row) => [...row]), [whole.length, whole[0].length]);
  return facts.encoding === "label" ? [latents, labelTensor(labels)] : [latents];
}

// Independent normal numbers, by Box and Muller's rule.
export function randomNoise(length) {
  return Float32Array.from({ length }, () => {
    const radius = Math.sqrt(-2 * Math.log(1 - Math.random()));
    return radius * Math.cos(2 * Math.PI * Math.random());
  });
}

// The quarter of a circle from one point to the other: noise stays as long as noise is.
export function between(from, to, share) {
  const angle = (share * Math.PI) / 2;
  return from.map((value, index) => Math.cos(angle) * value + Math.sin(angle) * to[index]);
}

class Bench {
  constructor(root, facts, network) {
    this.root = root;
    this.facts = facts;
    this.network = network;
    this.label = 0;
    this.share = 0;
    this.from = randomNoise(facts.latent_dim);
    this.to = randomNoise(facts.latent_dim);
    this.queue = new Queue((words) => (this.status.textContent = words));
    this.makeStage();
    this.makePanel();
  }

  makeStage() {
    const { height, width, classes } = this.facts;
    this.canvas = picture(width, "");
    this.canvas.height = height;
    this.canvas.className = "pixels";
    this.row = picture(width * (classes.length || STEPS), "");
    this.row.height = height;
    this.row.className = "pixels";
    const words = classes.length
      ? `The same noise for every ${this.facts.word}`
      : "The way from the first point to the second";
    this.row.setAttribute("aria-label", [words, ...classes].join(", "));
    this.stage = element("div", { className: "interactive-stage narrow" }, [this.canvas]);
    this.strip = element("div", { className: "interactive-strip" }, [
      element("p", { className: "interactive-legend", textContent: words }),
      this.row,
    ]);
  }

  makePanel() {
    const { classes, word } = this.facts;
    const fields = [];
    if (classes.length) {
      const title = word[0].toUpperCase() + word.slice(1);
      const options = classes.map((name, index) => [String(index), name]);
      this.choice = choice(title, options, (value) => {
        this.label = Number(value);
        this.draw();
      });
      fields.push(this.choice.field);
    }
    const say = (value) => `${value} %`;
    this.walk = slider("From one point of noise to another", { min: 0, max: WALK, step: 1, value: 0, say }, (value) => {
      this.share = value / WALK;
      this.draw();
    });
    const renew = (end) => () => {
      this[end] = randomNoise(this.facts.latent_dim);
      this.share = end === "from" ? 0 : 1;
      this.walk.move(this.share * WALK);
      this.draw();
    };
    this.status = element("p", { className: "interactive-say", role: "status" });
    this.panel = element("div", { className: "interactive-panel" }, [
      ...fields,
      this.walk.field,
      element("div", { className: "interactive-buttons" }, [
        button("New first point", renew("from")),
        button("New second point", renew("to")),
      ]),
      this.status,
    ]);
  }

  open() {
    install(this.root, [this.stage, this.panel, this.strip]);
    (this.choice ?? this.walk).control.focus();
  }

  // Draws the image at once, and the row when the reader has let go of the slider.
  draw() {
    this.wanted = true;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.queue.add(() => this.drawRow()), REST_MS);
    return this.queue.add(async () => {
      if (!this.wanted) return; // the latest wish is drawn already
      this.wanted = false;
      await this.drawPicture();
    });
  }

  async drawPicture() {
    const [noise, label] = [between(this.from, this.to, this.share), this.label];
    const begin = performance.now();
    const pixels = await this.network(...inputs(this.facts, [noise], [label]));
    const milliseconds = performance.now() - begin;
    paint(this.canvas, pixels, this.facts);
    const what = this.facts.classes.length ? `an image of ${this.facts.word} “${this.facts.classes[label]}”` : "an image";
    this.canvas.setAttribute("aria-label", `Generated: ${what}`);
    this.status.textContent = `Drew ${what} in ${Math.max(1, Math.round(milliseconds))} ms.`;
    const detail = { noise: [...noise], label, pixels: [...pixels], milliseconds };
    this.root.dispatchEvent(new CustomEvent("drawn", { detail, bubbles: true }));
  }

  async drawRow() {
    const { classes } = this.facts;
    const count = classes.length || STEPS;
    const indices = Array.from({ length: count }, (_, index) => index);
    const at = (index) => (classes.length ? this.share : index / (STEPS - 1));
    const rows = indices.map((index) => between(this.from, this.to, at(index)));
    const pixels = await this.network(...inputs(this.facts, rows, indices));
    indices.forEach((index) => paint(this.row, pixels, this.facts, index));
  }
}
