// The microphone, as blocks of 16-bit samples at the rate at which it truly runs.

// Recognisers are trained on sound as it is: what makes calls pleasant takes consonants away.
const PLAIN = { echoCancellation: false, noiseSuppression: false, autoGainControl: false, channelCount: 1 };

export const available = () => Boolean(navigator.mediaDevices?.getUserMedia && window.AudioWorkletNode);

export class Microphone {
  /** Ask for it, and begin. `block` gets each Int16Array, `ended` is called if the device goes away. */
  static async open({ block, ended }) {
    const context = new AudioContext({ latencyHint: "interactive" });
    let stream;
    try {
      // Before the question to the user: nothing that is said after "Allow" may be lost.
      await context.audioWorklet.addModule(new URL("worklet.js", import.meta.url));
      stream = await navigator.mediaDevices.getUserMedia({ audio: PLAIN });
      const source = context.createMediaStreamSource(stream);
      const tap = new AudioWorkletNode(context, "tap");
      const microphone = new Microphone(context, stream, tap);
      tap.port.onmessage = ({ data }) => (data === null ? microphone.drained() : block(data));
      stream.getAudioTracks()[0].addEventListener("ended", ended);
      source.connect(tap);
      tap.connect(context.destination); // silence; without a way out some browsers do not run the node
      await context.resume();
      return microphone;
    } catch (error) {
      stream?.getTracks().forEach((track) => track.stop());
      context.close();
      throw error;
    }
  }

  constructor(context, stream, tap) {
    this.context = context;
    this.stream = stream;
    this.tap = tap;
    this.rate = context.sampleRate;
    this.last = new Promise((resolve) => (this.drained = resolve));
  }

  /** No more sound; resolves when the last block was given. */
  close() {
    return (this.closing ??= this.closed());
  }

  async closed() {
    this.tap.port.postMessage("stop");
    // A suspended audio thread would never answer.
    await Promise.race([this.last, new Promise((resolve) => setTimeout(resolve, 500))]);
    this.stream.getTracks().forEach((track) => track.stop());
    await this.context.close();
  }
}

/** What went wrong, for a person. */
export function explained(error) {
  if (error.name === "NotAllowedError") return "The browser may not use the microphone. Allow it beside the address, then start again.";
  if (error.name === "NotFoundError") return "No microphone was found.";
  if (error.name === "NotReadableError") return "The microphone is used by another program.";
  return `The microphone cannot be used (${error.message}).`;
}
