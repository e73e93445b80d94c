// Wrong solutions of 01.1: each has to be refused, at its stage, by its name.
#include "01_what_is_a_head/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::Projections;

Matrix zeros(std::size_t rows, std::size_t columns) {
  return xt::zeros<double>({rows, columns});
}

// All three by the same function, which is what a mistake in a product looks like.
template <class Product>
Projections by(Product product, const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
               const Matrix& W_V) {
  return {product(X, W_Q), product(X, W_K), product(X, W_V)};
}

Projections w_transposed(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return by(
      [](const Matrix& x, const Matrix& W) {
        Matrix out = zeros(x.shape(0), W.shape(1));
        for (std::size_t i = 0; i < x.shape(0); ++i)
          for (std::size_t c = 0; c < W.shape(1); ++c)
            for (std::size_t m = 0; m < x.shape(1); ++m) out(i, c) += x(i, m) * W(c, m);
        return out;
      },
      X, W_Q, W_K, W_V);
}
Projections feature_missed(const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
                           const Matrix& W_V) {
  return by(
      [](const Matrix& x, const Matrix& W) {
        Matrix out = zeros(x.shape(0), W.shape(1));
        for (std::size_t i = 0; i < x.shape(0); ++i)
          for (std::size_t c = 0; c < W.shape(1); ++c)
            for (std::size_t m = 0; m + 1 < x.shape(1); ++m) out(i, c) += x(i, m) * W(m, c);
        return out;
      },
      X, W_Q, W_K, W_V);
}
Projections token_missed(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return by(
      [](const Matrix& x, const Matrix& W) {
        Matrix out = matmul(x, W);
        for (std::size_t c = 0; c < W.shape(1); ++c) out(x.shape(0) - 1, c) = 0;
        return out;
      },
      X, W_Q, W_K, W_V);
}
Projections column_missed(const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
                          const Matrix& W_V) {
  return by(
      [](const Matrix& x, const Matrix& W) {
        Matrix out = matmul(x, W);
        for (std::size_t i = 0; i < x.shape(0); ++i) out(i, W.shape(1) - 1) = 0;
        return out;
      },
      X, W_Q, W_K, W_V);
}
Projections carried_over(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return by(
      [](const Matrix& x, const Matrix& W) {
        Matrix out = zeros(x.shape(0), W.shape(1));
        double total = 0;
        for (std::size_t i = 0; i < x.shape(0); ++i)
          for (std::size_t c = 0; c < W.shape(1); ++c) {
            for (std::size_t m = 0; m < x.shape(1); ++m) total += x(i, m) * W(m, c);
            out(i, c) = total;
          }
        return out;
      },
      X, W_Q, W_K, W_V);
}
Projections not_set(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return by(
      [](const Matrix& x, const Matrix& W) {
        Matrix out(Matrix::shape_type{x.shape(0), W.shape(1)});
        for (std::size_t i = 0; i < x.shape(0); ++i)
          for (std::size_t c = 0; c < W.shape(1); ++c)
            for (std::size_t m = 0; m < x.shape(1); ++m) out(i, c) += x(i, m) * W(m, c);
        return out;
      },
      X, W_Q, W_K, W_V);
}
Projections only_last(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return by(
      [](const Matrix& x, const Matrix& W) {
        Matrix out = zeros(x.shape(0), W.shape(1));
        for (std::size_t i = 0; i < x.shape(0); ++i)
          for (std::size_t c = 0; c < W.shape(1); ++c)
            for (std::size_t m = 0; m < x.shape(1); ++m) out(i, c) = x(i, m) * W(m, c);
        return out;
      },
      X, W_Q, W_K, W_V);
}
Projections whole_numbers(const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
                          const Matrix& W_V) {
  return by(
      [](const Matrix& x, const Matrix& W) {
        Matrix out = matmul(x, W);
        for (double& one : out) one = std::trunc(one);
        return out;
      },
      X, W_Q, W_K, W_V);
}
Projections result_transposed(const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
                              const Matrix& W_V) {
  return by([](const Matrix& x, const Matrix& W) { return transpose(matmul(x, W)); }, X, W_Q, W_K,
            W_V);
}
Projections key_from_W_Q(const Matrix& X, const Matrix& W_Q, const Matrix&, const Matrix& W_V) {
  return {matmul(X, W_Q), matmul(X, W_Q), matmul(X, W_V)};
}
Projections value_from_W_K(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix&) {
  return {matmul(X, W_Q), matmul(X, W_K), matmul(X, W_K)};
}
Projections swapped(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return {matmul(X, W_K), matmul(X, W_Q), matmul(X, W_V)};
}
Projections key_and_value_swapped(const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
                                  const Matrix& W_V) {
  return {matmul(X, W_Q), matmul(X, W_V), matmul(X, W_K)};
}
Projections scaled_query(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  const double root = std::sqrt(static_cast<double>(W_Q.shape(1)));
  return {matmul(X, W_Q) / root, matmul(X, W_K), matmul(X, W_V)};
}
Projections input_scaled(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  Matrix& x = const_cast<Matrix&>(X);
  x *= 2;
  return {matmul(x, W_Q) / 2, matmul(x, W_K) / 2, matmul(x, W_V) / 2};
}
Projections kept(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  static Matrix query;
  if (query.shape(0) != X.shape(0) || query.shape(1) != W_Q.shape(1))
    query = zeros(X.shape(0), W_Q.shape(1));
  query += matmul(X, W_Q);
  return {query, matmul(X, W_K), matmul(X, W_V)};
}
Projections of_the_example(const Matrix&, const Matrix&, const Matrix&, const Matrix&) {
  return {{{1, 3}}, {{2, 1}}, {{21}}};
}
Projections two_wrong(const Matrix& X, const Matrix& W_Q, const Matrix&, const Matrix&) {
  return {matmul(X, W_Q), matmul(X, W_Q), matmul(X, W_Q)};
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::project)>> mutants_01_1;
const std::vector<Mutant<decltype(exercise::project)>> mutants_01_1 = {
    {"w-transposed", "query", "the matrices are read transposed: W(c, m) instead of W(m, c)",
     w_transposed},
    {"feature-missed", "query", "the sum stops one feature early", feature_missed},
    {"token-missed", "query", "the last token is left out: a loop ends one too early",
     token_missed},
    {"column-missed", "query", "the last column is left out: a loop ends one too early",
     column_missed},
    {"carried-over", "query", "the sum is not set back to zero for the next cell", carried_over},
    {"not-set", "query", "", not_set},
    {"only-last", "query", "= instead of +=: only the last feature counts", only_last},
    {"whole-numbers", "query", "decimals are cut off: an int where a double is needed",
     whole_numbers},
    {"result-transposed", "query", "transposed: every row has to be one token", result_transposed},
    {"key-from-wq", "key", "the key is made with W_Q instead of W_K", key_from_W_Q},
    {"value-from-wk", "value", "the value is made with W_K instead of W_V", value_from_W_K},
    {"swapped", "query", "query and key are swapped: W_K made the query", swapped},
    {"key-value-swapped", "key", "key and value are swapped: W_V made the key",
     key_and_value_swapped},
    {"scaled-query", "query", "the query is divided by sqrt(d_k) already; that comes with scores",
     scaled_query},
    {"input-scaled", "", "the input is changed", input_scaled},
    {"kept-between-calls", "", "", kept},
    {"of-the-example", "query", "the numbers of the example are returned, whatever comes in",
     of_the_example},
    {"two-wrong", "key", "", two_wrong},
};

}  // namespace headlight::course
