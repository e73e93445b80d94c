// Right but unusual solutions of 17.2: each has to get all points.
#include "17_alternatives_to_attention/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::FlashTrace;

FlashTrace blank(std::size_t n_blocks, std::size_t n_query, std::size_t d_value) {
  return {Matrix(Matrix::shape_type{n_blocks, n_query}, 0.0),
          Matrix(Matrix::shape_type{n_blocks, n_query}, 0.0),
          Tensor3(Tensor3::shape_type{n_blocks, n_query, d_value}, 0.0),
          Matrix(Matrix::shape_type{n_query, d_value}, 0.0)};
}

// Blocks outside, queries inside, a block's scores by one product; -1e30 for nothing.
FlashTrace blocks_outside(const Matrix& query, const Matrix& key, const Matrix& value,
                          const Vector& is_token, std::size_t block) {
  const std::size_t n_query = query.shape(0), n_key = key.shape(0), d_value = value.shape(1);
  FlashTrace t = blank((n_key + block - 1) / block, n_query, d_value);
  const Matrix scaled_query = query / std::sqrt(static_cast<double>(query.shape(1)));
  Matrix maximum(Matrix::shape_type{n_query, 1}, -1e30), sum = maximum * 0.0;
  Matrix accumulated(Matrix::shape_type{n_query, d_value}, 0.0);
  for (std::size_t b = 0; b * block < n_key; ++b) {
    const std::size_t first = b * block, end = std::min(first + block, n_key);
    const Matrix keys = xt::view(key, xt::range(first, end), xt::all());
    const Matrix values = xt::view(value, xt::range(first, end), xt::all());
    Matrix score = matmul(scaled_query, transpose(keys));  // [n_query, block]
    for (std::size_t j = 0; j < keys.shape(0); ++j)
      if (is_token(b * block + j) < 0.5) xt::view(score, xt::all(), j) = -1e30;
    const Matrix larger = xt::maximum(maximum, row_max(score));
    const Matrix rescale = xt::exp(maximum - larger);
    Matrix weight = xt::exp(score - larger);
    for (std::size_t c = 0; c < weight.size(); ++c)
      if (score.data()[c] == -1e30) weight.data()[c] = 0;
    sum = Matrix(sum * rescale) + row_sum(weight);
    accumulated = Matrix(accumulated * rescale) + matmul(weight, values);
    maximum = larger;
    xt::view(t.maximum, b) = xt::view(maximum, xt::all(), 0);
    xt::view(t.sum, b) = xt::view(sum, xt::all(), 0);
    xt::view(t.accumulated, b) = accumulated;
  }
  const Matrix safe = xt::where(sum > 0.0, sum, 1.0);
  t.output = accumulated / safe;
  return t;
}

// Key by key, whatever the block; noted down where a block ends. In float.
FlashTrace key_by_key(const Matrix& query, const Matrix& key, const Matrix& value,
                      const Vector& is_token, std::size_t block) {
  const std::size_t n_query = query.shape(0), n_key = key.shape(0), d_value = value.shape(1);
  FlashTrace t = blank((n_key + block - 1) / block, n_query, d_value);
  const float root = std::sqrt(static_cast<float>(query.shape(1)));
  for (std::size_t i = n_query; i-- > 0;) {
    float maximum = std::numeric_limits<float>::lowest(), sum = 0;
    std::vector<float> accumulated(d_value, 0);
    bool seen = false;
    for (std::size_t j = 0; j < n_key; ++j) {
      float score = 0;
      for (std::size_t f = 0; f < key.shape(1); ++f)
        score += static_cast<float>(query(i, f)) * static_cast<float>(key(j, f));
      score /= root;
      if (is_token(j) == 1) {
        if (score > maximum || !seen) {
          const float rescale = seen ? std::exp(maximum - score) : 0.0F;
          sum *= rescale;
          for (float& a : accumulated) a *= rescale;
          maximum = score;
          seen = true;
        }
        const float weight = std::exp(score - maximum);
        sum += weight;
        for (std::size_t c = 0; c < d_value; ++c)
          accumulated[c] += weight * static_cast<float>(value(j, c));
      }
      if ((j + 1) % block != 0 && j + 1 != n_key) continue;
      const std::size_t b = j / block;
      t.maximum(b, i) = static_cast<double>(maximum);
      t.sum(b, i) = static_cast<double>(sum);
      for (std::size_t c = 0; c < d_value; ++c)
        t.accumulated(b, i, c) = static_cast<double>(accumulated[c]);
    }
    for (std::size_t c = 0; c < d_value; ++c)
      t.output(i, c) = seen ? static_cast<double>(accumulated[c] / sum) : 0;
  }
  return t;
}

// By definition: after every block everything so far again; the output by plain attention.
FlashTrace by_definition(const Matrix& query, const Matrix& key, const Matrix& value,
                         const Vector& is_token, std::size_t block) {
  const std::size_t n_query = query.shape(0), n_key = key.shape(0), d_value = value.shape(1);
  FlashTrace t = blank((n_key + block - 1) / block, n_query, d_value);
  const Matrix score =
      matmul(query, transpose(key)) / std::sqrt(static_cast<double>(query.shape(1)));
  const double nothing = -std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < n_query; ++i)
    for (std::size_t b = 0; b < t.sum.shape(0); ++b) {
      const std::size_t end = std::min(n_key, (b + 1) * block);
      double maximum = nothing;
      for (std::size_t j = 0; j < end; ++j)
        if (is_token(j) != 0) maximum = std::max(maximum, score(i, j));
      t.maximum(b, i) = maximum;
      for (std::size_t j = end; j-- > 0;) {
        if (is_token(j) == 0) continue;
        t.sum(b, i) += std::exp(score(i, j) - maximum);
        for (std::size_t c = 0; c < d_value; ++c)
          t.accumulated(b, i, c) += std::exp(score(i, j) - maximum) * value(j, c);
      }
      if (b + 1 == t.sum.shape(0) && maximum != nothing)
        for (std::size_t j = 0; j < n_key; ++j)
          for (std::size_t c = 0; c < d_value && is_token(j) != 0; ++c)
            t.output(i, c) += std::exp(score(i, j) - maximum) / t.sum(b, i) * value(j, c);
    }
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::flash_blocks)>> accepted_17_2;
const std::vector<Mutant<decltype(exercise::flash_blocks)>> accepted_17_2 = {
    {"blocks-outside", "", "blocks outside, whole tiles, -1e30 for nothing", blocks_outside},
    {"key-by-key", "", "key by key, in float, noted down where a block ends", key_by_key},
    {"definition", "", "everything again after every block", by_definition},
};

}  // namespace headlight::course
