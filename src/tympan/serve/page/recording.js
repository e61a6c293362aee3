// One recording on the page: its words, its sound, what can be done with them.

import { MEDIA, written } from "./formats.js";
import * as player from "./player.js";
import { Timeline, clock } from "./timeline.js";

const LEVELS = [0.9, 0.7, 0.4]; // confidence from which on a word is sure, fairly sure, less sure; below it is doubtful
const NAMES = ["sure", "fairly sure", "less sure", "doubtful"];

const level = (confidence) => {
  const found = LEVELS.findIndex((least) => (confidence ?? 1) >= least);
  return found < 0 ? LEVELS.length : found;
};

export class Recording {
  /** `name` as the user knows it; `removed(recording)` once it is taken off the page. */
  constructor(name, { removed }) {
    this.name = name;
    this.segments = [];
    this.words = [];
    this.sound = null;
    this.duration = 0;
    this.language = null;
    this.aborted = new AbortController();
    this.element = document.querySelector("#recording").content.firstElementChild.cloneNode(true);
    this.find = (selector) => this.element.querySelector(selector);
    this.find("h3").textContent = name;
    this.find(".remove").setAttribute("aria-label", `Remove ${name}`);
    this.find(".remove").addEventListener("click", () => this.remove(removed));
    this.text = this.find(".text");
    this.text.addEventListener("click", (event) => this.hear(this.wordOf(event.target)));
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("focusin", (event) => this.timeline.point(this.wordOf(event.target)));
    this.timeline = new Timeline(this.find(".timeline"), {
      level,
      chosen: (second, word) => (word ? this.hear(word) : this.play(second, this.duration || this.sound.seconds)),
    });
    this.find(".play").addEventListener("click", () => this.playAll());
    for (const button of this.element.querySelectorAll("[data-format]")) {
      button.addEventListener("click", () => this.download(button.dataset.format));
    }
    const copy = this.find(".copy");
    copy.hidden = !navigator.clipboard; // insecure contexts have none
    copy.addEventListener("click", async () => {
      await navigator.clipboard.writeText(written(this, "txt"));
      copy.textContent = "Copied";
    });
  }

  /** `share` of 1, or null while nobody knows how long it takes. */
  stage(text, share = null) {
    this.find(".progress").hidden = !text;
    this.find(".stage").textContent = text;
    const bar = this.find("progress");
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
    bar.setAttribute("aria-label", text);
  }

  problem(sentence) {
    this.find(".problem").textContent = sentence;
    this.find(".problem").hidden = !sentence;
  }

  hears(sound, live = false) {
    this.sound = sound;
    this.timeline.show(sound);
    this.timeline.follow(live);
  }

  /** Why there is nothing to hear. */
  soundless(sentence) {
    this.find(".soundless").textContent = sentence;
    this.find(".soundless").hidden = false;
  }

  release() {
    if (!this.sound) return;
    player.isPlaying(this) && player.stop();
    this.sound = null;
    this.timeline.close();
    this.find(".timeline").hidden = true;
    this.soundless("Its sound was let go, to keep memory for newer ones.");
  }

  partial(text, stable) {
    const words = text.split(" ").filter(Boolean);
    this.find(".partial").hidden = !words.length;
    this.find(".partial .stable").textContent = words.slice(0, stable).join(" ");
    this.find(".partial .rest").textContent = words.slice(stable).join(" ");
  }

  /** Segments {start, end, text, words, alternatives} after those that are there. */
  add(segments) {
    const added = segments.filter((segment) => segment.text);
    this.segments.push(...added);
    this.text.append(...added.map((segment) => this.shown(segment)));
    this.timeline.place(this.words);
    this.find(".downloads").hidden = false;
    this.facts();
  }

  facts() {
    const count = this.words.length;
    const words = count === 1 ? "1 word" : `${count.toLocaleString()} words`;
    this.find(".facts").textContent = [clock(this.duration), this.language, words].filter(Boolean).join(" · ");
  }

  shown(segment) {
    const row = document.createElement("div");
    row.className = "segment";
    const time = document.createElement("span");
    time.className = "time";
    time.textContent = clock(segment.start);
    const line = document.createElement("p");
    if (this.language) line.lang = this.language;
    segment.words.forEach((word, i) => line.append(...(i ? [" "] : []), this.word(word)));
    row.append(time, line);
    if (segment.alternatives?.length > 1) row.append(alternatives(segment.alternatives));
    return row;
  }

  word(word) {
    const shown = document.createElement("span");
    const doubt = level(word.confidence);
    shown.className = "word shade";
    shown.textContent = word.word;
    shown.dataset.level = doubt;
    shown.dataset.index = this.words.length;
    shown.setAttribute("role", "button");
    if (doubt) shown.setAttribute("aria-description", NAMES[doubt]);
    shown.title = `${word.start.toFixed(2)} s, ${NAMES[doubt]}`;
    shown.tabIndex = this.words.length ? -1 : 0; // one stop of the Tab key; arrow keys go on from it
    word.shown = shown;
    this.words.push(word);
    return shown;
  }

  wordOf(target) {
    return this.words[target.closest?.(".word")?.dataset.index] ?? null;
  }

  key(event) {
    const at = Number(event.target.closest(".word")?.dataset.index ?? NaN);
    if (Number.isNaN(at)) return;
    if (event.key === "Enter" || event.key === " ") this.hear(this.words[at]);
    else {
      const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: this.words.length - 1 }[event.key];
      const next = this.words[to];
      if (to === undefined) return;
      if (next) this.step(next);
    }
    event.preventDefault();
  }

  step(word) {
    this.text.querySelector('[tabindex="0"]')?.setAttribute("tabindex", "-1");
    word.shown.tabIndex = 0;
    word.shown.focus();
  }

  hear(word) {
    if (!word) return;
    this.timeline.point(word);
    this.play(word.start, word.end);
  }

  playAll() {
    if (player.isPlaying(this)) player.stop();
    else this.play(0, this.sound.seconds);
  }

  play(start, end) {
    if (this.timeline.live) return;
    const button = this.find(".play");
    let now = null;
    const show = (word) => {
      if (word === now) return;
      now?.shown.classList.remove("now");
      word?.shown.classList.add("now");
      now = word;
    };
    const playing = player.play(this, this.sound, start, end, {
      tick: (second) => {
        this.timeline.playhead(second);
        show(this.words.findLast((word) => word.start <= second && second < word.end + 0.15) ?? null);
      },
      over: () => {
        show(null);
        this.timeline.playhead(null);
        button.textContent = "Play all";
      },
    });
    if (playing) button.textContent = "Stop";
  }

  download(format) {
    const link = document.createElement("a");
    const url = URL.createObjectURL(new Blob([written(this, format)], { type: `${MEDIA[format]};charset=utf-8` }));
    link.href = url;
    link.download = `${this.name.replace(/\.[^.]*$/, "").replace(/[^\p{L}\p{N} ._-]+/gu, "-") || "text"}.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  remove(removed) {
    this.aborted.abort();
    if (player.isPlaying(this)) player.stop();
    this.timeline.close();
    this.sound = null;
    this.element.remove();
    removed(this);
  }
}

function alternatives(texts) {
  const details = document.createElement("details");
  const summary = document.createElement("summary");
  const list = document.createElement("ol");
  summary.textContent = "Other readings";
  for (const { text, score } of texts) {
    const item = document.createElement("li");
    const number = document.createElement("span");
    item.textContent = text || "(nothing)";
    number.className = "score";
    number.textContent = score.toFixed(1);
    number.title = "Score of the search; higher is better";
    item.append(" ", number);
    list.append(item);
  }
  details.append(summary, list);
  return details;
}
