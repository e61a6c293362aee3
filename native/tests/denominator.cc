#include "objective/denominator.h"

#include <cmath>
#include <limits>

#include "error.h"
#include "tests/check.h"
#include "tests/language.h"

namespace tympan::tests {
namespace {

struct Graph {
    std::vector<std::int32_t> last, parent, sources, targets;
    std::vector<float> backoff, final, weights, unigram;

    DenominatorArrays arrays() const { return {last, parent, backoff, final, sources, targets, weights, unigram}; }
};

// V tokens and `longer` contexts of two and more tokens, with arcs at random between contexts and those that may follow.
Graph random_graph(Random& random, std::size_t V, std::size_t longer) {
    Graph graph;
    const auto share = [&] { return 0.01f + static_cast<float>(random() % 100) / 300; };
    for (std::size_t c = 0; c < V + longer; ++c) {
        graph.parent.push_back(c < V ? 0 : static_cast<std::int32_t>(1 + random() % (c - 1)));
        graph.last.push_back(c < V ? static_cast<std::int32_t>(c) : graph.last[graph.parent[c]]);
        graph.backoff.push_back(share()), graph.final.push_back(share());
    }
    for (std::size_t arc = 0; arc < 3 * (V + longer); ++arc) {
        graph.sources.push_back(static_cast<std::int32_t>(random() % (V + longer)));
        graph.targets.push_back(static_cast<std::int32_t>(1 + random() % (V + longer - 1)));
        graph.weights.push_back(share());
    }
    for (std::size_t v = 0; v < V; ++v) graph.unigram.push_back(v ? share() : 0);
    return graph;
}

struct Result {
    std::vector<float> log_z, posteriors;
};

Result run(const Denominator& denominator, const std::vector<float>& log_probs, std::size_t frames, const std::vector<std::int64_t>& lengths,
           const DenominatorOptions& options) {
    Result result{std::vector<float>(lengths.size()), std::vector<float>(log_probs.size())};
    denominator.run(log_probs.data(), lengths.size(), frames, lengths.data(), result.log_z.data(), result.posteriors.data(), options);
    return result;
}

// The mass of all ways from a state on: by trying everything.
double follow(const Graph& graph, const float* log_probs, std::size_t frames, std::size_t context, bool label);

// Of those that take a token next, `context` being what is left of the history after back-off, and `last` the token that may not follow.
double follow_token(const Graph& graph, const float* log_probs, std::size_t frames, std::size_t context, std::size_t last) {
    const std::size_t V = graph.unigram.size();
    double mass = 0;
    const auto take = [&](float weight, std::size_t target) {
        const auto token = static_cast<std::size_t>(graph.last[target]);
        if (token != last) mass += weight * std::exp(log_probs[token]) * follow(graph, log_probs + V, frames - 1, target, true);
    };
    for (std::size_t arc = 0; arc < graph.sources.size(); ++arc) {
        if (static_cast<std::size_t>(graph.sources[arc]) == context) take(graph.weights[arc], static_cast<std::size_t>(graph.targets[arc]));
    }
    if (context >= V) return mass + graph.backoff[context] * follow_token(graph, log_probs, frames, static_cast<std::size_t>(graph.parent[context]), last);
    for (std::size_t token = 1; token < V; ++token) take(graph.backoff[context] * graph.unigram[token], token);
    return mass;
}

double follow(const Graph& graph, const float* log_probs, std::size_t frames, std::size_t context, bool label) {
    if (frames == 0) return graph.final[context];
    const std::size_t V = graph.unigram.size(), last = label ? static_cast<std::size_t>(graph.last[context]) : V;
    double mass = std::exp(log_probs[0]) * follow(graph, log_probs + V, frames - 1, context, false);
    if (label) mass += std::exp(log_probs[last]) * follow(graph, log_probs + V, frames - 1, context, true);
    return mass + follow_token(graph, log_probs, frames, context, last);
}

void check_against_all_ways(Random& random) {
    for (int round = 0; round < 60; ++round) {
        const std::size_t V = 2 + random() % 3, frames = random() % 5;
        const Graph graph = random_graph(random, V, random() % 6);
        const Denominator denominator(graph.arrays());
        const auto log_probs = random_emissions(random, frames, V, 2.0);
        const auto found = run(denominator, log_probs, frames, {static_cast<std::int64_t>(frames)}, {});
        CHECK(near(found.log_z[0], std::log(follow(graph, log_probs.data(), frames, 0, false)), 1e-5));
    }
}

void check_memory_and_threads(Random& random) {
    const Graph graph = random_graph(random, 9, 40);
    const Denominator denominator(graph.arrays());
    for (const std::size_t batch : {1u, 4u, 7u, 20u}) {
        const std::size_t frames = 23;
        auto log_probs = random_emissions(random, batch * frames, 9, 3.0);
        std::vector<std::int64_t> lengths(batch);
        for (auto& length : lengths) length = static_cast<std::int64_t>(random() % (frames + 1));
        for (std::size_t b = 0; b < batch; ++b) {  // what is behind an utterance is never read
            for (std::size_t i = static_cast<std::size_t>(lengths[b]) * 9; i < frames * 9; ++i) log_probs[b * frames * 9 + i] = std::nanf("");
        }
        const auto expected = run(denominator, log_probs, frames, lengths, {});
        for (std::size_t b = 0; b < batch; ++b) {
            for (std::size_t frame = 0; frame < frames; ++frame) {
                float sum = 0;
                for (std::size_t token = 0; token < 9; ++token) sum += expected.posteriors[(b * frames + frame) * 9 + token];
                CHECK(near(sum, frame < static_cast<std::size_t>(lengths[b]) ? 1 : 0, 1e-5));
            }
        }
        for (const DenominatorOptions& options : {DenominatorOptions{1, 0}, DenominatorOptions{3, 1 << 20}, DenominatorOptions{50, 0}}) {
            const auto found = run(denominator, log_probs, frames, lengths, options);
            CHECK(found.log_z == expected.log_z && found.posteriors == expected.posteriors);
        }
    }
    CHECK(run(denominator, {}, 5, {}, {}).log_z.empty());
    CHECK_THROWS(ShapeError, run(denominator, random_emissions(random, 2, 9, 1.0), 2, {3}, {}));
    CHECK_THROWS(ShapeError, run(denominator, random_emissions(random, 2, 9, 1.0), 2, {-1}, {}));
}

void check_refusals(Random& random) {
    const Graph good = random_graph(random, 4, 3);
    const auto refused = [&](auto change) {
        Graph graph = good;
        change(graph);
        CHECK_THROWS(ShapeError, Denominator(graph.arrays()));
    };
    refused([](Graph& graph) { graph.sources[0] = 7; });
    refused([](Graph& graph) { graph.targets[0] = -1; });
    refused([](Graph& graph) { graph.last[5] = 4; });
    refused([](Graph& graph) { graph.last[2] = 1; });
    refused([](Graph& graph) { graph.parent[5] = 5; });
    refused([](Graph& graph) { graph.backoff.pop_back(); });
    refused([](Graph& graph) { graph.weights.pop_back(); });
    refused([](Graph& graph) { graph.unigram.resize(1); });
    refused([](Graph& graph) { graph.unigram.resize(9); });
}

}  // namespace

void test_denominator() {
    Random random(1);
    check_against_all_ways(random);
    check_memory_and_threads(random);
    check_refusals(random);
}

}  // namespace tympan::tests
