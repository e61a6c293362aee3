// The extension module tympan._native: each part of the library binds itself in a file beside this one.

#include "bindings/module.h"

NB_MODULE(_native, module) {
    module.doc() = "The native part of Tympan: n-grams, their estimation, the search, letters to phones, and the denominator.";
    tympan::bind_errors(module);
    tympan::bind_ngram(module);
    tympan::bind_estimate(module);
    tympan::bind_search(module);
    tympan::bind_g2p(module);
    tympan::bind_objective(module);
}
