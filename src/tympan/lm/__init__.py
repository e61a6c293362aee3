"""Language models: n-grams, how they are estimated from text, scorers, and neural models."""

from tympan.lm.additions import Added, add_words
from tympan.lm.build import build
from tympan.lm.convert import convert
from tympan.lm.deepspeech import DeepSpeechScorer, read_deepspeech_scorer
from tympan.lm.describing import describe
from tympan.lm.estimate import Estimate, count_words
from tympan.lm.neural import BOUNDARY, NeuralLM, NeuralPerplexity
from tympan.lm.neural_file import NeuralFile
from tympan.lm.ngram import NGram, Perplexity
from tympan.lm.scorer import Scorer
from tympan.lm.tuning import Tuning, tune

__all__ = [
    "Added",
    "BOUNDARY",
    "DeepSpeechScorer",
    "Estimate",
    "NGram",
    "NeuralFile",
    "NeuralLM",
    "NeuralPerplexity",
    "Perplexity",
    "Scorer",
    "Tuning",
    "add_words",
    "build",
    "convert",
    "count_words",
    "describe",
    "read_deepspeech_scorer",
    "tune",
]
