// Python's view of the search; tympan.decoding wraps it.

#include <nanobind/ndarray.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bindings/module.h"
#include "error.h"
#include "search/align.h"
#include "search/decoder.h"

namespace nb = nanobind;

namespace tympan {
namespace {

using LogProbs = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
template <typename T>
using Array = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

Emissions emissions_of(const LogProbs& log_probs, std::size_t num_tokens) {
    if (log_probs.shape(1) != num_tokens) {
        throw ShapeError("log_probs have " + std::to_string(log_probs.shape(1)) + " tokens a frame, the token table has " +
                         std::to_string(num_tokens) + ".");
    }
    return {log_probs.data(), log_probs.shape(0)};
}

// (score, acoustic, lm, hot, posterior, finished, phrases, [(word, log10, tokens), ...])
nb::tuple to_python(const Result& result) {
    nb::list words;
    for (const ResultWord& word : result.words) {
        nb::list tokens;
        for (const Token token : word.tokens) tokens.append(static_cast<int>(token));
        words.append(nb::make_tuple(word.word, word.log10, nb::tuple(tokens)));
    }
    return nb::make_tuple(result.score, result.acoustic_score, result.lm_score, result.hot_score, result.posterior, result.finished,
                          result.phrases, words, result.guess);
}

nb::list to_python(const std::vector<Result>& results) {
    nb::list list;
    for (const Result& result : results) list.append(to_python(result));
    return list;
}

// Vocabulary of the search as flat arrays: spelling i is tokens[offsets[i] : offsets[i + 1]] and belongs to word words[i].
std::shared_ptr<const Words> make_words(std::shared_ptr<NGram> ngram, std::size_t num_tokens, const Array<std::uint16_t>& tokens,
                                        const Array<std::uint32_t>& offsets, const Array<std::uint32_t>& words,
                                        const std::vector<std::string>& lm_words, const Array<float>& bonuses, const Array<float>& hot,
                                        double lm_weight, double word_score, double unknown_score) {
    if (offsets.size() != words.size() + 1 || bonuses.size() != lm_words.size() || hot.size() != lm_words.size()) {
        throw ShapeError("The arrays of the lexicon do not fit together.");
    }
    Lexicon lexicon(num_tokens);
    std::vector<Word> list(lm_words.size());
    nb::gil_scoped_release release;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::uint32_t begin = offsets.data()[i], end = offsets.data()[i + 1];
        if (begin > end || end > tokens.size()) throw ShapeError("The arrays of the lexicon do not fit together.");
        lexicon.add(words.data()[i], {tokens.data() + begin, end - begin});
    }
    lexicon.build();
    for (std::size_t i = 0; i < list.size(); ++i) {
        list[i] = {ngram ? ngram->find(lm_words[i]) : kUnknown, bonuses.data()[i], hot.data()[i]};
    }
    return std::make_shared<const Words>(std::move(ngram), std::move(lexicon), std::move(list), Weights{lm_weight, word_score, unknown_score});
}

// An utterance under way. It borrows a beam for each call only: streams in turn share its memory of scores, and keep little of their own.
class Stream {
  public:
    explicit Stream(std::shared_ptr<Decoder> decoder) : decoder_(std::move(decoder)) {}
    template <class Use>
    auto with_beam(Use use) {
        struct Loan {  // given back also if the search throws
            explicit Loan(Stream& stream) : stream(stream), beam(stream.decoder_->borrow()) { beam->resume(stream.held_); }
            Loan(const Loan&) = delete;
            Loan& operator=(const Loan&) = delete;
            ~Loan() {
                beam->suspend(stream.held_);
                stream.decoder_->give_back(std::move(beam));
            }
            Stream& stream;
            std::unique_ptr<Beam> beam;
        };
        const Loan loan(*this);
        return use(*loan.beam);
    }
    void feed(const LogProbs& log_probs) {
        const Emissions emissions = emissions_of(log_probs, decoder_->alphabet().num_tokens);
        decoder_->check(emissions);
        nb::gil_scoped_release release;
        with_beam([&](Beam& beam) {
            for (std::size_t frame = 0; frame < emissions.frames; ++frame) beam.step(emissions.data + frame * decoder_->alphabet().num_tokens);
        });
    }
    void reset() { held_ = Beam::Held(); }

  private:
    std::shared_ptr<Decoder> decoder_;
    Beam::Held held_;
};

}  // namespace

void bind_search(nb::module_& module) {
    nb::class_<Words>(module, "Words");
    module.def("make_words", &make_words, nb::arg("ngram").none(), nb::arg("num_tokens"), nb::arg("tokens"), nb::arg("offsets"), nb::arg("words"),
               nb::arg("lm_words"), nb::arg("bonuses"), nb::arg("hot"), nb::arg("lm_weight"), nb::arg("word_score"), nb::arg("unknown_score"));

    nb::class_<Decoder>(module, "Decoder")
        .def(
            "__init__",
            [](Decoder* self, std::shared_ptr<Words> words, int separator, std::vector<bool> begins_word,
               const std::vector<std::pair<std::vector<std::uint32_t>, double>>& phrases, std::size_t beam_size, double beam_threshold,
               double token_min_log_prob, double blank_skip, bool lexicon_only, bool recombine) {
                HotWords hot_words;
                for (const auto& [phrase, weight] : phrases) hot_words.add(phrase, weight);
                hot_words.build();
                const std::size_t num_tokens = words->lexicon().num_tokens();
                new (self) Decoder(std::move(words), std::move(hot_words),
                                   Alphabet{num_tokens, separator, {begins_word.begin(), begins_word.end()}},
                                   BeamOptions{beam_size, beam_threshold, token_min_log_prob, blank_skip, lexicon_only, recombine});
            },
            nb::arg("words"), nb::arg("separator"), nb::arg("begins_word"), nb::arg("phrases"), nb::arg("beam_size"), nb::arg("beam_threshold"),
            nb::arg("token_min_log_prob"), nb::arg("blank_skip"), nb::arg("lexicon_only"), nb::arg("recombine"))
        .def("decode",
             [](Decoder& self, const LogProbs& log_probs, std::size_t nbest) {
                 const Emissions emissions = emissions_of(log_probs, self.alphabet().num_tokens);
                 std::vector<Result> results;
                 {
                     nb::gil_scoped_release release;
                     results = self.decode(emissions, nbest);
                 }
                 return to_python(results);
             })
        .def("decode_batch",
             [](Decoder& self, const std::vector<LogProbs>& batch, std::size_t nbest, std::size_t threads) {
                 std::vector<Emissions> emissions;
                 for (const LogProbs& log_probs : batch) emissions.push_back(emissions_of(log_probs, self.alphabet().num_tokens));
                 std::vector<std::vector<Result>> results;
                 {
                     nb::gil_scoped_release release;
                     results = self.decode_batch(emissions, nbest, threads, [] {
                         nb::gil_scoped_acquire acquire;
                         if (PyErr_CheckSignals() != 0) throw nb::python_error();
                     });
                 }
                 nb::list list;
                 for (const auto& result : results) list.append(to_python(result));
                 return list;
             })
        .def("cancel", &Decoder::cancel);

    nb::class_<Stream>(module, "Stream")
        .def(nb::init<std::shared_ptr<Decoder>>())
        .def("feed", &Stream::feed)
        .def("finish",
             [](Stream& self, std::size_t nbest) {
                 return to_python(self.with_beam([&](Beam& beam) { return beam.finish(nbest); }));
             })
        .def("peek", [](Stream& self) { return to_python(self.with_beam([](Beam& beam) { return beam.peek(); })); })
        .def("reset", &Stream::reset)
        .def_prop_ro("search_steps", [](Stream& self) { return self.with_beam([](Beam& beam) { return beam.search_steps(); }); })
        .def_prop_ro("num_hypotheses", [](Stream& self) { return self.with_beam([](Beam& beam) { return beam.num_hypotheses(); }); });

    module.def("align", [](const LogProbs& log_probs, const std::vector<Token>& tokens) {
        std::vector<AlignedToken> aligned;
        {
            nb::gil_scoped_release release;
            aligned = align(log_probs.data(), log_probs.shape(0), log_probs.shape(1), tokens);
        }
        nb::list list;
        for (const AlignedToken& token : aligned) list.append(nb::make_tuple(token.start, token.end, token.peak));
        return list;
    });
}

}  // namespace tympan
