"""`tympan listen`: live text of a microphone or a pipe."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tympan.cli import search_options as search
from tympan.cli.flags import Model, SecondPass
from tympan.errors import TympanError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from tympan.streaming import Final, Partial, PieceStream, Stream

    Packets = Iterator[tuple[int, npt.NDArray[np.float32]]]

PACKET_S = 0.05
QUEUED = 200  # packets of the microphone that may wait: ten seconds


def listen(
    source: Annotated[
        str | None, typer.Argument(help="'-' for a pipe; the microphone without it.", show_default=False, metavar="[-]")
    ] = None,
    model: Model = "english",
    scorer: search.Scorer = None,
    hot_word: search.HotWords = None,
    beam_size: search.BeamSize = search.LIVE_BEAM_SIZE,
    beam_threshold: search.BeamThreshold = search.LIVE_BEAM_THRESHOLD,
    lm_weight: search.LMWeight = None,
    word_score: search.WordScore = None,
    open_vocabulary: search.OpenVocabulary = False,
    endpoint_ms: Annotated[int, typer.Option("--endpoint-ms", help="Silence that ends a piece.", min=100, max=60_000)] = 600,
    stable_ms: Annotated[int, typer.Option("--stable-ms", help="Words that stood that long never change.", min=0, max=60_000)] = 1000,
    second_pass: SecondPass = False,
    rate: Annotated[int, typer.Option("--rate", help="Hz of a pipe without a WAV head: 16-bit samples.", min=1000, max=768_000)] = 16_000,
    channels: Annotated[int, typer.Option("--channels", help="Of a pipe without a WAV head.", min=1, max=64)] = 1,
    device: Annotated[str | None, typer.Option("--device", help="A microphone's number or a part of its name.", show_default=False)] = None,
    list_devices: Annotated[bool, typer.Option("--list-devices", help="Show the microphones, and end.")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="Events as JSON, one a line: partials and finals.")] = False,
) -> None:
    """Write what is said, as it is said. Ctrl-C ends it.

    On a terminal words appear at once, grey until they are sure; into a file or a pipe go finished pieces, a line each.

    Examples:

        tympan listen

        tympan listen --hot-word Tympan:8 --endpoint-ms 900

        ffmpeg -i talk.webm -f s16le -ar 16000 -ac 1 - | tympan listen -

        arecord -f S16_LE -r 16000 | tympan listen - --json
    """
    from tympan.audio.piped import PipedFormat, piped
    from tympan.recognizer import load
    from tympan.streaming import StreamOptions

    if list_devices:
        typer.echo(microphones())
        return
    if source not in (None, "-"):
        raise TympanError(
            f"`tympan listen {source}`: it listens to the microphone, or with '-' to a pipe.", f"For files: tympan transcribe {source}"
        )
    options = (hot_word, beam_size, beam_threshold, lm_weight, word_score, open_vocabulary)
    recognizer = load(**search.load_options(model, 1, scorer, *options, search.Rescoring(), search.Fusing()))
    stream = recognizer.stream(StreamOptions(endpoint_s=endpoint_ms / 1000, stable_s=stable_ms / 1000, second_pass=second_pass))
    if source == "-":
        import sys

        packets = piped(sys.stdin.buffer.raw.read, PipedFormat(rate, channels))  # type: ignore[union-attr]  # which buffers nothing
    else:
        packets = microphone(device)
    follow(stream, packets, json_lines)


def follow(stream: Stream | PieceStream, packets: Packets, json_lines: bool) -> None:
    """Show what a stream hears, until the packets end or Ctrl-C."""
    show = as_lines if json_lines else on_screen
    with show() as (tell_partial, tell_final):
        shown: tuple[str, int] = ("", 0)
        try:
            for sample_rate, samples in packets:
                stream.accept(samples, sample_rate)
                for final in stream.finals():
                    tell_final(final)
                    shown = ("", 0)
                partial = stream.partial()
                if (partial.text, partial.stable) != shown:
                    tell_partial(partial)
                    shown = (partial.text, partial.stable)
        except KeyboardInterrupt:
            pass
        stream.finish()
        for final in stream.finals():
            tell_final(final)


def on_screen() -> Any:
    """Finals as lines on standard output, the partial below them on a terminal."""
    from contextlib import contextmanager

    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    @contextmanager
    def shown() -> Iterator[Any]:
        console = Console(highlight=False, soft_wrap=True)
        if not console.is_terminal:
            yield (lambda partial: None), (lambda final: typer.echo(final.segment.text))
            return
        with Live(Text(""), console=console, transient=True, refresh_per_second=20) as live:

            def tell_partial(partial: Partial) -> None:
                words = partial.text.split(" ")
                live.update(Text.assemble(" ".join(words[: partial.stable]), " ", (" ".join(words[partial.stable :]), "dim")))

            def tell_final(final: Final) -> None:
                live.update(Text(""))
                live.console.print(final.segment.text)

            yield tell_partial, tell_final

    return shown()


def as_lines() -> Any:
    """Events as JSON lines."""
    import json
    from contextlib import contextmanager

    @contextmanager
    def shown() -> Iterator[Any]:
        def tell_partial(partial: Partial) -> None:
            fields = {"type": "partial", "text": partial.text, "stable": partial.stable, "start": partial.start, "end": partial.end}
            typer.echo(json.dumps(rounded(fields), ensure_ascii=False))

        def tell_final(final: Final) -> None:
            segment = final.segment
            words = [
                rounded({"word": word.text, "start": word.start, "end": word.end, "confidence": word.confidence}) for word in segment.words
            ]
            fields = {"type": "final", "segment": final.number, "text": segment.text, "reason": final.reason}
            fields |= rounded({"start": segment.start, "end": segment.end})
            typer.echo(json.dumps({**fields, "words": words}, ensure_ascii=False))

        yield tell_partial, tell_final

    return shown()


def rounded(fields: dict[str, Any]) -> dict[str, Any]:
    """Times to the millisecond, confidences to four places."""
    return {name: round(value, 4 if name == "confidence" else 3) if isinstance(value, float) else value for name, value in fields.items()}


def microphone(device: str | None) -> Packets:
    """Packets of a microphone at its own rate.

    Raises:
        MissingExtraError: without the extra `mic`.
        TympanError: there is no such microphone, or it cannot be opened.
    """
    import queue

    sounddevice = library()
    waiting: queue.Queue[Any] = queue.Queue(QUEUED)
    lost = 0

    def take(data: Any, _frames: int, _time: object, _status: object) -> None:
        nonlocal lost
        try:
            waiting.put_nowait(data.copy())
        except queue.Full:
            lost += 1

    try:
        chosen = int(device) if device is not None and device.isdigit() else device
        sample_rate = int(sounddevice.query_devices(chosen, "input")["default_samplerate"])
        opened = sounddevice.InputStream(
            samplerate=sample_rate, blocksize=int(PACKET_S * sample_rate), device=chosen, channels=1, dtype="float32", callback=take
        )
        opened.start()
    except (sounddevice.PortAudioError, ValueError) as error:
        raise TympanError(
            f"The microphone cannot be opened ({error}).", "tympan listen --list-devices shows those that there are."
        ) from None
    try:
        while True:
            yield sample_rate, waiting.get().mean(axis=1)
    finally:
        opened.stop()
        opened.close()
        if lost:
            typer.echo(f"tympan: {lost * PACKET_S:.1f} s of audio were lost, because the model is too slow for this machine.", err=True)


def microphones() -> str:
    """Those that there are, a line each."""
    found = [(index, each) for index, each in enumerate(library().query_devices()) if each["max_input_channels"] > 0]
    return "\n".join(f"{index}: {each['name']} ({each['default_samplerate']:.0f} Hz)" for index, each in found) or "There is no microphone."


def library() -> Any:
    """sounddevice.

    Raises:
        MissingExtraError: it is not installed.
        TympanError: PortAudio, which it needs, is not there.
    """
    from tympan.extras import require

    require("mic", "The microphone")
    try:
        import sounddevice
    except OSError as error:
        raise TympanError(f"The microphone needs PortAudio ({error}).", "Debian and Ubuntu: apt install libportaudio2") from None
    return sounddevice
