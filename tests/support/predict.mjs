// Reads {"network", "contract", "texts", "modules"} from stdin; prints {"inputs", "probabilities", "labels"}.
// "modules" is a folder with onnxruntime-node or onnxruntime-web.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Classifier, Encoder } from "../../docs/examples/grutext.mjs";

const { network, contract: path, texts, modules } = JSON.parse(readFileSync(0, "utf-8"));
const contract = JSON.parse(readFileSync(path, "utf-8"));
const encoder = new Encoder(contract);
const prepared = texts.map((text) => {
  const normalized = encoder.normalize(text);
  const inputs = Object.entries(encoder.encode([text])).map(([name, { data }]) => [name, Array.from(data)]);
  return { normalized, tokens: encoder.tokenize(normalized), inputs: Object.fromEntries(inputs) };
});
const answers = { prepared };
if (modules) {
  const require = createRequire(join(modules, "x"));
  let ort;
  try {
    ort = require("onnxruntime-node");
  } catch {
    ort = require("onnxruntime-web");
    ort.env.wasm.numThreads = 1;
  }
  const model = await Classifier.load(ort, readFileSync(network), contract);
  answers.probabilities = [];
  answers.labels = [];
  for (let first = 0; first < texts.length; first += 32) {
    const batch = texts.slice(first, first + 32);
    answers.probabilities.push(...(await model.predictProba(batch)));
    answers.labels.push(...(await model.predict(batch)));
  }
}
process.stdout.write(JSON.stringify(answers));
