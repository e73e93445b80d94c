// Right but unusual solutions of 17.1: each has to get all points.
#include "17_alternatives_to_attention/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::LinearTrace;

// elu(x) + 1 written as the larger of two.
Matrix features(const Matrix& x) {
  Matrix out = x;
  for (double& f : out) f = std::max(f, 0.0) + std::exp(std::min(f, 0.0));
  return out;
}

// Quadratic: the whole matrix of weights, masked, rows divided, times the values.
LinearTrace quadratic(const Matrix& query, const Matrix& key, const Matrix& value, bool causal) {
  LinearTrace t;
  t.query_features = features(query);
  t.key_features = features(key);
  Matrix weight = matmul(t.query_features, transpose(t.key_features));  // [n_query, n_key]
  if (causal) weight = Matrix(xt::tril(weight));
  const Matrix sums = row_sum(weight);
  t.numerator = matmul(weight, value);
  t.normaliser = xt::view(sums, xt::all(), 0);
  t.output = matmul(Matrix(weight / sums), value);
  return t;
}

// In float, from the last key to the first, every row by itself.
LinearTrace in_float(const Matrix& query, const Matrix& key, const Matrix& value, bool causal) {
  const auto phi = [](const Matrix& x) {
    Matrix out = x;
    for (double& f : out) {
      const float small = static_cast<float>(f);
      f = static_cast<double>(small > 0 ? small + 1 : std::exp(small));
    }
    return out;
  };
  const std::size_t n_query = query.shape(0);
  LinearTrace t{phi(query),
                phi(key),
                Matrix(Matrix::shape_type{n_query, value.shape(1)}),
                Vector(Vector::shape_type{n_query}),
                {}};
  t.output = t.numerator;
  for (std::size_t i = 0; i < n_query; ++i) {
    std::vector<float> sum(value.shape(1), 0);
    float total = 0;
    for (std::size_t j = causal ? i + 1 : key.shape(0); j-- > 0;) {
      float weight = 0;
      for (std::size_t f = 0; f < key.shape(1); ++f)
        weight +=
            static_cast<float>(t.query_features(i, f)) * static_cast<float>(t.key_features(j, f));
      total += weight;
      for (std::size_t c = 0; c < sum.size(); ++c)
        sum[c] += weight * static_cast<float>(value(j, c));
    }
    t.normaliser(i) = static_cast<double>(total);
    for (std::size_t c = 0; c < sum.size(); ++c) {
      t.numerator(i, c) = static_cast<double>(sum[c]);
      t.output(i, c) = static_cast<double>(sum[c] / total);
    }
  }
  return t;
}

// One state: the values with a column of ones behind them, so that the normaliser is the last
// column; chunks of three tokens, inside a chunk the quadratic way.
LinearTrace in_chunks(const Matrix& query, const Matrix& key, const Matrix& value, bool causal) {
  const std::size_t n_query = query.shape(0), n_key = key.shape(0), d = key.shape(1),
                    d_value = value.shape(1);
  LinearTrace t{features(query), features(key), Matrix(Matrix::shape_type{n_query, d_value}),
                Vector(Vector::shape_type{n_query}), Matrix(Matrix::shape_type{n_query, d_value})};
  const auto with_one = [&](std::size_t j, std::size_t c) {
    return c < d_value ? value(j, c) : 1.0;
  };
  Matrix state(Matrix::shape_type{d, d_value + 1}, 0.0);
  std::size_t folded = 0;  // keys that are in the state
  for (std::size_t i = 0; i < n_query; ++i) {
    const std::size_t end = causal ? i + 1 : n_key;
    const std::size_t whole = causal ? end - end % 3 : end;
    for (; folded < whole; ++folded)
      for (std::size_t f = 0; f < d; ++f)
        for (std::size_t c = 0; c <= d_value; ++c)
          state(f, c) += t.key_features(folded, f) * with_one(folded, c);
    std::vector<double> sum(d_value + 1, 0.0);
    for (std::size_t c = 0; c <= d_value; ++c) {
      for (std::size_t f = 0; f < d; ++f) sum[c] += t.query_features(i, f) * state(f, c);
      for (std::size_t j = whole; j < end; ++j)
        for (std::size_t f = 0; f < d; ++f)
          sum[c] += t.query_features(i, f) * t.key_features(j, f) * with_one(j, c);
    }
    t.normaliser(i) = sum[d_value];
    for (std::size_t c = 0; c < d_value; ++c) {
      t.numerator(i, c) = sum[c];
      t.output(i, c) = sum[c] / sum[d_value];
    }
  }
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::linear_attention)>> accepted_17_1;
const std::vector<Mutant<decltype(exercise::linear_attention)>> accepted_17_1 = {
    {"quadratic", "", "the whole matrix of weights", quadratic},
    {"float", "", "in float, from the last key, row by row", in_float},
    {"chunks", "", "chunks of three tokens, values with a column of ones", in_chunks},
};

}  // namespace headlight::course
