// One spoken recording: from the microphone to the server, and its words back.

import { Microphone } from "./microphone.js";
import { socket, whyRefused } from "./server.js";

const LATE_S = 5; // sound that waits in the browser, from which on it is told

export class Listening {
  /**
   * `hears`: {begun(rate), block(samples), partial(message, delay_s), final(message), slow(waiting_s), over(problem)}; `over` comes
   * once, last, with a sentence or null.
   */
  constructor(options, hears) {
    this.options = options;
    this.hears = hears;
    this.waiting = []; // blocks until the server is ready
    this.captured = 0; // samples
    this.ready = false;
    this.stopping = false;
    this.ended = false;
  }

  /** Throws what the browser says if there is no microphone for us. */
  async start() {
    // Blocks may come before `open` returns.
    this.microphone = await Microphone.open({ block: (samples) => this.block(samples), ended: () => this.stop() });
    this.rate = this.microphone.rate;
    this.hears.begun(this.rate);
    this.early?.forEach((samples) => this.block(samples));
    this.early = null;
    if (this.stopping) await this.stop(true);
    this.connect();
  }

  connect() {
    const { model, hotWords } = this.options;
    let line;
    try {
      line = this.line = socket();
    } catch {
      this.end("This token has signs that a browser cannot send with sound.");
      return;
    }
    const start = { type: "start", sample_rate: Math.round(this.rate), encoding: "s16le", hotwords: hotWords };
    if (model) start.model = model;
    line.onopen = () => line.send(JSON.stringify(start));
    line.onmessage = ({ data }) => this.told(JSON.parse(data));
    line.onclose = async () => {
      if (!this.ended) this.end(await whyRefused());
    };
  }

  block(samples) {
    if (!this.rate) {
      (this.early ??= []).push(samples);
      return;
    }
    this.captured += samples.length;
    this.hears.block(samples);
    if (this.ready) this.send(samples);
    else this.waiting.push(samples);
  }

  send(samples) {
    if (this.line.readyState !== WebSocket.OPEN || !samples.length) return;
    this.line.send(samples);
    const late = this.line.bufferedAmount / 2 / this.rate;
    if (late > LATE_S) this.hears.slow(late);
  }

  told(message) {
    if (message.type === "ready") {
      this.ready = true;
      this.waiting.forEach((samples) => this.send(samples));
      this.waiting = [];
      if (this.closed) this.finish();
    } else if (message.type === "partial") {
      this.hears.partial(message, this.captured / this.rate - message.end);
    } else if (message.type === "final") {
      this.hears.final(message);
    } else if (message.type === "error") {
      this.end(message.message);
    } else if (message.type === "bye") {
      this.end(this.stopping ? null : "The server ended the stream.");
    }
  }

  /** No more sound; the last words still come. */
  async stop(again = false) {
    if (this.stopping && !again) return;
    this.stopping = true;
    if (!this.rate) return; // not begun yet: `start` will come back here
    await this.microphone.close();
    this.closed = true;
    if (this.ready) this.finish();
  }

  finish() {
    if (this.line.readyState === WebSocket.OPEN) this.line.send(JSON.stringify({ type: "finish" }));
  }

  end(problem) {
    if (this.ended) return;
    this.ended = true;
    this.ready = false;
    this.waiting = [];
    this.line?.close();
    if (!this.closed) this.microphone.close();
    this.hears.over(problem);
  }
}
