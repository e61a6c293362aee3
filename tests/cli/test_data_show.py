from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
import soundfile
import yaml
from typer.testing import CliRunner, Result

from sounds import RATE, white
from tympan import extras
from tympan.cli import data_show
from tympan.cli.main import app
from tympan.errors import TympanError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    lines = []
    for name in ("a", "b"):
        soundfile.write(tmp_path / f"{name}.wav", white(RATE), RATE)
        lines.append(json.dumps({"audio_filepath": f"{name}.wav", "duration": 1.0, "text": f"<i>{name}</i>", "id": name}))
    (tmp_path / "m.jsonl").write_text("\n".join(lines))
    recipe = {
        "name": "r",
        "seed": 3,
        "data": {"train": ["m.jsonl"], "dev": ["m.jsonl"]},
        "augment": {"speed": {"factors": [1.1]}, "noise": {"manifest": str(tmp_path / "m.jsonl"), "snr_db": [12, 12]}},
        "features": {"name": "mel128"},
        "model": {"encoder": {"name": "conformer"}},
    }
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe))
    return tmp_path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["data", "show", *map(str, arguments)])


def test_a_page_shows_before_and_after_and_says_what_was_drawn(folder: Path) -> None:
    loud = ("--set", "augment.noise.probability=1")
    result = run(folder / "m.jsonl", "--augment", folder / "r.yaml", *loud, "--count", "2", "-o", folder / "o.html")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert len(lines) == 4 and lines[0].split() == ["a", "1.00", "s", "as", "recorded"]
    for line in lines[1:3]:
        assert "0.91 s" in line and "speed 1.1, noise 12 dB (" in line and "masks over" in line
    page = (folder / "o.html").read_text()
    assert page.count("<audio ") == 3 and "noise 12 dB" in page and "&lt;i&gt;a&lt;/i&gt;" in page
    assert "frames of 128" in page, "the recipe's own front end"


def test_the_same_seed_gives_the_same_page_and_another_another(folder: Path) -> None:
    pages = []
    for seed in ((), ("--seed", "3"), ("--seed", "4")):
        run(folder / "m.jsonl", "--augment", folder / "r.yaml", "--utterance", "b", *seed, "-o", folder / "o.html")
        pages.append((folder / "o.html").read_text())
    assert pages[0] == pages[1] != pages[2], "the recipe's seed is 3"


def test_utterances_are_chosen_by_id_and_drawn_without_a_recipe(folder: Path) -> None:
    result = run(folder / "m.jsonl", "--utterance", "b", "--utterance", "a", "-o", folder / "o.png")
    assert [line.split()[0] for line in result.output.splitlines()] == ["b", "a", "written:"]
    assert (folder / "o.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["m.jsonl", "-o", "o.txt"], ["o.txt", ".html, .pdf, .png, .svg"]),
        (["m.jsonl", "-o", "."], ["endings"]),
        (["none.jsonl", "-o", "o.html"], ["no manifest", "none.jsonl"]),
        (["m.jsonl", "--utterance", "x", "-o", "o.html"], ["no utterance 'x'"]),
        (["m.jsonl", *["--utterance", "a"] * 21, "-o", "o.html"], ["21 utterances", "up to 20"]),
        (["m.jsonl", "--set", "augment.speed=null", "-o", "o.html"], ["--set", "--augment"]),
        (["m.jsonl", "--augment", "none.yaml", "-o", "o.html"], ["no recipe", "none.yaml"]),
        (["m.jsonl", "--augment", "r.yaml", "--set", "augment.noise.snr_db=[9]", "-o", "o.html"], ["augment.noise.snr_db"]),
        (["m.jsonl", "--augment", "r.yaml", "--set", "augment.noise.manifest=x.jsonl", "-o", "o.html"], ["no manifest", "x.jsonl"]),
    ],
)
def test_mistakes_are_sentences_and_nothing_is_written(
    folder: Path, arguments: list[str], parts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    result = run(*arguments)
    assert isinstance(result.exception, TympanError)
    for part in parts:
        assert part in str(result.exception)
    assert not list(folder.glob("o.*"))


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    found = importlib.util.find_spec
    for place in (extras, data_show):
        monkeypatch.setattr(place, "find_spec", lambda name: None if name in modules else found(name))


def test_a_page_needs_no_matplotlib_and_no_torch_and_a_picture_says_what_it_needs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "matplotlib", "torch")
    assert run(folder / "m.jsonl", "--augment", folder / "r.yaml", "-o", folder / "o.html").exit_code == 0
    result = run(folder / "m.jsonl", "-o", folder / "o.png")
    assert "Drawing o.png (it imports matplotlib) needs the extra 'plot'" in str(result.exception)


def test_a_recipe_without_yaml_and_a_preset_without_torch_are_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    preset = ("--set", "features={}", "--set", "model.preset=crnn-assembly")
    without(monkeypatch, "torch")
    result = run(folder / "m.jsonl", "--augment", folder / "r.yaml", *preset, "-o", folder / "o.html")
    assert "preset crnn-assembly" in str(result.exception) and "tympan[train]" in str(result.exception)
    without(monkeypatch, "yaml")
    result = run(folder / "m.jsonl", "--augment", folder / "r.yaml", "-o", folder / "o.html")
    assert "yaml" in str(result.exception) and "tympan[plot]" in str(result.exception)


def test_a_preset_s_front_end_is_shown_where_torch_is(folder: Path) -> None:
    preset = ("--set", "features={}", "--set", "model.preset=crnn-assembly")
    assert run(folder / "m.jsonl", "--augment", folder / "r.yaml", *preset, "-o", folder / "o.html").exit_code == 0
    assert "frames of 128" in (folder / "o.html").read_text()
