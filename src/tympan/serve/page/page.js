// The page: what its buttons do, and how its parts come together.

import { Listening } from "./listening.js";
import { available, explained } from "./microphone.js";
import * as player from "./player.js";
import { Recording } from "./recording.js";
import { models, onTokenAsked, transcribed } from "./server.js";
import { MOST_S, MOST_SAMPLES, Sound, decoded } from "./sound.js";
import { clock } from "./timeline.js";

const $ = (id) => document.getElementById(id);
const shelf = []; // recordings, the oldest first
const queue = []; // files that wait
let listening = null;
let working = false;

const say = (sentence) => ($("status").textContent = sentence);

function options() {
  const hotWords = $("hot-words").value.split(/[,;\n]/).map((word) => word.trim()).filter(Boolean);
  return { model: $("model").value, hotWords, nbest: Number($("nbest").value) };
}

/** Put a recording on the page, before an element of the list, or before all. */
function shelve(name, before = $("list").firstChild) {
  const recording = new Recording(name, {
    removed: (gone) => {
      shelf.splice(shelf.indexOf(gone), 1);
      $("recordings").hidden = !shelf.length;
      ($("recordings").hidden ? $("choose") : $("recordings")).focus();
      if (gone === listening?.recording) listening.stop();
    },
  });
  recording.language = $("model").selectedOptions[0]?.dataset.language || null;
  shelf.push(recording);
  $("list").insertBefore(recording.element, before);
  $("recordings").hidden = false;
  return recording;
}

/** Let the sound of the oldest recordings go while there is too much of it. */
function tidy() {
  const heard = shelf.filter((recording) => recording.sound);
  let total = heard.reduce((sum, recording) => sum + recording.sound.length, 0);
  while (total > MOST_SAMPLES && heard.length > 1) {
    const oldest = heard.shift();
    total -= oldest.sound.length;
    oldest.release();
  }
}

// Files

function take(files) {
  const first = $("list").firstChild; // they stand in their own order, before what was there
  for (const file of files) {
    const recording = shelve(file.name, first);
    recording.stage("Waiting", 0);
    queue.push({ file, recording, ...options() });
  }
  if (!working) work();
}

async function work() {
  working = true;
  for (let job; (job = queue.shift()); ) {
    if (!job.recording.aborted.signal.aborted) await upload(job);
  }
  working = false;
}

async function upload({ file, recording, ...asked }) {
  const { signal } = recording.aborted;
  const drawing = draw(file, recording);
  recording.stage("Sending", 0);
  try {
    const progress = (share) => recording.stage(share < 1 ? "Sending" : "Transcribing", share < 1 ? share : null);
    const answer = await transcribed(file, { ...asked, progress, signal });
    recording.duration = answer.duration;
    recording.language = answer.language || null;
    recording.add(segmented(answer));
    recording.facts();
    say(answer.text ? `${file.name} is done.` : `No words were heard in ${file.name}.`);
    $("heard").textContent = answer.text.slice(0, 500);
  } catch (error) {
    if (error.name === "AbortError") return;
    recording.problem(error.message);
  }
  recording.stage("");
  await drawing;
}

async function draw(file, recording) {
  try {
    const sound = await decoded(file);
    if (recording.aborted.signal.aborted) return;
    recording.hears(sound);
    tidy();
  } catch (error) {
    recording.soundless(error.message);
  }
}

/** Segments with their words, which the answer gives in one list. */
function segmented({ segments, words }) {
  let at = 0;
  return segments.map((segment) => {
    const own = [];
    while (at < words.length && words[at].end <= segment.end + 0.0005) own.push(words[at++]);
    return { ...segment, words: own };
  });
}

// Microphone

async function listen() {
  player.stop();
  const now = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });
  const recording = shelve(`Microphone ${now}`);
  let sound = null;
  const mine = new Listening(options(), {
    begun: (rate) => {
      sound = new Sound(rate, MOST_S.spoken);
      recording.hears(sound, true);
      say("Listening.");
    },
    block: (samples) => {
      const before = sound.full;
      sound.append(samples);
      recording.duration = mine.captured / mine.rate;
      recording.timeline.invalidate();
      if (sound.full && !before) {
        recording.soundless(`The first ${MOST_S.spoken / 60} minutes can be heard again; the words go on.`);
      }
      gauge(samples, mine);
    },
    partial: (message, delay_s) => {
      recording.partial(message.text, message.stable);
      $("delay").textContent = `${Math.max(0, delay_s).toFixed(1)} s`;
    },
    final: (message) => {
      recording.partial("", 0);
      recording.add([message]);
      if (message.text) $("heard").textContent = message.text;
    },
    slow: (waiting_s) => say(`The connection is slow: ${waiting_s.toFixed(0)} s of sound wait.`),
    over: (problem) => {
      recording.partial("", 0);
      recording.timeline.follow(false);
      recording.facts();
      if (problem) recording.problem(problem);
      else if (!recording.words.length) recording.soundless("No words were heard.");
      say(problem ? "" : "Done.");
      stopped(mine);
      tidy();
    },
  });
  mine.recording = recording;
  listening = mine;
  button("Stop", true);
  say("Waiting for the microphone.");
  try {
    await mine.start();
  } catch (error) {
    recording.remove(() => shelf.splice(shelf.indexOf(recording), 1));
    $("recordings").hidden = !shelf.length;
    say(explained(error));
    stopped(mine);
  }
}

function toggle() {
  if (!listening) listen();
  else if (!listening.stopping) {
    say("Writing the last words.");
    button("Stopping", false);
    listening.stop();
  }
}

function stopped(mine) {
  if (listening !== mine) return;
  listening = null;
  button("Start listening", false);
  meter(-60, false);
}

function button(label, active) {
  $("record").querySelector(".label").textContent = label;
  $("record").classList.toggle("active", active);
  $("record").setAttribute("aria-disabled", String(label === "Stopping"));
}

let told = 0;

function gauge(samples, { captured, rate }) {
  let [sum, peak] = [0, 0];
  for (const sample of samples) {
    sum += sample * sample;
    peak = Math.max(peak, Math.abs(sample));
  }
  meter(Math.max(-60, 10 * Math.log10(sum / samples.length / 32768 ** 2 + 1e-9)), peak >= 32700);
  $("elapsed").textContent = clock(captured / rate);
}

function meter(decibels, loud) {
  const level = $("level");
  level.firstElementChild.style.transform = `scaleX(${1 + decibels / 60})`;
  const now = performance.now();
  if (now - told < 500 && decibels > -60) return; // readers need no fifty values a second
  told = now;
  level.setAttribute("aria-valuenow", decibels.toFixed(0));
  level.setAttribute("aria-valuetext", loud ? "too loud" : decibels > -60 ? `${decibels.toFixed(0)} decibels` : "silent");
  level.classList.toggle("loud", loud);
}

// Beginning

function askToken(again) {
  $("entry").hidden = false;
  if (again) say("The server does not know this token.");
  $("token").focus();
  return new Promise((resolve) => {
    $("entry").onsubmit = (event) => {
      event.preventDefault();
      const given = $("token").value.trim();
      $("token").value = "";
      $("entry").hidden = true;
      say("");
      resolve(given);
    };
  });
}

function bind() {
  onTokenAsked(askToken);
  $("insecure").hidden = available();
  $("voice").hidden = $("keys").hidden = !available();
  $("record").addEventListener("click", toggle);
  $("choose").addEventListener("click", () => $("files").click());
  $("files").addEventListener("change", () => {
    take([...$("files").files]);
    $("files").value = "";
  });
  addEventListener("keydown", (event) => {
    if (event.altKey && event.code === "KeyR" && !event.repeat && available()) {
      event.preventDefault();
      toggle();
    } else if (event.key === "Escape") player.stop();
  });
  let inside = 0; // dragenter and dragleave come for each element on the way
  const over = (by) => $("drop").classList.toggle("over", (inside = Math.max(0, inside + by)) > 0);
  addEventListener("dragenter", () => over(1));
  addEventListener("dragleave", () => over(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    over(-inside);
    take([...event.dataTransfer.files]);
  });
  addEventListener("beforeunload", (event) => (listening || working) && event.preventDefault());
}

async function begin() {
  bind();
  try {
    for (const { id, language } of await models()) {
      const option = new Option(language ? `${id} (${language})` : id, id);
      option.dataset.language = language ?? "";
      $("model").append(option);
    }
  } catch (error) {
    say(error.message);
  }
}

begin();
