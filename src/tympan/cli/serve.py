"""`tympan serve`: models behind sockets and HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tympan.cli.search_options import LIVE_BEAM_SIZE, LIVE_BEAM_THRESHOLD
from tympan.errors import TympanError

if TYPE_CHECKING:
    import socket

    from tympan.recognizer import Recognizer

LOCAL = ("127.0.0.1", "localhost", "::1")


def serve(
    host: Annotated[str, typer.Option("--host", help="Where to listen; 0.0.0.0 for all of the machine's addresses.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="0 for any that is free.", min=0, max=65535)] = 8000,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model", "-m", help="A model and its name: 'english' or 'mine=mine.tympan'. The first is the default.", metavar="[NAME=]PATH"
        ),
    ] = None,
    token: Annotated[
        Path | None, typer.Option("--token", help="A file of tokens, one a line; who has none is not let in.", show_default=False)
    ] = None,
    max_streams: Annotated[int, typer.Option("--max-streams", help="Sockets at a time; the next is refused.", min=1, max=10_000)] = 64,
    workers: Annotated[int, typer.Option("--workers", help="Threads for streams; 0 for one a core.", min=0, max=256)] = 0,
    scorer: Annotated[
        str | None, typer.Option("--scorer", help="A scorer, or 'none'; default the model's own.", metavar="FILE|none")
    ] = None,
    beam_size: Annotated[int, typer.Option("--beam-size", help="Hypotheses kept in the search.", min=1, max=100_000)] = LIVE_BEAM_SIZE,
    beam_threshold: Annotated[
        float, typer.Option("--beam-threshold", help="Worse hypotheses are dropped (natural log).", min=0.01)
    ] = LIVE_BEAM_THRESHOLD,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", help="A foreign page's origin that may open sockets. May be given often.", show_default=False),
    ] = None,
    wyoming: Annotated[
        str | None,
        typer.Option(
            "--wyoming",
            help="Be there for Home Assistant too: tcp://127.0.0.1:10300 or unix:///run/tympan.sock.",
            metavar="URI",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve models: live streams over WebSocket, uploads as OpenAI's clients send them, vosk-server's protocol.

    It listens on this machine alone unless --host says otherwise. SIGTERM lets streams finish; SIGHUP opens the models again.

    Examples:

        tympan serve

        tympan serve --model mine=mine.tympan --model english --max-streams 100

        tympan serve --host 0.0.0.0 --token tokens.txt

        tympan serve --wyoming tcp://127.0.0.1:10300

        curl -F file=@talk.mp3 http://127.0.0.1:8000/v1/audio/transcriptions
    """
    from tympan.extras import require

    require("serve", "tympan serve")
    from tympan.serve import Limits, Models, create_app
    from tympan.serve.allocator import return_memory
    from tympan.serve.guard import LOOPBACK, read_tokens
    from tympan.serve.run import run
    from tympan.serve.wyoming import WyomingDoor, listen_at
    from tympan.workers import cores

    return_memory()
    tokens = read_tokens(token) if token is not None else ()
    models = Models(openers(model or ["english"], scorer, beam_size, beam_threshold))
    local = host in LOCAL
    second = listen_at(wyoming, guarded=bool(tokens)) if wyoming is not None else None
    listening = listening_socket(host, port)
    address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
    app = create_app(
        models,
        Limits(max_streams=max_streams),
        workers=workers or cores(),
        tokens=tokens,
        hosts=LOOPBACK if local else (),
        origins=allow_origin or (),
    )
    if not local and not tokens:
        typer.echo(f"tympan: {host} can be reached by others, and no --token keeps them out.", err=True)
    if second is not None and not second.local:
        typer.echo(f"tympan: {second.address} can be reached by others, and Wyoming knows no tokens that could keep them out.", err=True)

    def ready() -> None:
        if second is not None:
            typer.echo(f"tympan: Wyoming at {second.address}", err=True)
        typer.echo(f"tympan: ready at {address} ({', '.join(models.loaded)})", err=True)

    run(app, listening, ready, [WyomingDoor(app.state, second.listening)] if second is not None else [])


def listening_socket(host: str, port: int) -> socket.socket:
    """One that listens there; TympanError if none can."""
    import socket

    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048)
    except OSError as error:
        raise TympanError(f"The server cannot listen on {host}:{port} ({error.strerror or error}).", "Choose another --port.") from None


def openers(given: list[str], scorer: str | None, beam_size: int, beam_threshold: float) -> dict[str, Callable[[], Recognizer]]:
    """Name -> what opens the model; TympanError for a name that is given twice."""
    from functools import partial

    from tympan.decoding import SearchOptions
    from tympan.recognizer import load

    found: dict[str, Callable[[], Recognizer]] = {}
    for text in given:
        name, separator, path = text.partition("=")
        path = path if separator else text
        name = name if separator else Path(text).stem
        if not name or name in found:
            raise TympanError(f"--model {text}: the name {name!r} is empty or was given before.", "Say NAME=PATH, each name once.")
        found[name] = partial(opened, load, path, scorer, SearchOptions(beam_size=beam_size, beam_threshold=beam_threshold))
    return found


def opened(load: Callable[..., Recognizer], path: str, scorer: str | None, search: object) -> Recognizer:
    """A recogniser whose network runs on one thread: streams use the cores side by side."""
    return load(path, threads=1, scorer=scorer, search=None if scorer == "none" else search)
