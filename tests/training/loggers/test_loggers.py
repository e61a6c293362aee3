"""Each logger really keeps curves, transcripts and pictures: read back with the service's own package, offline."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from noise_corpus import make_corpus, sections, train_here
from tympan.errors import MissingExtraError, RecipeError, TrainingError
from tympan.training.loggers import LOGGERS, check_installed
from tympan.training.loggers.sink import markdown
from tympan.training.recipe import check_recipe

PACKAGES = {"comet": "comet_ml", "mlflow": "mlflow", "tensorboard": "tensorboard", "wandb": "wandb"}
TRAIN = """
import json, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from noise_corpus import train_here
for note in train_here(json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])).notes:
    print(note)
"""


def needs(name: str) -> None:
    if find_spec(PACKAGES[name]) is None:
        pytest.skip(f"the extra '{name}' is not installed (pip install 'tympan[{name}]')")


@pytest.fixture
def recipe(tmp_path: Path) -> dict[str, Any]:
    return sections(make_corpus(tmp_path / "corpus"), training={"accumulate": 1, "max_epochs": 2, "checkpoint_minutes": 100.0})


def train_with(recipe: dict[str, Any], logger: Any, folder: Path) -> list[str]:
    """Train in a process of its own, far from the network and from anybody's account; what was told."""
    path = folder.with_suffix(".json")
    path.write_text(json.dumps({**recipe, "loggers": [logger]}, default=str))
    private = {name: value for name, value in os.environ.items() if not name.startswith(("WANDB", "MLFLOW", "COMET"))}
    home = folder.with_suffix(".home")
    home.mkdir(exist_ok=True)
    paths = [entry for entry in sys.path if entry]
    command = [sys.executable, "-W", "ignore", "-c", TRAIN.format(paths=paths), path, folder]
    done = subprocess.run(command, env={**private, "HOME": str(home)}, capture_output=True, text=True, check=False, cwd=home)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def expected(folder: Path, key: str) -> list[tuple[int, float]]:
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    found = [(row["step"], row[key]) for row in rows if key in row]
    assert found
    return found


def test_every_logger_of_the_recipe_has_a_file() -> None:
    assert set(LOGGERS) == set(PACKAGES)


def test_tensorboard_keeps_curves_transcripts_and_pictures(recipe: dict[str, Any], tmp_path: Path) -> None:
    needs("tensorboard")
    pytest.importorskip("matplotlib")
    train_here({**recipe, "loggers": ["tensorboard"]}, tmp_path / "run")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    for key in ("train/loss", "train/waiting_share", "dev/wer", "dev/blank_share"):
        steps, values = zip(*expected(tmp_path / "run", key), strict=True)
        assert tuple(event.step for event in events.Scalars(key)) == steps
        assert [event.value for event in events.Scalars(key)] == pytest.approx(values, rel=1e-6)
    texts = events.Tensors("transcripts/text_summary")
    assert len(texts) == 2 and b"| said | heard |" in texts[0].tensor_proto.string_val[0]
    (first, *_) = events.Images("utterance")
    assert first.width > 1000 and first.encoded_image_string.startswith(b"\x89PNG")


def test_wandb_keeps_them_offline(recipe: dict[str, Any], tmp_path: Path) -> None:
    needs("wandb")
    told = train_with(recipe, {"name": "wandb", "offline": True, "project": "noise"}, tmp_path / "run")
    assert not [note for note in told if "fails" in note]
    (folder,) = (tmp_path / "run" / "wandb").glob("offline-run-*")
    (path,) = folder.glob("run-*.wandb")
    records = path.read_bytes()  # protocol buffers, whose texts stand in clear
    for part in (b"dev/wer", b"train/waiting_share", b"noise"):
        assert part in records, part
    (first, *_) = sorted((folder / "files" / "media" / "table").glob("transcripts*.json"))
    table = json.loads(first.read_text())
    assert table["columns"] == ["said", "heard"] and table["data"]
    assert any((folder / "files" / "media" / "images").glob("utterance*.png"))


def test_mlflow_keeps_them_offline(recipe: dict[str, Any], tmp_path: Path) -> None:
    needs("mlflow")
    told = train_with(recipe, {"name": "mlflow", "offline": True, "project": "noise"}, tmp_path / "run")
    assert not [note for note in told if "fails" in note], told
    run_id = json.loads((tmp_path / "run" / "state.json").read_text())["mlflow"]
    store = tmp_path / "run" / "mlflow"
    (run,) = store.glob(f"*/{run_id}")
    written = [line.split() for line in (run / "metrics" / "dev" / "wer").read_text().splitlines()]
    assert [(int(step), float(value)) for _, value, step in written] == expected(tmp_path / "run", "dev/wer")
    assert any("| said | heard |" in path.read_text() for path in run.glob("artifacts/transcripts/*.md"))
    assert any(run.glob("artifacts/utterance/*.png"))


def test_comet_keeps_them_offline(recipe: dict[str, Any], tmp_path: Path) -> None:
    needs("comet")
    told = train_with(recipe, {"name": "comet", "offline": True, "project": "noise"}, tmp_path / "run")
    assert not [note for note in told if "fails" in note], told
    (path,) = (tmp_path / "run" / "comet").glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        names, messages = archive.namelist(), archive.read("messages.json").decode()
    payloads = [json.loads(line)["payload"] for line in messages.splitlines()]
    metrics = [payload["metric"] for payload in payloads if payload.get("metric", {}).get("metricName") == "dev/wer"]
    assert [(metric["step"], metric["metricValue"]) for metric in metrics] == expected(tmp_path / "run", "dev/wer")
    files = [payload.get("additional_params", {}) for payload in payloads]
    assert any(str(facts.get("fileName", "")).startswith("transcripts-") for facts in files), names
    assert any(facts.get("figName") == "utterance" for facts in files)


def test_missing_package_is_told_before_anything_is_prepared(
    recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tympan.extras.find_spec", lambda name: None if name == "wandb" else find_spec(name))
    with pytest.raises(MissingExtraError, match=r"The logger wandb .*pip install 'tympan\[wandb\]'"):
        train_here({**recipe, "loggers": ["tensorboard", "wandb"]}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_one_line_of_a_recipe_names_them(recipe: dict[str, Any]) -> None:
    checked = check_recipe({**recipe, "loggers": ["tensorboard", {"name": "mlflow", "offline": True}]}, "test.yaml")
    assert [(logger.name, logger.offline) for logger in checked.loggers] == [("tensorboard", False), ("mlflow", True)]
    check_installed(check_recipe({**recipe, "loggers": []}, "test.yaml"))
    with pytest.raises(RecipeError, match="loggers"):
        check_recipe({**recipe, "loggers": ["neptune"]}, "test.yaml")


def test_logger_that_fails_is_named_and_left_out_and_the_training_goes_on(
    recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tympan.training.loggers.tensorboard import TensorBoard

    def fail(*_: Any) -> None:
        raise ConnectionError("the service is away")

    monkeypatch.setattr(TensorBoard, "scalars", fail)
    told = train_here({**recipe, "loggers": ["tensorboard"]}, tmp_path / "run").notes
    assert [note for note in told if "tensorboard fails" in note] == [
        "the logger tensorboard fails and is left out from now on: ConnectionError: the service is away"
    ]
    assert expected(tmp_path / "run", "dev/wer")


def test_logger_that_cannot_be_opened_is_a_sentence(recipe: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise PermissionError("no key")

    monkeypatch.setitem(LOGGERS, "tensorboard", fail)
    with pytest.raises(TrainingError, match=r"The logger tensorboard cannot be opened: PermissionError: no key.* offline: true"):
        train_here({**recipe, "loggers": ["tensorboard"]}, tmp_path / "run")


def test_transcripts_cannot_break_their_table() -> None:
    assert markdown([("a|b", "c")]).splitlines()[2] == "| a b | c |"
