// From the hypotheses of a beam to texts with their scores.

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "search/beam.h"

namespace tympan {
namespace {

double log_add(double a, double b) {
    if (a < b) std::swap(a, b);
    return std::isinf(a) ? a : a + std::log1p(std::exp(b - a));
}

}  // namespace

Beam::Ending Beam::ending(const Hypothesis& hypothesis, bool has_word, std::uint32_t entry) {
    Ending found{&hypothesis, has_word, entry, hypothesis.state, hypothesis.text, 0.0};
    double gain = 0.0, credit = hot_words_.open_credit(hypothesis.hot);
    if (has_word) {
        const std::uint32_t word = entry == kOutside ? WordScores::kNoWord : words_.lexicon().entry(entry).word;
        const WordScores::Step step = scores_.step(hypothesis.state, word);
        const HotWords::Step hot = hot_words_.step(hypothesis.hot, word);
        gain = std::log(static_cast<double>(step.factor)) + hot.delta;
        credit = hot_words_.open_credit(hot.next);
        found.state = step.next;
        found.text = extend_text(hypothesis.text, word, hypothesis.path);
    }
    const double end = words_.weights().lm_weight * Words::kLn10 * scores_.end_log10(found.state);
    found.score = std::log(hypothesis.mass()) - std::log(hypothesis.look) + log_scale_ + gain + end - credit;
    return found;
}

void Beam::add_endings(const Hypothesis& hypothesis, bool outside, std::vector<Ending>& endings) {
    if (at_root(hypothesis)) {
        endings.push_back(ending(hypothesis, false, 0));
        return;
    }
    const std::size_t before = endings.size();
    if (hypothesis.node != Lexicon::kNone && !completes_) {
        const auto& node = words_.lexicon().node(hypothesis.node);
        for (std::uint32_t entry = node.first_entry; entry < node.first_entry + node.ends; ++entry) {
            endings.push_back(ending(hypothesis, true, entry));
        }
    }
    if (outside && endings.size() == before) endings.push_back(ending(hypothesis, true, kOutside));
}

std::vector<Beam::Ending> Beam::endings() {
    std::vector<Ending> all;
    for (const Hypothesis& hypothesis : beam_) add_endings(hypothesis, !options_.lexicon_only && !completes_, all);
    if (all.empty()) {  // every hypothesis is within a word that the lexicon does not have: write its beginning
        for (const Hypothesis& hypothesis : beam_) add_endings(hypothesis, true, all);
    }
    std::unordered_map<std::uint64_t, std::size_t> places;
    std::vector<Ending> texts;
    for (const Ending& found : all) {
        const auto [place, fresh] = places.try_emplace(found.text, texts.size());
        if (fresh) {
            texts.push_back(found);
            continue;
        }
        Ending& there = texts[place->second];
        const double both = log_add(there.score, found.score);
        if (found.score > there.score) there = found;
        there.score = both;
    }
    return texts;
}

std::vector<Result> Beam::finish(std::size_t nbest) {
    std::vector<Ending> texts = endings();
    double total = -std::numeric_limits<double>::infinity();
    for (const Ending& text : texts) total = log_add(total, text.score);
    nbest = std::min(nbest, texts.size());
    std::partial_sort(texts.begin(), texts.begin() + static_cast<std::ptrdiff_t>(nbest), texts.end(), [](const Ending& a, const Ending& b) {
        return a.score != b.score ? a.score > b.score : a.text < b.text;
    });
    std::vector<Result> results;
    for (std::size_t i = 0; i < nbest; ++i) {
        results.push_back(result_of(texts[i]));
        results.back().posterior = std::exp(texts[i].score - total);
    }
    return results;
}

Result Beam::result_of(const Ending& ending) {
    const Hypothesis& hypothesis = *ending.hypothesis;
    Result result;
    result.score = ending.score;
    add_history(hypothesis, result);
    if (ending.has_word) {
        const bool outside = ending.entry == kOutside;
        const std::uint32_t word = outside ? WordScores::kNoWord : words_.lexicon().entry(ending.entry).word;
        result.words.push_back({outside ? -1 : static_cast<std::int64_t>(word), unfinished_tokens(hypothesis),
                                scores_.step(hypothesis.state, word).log10});
    }
    const Weights& weights = words_.weights();
    double others = 0.0;
    std::uint32_t hot = 0;
    for (const ResultWord& word : result.words) {
        const std::uint32_t number = word.word < 0 ? WordScores::kNoWord : static_cast<std::uint32_t>(word.word);
        if (word.word < 0) {
            others += words_.unknown_gain(word.log10);
            result.lm_score += Words::kLn10 * word.log10;
        } else {
            others += words_.gain(words_.word(number), word.log10);
            result.lm_score += Words::kLn10 * (word.log10 + words_.word(number).bonus);
            result.hot_score += words_.word(number).hot;
        }
        const HotWords::Step step = hot_words_.step(hot, number);
        hot = step.next;
        result.hot_score += step.delta;
        for (const std::uint32_t phrase : hot_words_.ended(hot)) result.phrases.push_back(phrase);
    }
    result.hot_score -= hot_words_.open_credit(hot);
    const double end = Words::kLn10 * scores_.end_log10(ending.state);
    result.lm_score += end;
    result.acoustic_score = result.score - others - result.hot_score - weights.lm_weight * end;
    return result;
}

void Beam::add_history(const Hypothesis& hypothesis, Result& result) const {
    for (std::uint32_t item = hypothesis.history; item != kNothing; item = history_[item].before) {
        const HistoryItem& here = history_[item];
        if (here.entry == kOutside) {
            result.words.push_back({-1, partial_tokens(here.partial), here.log10});
        } else {
            const auto& entry = words_.lexicon().entry(here.entry);
            const auto spelling = words_.lexicon().spelling(entry);
            result.words.push_back({entry.word, {spelling.begin(), spelling.end()}, here.log10});
        }
    }
    std::reverse(result.words.begin(), result.words.end());
}

Result Beam::peek() {
    const auto best = std::max_element(beam_.begin(), beam_.end(), [](const Hypothesis& a, const Hypothesis& b) { return a.mass() < b.mass(); });
    Result result;
    result.score = std::log(best->mass()) + log_scale_;
    add_history(*best, result);
    result.finished = at_root(*best);
    if (!result.finished) {
        result.words.push_back({-1, unfinished_tokens(*best), 0.0});
        if (best->node != Lexicon::kNone && words_.lexicon().num_entries() > 0) result.guess = words_.likeliest(best->node);
    }
    return result;
}

}  // namespace tympan
