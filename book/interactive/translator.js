// A trained translator in the page: the reader paints a map, the network answers with a picture.
import { button, choice, element, install, picture } from "./parts.js";
import { open, paint, Queue, tensor } from "./session.js";

const CELLS = 32; // steps of the keyboard's cursor along one side
const BRUSHES = [
  ["1", "thin"],
  ["2", "medium"],
  ["5", "wide"],
];
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAINT_KEYS = [" ", "Enter"];

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
    this.cell = [CELLS / 2, CELLS / 2];
    this.last = null;
    this.queue = new Queue((words) => this.say(words));
    this.makeStages();
    this.makePanel();
    this.show(() => this.context.drawImage(example, 0, 0));
  }

  makeStages() {
    const { width, height } = this.facts;
    this.map = element("canvas", {
      width,
      height,
      className: "pixels paper",
      tabIndex: 0,
      role: "application",
      "aria-label": "Your map. The arrow keys move the brush, the space bar paints.",
      onkeydown: (event) => this.key(event),
      onpointerdown: (event) => this.press(event),
      onpointermove: (event) => this.drag(event),
      onpointerup: () => this.release(),
      onpointercancel: () => this.release(),
    });
    this.context = this.map.getContext("2d", { willReadFrequently: true });
    this.mark = element("div", { className: "interactive-mark" });
    this.mark.style.width = this.mark.style.height = `${100 / CELLS}%`;
    this.answer = picture(width, "");
    this.answer.height = height;
    const stage = (words, children) =>
      element("div", { className: "interactive-stage half" }, [
        element("p", { className: "interactive-legend", textContent: words }),
        element("div", { className: "interactive-paper" }, children),
      ]);
    this.stages = [stage("Your map", [this.map, this.mark]), stage("The network's answer", [this.answer])];
    this.moveMark();
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
        button("Empty map", () => this.show(() => this.fill(0))),
        button("Example map", () => this.show(() => this.context.drawImage(this.example, 0, 0))),
      ]),
      this.status,
    ]);
  }

  open() {
    install(this.root, [...this.stages, this.panel]);
    this.map.focus();
  }

  say(words) {
    this.status.textContent = words;
  }

  show(change) {
    change();
    if (this.map.isConnected) this.translate();
  }

  fill(index) {
    this.context.fillStyle = `rgb(${this.facts.palette[index][1].join(" ")})`;
    this.context.fillRect(0, 0, this.map.width, this.map.height);
  }

  // Paints a square around a place of the map, and the way from the place before it.
  dab([x, y]) {
    const size = (Number(this.brush.control.value) * this.map.width) / CELLS;
    const [fromX, fromY] = this.last ?? [x, y];
    const steps = Math.max(1, Math.ceil(Math.hypot(x - fromX, y - fromY)));
    this.context.fillStyle = `rgb(${this.facts.palette[this.color.control.value][1].join(" ")})`;
    for (let step = 0; step <= steps; step += 1) {
      const at = (from, to) => Math.round(from + ((to - from) * step) / steps - size / 2);
      this.context.fillRect(at(fromX, x), at(fromY, y), Math.round(size), Math.round(size));
    }
    this.last = [x, y];
  }

  place(event) {
    const box = this.map.getBoundingClientRect();
    const share = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return [share[0] * this.map.width, share[1] * this.map.height];
  }

  press(event) {
    this.map.setPointerCapture(event.pointerId);
    this.painting = true;
    this.dab(this.place(event));
  }

  drag(event) {
    if (this.painting) this.dab(this.place(event));
  }

  release() {
    if (!this.painting) return;
    this.painting = false;
    this.last = null;
    this.translate();
  }

  key(event) {
    const move = ARROWS[event.key];
    if (!move && !PAINT_KEYS.includes(event.key)) return;
    event.preventDefault();
    if (move) {
      this.cell = this.cell.map((at, axis) => Math.min(CELLS - 1, Math.max(0, at + move[axis])));
      this.moveMark();
      this.say(`Column ${this.cell[0] + 1}, row ${this.cell[1] + 1} of ${CELLS}.`);
      return;
    }
    this.dab(this.cell.map((at) => ((at + 0.5) * this.map.width) / CELLS));
    this.last = null;
    this.translate();
  }

  moveMark() {
    this.mark.style.left = `${(100 * this.cell[0]) / CELLS}%`;
    this.mark.style.top = `${(100 * this.cell[1]) / CELLS}%`;
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
    const painted = this.context.getImageData(0, 0, width, height).data;
    const input = painted.filter((_, index) => index % 4 < 3);
    const values = Float32Array.from(input, (value) => value / 127.5 - 1);
    const begin = performance.now();
    const pixels = await this.network(tensor(values, [1, height, width, 3]));
    const milliseconds = performance.now() - begin;
    paint(this.answer, pixels, this.facts);
    this.answer.setAttribute("aria-label", "The picture that the network makes of your map");
    this.say(`Drew the picture in ${Math.max(1, Math.round(milliseconds))} ms.`);
    const detail = { input: [...input], pixels: [...pixels], milliseconds };
    this.root.dispatchEvent(new CustomEvent("drawn", { detail, bubbles: true }));
  }
}
