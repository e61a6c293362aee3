"""Encoders that others have saved: what they hear here is what they hear there, whatever stands beside it in a batch."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from noise_corpus import make_corpus, sections, train_here
from tympan.bundle import Bundle
from tympan.errors import MissingExtraError, RecipeError
from tympan.features import from_config
from tympan.models import build
from tympan.models.encoders import HuggingFaceEncoder
from tympan.recognizer import Recognizer
from tympan.training.checkpoint import load_checkpoint
from tympan.training.export import export
from tympan.training.proof import proof_clips

transformers = pytest.importorskip("transformers", reason="transformers needs Python 3.11")
KINDS = ("wav2vec2", "hubert", "wavlm")
SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [8, 8, 8, 8, 8, 8, 8],
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "layerdrop": 0.0,
}
NORMS = {"group": {"feat_extract_norm": "group"}, "layer": {"feat_extract_norm": "layer", "do_stable_layer_norm": True}}


def saved(folder: Path, kind: str, norm: str = "group", **more: Any) -> Path:
    """A random miniature, as `save_pretrained` writes it."""
    torch.manual_seed(5)
    config = transformers.AutoConfig.for_model(kind, **{**SMALL, **NORMS[norm], **more})
    transformers.AutoModel.from_config(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("hf") / "wav2vec2", "wav2vec2")


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_hears_what_the_librarys_model_hears(kind: str, norm: str, tmp_path: Path) -> None:
    folder = saved(tmp_path, kind, norm)
    (folder / "preprocessor_config.json").write_text(json.dumps({"do_normalize": norm == "layer"}))
    encoder = HuggingFaceEncoder(path=str(folder)).eval()
    assert encoder.normalize == (norm == "layer")
    model = transformers.AutoModel.from_pretrained(folder).eval()
    samples = 0.3 * torch.randn(1, 31 * 320)
    with torch.no_grad():
        encoded, lengths = encoder(samples.reshape(1, 31, 320), torch.tensor([31]))
        more = torch.nn.functional.pad(samples, (0, 80))  # what the last frame lacks; normalised over what was there
        if encoder.normalize:
            more[:, : 31 * 320] = (samples - samples.mean()) / (samples.var(correction=0) + 1e-7).sqrt()
        expected = model(more).last_hidden_state
    assert lengths.tolist() == [31]
    torch.testing.assert_close(encoded, expected, atol=2e-5, rtol=0)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_utterance_does_not_know_its_batch(kind: str, norm: str) -> None:
    torch.manual_seed(1)
    encoder = HuggingFaceEncoder(config={"model_type": kind, **SMALL, **NORMS[norm]}).eval()
    features, lengths = torch.randn(4, 20, 320), torch.tensor([20, 7, 0, 1])
    with torch.no_grad():
        together, counts = encoder(features, lengths)
        for row, frames in enumerate(lengths.tolist()):
            if frames:
                alone, _ = encoder(features[row : row + 1, :frames], lengths[row : row + 1])
                torch.testing.assert_close(together[row : row + 1, :frames], alone, atol=1e-5, rtol=0)
            assert not together[row, frames:].any()
    assert counts.tolist() == [20, 7, 0, 1]


def test_silence_and_nothing_have_gradients(folder: Path) -> None:
    encoder = HuggingFaceEncoder(path=str(folder)).train()
    encoded, _ = encoder(torch.zeros(2, 5, 320), torch.tensor([5, 0]))
    encoded.square().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in encoder.parameters() if parameter.grad is not None)


def test_spans_are_hidden_in_training_alone(folder: Path) -> None:
    torch.manual_seed(0)
    config = {**HuggingFaceEncoder(path=str(folder)).description, "mask_time_prob": 0.5, "mask_time_length": 4}
    encoder = HuggingFaceEncoder(config=config)
    x = torch.randn(3, 40, 16)
    found = encoder.masked(x)
    hidden = (found != x).any(dim=2)
    assert 0.2 < hidden.float().mean() < 0.6 and (found[hidden] == encoder.model.masked_spec_embed).all()
    features, lengths = torch.randn(1, 30, 320), torch.tensor([30])
    for module in encoder.model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    with torch.no_grad():
        still = encoder.eval()(features, lengths)[0]
        assert not torch.equal(still, encoder.train()(features, lengths)[0])
        encoder.mask = False
        torch.testing.assert_close(still, encoder.train()(features, lengths)[0], atol=0.2, rtol=0)


def recipe(corpus: Path, folder: Path) -> dict[str, Any]:
    found = sections(corpus, augment={"spec": None}, features={"name": "waveform"}, normalization={"mode": "none"})
    found["model"] = {"encoder": {"name": "huggingface", "path": str(folder)}}
    found["training"] = {**found["training"], "max_epochs": 1, "freeze": ["encoder.model.feature_extractor"]}
    return found


def test_it_is_fine_tuned_and_leaves_its_folder_and_torch_behind(folder: Path, tmp_path: Path) -> None:
    there = tmp_path / "wav2vec2"
    shutil.copytree(folder, there)
    train_here(recipe(make_corpus(tmp_path / "corpus"), there), tmp_path / "run")
    shutil.rmtree(there)
    checkpoint = load_checkpoint(tmp_path / "run" / "last.safetensors")
    assert checkpoint.facts["model"]["encoder"]["config"]["hidden_size"] == 16 and "path" not in checkpoint.facts["model"]["encoder"]
    before = HuggingFaceEncoder(path=str(folder)).model.state_dict()
    frozen = [name for name in before if name.startswith("feature_extractor")]
    assert frozen and all(torch.equal(before[name], checkpoint.weights[f"encoder.model.{name}"]) for name in frozen)
    assert any(not torch.equal(before[name], checkpoint.weights[f"encoder.model.{name}"]) for name in before)
    proof = export(tmp_path / "run" / "last.safetensors", tmp_path / "m.tympan")
    assert proof.log_prob_difference < 1e-4
    recognizer = Recognizer(Bundle.open(tmp_path / "m.tympan"), threads=1)
    assert recognizer.bundle.frame_shift_s == pytest.approx(0.02)
    assert len(recognizer.log_probs(proof_clips(16_000)[0])) == 15


@pytest.mark.long
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_leaves_torch(kind: str, norm: str, tmp_path: Path) -> None:
    train_here(recipe(make_corpus(tmp_path / "corpus"), saved(tmp_path / "hf", kind, norm)), tmp_path / "run")
    assert export(tmp_path / "run" / "last.safetensors", tmp_path / "m.tympan").texts_differ == 0


def test_what_a_folder_says_of_loading_is_not_obeyed(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "there")
    path = tmp_path / "there" / "config.json"
    strange = {"auto_map": {"AutoModel": "evil.Model"}, "_attn_implementation": "somebody/kernel", "quantization_config": {"a": 1}}
    path.write_text(json.dumps({**json.loads(path.read_text()), **strange}))
    encoder = HuggingFaceEncoder(path=str(tmp_path / "there"))
    assert not set(strange) & set(encoder.description) and encoder.model.config._attn_implementation == "eager"


def test_what_cannot_be_read_is_told(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(match: str, **options: Any) -> None:
        with pytest.raises(RecipeError, match=match):
            build({"encoder": {"name": "huggingface", **options}}, options.pop("num_features", 320), 5)

    refused("there is no .*config.json", path=str(tmp_path))
    refused("needs 'path'")
    (tmp_path / "config.json").write_text("[1")
    refused("is not readable JSON", path=str(tmp_path))
    (tmp_path / "config.json").write_text("[1]")
    refused("is no table", path=str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    refused("'bert' is no encoder that can be read", path=str(tmp_path))
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80")
    refused("pickled weights are not read", path=str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"\x80")
    refused("the model cannot be opened", path=str(tmp_path))
    refused("the model cannot be opened", config={"model_type": "wav2vec2", "conv_dim": [1, 2], "conv_stride": [2]})
    refused("adapter", config={"model_type": "wav2vec2", **SMALL, "add_adapter": True})
    with pytest.raises(RecipeError, match=r"a frame of 320 samples, the front end of 80"):
        build({"encoder": {"name": "huggingface", "path": str(folder)}}, 80, 5)
    monkeypatch.setattr("tympan.extras.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"tympan\[hf\]"):
        HuggingFaceEncoder(path=str(folder))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"features": {"name": "fbank80"}}, "features.name is fbank80 and model.encoder.name huggingface"),
        ({"augment": {}}, "this encoder hears samples"),
        ({"normalization": {"mode": "utterance"}}, "this encoder hears samples"),
        ({"model": {"encoder": {"name": "conformer"}}}, "features.name is waveform and model.encoder.name conformer"),
    ],
)
def test_features_and_samples_are_not_confused(folder: Path, tmp_path: Path, change: dict[str, Any], match: str) -> None:
    with pytest.raises(RecipeError, match=match):
        train_here({**recipe(make_corpus(tmp_path / "corpus"), folder), **change}, tmp_path / "run")


def test_the_front_end_hands_samples_through() -> None:
    extractor = from_config({"name": "waveform"})
    samples = torch.randn(1000).numpy()
    assert extractor(samples).tolist() == samples[:960].reshape(3, 320).tolist()
