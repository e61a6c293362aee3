"""The page as people use it: in a browser, with a microphone that plays a file."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
import soxr

from serving import TOKEN, running, started
from streams import RATE, TABLE, said, silence
from toy_models import speak
from tympan import audio
from tympan.transcript import Transcript

api = pytest.importorskip("playwright.sync_api", reason="there is no playwright to drive a browser")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to open the page in")

SAMPLES = Path(__file__).resolve().parents[2] / "samples"
PATIENCE_MS = 20_000  # of a machine that has other things to do
SPOKEN = (0.2, "bad cab", 0.8, "fed a egg", 0.8, "bag bad", 1.0)
TEXT = "bad cab fed a egg bag bad"
# What AudioBufferSourceNodes were asked to play, in seconds; each partial, with the words that were final by then.
SPY = """window.played = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...given) {
  window.played.push(this.buffer.duration);
  return start.apply(this, given);
};
window.partials = [];
new MutationObserver(() => {
  const partial = document.querySelector(".partial");
  const final = [...document.querySelectorAll(".word")].map((word) => word.textContent).join(" ");
  if (partial && !partial.hidden) window.partials.push([partial.textContent.trim(), final]);
}).observe(document, {subtree: true, childList: true, characterData: true, attributes: true});"""
# What is seen only for moments.
SHOWN = """() => {
  const find = (selector) => document.querySelector(selector);
  find(".problem").textContent = "This went wrong.";
  find(".partial .stable").textContent = "this stays";
  find(".partial .rest").textContent = "and this may change";
  find(".problem").hidden = find(".partial").hidden = false;
  find(".word:nth-child(2)").classList.add("now");
}"""
# Each visible text with its colours; half-transparent ones do not occur.
COLOURS = """() => [...document.querySelectorAll("body *")].flatMap((element) => {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || !element.checkVisibility({visibilityProperty: true}) || element.closest(".unseen, .skip")) return [];
  const ground = (each) => getComputedStyle(each).backgroundColor;
  let behind = element;
  while (behind.parentElement && ground(behind) === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
  return [[element.textContent.trim().slice(0, 30), getComputedStyle(element).color, ground(behind)]];
})"""


@dataclass
class Tab:
    """A page of the browser, and what it did that it must not do."""

    page: Any
    address: str
    asked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self) -> Any:
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("websocket", lambda socket: self.asked.append(socket.url.replace("ws:", "http:", 1)))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None)
        self.page.add_init_script(SPY)
        self.page.goto(self.address)
        return self.page

    def foreign(self) -> list[str]:
        return [url for url in self.asked if not url.startswith((f"{self.address}/", f"blob:{self.address}", "data:"))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(tmp_path_factory.mktemp("server")) as (_, address, _):
        yield address


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the browser hears as its microphone."""
    path = tmp_path_factory.mktemp("spoken") / "spoken.wav"
    soundfile.write(path, soxr.resample(said(*SPOKEN), RATE, 48_000), 48_000, subtype="PCM_16")
    return path


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    api.expect.set_options(timeout=PATIENCE_MS)
    with api.sync_playwright() as playwright:
        yield playwright.chromium


@contextmanager
def hearing(chromium: Any, spoken: Path) -> Iterator[Any]:
    """A browser whose microphone plays a file."""
    devices = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", f"--use-file-for-fake-audio-capture={spoken}%noloop"]
    browser = chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", *devices])
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def browser(chromium: Any, spoken: Path) -> Iterator[Any]:
    with hearing(chromium, spoken) as browser:
        yield browser


@contextmanager
def tab(browser: Any, address: str, complaints: int = 0, **options: Any) -> Iterator[Any]:
    """A page that must end without complaints and without having asked another host."""
    context = browser.new_context(**{"viewport": {"width": 1100, "height": 900}, **options})
    context.set_default_timeout(PATIENCE_MS)
    opened = Tab(context.new_page(), address)
    try:
        yield opened.open()
        assert opened.foreign() == [] and opened.asked
        assert len(opened.complaints) == complaints, opened.complaints
    finally:
        context.close()


@pytest.fixture
def page(browser: Any, server: str) -> Iterator[Any]:
    with tab(browser, server) as page:
        yield page


def wav(folder: Path, name: str, samples: np.ndarray) -> Path:
    soundfile.write(folder / name, samples, RATE, subtype="PCM_16")
    return folder / name


def uploaded(server: str, path: Path, **fields: str) -> httpx.Response:
    with path.open("rb") as file:
        return httpx.post(f"{server}/v1/audio/transcriptions", files={"file": file}, data=fields)


def transcribed(page: Any, *paths: Path) -> Any:
    """The newest recording of files, once it has words."""
    before = page.locator(".recording").count()
    page.locator("#files").set_input_files(paths)
    api.expect(page.locator(".recording .downloads:not([hidden])")).to_have_count(before + len(paths))
    return page.locator(".recording").first


def words(recording: Any) -> str:
    return " ".join(recording.locator(".word").all_inner_texts())


def played(page: Any) -> list[float]:
    return list(page.evaluate("window.played"))


def contrast(one: str, other: str) -> float:
    """Of two colours, rgb(r, g, b), as WCAG 2 has it."""

    def luminance(colour: str) -> float:
        parts = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_microphone_gives_words_while_one_speaks_and_the_text_of_the_file(page: Any, server: str, spoken: Path) -> None:
    page.get_by_role("button", name="Start listening").click()
    api.expect(page.locator(".word")).to_have_count(len(TEXT.split()))  # pauses made them final
    partials = page.evaluate("window.partials")
    assert any(text.startswith("bad") and not final for text, final in partials)
    assert any("fed" in text and final == "bad cab" for text, final in partials)
    assert page.locator("#heard").text_content() == "bag bad"
    assert 0 <= float(page.locator("#delay").inner_text().removesuffix(" s")) < 5
    page.get_by_role("button", name="Stop").click()
    api.expect(page.get_by_role("status")).to_have_text("Done.")
    assert words(page) == uploaded(server, spoken).json()["text"] == TEXT
    page.locator(".word").nth(1).click()
    (seconds,) = played(page)
    assert 0.2 < seconds < 0.6
    assert page.locator(".labels .shade").all_inner_texts() == TEXT.split()


def test_real_speech_is_what_the_command_line_hears(chromium: Any, tmp_path: Path) -> None:
    """Of the very sound that the browser sent: its pretended microphone plays a file with small faults of its own."""
    clip = audio.read(SAMPLES / "5789-70653-0013.opus", RATE)
    soundfile.write(tmp_path / "spoken.wav", soxr.resample(np.concatenate([clip, silence(0.5)]), RATE, 48_000), 48_000, subtype="PCM_16")
    sent: list[bytes | str] = []
    with started() as (_, address, _), hearing(chromium, tmp_path / "spoken.wav") as browser, tab(browser, address) as page:
        page.on("websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(frame)))
        page.get_by_role("button", name="Start listening").click()
        page.wait_for_function("() => window.partials.length > 2")
        page.wait_for_timeout(1000 * len(clip) / RATE)
        page.get_by_role("button", name="Stop").click()
        api.expect(page.get_by_role("status")).to_have_text("Done.")
        text = words(page)
    (rate,) = {json.loads(each).get("sample_rate", 0) for each in sent if isinstance(each, str)} - {0}
    heard = np.frombuffer(b"".join(each for each in sent if isinstance(each, bytes)), "<i2")
    soundfile.write(tmp_path / "sent.wav", heard, rate, subtype="PCM_16")
    with (tmp_path / "sent.wav").open("rb") as file:
        listened = subprocess.run([sys.executable, "-m", "tympan", "listen", "-"], stdin=file, capture_output=True, text=True, check=True)
    assert " ".join(listened.stdout.split()) == text
    assert len(set(text.split()) & {"and", "what", "time", "it", "was", "she", "had", "asked", "the"}) > 5


def test_files_are_heard_one_after_another_and_words_lie_on_the_time_axis(page: Any, server: str, tmp_path: Path) -> None:
    files = [wav(tmp_path, "one.wav", said(0.3, "bad cab", 0.5, "fed")), wav(tmp_path, "two.wav", said("egg bag"))]
    recording = transcribed(page, *files)
    assert page.locator(".recording h3").all_inner_texts() == ["one.wav", "two.wav"]
    assert [words(each) for each in page.locator(".recording").all()] == ["bad cab fed", "egg bag"]
    verbose = uploaded(server, files[0], response_format="verbose_json", **{"timestamp_granularities[]": "word"}).json()
    api.expect(recording.locator(".labels .shade")).to_have_count(3)
    lefts = recording.locator(".labels .shade").evaluate_all("labels => labels.map(label => parseFloat(label.style.left))")
    assert lefts == pytest.approx([word["start"] * 160 for word in verbose["words"]], abs=0.5)
    pixels = recording.locator("canvas").evaluate(
        "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, 184).data.filter((value, i) => i % 4 === 3 && value).length"
    )
    assert pixels > 10_000  # a waveform and a spectrogram
    recording.locator(".word", has_text="cab").click()
    recording.locator(".labels .shade", has_text="fed").click()
    lengths = [word["end"] - word["start"] for word in verbose["words"][1:]]
    assert played(page) == pytest.approx(lengths, abs=0.1)
    recording.get_by_role("button", name="Play all").click()
    assert played(page)[-1] == pytest.approx(verbose["duration"], abs=0.1)
    recording.get_by_role("button", name="Remove").click()
    assert page.locator(".recording h3").all_inner_texts() == ["two.wav"]


def test_files_may_be_dropped(page: Any, tmp_path: Path) -> None:
    data = list(wav(tmp_path, "dropped.wav", said("bad")).read_bytes())
    page.evaluate(
        """(data) => {
          const files = new DataTransfer();
          files.items.add(new File([new Uint8Array(data)], "dropped.wav", {type: "audio/wav"}));
          document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: files, bubbles: true, cancelable: true}));
        }""",
        data,
    )
    api.expect(page.locator(".recording .word")).to_have_text(["bad"])


def test_downloads_are_what_the_server_writes(page: Any, server: str, tmp_path: Path) -> None:
    long = wav(tmp_path, "talk.wav", np.concatenate([said("bad cab fed a egg bag bad cab fed", 0.7, "a egg", 0.2)] * 6))
    recording = transcribed(page, long)

    def download(name: str) -> str:
        with page.expect_download() as waiting:
            recording.get_by_role("button", name=name, exact=True).click()
        assert waiting.value.suggested_filename == f"talk.{name}"
        return Path(waiting.value.path()).read_text(encoding="utf-8")

    for name in ("srt", "vtt"):
        assert download(name) == uploaded(server, long, response_format=name).text
    assert max(len(line) for line in download("srt").splitlines()) <= 42
    assert download("txt").split() == uploaded(server, long).json()["text"].split()
    transcript = Transcript.from_dict(json.loads(download("json")))
    assert transcript.text == uploaded(server, long).json()["text"] and transcript.language == "en"
    assert len(transcript.words) == 66 and all(word.confidence for word in transcript.words)


def test_other_readings_and_hot_words_are_asked_for(page: Any, tmp_path: Path) -> None:
    doubt = wav(tmp_path, "doubt.wav", np.concatenate([speak(TABLE, "bad", {"d": ("g", 0.9)}), silence(0.5)]))
    page.get_by_label("Other readings").select_option("3")
    recording = transcribed(page, doubt)
    recording.get_by_text("Other readings").click()
    readings = [text.split()[0] for text in recording.get_by_role("listitem").all_inner_texts()]
    assert {"bad", "bag"} <= set(readings) and readings[0] == words(recording)
    gag = wav(tmp_path, "gag.wav", said("gag"))
    assert words(transcribed(page, gag)) != "gag"
    page.get_by_label("Hot words").fill("gag")
    assert words(transcribed(page, gag)) == "gag"


def test_keyboard_is_enough(page: Any, tmp_path: Path) -> None:
    def tab_to(name: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            focused = page.evaluate(
                "() => { const e = document.activeElement, s = getComputedStyle(e);"
                " return [(e.getAttribute('aria-label') ?? e.innerText).trim(), e.id, s.outlineStyle, parseFloat(s.outlineWidth)]; }"
            )
            assert focused[2] != "none" and focused[3] >= 2, focused  # the focus is seen
            if name in focused[:2]:
                return
        raise AssertionError(f"The Tab key does not lead to {name}.")

    talk = wav(tmp_path, "talk.wav", said("bad cab", 0.3, "fed"))
    page.on("filechooser", lambda chooser: chooser.set_files(talk))  # before it is asked for: the browser must know by then
    tab_to("record")
    page.keyboard.press("Enter")
    api.expect(page.locator("#record")).to_have_text("Stop")
    page.keyboard.press("Alt+r")
    api.expect(page.get_by_role("status")).to_have_text("Done.")
    tab_to("choose")
    page.keyboard.press("Enter")
    api.expect(page.locator(".recording").first.locator(".word")).to_have_count(3)
    api.expect(page.locator(".recording").first.locator(".timeline")).to_be_visible()
    tab_to("bad")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press(" ")
    assert len(played(page)) == 2 and page.evaluate("document.activeElement.textContent") == "fed"
    page.keyboard.press("Escape")
    tab_to("srt")


def made_up(confidences: list[float]) -> dict[str, Any]:
    """An answer with words of these confidences, and one that would like to be markup."""
    texts = ["<img src=x onerror=alert(1)>", *(f"word{index}" for index in range(1, len(confidences)))]
    rows = [{"word": text, "start": 0.1 * at, "end": 0.1 * at + 0.1, "confidence": confidences[at]} for at, text in enumerate(texts)]
    segment = {"id": 0, "start": 0.0, "end": 0.1 * len(rows), "text": " ".join(texts)}
    segment["alternatives"] = [{"text": "<b>one</b>", "score": -1.0}, {"text": "two", "score": -2.0}]
    return {"task": "transcribe", "language": "en", "duration": 1.0, "text": segment["text"], "segments": [segment], "words": rows}


@pytest.mark.parametrize(("scheme", "width"), [("light", 1100), ("dark", 360)])
def test_all_can_be_read_in_both_schemes_and_on_narrow_screens(browser: Any, server: str, tmp_path: Path, scheme: str, width: int) -> None:
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 800}, "reduced_motion": "reduce"}
    with tab(browser, server, **options) as page:
        page.route("**/v1/audio/transcriptions", lambda route: route.fulfill(json=made_up([0.99, 0.8, 0.5, 0.1])))
        recording = transcribed(page, wav(tmp_path, "talk.wav", said("bad cab fed egg", 0.5)))
        assert page.locator(".recording img").count() == 0
        assert recording.locator(".word").first.inner_text() == "<img src=x onerror=alert(1)>"
        assert recording.locator(".word").evaluate_all("words => words.map(word => word.dataset.level)") == ["0", "1", "2", "3"]
        recording.get_by_text("Other readings").click()
        page.get_by_role("button", name="Start listening").click()
        api.expect(page.locator("#record")).to_have_text("Stop")
        api.expect(page.locator(".timeline").first).to_be_visible()
        page.evaluate(SHOWN)
        assert page.evaluate("document.documentElement.scrollWidth") == width  # nothing needs scrolling sideways but the timeline
        api.expect(recording.locator("canvas")).to_have_attribute("height", "206")  # with its axis
        path = tmp_path / f"{scheme}-{width}.png"
        page.screenshot(path=path, full_page=True)
        assert path.stat().st_size > 20_000
        colours = page.evaluate(COLOURS)
        assert len(colours) > 30
        assert [(each, contrast(each[1], each[2])) for each in colours if contrast(each[1], each[2]) < 4.5] == []
        assert page.locator(".active .dot").evaluate("dot => getComputedStyle(dot).animationName") == "none"


def test_what_goes_wrong_is_said(browser: Any, server: str, tmp_path: Path) -> None:
    with tab(browser, server, complaints=2) as page:  # the browser's own lines about two answers of 400
        (tmp_path / "none.wav").write_bytes(b"no audio at all")
        page.locator("#files").set_input_files([tmp_path / "none.wav"])
        api.expect(page.locator(".recording .problem")).not_to_be_empty()
        api.expect(page.locator(".recording .soundless")).to_have_text("This browser cannot play this kind of file.")
        page.get_by_label("Hot words").fill("żółć")
        page.locator("#files").set_input_files([wav(tmp_path, "talk.wav", said("bad"))])
        api.expect(page.locator(".recording").first.locator(".problem")).to_contain_text("cannot be spelled")
        page.get_by_role("button", name="Start listening").click()
        api.expect(page.locator(".recording").first.locator(".problem")).to_contain_text("cannot be spelled")
        api.expect(page.get_by_role("button", name="Start listening")).to_be_visible()


def test_without_a_secure_address_a_sentence_stands_for_the_microphone(browser: Any, server: str) -> None:
    context = browser.new_context()
    context.add_init_script("Object.defineProperty(Navigator.prototype, 'mediaDevices', {value: undefined})")
    page = context.new_page()
    page.goto(server)
    api.expect(page.locator("#insecure")).to_contain_text("needs a secure address")
    api.expect(page.locator("#record")).to_be_hidden()
    context.close()


def test_token_is_asked_for_kept_and_sent_with_sockets(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(TOKEN)
    with running(tmp_path, "--token", str(tmp_path / "tokens")) as (_, address, _), tab(browser, address, complaints=2) as page:
        page.get_by_label("This server asks for a token.").fill("another-that-is-not-known")
        page.keyboard.press("Enter")
        api.expect(page.get_by_role("status")).to_have_text("The server does not know this token.")
        page.get_by_label("This server asks for a token.").fill(TOKEN)
        page.keyboard.press("Enter")
        api.expect(page.locator("#model option")).to_have_text(["tones (en)"])
        page.reload()
        api.expect(page.locator("#model option")).to_have_text(["tones (en)"])
        api.expect(page.locator("#entry")).to_be_hidden()
        assert words(transcribed(page, wav(tmp_path, "talk.wav", said("bad")))) == "bad"
        page.get_by_role("button", name="Start listening").click()
        api.expect(page.locator(".recording").first.locator(".word")).to_have_text(["bad", "cab"])
        page.get_by_role("button", name="Stop").click()
        api.expect(page.get_by_role("status")).to_have_text("Done.")


def test_spectrum_is_numpys_and_kept_sound_is_bounded(page: Any) -> None:
    samples = (8000 * np.random.default_rng(3).standard_normal(700)).astype(np.int16)
    levels = page.evaluate(
        """async (samples) => {
          const { Spectrum } = await import("/page/fourier.js");
          return [...new Spectrum(512).at(Int16Array.from(samples), samples.length, 300)];
        }""",
        samples.tolist(),
    )
    stretch = samples[300 - 256 : 300 + 256] / 32768 * np.hanning(513)[:512]
    assert levels == pytest.approx(20 * np.log10(np.abs(np.fft.rfft(stretch))[:256] * 4 / 512), abs=0.01)
    kept = page.evaluate(
        """async () => {
          const { Sound } = await import("/page/sound.js");
          const sound = new Sound(1000, 20);
          for (let i = 0; i < 25; i++) sound.append(Int16Array.from({ length: 1001 }, () => i));
          return [sound.length, sound.samples.length, sound.full, sound.samples[1000], sound.samples[1001], sound.samples.at(-1)];
        }"""
    )
    assert kept == [20_000, 20_000, True, 0, 1, 19]
