// 07.3  Specialisation: how much more than chance                       20 minutes
//
//   share(h, i) = sum of pattern[h](i, j) over related j < i / the same sum over all j < i;
//                 0 where query i gives nothing to earlier tokens
//   mass(h)     = mean of share(h, i) over the queries i with a related token j < i; 0 without any
//   chance      = mean over the same queries of (number of related j < i) / i; 0 without any
//   score(h)    = (mass(h) - chance) / (1 - chance); 0 where chance is 1: nothing to choose
//
// Example: n = 3, one head, row 2 of its pattern is [0.6, 0.2, 0.2], only token 0 is related to
//   token 2: share = [[0, 0, 0.75]], mass = [0.75], chance = 0.5, score = [0.5]
// Section 7 of the report. What a token gives to itself says nothing: leave the diagonal out.
#include "exercises.hpp"

namespace headlight::exercise {

SpecialisationTrace specialisation_score(const std::vector<Matrix>& pattern,
                                         const Matrix& related) {
  // >>> your code
  const std::size_t n_heads = pattern.size(), n = related.shape(0);
  SpecialisationTrace trace;
  trace.share = xt::zeros<double>({n_heads, n});
  trace.mass = xt::zeros<double>({n_heads});
  trace.score = xt::zeros<double>({n_heads});
  trace.chance = 0;
  double queries = 0;  // that have something to find
  for (std::size_t i = 1; i < n; ++i) {
    double found = 0;
    for (std::size_t j = 0; j < i; ++j) found += related(i, j);
    if (found > 0) queries += 1;
    trace.chance += found / static_cast<double>(i);
    for (std::size_t h = 0; h < n_heads; ++h) {
      double on_related = 0, on_earlier = 0;
      for (std::size_t j = 0; j < i; ++j) {
        on_related += related(i, j) * pattern[h](i, j);
        on_earlier += pattern[h](i, j);
      }
      if (on_earlier > 0) trace.share(h, i) = on_related / on_earlier;
      trace.mass(h) += trace.share(h, i);  // zero for queries that have nothing to find
    }
  }
  if (queries > 0) trace.chance /= queries;
  // Without chance a head seems to specialise in whatever is frequent: a relation that holds for
  // half of all pairs gets half of the attention from a head that looks everywhere alike. An
  // untrained model is the other baseline; a score counts only beside it.
  for (std::size_t h = 0; h < n_heads; ++h) {
    if (queries > 0) trace.mass(h) /= queries;
    if (trace.chance < 1) trace.score(h) = (trace.mass(h) - trace.chance) / (1 - trace.chance);
  }
  return trace;
  // Another way: hide the diagonal, divide the rows of every pattern by what is left, multiply
  // with the relation, and sum.
  // <<< your code
}

}  // namespace headlight::exercise
