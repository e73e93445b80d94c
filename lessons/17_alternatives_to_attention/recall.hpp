// A memory that is trained to recall: eight pairs of a key and a letter, then one key again. The
// only weights are two tables, what each of 64 keys turns into as a query and as a key; the weights
// of the pairs are a softmax or a product of features. Gradients are written out.
#pragma once

#include <algorithm>
#include <cmath>
#include <headlight/core/random.hpp>
#include <headlight/learning/optimiser.hpp>
#include <numeric>
#include <vector>

namespace recall {

using headlight::Matrix;
using headlight::Random;

inline constexpr std::size_t keys = 64, batch = 32, steps = 400;

enum class Kernel { softmax, elu_plus_one };

struct Memory {
  Kernel kernel;
  Matrix query, key;  // [keys, d_k]
};

// What one episode needs to be graded: weights of the pairs, and what they cost to change.
struct Episode {
  std::vector<std::size_t> key;  // of every pair, all different
  std::size_t asked = 0;         // which pair
};

inline Episode draw(std::size_t pairs, Random& random) {
  std::vector<std::size_t> all(keys);
  std::iota(all.begin(), all.end(), std::size_t{0});
  for (std::size_t j = 0; j < pairs; ++j) std::swap(all[j], all[j + random.below(keys - j)]);
  all.resize(pairs);
  return {all, random.below(pairs)};
}

inline double feature(double x) {
  return x > 0 ? x + 1 : std::exp(x);
}
inline double feature_slope(double x) {
  return x > 0 ? 1 : std::exp(x);
}

// The weight of every pair for the key that is asked; they sum to one. `total` is their sum before.
inline std::vector<double> weigh(const Memory& m, const Episode& e, double& total) {
  const std::size_t d_k = m.query.shape(1), q = e.key[e.asked];
  const double scale = 1 / std::sqrt(static_cast<double>(d_k));
  std::vector<double> weight(e.key.size());
  for (std::size_t j = 0; j < weight.size(); ++j)
    for (std::size_t c = 0; c < d_k; ++c)
      weight[j] += m.kernel == Kernel::softmax
                       ? scale * m.query(q, c) * m.key(e.key[j], c)
                       : feature(m.query(q, c)) * feature(m.key(e.key[j], c));
  if (m.kernel == Kernel::softmax) {
    const double largest = *std::max_element(weight.begin(), weight.end());
    for (double& w : weight) w = std::exp(w - largest);
  }
  total = std::accumulate(weight.begin(), weight.end(), 0.0);
  for (double& w : weight) w /= total;
  return weight;
}

// Adds the gradient of -log(weight of the pair that is asked for).
inline void learn_from(const Memory& m, const Episode& e, Memory& gradient) {
  double total = 0;
  const std::vector<double> weight = weigh(m, e, total);
  const std::size_t d_k = m.query.shape(1), q = e.key[e.asked];
  const double scale = 1 / std::sqrt(static_cast<double>(d_k));
  for (std::size_t j = 0; j < weight.size(); ++j) {
    const std::size_t k = e.key[j];
    const double right = j == e.asked ? 1 : 0;
    const double of_score = weight[j] - right;  // softmax: -dlog/ds
    const double of_product = (1 - right / weight[j]) / total;
    for (std::size_t c = 0; c < d_k; ++c)
      if (m.kernel == Kernel::softmax) {
        gradient.query(q, c) += scale * of_score * m.key(k, c) / batch;
        gradient.key(k, c) += scale * of_score * m.query(q, c) / batch;
      } else {
        gradient.query(q, c) +=
            of_product * feature(m.key(k, c)) * feature_slope(m.query(q, c)) / batch;
        gradient.key(k, c) +=
            of_product * feature(m.query(q, c)) * feature_slope(m.key(k, c)) / batch;
      }
  }
}

inline Memory untrained(Kernel kernel, std::size_t d_k) {
  Random random(1701);
  const Matrix query = headlight::random_matrix(random, keys, d_k);
  return {kernel, query, headlight::random_matrix(random, keys, d_k)};
}

inline Memory train(Memory m, std::size_t pairs) {
  Random random(1702);
  headlight::AdamStateOf<double> of_query, of_key;
  for (std::size_t step = 0; step < steps; ++step) {
    Memory gradient = m;
    std::fill(gradient.query.begin(), gradient.query.end(), 0.0);
    std::fill(gradient.key.begin(), gradient.key.end(), 0.0);
    for (std::size_t e = 0; e < batch; ++e) learn_from(m, draw(pairs, random), gradient);
    const auto update = [&](const Matrix& g, Matrix& table, headlight::AdamStateOf<double>& state) {
      headlight::adam_update<double>({}, 0.05, 1, {}, {g.data(), g.size()},
                                     {table.data(), table.size()}, state);
    };
    update(gradient.query, m.query, of_query), update(gradient.key, m.key, of_key);
  }
  return m;
}

// The share of 1000 new episodes in which the right pair has the largest weight.
inline double share_right(const Memory& m, std::size_t pairs) {
  Random random(1703);
  double right = 0, total = 0;
  for (int episode = 0; episode < 1000; ++episode) {
    const Episode e = draw(pairs, random);
    const std::vector<double> weight = weigh(m, e, total);
    right += weight[e.asked] == *std::max_element(weight.begin(), weight.end()) ? 1 : 0;
  }
  return right / 1000;
}

}  // namespace recall
