"""The flags that mean the same in every command; tests/cli/test_main.py holds the commands to them."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Report as JSON, for machines.")]
SecondPass = Annotated[
    bool, typer.Option("--second-pass", help="Of streams: hear each piece whole once more when it ends; better finals, a little later.")
]
Model = Annotated[str, typer.Option("--model", "-m", help="A .tympan file, or the name of a model inside the package.")]
