// All native tests; `make sanitize` builds them with sanitizers, which are what they are for: what is right, tests/ says more of.

#include <chrono>

#include "tests/check.h"

int main() {
    using namespace tympan::tests;
    const struct {
        const char* name;
        void (*run)();
    } tests[] = {{"lexicon", test_lexicon}, {"ngram", test_ngram}, {"hot words", test_hot_words}, {"words", test_words},
                 {"beam", test_beam},       {"align", test_align}, {"decoder", test_decoder},     {"estimate", test_estimate},
                 {"denominator", test_denominator}};
    for (const auto& test : tests) {
        const auto begin = std::chrono::steady_clock::now();
        test.run();
        std::printf("%-11s passed in %.1f s\n", test.name, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
        std::fflush(stdout);
    }
    return 0;
}
