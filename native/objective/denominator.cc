#include "objective/denominator.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>

#include "error.h"
#include "objective/block.h"
#include "objective/flush.h"

namespace tympan {
namespace {

std::vector<std::uint32_t> checked(std::span<const std::int32_t> indices, std::size_t bound, const char* name) {
    for (const std::int32_t index : indices) {
        if (index < 0 || static_cast<std::size_t>(index) >= bound) {
            throw ShapeError(std::string("The denominator's ") + name + " holds " + std::to_string(index) + ", beyond " + std::to_string(bound) + ".");
        }
    }
    return {indices.begin(), indices.end()};
}

std::vector<float> copied(std::span<const float> values) { return {values.begin(), values.end()}; }

// What a batch is, for those who work on it.
struct Work {
    const float* log_probs;
    std::size_t frames;
    const std::int64_t* lengths;
    float* log_z;
    float* posteriors;
    std::size_t most_history;
};

template <int N>
void run_block(const Denominator& graph, const Work& work, std::span<const std::size_t> utterances) {
    const std::size_t V = graph.num_tokens();
    DenominatorBlock<N> block(graph, static_cast<std::size_t>(work.lengths[utterances[0]]), work.most_history);  // the longest is first
    float log_z[N];
    float* posteriors[N] = {};
    for (std::size_t lane = 0; lane < utterances.size(); ++lane) {
        const std::size_t begin = utterances[lane] * work.frames * V;
        const auto length = static_cast<std::size_t>(work.lengths[utterances[lane]]);
        posteriors[lane] = work.posteriors + begin;
        std::fill(posteriors[lane] + length * V, posteriors[lane] + work.frames * V, 0.0f);
        block.read(static_cast<int>(lane), work.log_probs + begin, length);
    }
    block.forward(log_z);
    block.backward(posteriors);
    for (std::size_t lane = 0; lane < utterances.size(); ++lane) work.log_z[utterances[lane]] = log_z[lane];
}

}  // namespace

void Denominator::Sparse::fill(std::size_t rows, const std::vector<std::uint32_t>& row, const std::vector<std::uint32_t>& column,
                               std::span<const float> weight) {
    starts.assign(rows + 1, 0);
    for (const std::uint32_t r : row) ++starts[r + 1];
    std::partial_sum(starts.begin(), starts.end(), starts.begin());
    columns.resize(row.size());
    weights.resize(row.size());
    std::vector<std::uint32_t> next(starts.begin(), starts.end() - 1);
    for (std::size_t arc = 0; arc < row.size(); ++arc) {
        const std::uint32_t place = next[row[arc]]++;
        columns[place] = column[arc], weights[place] = weight[arc];
    }
}

Denominator::Denominator(const DenominatorArrays& arrays) {
    const std::size_t V = arrays.unigram.size(), C = arrays.last.size(), A = arrays.sources.size();
    if (V < 2 || C < V || arrays.parent.size() != C || arrays.backoff.size() != C || arrays.final.size() != C || arrays.targets.size() != A ||
        arrays.weights.size() != A || C > (std::size_t{1} << 30) || A > (std::size_t{1} << 31)) {
        throw ShapeError("The arrays of the denominator's graph do not fit together.");
    }
    last_ = checked(arrays.last, V, "last");
    parent_ = checked(arrays.parent, C, "parent");
    for (std::size_t c = 0; c < C; ++c) {
        if (c < V ? last_[c] != c : parent_[c] >= c) throw ShapeError("The contexts of the denominator's graph are not in order.");
    }
    backoff_ = copied(arrays.backoff), final_ = copied(arrays.final), unigram_ = copied(arrays.unigram);
    const std::vector<std::uint32_t> targets = checked(arrays.targets, C, "targets");
    std::vector<std::uint32_t> masses = checked(arrays.sources, C, "sources");
    for (std::size_t arc = 0; arc < A; ++arc) {
        if (last_[masses[arc]] == last_[targets[arc]]) masses[arc] += static_cast<std::uint32_t>(C);  // equal neighbours need a blank
    }
    into_.fill(C, targets, masses, arrays.weights);
    out_of_.fill(2 * C, masses, targets, arrays.weights);
}

void Denominator::run(const float* log_probs, std::size_t batch, std::size_t frames, const std::int64_t* lengths, float* log_z,
                      float* posteriors, const DenominatorOptions& options) const {
    for (std::size_t b = 0; b < batch; ++b) {
        if (lengths[b] < 0 || static_cast<std::size_t>(lengths[b]) > frames) {
            throw ShapeError("An utterance has " + std::to_string(lengths[b]) + " frames, the batch " + std::to_string(frames) + ".");
        }
    }
    if (batch == 0) return;
    const Work work{log_probs, frames, lengths, log_z, posteriors, options.most_history};
    std::vector<std::size_t> order(batch);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return lengths[a] > lengths[b]; });

    const std::size_t threads = std::max<std::size_t>(options.threads, 1), share = (batch + threads - 1) / threads;
    const std::size_t lanes = share <= 4 ? 4 : share <= 8 ? 8 : 16;
    const std::size_t blocks = (batch + lanes - 1) / lanes;
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::exception_ptr failure;
    const auto labour = [&] {
        const FlushDenormals flush;
        try {
            for (std::size_t block = next++; block < blocks; block = next++) {
                const std::span<const std::size_t> utterances(order.data() + block * lanes, std::min(lanes, batch - block * lanes));
                if (lanes == 4) run_block<4>(*this, work, utterances);
                if (lanes == 8) run_block<8>(*this, work, utterances);
                if (lanes == 16) run_block<16>(*this, work, utterances);
            }
        } catch (...) {
            const std::lock_guard lock(mutex);
            if (!failure) failure = std::current_exception();
        }
    };
    std::vector<std::thread> pool;
    try {
        while (pool.size() + 1 < std::min(threads, blocks)) pool.emplace_back(labour);
    } catch (const std::exception&) {  // no more threads, or no memory for them: this one does their part
    }
    labour();
    for (std::thread& thread : pool) thread.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace tympan
