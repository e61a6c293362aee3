// Forward-backward of up to N utterances side by side, so that each number of the graph is read once for all of them.
//
// read() each utterance, then forward(), then backward(). Arrays over states end in a dimension of N; an utterance's numbers never
// meet another's, so its result does not depend on its company.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "objective/denominator.h"
#include "objective/lanes.h"

namespace tympan {

template <int N>
class DenominatorBlock {
  public:
    DenominatorBlock(const Denominator& graph, std::size_t frames, std::size_t most_history)
        : graph_(graph),
          V_(graph.unigram_.size()),
          C_(graph.last_.size()),
          frames_(frames),
          stride_(stride(frames, most_history / (2 * C_ * N * sizeof(float)))),
          emissions_(frames * V_ * N),
          peaks_(frames * N),
          history_((stride_ + 1) * 2 * C_ * N),
          kept_((frames / stride_ + 1) * 2 * C_ * N),
          free_(2 * C_ * N),
          passed_(C_ * N),
          worth_(2 * C_ * N),
          occupied_(V_ * N) {}

    void read(int lane, const float* log_probs, std::size_t length) {
        lengths_[lane] = length;
        for (std::size_t frame = 0; frame < length; ++frame) {
            const float* row = log_probs + frame * V_;
            const float peak = *std::max_element(row, row + V_);
            peaks_[frame * N + lane] = peak;
            float* emissions = emissions_.data() + frame * V_ * N + lane;
            for (std::size_t token = 0; token < V_; ++token) emissions[token * N] = std::exp(row[token] - peak);
        }
    }

    // log Z by lane.
    void forward(float* log_z) {
        double logs[N] = {};  // of what has been taken out of the masses
        float totals[N];
        std::fill_n(history_.data(), 2 * C_ * N, 0.0f);
        std::fill_n(blank(0), N, 1.0f);
        finish(0, 0, logs, log_z);
        for (std::size_t frame = 0; frame < frames_; ++frame) {
            const std::size_t place = frame % stride_;
            if (place == 0 && frame > 0) std::copy_n(label(stride_), 2 * C_ * N, label(0));
            if (place == 0) std::copy_n(label(0), 2 * C_ * N, kept_.data() + frame / stride_ * 2 * C_ * N);
            step(frame, place, totals);
            for (int lane = 0; lane < N; ++lane) logs[lane] += peaks_[frame * N + lane];
            finish(frame + 1, place + 1, logs, log_z);
            for (int lane = 0; lane < N; ++lane) logs[lane] += std::log(static_cast<double>(totals[lane]));
            if (frame + 1 < frames_) scale(frame + 1, totals);
        }
    }

    // Posteriors by lane, `length` x V each; they are written over what is there.
    void backward(float* const* posteriors) {
        std::fill(worth_.begin(), worth_.end(), 0.0f);
        for (std::size_t frame = frames_; frame-- > 0;) {
            const std::size_t place = frame % stride_;
            if (place + 1 == stride_ && frame + 1 < frames_) again(frame - place);
            for (int lane = 0; lane < N; ++lane) {
                if (lengths_[lane] != frame + 1) continue;
                for (std::size_t c = 0; c < C_; ++c) worth_[c * N + lane] = worth_[(C_ + c) * N + lane] = graph_.final_[c];
            }
            occupy(place + 1);
            for (int lane = 0; lane < N; ++lane) {
                if (frame < lengths_[lane]) write(lane, posteriors[lane] + frame * V_);
            }
            step_back(frame);
        }
    }

  private:
    using Row = Lanes<N>;

    static std::size_t stride(std::size_t frames, std::size_t room) {
        if (frames <= 1 || frames < room) return std::max<std::size_t>(frames, 1);
        return static_cast<std::size_t>(std::ceil(std::sqrt(static_cast<double>(frames))));
    }

    float* label(std::size_t place) { return history_.data() + place * 2 * C_ * N; }
    float* blank(std::size_t place) { return label(place) + C_ * N; }

    // The masses before `frame` lie at `place`, those after it come behind them.
    void step(std::size_t frame, std::size_t place, float* totals) {
        const float* emissions = emissions_.data() + frame * V_ * N;
        const float *label_before = label(place), *blank_before = blank(place);
        float *label_after = label(place + 1), *blank_after = blank(place + 1);
        double all[N] = {};
        pass_on(label_before, blank_before, all);
        const float *both = free_.data(), *silent = both + C_ * N;
        const Row blank_emission = Row::load(emissions);
        Row sums = Row::all(0);
        for (std::size_t c = 0; c < C_; ++c) {
            const Row label = Row::load(label_before + c * N);
            Row into = label + gather(graph_.into_, c, both);  // the last token goes on, or the context begins
            if (c < V_) {
                const float backoff = graph_.backoff_[c];
                into += graph_.unigram_[c] * (without(all, backoff, both + c * N) + backoff * Row::load(silent + c * N));
            }
            into = into * Row::load(emissions + graph_.last_[c] * N);
            const Row stays = (label + Row::load(blank_before + c * N)) * blank_emission;
            into.store(label_after + c * N);
            stays.store(blank_after + c * N);
            sums += into + stays;
        }
        sums.store(totals);
    }

    // Into free_: label and blank masses together, then blank masses, each with what longer contexts pass on; into `all`: what has no
    // context left, in float64, since all but one token's part of it may be little.
    void pass_on(const float* label_before, const float* blank_before, double* all) {
        float *both = free_.data(), *silent = both + C_ * N;
        std::copy_n(blank_before, C_ * N, silent);
        for (std::size_t i = 0; i < C_ * N; i += N) (Row::load(label_before + i) + Row::load(blank_before + i)).store(both + i);
        for (std::size_t c = C_; c-- > V_;) {
            const std::size_t shorter = graph_.parent_[c] * N;
            (Row::load(both + shorter) + graph_.backoff_[c] * Row::load(both + c * N)).store(both + shorter);
            (Row::load(silent + shorter) + graph_.backoff_[c] * Row::load(silent + c * N)).store(silent + shorter);
        }
        for (std::size_t c = 0; c < V_; ++c) {
            const double backoff = graph_.backoff_[c];
            for (int lane = 0; lane < N; ++lane) all[lane] += backoff * both[c * N + lane];
        }
    }

    // The adjoint of step(): from what states after `frame` are worth to what those before it are.
    void step_back(std::size_t frame) {
        const float* emissions = emissions_.data() + frame * V_ * N;
        float *label = worth_.data(), *blank = label + C_ * N;
        float *heard = free_.data(), *passed_label = passed_.data(), *passed_blank = heard + C_ * N;
        for (std::size_t c = 0; c < C_; ++c) {
            (Row::load(label + c * N) * Row::load(emissions + graph_.last_[c] * N)).store(heard + c * N);
        }
        double all[N] = {};
        for (std::size_t c = 0; c < V_; ++c) {
            const double unigram = graph_.unigram_[c];
            for (int lane = 0; lane < N; ++lane) all[lane] += unigram * heard[c * N + lane];
        }
        const Row blank_emission = Row::load(emissions);
        for (std::size_t c = 0; c < C_; ++c) {
            const float backoff = graph_.backoff_[c];
            Row of_label = gather(graph_.out_of_, c, heard);
            Row of_blank = of_label + gather(graph_.out_of_, C_ + c, heard);
            if (c < V_) {
                of_label += backoff * without(all, graph_.unigram_[c], heard + c * N);
                of_blank += backoff * without(all, 0, heard + c * N);
            } else {
                of_label += backoff * Row::load(passed_label + graph_.parent_[c] * N);
                of_blank += backoff * Row::load(passed_blank + graph_.parent_[c] * N);
            }
            of_label.store(passed_label + c * N);
            of_blank.store(passed_blank + c * N);
            const Row stays = Row::load(blank + c * N) * blank_emission;
            (of_label + Row::load(heard + c * N) + stays).store(label + c * N);
            (of_blank + stays).store(blank + c * N);
        }
    }

    static Row gather(const Denominator::Sparse& sparse, std::size_t row, const float* from) {
        Row sums = Row::all(0);
        for (std::uint32_t arc = sparse.starts[row]; arc < sparse.starts[row + 1]; ++arc) {
            sums += sparse.weights[arc] * Row::load(from + std::size_t{sparse.columns[arc]} * N);
        }
        return sums;
    }

    // What of `all` is not weight x own.
    static Row without(const double* all, double weight, const float* own) {
        float rest[N];
        for (int lane = 0; lane < N; ++lane) rest[lane] = static_cast<float>(all[lane] - weight * own[lane]);
        return Row::load(rest);
    }

    // Which token each lane has in the frame before `place`, not yet divided by their sum.
    void occupy(std::size_t place) {
        const float *labels = label(place), *blanks = blank(place), *label_worth = worth_.data(), *blank_worth = label_worth + C_ * N;
        std::fill(occupied_.begin(), occupied_.end(), 0.0f);
        Row silent = Row::all(0);
        for (std::size_t c = 0; c < C_; ++c) {
            float* token = occupied_.data() + graph_.last_[c] * N;
            (Row::load(token) + Row::load(labels + c * N) * Row::load(label_worth + c * N)).store(token);
            silent += Row::load(blanks + c * N) * Row::load(blank_worth + c * N);
        }
        silent.store(occupied_.data());  // no label has the blank's index
    }

    void write(int lane, float* posteriors) const {
        float sum = 0;
        for (std::size_t token = 0; token < V_; ++token) sum += occupied_[token * N + lane];
        for (std::size_t token = 0; token < V_; ++token) posteriors[token] = occupied_[token * N + lane] / sum;
    }

    // Log Z of the lanes that end here.
    void finish(std::size_t frame, std::size_t place, const double* logs, float* log_z) {
        for (int lane = 0; lane < N; ++lane) {
            if (lengths_[lane] != frame) continue;
            double mass = 0;
            for (std::size_t c = 0; c < C_; ++c) {
                mass += static_cast<double>(graph_.final_[c]) * (label(place)[c * N + lane] + blank(place)[c * N + lane]);
            }
            log_z[lane] = static_cast<float>(logs[lane] + std::log(mass));
        }
    }

    // Take the last frame's totals out of the next one's masses. A lane that has ended has none; NaN stays.
    void scale(std::size_t frame, const float* totals) {
        float factors[N];
        for (int lane = 0; lane < N; ++lane) factors[lane] = totals[lane] == 0 ? 0.0f : 1 / totals[lane];
        float* emissions = emissions_.data() + frame * V_ * N;
        for (std::size_t token = 0; token < V_; ++token) {
            for (int lane = 0; lane < N; ++lane) emissions[token * N + lane] *= factors[lane];
        }
    }

    // Masses of the segment that begins with frame `first`, from those kept at its beginning.
    void again(std::size_t first) {
        float totals[N];
        std::copy_n(kept_.data() + first / stride_ * 2 * C_ * N, 2 * C_ * N, label(0));
        for (std::size_t place = 0; place < stride_; ++place) step(first + place, place, totals);
    }

    const Denominator& graph_;
    const std::size_t V_, C_, frames_, stride_;
    std::size_t lengths_[N] = {};
    std::vector<float> emissions_;  // frames x V: exp(log_prob - peak) / the total before
    std::vector<float> peaks_;      // highest log_prob of each frame
    std::vector<float> history_;    // stride + 1 times C label masses, then C blank masses
    std::vector<float> kept_;       // those at the beginning of each segment of `stride` frames
    std::vector<float> free_, passed_, worth_, occupied_;
};

}  // namespace tympan
