// A trained translator in the page: the reader paints a map, the network answers with an image.
import { Paper } from "./paper.js";
import { button, choice, element, install, picture } from "./parts.js";
import { open, paint, Queue, tensor } from "./session.js";

const CELLS = 32; // steps of the keyboard's cursor along one side
const BRUSHES = [
  ["1", "thin"],
  ["2", "medium"],
  ["5", "wide"],
];

export async function start(root) {
  const facts = JSON.parse(root.dataset.facts);
  const example = new Image();
  example.src = new URL(facts.example, import.meta.url).href;
  const [network] = await Promise.all([open(facts.model), example.decode()]);
  const desk = new Desk(root, facts, network, example);
  desk.open();
  await desk.translate();
}

class Desk {
  constructor(root, facts, network, example) {
    Object.assign(this, { root, facts, network, example });
    this.queue = new Queue((words) => this.say(words));
    this.makeStages();
    this.makePanel();
    this.show(() => this.map.context.drawImage(example, 0, 0));
  }

  makeStages() {
    const { width, height } = this.facts;
    this.map = new Paper({
      width,
      height,
      words: "Your map",
      cells: CELLS,
      stroke: (from, to) => this.dabs(from, to),
      done: () => this.translate(),
      say: (words) => this.say(words),
    });
    this.answer = picture(width, "");
    this.answer.height = height;
    const stage = (words, child) =>
      element("div", { className: "interactive-stage half" }, [
        element("p", { className: "interactive-legend", textContent: words }),
        child,
      ]);
    this.stages = [stage("Your map", this.map.box), stage("The network's answer", this.answer)];
  }

  makePanel() {
    const colors = this.facts.palette.map(([name], index) => [String(index), name]);
    this.color = choice("Paint", colors, () => {});
    this.color.control.value = String(Math.min(2, colors.length - 1));
    this.brush = choice("Brush", BRUSHES, () => {});
    this.brush.control.value = "2";
    this.status = element("p", { className: "interactive-say", role: "status" });
    this.panel = element("div", { className: "interactive-panel" }, [
      this.color.field,
      this.brush.field,
      element("div", { className: "interactive-buttons" }, [
        button("Empty map", () => this.show(() => this.map.fill(this.rgb(0)))),
        button("Example map", () => this.show(() => this.map.context.drawImage(this.example, 0, 0))),
      ]),
      this.status,
    ]);
  }

  open() {
    install(this.root, [...this.stages, this.panel]);
    this.map.canvas.focus();
  }

  say(words) {
    this.status.textContent = words;
  }

  show(change) {
    change();
    if (this.map.canvas.isConnected) this.translate();
  }

  // Paints squares on the way from one place of the map to another.
  dabs([fromX, fromY], [toX, toY]) {
    const size = (Number(this.brush.control.value) * this.facts.width) / CELLS;
    const steps = Math.max(1, Math.ceil(Math.hypot(toX - fromX, toY - fromY)));
    const { context } = this.map;
    context.fillStyle = this.rgb(this.color.control.value);
    for (let step = 0; step <= steps; step += 1) {
      const at = (from, to) => Math.round(from + ((to - from) * step) / steps - size / 2);
      context.fillRect(at(fromX, toX), at(fromY, toY), Math.round(size), Math.round(size));
    }
  }

  rgb(index) {
    return `rgb(${this.facts.palette[index][1].join(" ")})`;
  }

  translate() {
    this.wanted = true;
    return this.queue.add(async () => {
      if (!this.wanted) return; // the latest map is translated already
      this.wanted = false;
      await this.drawAnswer();
    });
  }

  async drawAnswer() {
    const { width, height } = this.facts;
    const input = this.map.pixels().filter((_, index) => index % 4 < 3);
    const values = Float32Array.from(input, (value) => value / 127.5 - 1);
    const begin = performance.now();
    const pixels = await this.network(tensor(values, [1, height, width, 3]));
    const milliseconds = performance.now() - begin;
    paint(this.answer, pixels, this.facts);
    this.answer.setAttribute("aria-label", "The image that the network makes of your map");
    this.say(`Drew the image in ${Math.max(1, Math.round(milliseconds))} ms.`);
    const detail = { input: [...input], pixels: [...pixels], milliseconds };
    this.root.dispatchEvent(new CustomEvent("drawn", { detail, bubbles: true }));
  }
}
