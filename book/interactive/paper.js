// A canvas to paint on with the mouse, a finger, a pen, or the keyboard.
import { element } from "./parts.js";

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PAINT_KEYS = [" ", "Enter"];
const HELP = "The arrow keys move the brush, and paint with Shift; the space bar paints.";

export class Paper {
  // `stroke` paints from one place to another, `done` follows each stroke, `say` takes sentences.
  constructor({ width, height, words, cells, stroke, done, say }) {
    Object.assign(this, { cells, stroke, done, say });
    this.cell = [Math.floor(cells / 2), Math.floor(cells / 2)];
    this.canvas = element("canvas", {
      width,
      height,
      className: "pixels paper",
      tabIndex: 0,
      role: "application",
      "aria-label": `${words}. ${HELP}`,
      onkeydown: (event) => this.key(event),
      onpointerdown: (event) => this.press(event),
      onpointermove: (event) => this.drag(event),
      onpointerup: (event) => this.release(event),
      onpointercancel: (event) => this.release(event),
    });
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.mark = element("div", { className: "interactive-mark" });
    this.mark.style.width = this.mark.style.height = `${100 / cells}%`;
    this.box = element("div", { className: "interactive-paper" }, [this.canvas, this.mark]);
    this.moveMark();
  }

  // The numbers of red, green, blue and opacity of each pixel.
  pixels() {
    return this.context.getImageData(0, 0, this.canvas.width, this.canvas.height).data;
  }

  fill(paint) {
    this.context.fillStyle = paint;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const share = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    return [share[0] * this.canvas.width, share[1] * this.canvas.height];
  }

  press(event) {
    if (!event.isPrimary || event.button) return; // a second finger, or another button
    this.canvas.setPointerCapture(event.pointerId);
    this.last = this.place(event);
    this.stroke(this.last, this.last);
  }

  drag(event) {
    if (!this.last || !event.isPrimary) return;
    const place = this.place(event);
    this.stroke(this.last, place);
    this.last = place;
  }

  release(event) {
    if (!this.last || !event.isPrimary) return;
    this.last = null;
    this.done();
  }

  key(event) {
    const move = ARROWS[event.key];
    if (!move && !PAINT_KEYS.includes(event.key)) return;
    event.preventDefault();
    if (move) {
      this.cell = this.cell.map((at, axis) => Math.min(this.cells - 1, Math.max(0, at + move[axis])));
      this.moveMark();
    }
    if (!move || event.shiftKey) {
      const place = this.cell.map((at) => ((at + 0.5) * this.canvas.width) / this.cells);
      this.stroke(place, place);
      this.done();
    }
    if (move) this.say(`Column ${this.cell[0] + 1}, row ${this.cell[1] + 1} of ${this.cells}.`);
  }

  moveMark() {
    this.mark.style.left = `${(100 * this.cell[0]) / this.cells}%`;
    this.mark.style.top = `${(100 * this.cell[1]) / this.cells}%`;
  }
}
