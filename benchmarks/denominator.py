"""Milliseconds of the denominator, forward and backward: python benchmarks/denominator.py MANIFEST DICTIONARY [THREADS]

The graph is that of the manifest's transcripts as phones; 8 utterances of 250 frames, 40 phones, random log_probs. Native code and
torch, best of five, and the largest difference of their posteriors. Prints a JSON row for each order and writes all to
benchmarks/denominator.json.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from tympan.data.manifest import read_manifest
from tympan.lexicon import PHONES, Pronunciations
from tympan.tokens import BLANK_TOKEN, TokenTable
from tympan.training.objectives.denominator import Denominator
from tympan.training.objectives.forward_backward import Steps, log_partition
from tympan.training.objectives.graph import estimate_graph

ROOT = Path(__file__).resolve().parents[1]
UTTERANCES, FRAMES, TRIALS = 8, 250, 5
MAX_NGRAMS = 30_000


def best(work: Callable[[], object]) -> float:
    """Milliseconds."""
    times = []
    for _ in range(TRIALS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1000 * min(times)


def main() -> None:
    """Measure and print."""
    manifest, dictionary = Path(sys.argv[1]), Path(sys.argv[2])
    torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 1)
    tokens = TokenTable((BLANK_TOKEN, *PHONES), "phones")
    transcribe = Pronunciations.read(dictionary).transcribe
    targets = [tokens.encode(transcribe(utterance.text)) for utterance in read_manifest(manifest)]
    generator = torch.Generator().manual_seed(0)
    log_probs = torch.log_softmax(4 * torch.randn(UTTERANCES, FRAMES, len(tokens), generator=generator), dim=-1)
    lengths = torch.full((UTTERANCES,), FRAMES)
    rows = []
    for order in (2, 3, 4):
        graph = estimate_graph(targets, len(tokens), order=order, max_ngrams=MAX_NGRAMS)
        denominator, steps = Denominator(graph), Steps(graph, log_probs.device, torch.float32)
        difference = denominator.posteriors(log_probs, lengths)[1] - log_partition(steps, log_probs, lengths)[1]
        rows.append(
            {
                "order": order,
                "contexts": graph.num_contexts,
                "arcs": graph.num_arcs,
                "threads": torch.get_num_threads(),
                "native_ms": round(best(lambda on=denominator: on.posteriors(log_probs, lengths)), 1),
                "torch_ms": round(best(lambda on=steps: log_partition(on, log_probs, lengths)), 1),
                "difference": float(f"{difference.abs().max():.1e}"),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    (ROOT / "benchmarks" / "denominator.json").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
