"""The command line: one file a command."""

from tympan.cli.main import main

__all__ = ["main"]
