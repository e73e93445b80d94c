// 17.2  Flash: exact attention, block by block                           25 minutes
//
// Keys come in blocks of `block`; the last may be shorter. After every block, for every query, with
// f = e^(maximum - maximum') for what was there and weight = e^(score - maximum') for the new keys:
//   maximum'     = the larger of maximum (-infinity at first) and the block's largest score
//   sum'         = f sum + the block's sum of weight
//   accumulated' = f accumulated + the block's sum of weight value
// output = accumulated / sum at the end; zero where no key was seen. Padding is never seen.
//
// Example: query [[1]], key [[0], [0], [0.6931]], value [[1], [2], [6]], block 2 give maximum
//   [[0], [0.6931]], sum [[2], [2]], accumulated [[[3]], [[7.5]]], output [[3.75]]
// Section 17 of the report. score = query . key / sqrt(d_head), and may be as large as 1000.
#include "exercises.hpp"

namespace headlight::exercise {

FlashTrace flash_blocks(const Matrix& query, const Matrix& key, const Matrix& value,
                        const Vector& is_token, std::size_t block) {
  // >>> your code
  const double nothing = -std::numeric_limits<double>::infinity();
  const std::size_t n_query = query.shape(0), n_key = key.shape(0), d_value = value.shape(1);
  const std::size_t n_blocks = (n_key + block - 1) / block;  // rounded up: the last may be shorter
  const double root = std::sqrt(static_cast<double>(query.shape(1)));
  FlashTrace trace;
  trace.maximum = xt::zeros<double>({n_blocks, n_query});
  trace.sum = xt::zeros<double>({n_blocks, n_query});
  trace.accumulated = xt::zeros<double>({n_blocks, n_query, d_value});
  trace.output = xt::zeros<double>({n_query, d_value});
  std::vector<double> score(block);  // of one query: all that is kept of the scores
  for (std::size_t i = 0; i < n_query; ++i) {
    double maximum = nothing, sum = 0;
    std::vector<double> accumulated(d_value, 0.0);
    for (std::size_t b = 0; b < n_blocks; ++b) {
      const std::size_t first = b * block, end = std::min(first + block, n_key);
      double larger = maximum;
      for (std::size_t j = first; j < end; ++j) {
        double dot = 0;
        for (std::size_t f = 0; f < query.shape(1); ++f) dot += query(i, f) * key(j, f);
        score[j - first] = is_token(j) != 0 ? dot / root : nothing;
        larger = std::max(larger, score[j - first]);
      }
      if (larger > nothing) {  // else nothing was seen yet, and -inf minus -inf is not a number
        // Both sums were made with another maximum. One factor moves them to the new one, so no
        // earlier key has to be looked at again: that is the whole trick.
        const double rescale = std::exp(maximum - larger);
        sum *= rescale;
        for (double& a : accumulated) a *= rescale;
        for (std::size_t j = first; j < end; ++j) {
          const double weight = std::exp(score[j - first] - larger);
          sum += weight;
          for (std::size_t c = 0; c < d_value; ++c) accumulated[c] += weight * value(j, c);
        }
        maximum = larger;
      }
      trace.maximum(b, i) = maximum;
      trace.sum(b, i) = sum;
      for (std::size_t c = 0; c < d_value; ++c) trace.accumulated(b, i, c) = accumulated[c];
    }
    if (sum > 0)  // divided once, at the end
      for (std::size_t c = 0; c < d_value; ++c) trace.output(i, c) = accumulated[c] / sum;
  }
  return trace;
  // Another way: blocks outside, queries inside. Then a block of keys is fetched once for all
  // queries, and each query keeps its three running numbers meanwhile.
  // <<< your code
}

}  // namespace headlight::exercise
