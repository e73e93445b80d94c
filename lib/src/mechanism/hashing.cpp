#include <algorithm>
#include <cmath>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/hashing.hpp>
#include <limits>
#include <numeric>
#include <vector>

#include "mechanism/rows.hpp"

namespace headlight {
namespace {

using detail::add_scaled;
using detail::dot;

void check(std::size_t n, std::size_t n_values, const HashingOptions& o) {
  const char* function = "hashing_attention";
  require_shape(n > 0, function, "wanted at least one token, got none");
  require_shape(n == n_values, function,
                "numbers of queries and values differ: " + std::to_string(n) + " and " +
                    std::to_string(n_values));
  require_shape(o.n_buckets == 1 || (o.n_buckets > 0 && o.n_buckets % 2 == 0), function,
                "wanted 1 bucket or an even number, got " + std::to_string(o.n_buckets));
  require_shape(o.n_rounds > 0, function, "wanted at least one round, got 0");
}

// A direction and its opposite are two buckets: the largest of x R and -x R.
template <class T>
void hash(const MatrixOf<T>& query, const HashingOptions& o, HashingTraceOf<T>& t) {
  const std::size_t n = query.shape(0), d = query.shape(1), half = o.n_buckets / 2;
  t.rotations = Tensor3Of<T>::from_shape({o.n_rounds, d, half});
  Random random(o.seed);
  for (T& r : t.rotations) r = static_cast<T>(random.normal());
  t.bucket = RoundIndices::from_shape({o.n_rounds, n});
  t.order = RoundIndices::from_shape({o.n_rounds, n});
  for (std::size_t round = 0; round < o.n_rounds; ++round) {
    for (std::size_t i = 0; i < n; ++i) {
      T largest = -std::numeric_limits<T>::infinity();
      t.bucket(round, i) = 0;
      for (std::size_t b = 0; b < half; ++b) {
        T turned = 0;
        for (std::size_t c = 0; c < d; ++c) turned += query(i, c) * t.rotations(round, c, b);
        t.work.multiply_adds += d;
        if (turned > largest) largest = turned, t.bucket(round, i) = b;
        if (-turned > largest) largest = -turned, t.bucket(round, i) = half + b;
      }
    }
    std::size_t* order = t.order.data() + round * n;
    const std::size_t* bucket = t.bucket.data() + round * n;
    std::iota(order, order + n, std::size_t{0});
    std::stable_sort(order, order + n,
                     [&](std::size_t a, std::size_t b) { return bucket[a] < bucket[b]; });
  }
}

}  // namespace

template <class T>
HashingTraceOf<T> hashing_attention(const MatrixOf<T>& query, const MatrixOf<T>& value,
                                    const HashingOptions& options) {
  check(query.shape(0), value.shape(0), options);
  const std::size_t n = query.shape(0), d = query.shape(1), d_value = value.shape(1),
                    rounds = options.n_rounds;
  const T hidden = -std::numeric_limits<T>::infinity();
  const T scale = T(1) / std::sqrt(static_cast<T>(d));
  HashingTraceOf<T> t;
  t.key = query;
  for (std::size_t i = 0; i < n; ++i) {
    T square = 0;
    for (std::size_t c = 0; c < d; ++c) square += query(i, c) * query(i, c);
    t.work.multiply_adds += d;
    for (std::size_t c = 0; c < d; ++c) t.key(i, c) /= square > 0 ? std::sqrt(square) : T(1);
  }
  hash(query, options, t);

  const std::size_t chunk = std::min(
      n, options.chunk ? options.chunk : (2 * n + options.n_buckets - 1) / options.n_buckets);
  std::vector<std::size_t> place(rounds * n);  // of a token in the order of its round
  for (std::size_t r = 0; r < rounds; ++r)
    for (std::size_t p = 0; p < n; ++p) place[r * n + t.order(r, p)] = p;
  const auto meets = [&](std::size_t r, std::size_t i, std::size_t j) {
    const std::size_t of_i = place[r * n + i] / chunk, of_j = place[r * n + j] / chunk;
    return i != j && t.bucket(r, i) == t.bucket(r, j) && (!options.causal || j < i) &&
           (of_j == of_i || of_j + 1 == of_i);
  };

  t.round_output = Tensor3Of<T>::from_shape({rounds, n, d_value});
  t.log_sum_exp = MatrixOf<T>::from_shape({rounds, n});
  std::fill(t.round_output.begin(), t.round_output.end(), T(0));
  std::vector<T> scores(2 * chunk), pattern(2 * chunk);
  t.work.hold(scores.size());
  for (std::size_t r = 0; r < rounds; ++r)
    for (std::size_t p = 0; p < n; ++p) {
      const std::size_t i = t.order(r, p), mine = p / chunk;
      const std::size_t first = mine == 0 ? 0 : (mine - 1) * chunk,
                        last = std::min(n, (mine + 1) * chunk), width = last - first;
      for (std::size_t at = first; at < last; ++at) {  // like the block kernel: score, then hide
        const std::size_t j = t.order(r, at);
        const T score = dot(query.data() + i * d, t.key.data() + j * d, d);
        t.work.multiply_adds += d;
        std::size_t met = 0;
        for (std::size_t other = 0; other < rounds; ++other) met += meets(other, i, j);
        scores[at - first] =
            meets(r, i, j) ? scale * score - std::log(static_cast<T>(met)) : hidden;
      }
      T max = 0, sum = 0;
      softmax_row<T>({scores.data(), width}, {pattern.data(), width}, {pattern.data(), width}, max,
                     sum);
      t.work.exponentials += width;
      t.log_sum_exp(r, i) = sum > 0 ? max + std::log(sum) : hidden;
      for (std::size_t at = first; at < last; ++at) {
        add_scaled(pattern[at - first], value.data() + t.order(r, at) * d_value, d_value,
                   t.round_output.data() + (r * n + i) * d_value);
        t.work.multiply_adds += d_value;
      }
    }

  t.round_weight = MatrixOf<T>::from_shape({rounds, n});
  t.output = MatrixOf<T>::from_shape({n, d_value});
  std::fill(t.output.begin(), t.output.end(), T(0));
  for (std::size_t i = 0; i < n; ++i) {
    T max = hidden, sum = 0;
    for (std::size_t r = 0; r < rounds; ++r) max = std::max(max, t.log_sum_exp(r, i));
    const bool alone = max == hidden;
    for (std::size_t r = 0; r < rounds; ++r) {
      t.round_weight(r, i) = alone ? T(0) : std::exp(t.log_sum_exp(r, i) - max);
      sum += t.round_weight(r, i);
    }
    t.work.exponentials += rounds;
    for (std::size_t r = 0; r < rounds; ++r) {
      if (!alone) t.round_weight(r, i) /= sum;
      for (std::size_t c = 0; c < d_value; ++c)
        t.output(i, c) += t.round_weight(r, i) * t.round_output(r, i, c);
      t.work.multiply_adds += d_value;
    }
    if (alone)
      for (std::size_t c = 0; c < d_value; ++c) t.output(i, c) = value(i, c);
  }
  return t;
}

template HashingTraceOf<double> hashing_attention(const Matrix&, const Matrix&,
                                                  const HashingOptions&);
template HashingTraceOf<float> hashing_attention(const MatrixF&, const MatrixF&,
                                                 const HashingOptions&);

}  // namespace headlight
