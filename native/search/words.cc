#include "search/words.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "error.h"

namespace tympan {
namespace {

constexpr float kNothing = -1e30f;  // gain of a node without words
constexpr double kLeastFactor = 1e-60, kMostFactor = 1e60;
constexpr double kMostGain = 250.0;

std::uint64_t mix(std::uint64_t key) {
    key ^= key >> 31;
    key *= 0x7FB5D329728EA185ull;
    key ^= key >> 27;
    key *= 0x81DADEF4BC2DD44Dull;
    return key ^ (key >> 33);
}

std::uint64_t pair_key(std::uint32_t state, std::uint32_t other) { return std::uint64_t{state} << 32 | other; }

template <typename Slot>
Slot* find_slot(std::vector<Slot>& slots, std::uint64_t key, std::uint64_t free) {
    const std::size_t mask = slots.size() - 1;
    for (std::size_t place = mix(key) & mask;; place = (place + 1) & mask) {
        if (slots[place].key == key || slots[place].key == free) return &slots[place];
    }
}

template <typename Slot>
void grow(std::vector<Slot>& slots, std::uint64_t free) {
    std::vector<Slot> larger(slots.size() * 2);
    for (const Slot& slot : slots) {
        if (slot.key != free) *find_slot(larger, slot.key, free) = slot;
    }
    slots.swap(larger);
}

}  // namespace

Words::Words(std::shared_ptr<const NGram> ngram, Lexicon lexicon, std::vector<Word> words, Weights weights)
    : ngram_(std::move(ngram)), lexicon_(std::move(lexicon)), words_(std::move(words)), weights_(weights) {
    std::vector<float>& gains = gains_;
    gains.resize(lexicon_.num_entries());
    for (std::uint32_t index = 0; index < gains.size(); ++index) {
        if (lexicon_.entry(index).word >= words_.size()) throw Error("A spelling belongs to no word.");
        const Word& word = words_[lexicon_.entry(index).word];
        double log10 = 0.0;
        if (ngram_) {
            NGramState next;
            log10 = ngram_->score(ngram_->empty(), word.lm, next);
        }
        gains[index] = static_cast<float>(gain(word, log10));
    }
    // Children come after their parents, so one pass from the back carries every maximum to the root.
    std::vector<float> best(lexicon_.num_nodes(), kNothing);
    for (std::size_t node = lexicon_.num_nodes(); node-- > 0;) {
        const auto& here = lexicon_.node(static_cast<std::uint32_t>(node));
        for (std::uint32_t entry = here.first_entry; entry < here.first_entry + here.ends; ++entry) {
            best[node] = std::max(best[node], gains[entry]);
        }
        if (node != Lexicon::kRoot) best[here.parent] = std::max(best[here.parent], best[node]);
    }
    bool any_hot = false;
    for (const Word& word : words_) any_hot |= word.hot != 0.0f;
    if (any_hot) {
        hot_look_ahead_.assign(lexicon_.num_nodes(), 0.0f);
        for (std::uint32_t index = 0; index < lexicon_.num_entries(); ++index) {
            const auto& entry = lexicon_.entry(index);
            const float hot = words_[entry.word].hot;
            std::uint32_t node = entry.node;
            for (std::uint32_t depth = entry.length; hot != 0.0f && depth > 0; --depth, node = lexicon_.node(node).parent) {
                const float share = hot * static_cast<float>(depth) / static_cast<float>(entry.length);
                if (std::abs(share) > std::abs(hot_look_ahead_[node])) hot_look_ahead_[node] = share;
            }
        }
    }
    look_ahead_.resize(best.size());
    for (std::uint32_t node = 0; node < best.size(); ++node) {
        look_ahead_[node] = std::clamp(std::exp(static_cast<double>(best[node]) + hot_look_ahead(node)), kLeastFactor, kMostFactor);
    }
    if (!ngram_) return;
    entry_starts_.assign(std::size_t{ngram_->vocabulary_size()} + 1, 0);
    for (std::uint32_t index = 0; index < gains.size(); ++index) {
        const WordId lm = words_[lexicon_.entry(index).word].lm;
        if (lm >= ngram_->vocabulary_size()) throw Error("A word has a number beyond the language model's vocabulary.");
        ++entry_starts_[lm + 1];
    }
    for (std::size_t i = 1; i < entry_starts_.size(); ++i) entry_starts_[i] += entry_starts_[i - 1];
    entry_lists_.resize(entry_starts_.back());
    std::vector<std::uint32_t> place(entry_starts_.begin(), entry_starts_.end() - 1);
    for (std::uint32_t index = 0; index < gains.size(); ++index) {
        const WordId lm = words_[lexicon_.entry(index).word].lm;
        entry_lists_[place[lm]++] = index;
    }
}

std::uint32_t Words::likeliest(std::uint32_t node) const {
    const auto& here = lexicon_.node(node);
    std::uint32_t best = here.first_entry;
    for (std::uint32_t entry = here.first_entry; entry < here.last_entry; ++entry) {
        if (gains_[entry] > gains_[best]) best = entry;
    }
    return lexicon_.entry(best).word;
}

WordScores::WordScores(const Words& words) : words_(words), steps_(1u << 12), looks_(1u << 12) {
    const NGram* ngram = words.ngram();
    empty_ = number(ngram ? ngram->empty() : NGramState{});
    begin_ = number(ngram ? ngram->begin() : NGramState{});
}

std::uint32_t WordScores::number(const NGramState& state) {
    const auto [place, fresh] = numbers_.try_emplace(state, static_cast<std::uint32_t>(states_.size()));
    if (fresh) {
        states_.push_back(state);
        hashes_.push_back(mix(NGramStateHash{}(state) + 1));
        continuations_.emplace_back();
    }
    return place->second;
}

WordScores::Step WordScores::step(std::uint32_t state, std::uint32_t word) {
    const std::uint64_t key = pair_key(state, word);
    StepSlot* slot = find_slot(steps_, key, kFree);
    if (slot->key == key) return slot->step;
    Step step{0.0, 0.0f, state};
    if (const NGram* ngram = words_.ngram()) {
        NGramState next;
        const NGramState from = states_[state];
        step.log10 = ngram->score(from, word == kNoWord ? kUnknown : words_.word(word).lm, next);
        step.next = number(next);
    }
    const double gain = word == kNoWord ? words_.unknown_gain(step.log10) : words_.gain(words_.word(word), step.log10) + words_.word(word).hot;
    step.factor = std::exp(std::clamp(gain, -kMostGain, kMostGain));
    slot->key = key;
    slot->step = step;
    if (++used_steps_ * 2 > steps_.size()) grow(steps_, kFree);
    return step;
}

double WordScores::end_log10(std::uint32_t state) {
    const NGram* ngram = words_.ngram();
    if (!ngram) return 0.0;
    NGramState next;
    return ngram->score(states_[state], ngram->end_of_sentence(), next);
}

void WordScores::list_continuations(std::uint32_t state) {
    float backoff = 0.0f;
    NGramState shorter;
    scratch_.clear();
    Continuations found;
    found.known = true;
    found.begin = static_cast<std::uint32_t>(gains_.size());
    found.shorter = empty_;
    if (words_.ngram() && words_.ngram()->continuations(states_[state], scratch_, backoff, shorter)) {
        for (const auto& [lm, log10] : scratch_) {
            for (const std::uint32_t entry : words_.entries_of(lm)) {
                const double gain = words_.gain(words_.word(words_.lexicon().entry(entry).word), log10);
                gains_.emplace_back(entry, static_cast<float>(gain));
            }
        }
        std::sort(gains_.begin() + found.begin, gains_.end());
        found.count = static_cast<std::uint32_t>(gains_.size()) - found.begin;
        found.backoff = std::exp(words_.weights().lm_weight * Words::kLn10 * backoff);
        found.shorter = number(shorter);
    }
    continuations_[state] = found;
}

double WordScores::best_listed(const Continuations& listed, std::uint32_t node) const {
    const auto& here = words_.lexicon().node(node);
    const auto* place = gains_.data() + listed.begin;
    const auto* end = place + listed.count;
    if (listed.count > kShortList && here.first_entry > 0) {
        const auto before = [](const std::pair<std::uint32_t, float>& item, std::uint32_t entry) { return item.first < entry; };
        place = std::lower_bound(place, end, here.first_entry, before);
    } else {
        while (place != end && place->first < here.first_entry) ++place;
    }
    float best = kNothing;
    for (; place != end && place->first < here.last_entry; ++place) best = std::max(best, place->second);
    return best == kNothing ? 0.0 : std::exp(static_cast<double>(best) + words_.hot_look_ahead(node));
}

double WordScores::look_ahead(std::uint32_t state, std::uint32_t node) {
    double best = 0.0, backoff = 1.0;
    // A context backs off to a shorter one; in a damaged model that might go in circles, hence the bound.
    for (int depth = 0; state != empty_ && depth < kMaxOrder; ++depth) {
        const Continuations& listed = continuations(state);
        if (listed.count > kShortList) return std::clamp(std::max(best, backoff * long_look_ahead(state, node)), kLeastFactor, kMostFactor);
        best = std::max(best, backoff * best_listed(listed, node));
        backoff *= listed.backoff;
        state = listed.shorter;
    }
    return std::clamp(std::max(best, backoff * words_.look_ahead(node)), kLeastFactor, kMostFactor);
}

double WordScores::long_look_ahead(std::uint32_t state, std::uint32_t node) {
    const std::uint64_t key = pair_key(state, node);
    LookSlot* slot = find_slot(looks_, key, kFree);
    if (slot->key == key) return slot->factor;
    const Continuations listed = continuations(state);
    double factor = 0.0;
    if (++depth_ <= kMaxOrder) factor = listed.backoff * look_ahead(listed.shorter, node);
    --depth_;
    factor = std::max(factor, best_listed(listed, node));
    if (++used_looks_ * 2 > looks_.size()) grow(looks_, kFree);
    slot = find_slot(looks_, key, kFree);  // the table may have moved
    slot->key = key;
    slot->factor = factor;
    return factor;
}

void WordScores::compact(std::vector<std::uint32_t*>& keep) {
    std::vector<NGramState> kept;
    for (const std::uint32_t* state : keep) kept.push_back(states_[*state]);
    states_.clear(), hashes_.clear(), numbers_.clear(), continuations_.clear();
    steps_.assign(1u << 12, {}), looks_.assign(1u << 12, {});
    used_steps_ = used_looks_ = 0;
    gains_.clear();
    empty_ = number(words_.ngram() ? words_.ngram()->empty() : NGramState{});
    begin_ = number(words_.ngram() ? words_.ngram()->begin() : NGramState{});
    for (std::size_t i = 0; i < keep.size(); ++i) *keep[i] = number(kept[i]);
}

}  // namespace tympan
