// Lesson 17's search for a latent vector, and MNIST's form of a drawing. Nothing here draws.
import { randomNoise } from "./generator.js";
import { tensor } from "./session.js";

const BATCH = 50; // samples between two moments for the page, while starts are chosen
const BETAS = [0.9, 0.999]; // of Adam, as in Keras
const EPSILON = 1e-7;
const INK = 100; // what is lighter belongs to the paper
const [SIDE, INNER] = [28, 20];

// Lets the page show what has changed, and take what the reader does.
const pause = () => new Promise((resolve) => setTimeout(resolve));

// Images, errors and gradients for rows of latents that all search for one goal.
async function evaluate(network, latents, goal) {
  const count = latents.length / network.latentDim;
  const goals = new Float32Array(count * goal.length);
  for (let row = 0; row < count; row += 1) goals.set(goal, row * goal.length);
  const shape = [count, SIDE, SIDE, 1];
  const found = await network.run(tensor(latents, [count, network.latentDim]), tensor(goals, shape));
  const of = (name) => found[name].data;
  return { images: of("images"), errors: of("errors"), gradient: of("gradient") };
}

// The latents, of many random ones, whose images are nearest to the goal.
async function startNear(network, goal, { samples, starts }) {
  const near = [];
  for (let drawn = 0; drawn < samples; drawn += BATCH) {
    const latents = randomNoise(BATCH * network.latentDim);
    const { errors } = await evaluate(network, latents, goal);
    errors.forEach((error, row) => {
      near.push({ error, latent: latents.slice(row * network.latentDim, (row + 1) * network.latentDim) });
    });
    await pause();
  }
  near.sort((one, other) => one.error - other.error);
  return Float32Array.from(near.slice(0, starts).flatMap(({ latent }) => [...latent]));
}

// Gradient descent with Adam and a rate that falls along a cosine; yields each step's best image.
export async function* search(network, goal, facts, given = null) {
  let latents = given ?? (await startNear(network, goal, facts));
  const [mean, square] = [new Float64Array(latents.length), new Float64Array(latents.length)];
  for (let step = 0; step <= facts.steps; step += 1) {
    const { images, errors, gradient } = await evaluate(network, latents, goal);
    const best = errors.indexOf(Math.min(...errors));
    yield { step, error: errors[best], image: images.slice(best * goal.length, (best + 1) * goal.length) };
    await pause();
    const rate = (facts.rate / 2) * (1 + Math.cos((Math.PI * step) / facts.steps));
    const [first, second] = BETAS.map((beta) => 1 - beta ** (step + 1));
    const size = (rate * Math.sqrt(second)) / first;
    latents = latents.map((value, index) => {
      mean[index] += (1 - BETAS[0]) * (gradient[index] - mean[index]);
      square[index] += (1 - BETAS[1]) * (gradient[index] ** 2 - square[index]);
      return value - (size * mean[index]) / (Math.sqrt(square[index]) + EPSILON);
    });
  }
}

// ---- gan_utils.images.like_mnist, in the page --------------------------------------------------

// Pillow's cubic kernel.
function cubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
}

const round = (value) => (Math.abs(value % 1) === 0.5 ? 2 * Math.round(value / 2) : Math.round(value));
const toByte = (value) => Math.min(255, Math.max(0, Math.floor(value + 0.5)));

// Resizes each row to a length, and returns rows as columns: twice, and the image is resized.
function resample(image, width, height, length) {
  const [scale, resized] = [width / length, new Uint8Array(length * height)];
  const wide = Math.max(scale, 1); // antialiases what becomes smaller
  for (let at = 0; at < length; at += 1) {
    const center = (at + 0.5) * scale;
    const begin = Math.max(0, Math.floor(center - 2 * wide + 0.5));
    const end = Math.min(width, Math.floor(center + 2 * wide + 0.5));
    const kernel = [];
    for (let x = begin; x < end; x += 1) kernel.push(cubic((x - center + 0.5) / wide));
    const total = kernel.reduce((sum, weight) => sum + weight, 0);
    for (let y = 0; y < height; y += 1) {
      const sum = kernel.reduce((part, weight, index) => part + weight * image[y * width + begin + index], 0);
      resized[at * height + y] = toByte(sum / total);
    }
  }
  return resized;
}

// The rows and columns with ink: [left, top, right, bottom], the last two excluded.
function inkBox(ink, width) {
  const places = [...ink.keys()].filter((at) => ink[at] > INK);
  const [columns, rows] = [places.map((at) => at % width), places.map((at) => Math.floor(at / width))];
  const ends = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -1]);
  const [[left, right], [top, bottom]] = [ends(columns), ends(rows)];
  return [left, top, right + 1, bottom + 1];
}

// Brings gray levels, dark on light, into the form of MNIST's images; null for an empty page.
export function likeMnist(page, width) {
  const [low, high] = page.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [255, 0]);
  if (low === high) return null;
  const ink = page.map((value) => Math.floor(((high - value) * 255) / (high - low)));
  const [left, top, right, bottom] = inkBox(ink, width);
  const [wide, tall] = [right - left, bottom - top];
  const cut = new Uint8Array(wide * tall);
  for (let y = 0; y < tall; y += 1) {
    const begin = (top + y) * width + left;
    cut.set(ink.subarray(begin, begin + wide), y * wide);
  }
  const newWide = wide >= tall ? INNER : round((wide / tall) * INNER);
  const newTall = tall >= wide ? INNER : round((tall / wide) * INNER);
  const digit = resample(resample(cut, wide, tall, newWide), tall, newWide, newTall);
  const margin = (SIDE - INNER) / 2;
  const [x, y] = [newWide, newTall].map((length) => margin + round((INNER - length) / 2));
  const image = new Float32Array(SIDE * SIDE).fill(-1);
  digit.forEach((value, at) => {
    image[(y + Math.floor(at / newWide)) * SIDE + x + (at % newWide)] = value / 127.5 - 1;
  });
  return image;
}
