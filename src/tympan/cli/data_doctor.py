"""`tympan data doctor`: what is wrong with a corpus, before anything is trained on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tympan.cli.flags import Json
from tympan.errors import TympanError

if TYPE_CHECKING:
    from tympan.data.doctor import Corpus, Report
    from tympan.recognizer import Recognizer


def doctor(
    manifests: Annotated[
        list[Path] | None,
        typer.Argument(help="JSON lines; give training and test together, and they are compared too.", show_default=False),
    ] = None,
    fix: Annotated[
        Path | None, typer.Option("--fix", help="Write clean manifests: a file for one, a folder for several. Audio is never touched.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", help="Write one HTML file with pictures and the worst clips to listen to.")] = None,
    as_json: Json = False,
    model: Annotated[
        str | None, typer.Option("--model", "-m", help="A .tympan file or a name: check against its tokens and frames, and listen.")
    ] = None,
    tokens: Annotated[
        Path | None, typer.Option("--tokens", help="Instead of a model: the tokens, one a line, the blank first, a space for the space.")
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, help="Recordings at a time; 0 takes all cores.")] = 0,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="Decode every recording, or look at the manifests alone.")] = True,
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster", help="Spread the recordings over a Ray cluster: local, auto, HOST:PORT; --jobs has no effect.", metavar="ADDRESS"
        ),
    ] = None,
    explain: Annotated[str | None, typer.Option("--explain", help="Print the page of a check, e.g. D101, and stop.")] = None,
) -> None:
    """Find what would spoil a training: unreadable audio, impossible or wrong transcripts, leaks between training and test.

    The exit code is 1 if there is an error-level finding, 2 for mistakes of use. Manifests with train, dev (valid) or test in their
    name belong to that split; others are a split each.

    Examples:

        tympan data doctor train.jsonl dev.jsonl test.jsonl

        tympan data doctor train.jsonl --model my.tympan --html report.html

        tympan data doctor train.jsonl --fix clean.jsonl

        tympan data doctor train.jsonl --cluster auto

        tympan data doctor --explain D101
    """
    from tympan.data import doctor as clinic
    from tympan.files import write_atomically

    if explain is not None:
        typer.echo(clinic.page(explain))
        return
    if not manifests:
        raise TympanError("No manifest was given.", "Run: tympan data doctor train.jsonl")
    if model is not None and tokens is not None:
        raise TympanError("Both --model and --tokens were given.", "Give one of them.")
    if model is not None and not audio:
        raise TympanError("A model cannot listen with --no-audio.", "Leave one of them out; --tokens gives the table alone.")
    if cluster is not None and not audio:
        raise TympanError("A cluster has nothing to do with --no-audio.", "Leave one of them out.")
    manifests = list(dict.fromkeys(manifests))
    pairs = clinic.outputs(manifests, fix) if fix is not None else None
    if html is not None and html.is_dir():
        raise TympanError(f"{html} is a folder.", "Give --html a file's name, e.g. report.html.")
    corpus = clinic.read(manifests)
    report = (
        diagnose_on_cluster(cluster, corpus, model, tokens) if cluster is not None else diagnose(corpus, model, tokens, jobs, audio=audio)
    )
    facts = report.to_dict()
    try:
        cleaned = clinic.clean(report, pairs) if pairs is not None else None
        if html is not None:
            write_atomically(html, clinic.to_html(report).encode("utf-8", "replace"))
    except OSError as error:
        raise TympanError(f"The result cannot be written ({error}).", "Is there room, and may you write there?") from None
    if as_json:
        typer.echo(json.dumps({**facts, "fixed": cleaned.to_dict() if cleaned else None}))
    else:
        typer.echo(f"{facts['utterances']:,} utterances, {facts['hours']:.2f} h; {facts['frames']}")
        for line in report.lines():
            typer.echo(line)
        typer.echo("\n" + conclusion(report))
        if cleaned is not None:
            typer.echo(f"{fix}: {cleaned}")
    raise typer.Exit(1 if report.has_errors else 0)


def diagnose(corpus: Corpus, model: str | None, tokens: Path | None, jobs: int, *, audio: bool) -> Report:
    """Gather what the checks need, and run them."""
    from tympan.cli.display import progress
    from tympan.data import doctor as clinic

    recognizer = prepare(corpus, model, tokens, jobs)
    if audio:
        paths = [row.utterance.audio for row in corpus.rows]
        with progress("decoding the audio", len(set(paths))) as advance:
            corpus.recordings = clinic.measure(paths, jobs, advance)
    if recognizer is not None:
        with progress("listening", len(corpus.rows)) as advance:
            corpus.heard = clinic.listen(corpus, recognizer, advance)
    return clinic.examine(corpus)


def diagnose_on_cluster(address: str, corpus: Corpus, model: str | None, tokens: Path | None) -> Report:
    """The same with the recordings spread over a cluster; what looks at all of them stays here."""
    from tympan import scale
    from tympan.cli.display import progress
    from tympan.data import doctor as clinic

    prepare(corpus, model, tokens, 1)
    with scale.connected(address):
        paths = [row.utterance.audio for row in corpus.rows]
        with progress("decoding the audio", len(set(paths))) as advance:
            corpus.recordings = scale.measure(paths, advance)
        if model is not None:
            with progress("listening", len(corpus.rows)) as advance:
                corpus.heard = scale.listen(corpus, scale.pack(model), advance)
    return clinic.examine(corpus)


def prepare(corpus: Corpus, model: str | None, tokens: Path | None, threads: int) -> Recognizer | None:
    """Tell the corpus its model or its tokens; the model, if there is one."""
    from tympan.data import doctor as clinic
    from tympan.tokens import TokenTable

    if model is not None:
        from tympan.recognizer import load

        recognizer = load(model, threads=threads)
        clinic.use_model(corpus, recognizer)
        return recognizer
    if tokens is not None:
        corpus.tokens = TokenTable.read(tokens)
    return None


def conclusion(report: Report) -> str:
    """The last line."""
    counts = {level: sum(len(found.faults) for found in report.findings if found.level == level) for level in ("error", "warning", "note")}
    text = ", ".join(f"{count:,} {level}{'' if count == 1 else 's'}" for level, count in counts.items())
    not_run = {code: need for code, need in report.not_run.items() if need != "sets"}
    wanting = sorted(set(not_run.values()))
    ways = {"tokens": "--tokens or --model", "audio": "the audio", "model": "--model"}
    more = f"; not checked, as it needs {' and '.join(ways[need] for need in wanting)}: {', '.join(not_run)}" if wanting else ""
    return text + more
