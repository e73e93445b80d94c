// Right but unusual solutions of 01.3: each has to get all points.
#include "01_what_is_a_head/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::OneHead;

// Everything in float, plain loops, every stage from the float stage before it.
OneHead in_float(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  const auto product = [](const MatrixF& a, const MatrixF& b) {
    MatrixF out = xt::zeros<float>({a.shape(0), b.shape(1)});
    for (std::size_t j = 0; j < b.shape(1); ++j)
      for (std::size_t k = 0; k < b.shape(0); ++k)
        for (std::size_t i = 0; i < a.shape(0); ++i) out(i, j) += a(i, k) * b(k, j);
    return out;
  };
  const MatrixF x = xt::cast<float>(X), q = product(x, xt::cast<float>(W_Q)),
                k = product(x, xt::cast<float>(W_K)), v = product(x, xt::cast<float>(W_V));
  MatrixF s = product(q, transpose(k));
  s /= std::sqrt(static_cast<float>(W_Q.shape(1)));
  MatrixF a = s;
  for (std::size_t i = 0; i < a.shape(0); ++i) {
    float largest = s(i, 0), total = 0;
    for (std::size_t j = 0; j < a.shape(1); ++j) largest = std::max(largest, s(i, j));
    for (std::size_t j = 0; j < a.shape(1); ++j) total += a(i, j) = std::exp(s(i, j) - largest);
    for (std::size_t j = 0; j < a.shape(1); ++j) a(i, j) /= total;
  }
  return {xt::cast<double>(q), xt::cast<double>(k), xt::cast<double>(v),
          xt::cast<double>(s), xt::cast<double>(a), xt::cast<double>(product(a, v))};
}

// One query after another, with a table of exp(score - largest) made from the last key to the
// first, and the mixture summed key by key.
OneHead query_by_query(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  const std::size_t n = X.shape(0), d_k = W_Q.shape(1), d_v = W_V.shape(1);
  OneHead head{matmul(X, W_Q),
               matmul(X, W_K),
               matmul(X, W_V),
               xt::zeros<double>({n, n}),
               xt::zeros<double>({n, n}),
               xt::zeros<double>({n, d_v})};
  for (std::size_t i = 0; i < n; ++i) {
    double largest = std::numeric_limits<double>::lowest(), total = 0;
    std::vector<double> table(n);
    for (std::size_t j = n; j-- > 0;) {
      for (std::size_t c = d_k; c-- > 0;)
        head.scores(i, j) +=
            head.query(i, c) / std::sqrt(static_cast<double>(d_k)) * head.key(j, c);
      largest = std::max(largest, head.scores(i, j));
    }
    for (std::size_t j = n; j-- > 0;) total += table[j] = std::exp(head.scores(i, j) - largest);
    for (std::size_t j = 0; j < n; ++j)
      for (std::size_t c = 0; c < d_v; ++c)
        head.output(i, c) += (head.pattern(i, j) = table[j] / total) * head.value(j, c);
  }
  return head;
}

// Through the circuits: scores from X (W_Q W_K^T) X^T, the output from (pattern X) W_V.
OneHead circuits(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  OneHead head{matmul(X, W_Q), matmul(X, W_K), matmul(X, W_V), {}, {}, {}};
  const Matrix QK = matmul(W_Q, transpose(W_K)) * std::pow(static_cast<double>(W_K.shape(1)), -0.5);
  head.scores = matmul(matmul(X, QK), transpose(X));
  const Matrix weight = xt::exp(head.scores - row_max(head.scores));
  head.pattern = weight / row_sum(weight);
  head.output = matmul(matmul(head.pattern, X), W_V);
  return head;
}

// Like einsum: one cell of the output at a time, all sums written out.
OneHead cell_by_cell(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  OneHead head{matmul(X, W_Q), matmul(X, W_K), matmul(X, W_V), {}, {}, {}};
  const std::size_t n = X.shape(0);
  const auto score = [&](std::size_t i, std::size_t j) {
    const Vector q = xt::view(head.query, i), k = xt::view(head.key, j);
    return xt::sum(q * k)() / std::sqrt(static_cast<double>(q.size()));
  };
  head.scores = head.pattern = xt::zeros<double>({n, n});
  head.output = xt::zeros<double>({n, W_V.shape(1)});
  for (std::size_t j = 0; j < n; ++j)
    for (std::size_t i = 0; i < n; ++i) {
      double below = 0;  // 1 / pattern(i, j) = sum of exp(score - score(i, j))
      for (std::size_t k = 0; k < n; ++k) below += std::exp(score(i, k) - score(i, j));
      head.scores(i, j) = score(i, j);
      head.pattern(i, j) = 1 / below;
      for (std::size_t c = 0; c < W_V.shape(1); ++c)
        head.output(i, c) += head.pattern(i, j) * head.value(j, c);
    }
  return head;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::one_head)>> accepted_01_3;
const std::vector<Mutant<decltype(exercise::one_head)>> accepted_01_3 = {
    {"float", "", "everything in float", in_float},
    {"query-by-query", "", "one query after another, last key first", query_by_query},
    {"circuits", "", "through W_Q W_K^T and (pattern X) W_V", circuits},
    {"cell-by-cell", "", "one cell at a time, every sum written out", cell_by_cell},
};

}  // namespace headlight::course
