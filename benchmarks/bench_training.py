"""Seconds of audio trained on in a second, in float32 and in bfloat16: python benchmarks/bench_training.py [THREADS]

The network of recipes/english-small.yaml on eight random utterances of ten seconds: forward, backward, optimiser step. Prints one
JSON row and writes it to benchmarks/training.json; each figure is the best of five steps.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import torch

from tympan.models.build import count_parameters
from tympan.training.prepare import build_network
from tympan.training.recipe import load_recipe
from tympan.training.tasks.ctc import ctc_loss

ROOT = Path(__file__).resolve().parents[1]
UTTERANCES, SECONDS, TOKENS, STEPS = 8, 10, 120, 5


def speed(precision: torch.dtype) -> tuple[float, int]:
    """Audio seconds a second, and the number of parameters."""
    model, extractor, _ = build_network(load_recipe(ROOT / "recipes" / "english-small.yaml"), 29)
    optimizer = torch.optim.AdamW(model.parameters(), fused=True)
    features = torch.randn(UTTERANCES, SECONDS * 100, extractor.num_features)
    lengths = torch.full((UTTERANCES,), features.shape[1])
    tokens, token_lengths = torch.randint(1, 29, (UTTERANCES * TOKENS,)), torch.full((UTTERANCES,), TOKENS)
    times = []
    for _ in range(STEPS + 2):  # two to warm up
        began = time.perf_counter()
        with torch.autocast("cpu", precision, enabled=precision != torch.float32):
            output = model.run(features, lengths)
        losses = [ctc_loss(log_probs, output.lengths, tokens, token_lengths) for log_probs in (output.log_probs, *output.intermediate)]
        torch.stack(losses).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        times.append(time.perf_counter() - began)
    return UTTERANCES * SECONDS / min(times[2:]), count_parameters(model)


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
    (single, parameters), (half, _) = speed(torch.float32), speed(torch.bfloat16)
    row = {
        "threads": torch.get_num_threads(),
        "parameters": parameters,
        "float32": round(single),
        "bfloat16": round(half),
        "ratio": round(half / single, 2),
    }
    text = json.dumps(row)
    (ROOT / "benchmarks" / "training.json").write_text(text + "\n", encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
