// The spectrum of a short stretch of sound: a radix-2 transform, enough for a picture.

export class Spectrum {
  /** `size` samples, a power of two -> size / 2 levels in dB, of which 0 is a sine at full scale. */
  constructor(size) {
    this.size = size;
    this.window = Float32Array.from({ length: size }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size)); // Hann
    this.cos = Float32Array.from({ length: size / 2 }, (_, i) => Math.cos((2 * Math.PI * i) / size));
    this.sin = Float32Array.from({ length: size / 2 }, (_, i) => Math.sin((2 * Math.PI * i) / size));
    const bits = Math.log2(size);
    this.order = Uint16Array.from({ length: size }, (_, i) => {
      let reversed = 0;
      for (let bit = 0; bit < bits; bit++) reversed |= ((i >> bit) & 1) << (bits - 1 - bit);
      return reversed;
    });
    this.re = new Float32Array(size);
    this.im = new Float32Array(size);
    this.levels = new Float32Array(size / 2);
  }

  /** Of 16-bit samples around `centre`; beyond `length` there is silence. */
  at(samples, length, centre) {
    const { size, re, im } = this;
    const first = Math.round(centre) - size / 2;
    for (let i = 0; i < size; i++) {
      const from = this.order[i];
      const at = first + from;
      re[i] = at >= 0 && at < length ? (samples[at] / 32768) * this.window[from] : 0;
      im[i] = 0;
    }
    for (let half = 1; half < size; half *= 2) this.butterflies(half);
    const scale = 4 / size; // a sine's power lies in two bins, and the window takes half of it
    for (let bin = 0; bin < size / 2; bin++) this.levels[bin] = 20 * Math.log10(Math.hypot(re[bin], im[bin]) * scale + 1e-9);
    return this.levels;
  }

  butterflies(half) {
    const { size, re, im, cos, sin } = this;
    const step = size / (2 * half);
    for (let block = 0; block < size; block += 2 * half) {
      for (let i = 0; i < half; i++) {
        const [low, high] = [block + i, block + i + half];
        const [c, s] = [cos[i * step], sin[i * step]];
        const [x, y] = [re[high] * c + im[high] * s, im[high] * c - re[high] * s];
        re[high] = re[low] - x;
        im[high] = im[low] - y;
        re[low] += x;
        im[low] += y;
      }
    }
  }
}
