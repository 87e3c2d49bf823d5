// Lesson 20's diffusion in the page: noise becomes a digit, one call of the denoiser after another.
import { randomNoise } from "./generator.js";
import { button, choice, element, install, picture, slider } from "./parts.js";
import { labelTensor, openNetwork, paint, Queue, tensor, toPixels } from "./session.js";

export { openNetwork };

const DIGIT = { height: 28, width: 28, channels: 1 };
const PIXELS = DIGIT.height * DIGIT.width;
const STAGES = 10; // guesses in the row below
const IDEAS = [
  "Let the network be called once: its guess is a blur, the mean of all digits that fit.",
  "Keep the noise and change the number of calls. Is it still the same digit?",
  "Move the slider: how early can you tell which digit it will be?",
];

export async function start(root) {
  const facts = JSON.parse(root.dataset.facts);
  await new Desk(root, facts, await openNetwork(facts.model)).open();
}

// The factors of image and noise after each noise step (Nichol and Dhariwal, 2021, equation 17).
export function schedule({ steps, offset, most }) {
  const curve = (t) => Math.cos(((t / steps + offset) / (1 + offset)) * (Math.PI / 2)) ** 2;
  const shares = [1];
  for (let t = 1; t <= steps; t += 1) {
    shares.push(shares[t - 1] * (1 - Math.min(1 - curve(t) / curve(t - 1), most)));
  }
  return { signal: shares.map(Math.sqrt), noise: shares.map((share) => Math.sqrt(1 - share)) };
}

// DDIM without fresh noise; yields the noisy image of each step and the guess of the clean one.
export async function* denoise(network, facts, start, calls) {
  const { signal, noise } = schedule(facts);
  const time = (call) => Math.round(facts.steps * (1 - call / calls));
  let noisy = Float32Array.from(start);
  for (let call = 0; call < calls; call += 1) {
    const [t, s] = [time(call), time(call + 1)];
    const found = await network.run(tensor(noisy, [1, DIGIT.height, DIGIT.width, 1]), labelTensor([t]));
    const v = found[network.first].data;
    const clean = noisy.map((x, at) => Math.max(-1, Math.min(1, signal[t] * x - noise[t] * v[at])));
    yield { t, noisy, clean };
    noisy = noisy.map((x, at) => signal[s] * clean[at] + (noise[s] * (x - signal[t] * clean[at])) / noise[t]);
  }
  yield { t: 0, noisy, clean: noisy };
}

class Desk {
  constructor(root, facts, network) {
    Object.assign(this, { root, facts, network });
    this.round = 0; // a drawing ends when another one was asked for
    this.calls = facts.calls;
    this.noise = randomNoise(PIXELS);
    this.looks = [];
    this.queue = new Queue((words) => this.say(words));
    this.makeStage();
    this.makePanel();
  }

  makeStage() {
    const figure = (words, canvas) =>
      element("div", {}, [element("p", { className: "interactive-legend", textContent: words }), canvas]);
    [this.noisy, this.clean, this.row] = [DIGIT.width, DIGIT.width, DIGIT.width * STAGES].map((width) => {
      const canvas = picture(width, "");
      Object.assign(canvas, { height: DIGIT.height, className: "pixels" });
      return canvas;
    });
    const pair = [figure("Noisy image", this.noisy), figure("Guess of the clean image", this.clean)];
    this.stage = element("div", { className: "interactive-stage" }, [
      element("div", { className: "interactive-pair" }, pair),
    ]);
    const words = "The guess on the way, from noise alone to the end";
    this.row.setAttribute("aria-label", words);
    this.strip = element("div", { className: "interactive-strip" }, [figure(words, this.row)]);
  }

  makePanel() {
    const options = this.facts.choices.map((count) => [String(count), String(count)]);
    this.choice = choice("Calls of the network", options, (value) => {
      this.calls = Number(value);
      this.draw();
    });
    this.choice.control.value = String(this.calls);
    const say = (at) => (this.looks[at] ? `step t = ${this.looks[at].t}` : "");
    this.look = slider("Look back", { min: 0, max: this.calls, step: 1, value: 0, say }, (at) => this.show(at));
    this.status = element("p", { className: "interactive-say", role: "status" });
    const renew = () => {
      this.noise = randomNoise(PIXELS);
      this.draw();
    };
    this.panel = element("div", { className: "interactive-panel" }, [
      this.choice.field,
      element("div", { className: "interactive-buttons" }, [button("New noise", renew)]),
      this.look.field,
      this.status,
    ]);
  }

  open() {
    const ideas = element("ul", {}, IDEAS.map((idea) => element("li", { textContent: idea })));
    const summary = element("summary", { textContent: "What to try" });
    const hints = element("details", { open: true }, [summary, ideas]);
    install(this.root, [this.stage, this.panel, this.strip, hints]);
    this.choice.control.focus();
    return this.draw();
  }

  say(words) {
    this.status.textContent = words;
  }

  show(at) {
    const look = this.looks[at];
    if (!look) return;
    const words = [`Noisy image at step ${look.t}`, `Guess of the clean image at step ${look.t}`];
    [this.noisy, this.clean].forEach((canvas, index) => {
      paint(canvas, toPixels(index ? look.clean : look.noisy), DIGIT);
      canvas.setAttribute("aria-label", words[index]);
    });
  }

  // Guesses from the first to the last, evenly spaced; of a few calls, some are shown twice.
  showRow() {
    for (let place = 0; place < STAGES; place += 1) {
      const { clean } = this.looks[Math.round((place / (STAGES - 1)) * (this.looks.length - 1))];
      const pixels = new Uint8ClampedArray(PIXELS * STAGES);
      pixels.set(toPixels(clean), place * PIXELS);
      paint(this.row, pixels, DIGIT, place);
    }
  }

  draw() {
    const round = (this.round += 1);
    return this.queue.add(() => this.run(round));
  }

  async run(round) {
    if (round !== this.round) return; // another drawing was asked for meanwhile
    const [begin, { calls, noise }] = [performance.now(), this];
    this.looks = [];
    this.look.control.max = calls;
    for await (const look of denoise(this.network, this.facts, noise, calls)) {
      if (round !== this.round) return;
      this.looks.push(look);
      this.look.move(this.looks.length - 1);
      this.show(this.looks.length - 1);
      await new Promise((resolve) => setTimeout(resolve)); // lets the page show it
    }
    this.showRow();
    const milliseconds = performance.now() - begin;
    const times = calls === 1 ? "one call" : `${calls} calls`;
    this.say(`Drew a digit with ${times} in ${Math.max(1, Math.round(milliseconds))} ms.`);
    const image = [...this.looks.at(-1).clean];
    const detail = { calls, noise: [...noise], image, milliseconds };
    this.root.dispatchEvent(new CustomEvent("denoised", { detail, bubbles: true }));
  }
}
