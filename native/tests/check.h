// A test is a function that checks; a check that fails says where and ends the process.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>

#define CHECK(holds)                                                                  \
    do {                                                                              \
        if (!(holds)) {                                                               \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds);          \
            std::abort();                                                             \
        }                                                                             \
    } while (false)

#define CHECK_THROWS(kind, work)                                                      \
    do {                                                                              \
        bool thrown = false;                                                          \
        try {                                                                         \
            work;                                                                     \
        } catch (const kind&) {                                                       \
            thrown = true;                                                            \
        }                                                                             \
        CHECK(thrown);                                                                \
    } while (false)

namespace tympan::tests {

inline bool near(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance * (1 + std::abs(a) + std::abs(b)); }

void test_lexicon();
void test_ngram();
void test_hot_words();
void test_words();
void test_beam();
void test_align();
void test_decoder();
void test_estimate();
void test_denominator();

}  // namespace tympan::tests
