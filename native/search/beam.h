// CTC prefix beam search with lexicon, n-gram and hot words.
//
// Life cycle of one utterance; whole and stream take the same steps, so they cannot differ:
//
//   Beam beam(words, alphabet, options);       // may be used again and again: reset() begins the next utterance
//   for each frame: beam.step(log_probs);      // (V,) float32, natural logarithm
//   results = beam.finish(nbest);              // the state is not changed; more frames may follow
//
// A hypothesis is a text so far: its words, the unfinished word, the last token. Its mass is the sum of the probabilities of all
// alignments that spell it (Hannun et al. 2014, arXiv:1408.2873, algorithm 1), apart for those that end in blank and those
// that do not, times exp of the weighted scores of its words, times what the best possible word would bring (look-ahead,
// Ortmanns et al. 1996), which is taken back when the word is known. Masses are kept relative to the frame's best, in double:
// no logarithm is taken within a frame.
//
// Words end at the separator token (characters), before a token that begins a word (word pieces), or as soon as a spelling of the
// lexicon is complete (phones, pieces within the lexicon).
//
// Cost a frame: hypotheses x tokens that pass the pruning. Memory: some 100 bytes a hypothesis, and the words of those alive.
// Thread safety: one Beam a thread; `Words` and `Alphabet` may be shared.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "search/hot_words.h"
#include "search/lexicon.h"
#include "search/words.h"

namespace tympan {

struct Alphabet {
    std::size_t num_tokens = 0;
    int separator = -1;                    // token between words, or -1
    std::vector<std::uint8_t> begins_word; // by token; empty if no token does (word pieces begin with a mark)
};

struct BeamOptions {
    std::size_t beam_size = 100;
    double beam_threshold = 12.0;       // natural log below the frame's best hypothesis
    double token_min_log_prob = -9.0;   // tokens below are only followed where they repeat the last one
    double blank_skip = 1.0;            // frames whose blank is at least this probable are taken as all blank; 1 turns it off
    bool lexicon_only = true;           // words outside the lexicon are not written
    bool recombine = true;              // hypotheses that the language model cannot tell apart become one, the better one
};

struct ResultWord {
    std::int64_t word = -1;     // number of the word, or -1 for one outside the lexicon
    std::vector<Token> tokens;  // its spelling
    double log10 = 0.0;         // of the language model
};

struct Result {
    double score = 0.0;           // the objective, natural log
    double acoustic_score = 0.0;  // score less all others
    double lm_score = 0.0;        // natural log, unweighted; </s> counted
    double hot_score = 0.0;       // of hot words and phrases
    std::vector<ResultWord> words;
    std::vector<std::uint32_t> phrases;  // hot phrases that fired, one entry a firing
    double posterior = 0.0;       // its share among all texts that the search still held
    bool finished = true;         // false: the last word is unfinished
    std::int64_t guess = -1;      // the word that it may become, or -1
};

class Beam {
  public:
    Beam(const Words& words, const HotWords& hot_words, const Alphabet& alphabet, const BeamOptions& options);

    void reset();
    void step(const float* log_probs);
    // The best so far, last words finished and </s> scored; best first, every text once.
    std::vector<Result> finish(std::size_t nbest);
    // The best so far as it stands: the last word may be unfinished, </s> is not scored.
    Result peek();

    // What an utterance that is under way needs, some kilobytes: one beam can search many utterances in turn.
    class Held;
    void resume(Held& held);   // takes what is held; nothing held begins an utterance
    void suspend(Held& held);  // gives it back

    std::size_t num_hypotheses() const { return beam_.size(); }
    std::uint64_t search_steps() const { return search_steps_; }  // extensions looked at since the reset: a measure of work

  private:
    struct Hypothesis {
        double blank, label;    // mass of alignments that end in blank, in the last token
        double look;            // look-ahead within both
        std::uint64_t text;     // hash of the finished words
        std::uint64_t context;  // hash of what tells hypotheses apart: the text, or all that the scores know of it
        std::uint64_t path;     // hash of the unfinished word
        std::uint32_t node;     // in the lexicon, or kNone for a word outside
        std::uint32_t state;    // of the language model
        std::uint32_t hot;      // of the hot words
        std::uint32_t history;  // the last finished word, in history_
        std::uint32_t partial;  // tokens of a word outside the lexicon, in partials_
        // What is written down if this hypothesis survives its frame:
        std::uint32_t from;   // hypothesis of the frame before
        std::uint32_t entry;  // of the word that was finished
        bool ended;           // a word was finished
        bool spelled;         // `last` goes on a word outside the lexicon
        Token last;           // 0 for none

        double mass() const { return blank + label; }
        std::uint64_t key() const { return (context ^ path) * 0x9E3779B97F4A7C15ull + last * 0xD1B54A32D192ED03ull; }
    };
    struct HistoryItem {
        std::uint32_t before;
        std::uint32_t entry;    // kOutside for a word outside the lexicon
        std::uint32_t partial;  // its tokens
        float log10;
    };
    struct PartialItem {
        std::uint32_t before;
        Token token;
    };
    struct Slot {
        std::uint64_t key = 0;
        std::uint32_t round = 0;  // slots of other frames are free
        std::uint32_t index = 0;
    };
    // A hypothesis with its last word finished, or none to finish.
    struct Ending {
        const Hypothesis* hypothesis;
        bool has_word;
        std::uint32_t entry;
        std::uint32_t state;  // after the word
        std::uint64_t text;
        double score;
    };

    static constexpr std::uint32_t kNothing = 0xFFFFFFFFu;
    static constexpr std::uint32_t kOutside = 0xFFFFFFFEu;

    // One frame.
    double probability(const float* log_probs, Token token);
    void extend(std::uint32_t index, Token token, double probability);
    void spell(Hypothesis& next, Token token);
    void end_words(const Hypothesis& hypothesis, Token begins = 0);
    void end_word(Hypothesis next, std::uint32_t entry, Token begins);
    void put(const Hypothesis& hypothesis);
    void prune();
    void rescale(double best);
    Slot& slot_of(std::uint64_t key) {
        const std::size_t mask = slots_.size() - 1;
        std::size_t place = (key ^ (key >> 32)) & mask;
        while (slots_[place].round == round_ && slots_[place].key != key) place = (place + 1) & mask;
        return slots_[place];
    }
    void widen();

    // What hypotheses refer to.
    void write_down(Hypothesis& hypothesis);
    std::uint32_t partial_of(const Hypothesis& hypothesis);
    std::vector<Token> partial_tokens(std::uint32_t partial) const;
    std::vector<Token> unfinished_tokens(const Hypothesis& hypothesis) const;
    void collect_garbage();
    static std::uint64_t extend_text(std::uint64_t text, std::uint32_t word, std::uint64_t path);
    std::uint64_t context_of(const Hypothesis& hypothesis) const;
    double root_look(std::uint32_t state);
    double outside_look(std::uint32_t state);
    bool at_root(const Hypothesis& hypothesis) const { return hypothesis.path == Lexicon::kEmptyPath; }

    // Results.
    std::vector<Ending> endings();
    void add_endings(const Hypothesis& hypothesis, bool outside, std::vector<Ending>& endings);
    Ending ending(const Hypothesis& hypothesis, bool has_word, std::uint32_t entry);
    Result result_of(const Ending& ending);
    void add_history(const Hypothesis& hypothesis, Result& result) const;

    const Words& words_;
    const HotWords& hot_words_;
    const Alphabet& alphabet_;
    BeamOptions options_;
    bool completes_;  // words end where a spelling is complete
    bool recombine_;
    WordScores scores_;
    double ratio_;  // exp(-beam_threshold)

    std::vector<Hypothesis> beam_, next_;
    std::vector<HistoryItem> history_;
    std::vector<PartialItem> partials_;
    std::size_t collected_ = 0;  // items left by the last garbage collection
    double log_scale_ = 0.0;     // log of what masses were divided by
    double best_ = 0.0;          // highest mass in next_
    double outside_factor_ = 1.0;  // look-ahead of a word outside the lexicon, where no n-gram knows better
    std::vector<double> masses_;
    std::uint64_t search_steps_ = 0;

    std::vector<std::pair<Token, double>> tokens_;  // that are followed in this frame, with their probabilities
    std::vector<double> probabilities_;             // by token, where stamps_ is of this round
    std::vector<std::uint32_t> stamps_;
    std::vector<Slot> slots_;  // keys of next_: open addressing
    std::uint32_t round_ = 0;
};

class Beam::Held {
    friend class Beam;
    std::vector<Hypothesis> beam_;    // none: nothing was heard yet
    std::vector<NGramState> states_;  // of each: their numbers are the beam's own
    std::vector<HistoryItem> history_;
    std::vector<PartialItem> partials_;
    std::size_t collected_ = 0;
    double log_scale_ = 0.0;
    std::uint64_t search_steps_ = 0;
};

}  // namespace tympan
