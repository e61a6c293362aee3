"""Presets by name."""
PRESETS: dict[str, dict] = {}
