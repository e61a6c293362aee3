#include "search/beam.h"

#include "error.h"
#include "tests/check.h"
#include "tests/language.h"

namespace tympan::tests {
namespace {

std::vector<Result> run(Beam& beam, const std::vector<float>& log_probs, std::size_t tokens, std::size_t nbest) {
    beam.reset();
    for (std::size_t place = 0; place < log_probs.size(); place += tokens) beam.step(log_probs.data() + place);
    return beam.finish(nbest);
}

void is_sane(const std::vector<Result>& results, std::size_t nbest) {
    CHECK(!results.empty() && results.size() <= nbest);
    double posterior = 0.0;
    for (std::size_t i = 0; i < results.size(); ++i) {
        CHECK(std::isfinite(results[i].score) && std::isfinite(results[i].acoustic_score));
        CHECK(i == 0 || results[i].score <= results[i - 1].score);
        posterior += results[i].posterior;
    }
    CHECK(posterior <= 1.0 + 1e-9);
}

// Utterances whose frames come in turn, on two beams, give what each gives alone.
void searches_utterances_in_turn() {
    Random random(7);
    for (const Kind kind : {Kind::kCharacters, Kind::kPieces, Kind::kPhones}) {
        const Setting setting = random_setting(random, std::make_shared<HashNGram>(300), kind, 29, 150, true);
        BeamOptions options;
        options.beam_size = 30;
        options.lexicon_only = kind == Kind::kPhones;
        Beam alone(*setting.words, setting.hot_words, setting.alphabet, options), first(*setting.words, setting.hot_words, setting.alphabet, options),
            second(*setting.words, setting.hot_words, setting.alphabet, options);
        std::vector<std::vector<float>> utterances;
        for (int count = 0; count < 4; ++count) utterances.push_back(random_emissions(random, 40, 29, 2.0));
        std::vector<Beam::Held> held(utterances.size());
        for (std::size_t frame = 0; frame < 40; frame += 4) {
            for (std::size_t place = 0; place < utterances.size(); ++place) {
                Beam& beam = (frame / 4 + place) % 3 == 0 ? first : second;
                beam.resume(held[place]);
                for (std::size_t next = frame; next < frame + 4; ++next) beam.step(utterances[place].data() + next * 29);
                beam.suspend(held[place]);
            }
        }
        for (std::size_t place = 0; place < utterances.size(); ++place) {
            first.resume(held[place]);
            CHECK(same(first.finish(5), run(alone, utterances[place], 29, 5)));
            first.suspend(held[place]);
        }
    }
}

// Every combination of what may be given, on utterances that share one beam and so its memory; a fresh beam says the same.
void searches_everything() {
    Random random(1);
    int round = 0;
    for (const Kind kind : {Kind::kCharacters, Kind::kPieces, Kind::kPhones}) {
        for (const std::size_t tokens : {5, 29, 80}) {
            for (int model = 0; model < 3; ++model) {
                std::shared_ptr<const NGram> ngram;
                if (model == 1) ngram = std::make_shared<HashNGram>(300);
                if (model == 2) ngram = random_trie(random, 200, 3, 8);
                const Setting setting = random_setting(random, ngram, kind, tokens, 150, round++ % 2 == 0);
                BeamOptions options;
                options.beam_size = round % 3 ? 50 : 3;
                options.lexicon_only = round % 4 != 0;
                options.recombine = round % 5 != 0;
                options.blank_skip = round % 2 ? 1.0 : 0.9;
                Beam beam(*setting.words, setting.hot_words, setting.alphabet, options);
                for (int utterance = 0; utterance < 5; ++utterance) {
                    const auto log_probs = random_emissions(random, 1 + random() % 80, tokens, 1.0 + utterance);
                    const auto found = run(beam, log_probs, tokens, 10);
                    is_sane(found, 10);
                    CHECK(beam.num_hypotheses() <= options.beam_size);
                    Beam fresh(*setting.words, setting.hot_words, setting.alphabet, options);
                    CHECK(same(found, run(fresh, log_probs, tokens, 10)));
                }
            }
        }
    }
}

// So long that garbage is collected and the memory of scores emptied many times; asking in between changes nothing.
void goes_on_for_long() {
    Random random(2);
    const Setting setting = random_setting(random, std::make_shared<HashNGram>(1500), Kind::kCharacters, 8, 1200, true);
    BeamOptions options;
    options.beam_size = 60;
    options.lexicon_only = false;
    Beam asked(*setting.words, setting.hot_words, setting.alphabet, options), silent(*setting.words, setting.hot_words, setting.alphabet, options);
    for (int block = 0; block < 20; ++block) {
        const auto log_probs = random_emissions(random, 300, 8, 2.0);
        for (std::size_t place = 0; place < log_probs.size(); place += 8) {
            asked.step(log_probs.data() + place);
            silent.step(log_probs.data() + place);
        }
        is_sane(asked.finish(5), 5);
        CHECK(!asked.peek().words.empty());
    }
    CHECK(asked.finish(1)[0].words.size() > 500);
    CHECK(same(asked.finish(60), silent.finish(60)));
    CHECK(asked.search_steps() == silent.search_steps());
}

// A hundred tokens at once and a beam wider than the table of keys: it grows while hypotheses come.
void grows_wide() {
    Random random(3);
    const Setting setting = random_setting(random, nullptr, Kind::kCharacters, 100, 400, false);
    BeamOptions options;
    options.beam_size = 2000;
    options.beam_threshold = 1e4;
    options.token_min_log_prob = -1e9;
    options.lexicon_only = false;
    Beam beam(*setting.words, setting.hot_words, setting.alphabet, options);
    is_sane(run(beam, random_emissions(random, 6, 100, 0.5), 100, 3000), 3000);
    CHECK(beam.num_hypotheses() == 2000);
}

}  // namespace

void test_beam() {
    searches_everything();
    searches_utterances_in_turn();
    goes_on_for_long();
    grows_wide();
    Random random(4);
    const Setting setting = random_setting(random, nullptr, Kind::kCharacters, 5, 10, false);
    Beam beam(*setting.words, setting.hot_words, setting.alphabet, BeamOptions{});
    is_sane(beam.finish(3), 3);
    CHECK(beam.peek().words.empty());
}

}  // namespace tympan::tests
