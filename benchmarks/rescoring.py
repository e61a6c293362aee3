"""What a neural language model adds to a search with an n-gram, on recordings.

    python benchmarks/rescoring.py MANIFEST X.nlm [--model english] [--beam-size 300] [--nbest 50] [--json OUT]

The network and the search run once; the search does not recombine, so that the texts of a list differ early too. The two weights of
the rescoring are chosen on one half of the speakers and judged on the other, and the other way round, so no figure of "both halves" was
tuned on what it measures; the scorer's own weights are as they are. Also: the best that these lists hold (oracle), and the lowest WER of
all weights on all speakers, which is tuned on itself.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tympan import emissions
from tympan.data.manifest import read_manifest
from tympan.decoding import SearchOptions
from tympan.decoding.rescore_tuning import RESCORE_WEIGHTS, TOKEN_SCORES, RescoredLists
from tympan.lm import NeuralLM, tuning
from tympan.recognizer import load
from tympan.scoring import ErrorCounts, align, normalize_for_scoring


def part(lists: RescoredLists, chosen: Sequence[int]) -> RescoredLists:
    """Some of the lists."""
    picked = (tuple(field[number] for number in chosen) for field in (lists.lists, lists.neural, lists.counts))
    return RescoredLists(*picked)


def errors(references: Sequence[str], texts: Sequence[str]) -> ErrorCounts:
    return tuning.count_errors(references, texts)


def oracle(references: Sequence[str], lists: RescoredLists) -> ErrorCounts:
    """Errors of the best text in each list."""
    counts = ErrorCounts()
    for reference, hypotheses in zip(references, lists.lists, strict=True):
        said = normalize_for_scoring(reference).split()
        counts += min((align(said, found.text.split()).counts for found in hypotheses), key=lambda found: found.errors)
    return counts


def tuned(log_probs: Sequence[Any], references: Sequence[str], lists: RescoredLists) -> tuning.Point:
    """The weights of the fewest errors."""
    pieces = [[item] for item in log_probs]
    first = [(0.0, 0.0)]
    return tuning.tune(pieces, references, lists.decoder, lm_weights=RESCORE_WEIGHTS, word_scores=TOKEN_SCORES, first=first).best


def halves(speakers: Sequence[str]) -> tuple[list[int], list[int]]:
    """The utterances of every other speaker, and the rest."""
    named = sorted(set(speakers))
    first = set(named[::2])
    return [n for n, who in enumerate(speakers) if who in first], [n for n, who in enumerate(speakers) if who not in first]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("manifest", type=Path)
    parser.add_argument("lm", type=Path)
    parser.add_argument("--model", default="english")
    parser.add_argument("--nbest", type=int, default=50)
    parser.add_argument("--beam-size", type=int, default=300)
    parser.add_argument("--cache", type=Path, default=Path("work/emissions"))
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()

    recognizer, lm = load(given.model, threads=1), NeuralLM.open(given.lm, threads=1)
    if recognizer.scorer is None:
        raise SystemExit(f"{given.model} has no scorer, so there is no list to rescore.")
    emitted = emissions.compute(recognizer, read_manifest(given.manifest), cache=given.cache)
    whole = [n for n, pieces in enumerate(emitted.log_probs) if len(pieces) == 1]  # a list is one utterance then
    log_probs = [emitted.log_probs[n][0] for n in whole]
    references = [emitted.utterances[n].text for n in whole]
    speakers = [emitted.utterances[n].speaker or "" for n in whole]
    options = SearchOptions(beam_size=given.beam_size, recombine=False)
    options.rescorer(lm, recognizer.bundle.tokens, recognizer.scorer)
    began = time.perf_counter()
    decoder = options.decoder(recognizer.bundle.tokens, recognizer.scorer)
    decoder.decode_batch(log_probs, given.nbest, 1)
    searched = time.perf_counter()
    lists = RescoredLists.make(log_probs, decoder, lm, given.nbest)
    rescored = time.perf_counter() - searched - (searched - began)

    plain = SearchOptions(beam_size=given.beam_size).decoder(recognizer.bundle.tokens, recognizer.scorer)
    usual = [found[0].text for found in plain.decode_batch(log_probs, 1, 1)]
    rows: list[dict[str, Any]] = []

    def row(name: str, counts: ErrorCounts, **more: Any) -> None:
        rows.append({"rescoring": name, "wer": round(counts.rate, 4), "errors": counts.errors, "words": counts.reference_length, **more})
        print(json.dumps(rows[-1]))

    left_out = len(emitted.log_probs) - len(whole)
    row("none, the usual search", errors(references, usual), utterances=len(whole), left_out=left_out)
    row("none, without recombination", errors(references, [found.text for found in lists.best(0.0, 0.0)]))
    one, other = halves(speakers)
    both = ErrorCounts()
    for learnt, judged in ((one, other), (other, one)):
        point = tuned([log_probs[n] for n in learnt], [references[n] for n in learnt], part(lists, learnt))
        judged_lists, said = part(lists, judged), [references[n] for n in judged]
        without = errors(said, [found.text for found in judged_lists.best(0.0, 0.0)])
        found = errors(said, [found.text for found in judged_lists.best(*point.weights)])
        weights = {"rescore_weight": point.lm_weight, "rescore_token_score": point.word_score}
        row("weights of the other half", found, without=round(without.rate, 4), **weights)
        both += found
    row("both halves", both)
    best = tuned(log_probs, references, lists)
    row("tuned on itself", best.errors, rescore_weight=best.lm_weight, rescore_token_score=best.word_score)
    row("oracle", oracle(references, lists), nbest=given.nbest)
    seconds = sum(emitted.utterances[n].duration for n in whole)
    speed = {"search_rtf": round((searched - began) / seconds, 5), "rescoring_rtf": round(rescored / seconds, 5)}
    settings = {"beam_size": given.beam_size, "nbest": given.nbest}
    facts = {"lm": lm.name, "parameters": lm.file.model.get("parameters"), "validation": lm.file.facts.get("validation")}
    rows.append({**settings, **speed, **facts})
    print(json.dumps(rows[-1]))
    if given.json is not None:
        given.json.write_text("".join(json.dumps(item) + "\n" for item in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
