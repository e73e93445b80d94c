// Wrong solutions of 07.1: each has to be refused, at its stage, by its name.
#include "07_how_heads_specialise/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::JacobianTrace;
constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

Matrix zeros(std::size_t rows, std::size_t columns) {
  return Matrix(Matrix::shape_type{rows, columns}, 0.0);
}

Matrix right_pattern(const Matrix& scores) {
  Matrix p = zeros(scores.shape(0), scores.shape(1));
  for (std::size_t i = 0; i < scores.shape(0); ++i) {
    double largest = minus_infinity, total = 0;
    for (std::size_t j = 0; j < scores.shape(1); ++j) largest = std::max(largest, scores(i, j));
    if (largest == minus_infinity) continue;
    for (std::size_t j = 0; j < scores.shape(1); ++j)
      total += p(i, j) = std::exp(scores(i, j) - largest);
    for (std::size_t j = 0; j < scores.shape(1); ++j) p(i, j) /= total;
  }
  return p;
}

double right_cell(const Matrix& p, std::size_t i, std::size_t j, std::size_t k) {
  return p(i, j) * ((j == k ? 1.0 : 0.0) - p(i, k));
}

// The Jacobian cell by cell by a rule of the mistake; the gradient from it, as it should be.
template <class Rule>
JacobianTrace ruled(const Matrix& pattern, const Matrix& of_pattern, Rule rule) {
  const std::size_t n_query = pattern.shape(0), n_key = pattern.shape(1);
  JacobianTrace t{pattern, Tensor3(Tensor3::shape_type{n_query, n_key, n_key}),
                  zeros(n_query, n_key)};
  for (std::size_t i = 0; i < n_query; ++i)
    for (std::size_t j = 0; j < n_key; ++j)
      for (std::size_t k = 0; k < n_key; ++k) {
        t.jacobian(i, j, k) = rule(pattern, i, j, k);
        t.score_gradient(i, k) += of_pattern(i, j) * t.jacobian(i, j, k);
      }
  return t;
}

JacobianTrace right(const Matrix& scores, const Matrix& of_pattern) {
  return ruled(right_pattern(scores), of_pattern, right_cell);
}

JacobianTrace only_diagonal(const Matrix& scores, const Matrix& of_pattern) {
  return ruled(right_pattern(scores), of_pattern,
               [](const Matrix& p, std::size_t i, std::size_t j, std::size_t k) {
                 return j == k ? p(i, j) : 0.0;
               });
}
JacobianTrace own_cell_only(const Matrix& scores, const Matrix& of_pattern) {
  return ruled(right_pattern(scores), of_pattern,
               [](const Matrix& p, std::size_t i, std::size_t j, std::size_t k) {
                 return j == k ? p(i, j) * (1 - p(i, j)) : 0.0;
               });
}
JacobianTrace sign_turned(const Matrix& scores, const Matrix& of_pattern) {
  return ruled(right_pattern(scores), of_pattern,
               [](const Matrix& p, std::size_t i, std::size_t j, std::size_t k) {
                 return -right_cell(p, i, j, k);
               });
}
JacobianTrace outer_added(const Matrix& scores, const Matrix& of_pattern) {
  return ruled(right_pattern(scores), of_pattern,
               [](const Matrix& p, std::size_t i, std::size_t j, std::size_t k) {
                 return p(i, j) * ((j == k ? 1.0 : 0.0) + p(i, k));
               });
}
JacobianTrace others_positive(const Matrix& scores, const Matrix& of_pattern) {
  return ruled(right_pattern(scores), of_pattern,
               [](const Matrix& p, std::size_t i, std::size_t j, std::size_t k) {
                 return std::abs(right_cell(p, i, j, k));
               });
}
JacobianTrace identity_kept(const Matrix& scores, const Matrix& of_pattern) {
  return ruled(right_pattern(scores), of_pattern,
               [](const Matrix& p, std::size_t i, std::size_t j, std::size_t k) {
                 return (j == k ? 1.0 : 0.0) - p(i, j) * p(i, k);
               });
}
JacobianTrace first_row_for_all(const Matrix& scores, const Matrix& of_pattern) {
  return ruled(right_pattern(scores), of_pattern,
               [](const Matrix& p, std::size_t, std::size_t j, std::size_t k) {
                 return right_cell(p, 0, j, k);
               });
}
JacobianTrace lower_triangle(const Matrix& scores, const Matrix& of_pattern) {
  return ruled(right_pattern(scores), of_pattern,
               [](const Matrix& p, std::size_t i, std::size_t j, std::size_t k) {
                 return k <= j ? right_cell(p, i, j, k) : 0.0;
               });
}
JacobianTrace of_scores(const Matrix& scores, const Matrix& of_pattern) {
  JacobianTrace t = ruled(scores, of_pattern, right_cell);
  t.pattern = right_pattern(scores);
  return t;
}
JacobianTrace over_columns(const Matrix& scores, const Matrix& of_pattern) {
  const Matrix turned = right_pattern(Matrix(transpose(scores)));
  return ruled(Matrix(transpose(turned)), of_pattern, right_cell);
}
JacobianTrace overflowing(const Matrix& scores, const Matrix& of_pattern) {
  Matrix p = xt::exp(scores);
  for (std::size_t i = 0; i < p.shape(0); ++i) {
    double total = 0;
    for (std::size_t j = 0; j < p.shape(1); ++j) total += p(i, j);
    for (std::size_t j = 0; j < p.shape(1); ++j) p(i, j) = total == 0 ? 0 : p(i, j) / total;
  }
  return ruled(p, of_pattern, right_cell);
}
JacobianTrace hidden_row_not_a_number(const Matrix& scores, const Matrix& of_pattern) {
  Matrix p = right_pattern(scores);
  for (std::size_t i = 0; i < p.shape(0); ++i)
    for (std::size_t j = 0; j < p.shape(1); ++j) {
      double total = 0;
      for (std::size_t k = 0; k < p.shape(1); ++k) total += p(i, k);
      p(i, j) = p(i, j) / total;
    }
  return ruled(p, of_pattern, right_cell);
}
JacobianTrace only_product(const Matrix& scores, const Matrix& of_pattern) {
  JacobianTrace t = right(scores, of_pattern);
  t.score_gradient = t.pattern * of_pattern;
  return t;
}
JacobianTrace not_weighted(const Matrix& scores, const Matrix& of_pattern) {
  JacobianTrace t = right(scores, of_pattern);
  const Matrix products = t.pattern * of_pattern;
  t.score_gradient = of_pattern - row_sum(products);
  return t;
}
JacobianTrace plain_mean(const Matrix& scores, const Matrix& of_pattern) {
  JacobianTrace t = right(scores, of_pattern);
  t.score_gradient = t.pattern * (of_pattern - row_mean(of_pattern));
  return t;
}
JacobianTrace sum_over_queries(const Matrix& scores, const Matrix& of_pattern) {
  JacobianTrace t = right(scores, of_pattern);
  for (std::size_t k = 0; k < scores.shape(1); ++k) {
    double mean = 0;
    for (std::size_t i = 0; i < scores.shape(0); ++i) mean += t.pattern(i, k) * of_pattern(i, k);
    for (std::size_t i = 0; i < scores.shape(0); ++i)
      t.score_gradient(i, k) = t.pattern(i, k) * (of_pattern(i, k) - mean);
  }
  return t;
}
JacobianTrace one_key_short(const Matrix& scores, const Matrix& of_pattern) {
  JacobianTrace t = right(scores, of_pattern);
  const std::size_t last = scores.shape(1) - 1;
  for (std::size_t i = 0; i < scores.shape(0); ++i)
    for (std::size_t k = 0; k <= last; ++k)
      t.score_gradient(i, k) -= of_pattern(i, last) * t.jacobian(i, last, k);
  return t;
}
JacobianTrace in_place(const Matrix& scores, const Matrix& of_pattern) {
  const JacobianTrace t = right(scores, of_pattern);
  const_cast<Matrix&>(scores) = t.pattern;
  return t;
}
JacobianTrace sign_and_product(const Matrix& scores, const Matrix& of_pattern) {
  JacobianTrace t = sign_turned(scores, of_pattern);
  t.score_gradient = t.pattern * of_pattern;
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::softmax_jacobian)>> mutants_07_1;
const std::vector<Mutant<decltype(exercise::softmax_jacobian)>> mutants_07_1 = {
    {"no-outer", "jacobian", "only diag(p): the part - p p^T is missing, keys do not compete",
     only_diagonal},
    {"own-cell-only", "jacobian",
     "only p (1 - p) on the diagonal: a score moves the other weights too", own_cell_only},
    {"sign", "jacobian", "the sign is turned: a larger score makes its own weight larger",
     sign_turned},
    {"outer-added", "jacobian", "p p^T is added to diag(p) instead of taken off", outer_added},
    {"others-positive", "jacobian", "off the diagonal the sign is minus: other weights shrink",
     others_positive},
    {"identity-kept", "jacobian",
     "the diagonal starts at 1 instead of p: diag(p), not the identity", identity_kept},
    {"first-row-for-all", "jacobian", "the pattern of query 0 is used for every query",
     first_row_for_all},
    {"lower-triangle", "jacobian", "only one triangle is filled: the Jacobian is symmetric",
     lower_triangle},
    {"of-scores", "jacobian", "the scores stand where the pattern belongs", of_scores},
    {"over-columns", "pattern", "softmax over columns instead of rows", over_columns},
    {"overflow", "pattern", "exp overflows: take the row's largest score off first", overflowing},
    {"hidden-row-nan", "pattern", "a fully hidden row is 0 / 0: its pattern is zero",
     hidden_row_not_a_number},
    {"only-product", "score_gradient",
     "pattern times its gradient alone: the average over the row is not taken off", only_product},
    {"not-weighted", "score_gradient", "the last factor, the pattern itself, is missing",
     not_weighted},
    {"plain-mean", "score_gradient",
     "the plain mean of the gradient is taken off: it has to be weighted with the pattern",
     plain_mean},
    {"sum-over-queries", "score_gradient",
     "rows and columns: the average runs over queries instead of keys", sum_over_queries},
    {"one-key-short", "score_gradient", "the sum over j ends one key early", one_key_short},
    {"in-place", "", "the scores that were handed in are changed", in_place},
    {"sign-and-product", "jacobian", "", sign_and_product},
};

}  // namespace headlight::course
