// A trained generator in the page: noise and, where it takes one, a class go in, a picture comes out.
import * as ort from "onnxruntime-web/wasm";
import { button, choice, element, install, picture, slider } from "./parts.js";

const STEPS = 9; // pictures on the way between two points
const WALK = 100; // positions of the slider
const REST_MS = 120;

ort.env.wasm.numThreads = 1; // threads would need special headers
ort.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", import.meta.url).href };

export async function start(root) {
  const facts = JSON.parse(root.dataset.facts);
  const generator = await Generator.load(facts);
  const bench = new Bench(root, generator);
  bench.open();
  await bench.draw();
}

export class Generator {
  static async load(facts) {
    const address = new URL(facts.model, import.meta.url).href;
    return new Generator(facts, await ort.InferenceSession.create(address));
  }

  constructor(facts, session) {
    this.facts = facts;
    this.session = session;
    this.noise = facts.latent_dim;
  }

  // Pictures for rows of noise, and a class for each row: numbers from 0 to 255, row by row.
  async draw(rows, labels) {
    const { encoding, classes } = this.facts;
    const [first, second] = this.session.inputNames;
    const feeds = {};
    if (encoding === "one-hot") {
      rows = rows.map((row, index) => [...row, ...classes.map((_, code) => Number(code === labels[index]))]);
    }
    if (encoding === "label") feeds[second] = new ort.Tensor("int32", labels, [labels.length, 1]);
    feeds[first] = new ort.Tensor("float32", rows.flatMap((row) => [...row]), [rows.length, rows[0].length]);
    const results = await this.session.run(feeds);
    const values = results[this.session.outputNames[0]].data;
    return Uint8ClampedArray.from(values, (value) => Math.round((value + 1) * 127.5));
  }
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
  constructor(root, generator) {
    this.root = root;
    this.generator = generator;
    this.facts = generator.facts;
    this.label = 0;
    this.share = 0;
    this.work = Promise.resolve();
    this.from = randomNoise(generator.noise);
    this.to = randomNoise(generator.noise);
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
      this[end] = randomNoise(this.generator.noise);
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

  // Draws the picture at once, and the row when the reader has let go of the slider.
  draw() {
    this.wanted = true;
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.queue(() => this.drawRow()), REST_MS);
    return this.queue(async () => {
      if (!this.wanted) return; // the latest wish is drawn already
      this.wanted = false;
      await this.drawPicture();
    });
  }

  // One thing at a time: the runtime does not begin a picture before the last one is done.
  queue(task) {
    this.work = this.work.then(task).catch((error) => {
      this.status.textContent = `It could not be drawn (${error.message}).`;
    });
    return this.work;
  }

  async drawPicture() {
    const [noise, label] = [between(this.from, this.to, this.share), this.label];
    const begin = performance.now();
    const pixels = await this.generator.draw([noise], [label]);
    const milliseconds = performance.now() - begin;
    paint(this.canvas, pixels, this.facts, 0);
    const what = this.facts.classes.length ? `${this.facts.word} ${this.facts.classes[label]}` : "a picture";
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
    const pixels = await this.generator.draw(rows, indices);
    indices.forEach((index) => paint(this.row, pixels, this.facts, index));
  }
}

// Puts one picture of a batch at its place in a row of pictures.
function paint(canvas, pixels, { height, width, channels }, index) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const first = index * width * height * channels;
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      image.data[4 * pixel + channel] = pixels[first + pixel * channels + (channels === 3 ? channel : 0)];
    }
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, (index * width) % canvas.width, 0);
}
