#include "search/beam.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "error.h"

namespace tympan {
namespace {

constexpr std::size_t kGarbage = 1u << 15;  // items that may pile up before those that nobody needs are thrown away
constexpr std::uint64_t kTextSeed = 0x13198A2E03707344ull;
constexpr double kSmallMass = 1e-30;
// Least probability of a token: with it, a frame in which all that the search follows is as good as impossible leaves masses that
// a double can hold, and the search goes on.
constexpr double kLeastLogProb = -460.0;  // exp of it is 1e-200

double probability_of(float log_prob) { return std::exp(std::max(static_cast<double>(log_prob), kLeastLogProb)); }

std::uint64_t chain(std::uint64_t hash, std::uint64_t item) {
    hash = (hash ^ item) * 0xBF58476D1CE4E5B9ull;
    return hash ^ (hash >> 29);
}

}  // namespace

Beam::Beam(const Words& words, const HotWords& hot_words, const Alphabet& alphabet, const BeamOptions& options)
    : words_(words), hot_words_(hot_words), alphabet_(alphabet), options_(options), scores_(words), ratio_(std::exp(-options.beam_threshold)),
      probabilities_(alphabet.num_tokens), stamps_(alphabet.num_tokens, 0), slots_(1u << 10) {
    completes_ = alphabet.separator < 0 && alphabet.begins_word.empty();
    recombine_ = options.recombine && words.ngram() != nullptr;
    outside_factor_ = scores_.step(scores_.begin(), WordScores::kNoWord).factor;
    reset();
}

void Beam::reset() {
    beam_.clear(), history_.clear(), partials_.clear();
    collected_ = 0;
    log_scale_ = 0.0;
    search_steps_ = 0;
    Hypothesis first{};
    first.path = Lexicon::kEmptyPath;
    first.text = kTextSeed;
    first.node = Lexicon::kRoot;
    first.state = scores_.begin();
    first.history = first.partial = kNothing;
    first.context = context_of(first);
    first.look = root_look(first.state);
    first.blank = first.look;
    beam_.push_back(first);
}

void Beam::resume(Held& held) {
    if (held.beam_.empty()) {
        reset();
        return;
    }
    beam_.swap(held.beam_), history_.swap(held.history_), partials_.swap(held.partials_);
    for (std::size_t i = 0; i < beam_.size(); ++i) beam_[i].state = scores_.number(held.states_[i]);
    collected_ = held.collected_, log_scale_ = held.log_scale_, search_steps_ = held.search_steps_;
}

void Beam::suspend(Held& held) {
    held.states_.clear();
    for (const Hypothesis& hypothesis : beam_) held.states_.push_back(scores_.state(hypothesis.state));
    held.beam_.clear(), held.history_.clear(), held.partials_.clear();
    beam_.swap(held.beam_), history_.swap(held.history_), partials_.swap(held.partials_);
    held.collected_ = collected_, held.log_scale_ = log_scale_, held.search_steps_ = search_steps_;
}

std::uint64_t Beam::extend_text(std::uint64_t text, std::uint32_t word, std::uint64_t path) {
    return chain(text, word == WordScores::kNoWord ? path : word);
}

std::uint64_t Beam::context_of(const Hypothesis& hypothesis) const {
    return recombine_ ? chain(scores_.state_hash(hypothesis.state), hypothesis.hot) : hypothesis.text;
}

double Beam::root_look(std::uint32_t state) {
    double look = words_.lexicon().num_entries() ? scores_.look_ahead(state, Lexicon::kRoot) : 0.0;
    if (!options_.lexicon_only || look == 0.0) look = std::max<double>(look, outside_look(state));
    return look;
}

double Beam::outside_look(std::uint32_t state) {
    return words_.ngram() ? static_cast<double>(scores_.step(state, WordScores::kNoWord).factor) : outside_factor_;
}

double Beam::probability(const float* log_probs, Token token) {
    if (stamps_[token] != round_) {
        stamps_[token] = round_;
        probabilities_[token] = probability_of(log_probs[token]);
    }
    return probabilities_[token];
}

void Beam::step(const float* log_probs) {
    if (++round_ == 0) {  // counted once around: old stamps could look new
        std::fill(stamps_.begin(), stamps_.end(), 0);
        std::fill(slots_.begin(), slots_.end(), Slot{});
        round_ = 1;
    }
    const double blank = probability_of(log_probs[0]);
    tokens_.clear();
    if (blank < options_.blank_skip) {
        const float least = static_cast<float>(options_.token_min_log_prob);
        for (std::size_t token = 1; token < alphabet_.num_tokens; ++token) {
            if (log_probs[token] >= least) {
                tokens_.emplace_back(static_cast<Token>(token), probability(log_probs, static_cast<Token>(token)));
            }
        }
    }
    search_steps_ += beam_.size() * (1 + tokens_.size());
    double best = 0.0;
    if (tokens_.empty()) {
        for (Hypothesis& hypothesis : beam_) {
            const double mass = hypothesis.mass();
            hypothesis.label = hypothesis.last ? hypothesis.label * probability(log_probs, hypothesis.last) : 0.0;
            hypothesis.blank = mass * blank;
            best = std::max(best, hypothesis.mass());
        }
        rescale(best);
        return;
    }
    next_.clear();
    if (slots_.size() < 8 * beam_.size()) slots_.assign(std::bit_ceil(16 * beam_.size()), Slot{});
    for (std::uint32_t index = 0; index < beam_.size(); ++index) {
        Hypothesis& hypothesis = beam_[index];
        next_.push_back(hypothesis);
        Hypothesis& stays = next_.back();
        stays.blank = hypothesis.mass() * blank;
        stays.label = hypothesis.last ? hypothesis.label * probability(log_probs, hypothesis.last) : 0.0;
        stays.from = index;
        stays.ended = stays.spelled = false;
        best = std::max(best, stays.mass());
        Slot& slot = slot_of(stays.key());
        slot = {stays.key(), round_, index};
    }
    best_ = best;
    for (const auto& [token, probability] : tokens_) {
        for (std::uint32_t index = 0; index < beam_.size(); ++index) extend(index, token, probability);
    }
    prune();
}

void Beam::rescale(double best) {
    if (best > kSmallMass && best < 1.0 / kSmallMass) return;  // far from where a double ends: leave it, which costs nothing
    const double scale = 1.0 / best;
    for (Hypothesis& hypothesis : beam_) hypothesis.blank *= scale, hypothesis.label *= scale;
    log_scale_ += std::log(best);
}

void Beam::put(const Hypothesis& hypothesis) {
    const double mass = hypothesis.mass();
    if (mass < best_ * ratio_ || mass == 0.0) return;
    best_ = std::max(best_, mass);
    if (next_.size() * 2 > slots_.size()) widen();
    Slot& slot = slot_of(hypothesis.key());
    if (slot.round != round_) {
        slot = {hypothesis.key(), round_, static_cast<std::uint32_t>(next_.size())};
        next_.push_back(hypothesis);
        return;
    }
    Hypothesis& there = next_[slot.index];
    if (there.text == hypothesis.text) {
        there.blank += hypothesis.blank, there.label += hypothesis.label;
        best_ = std::max(best_, there.mass());
    } else if (mass > there.mass()) {
        there = hypothesis;
    }
}

void Beam::widen() {
    slots_.assign(slots_.size() * 2, Slot{});
    for (std::uint32_t index = 0; index < next_.size(); ++index) {
        const std::uint64_t key = next_[index].key();
        slot_of(key) = {key, round_, index};
    }
}

void Beam::extend(std::uint32_t index, Token token, double probability) {
    const Hypothesis& from = beam_[index];
    const double mass = (token == from.last ? from.blank : from.mass()) * probability;
    if (mass < best_ * ratio_ || mass == 0.0) return;
    Hypothesis next = from;
    next.from = index;
    next.blank = 0.0;
    next.label = mass;
    next.last = token;
    next.ended = next.spelled = false;
    if (token == alphabet_.separator) {
        if (at_root(from)) {
            put(next);  // a further space is none: the text stays what it is
        } else {
            end_words(next);
        }
        return;
    }
    if (!at_root(from) && !alphabet_.begins_word.empty() && alphabet_.begins_word[token]) {
        end_words(next, token);
        return;
    }
    spell(next, token);
}

void Beam::spell(Hypothesis& next, Token token) {
    const std::uint32_t child = next.node == Lexicon::kNone ? Lexicon::kNone : words_.lexicon().child(next.node, token);
    if (child != Lexicon::kNone) {
        const double look = scores_.look_ahead(next.state, child);
        Hypothesis spelled = next;
        spelled.label *= look / next.look;
        spelled.look = look;
        spelled.node = child;
        spelled.path = words_.lexicon().node(child).path;
        put(spelled);
        if (completes_) end_words(spelled);
    }
    if (options_.lexicon_only) return;
    if (completes_) {  // outside the lexicon every phone stands alone: nothing says where a word would end
        if (!at_root(next)) return;
        next.path = Lexicon::extend_path(next.path, token);
        end_word(next, kOutside, 0);
    } else if (child == Lexicon::kNone) {
        if (next.node != Lexicon::kNone) {
            const double look = outside_look(next.state);
            next.label *= look / next.look;
            next.look = look;
        }
        next.node = Lexicon::kNone;
        next.path = Lexicon::extend_path(next.path, token);
        next.spelled = true;
        put(next);
    }
}

void Beam::end_words(const Hypothesis& hypothesis, Token begins) {
    bool found = false;
    if (hypothesis.node != Lexicon::kNone) {
        const auto& node = words_.lexicon().node(hypothesis.node);
        for (std::uint32_t entry = node.first_entry; entry < node.first_entry + node.ends; ++entry) {
            end_word(hypothesis, entry, begins);
            found = true;
        }
    }
    if (!found && !options_.lexicon_only && !completes_) end_word(hypothesis, kOutside, begins);
}

void Beam::end_word(Hypothesis next, std::uint32_t entry, Token begins) {
    const std::uint32_t word = entry == kOutside ? WordScores::kNoWord : words_.lexicon().entry(entry).word;
    const WordScores::Step step = scores_.step(next.state, word);
    double factor = step.factor;
    if (!hot_words_.empty()) {
        const HotWords::Step hot = hot_words_.step(next.hot, word);
        next.hot = hot.next;
        factor *= std::exp(hot.delta);
    }
    const double look = root_look(step.next);
    next.label *= factor * look / next.look;
    next.look = look;
    next.text = extend_text(next.text, word, next.path);
    next.state = step.next;
    next.node = Lexicon::kRoot;
    next.path = Lexicon::kEmptyPath;
    next.context = context_of(next);
    next.ended = true;
    next.entry = entry;
    next.spelled = false;
    if (begins) {
        spell(next, begins);
    } else {
        put(next);
    }
}

void Beam::prune() {
    double cutoff = best_ * ratio_;
    masses_.clear();
    for (const Hypothesis& hypothesis : next_) {
        if (hypothesis.mass() >= cutoff) masses_.push_back(hypothesis.mass());
    }
    std::size_t room = options_.beam_size;  // for hypotheses exactly at the cutoff
    if (masses_.size() > room) {
        const auto middle = masses_.begin() + static_cast<std::ptrdiff_t>(room - 1);
        std::nth_element(masses_.begin(), middle, masses_.end(), std::greater<>());
        cutoff = *middle;
        room = static_cast<std::size_t>(std::count(masses_.begin(), middle + 1, cutoff));
    }
    std::size_t kept = 0;
    for (std::size_t index = 0; index < next_.size(); ++index) {
        const double mass = next_[index].mass();
        if (mass < cutoff) continue;
        if (mass == cutoff) {
            if (room == 0) continue;
            --room;
        }
        if (kept != index) next_[kept] = next_[index];
        write_down(next_[kept++]);
    }
    next_.resize(kept);
    beam_.swap(next_);
    rescale(best_);
    if (history_.size() + partials_.size() > 2 * collected_ + kGarbage) collect_garbage();
    if (scores_.full()) {
        std::vector<std::uint32_t*> states;
        for (Hypothesis& hypothesis : beam_) states.push_back(&hypothesis.state);
        scores_.compact(states);
    }
}

void Beam::write_down(Hypothesis& hypothesis) {
    if (!hypothesis.ended && !hypothesis.spelled) return;
    const Hypothesis& from = beam_[hypothesis.from];
    std::uint32_t partial = kNothing;
    if (hypothesis.ended) {
        const bool outside = hypothesis.entry == kOutside;
        const std::uint32_t word = outside ? WordScores::kNoWord : words_.lexicon().entry(hypothesis.entry).word;
        const float log10 = scores_.step(from.state, word).log10;
        std::uint32_t outside_tokens = outside ? partial_of(from) : kNothing;
        if (outside && completes_) {
            partials_.push_back({outside_tokens, hypothesis.last});
            outside_tokens = static_cast<std::uint32_t>(partials_.size() - 1);
        }
        history_.push_back({from.history, hypothesis.entry, outside_tokens, log10});
        hypothesis.history = static_cast<std::uint32_t>(history_.size() - 1);
    } else {
        partial = partial_of(from);
    }
    if (hypothesis.spelled) {
        partials_.push_back({partial, hypothesis.last});
        partial = static_cast<std::uint32_t>(partials_.size() - 1);
    }
    hypothesis.partial = partial;
    hypothesis.ended = hypothesis.spelled = false;
}

std::uint32_t Beam::partial_of(const Hypothesis& hypothesis) {
    if (hypothesis.node == Lexicon::kNone) return hypothesis.partial;
    std::uint32_t partial = kNothing;
    for (const Token token : words_.lexicon().path(hypothesis.node)) {
        partials_.push_back({partial, token});
        partial = static_cast<std::uint32_t>(partials_.size() - 1);
    }
    return partial;
}

void Beam::collect_garbage() {
    std::vector<std::uint32_t> new_history(history_.size(), kNothing), new_partial(partials_.size(), kNothing);
    const auto mark_partial = [&](std::uint32_t item) {
        for (; item != kNothing && new_partial[item] == kNothing; item = partials_[item].before) new_partial[item] = 0;
    };
    for (const Hypothesis& hypothesis : beam_) {
        mark_partial(hypothesis.partial);
        for (std::uint32_t item = hypothesis.history; item != kNothing && new_history[item] == kNothing; item = history_[item].before) {
            new_history[item] = 0;
            mark_partial(history_[item].partial);
        }
    }
    // What an item refers to lies before it, so one pass moves everything down.
    std::uint32_t kept = 0;
    for (std::size_t item = 0; item < partials_.size(); ++item) {
        if (new_partial[item] == kNothing) continue;
        PartialItem moved = partials_[item];
        if (moved.before != kNothing) moved.before = new_partial[moved.before];
        new_partial[item] = kept;
        partials_[kept++] = moved;
    }
    partials_.resize(kept);
    kept = 0;
    for (std::size_t item = 0; item < history_.size(); ++item) {
        if (new_history[item] == kNothing) continue;
        HistoryItem moved = history_[item];
        if (moved.before != kNothing) moved.before = new_history[moved.before];
        if (moved.partial != kNothing) moved.partial = new_partial[moved.partial];
        new_history[item] = kept;
        history_[kept++] = moved;
    }
    history_.resize(kept);
    for (Hypothesis& hypothesis : beam_) {
        if (hypothesis.history != kNothing) hypothesis.history = new_history[hypothesis.history];
        if (hypothesis.partial != kNothing) hypothesis.partial = new_partial[hypothesis.partial];
    }
    collected_ = history_.size() + partials_.size();
}

std::vector<Token> Beam::partial_tokens(std::uint32_t partial) const {
    std::vector<Token> tokens;
    for (; partial != kNothing; partial = partials_[partial].before) tokens.push_back(partials_[partial].token);
    std::reverse(tokens.begin(), tokens.end());
    return tokens;
}

std::vector<Token> Beam::unfinished_tokens(const Hypothesis& hypothesis) const {
    return hypothesis.node == Lexicon::kNone ? partial_tokens(hypothesis.partial) : words_.lexicon().path(hypothesis.node);
}

}  // namespace tympan
