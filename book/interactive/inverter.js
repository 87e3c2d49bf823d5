// Lesson 17's inversion in the page: the reader draws a digit, and the generator's nearest image is found.
import { likeMnist, search } from "./inversion.js";
import { Paper } from "./paper.js";
import { button, css, element, install, onThemeChange, picture } from "./parts.js";
import { openNetwork, paint, Queue, toPixels } from "./session.js";

export { likeMnist, openNetwork, search };

const SIZE = 280;
const CELLS = 14; // steps of the keyboard's cursor along one side
const PEN = 26; // wide enough for neighboring steps to meet
const DIGIT = { height: 28, width: 28, channels: 1 };
const PLOT = { left: 44, right: 124, top: 8, bottom: 24, height: 150 };
const IDEAS = [
  "Draw a digit as you write it, and compare your error with that of the test digits.",
  "Press Turn: the same strokes are usually no longer a digit.",
  "Draw a letter, a face, or two digits. Which digit does the generator make of it?",
  "Search again for the same drawing. Other random starts may end elsewhere.",
];

const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;

export async function start(root) {
  const facts = JSON.parse(root.dataset.facts);
  const examples = new Image();
  examples.src = new URL(facts.examples, import.meta.url).href;
  const [network] = await Promise.all([openNetwork(facts.model), examples.decode()]);
  new Desk(root, facts, { ...network, latentDim: facts.latent_dim }, examples).open();
}

class Desk {
  constructor(root, facts, network, examples) {
    Object.assign(this, { root, facts, network, examples });
    this.round = 0; // a search ends when another one, or another drawing, has begun
    this.example = 0;
    this.queue = new Queue((words) => this.say(words));
    this.makeStages();
    this.renew(() => this.paper.fill("#fff"));
  }

  makeStages() {
    this.paper = new Paper({
      width: SIZE,
      height: SIZE,
      words: "Your digit",
      cells: CELLS,
      stroke: (from, to) => this.line(from, to),
      done: () => {
        this.renew();
        this.say("Press Search to find this drawing.");
      },
      say: (words) => this.say(words),
    });
    const figure = (words, canvas) =>
      element("div", {}, [element("p", { className: "interactive-legend", textContent: words }), canvas]);
    [this.goal, this.found] = [picture(DIGIT.width, ""), picture(DIGIT.width, "")];
    this.goal.className = this.found.className = "pixels";
    this.paper.canvas.className = "paper"; // smooth strokes
    this.curve = element("canvas", { role: "img" });
    this.curve.style.height = `${PLOT.height}px`;
    const stage = (children) => element("div", { className: "interactive-stage half" }, children);
    const pair = [figure("In MNIST's form", this.goal), figure("Found", this.found)];
    this.status = element("p", { className: "interactive-say", role: "status" });
    this.stages = [
      stage([figure("Your digit", this.paper.box), this.makeButtons()]),
      stage([
        element("div", { className: "interactive-pair" }, pair),
        figure("Error as a share of the variance, over the steps", this.curve),
        this.status,
      ]),
    ];
  }

  makeButtons() {
    return element("div", { className: "interactive-buttons" }, [
      button("Search", () => this.find()),
      button("Example digit", () => this.find(() => this.showExample())),
      button("Turn", () => this.find(() => this.turn())),
      button("Reset", () => {
        this.renew(() => this.paper.fill("#fff"));
        this.say("The page is empty.");
      }),
    ]);
  }

  open() {
    const ideas = element("ul", {}, IDEAS.map((idea) => element("li", { textContent: idea })));
    const summary = element("summary", { textContent: "What to try" });
    install(this.root, [...this.stages, element("details", { open: true }, [summary, ideas])]);
    new ResizeObserver(() => this.drawCurve()).observe(this.curve);
    onThemeChange(() => this.drawCurve());
    this.say("Draw a digit, and press Search.");
    this.paper.canvas.focus();
  }

  say(words) {
    this.status.textContent = words;
  }

  line(from, to) {
    const { context } = this.paper;
    context.strokeStyle = "#000";
    Object.assign(context, { lineWidth: PEN, lineCap: "round" });
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(to[0] + 0.01, to[1]); // Safari paints no line of length 0
    context.stroke();
  }

  showExample() {
    const { context } = this.paper;
    const { height, width } = DIGIT;
    context.imageSmoothingEnabled = false;
    context.drawImage(this.examples, width * this.example, 0, width, height, 0, 0, SIZE, SIZE);
    this.example = (this.example + 1) % (this.examples.width / width);
  }

  turn() {
    const copy = element("canvas", { width: SIZE, height: SIZE });
    copy.getContext("2d").drawImage(this.paper.canvas, 0, 0);
    const { context } = this.paper;
    context.save();
    context.translate(SIZE / 2, SIZE / 2);
    context.rotate(-Math.PI / 2);
    context.drawImage(copy, -SIZE / 2, -SIZE / 2);
    context.restore();
  }

  // Begins anew: what was found belongs to the drawing before.
  renew(change = () => {}) {
    this.round += 1;
    change();
    const page = this.paper.pixels().filter((_, index) => index % 4 === 0);
    this.target = likeMnist(page, SIZE);
    this.path = [];
    const empty = new Float32Array(DIGIT.width * DIGIT.height).fill(-1);
    this.show(this.goal, this.target ?? empty, this.target ? "Your digit, as small as MNIST's" : "Empty");
    this.show(this.found, empty, "Nothing was searched for yet");
    this.drawCurve();
  }

  show(canvas, image, words) {
    paint(canvas, toPixels(image), DIGIT);
    canvas.setAttribute("aria-label", words);
  }

  find(change) {
    this.renew(change);
    const { round, target } = this;
    if (!target) return this.say("The page is empty: draw a digit first.");
    this.say("Searching …");
    return this.queue.add(() => this.descend(round, target));
  }

  async descend(round, target) {
    if (round !== this.round) return; // another search was asked for meanwhile
    const begin = performance.now();
    let last;
    for await (const look of search(this.network, target, this.facts)) {
      if (round !== this.round) return;
      this.path.push(look.error / this.facts.variance);
      this.show(this.found, look.image, `The generator's nearest image, after ${look.step} steps`);
      this.drawCurve();
      last = look;
    }
    this.say(`Error: ${percent(this.path.at(-1))} of the variance. ${this.recorded()}`);
    const detail = { ...last, target, share: this.path.at(-1), milliseconds: performance.now() - begin };
    this.root.dispatchEvent(new CustomEvent("found", { detail, bubbles: true }));
  }

  recorded() {
    const parts = this.facts.yardsticks.map(([name, share]) => `${name} ${percent(share)}`);
    return `In the recorded run: ${parts.join(", ")}.`;
  }

  // The error over the steps, and lines at the errors of the recorded run.
  drawCurve() {
    const [width, ratio] = [this.curve.clientWidth, devicePixelRatio];
    if (!width) return;
    Object.assign(this.curve, { width: width * ratio, height: PLOT.height * ratio });
    const context = this.curve.getContext("2d");
    context.scale(ratio, ratio);
    const [right, bottom] = [width - PLOT.right, PLOT.height - PLOT.bottom];
    const level = (share) => bottom - Math.min(share, 1) * (bottom - PLOT.top);
    const along = (step) => PLOT.left + (step / this.facts.steps) * (right - PLOT.left);
    context.font = "12px sans-serif";
    context.strokeStyle = css(this.root, "--pst-color-border");
    context.strokeRect(PLOT.left, PLOT.top, right - PLOT.left, bottom - PLOT.top);
    context.fillStyle = css(this.root, "--pst-color-text-base");
    context.setLineDash([4, 4]);
    context.strokeStyle = css(this.root, "--real");
    for (const [name, share] of this.facts.yardsticks) {
      context.fillText(`${name} ${percent(share)}`, right + 4, level(share) + 3);
      context.beginPath();
      context.moveTo(PLOT.left, level(share));
      context.lineTo(right, level(share));
      context.stroke();
    }
    context.setLineDash([]);
    context.textAlign = "right";
    context.fillText("100 %", PLOT.left - 4, PLOT.top + 9);
    context.fillText("0 %", PLOT.left - 4, bottom + 4);
    context.fillText(`step ${this.facts.steps}`, right, PLOT.height - 8);
    context.strokeStyle = css(this.root, "--fake");
    context.lineWidth = 2;
    context.beginPath();
    this.path.forEach((share, step) => context.lineTo(along(step), level(share)));
    context.stroke();
    const now = this.path.length ? `now ${percent(this.path.at(-1))}` : "no search yet";
    this.curve.setAttribute("aria-label", `Error as a share of the variance, ${now}. ${this.recorded()}`);
  }
}
