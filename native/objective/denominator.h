// The denominator of lattice-free sequence training: the mass of all CTC paths of all token sequences under an n-gram.
//
// Formulas, and why these are probabilities and not logarithms, stand in src/tympan/training/objectives/denominator.py; the graph's
// form in graph.py beside it. One object is made for a training; run() is called at each step, from any thread, and changes nothing.
// Time: frames x (arcs + some 10 contexts) x utterances, twice. Memory a thread: 8 bytes x contexts x lanes x frames, or less: see DenominatorOptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tympan {

struct DenominatorArrays {
    std::span<const std::int32_t> last, parent;      // by context
    std::span<const float> backoff, final;           // by context
    std::span<const std::int32_t> sources, targets;  // by arc
    std::span<const float> weights;                  // by arc
    std::span<const float> unigram;                  // by token
};

struct DenominatorOptions {
    std::size_t threads = 1;
    // Bytes of masses that a thread keeps; beyond it only those of every sqrt(frames)-th frame are, and the others are worked out again.
    // That is a third more work, yet it takes less time than memory that no cache holds.
    std::size_t most_history = std::size_t{1} << 25;
};

class Denominator {
  public:
    // Throws ShapeError if the arrays do not fit together, or an index lies outside of them.
    explicit Denominator(const DenominatorArrays& arrays);

    // In: batch x frames x V natural logarithms, and lengths. Out: log Z by utterance, and batch x frames x V posteriors, which are
    // zero from a length on; log_probs are not read there. NaN gives NaN. Throws ShapeError for a length beyond `frames`.
    void run(const float* log_probs, std::size_t batch, std::size_t frames, const std::int64_t* lengths, float* log_z, float* posteriors,
             const DenominatorOptions& options) const;

    std::size_t num_tokens() const { return unigram_.size(); }
    std::size_t num_contexts() const { return last_.size(); }

  private:
    template <int N>
    friend class DenominatorBlock;

    // Weights between contexts (C of them) and masses (2 C: label and blank together, then blank alone), by row.
    struct Sparse {
        std::vector<std::uint32_t> starts, columns;
        std::vector<float> weights;

        void fill(std::size_t rows, const std::vector<std::uint32_t>& row, const std::vector<std::uint32_t>& column, std::span<const float> weight);
    };

    std::vector<std::uint32_t> last_, parent_;
    std::vector<float> backoff_, final_, unigram_;
    Sparse into_;    // by context: the masses that flow into it
    Sparse out_of_;  // by mass: the contexts that it flows into
};

}  // namespace tympan
