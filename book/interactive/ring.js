// The ring of Gaussians of lesson 01 and the two networks that play on it. Nothing here draws.
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as tf from "@tensorflow/tfjs-core";
import { initializers, layers, sequential } from "@tensorflow/tfjs-layers";

export const MODES = 8;
export const RADIUS = 2;
export const SPREAD = 0.1;
export const BATCH = 128;
const LATENT_DIM = 8;
const UNITS = 64;
const BETA_1 = 0.5;

export const CENTERS = Array.from({ length: MODES }, (_, mode) => {
  const angle = (2 * Math.PI * mode) / MODES;
  return [RADIUS * Math.cos(angle), RADIUS * Math.sin(angle)];
});

// Starts TensorFlow.js on one thread, from the files that lie beside this one.
export async function prepare() {
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false); // threads would need special headers
  setWasmPaths(new URL("./", import.meta.url).href);
  if (!(await tf.setBackend("wasm"))) throw new Error("TensorFlow.js did not load its runtime");
}

const crossEntropy = (real, fake) =>
  tf.add(tf.mean(tf.softplus(tf.neg(real))), tf.mean(tf.softplus(fake)));

// Each loss is a mean over a batch of logits; `realness` turns a logit into "how real".
export const LOSSES = {
  "non-saturating": {
    discriminator: crossEntropy,
    generator: (fake) => tf.mean(tf.softplus(tf.neg(fake))),
    realness: (logits) => tf.sigmoid(logits),
  },
  saturating: {
    discriminator: crossEntropy,
    generator: (fake) => tf.neg(tf.mean(tf.softplus(fake))),
    realness: (logits) => tf.sigmoid(logits),
  },
  "least-squares": {
    discriminator: (real, fake) =>
      tf.mul(0.5, tf.add(tf.mean(tf.square(tf.sub(real, 1))), tf.mean(tf.square(fake)))),
    generator: (fake) => tf.mul(0.5, tf.mean(tf.square(tf.sub(fake, 1)))),
    realness: (logits) => tf.clipByValue(logits, 0, 1),
  },
};

// How many points lie within three standard deviations of each mode, as in the lesson.
export function fittingPointsOfModes(points) {
  const counts = new Array(MODES).fill(0);
  for (const [x, y] of points) {
    const distances = CENTERS.map(([centerX, centerY]) => Math.hypot(x - centerX, y - centerY));
    const nearest = distances.indexOf(Math.min(...distances));
    if (distances[nearest] <= 3 * SPREAD) counts[nearest] += 1;
  }
  return counts;
}

// A mode is covered if at least a fifth of its fair share of the points fits it.
export function coveredModes(points) {
  return fittingPointsOfModes(points).map((count) => count >= points.length / MODES / 5);
}

function network(inputs, units, outputs, seed) {
  const dense = (options, number) =>
    layers.dense({
      ...options,
      kernelInitializer: initializers.glorotUniform({ seed: seed + number }),
    });
  return sequential({
    layers: [
      dense({ inputShape: [inputs], units, activation: "relu" }, 0),
      dense({ units, activation: "relu" }, 1),
      dense({ units: outputs }, 2),
    ],
  });
}

const variablesOf = (model) => model.trainableWeights.map((weight) => weight.val);

export class RingGame {
  constructor({ seed = 1, loss = "non-saturating", discriminatorUnits = UNITS, rates }) {
    this.draws = 1000 * seed;
    this.steps = 0;
    this.loss = loss;
    this.generator = network(LATENT_DIM, UNITS, 2, 10 * seed);
    this.discriminator = network(2, discriminatorUnits, 1, 10 * seed + 5);
    this.optimizers = {
      generator: tf.train.adam(rates.generator, BETA_1),
      discriminator: tf.train.adam(rates.discriminator, BETA_1),
    };
    this.watched = tf.keep(this.noise(512));
  }

  setRate(player, rate) {
    this.optimizers[player].learningRate = rate;
  }

  noise(count) {
    return tf.randomNormal([count, LATENT_DIM], 0, 1, "float32", (this.draws += 1));
  }

  realPoints(count) {
    const modes = tf.randomUniform([count], 0, MODES, "int32", (this.draws += 1));
    const shift = tf.randomNormal([count, 2], 0, SPREAD, "float32", (this.draws += 1));
    return tf.add(tf.gather(tf.tensor2d(CENTERS), modes), shift);
  }

  // One move of each player: first the discriminator, then the generator. Returns both losses.
  step() {
    this.steps += 1;
    return tf.tidy(() => {
      const losses = LOSSES[this.loss];
      const real = this.realPoints(BATCH);
      const fake = this.generator.apply(this.noise(BATCH));
      const dLoss = this.optimizers.discriminator.minimize(
        () =>
          losses.discriminator(this.discriminator.apply(real), this.discriminator.apply(fake)),
        true,
        variablesOf(this.discriminator),
      );
      const noise = this.noise(BATCH);
      const gLoss = this.optimizers.generator.minimize(
        () => losses.generator(this.discriminator.apply(this.generator.apply(noise))),
        true,
        variablesOf(this.generator),
      );
      return { discriminator: dLoss.dataSync()[0], generator: gLoss.dataSync()[0] };
    });
  }

  // Real points to look at.
  somePoints() {
    return tf.tidy(() => this.realPoints(256).arraySync());
  }

  // The same noise each time, so that one sees points move.
  fakePoints() {
    return tf.tidy(() => this.generator.apply(this.watched).arraySync());
  }

  // How real the discriminator considers each point of a square, row by row from the top.
  field(side, extent) {
    const at = (index) => extent * ((2 * (index + 0.5)) / side - 1);
    const places = Array.from({ length: side * side }, (_, index) => [
      at(index % side),
      -at(Math.floor(index / side)),
    ]);
    return tf.tidy(() =>
      LOSSES[this.loss].realness(this.discriminator.apply(tf.tensor2d(places))).dataSync(),
    );
  }

  dispose() {
    this.generator.dispose();
    this.discriminator.dispose();
    this.optimizers.generator.dispose();
    this.optimizers.discriminator.dispose();
    this.watched.dispose();
  }
}
