// Sound from the microphone as mono 16-bit samples, in blocks of 20 ms. Runs in the audio thread.

const BLOCK_S = 0.02;

class Tap extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Int16Array(Math.round(sampleRate * BLOCK_S));
    this.filled = 0;
    this.over = false;
    this.port.onmessage = () => {
      this.post();
      this.port.postMessage(null); // that was the last block
      this.over = true;
    };
  }

  process([channels]) {
    const count = channels.length;
    for (let i = 0; count && i < channels[0].length; i++) {
      let sum = 0;
      for (const channel of channels) sum += channel[i];
      // 32768 as the server's own reader takes it, so that a file's samples come back as they were.
      this.block[this.filled++] = Math.max(-32768, Math.min(32767, Math.round((sum / count) * 32768)));
      if (this.filled === this.block.length) this.post();
    }
    return !this.over;
  }

  post() {
    const samples = this.block.slice(0, this.filled);
    this.port.postMessage(samples, [samples.buffer]);
    this.filled = 0;
  }
}

registerProcessor("tap", Tap);
