// The denominator for Python; tympan.training.objectives.denominator wraps it.

#include <nanobind/ndarray.h>

#include "bindings/module.h"
#include "error.h"
#include "objective/denominator.h"

namespace nb = nanobind;
using namespace nb::literals;

namespace tympan {
namespace {

template <typename T, int Rank>
using Array = nb::ndarray<T, nb::ndim<Rank>, nb::c_contig, nb::device::cpu>;

template <typename T>
std::span<const T> view(const Array<const T, 1>& array) {
    return {array.data(), array.size()};
}

void make(Denominator* denominator, const Array<const std::int32_t, 1>& last, const Array<const std::int32_t, 1>& parent,
          const Array<const float, 1>& backoff, const Array<const std::int32_t, 1>& sources, const Array<const std::int32_t, 1>& targets,
          const Array<const float, 1>& weights, const Array<const float, 1>& unigram, const Array<const float, 1>& final) {
    new (denominator) Denominator({view(last), view(parent), view(backoff), view(final), view(sources), view(targets), view(weights), view(unigram)});
}

void run(const Denominator& denominator, const Array<const float, 3>& log_probs, const Array<const std::int64_t, 1>& lengths,
         const Array<float, 1>& log_z, const Array<float, 3>& posteriors, std::size_t threads, std::size_t most_history) {
    const std::size_t batch = log_probs.shape(0), frames = log_probs.shape(1), tokens = log_probs.shape(2);
    if (tokens != denominator.num_tokens()) {
        throw ShapeError("log_probs have " + std::to_string(tokens) + " tokens a frame, the denominator " + std::to_string(denominator.num_tokens()) + ".");
    }
    if (lengths.size() != batch || log_z.size() != batch || posteriors.shape(0) != batch || posteriors.shape(1) != frames || posteriors.shape(2) != tokens) {
        throw ShapeError("log_probs, lengths and results of the denominator differ in shape.");
    }
    nb::gil_scoped_release released;
    denominator.run(log_probs.data(), batch, frames, lengths.data(), log_z.data(), posteriors.data(), {threads, most_history});
}

}  // namespace

void bind_objective(nb::module_& module) {
    nb::class_<Denominator>(module, "Denominator")
        .def("__init__", &make, "last"_a, "parent"_a, "backoff"_a, "sources"_a, "targets"_a, "weights"_a, "unigram"_a, "final"_a)
        .def("run", &run, "log_probs"_a, "lengths"_a, "log_z"_a, "posteriors"_a, "threads"_a = 1,
             "most_history"_a = DenominatorOptions{}.most_history);
}

}  // namespace tympan
