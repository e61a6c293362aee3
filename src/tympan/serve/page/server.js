// What the page asks of its server. Addresses are relative, so that it works behind a proxy's folder too.

const KEY = "tympan.token";
const at = (path) => new URL(path, document.baseURI);
let token = sessionStorage.getItem(KEY) ?? "";
let asking = null;
let ask = async () => "";

export class RefusedError extends Error {
  constructor(message, status, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** `question(again)` asks the user for a token and resolves to it. */
export function onTokenAsked(question) {
  ask = question;
}

async function enter(used) {
  if (used !== token) return; // somebody else was faster
  asking ??= ask(Boolean(token)).then((given) => {
    token = given;
    sessionStorage.setItem(KEY, given);
    asking = null;
  });
  await asking;
}

const headers = () => (token ? { Authorization: `Bearer ${token}` } : {});

/** The models: [{id, language, streams}]. */
export async function models() {
  for (;;) {
    const used = token;
    const answer = await fetch(at("v1/models"), { headers: headers() });
    if (answer.ok) return (await answer.json()).data;
    if (answer.status !== 401) throw new RefusedError(`The server answered ${answer.status}.`, answer.status);
    await enter(used);
  }
}

/** A file -> verbose_json. `progress` gets the share that was sent, 0 to 1; `signal` stops it. */
export async function transcribed(file, { model, hotWords, nbest, progress, signal }) {
  for (;;) {
    const used = token;
    try {
      return await posted(form(file, model, hotWords, nbest), progress, signal);
    } catch (error) {
      if (error.status === 401) await enter(used);
      else if (error.status === 503 && error.retryAfter) await pause(error.retryAfter, signal);
      else throw error;
    }
  }
}

function form(file, model, hotWords, nbest) {
  const fields = new FormData();
  fields.append("response_format", "verbose_json");
  fields.append("timestamp_granularities[]", "word");
  fields.append("timestamp_granularities[]", "segment");
  if (model) fields.append("model", model);
  // A prompt without commas would be read as single words: a lone phrase is said twice to stay one.
  if (hotWords.length) fields.append("prompt", (hotWords.length > 1 ? hotWords : [hotWords[0], hotWords[0]]).join(", "));
  if (nbest > 1) fields.append("nbest", nbest);
  fields.append("file", file, file.name);
  return fields;
}

function posted(body, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much was sent
    request.open("POST", at("v1/audio/transcriptions"));
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && progress(event.loaded / event.total);
    request.upload.onload = () => progress(1);
    request.onerror = () => reject(new RefusedError("The connection broke. The server may be gone, or the file too large for it.", 0));
    request.onabort = () => reject(new DOMException("Stopped.", "AbortError"));
    request.onload = () => {
      if (request.status === 200 && request.response) return resolve(request.response);
      const message = request.response?.error?.message ?? `The server answered ${request.status}.`;
      return reject(new RefusedError(message, request.status, Number(request.getResponseHeader("Retry-After")) || 0));
    };
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });
}

const pause = (seconds, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener("abort", () => (clearTimeout(timer), reject(new DOMException("Stopped.", "AbortError"))), { once: true });
  });

/** A socket to /v1/listen. Browsers can send no header with it, so the token goes as a subprotocol. */
export function socket() {
  const url = at("v1/listen");
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const opened = new WebSocket(url, token ? ["tympan.v1", `bearer.${token}`] : ["tympan.v1"]);
  opened.binaryType = "arraybuffer";
  return opened;
}

/** Why a socket was not opened: browsers do not tell, so the other doors are asked. */
export async function whyRefused() {
  try {
    await models(); // asks for a token if that is what is missing
    const ready = await fetch(at("readyz"));
    if (ready.ok) return "The connection broke.";
    return (await ready.text()).startsWith("full") ? "All streams of the server are taken. Try again." : "The server is stopping.";
  } catch {
    return "The server cannot be reached.";
  }
}
