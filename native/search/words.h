// What the search knows about words: lexicon, language model, hot words, and what a word is worth in a context.
//
// The objective of the search, all in natural logarithms:
//
//   score(text) = log sum over alignments of P(alignment | audio)
//               + lm_weight * log P_lm(words) + word_score * words + unknown_score * words outside the lexicon + hot words' weights
//
// Words is built once, never changes, and may be shared by threads. WordScores is one thread's memory of scores already asked
// for; it grows to a fixed size and is emptied then.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "ngram/ngram.h"
#include "search/lexicon.h"

namespace tympan {

struct Weights {
    double lm_weight = 0.5;
    double word_score = 1.0;
    double unknown_score = -8.0;  // on top of what the language model says of <unk>
};

struct Word {
    WordId lm = kUnknown;
    float bonus = 0.0f;  // log10, added to the language model's score: lets a word that the model lacks be as likely as one it has
    float hot = 0.0f;    // natural log, a hot word's weight
};

class Words {
  public:
    // `ngram` may be null, and the lexicon empty.
    Words(std::shared_ptr<const NGram> ngram, Lexicon lexicon, std::vector<Word> words, Weights weights);

    const NGram* ngram() const { return ngram_.get(); }
    const Lexicon& lexicon() const { return lexicon_; }
    const Word& word(std::uint32_t index) const { return words_[index]; }
    std::size_t size() const { return words_.size(); }
    const Weights& weights() const { return weights_; }

    // Gain of a word whose language model score is `log10`, without its hot weight.
    double gain(const Word& word, double log10) const {
        return weights_.lm_weight * kLn10 * (log10 + word.bonus) + weights_.word_score;
    }
    double unknown_gain(double log10) const { return weights_.lm_weight * kLn10 * log10 + weights_.word_score + weights_.unknown_score; }

    // exp of the best gain, with no context, of any word at or below a node; hot weights as below.
    double look_ahead(std::uint32_t node) const { return look_ahead_[node]; }
    // The best word at or below a node, with no context.
    std::uint32_t likeliest(std::uint32_t node) const;
    // The hot weight of the words below a node comes as they are spelled, so that a hot word is not lost before its end.
    float hot_look_ahead(std::uint32_t node) const { return hot_look_ahead_.empty() ? 0.0f : hot_look_ahead_[node]; }
    // Entries whose word has this number in the language model.
    std::span<const std::uint32_t> entries_of(WordId lm) const {
        if (lm + 1 >= entry_starts_.size()) return {};
        return {entry_lists_.data() + entry_starts_[lm], entry_starts_[lm + 1] - entry_starts_[lm]};
    }

    static constexpr double kLn10 = 2.302585092994045684;

  private:
    std::shared_ptr<const NGram> ngram_;
    Lexicon lexicon_;
    std::vector<Word> words_;
    Weights weights_;
    std::vector<float> gains_;  // by entry, with no context
    std::vector<double> look_ahead_;
    std::vector<float> hot_look_ahead_;
    std::vector<std::uint32_t> entry_starts_, entry_lists_;
};

class WordScores {
  public:
    explicit WordScores(const Words& words);

    struct Step {
        double factor;       // exp of the gain, the word's hot weight included
        float log10;         // of the language model alone
        std::uint32_t next;  // state after the word
    };

    static constexpr std::uint32_t kNoWord = 0xFFFFFFFFu;  // a word outside the lexicon

    std::uint32_t begin() const { return begin_; }
    Step step(std::uint32_t state, std::uint32_t word);
    double end_log10(std::uint32_t state);
    // exp of the best gain of the words at or below a node, after a context.
    double look_ahead(std::uint32_t state, std::uint32_t node);
    std::uint64_t state_hash(std::uint32_t state) const { return hashes_[state]; }
    // A state, and its number, which may be another after `compact`.
    const NGramState& state(std::uint32_t number) const { return states_[number]; }
    std::uint32_t number(const NGramState& state);
    // States are numbered; when there are too many, all is forgotten. The caller then asks again for the states that it holds.
    bool full() const {
        return states_.size() > kMostStates || used_steps_ > kMostSteps || used_looks_ > kMostLooks || gains_.size() > kMostListed;
    }
    // Forget everything but `keep`, whose numbers are changed in place.
    void compact(std::vector<std::uint32_t*>& keep);

  private:
    static constexpr std::size_t kMostStates = 1u << 16;
    static constexpr std::size_t kMostSteps = 1u << 17;
    static constexpr std::size_t kMostLooks = 1u << 18;
    static constexpr std::size_t kMostListed = 1u << 20;
    static constexpr std::uint32_t kShortList = 24;  // looked through anew each time, which is faster than remembering
    static constexpr std::uint64_t kFree = ~std::uint64_t{0};

    struct StepSlot {
        std::uint64_t key = kFree;
        Step step{};
    };
    struct LookSlot {
        std::uint64_t key = kFree;
        double factor = 0.0;
    };
    // The listed continuations of a state, by entry; and what it backs off to.
    struct Continuations {
        double backoff = 1.0;      // exp of the gain of backing off
        std::uint32_t begin = 0;   // in gains_
        std::uint32_t count = 0;
        std::uint32_t shorter = 0;
        bool known = false;
    };

    double best_listed(const Continuations& continuations, std::uint32_t node) const;
    double long_look_ahead(std::uint32_t state, std::uint32_t node);
    const Continuations& continuations(std::uint32_t state) {
        if (!continuations_[state].known) list_continuations(state);
        return continuations_[state];
    }
    void list_continuations(std::uint32_t state);

    const Words& words_;
    std::vector<NGramState> states_;
    std::vector<std::uint64_t> hashes_;
    std::unordered_map<NGramState, std::uint32_t, NGramStateHash> numbers_;
    std::vector<StepSlot> steps_;
    std::vector<LookSlot> looks_;
    std::size_t used_steps_ = 0, used_looks_ = 0;
    int depth_ = 0;  // of back-offs under way
    std::vector<Continuations> continuations_;             // by state
    std::vector<std::pair<std::uint32_t, float>> gains_;  // (entry, gain), by entry within each state
    std::vector<std::pair<WordId, float>> scratch_;
    std::uint32_t begin_ = 0, empty_ = 0;
};

}  // namespace tympan
