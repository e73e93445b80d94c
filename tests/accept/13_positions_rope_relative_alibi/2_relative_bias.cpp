// Right but unusual solutions of 13.2: each has to get all points.
#include "13_positions_rope_relative_alibi/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::RelativeTrace;

// Everything in float, the last key first.
RelativeTrace in_float(const Tensor3& query, const Tensor3& key, const Matrix& table) {
  const std::size_t n_heads = query.shape(0), n_query = query.shape(1), n_key = key.shape(1);
  const int reach = static_cast<int>(table.shape(1)) / 2;
  RelativeTrace t;
  t.offset = Matrix(Matrix::shape_type{n_query, n_key});
  t.bias = t.scores = t.pattern = Tensor3(Tensor3::shape_type{n_heads, n_query, n_key});
  for (std::size_t h = n_heads; h-- > 0;)
    for (std::size_t i = 0; i < n_query; ++i) {
      float top = -3e38F, total = 0;
      for (std::size_t j = n_key; j-- > 0;) {
        int offset = static_cast<int>(j + n_query) - static_cast<int>(i + n_key);
        offset = offset < -reach ? -reach : offset > reach ? reach : offset;
        t.offset(i, j) = offset;
        t.bias(h, i, j) = table(h, static_cast<std::size_t>(offset + reach));
        float dot = 0;
        for (std::size_t c = query.shape(2); c-- > 0;)
          dot += static_cast<float>(query(h, i, c)) * static_cast<float>(key(h, j, c));
        const float score = dot / std::sqrt(static_cast<float>(query.shape(2))) +
                            static_cast<float>(t.bias(h, i, j));
        t.scores(h, i, j) = static_cast<double>(score);
        top = std::max(top, score);
      }
      for (std::size_t j = 0; j < n_key; ++j)
        total += std::exp(static_cast<float>(t.scores(h, i, j)) - top);
      for (std::size_t j = 0; j < n_key; ++j)
        t.pattern(h, i, j) =
            static_cast<double>(std::exp(static_cast<float>(t.scores(h, i, j)) - top) / total);
    }
  return t;
}

// Diagonal by diagonal: on a diagonal the offset is one number.
RelativeTrace by_diagonals(const Tensor3& query, const Tensor3& key, const Matrix& table) {
  const std::size_t n_heads = query.shape(0), n_query = query.shape(1), n_key = key.shape(1);
  const long reach = static_cast<long>((table.shape(1) - 1) / 2);
  RelativeTrace t;
  t.offset = xt::zeros<double>({n_query, n_key});
  t.bias = t.scores = t.pattern = xt::zeros<double>({n_heads, n_query, n_key});
  const double scale = std::pow(static_cast<double>(query.shape(2)), -0.5);
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Matrix q = xt::view(query, h), k = xt::view(key, h);
    xt::view(t.scores, h) = matmul(q, transpose(k)) * scale;
  }
  const long behind = static_cast<long>(n_key - n_query);
  for (long diagonal = 1 - static_cast<long>(n_key); diagonal < static_cast<long>(n_key);
       ++diagonal) {
    const long offset = std::max(-reach, std::min(reach, diagonal));
    for (long i = 0; i < static_cast<long>(n_query); ++i) {
      const long j = i + behind + diagonal;
      if (j < 0 || j >= static_cast<long>(n_key)) continue;
      const auto row = static_cast<std::size_t>(i), column = static_cast<std::size_t>(j);
      t.offset(row, column) = static_cast<double>(offset);
      for (std::size_t h = 0; h < n_heads; ++h) {
        t.bias(h, row, column) = table(h, static_cast<std::size_t>(offset + reach));
        t.scores(h, row, column) += t.bias(h, row, column);
      }
    }
  }
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Matrix s = xt::view(t.scores, h);
    const Matrix shifted = s - row_max(s);
    const Matrix weight = xt::exp(shifted);
    const Matrix sums = row_sum(weight);
    xt::view(t.pattern, h) = weight / sums;
  }
  return t;
}

// The bias as a product: one-hot rows of offsets times the table. The pattern as exp of content
// times exp of bias.
RelativeTrace one_hot(const Tensor3& query, const Tensor3& key, const Matrix& table) {
  const std::size_t n_heads = query.shape(0), n_query = query.shape(1), n_key = key.shape(1);
  const std::size_t columns = table.shape(1);
  RelativeTrace t;
  t.offset = xt::zeros<double>({n_query, n_key});
  t.bias = t.scores = t.pattern = xt::zeros<double>({n_heads, n_query, n_key});
  Matrix hot = xt::zeros<double>({n_query * n_key, columns});
  for (std::size_t i = 0; i < n_query; ++i)
    for (std::size_t j = 0; j < n_key; ++j) {
      // From the left end of the table, without negative numbers.
      const std::size_t reach = columns / 2, from = i + n_key - n_query;
      const std::size_t column = j + reach < from ? 0 : std::min(j + reach - from, 2 * reach);
      hot(i * n_key + j, column) = 1;
      t.offset(i, j) = static_cast<double>(column) - static_cast<double>(reach);
    }
  const Matrix all = matmul(hot, transpose(table));
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n_query; ++i) {
      double top = -1e300, total = 0, most_bias = -1e300, most_content = -1e300;
      std::vector<double> content(n_key, 0.0);
      for (std::size_t j = 0; j < n_key; ++j) {
        t.bias(h, i, j) = all(i * n_key + j, h);
        for (std::size_t c = 0; c < query.shape(2); ++c)
          content[j] +=
              query(h, i, c) * key(h, j, c) / std::sqrt(static_cast<double>(query.shape(2)));
        t.scores(h, i, j) = content[j] + t.bias(h, i, j);
        top = std::max(top, t.scores(h, i, j));
        most_bias = std::max(most_bias, t.bias(h, i, j));
        most_content = std::max(most_content, content[j]);
      }
      for (std::size_t j = 0; j < n_key; ++j) total += std::exp(t.scores(h, i, j) - top);
      for (std::size_t j = 0; j < n_key; ++j)
        t.pattern(h, i, j) = std::exp(content[j] - most_content + t.bias(h, i, j) - most_bias +
                                      most_content + most_bias - top) /
                             total;
    }
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::relative_bias)>> accepted_13_2;
const std::vector<Mutant<decltype(exercise::relative_bias)>> accepted_13_2 = {
    {"float", "", "everything in float, the last key first", in_float},
    {"diagonals", "", "diagonal by diagonal, expressions of xtensor", by_diagonals},
    {"one-hot", "", "the bias as a product with one-hot rows", one_hot},
};

}  // namespace headlight::course
