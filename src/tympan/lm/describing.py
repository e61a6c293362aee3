"""What a file with a language model is, for people and machines."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path
from typing import Any

from tympan.errors import LMError
from tympan.lm.deepspeech import read_deepspeech_scorer
from tympan.lm.formats import Format, identify, kenlm_type
from tympan.lm.neural_file import NeuralFile
from tympan.lm.ngram import NGram
from tympan.lm.scorer import LEXICON, NGRAM, Scorer, place_of, read_header

PLACEHOLDERS = tuple(map(chr, range(0xE000, 0xF8FF)))


def describe(path: str | Path) -> dict[str, Any]:
    """Facts about a scorer, an n-gram of ours or of KenLM, an ARPA file, a scorer of DeepSpeech, or a neural model; hashes are compared.

    Returns:
        Plain data: `path`, `format`, `bytes`, `order`, `counts`, `vocabulary`, `quantisation`, and what the format has besides;
        of a neural model `family`, `parameters`, `tokens`, `perplexity` (a token, on held-out text), `word_perplexity` and more.

    Raises:
        LMError: none of these, or damaged.
    """
    path = Path(path)
    kind = identify(path)
    facts: dict[str, Any] = {"path": str(path), "format": kind.value, "bytes": path.stat().st_size}
    if kind is Format.SCORER:
        return facts | of_scorer(path)
    if kind is Format.NEURAL:
        return facts | of_neural(path)
    if kind is Format.DEEPSPEECH:
        return facts | of_deepspeech(path)
    return facts | of_ngram(NGram.open(path))


def of_ngram(ngram: NGram, offset: int = 0) -> dict[str, Any]:
    """Order, counts and the rest of any n-gram."""
    if not ngram.native.intact():
        raise LMError(f"{ngram.path} is damaged: its n-grams do not fit together.", "Make or copy it again.")
    bits = ngram.native.bits
    if ngram.path is None:
        quantisation = "none"
    elif bits is None:
        quantisation = f"KenLM {kenlm_type(ngram.path, offset)}"
    else:
        quantisation = f"{bits} bits a value" if bits < 32 else "none"
    return {
        "order": ngram.order,
        "counts": list(ngram.counts),
        "vocabulary": ngram.vocabulary_size,
        "word_texts": ngram.native.has_words,
        "quantisation": quantisation,
    }


def of_scorer(path: Path) -> dict[str, Any]:
    """A scorer's facts, after its members were compared with their hashes."""
    scorer = Scorer.open(path)
    return of_ngram(scorer.ngram, check_hashes(path)) | {
        "words": len(scorer.words),
        "spellings": len(scorer.spellings),
        "words_not_in_ngram": len(scorer.bonuses),
        "lm_weight": scorer.lm_weight,
        "word_score": scorer.word_score,
        "token_kind": scorer.tokens.kind,
        "tokens": len(scorer.tokens),
        "token_hash": scorer.tokens.hash,
        "hashes": "match",
        "facts": dict(scorer.facts),
    }


def of_neural(path: Path) -> dict[str, Any]:
    """A neural model's facts; its graph was compared with its hash."""
    file = NeuralFile.open(path)
    validation = file.facts.get("validation")
    found = validation if isinstance(validation, dict) else {}
    return {
        "family": file.model.get("family"),
        "parameters": file.model.get("parameters"),
        "config": file.model.get("config"),
        "token_kind": file.tokens.kind,
        "tokens": len(file.tokens),
        "token_hash": file.tokens.hash,
        "perplexity": found.get("perplexity"),
        "word_perplexity": found.get("word_perplexity"),
        "rescore_weight": file.rescore_weight,
        "rescore_token_score": file.rescore_token_score,
        "hashes": "match",
        "facts": {name: value for name, value in file.facts.items() if name != "validation"},
    }


def check_hashes(path: Path) -> int:
    """Compare the members with the hashes in the header; returns where the n-gram begins. LMError names the one that differs."""
    with zipfile.ZipFile(path) as archive:
        members = read_header(archive, path)["members"]
        places = {name: place_of(archive, path, name) for name in (LEXICON, NGRAM)}
    with open(path, "rb") as file:
        for name, (offset, length) in places.items():
            file.seek(offset)
            digest = hashlib.sha256()
            while length > 0 and (block := file.read(min(length, 1 << 20))):
                digest.update(block)
                length -= len(block)
            if digest.hexdigest() != members[name].get("sha256"):
                raise LMError(f"{path}: {name} was altered or damaged; its SHA-256 is not the one in the header.", "Make or copy it again.")
    return places[NGRAM][0]


def of_deepspeech(path: Path) -> dict[str, Any]:
    """Facts of a DeepSpeech package; its words are only counted, so any alphabet will do."""
    package = read_deepspeech_scorer(path, alphabet=PLACEHOLDERS)
    facts = of_ngram(package.open_ngram())
    return facts | {"words": len(package.words), "utf8_mode": package.utf8, "alpha": package.alpha, "beta": package.beta}
