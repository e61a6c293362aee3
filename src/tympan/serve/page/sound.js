// Sound that is kept in this tab: to draw it, and to hear a word again.

export const MOST_S = { spoken: 600, file: 1800 };
export const MOST_SAMPLES = 16000 * 3600; // of all recordings together: 110 MB as 16-bit
const FILE_RATE = 16000; // what most models hear; a file at its own rate would take three times the memory
const BLIND_BYTES = 32 << 20; // of a file whose length the browser does not know

export class Sound {
  constructor(rate, most_s) {
    this.rate = rate;
    this.most = Math.round(most_s * rate);
    this.samples = new Int16Array(Math.min(this.most, rate * 16));
    this.length = 0;
  }

  get seconds() {
    return this.length / this.rate;
  }

  get full() {
    return this.length === this.most;
  }

  append(block) {
    const taken = block.subarray(0, Math.min(block.length, this.most - this.length));
    if (this.length + taken.length > this.samples.length) {
      const larger = new Int16Array(Math.min(this.most, 2 * (this.length + taken.length)));
      larger.set(this.samples.subarray(0, this.length));
      this.samples = larger;
    }
    this.samples.set(taken, this.length);
    this.length += taken.length;
  }

  /** A stretch for an AudioBufferSourceNode; null if it holds nothing. */
  stretch(context, start, end) {
    const from = Math.max(0, Math.floor(start * this.rate));
    const to = Math.min(this.length, Math.ceil(end * this.rate));
    if (to <= from) return null;
    const buffer = context.createBuffer(1, to - from, this.rate);
    const channel = buffer.getChannelData(0);
    for (let i = from; i < to; i++) channel[i - from] = this.samples[i] / 32768;
    return buffer;
  }
}

/** A file as Sound. Throws a sentence if it is too long, or of a kind that this browser does not know. */
export async function decoded(file) {
  const seconds = await duration(file);
  if (seconds > MOST_S.file || (seconds === null && file.size > BLIND_BYTES)) {
    throw new Error(`Only recordings of up to ${MOST_S.file / 60} minutes are drawn and played.`);
  }
  let buffer;
  try {
    buffer = await new OfflineAudioContext(1, 1, FILE_RATE).decodeAudioData(await file.arrayBuffer());
  } catch {
    throw new Error("This browser cannot play this kind of file.");
  }
  const sound = new Sound(buffer.sampleRate, buffer.duration + 1);
  const channels = Array.from({ length: buffer.numberOfChannels }, (_, i) => buffer.getChannelData(i));
  const block = new Int16Array(FILE_RATE);
  for (let from = 0; from < buffer.length; from += block.length) {
    const count = Math.min(block.length, buffer.length - from);
    for (let i = 0; i < count; i++) {
      let sum = 0;
      for (const channel of channels) sum += channel[from + i];
      block[i] = Math.max(-32768, Math.min(32767, Math.round((sum / channels.length) * 32768)));
    }
    sound.append(block.subarray(0, count));
  }
  return sound;
}

/** Seconds as the file's head says, null if it does not: asked before all of it is decoded. */
function duration(file) {
  return new Promise((resolve) => {
    const probe = document.createElement("audio");
    const url = URL.createObjectURL(file);
    const done = (seconds) => {
      URL.revokeObjectURL(url);
      resolve(Number.isFinite(seconds) ? seconds : null);
    };
    probe.preload = "metadata";
    probe.onloadedmetadata = () => done(probe.duration);
    probe.onerror = () => done(null);
    probe.src = url;
  });
}
