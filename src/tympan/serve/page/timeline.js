// Words over a waveform over a spectrogram, on one time axis. Only what is in view is drawn and placed.

import { Spectrum } from "./fourier.js";

const HEIGHTS = { wave: 72, spectrum: 112, axis: 22 };
const TOTAL = HEIGHTS.wave + HEIGHTS.spectrum + HEIGHTS.axis;
const ZOOMS = [20, 40, 80, 160, 320, 640]; // pixels a second
const TILE = 256; // pixels of the spectrogram that are kept together
const MOST_TILES = 48;
const HIGHEST_HZ = 8000;
const WINDOW_S = 0.025;
const FLOOR_DB = -78;
const CEILING_DB = -8;
const FRAME_MS = 10; // spent on spectra before the page draws again
const GAP = 4; // pixels between labels

const mel = (hz) => 1127 * Math.log1p(hz / 700);
const hertz = (value) => 700 * Math.expm1(value / 1127);

export class Timeline {
  /** `root`: .timeline of the page; `chosen(second, word)`: something was clicked, a word or null. */
  constructor(root, { chosen, level }) {
    this.root = root;
    this.scroller = root.querySelector(".scroller");
    this.strip = root.querySelector(".strip");
    this.labels = root.querySelector(".labels");
    this.canvas = root.querySelector("canvas");
    this.context = this.canvas.getContext("2d");
    this.level = level;
    this.sound = null;
    this.words = [];
    this.zoom = 3;
    this.mark = null;
    this.head = null;
    this.live = false;
    this.tiles = new Map();
    this.placed = null;
    this.scroller.addEventListener("scroll", () => this.invalidate(), { passive: true });
    this.resized = new ResizeObserver(() => this.invalidate());
    this.resized.observe(this.scroller);
    this.theme = matchMedia("(prefers-color-scheme: dark)");
    this.recolour = () => (this.tiles.clear(), this.invalidate());
    this.theme.addEventListener("change", this.recolour);
    this.canvas.addEventListener("click", (event) => chosen((this.scroller.scrollLeft + event.offsetX) / this.scale, null));
    this.labels.addEventListener("click", (event) => {
      const word = this.words[event.target.dataset.index];
      if (word) chosen(word.start, word);
    });
    root.querySelector(".closer").addEventListener("click", () => this.zoomed(1));
    root.querySelector(".farther").addEventListener("click", () => this.zoomed(-1));
  }

  close() {
    this.resized.disconnect();
    this.theme.removeEventListener("change", this.recolour);
    this.tiles.clear();
    this.sound = null;
  }

  get scale() {
    return ZOOMS[this.zoom];
  }

  show(sound) {
    this.sound = sound;
    this.root.hidden = false;
    const size = 2 ** Math.round(Math.log2(sound.rate * WINDOW_S));
    this.spectrum = new Spectrum(size);
    const highest = mel(Math.min(HIGHEST_HZ, sound.rate / 2));
    // The first and last bin of each row, the highest row first.
    this.rows = Array.from({ length: HEIGHTS.spectrum }, (_, row) => {
      const edge = (part) => Math.min(size / 2 - 1, Math.floor((hertz(highest * part) * size) / sound.rate));
      return [edge(1 - (row + 1) / HEIGHTS.spectrum), edge(1 - row / HEIGHTS.spectrum)];
    });
    this.tiles.clear();
    this.invalidate();
  }

  /** Follow what is being said, or, once it is over, go back to its beginning. */
  follow(live) {
    this.live = live;
    this.root.querySelector(".tools").hidden = live; // what plays would be heard by the microphone
    this.scroller.scrollLeft = 0;
    this.invalidate();
  }

  /** Words by time; each {word, start, end, confidence}. */
  place(words) {
    this.words = words;
    this.placed = null;
    this.invalidate();
  }

  zoomed(by) {
    const middle = (this.scroller.scrollLeft + this.scroller.clientWidth / 2) / this.scale;
    this.zoom = Math.max(0, Math.min(ZOOMS.length - 1, this.zoom + by));
    this.tiles.clear();
    this.placed = null;
    this.resize();
    this.scroller.scrollLeft = middle * this.scale - this.scroller.clientWidth / 2;
    this.invalidate();
  }

  /** Mark a stretch, and bring it into view. */
  point(stretch) {
    this.mark = stretch;
    if (stretch) this.reveal(stretch.start, stretch.end);
    this.invalidate();
  }

  reveal(start, end) {
    const { scrollLeft, clientWidth } = this.scroller;
    const [left, right] = [start * this.scale, end * this.scale];
    if (left < scrollLeft + 24 || right > scrollLeft + clientWidth - 24) this.scroller.scrollLeft = left - clientWidth / 3;
  }

  playhead(second) {
    this.head = second;
    if (second !== null) this.reveal(second, second);
    this.invalidate();
  }

  invalidate() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.sound) this.draw();
    });
  }

  resize() {
    const width = this.scroller.clientWidth;
    const ratio = window.devicePixelRatio || 1;
    this.strip.style.width = `${Math.max(width, Math.ceil(this.sound.seconds * this.scale))}px`;
    const [across, down] = [Math.round(width * ratio), Math.round(TOTAL * ratio)];
    if (this.canvas.width !== across || this.canvas.height !== down) {
      this.canvas.width = across;
      this.canvas.height = down;
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${TOTAL}px`;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return width;
  }

  draw() {
    const width = this.resize();
    if (!width) return;
    if (this.live) this.scroller.scrollLeft = this.strip.offsetWidth;
    const left = this.scroller.scrollLeft;
    const style = getComputedStyle(this.root);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const { context } = this;
    context.clearRect(0, 0, width, TOTAL);
    context.fillStyle = colour("band");
    for (const word of this.visible(left, width)) this.stretch(word, left, 0, HEIGHTS.wave);
    this.wave(left, width, colour("accent"));
    this.spectra(left, width, [colour("surface"), colour("accent"), colour("ink")]);
    this.axis(left, width, colour("muted"), style.fontFamily);
    if (this.mark) {
      context.strokeStyle = colour("ink");
      context.lineWidth = 2;
      const at = this.mark.start * this.scale - left;
      context.strokeRect(at, 1, (this.mark.end - this.mark.start) * this.scale, HEIGHTS.wave + HEIGHTS.spectrum - 2);
    }
    if (this.head !== null) {
      context.fillStyle = colour("ink");
      context.fillRect(this.head * this.scale - left - 1, 0, 2, HEIGHTS.wave + HEIGHTS.spectrum);
    }
    this.label(left, width);
  }

  visible(left, width) {
    const [from, to] = [left / this.scale, (left + width) / this.scale];
    return this.words.filter((word) => word.end >= from && word.start <= to);
  }

  stretch(word, left, top, height) {
    this.context.fillRect(word.start * this.scale - left, top, Math.max(1, (word.end - word.start) * this.scale), height);
  }

  wave(left, width, colour) {
    const { samples, length, rate } = this.sound;
    const middle = HEIGHTS.wave / 2;
    const each = rate / this.scale;
    this.context.fillStyle = colour;
    for (let x = 0; x < width; x++) {
      const from = Math.floor((left + x) * each);
      const to = Math.min(length, Math.max(from + 1, Math.floor((left + x + 1) * each)));
      if (from >= length) break;
      let [low, high] = [0, 0];
      for (let i = from; i < to; i++) {
        if (samples[i] < low) low = samples[i];
        else if (samples[i] > high) high = samples[i];
      }
      const top = middle - (high / 32768) * (middle - 2);
      const bottom = middle - (low / 32768) * (middle - 2);
      this.context.fillRect(x, top - 0.5, 1, Math.max(1, bottom - top + 1));
    }
  }

  spectra(left, width, colours) {
    const deadline = performance.now() + FRAME_MS;
    const known = this.live ? this.sound.length - this.spectrum.size / 2 : this.sound.length;
    const columns = Math.max(0, Math.floor((known / this.sound.rate) * this.scale));
    for (let index = Math.floor(left / TILE); index * TILE < left + width; index++) {
      const wanted = Math.min(TILE, columns - index * TILE);
      if (wanted <= 0) break;
      const tile = this.tile(index);
      if (tile.done < wanted && !this.fill(tile, index, wanted, deadline, colours)) this.invalidate();
      this.context.drawImage(tile.canvas, index * TILE - left, HEIGHTS.wave);
    }
  }

  tile(index) {
    let tile = this.tiles.get(index);
    if (tile) return tile;
    if (this.tiles.size >= MOST_TILES) this.tiles.delete(this.tiles.keys().next().value);
    const canvas = document.createElement("canvas");
    canvas.width = TILE;
    canvas.height = HEIGHTS.spectrum;
    tile = { canvas, done: 0 };
    this.tiles.set(index, tile);
    return tile;
  }

  /** Whether all wanted columns are done. */
  fill(tile, index, wanted, deadline, colours) {
    const { samples, length, rate } = this.sound;
    const context = tile.canvas.getContext("2d");
    const first = tile.done;
    const picture = context.createImageData(wanted - first, HEIGHTS.spectrum);
    this.ramp = this.ramp?.key === colours.join() ? this.ramp : ramp(colours);
    while (tile.done < wanted && performance.now() < deadline) {
      const levels = this.spectrum.at(samples, length, ((index * TILE + tile.done + 0.5) / this.scale) * rate);
      for (let row = 0; row < HEIGHTS.spectrum; row++) {
        let loudest = FLOOR_DB;
        for (let bin = this.rows[row][0]; bin <= this.rows[row][1]; bin++) loudest = Math.max(loudest, levels[bin]);
        const shade = Math.min(255, Math.round((255 * (loudest - FLOOR_DB)) / (CEILING_DB - FLOOR_DB)));
        picture.data.set(this.ramp.subarray(4 * shade, 4 * shade + 4), 4 * (row * picture.width + tile.done - first));
      }
      tile.done++;
    }
    context.putImageData(picture, first, 0);
    return tile.done === wanted;
  }

  axis(left, width, colour, font) {
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10].find((each) => each * this.scale >= 64) ?? 30;
    const top = HEIGHTS.wave + HEIGHTS.spectrum;
    this.context.fillStyle = colour;
    this.context.font = `11px ${font}`;
    this.context.textBaseline = "top";
    for (let tick = Math.floor(left / this.scale / step); tick * step * this.scale < left + width; tick++) {
      const x = Math.round(tick * step * this.scale - left);
      this.context.fillRect(x, top, 1, 5);
      this.context.fillText(clock(tick * step, step < 1), x + 4, top + 5);
    }
  }

  /** Labels of the words in view, and of as many around it that small steps need no new ones. */
  label(left, width) {
    if (this.placed && left >= this.placed.from && left + width <= this.placed.to) return;
    this.placed = { from: left - width, to: left + 2 * width };
    this.labels.replaceChildren(
      ...this.visible(this.placed.from, 3 * width).map((word) => {
        const index = this.words.indexOf(word);
        const label = document.createElement("span");
        label.className = "shade";
        label.textContent = word.word;
        label.title = word.word;
        label.dataset.index = index;
        label.dataset.level = this.level(word.confidence);
        label.dataset.row = index % 2; // every other word lower, so that each has the width of two
        label.style.left = `${word.start * this.scale}px`;
        const after = this.words[index + 2];
        if (after) label.style.maxWidth = `${Math.max(8, (after.start - word.start) * this.scale - GAP)}px`;
        return label;
      }),
    );
  }
}

/** 0:03, 1:02:03, with tenths 0:03.5. */
export function clock(seconds, tenths = false) {
  const whole = Math.floor(seconds + 1e-6);
  const parts = [Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
  if (whole >= 3600) parts.splice(0, 1, Math.floor(whole / 3600), String(parts[0]).padStart(2, "0"));
  return parts.join(":") + (tenths ? `.${Math.round((seconds - whole) * 10) % 10}` : "");
}

/** 256 colours as RGBA, from the first of three (#rrggbb) by the second to the third. */
function ramp(colours) {
  const stops = colours.map((each) => [1, 3, 5].map((at) => parseInt(each.slice(at, at + 2), 16)));
  const table = new Uint8ClampedArray(1024);
  for (let i = 0; i < 256; i++) {
    const at = (i / 255) * 2;
    const [low, high] = at < 1 ? [stops[0], stops[1]] : [stops[1], stops[2]];
    const part = at < 1 ? at : at - 1;
    table.set([...low.map((value, k) => value + (high[k] - value) * part), 255], 4 * i);
  }
  table.key = colours.join();
  return table;
}
