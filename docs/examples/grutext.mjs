// Labels texts with a model that `grutext export --to onnx` wrote, in Node or in a browser.
//
//   import * as ort from "onnxruntime-node";   // or onnxruntime-web
//   const model = await Classifier.load(ort, "model.onnx", JSON.parse(await readFile("model.inputs.json")));
//   await model.predict(["Where is my parcel?"]);
//
// Texts are strings of whole characters; half of a surrogate pair is read as a character of its own, as in Python.

const MASK = (1n << 64n) - 1n;
const CHARACTERS = 0x80000000; // the bit that marks keys of character n-grams

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});

/** Return the code points of a string. */
function codePoints(text) {
  return Array.from(text, (character) => character.codePointAt(0));
}

/** Return the CRC-32 of code points in UTF-8. */
function crc32(codes) {
  let state = 0xffffffff;
  const feed = (byte) => {
    state = CRC_TABLE[(state ^ byte) & 0xff] ^ (state >>> 8);
  };
  for (const code of codes) {
    if (code < 0x80) {
      feed(code);
    } else if (code < 0x800) {
      feed(0xc0 | (code >> 6));
      feed(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      feed(0xe0 | (code >> 12));
      feed(0x80 | ((code >> 6) & 0x3f));
      feed(0x80 | (code & 0x3f));
    } else {
      feed(0xf0 | (code >> 18));
      feed(0x80 | ((code >> 12) & 0x3f));
      feed(0x80 | ((code >> 6) & 0x3f));
      feed(0x80 | (code & 0x3f));
    }
  }
  return (state ^ 0xffffffff) >>> 0;
}

/** Converts texts to the inputs of the network, by the contract that lies beside it. */
export class Encoder {
  constructor(contract) {
    this.contract = contract;
    this.token = new RegExp(contract.tokenizer.pattern, "gu");
    this.unspaced = new RegExp(`^${contract.tokenizer.unspaced}`, "u");
    this.whitespace = new RegExp(`${contract.whitespace}+`, "gu");
    this.rows = new Map(contract.vocabulary.map((token, n) => [token, n + 1]));
  }

  /** Return a text in its normal form. */
  normalize(text) {
    const { form, case: letters, casefold, replacements } = this.contract.normalization;
    let normal = text.normalize(form);
    if (letters === "fold") {
      normal = Array.from(normal, (character) => casefold[character] ?? character.toLowerCase()).join("");
    }
    for (const [from, to] of Object.entries(replacements)) normal = normal.replaceAll(from, to);
    return normal.normalize(form);
  }

  /** Return the tokens of a text in its normal form. */
  tokenize(normal) {
    const tokens = normal.match(this.token) ?? [];
    if (this.contract.tokenizer.kind !== "pair") return tokens;
    const unspaced = tokens.map((token) => this.unspaced.test(token));
    return tokens.map((token, n) => (unspaced[n] && unspaced[n + 1] ? token + tokens[n + 1] : token));
  }

  /** Return the rows of the subword table for the n-grams of a token. */
  buckets(token) {
    const { begin, end, min, max, buckets } = this.contract.subwords;
    const codes = codePoints(begin + token + end);
    const rows = [];
    for (let size = min; size <= max; size++) {
      for (let start = 0; start + size <= codes.length; start++) {
        rows.push(crc32(codes.slice(start, start + size)) % buckets);
      }
    }
    return rows;
  }

  /** Return how often each n-gram of a text occurs, by its key. */
  countNgrams(normal, tokens) {
    const { word_max: longest, char_min: charMin, char_max: charMax } = this.contract.ngrams;
    const words = tokens.map((token) => crc32(codePoints(token)));
    const folded = normal.replace(this.whitespace, " ").replace(/^ | $/g, "");
    const characters = folded && charMax ? codePoints(` ${folded} `) : [];
    const counts = new Map();
    const count = (key) => counts.set(key, (counts.get(key) ?? 0) + 1);
    this.#hashNgrams(words, 1, longest, (key) => count(key % CHARACTERS));
    this.#hashNgrams(characters, charMin, charMax, (key) => count((key | CHARACTERS) >>> 0));
    return counts;
  }

  /** Call `use` with the 32-bit key of each n-gram of a sequence. */
  #hashNgrams(symbols, shortest, longest, use) {
    const base = BigInt(this.contract.ngrams.base);
    const mix = BigInt(this.contract.ngrams.mix);
    const wide = symbols.map(BigInt);
    for (let start = 0; start < wide.length; start++) {
      let state = 0n;
      for (let size = 1; size <= Math.min(longest, wide.length - start); size++) {
        state = (state * base + wide[start + size - 1] + BigInt(size)) & MASK;
        if (size >= shortest) use(Number((((state ^ (state >> 31n)) * mix) & MASK) >> 32n));
      }
    }
  }

  /** Return the inputs of the network for texts: `{name: {type, data, dims}}`. */
  encode(texts) {
    const normal = texts.map((text) => this.normalize(text));
    const tokens = normal.map((text) => this.tokenize(text));
    const inputs = { lengths: int32(tokens.map((list) => list.length)) };
    if (this.contract.inputs.includes("ids")) this.#addTokens(inputs, tokens);
    if (this.contract.inputs.includes("keys")) this.#addNgrams(inputs, normal, tokens);
    return inputs;
  }

  #addTokens(inputs, tokens) {
    const types = [...new Set(tokens.flat())];
    const number = new Map(types.map((token, n) => [token, n]));
    const width = Math.max(0, ...tokens.map((list) => list.length));
    const ids = new Int32Array(tokens.length * width);
    tokens.forEach((list, n) => ids.set(list.map((token) => number.get(token)), n * width));
    inputs.ids = { type: "int32", data: ids, dims: [tokens.length, width] };
    inputs.rows = int32(types.map((token) => this.rows.get(token) ?? 0));
    if (!this.contract.inputs.includes("buckets")) return;
    const buckets = types.map((token) => this.buckets(token));
    inputs.buckets = int32(buckets.flat());
    inputs.bucket_types = int32(buckets.flatMap((rows, n) => rows.map(() => n)));
  }

  #addNgrams(inputs, normal, tokens) {
    const counts = normal.map((text, n) => [...this.countNgrams(text, tokens[n])]);
    const keys = Uint32Array.from(counts.flatMap((pairs) => pairs.map(([key]) => key)));
    inputs.keys = { type: "uint32", data: keys, dims: [keys.length] };
    inputs.counts = int32(counts.flatMap((pairs) => pairs.map(([, count]) => count)));
    inputs.key_texts = int32(counts.flatMap((pairs, n) => pairs.map(() => n)));
  }
}

function int32(values) {
  return { type: "int32", data: Int32Array.from(values), dims: [values.length] };
}

/** A trained model that labels texts. */
export class Classifier {
  constructor(ort, session, contract) {
    this.ort = ort;
    this.session = session;
    this.contract = contract;
    this.encoder = new Encoder(contract);
  }

  /** Load a model: the module of ONNX Runtime, the path, URL or bytes of the network, and the parsed contract. */
  static async load(ort, network, contract) {
    return new Classifier(ort, await ort.InferenceSession.create(network), contract);
  }

  /** Return for each text the probability of each label, in the order of `contract.labels`. */
  async predictProba(texts) {
    const inputs = Object.entries(this.encoder.encode(texts));
    const feeds = inputs.map(([name, { type, data, dims }]) => [name, new this.ort.Tensor(type, data, dims)]);
    const { probabilities } = await this.session.run(Object.fromEntries(feeds));
    const width = this.contract.labels.length;
    return texts.map((_, n) => Array.from(probabilities.data.subarray(n * width, (n + 1) * width)));
  }

  /** Return the label of each text; where a text may have several, the list of its labels. */
  async predict(texts) {
    const { labels, thresholds, multilabel } = this.contract;
    const limits = Float32Array.from(thresholds);
    return (await this.predictProba(texts)).map((row) => {
      if (multilabel) return labels.filter((_, n) => row[n] >= limits[n]);
      const scores = limits.length ? row.map((value, n) => Math.fround(value / limits[n])) : row;
      return labels[scores.indexOf(Math.max(...scores))];
    });
  }
}
