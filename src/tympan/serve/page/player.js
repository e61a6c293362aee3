// Plays a stretch of sound, one at a time.

const ROOM_S = 0.04; // before and after a word: its edges are sharper in the text than in the mouth

let context = null;
let playing = null;

export const isPlaying = (owner) => playing?.owner === owner;

export function stop() {
  if (!playing) return;
  const { source, over } = playing;
  playing = null;
  source.onended = null;
  source.stop();
  over();
}

/** `tick(second)` is called while it plays, `over()` once when it ends. False if there is nothing to play. */
export function play(owner, sound, start, end, { tick, over }) {
  stop();
  context ??= new AudioContext();
  context.resume();
  const from = Math.max(0, start - ROOM_S);
  const buffer = sound?.stretch(context, from, end + ROOM_S) ?? null;
  if (!buffer) return false;
  const source = context.createBufferSource();
  source.buffer = buffer;
  source.connect(context.destination);
  const mine = { owner, source, over };
  playing = mine;
  const begun = context.currentTime;
  const step = () => {
    if (playing !== mine) return;
    tick(from + (context.currentTime - begun));
    requestAnimationFrame(step);
  };
  source.onended = () => playing === mine && stop();
  source.start();
  requestAnimationFrame(step);
  return true;
}
