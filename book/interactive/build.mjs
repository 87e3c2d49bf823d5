// Bundles the widgets into one folder that needs nothing else: node build.mjs FOLDER
import { copyFileSync, mkdirSync } from "node:fs";
import { build } from "esbuild";

const RUNTIMES = [
  "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm",
  "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm",
  "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
];

const folder = process.argv[2];
mkdirSync(folder, { recursive: true });
await build({
  entryPoints: ["game.js", "generator.js", "translator.js", "inverter.js", "denoiser.js"],
  outdir: folder,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  loader: { ".css": "text" },
  legalComments: "eof",
  logLevel: "warning",
  logOverride: { "empty-import-meta": "silent" },
});
for (const file of RUNTIMES) {
  copyFileSync(`node_modules/${file}`, `${folder}/${file.split("/").at(-1)}`);
}
