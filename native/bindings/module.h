// What every file of bindings offers to module.cc.
#pragma once

#include <nanobind/nanobind.h>

namespace tympan {

void bind_errors(nanobind::module_& module);
void bind_ngram(nanobind::module_& module);
void bind_estimate(nanobind::module_& module);
void bind_search(nanobind::module_& module);
void bind_g2p(nanobind::module_& module);
void bind_objective(nanobind::module_& module);

}  // namespace tympan
