"""The server: sockets that hear as one speaks, uploads as OpenAI's clients send them, and what operators need."""

from __future__ import annotations

from tympan.serve.app import create_app
from tympan.serve.limits import Limits
from tympan.serve.models import Models

__all__ = ["Limits", "Models", "create_app"]
