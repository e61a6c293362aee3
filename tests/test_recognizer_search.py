"""The recogniser with a scorer, hot words and options of the search, on models that hear tones."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toy_models import RATE, Samples, make_bundle, make_scorer, speak
from tympan.bundle import Bundle
from tympan.decoding import Hypothesis, SearchOptions
from tympan.errors import BundleError, LMError, TokenError, TympanError
from tympan.lm import Scorer
from tympan.recognizer import Recognizer, load
from tympan.tokens import TokenTable

pytest.importorskip("onnx", reason="makes the graphs")
PHONES = {"cat": ["K AE T"], "dog": ["D AO G", "D AA G"], "sat": ["S AE T"]}
PIECES = {"cat": ["▁c at"], "dog": ["▁d og"], "sat": ["▁s at"]}
LETTERS: dict[str, list[str]] = {"cat": [], "dog": [], "sat": []}


@dataclass(frozen=True)
class Toy:
    """A model, a scorer for it that lies elsewhere, and a recording of "cat dog sat" in which the network hears a k and a t."""

    bundle: Bundle
    scorer: Scorer
    heard: Samples
    greedy: str

    def load(self, **options: Any) -> Recognizer:
        return Recognizer(self.bundle, threads=1, **{"scorer": self.scorer, **options})


def make_toy(folder: Path, kind: str) -> Toy:
    if kind == "characters":
        bundle = make_bundle(folder / "letters.tympan", " acdgkostz")
        heard = speak(bundle.tokens, "cat dog sat", {"c": ("k", 1.3), "d": ("t", 0.9)})
        return Toy(bundle, make_scorer(folder / "elsewhere.scorer", bundle.tokens, LETTERS), heard, "kat tog sat")
    if kind == "phones":
        bundle = make_bundle(folder / "phones.tympan", ["AA", "AE", "AO", "D", "G", "K", "S", "T"], "phones")
        heard = speak(bundle.tokens, "K AE T D AA G S AE T", {"K": ("G", 1.3), "D": ("T", 0.9)})
        return Toy(bundle, make_scorer(folder / "elsewhere.scorer", bundle.tokens, PHONES), heard, "G AE T T AA G S AE T")
    bundle = make_bundle(folder / "pieces.tympan", ["▁c", "▁d", "▁k", "▁s", "▁t", "at", "og"], "pieces")
    heard = speak(bundle.tokens, "cat dog sat", {"▁c": ("▁k", 1.3), "▁d": ("▁t", 0.9)})
    return Toy(bundle, make_scorer(folder / "elsewhere.scorer", bundle.tokens, PIECES), heard, "kat tog sat")


@pytest.fixture(scope="module", params=["characters", "phones", "pieces"])
def toy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Each kind of tokens."""
    return make_toy(tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return make_toy(tmp_path_factory.mktemp("letters"), "characters")


@pytest.fixture(scope="module")
def phones(tmp_path_factory: pytest.TempPathFactory) -> Toy:
    return make_toy(tmp_path_factory.mktemp("phones"), "phones")


def test_scorer_finds_the_words_that_greedy_misses(toy: Toy) -> None:
    assert toy.load(scorer="none").transcribe(toy.heard, RATE).text == toy.greedy
    assert toy.load().transcribe(toy.heard, RATE).text == "cat dog sat"


def test_words_lie_where_they_were_said_with_confidence_in_0_to_1(toy: Toy) -> None:
    recognizer = toy.load()
    transcript = recognizer.transcribe(toy.heard, RATE)
    tokens = len(toy.bundle.tokens.encode(toy.greedy))
    last = 0.0
    for word in transcript.words:
        assert last <= word.start < word.end <= transcript.duration
        assert word.confidence is not None and 0 < word.confidence <= 1
        last = word.end
    # Tones last 60 ms with 40 ms between, 80 ms of silence before and behind; a window of 25 ms sees a tone up to 25 ms early. The
    # silence behind is digital and left out, so that the last window lies within the last tone.
    assert 0.05 <= transcript.words[0].start <= 0.09
    assert last == pytest.approx(0.08 + 0.1 * tokens - 0.04, abs=0.025)


def test_times_and_confidences_do_not_move_with_the_search_while_the_text_stays(toy: Toy) -> None:
    expected = toy.load().transcribe(toy.heard, RATE)
    for options in (
        {"beam_size": 5},
        {"lm_weight": 0.3, "word_score": 1.0},
        {"hot_words": {"dog": 3.0}},
        {"search": SearchOptions(beam_threshold=50.0, token_min_log_prob=-30.0)},
    ):
        found = toy.load(**options).transcribe(toy.heard, RATE)
        assert found.text == expected.text  # else there is nothing to compare
        assert found.words == expected.words, options


def test_greedy_and_search_agree_on_times_where_they_agree_on_text(toy: Toy) -> None:
    clear = speak(toy.bundle.tokens, toy.greedy)
    greedy = toy.load(scorer="none").transcribe(clear, RATE)
    if toy.bundle.tokens.kind != "phones":
        assert toy.load(scorer="none", beam_size=20).transcribe(clear, RATE).words == greedy.words
    else:  # a phone that is no word is written by itself
        assert [word.text for word in toy.load(scorer="none", beam_size=20).transcribe(clear, RATE).words] == toy.greedy.split()


def test_a_word_in_the_padded_last_frames_still_lasts_and_overlaps_nothing(letters: Toy) -> None:
    hypothesis = Hypothesis((2, 1, 3), 0.0, 0.0, timesteps=(1, 4, 9), ends=(3, 5, 10), token_log_probs=(-0.1, -0.1, -0.1))
    words = letters.load().words(hypothesis, 20.0, 20.085)  # ten frames are 100 ms
    assert 20.0 <= words[0].start < words[0].end <= words[1].start < words[1].end <= 20.085
    cut = letters.load().words(hypothesis, 20.0, 20.095)  # here only the last frame's end lies outside
    assert (cut[0].start, cut[1].start, cut[1].end) == (20.01, 20.09, 20.095)


def test_hot_words_are_counted_also_those_that_never_fired(toy: Toy) -> None:
    hot_words = {"dog": 2.0, "cat dog": 1.0, "dog cat": 1.0, "sat": 0.5}
    transcript = toy.load(hot_words=hot_words).transcribe(np.tile(toy.heard, 2), RATE)
    assert transcript.text == "cat dog sat cat dog sat"
    assert transcript.hot_words == {"dog": 2, "cat dog": 2, "dog cat": 0, "sat": 2}
    assert transcript.to_dict()["hot_words"]["dog"] == 2


def test_hot_word_that_the_lexicon_lacks_is_written(letters: Toy) -> None:
    said = speak(letters.bundle.tokens, "zoo cat")
    assert "zoo" not in letters.load().transcribe(said, RATE).text
    transcript = letters.load(hot_words={"zoo": 5.0}).transcribe(said, RATE)
    assert (transcript.text, transcript.hot_words) == ("zoo cat", {"zoo": 1})


@pytest.mark.parametrize("typed", ["Dog", "DOG", " dog "])
def test_hot_word_may_be_typed_in_any_case(toy: Toy, typed: str) -> None:
    assert toy.load(hot_words={typed: 2.0}).transcribe(toy.heard, RATE).hot_words == {"dog": 1}


def test_two_ways_to_type_a_hot_word_are_one(letters: Toy) -> None:
    recognizer = letters.load(hot_words={"Dog": 1.0, "dog": 2.0, "Cat  DOG": 0.5})
    assert recognizer.search.hot_words == {"dog": 3.0, "cat dog": 0.5}
    assert recognizer.decode(recognizer.log_probs(letters.heard))[0].hot_word_score == pytest.approx(3.5)


def test_hot_words_alone_make_a_search(letters: Toy) -> None:
    recognizer = letters.load(scorer="none", hot_words={"dog": 8.0})
    assert recognizer.describe_search() == "beam size 300, threshold 14, no scorer"
    said = speak(letters.bundle.tokens, "cat dog", {"d": ("t", 0.6)})  # the higher band gives more, so this is a t
    assert letters.load(scorer="none").transcribe(said, RATE).text == "cat tog"
    assert letters.load(scorer="none", hot_words={"dog": 12.0}).transcribe(said, RATE).text == "cat dog"
    assert letters.load(scorer="none", hot_words={}).describe_search() == "greedy"


def test_scores_add_up_and_hypotheses_are_best_first(toy: Toy) -> None:
    search = SearchOptions(beam_threshold=60.0, recombine=False)  # with few words and a unigram little else than the best is kept
    recognizer = toy.load(hot_words={"dog": 3.0}, search=search)
    assert recognizer.decoder is not None
    (piece,) = recognizer.decoded(toy.heard, RATE, nbest=5)
    scores = [hypothesis.score for hypothesis in piece.hypotheses]
    assert scores == sorted(scores, reverse=True) and len(scores) > 1
    for found in piece.hypotheses:
        words = len(found.words) * recognizer.decoder.word_score
        total = found.acoustic_score + found.lm_score * recognizer.decoder.lm_weight + words + found.hot_word_score
        assert found.score == pytest.approx(total, abs=1e-4)
        assert len(found.timesteps) == len(found.tokens)


def test_language_model_score_is_that_of_the_words(toy: Toy) -> None:
    (piece,) = toy.load().decoded(toy.heard, RATE)
    best = piece.hypotheses[0]
    assert best.lm_score == pytest.approx(toy.scorer.ngram.score(best.text) * np.log(10), abs=1e-4)


def test_samples_of_less_than_a_frame_and_silence_give_no_words(toy: Toy) -> None:
    recognizer = toy.load(hot_words={"dog": 5.0})
    for samples in (np.full(160, 0.1, dtype=np.float32), np.zeros(2 * RATE, dtype=np.float32)):
        transcript = recognizer.transcribe(samples, RATE)
        assert (transcript.text, transcript.segments, transcript.hot_words) == ("", (), {"dog": 0})


def test_recogniser_with_a_scorer_is_safe_to_share_among_threads(toy: Toy) -> None:
    recognizer = toy.load(hot_words={"dog": 1.0})
    heard = [toy.heard, np.tile(toy.heard, 2), toy.heard[: len(toy.heard) // 2]]
    alone = [recognizer.transcribe(samples, RATE) for samples in heard]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda samples: recognizer.transcribe(samples, RATE), heard * 4)) == alone * 4


def test_open_vocabulary_writes_words_outside_the_lexicon(letters: Toy) -> None:
    said = speak(letters.bundle.tokens, "cat zoo")
    recognizer = letters.load(search=SearchOptions(lexicon=False))
    assert recognizer.transcribe(said, RATE).text == "cat zoo"
    assert recognizer.describe_search().endswith("open vocabulary")


def test_settings_say_how_it_searched(letters: Toy) -> None:
    assert letters.load(scorer="none").search_settings() == {"decoder": "greedy"}
    settings = letters.load(beam_size=7, hot_words={"Dog": 2.0}, lm_weight=0.25).search_settings()
    assert (settings["decoder"], settings["beam_size"], settings["hot_words"]) == ("beam", 7, {"dog": 2.0})
    assert (settings["scorer"], settings["lm_weight"], settings["word_score"]) == ("elsewhere.scorer", 0.25, letters.scorer.word_score)


def test_options_stand_over_those_of_the_search(letters: Toy) -> None:
    recognizer = letters.load(beam_size=9, word_score=1.5, search=SearchOptions(beam_size=3, beam_threshold=5.0, word_score=0.5))
    assert recognizer.search == SearchOptions(beam_size=9, beam_threshold=5.0, word_score=1.5)


@pytest.mark.parametrize("option", ["lm_weight", "word_score"])
def test_weights_of_a_scorer_that_is_not_there_are_refused(letters: Toy, option: str) -> None:
    with pytest.raises(TympanError, match="without a scorer"):
        letters.load(scorer="none", **{option: 1.0})


@pytest.mark.parametrize(
    "options",
    [{"beam_size": 0}, {"beam_threshold": 0.0}, {"beam_threshold": float("nan")}, {"token_min_log_prob": 0.5}, {"lm_weight": float("nan")}],
)
def test_options_that_cannot_be_are_named(options: dict[str, Any]) -> None:
    with pytest.raises(TympanError, match=next(iter(options))):
        SearchOptions(**options)


def test_all_wrong_options_are_told_at_once() -> None:
    with pytest.raises(TympanError, match=r"beam_size.*beam_threshold.*word_score"):
        SearchOptions(beam_size=-1, beam_threshold=-1, word_score=float("inf"))


def test_scorer_for_other_tokens_is_refused_when_the_model_is_opened(letters: Toy, phones: Toy) -> None:
    with pytest.raises(TokenError, match=r"elsewhere\.scorer was made for other tokens.*lm build"):
        load(phones.bundle.path, scorer=letters.scorer.path)


def test_model_of_phones_without_a_scorer_is_told_what_to_do(phones: Toy) -> None:
    with pytest.raises(BundleError, match=r"gives phones.*--scorer.*phones\.scorer"):
        load(phones.bundle.path)


def test_scorer_beside_the_model_and_inside_it_are_found_and_equal(toy: Toy, tmp_path: Path) -> None:
    assert toy.scorer.path is not None
    beside, inside = tmp_path / "beside.tympan", tmp_path / "inside.tympan"
    toy.bundle.write(beside)
    (tmp_path / "beside.scorer").write_bytes(toy.scorer.path.read_bytes())
    replace(toy.bundle, scorer=(toy.scorer.path, 0, toy.scorer.path.stat().st_size)).write(inside)
    expected = toy.load().transcribe(toy.heard, RATE)
    for model in (beside, inside):
        recognizer = load(model, threads=1)
        assert recognizer.scorer is not None and recognizer.scorer.spellings == toy.scorer.spellings
        assert recognizer.transcribe(toy.heard, RATE) == expected
        assert load(model, threads=1, scorer="none").transcribe(toy.heard, RATE).text == toy.greedy


def test_scorer_inside_comes_before_the_one_beside(letters: Toy, tmp_path: Path) -> None:
    assert letters.scorer.path is not None
    model = tmp_path / "both.tympan"
    replace(letters.bundle, scorer=(letters.scorer.path, 0, letters.scorer.path.stat().st_size)).write(model)
    make_scorer(model.with_suffix(".scorer"), letters.bundle.tokens, {"ostgaz": []})
    scorer = load(model, threads=1).scorer
    assert scorer is not None and scorer.words == letters.scorer.words


def test_scorer_of_other_tokens_beside_the_model_is_refused_not_passed_over(letters: Toy, tmp_path: Path) -> None:
    model = tmp_path / "model.tympan"
    letters.bundle.write(model)
    make_scorer(tmp_path / "model.scorer", TokenTable(("<blank>", " ", "a")), {"a": []})
    with pytest.raises(TokenError, match=r"model\.scorer was made for other tokens"):
        load(model)


def test_bundle_with_a_scorer_inside_is_written_again_with_it(letters: Toy, tmp_path: Path) -> None:
    assert letters.scorer.path is not None
    first, second = tmp_path / "first.tympan", tmp_path / "second.tympan"
    replace(letters.bundle, scorer=(letters.scorer.path, 0, letters.scorer.path.stat().st_size)).write(first)
    Bundle.open(first).write(second)
    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        assert archive.read("model.scorer") == letters.scorer.path.read_bytes()


def compressed(data: bytes, folder: Path) -> bytes:
    """The scorer with its members compressed."""
    (folder / "plain.zip").write_bytes(data)
    with zipfile.ZipFile(folder / "plain.zip") as plain, zipfile.ZipFile(folder / "packed.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        for name in plain.namelist():
            packed.writestr(name, plain.read(name))
    return (folder / "packed.zip").read_bytes()


DAMAGE: dict[str, Callable[[bytes, Path], bytes]] = {
    "empty": lambda data, folder: b"",
    "text": lambda data, folder: b"not a scorer",
    "cut": lambda data, folder: data[:-30],
    "half": lambda data, folder: data[: len(data) // 2],
    "beginning lost": lambda data, folder: data[40:],
    "zeros in the middle": lambda data, folder: data[:200] + bytes(300) + data[500:],
    "compressed": compressed,
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damaged_scorer_is_a_sentence_inside_the_bundle_and_outside(letters: Toy, tmp_path: Path, damage: str) -> None:
    assert letters.scorer.path is not None
    damaged = tmp_path / "bad.scorer"
    damaged.write_bytes(DAMAGE[damage](letters.scorer.path.read_bytes(), tmp_path))
    with pytest.raises(LMError, match=r"bad\.scorer"):
        letters.load(scorer=damaged)
    inside = tmp_path / "inside.tympan"  # whoever puts it there can also write its hash
    replace(letters.bundle, scorer=(damaged, 0, damaged.stat().st_size)).write(inside)
    with pytest.raises(LMError, match=r"inside\.tympan"):
        load(inside)


def test_missing_scorer_is_a_sentence(letters: Toy, tmp_path: Path) -> None:
    with pytest.raises(LMError, match=r"There is no scorer .*missing\.scorer"):
        letters.load(scorer=tmp_path / "missing.scorer")
