"""`tympan data align`: an hour with one text becomes utterances."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tympan.cli.flags import Json, Model
from tympan.errors import TympanError

if TYPE_CHECKING:
    from tympan.data.aligning import AlignedUtterance, Alignment


def align(
    recording: Annotated[Path, typer.Argument(help="A recording of any length.", show_default=False)],
    text: Annotated[Path, typer.Argument(help="All that is said in it, as a text file in UTF-8.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="A folder for manifest.jsonl, clips/ and alignment.jsonl.")],
    model: Model = "english",
    scorer: Annotated[str | None, typer.Option("--scorer", help="A scorer; default the model's own.", metavar="FILE|none")] = None,
    longest: Annotated[float, typer.Option("--longest", help="Seconds of the longest utterance.")] = 15.0,
    shortest: Annotated[float, typer.Option("--shortest", help="Seconds before which a pause does not cut.")] = 3.0,
    pause: Annotated[float, typer.Option("--pause", help="Seconds from which on a gap between two words is a pause.")] = 0.4,
    min_confidence: Annotated[float, typer.Option("--min-confidence", help="Utterances below are dropped, 0 to 1.")] = 0.3,
    speaker: Annotated[str, typer.Option("--speaker", help="Who speaks, for the manifest.")] = "",
    clips: Annotated[bool, typer.Option("--clips/--no-clips", help="Cut the audio; without, only alignment.jsonl is written.")] = True,
    threads: Annotated[int, typer.Option("--threads", help="CPU threads; 0 for all cores.", min=0)] = 0,
    as_json: Json = False,
) -> None:
    """Cut a long recording with one long transcript into utterances.

    The model listens, finds places where recording and transcript certainly meet, and aligns what lies between. Utterances end at pauses.
    What the model does not hear where the transcript has it is dropped, with its reason, in alignment.jsonl.

    Examples:

        tympan data align talk.mp3 talk.txt -o talk/

        tympan data align chapter.flac chapter.txt -o chapter/ --model mine.tympan --min-confidence 0.7 --speaker anna
    """
    from tympan.cli.display import phases
    from tympan.data.aligning import CutOptions, align_recording
    from tympan.recognizer import load

    options = CutOptions(shortest_s=shortest, longest_s=longest, pause_s=pause, min_confidence=min_confidence)
    words = read_text(text)
    recognizer = load(model, threads=threads, scorer=scorer if scorer in (None, "none") else Path(scorer))
    with phases() as progress:
        found = align_recording(recognizer, recording, words, options, progress)
    write(found, recording, output, speaker, clips)
    report(found, output, clips, as_json)


def read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise TympanError(f"The transcript {path} cannot be read ({error}).", "It must be a text file in UTF-8.") from None


def write(found: Alignment, recording: Path, output: Path, speaker: str, clips: bool) -> None:
    """alignment.jsonl with all, and for those that are kept clips and a manifest."""
    from tympan.data.clips import Clip, cut
    from tympan.data.manifest import write_manifest

    kept = [item for item in found.utterances if not item.dropped]
    write_manifest(output / "alignment.jsonl", (times_of(item) for item in found.utterances))
    if not clips or not kept:
        return
    names = [f"{recording.stem}-{number:04d}" for number in range(len(kept))]
    paths = [output / "clips" / f"{name}.flac" for name in names]
    seconds = cut(recording, [Clip(item.start_s, item.end_s, path) for item, path in zip(kept, paths, strict=True)])
    rows = [
        {"audio_filepath": f"clips/{path.name}", "duration": round(length_s, 4), "text": item.text}
        | ({"speaker": speaker} if speaker else {})
        | {"id": name, "confidence": round(item.confidence, 4)}
        for item, path, name, length_s in zip(kept, paths, names, seconds, strict=True)
    ]
    write_manifest(output / "manifest.jsonl", rows)


def times_of(item: AlignedUtterance) -> dict[str, object]:
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(item).items()}


def report(found: Alignment, output: Path, clips: bool, as_json: bool) -> None:
    """How much was kept, and why the rest was not; exit code 1 if nothing was."""
    kept = [item for item in found.utterances if not item.dropped]
    reasons: dict[str, list[AlignedUtterance]] = {}
    for item in found.utterances:
        if item.dropped:
            reasons.setdefault(item.dropped, []).append(item)
    kept_s = sum(item.end_s - item.start_s for item in kept)
    if as_json:
        dropped = {reason: len(items) for reason, items in reasons.items()}
        facts = {"kept": len(kept), "kept_s": round(kept_s, 3), "duration_s": round(found.duration_s, 3), "dropped": dropped}
        typer.echo(json.dumps({**facts, "words": found.words, "unspelled": found.unspelled, "anchors": found.anchors}, indent=1))
    else:
        typer.echo(f"recording   {found.duration_s / 60:.1f} min, {found.words:,} words written, {found.anchors:,} anchors")
        typer.echo(
            f"kept        {len(kept):,} utterances, {kept_s / 60:.1f} min{'' if not clips or not kept else f', {output}/manifest.jsonl'}"
        )
        for reason, items in reasons.items():
            count = sum(len(item.text.split()) for item in items)
            example = min(items, key=lambda item: len(item.text)).text[:60]
            typer.echo(f"dropped     {len(items):,} ({count:,} words): {reason}; e.g. {example!r}")
        if found.unspelled:
            typer.echo(f"note        {found.unspelled:,} words cannot be spelled by the model (digits?); they are kept, but not aligned.")
    if not kept:
        raise typer.Exit(1)
