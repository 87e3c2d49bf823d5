// Opens a network with the runtime that lies beside this file, on one thread.
import * as ort from "onnxruntime-web/wasm";

ort.env.wasm.numThreads = 1; // threads would need special headers
ort.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", import.meta.url).href };

export const tensor = (values, shape) => new ort.Tensor("float32", values, shape);
export const labelTensor = (labels) => new ort.Tensor("int32", labels, [labels.length, 1]);

// Returns a function from the network's inputs, in their order, to its outputs by their names.
export async function openNetwork(model) {
  const session = await ort.InferenceSession.create(new URL(model, import.meta.url).href);
  const run = (...inputs) =>
    session.run(Object.fromEntries(inputs.map((input, index) => [session.inputNames[index], input])));
  return { run, first: session.outputNames[0] };
}

// Gray levels, from 0 to 255, of what a network draws in [-1, 1].
export const toPixels = (values) =>
  Uint8ClampedArray.from(values, (value) => Math.round((value + 1) * 127.5));

// Returns a function from the network's inputs to its images, row by row.
export async function open(model) {
  const { run, first } = await openNetwork(model);
  return async (...inputs) => toPixels((await run(...inputs))[first].data);
}

// Puts one image of a batch at its place in a row of images.
export function paint(canvas, pixels, { height, width, channels }, index = 0) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(width, height);
  const first = index * width * height * channels;
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      image.data[4 * pixel + channel] = pixels[first + pixel * channels + (channel % channels)];
    }
    image.data[4 * pixel + 3] = 255;
  }
  context.putImageData(image, (index * width) % canvas.width, 0);
}

// Does one thing at a time; what fails is said and does not stop what follows.
export class Queue {
  constructor(say) {
    this.say = say;
    this.work = Promise.resolve();
  }

  add(task) {
    this.work = this.work.then(task).catch((error) => this.say(`It could not be drawn (${error.message}).`));
    return this.work;
  }
}
