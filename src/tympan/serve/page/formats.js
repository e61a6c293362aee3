// Segments with words -> files, made here: txt, srt, vtt, and the JSON that `tympan transcribe --format json` writes too.

// As in src/tympan/subtitles.py: what broadcasters ask for.
const LINE_LENGTH = 42;
const CUE_LINES = 2;
const CUE_LONGEST_S = 6;
const CUE_SHORTEST_MS = 1000;
const CUE_PAUSE_S = 0.6;

export const MEDIA = { txt: "text/plain", srt: "application/x-subrip", vtt: "text/vtt", json: "application/json" };

/** `recording`: {segments, duration, language}; times in seconds. */
export function written(recording, format) {
  if (format === "txt") return recording.segments.map((segment) => `${segment.text}\n`).join("");
  if (format === "json") return `${JSON.stringify(plain(recording), null, 2)}\n`;
  const blocks = cues(recording).map(({ start, end, lines }, i) => {
    const text = lines.join("\n");
    if (format === "srt") return `${i + 1}\n${clock(start, ",")} --> ${clock(end, ",")}\n${text}\n`;
    return `${clock(start, ".")} --> ${clock(end, ".")}\n${escaped(text)}\n`;
  });
  return (format === "vtt" ? ["WEBVTT\n", ...blocks] : blocks).join("\n");
}

function plain({ segments, duration, language }) {
  return {
    text: segments.map((segment) => segment.text).join(" "),
    duration,
    language: language || null,
    segments: segments.map(({ start, end, text, words, alternatives }) => ({
      start,
      end,
      text,
      words: words.map((word) => ({ text: word.word, start: word.start, end: word.end, confidence: word.confidence ?? null })),
      ...(alternatives?.length ? { alternatives } : {}),
    })),
  };
}

/** [{start, end, lines}], milliseconds, in order and never overlapping. */
export function cues({ segments, duration }) {
  const found = [];
  const all = segments.flatMap((segment) => groups(segment.words));
  let free = 0; // where the cue before ended
  all.forEach((group, i) => {
    const start = Math.max(free, ms(group[0].start));
    let end = Math.max(start, ms(Math.max(...group.map((word) => word.end))));
    const next = i + 1 < all.length ? Math.max(start, ms(all[i + 1][0].start)) : Math.max(end, ms(duration));
    end = Math.min(end, next);
    end = Math.max(end, Math.min(next, start + CUE_SHORTEST_MS));
    found.push({ start, end, lines: balanced(group.map((word) => word.word)) });
    free = end;
  });
  return found;
}

function groups(words) {
  const found = [];
  for (const word of words) {
    const group = found.at(-1);
    const fits =
      group &&
      word.start - group.at(-1).end < CUE_PAUSE_S &&
      word.end - group[0].start <= CUE_LONGEST_S &&
      wrapped([...group, word].map((each) => each.word)).length <= CUE_LINES;
    if (fits) group.push(word);
    else found.push([word]);
  }
  return found;
}

const ms = (seconds) => Math.round(seconds * 1000);
const signs = (text) => [...text].length;

function wrapped(words) {
  const lines = [];
  for (const word of words) {
    if (lines.length && signs(lines.at(-1)) + 1 + signs(word) <= LINE_LENGTH) lines.push(`${lines.pop()} ${word}`);
    else lines.push(word);
  }
  return lines;
}

/** One line if it fits, else two that are about as long as each other. */
function balanced(words) {
  if (wrapped(words).length < 2) return [words.join(" ")];
  let best = null;
  for (let i = 1; i < words.length; i++) {
    const lines = [words.slice(0, i).join(" "), words.slice(i).join(" ")];
    const longest = Math.max(...lines.map(signs));
    if (!best || longest < best.longest) best = { longest, lines };
  }
  return best.lines;
}

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function clock(milliseconds, point) {
  const two = (value) => String(value).padStart(2, "0");
  const seconds = Math.floor(milliseconds / 1000);
  const fraction = String(milliseconds % 1000).padStart(3, "0");
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}${point}${fraction}`;
}
