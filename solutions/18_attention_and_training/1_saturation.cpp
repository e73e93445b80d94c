// 18.1  Saturation: what large scores leave of the gradient              20 minutes
//
//   raw_scores = query . key, scores = raw_scores / sqrt(d_head)        [n_query, n_key]
//   raw_pattern, pattern = softmax of every row of the one and of the other
//   raw_norm, norm = of every row p of the one and of the other the root of the sum of squares of
//                    all cells of diag(p) - p p^T, its softmax Jacobian [n_query]
//   left = mean of raw_norm / mean of norm
//
// Example: query [[1, 1, 1, 1]], key [[0, 0, 0, 0], [a, a, a, a]] with a = 0.5493 give raw_scores
//   [[0, 2.1972]], raw_pattern [[0.1, 0.9]], pattern [[0.25, 0.75]], raw_norm [0.18], norm [0.375],
//   left 0.48. Section 18 of the report. Scores may be as large as 1000.
#include "exercises.hpp"

namespace headlight::exercise {

SaturationTrace saturation(const Matrix& query, const Matrix& key) {
  // >>> your code
  const auto softmax = [](const Matrix& scores) {
    Matrix p = scores;
    for (std::size_t i = 0; i < p.shape(0); ++i) {
      double largest = scores(i, 0), total = 0;
      for (std::size_t j = 0; j < p.shape(1); ++j) largest = std::max(largest, scores(i, j));
      for (std::size_t j = 0; j < p.shape(1); ++j)
        total += p(i, j) = std::exp(scores(i, j) - largest);
      for (std::size_t j = 0; j < p.shape(1); ++j) p(i, j) /= total;
    }
    return p;
  };
  // A row near one corner, (1, 0, ..., 0), has a Jacobian near zero in every cell: whatever the
  // loss says, the scores hear little of it. At (1/2, 1/2) it is as large as can be.
  const auto norms = [](const Matrix& p) {
    Vector out = xt::zeros<double>({p.shape(0)});
    for (std::size_t i = 0; i < p.shape(0); ++i) {
      for (std::size_t j = 0; j < p.shape(1); ++j)
        for (std::size_t k = 0; k < p.shape(1); ++k) {
          const double cell = p(i, j) * ((j == k ? 1.0 : 0.0) - p(i, k));
          out(i) += cell * cell;
        }
      out(i) = std::sqrt(out(i));
    }
    return out;
  };
  SaturationTrace trace;
  trace.raw_scores = matmul(query, transpose(key));
  // A dot product of d_head independent terms of variance one has variance d_head: the wider the
  // head, the nearer to a corner, unless the root is taken out.
  trace.scores = trace.raw_scores / std::sqrt(static_cast<double>(query.shape(1)));
  trace.raw_pattern = softmax(trace.raw_scores);
  trace.pattern = softmax(trace.scores);
  trace.raw_norm = norms(trace.raw_pattern);
  trace.norm = norms(trace.pattern);
  double without = 0, with = 0;  // both means have the same number of rows
  for (std::size_t i = 0; i < query.shape(0); ++i) {
    without += trace.raw_norm(i);
    with += trace.norm(i);
  }
  trace.left = without / with;
  return trace;
  // Another way, without the Jacobian: the sum of its squares is a - 2 b + a a, where a is the sum
  // of p squared and b that of p cubed.
  // <<< your code
}

}  // namespace headlight::exercise
