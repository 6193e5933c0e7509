"use strict";
// The live page: answers move word by word while a text is typed, for several models side by side.

const MOST_POINTS = 40; // texts of one request: the text after some of its words
const MOST_CHARACTERS = 500000; // of one request
const GROWTH = 30; // pieces of a text that is pasted into a session have this part of the words before them
const COLOURS = 4; // labels that have a line in the course
const SHOWN_LABELS = 8;
const REST = 150; // milliseconds without a key before the text is answered
const LOADING = 1000; // milliseconds until the server is asked again for its models
const STEP = 40; // milliseconds between two answers of a pasted text

const SVG = "http://www.w3.org/2000/svg";
const find = (selector, within = document) => within.querySelector(selector);
const percent = p => (p >= 0.9995 && p < 1 ? 99.9 : 100 * p).toFixed(1) + " %";
const wait = milliseconds => new Promise(resolve => setTimeout(resolve, milliseconds));
const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
let token = "";

async function ask(path, body) {
  const headers = token ? { authorization: `Bearer ${token}` } : {};
  const options = body ? { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify(body) } : { headers };
  const response = await fetch(path, options);
  const answer = await response.json();
  if (response.status === 401) find("#access").hidden = false;
  if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status });
  return answer;
}

// A word as a session counts it: in scripts without spaces, each letter is one.
const WORD = /[^ \t-\r][^ \t-\r\u0e01-\u0e2e\u0e40-\u0e44\u0e81-\u0eae\u0ec0-\u0ec4\u1000-\u1021\u1780-\u17a2\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\u{20000}-\u{2a6df}]*/gu;
const endsWord = text => /[ \t-\r]$/.test(text);

/** Return where each word of a text ends. */
function wordEnds(text) {
  return [...text.matchAll(WORD)].map(match => match.index + match[0].length);
}

/** Return a text in pieces of a word and what stands between it and the next one. */
function cutWords(text) {
  const starts = [...text.matchAll(WORD)].map(match => match.index);
  return starts.map((start, n) => text.slice(n && start, starts[n + 1]));
}

const spell = label => (Array.isArray(label) ? label.join(", ") || "(no label)" : label);

const palettes = new Map();

/** Return the label that has each colour, in the panels of all models with the same labels. */
function paletteOf(labels) {
  const key = labels.join("\n");
  if (!palettes.has(key)) palettes.set(key, new Array(COLOURS).fill(null));
  return palettes.get(key);
}

/** Give each of some labels a colour, which it keeps if it has one. */
function giveColours(palette, labels) {
  for (const label of labels) {
    if (palette.includes(label)) continue;
    const free = palette.indexOf(null);
    palette[free < 0 ? palette.findIndex(old => !labels.includes(old)) : free] = label;
  }
}

function element(name, className, content = "") {
  const node = document.createElement(name);
  node.className = className;
  node.textContent = content;
  return node;
}

/** Answers for a text after some of its words, from a model that reads whole texts; answers are remembered. */
class WholeTexts {
  constructor(model) {
    this.model = model;
    this.known = new Map();
  }

  async answer(text) {
    const ends = wordEnds(text);
    const most = Math.max(1, Math.min(MOST_POINTS, Math.floor(MOST_CHARACTERS / (text.length + 1))));
    const every = Math.ceil(ends.length / most) || 1;
    const words = ends.map((_, n) => n + 1).filter(n => n % every === 0 || n === ends.length);
    const texts = words.map(n => (n === ends.length ? text : text.slice(0, ends[n - 1])));
    const missing = texts.filter(prefix => !this.known.has(prefix));
    if (missing.length) {
      if (this.known.size > 2000) this.known.clear();
      const { results } = await ask("v1/classify", { model: this.model.name, texts: missing, top_k: 50 });
      missing.forEach((prefix, n) => this.known.set(prefix, results[n]));
    }
    const points = texts.map((prefix, n) => ({ words: words[n], ...this.known.get(prefix) }));
    return { points, fresh: missing.length };
  }
}

/** Answers word by word from a model that reads a text while it is coming: one session for as long as the text only grows. */
class Sessions {
  constructor(model) {
    this.model = model;
    this.gap = ""; // with which answers are decided early; one of model.early, or none
    this.queue = Promise.resolve(); // of texts, which are read one after the other
    this.end();
  }

  answer(text) {
    const answer = this.queue.then(() => this.read(text));
    this.queue = answer.catch(() => {});
    return answer;
  }

  async read(text) {
    if (!this.socket || this.begun !== this.gap || !text.startsWith(this.pushed)) await this.begin();
    const pieces = cutWords(text.slice(this.pushed.length)), answers = [];
    if (!endsWord(text)) pieces.pop(); // the last word may grow
    let words = wordEnds(this.pushed).length;
    while (pieces.length) {
      const some = pieces.splice(0, 1 + Math.floor(words / GROWTH)), piece = some.join("");
      words += some.length;
      this.pushed += piece;
      answers.push(this.push(piece, endsWord(piece) ? words : words - 1)); // otherwise the next letter finishes the last one
    }
    this.points.push(...(await Promise.all(answers)).filter(point => point.words));
    if (this.pushed === text) return { points: this.points, fresh: answers.length };
    const { results } = await ask("v1/classify", { model: this.model.name, texts: [text], top_k: 50 });
    return { points: [...this.points, { words: wordEnds(text).length, ...results[0] }], fresh: answers.length + 1 };
  }

  begin() {
    this.end();
    this.begun = this.gap;
    const rule = this.gap && `&gap=${this.gap}`;
    const url = new URL(`v1/stream?top_k=50&model=${encodeURIComponent(this.model.name)}${rule}`, location);
    url.protocol = url.protocol.replace("http", "ws");
    const socket = new WebSocket(url, token ? ["grutext", `grutext.token.${token}`] : []);
    this.socket = socket;
    return new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onmessage = event => {
        if (!this.waiting.length) return; // it was silent for too long, and ends
        const answer = JSON.parse(event.data), { give, fail, words } = this.waiting.shift();
        if (answer.error) fail(new Error(answer.error));
        else give({ words, ...answer });
      };
      socket.onclose = () => {
        reject(new Error("The server did not begin a session: too many are open, or a proxy in between passes on no WebSockets."));
        if (this.socket !== socket) return;
        for (const { fail } of this.waiting) fail(new Error("The session was closed; type on to begin another one."));
        this.end();
      };
    });
  }

  push(text, words) {
    this.socket.send(JSON.stringify({ push: text }));
    return new Promise((give, fail) => this.waiting.push({ give, fail, words }));
  }

  end() {
    if (this.socket) this.socket.close();
    Object.assign(this, { socket: null, pushed: "", points: [], waiting: [] });
  }
}

/** Draws what one model answers. */
class Panel {
  constructor(model) {
    this.model = model;
    this.source = model.streams ? new Sessions(model) : new WholeTexts(model);
    this.palette = paletteOf(model.labels);
    this.turn = 0;
    this.node = find("#panel").content.firstElementChild.cloneNode(true);
    find("h2", this.node).textContent = model.name;
    const date = model.version.slice(0, 10);
    find(".about", this.node).textContent = `${model.labels.length} labels, trained ${date}, ${model.hash.slice(0, 12)}`;
    this.node.setAttribute("aria-label", model.name);
    this.offerGaps();
    this.showBars([]);
  }

  offerGaps() {
    const rule = find(".rule", this.node), choice = find("select", rule);
    for (const { gap, words_read: read } of this.model.early) {
      choice.append(new Option(`at most ${+(100 * gap).toFixed(3)} % more errors (reads ${Math.round(100 * read)} %)`, gap));
    }
    choice.addEventListener("change", () => { this.source.gap = choice.value; });
    rule.hidden = !this.model.early.length;
    if (rule.hidden) return;
    choice.selectedIndex = 1;
    this.source.gap = choice.value;
  }

  /** Answer about a text; a later call overtakes an earlier one. */
  async show(text) {
    const turn = ++this.turn;
    if (!text.trim()) {
      this.clear();
      return;
    }
    const { points: course, fresh } = await this.source.answer(text);
    const first = isStill ? course.length : Math.max(1, course.length - fresh + 1);
    for (let n = first; n <= course.length; n++) { // what is new moves step by step
      if (turn !== this.turn) return;
      this.draw(course.slice(0, n), course);
      if (n < course.length) await wait(STEP);
    }
    this.speak(course.at(-1));
    await this.explain(text, turn);
  }

  clear() {
    find(".label", this.node).textContent = "–";
    for (const name of [".confidence", ".decision"]) find(name, this.node).textContent = "";
    for (const name of [".course", ".reasons", ".gates"]) find(name, this.node).hidden = true;
    this.showBars([]);
  }

  draw(points, course) {
    const now = points.at(-1);
    const decided = points.find(point => point.is_decided);
    find(".label", this.node).textContent = spell(now.label);
    find(".confidence", this.node).textContent = percent(now.confidence);
    this.drawn = course.at(-1).top.slice(0, COLOURS).map(({ label: name }) => name);
    giveColours(this.palette, this.drawn);
    this.showBars(now.top);
    this.moment = this.source.gap ? "not decided yet" : "";
    if (decided) this.moment = `decided after ${decided.words} of ${course.at(-1).words} words`;
    if (decided && decided.label !== now.label) this.moment += ` as ${decided.label}`;
    find(".decision", this.node).textContent = this.moment;
    this.showCourse(points, course.length > 1 ? course.at(-1).words : 0, decided);
  }

  showBars(top) {
    const probabilities = new Map(top.map(({ label, probability }) => [label, probability]));
    const few = this.model.labels.length <= SHOWN_LABELS;
    const labels = few || !top.length ? this.model.labels.slice(0, SHOWN_LABELS) : top.slice(0, SHOWN_LABELS).map(({ label }) => label);
    const list = find(".bars", this.node);
    while (list.children.length > labels.length) list.lastElementChild.remove();
    while (list.children.length < labels.length) {
      const row = document.createElement("li"), track = element("span", "track");
      track.setAttribute("aria-hidden", "true");
      track.append(element("span", "bar"));
      row.append(element("span", "name"), track, element("span", "value"));
      list.append(row);
    }
    labels.forEach((label, n) => {
      const row = list.children[n], p = probabilities.get(label);
      row.className = top.length && this.drawn.includes(label) ? `k${this.palette.indexOf(label)}` : "";
      find(".name", row).textContent = find(".name", row).title = label;
      find(".value", row).textContent = p === undefined ? "" : percent(p);
      find(".bar", row).style.width = `${100 * (p || 0)}%`;
    });
  }

  showCourse(points, words, decided) {
    const figure = find(".course", this.node), svg = find("svg", figure);
    figure.hidden = !words;
    if (!words) return;
    const first = points[0].words, x = n => 600 * (n - first) / Math.max(1, words - first), y = p => 145 - 140 * p;
    const draw = (name, attributes) => {
      const node = document.createElementNS(SVG, name);
      for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
      svg.append(node);
    };
    svg.replaceChildren();
    for (const p of [0.5, 1]) draw("line", { x1: 0, x2: 600, y1: y(p), y2: y(p) });
    this.drawn.forEach(label => {
      const heights = points.map(point => (point.top.find(entry => entry.label === label) || { probability: 0 }).probability);
      draw("path", { class: `k${this.palette.indexOf(label)}`, d: "M" + points.map((point, i) => `${x(point.words).toFixed(1)},${y(heights[i]).toFixed(1)}`).join("L") });
    });
    const { label, confidence } = points.at(-1);
    svg.setAttribute("aria-label", `Over ${words} words the probability of ${label} came to ${percent(confidence)}${decided ? ", " + this.moment : ""}.`);
    if (decided) draw("line", { class: "decided", x1: x(decided.words), x2: x(decided.words), y1: 0, y2: 150 });
    find(".moment", figure).hidden = !decided;
  }

  async explain(text, turn) {
    const { results } = await ask("v1/classify", { model: this.model.name, texts: [text], explain: true, gates: this.model.encodes });
    if (turn !== this.turn) return;
    this.showReasons(text, results[0].explanation);
    this.showGates(results[0].gates);
  }

  showReasons(text, explanation) {
    const reasons = find(".reasons", this.node), characters = Array.from(text), pieces = [];
    const most = explanation.words.reduce((most, word) => Math.max(most, Math.abs(word.contribution)), 1e-9);
    let end = 0;
    for (const word of explanation.words) {
      pieces.push(characters.slice(end, word.start).join(""));
      const mark = element("mark", word.contribution >= 0 ? "for" : "against", characters.slice(word.start, word.end).join(""));
      const strength = Math.abs(word.contribution) / most;
      if (strength < 0.05) mark.className = "";
      else mark.style.backgroundColor = `rgba(var(--${mark.className}), ${(0.75 * strength).toFixed(3)})`;
      mark.title = word.contribution.toFixed(3);
      pieces.push(mark);
      end = word.end;
    }
    find(".words", reasons).replaceChildren(...pieces, characters.slice(end).join(""));
    find("h3", reasons).textContent = `Words that decide about ${explanation.label}`;
    const order = [...explanation.words].sort((a, b) => Math.abs(b.contribution) - Math.abs(a.contribution)).slice(0, 50);
    const rows = order.map(word => {
      const row = document.createElement("tr");
      row.append(element("td", "", word.text), element("td", "", word.contribution.toFixed(3)));
      return row;
    });
    find("tbody", reasons).replaceChildren(...rows);
    reasons.hidden = !explanation.words.length;
  }

  /** Draw how much each token changes the state, 1 minus the mean of the update gate, above the line forward and below it backward. */
  showGates(gates) {
    const figure = find(".gates", this.node), svg = find("svg", figure);
    figure.hidden = !gates || !gates.tokens.length;
    if (figure.hidden) return;
    svg.replaceChildren();
    svg.setAttribute("viewBox", `0 0 600 ${gates.backward ? 100 : 50}`);
    const width = 600 / gates.tokens.length;
    gates.tokens.forEach((token, n) => {
      for (const direction of ["forward", "backward"]) {
        if (!gates[direction]) continue;
        const written = 1 - gates[direction].update[n], height = 48 * written;
        const bar = document.createElementNS(SVG, "rect"), title = document.createElementNS(SVG, "title");
        const place = { x: n * width, width: Math.max(width - 2, width / 2), y: direction === "forward" ? 50 - height : 50, height };
        for (const [key, value] of Object.entries(place)) bar.setAttribute(key, value.toFixed(1));
        bar.setAttribute("class", direction);
        title.textContent = `${token}: ${written.toFixed(2)} ${direction}`;
        bar.append(title);
        svg.append(bar);
      }
    });
    const least = gates.forward.update.reduce((least, value) => Math.min(least, value));
    const most = gates.tokens[gates.forward.update.indexOf(least)];
    svg.setAttribute("aria-label", `Forward, ${most} changes the state most.`);
    find(".axis", figure).textContent = gates.backward ? "up: reading forward; down: reading backward" : "reading forward";
  }

  speak({ label, confidence }) {
    this.said = `${this.model.name}: ${spell(label)}, ${Math.round(100 * confidence)} percent${this.moment && ", " + this.moment}.`;
  }
}

/** The whole page. */
class Page {
  constructor() {
    this.panels = [];
    this.timer = this.speaking = 0;
    find("#text").addEventListener("input", () => this.change());
    find("#clear").addEventListener("click", () => {
      find("#text").value = "";
      find("#text").focus();
      this.change();
    });
    find("#panels").addEventListener("change", () => this.answer());
    find("#access").addEventListener("submit", event => {
      event.preventDefault();
      token = find("#token").value.trim();
      this.open();
    });
  }

  async open() {
    await this.attempt(async () => {
      const { models } = await ask("v1/models").catch(error => {
        if (error.status === 503) setTimeout(() => this.open(), LOADING); // the models are not loaded yet
        throw error;
      });
      find("#access").hidden = true;
      const boxes = models.map((model, n) => {
        const label = element("label", "", ` ${model.name}`), box = document.createElement("input");
        Object.assign(box, { type: "checkbox", checked: n < 3 });
        box.addEventListener("change", () => this.choose(models, boxes));
        label.prepend(box);
        find("#models").append(label);
        return box;
      });
      find("#models").hidden = models.length < 2;
      this.choose(models, boxes);
    });
  }

  choose(models, boxes) {
    const names = models.filter((_, n) => boxes[n].checked).map(model => model.name);
    const old = new Map(this.panels.map(panel => [panel.model.name, panel]));
    this.panels = models.filter(model => names.includes(model.name)).map(model => old.get(model.name) || new Panel(model));
    for (const [name, panel] of old) if (!names.includes(name)) panel.source.end?.();
    find("#panels").replaceChildren(...this.panels.map(panel => panel.node));
    this.answer();
  }

  change() {
    const words = wordEnds(find("#text").value).length;
    find("#length").textContent = words === 1 ? "1 word" : `${words.toLocaleString("en")} words`;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.answer(), REST);
  }

  async answer() {
    const text = find("#text").value;
    await this.attempt(() => Promise.all(this.panels.map(panel => panel.show(text))));
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => {
      find("#spoken").textContent = text.trim() ? this.panels.map(panel => panel.said).join(" ") : "";
    }, 800);
  }

  async attempt(work) {
    try {
      await work();
      find("#problem").textContent = "";
    } catch (error) {
      find("#problem").textContent = error instanceof TypeError || error instanceof SyntaxError ? "The server does not answer." : error.message;
    }
  }
}

new Page().open();
