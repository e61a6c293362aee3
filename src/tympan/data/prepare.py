"""From a folder of anybody's recordings to manifests.

    folder -> layout -> found -> measured -> cut where an utterance is part of a recording -> split -> MANIFEST.jsonl

Nothing vanishes: what cannot be used is counted by its reason, and named.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tympan import audio
from tympan.data.clips import Clip, clip_name, cut
from tympan.data.layouts import LAYOUTS, Finding, Found, LeftOut, recognise
from tympan.data.layouts.finding import NO_AUDIO, examples
from tympan.data.manifest import write_manifest
from tympan.data.prepared import NOT_UNICODE, OUTSIDE, TWICE, UNREADABLE, Losses, Part, Progress, Report
from tympan.data.split import OWN, PARTS, empty_parts, parse_shares, part_of
from tympan.errors import ManifestError, TympanError
from tympan.tokens import normalize_unicode

AS_LONG_S = 0.05  # an utterance this close to the recording's ends is the whole recording: lists round
BEYOND_S = 0.5  # an utterance may end this much after its recording: lists round, and decoders cut
THREADS = min(8, os.cpu_count() or 1)  # reading headers waits for the disk


def prepare(
    folder: Path,
    output: Path,
    *,
    split: str | None = None,
    layout: str | None = None,
    seed: int = 0,
    progress: Progress = lambda what, done, total: None,
) -> Report:
    """Write manifests of what a folder holds.

    Args:
        folder: of recordings in any of the forms in `layouts`; or one list.
        output: the manifest; with a split, train goes to `output` with -train before its suffix, and so on.
        split: shares as "0.9,0.05,0.05"; "own" for the corpus's own parts; None for one manifest.
        layout: the form; None recognises it.
        seed: of the split; another seed, other speakers.

    Raises:
        ManifestError: nothing that could be used, or a list that cannot be read.
        TympanError: a split that is none, or that leaves a part empty.
    """
    if split not in (None, OWN):
        parse_shares(split or "")
    name, evidence = recognise(folder, layout)
    if name == "nemo" and output.exists() and folder.is_dir() and output.resolve().parent == folder.resolve():
        raise TympanError(
            f"{output} lies in {folder} and would be read as one of its lists.",
            "Write the manifest to another folder, or remove it and what was split from it.",
        )
    findings: list[Finding] = []
    for finding in LAYOUTS[name].utterances(folder):
        findings.append(finding)
        progress("reading lists", len(findings), 0)
    return prepare_findings(findings, folder, output, name, evidence.why, split=split, seed=seed, progress=progress)


def prepare_findings(
    findings: Iterable[Finding], folder: Path, output: Path, layout: str, why: str, *, split: str | None, seed: int, progress: Progress
) -> Report:
    """As `prepare`, for utterances that were found already."""
    losses = Losses()
    found = usable(findings, losses)
    if not found:
        raise nothing_left(folder, layout, losses)
    shares = parse_shares(split) if split not in (None, OWN) and split is not None else ()
    if shares:
        check_parts(found, folder, shares, seed)
    measured = measure(found, losses, progress)
    clips = output.with_name(f"{output.stem}-clips")
    kept, was_cut = cut_pieces(measured, clips, losses, progress)
    if not kept:
        raise nothing_left(folder, layout, losses)
    names = [part_of(split_key(item, folder), shares, seed) if shares else item.part if split == OWN else "" for item, _ in kept]
    parts = write_parts(kept, names, output, order=PARTS[len(shares)] if shares else tuple(sorted(set(names))))
    by = "" if split is None else OWN if split == OWN else "speaker" if any(item.speaker for item, _ in kept) else "recording"
    notes = notes_on(kept, by)
    return Report(layout, why, parts, losses.by_reason, by, notes, clips if was_cut else None)


def usable(findings: Iterable[Finding], losses: Losses) -> list[Found]:
    """Those with a recording, and an id of their own."""
    seen: set[str] = set()
    there: dict[Path, bool] = {}
    found = []
    for finding in findings:
        if isinstance(finding, LeftOut):
            losses.add(finding.reason, finding.where)
            continue
        if finding.audio not in there:
            there[finding.audio] = audio.stamp(finding.audio) is not None and not finding.audio.is_dir()
        if not there[finding.audio]:
            losses.add(NO_AUDIO, str(finding.audio))
        elif finding.id in seen:
            losses.add(TWICE, finding.id)
        elif not writable(finding):
            losses.add(NOT_UNICODE, ascii(str(finding.audio)))
        else:
            seen.add(finding.id)
            found.append(finding)
    return found


def writable(item: Found) -> bool:
    """Whether all of it can stand in a file in UTF-8; names of old discs cannot."""
    try:
        "".join((item.id, str(item.audio), item.text, item.speaker)).encode()
    except UnicodeEncodeError:
        return False
    return True


def nothing_left(folder: Path, layout: str, losses: Losses) -> ManifestError:
    reasons = "; ".join(f"{reason} ({len(where):,}: {examples(where, 2)})" for reason, where in losses.by_reason.items())
    message = f"{folder} ({layout}) holds no usable utterance: {reasons or 'it is empty'}."
    return ManifestError(message, "Mend that, or choose another --layout.")


def check_parts(found: Sequence[Found], folder: Path, shares: Sequence[float], seed: int) -> None:
    """TympanError if a part would be empty: better now than after all recordings were measured."""
    keys = {split_key(item, folder) for item in found}
    if empty := empty_parts(keys, shares, seed):
        raise TympanError(
            f"With {len(keys)} speakers or recordings, none falls into {' or '.join(empty)}.",
            "Give larger shares (--split 0.6,0.2,0.2) or another --seed; or put speakers into folders of your own choice.",
        )


def split_key(item: Found, folder: Path) -> str:
    """What must not be torn apart: the speaker, else the recording, named so that the corpus may be moved."""
    if item.speaker:
        return item.speaker
    try:
        return item.audio.relative_to(folder).as_posix()
    except ValueError:
        return item.audio.as_posix()


def measure(found: Sequence[Found], losses: Losses, progress: Progress) -> list[tuple[Found, float]]:
    """Each utterance with the seconds of its recording; unreadable recordings are left out."""
    recordings = list(dict.fromkeys(item.audio for item in found))
    lengths: dict[Path, float] = {}
    reasons: dict[Path, str] = {}
    with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as pool:
        warnings.simplefilter("ignore", audio.TruncatedAudioWarning)  # `tympan data doctor` looks for these
        for done, (path, result) in enumerate(zip(recordings, pool.map(length_of, recordings), strict=True), start=1):
            if isinstance(result, str):
                reasons[path] = result
            else:
                lengths[path] = result
            progress("measuring", done, len(recordings))
    for item in found:
        if item.audio in reasons:
            losses.add(UNREADABLE, reasons[item.audio])
    return [(item, lengths[item.audio]) for item in found if item.audio in lengths]


def length_of(path: Path) -> float | str:
    """Seconds by the header, or by decoding where it does not tell; or why there are none."""
    try:
        facts = audio.info(path)
        if facts.duration_s is not None:
            return facts.duration_s if facts.duration_s > 0 else f"{path} holds no samples."
        return sum(len(block) for block in audio.blocks(path, facts.sample_rate)) / facts.sample_rate
    except TympanError as error:
        return error.message


def cut_pieces(
    measured: Sequence[tuple[Found, float]], folder: Path, losses: Losses, progress: Progress
) -> tuple[list[tuple[Found, float]], bool]:
    """Utterances that are whole recordings as they are, the others as files of their own; and whether any was cut."""
    kept: list[tuple[Found, float]] = []
    pieces: dict[Path, list[tuple[Found, Clip]]] = {}
    for item, length_s in measured:
        end_s = length_s if item.end_s is None else min(item.end_s, length_s)
        if item.start_s <= 0 and end_s >= length_s - AS_LONG_S:
            kept.append((item, length_s))
        elif item.start_s >= end_s or (item.end_s or 0) > length_s + BEYOND_S:
            losses.add(OUTSIDE, f"{item.id} ({item.start_s:g} to {item.end_s or length_s:g} s of {length_s:g} s)")
        else:
            pieces.setdefault(item.audio, []).append((item, Clip(item.start_s, end_s, folder / clip_name(item.id))))
    for done, (recording, wanted) in enumerate(pieces.items(), start=1):
        try:
            lengths = cut(recording, [clip for _, clip in wanted])
        except TympanError as error:
            for _ in wanted:
                losses.add(UNREADABLE, error.message)
            continue
        for (item, clip), length_s in zip(wanted, lengths, strict=True):
            if length_s < clip.end_s - clip.start_s - BEYOND_S or not length_s:
                losses.add(OUTSIDE, f"{item.id} (the recording ends before)")
            else:
                kept.append((replace(item, audio=clip.path), length_s))
        progress("cutting", done, len(pieces))
    return kept, bool(pieces)


def write_parts(kept: Sequence[tuple[Found, float]], names: Sequence[str], output: Path, order: Sequence[str]) -> tuple[Part, ...]:
    """One manifest a part."""
    parts = []
    for name in order:
        members = [pair for pair, of in zip(kept, names, strict=True) if of == name]
        if not members:
            continue
        path = output.with_name(f"{output.stem}-{clip_name(name).removesuffix('.flac')}{output.suffix}") if name else output
        write_manifest(path, (row(item, length_s, path.parent) for item, length_s in members))
        speakers = len({item.speaker for item, _ in members if item.speaker})
        silent = sum(not normalize_unicode(item.text) for item, _ in members)
        parts.append(Part(path, name, len(members), sum(length_s for _, length_s in members), speakers, silent))
    return tuple(parts)


def row(item: Found, length_s: float, home: Path) -> dict[str, object]:
    """A manifest's line; paths below the manifest's folder are relative, so that both can be moved."""
    audio_path = Path(os.path.abspath(item.audio))
    base = Path(os.path.abspath(home))
    path = audio_path.relative_to(base).as_posix() if audio_path.is_relative_to(base) else str(audio_path)
    fields: dict[str, object] = {"audio_filepath": path, "duration": round(length_s, 4), "text": normalize_unicode(item.text)}
    return {**fields, **({"speaker": item.speaker} if item.speaker else {}), "id": item.id}


def notes_on(kept: Sequence[tuple[Found, float]], split_by: str) -> tuple[str, ...]:
    """What the user should know about the split."""
    unknown = sum(not item.speaker for item, _ in kept)
    if split_by == "recording":
        return (
            "Nobody tells who speaks, so it was split by recording. The same voice may be in train and test, and then results flatter: "
            "a new speaker will be understood worse than the test says.",
        )
    if split_by == "speaker" and unknown:
        return (f"{unknown:,} utterances have no speaker and were split by recording: their voices may be in several parts.",)
    if split_by == OWN and not any(item.part for item, _ in kept):
        return ("The corpus has no parts of its own, so there is one manifest.",)
    return ()
