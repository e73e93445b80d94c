// Wrong solutions of 01.3: each has to be refused, at its stage, by its name.
#include "01_what_is_a_head/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::OneHead;

double size(std::size_t n) {
  return static_cast<double>(n);
}

Matrix softmax_of(const Matrix& scores) {
  const Matrix weight = xt::exp(scores - row_max(scores));
  return weight / row_sum(weight);
}

void finish(OneHead& head) {
  head.pattern = softmax_of(head.scores);
  head.output = matmul(head.pattern, head.value);
}

OneHead projected(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return {matmul(X, W_Q), matmul(X, W_K), matmul(X, W_V), {}, {}, {}};
}

// Scores times a factor; everything else follows.
OneHead times(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V,
              double factor) {
  OneHead head = projected(X, W_Q, W_K, W_V);
  head.scores = matmul(head.query, transpose(head.key)) * factor;
  finish(head);
  return head;
}

OneHead right(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return times(X, W_Q, W_K, W_V, 1 / std::sqrt(size(W_Q.shape(1))));
}

OneHead no_scale(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return times(X, W_Q, W_K, W_V, 1);
}
OneHead times_root(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return times(X, W_Q, W_K, W_V, std::sqrt(size(W_Q.shape(1))));
}
OneHead by_d_k(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return times(X, W_Q, W_K, W_V, 1 / size(W_Q.shape(1)));
}
OneHead by_d_model(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return times(X, W_Q, W_K, W_V, 1 / std::sqrt(size(X.shape(1))));
}
OneHead by_d_v(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return times(X, W_Q, W_K, W_V, 1 / std::sqrt(size(W_V.shape(1))));
}
OneHead by_tokens(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return times(X, W_Q, W_K, W_V, 1 / std::sqrt(size(X.shape(0))));
}
OneHead scores_transposed(const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
                          const Matrix& W_V) {
  OneHead head = right(X, W_Q, W_K, W_V);
  head.scores = transpose(Matrix(head.scores));
  finish(head);
  return head;
}
OneHead query_with_itself(const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
                          const Matrix& W_V) {
  OneHead head = projected(X, W_Q, W_K, W_V);
  head.scores = matmul(head.query, transpose(head.query)) / std::sqrt(size(W_Q.shape(1)));
  finish(head);
  return head;
}
OneHead feature_missed(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  OneHead head = projected(X, W_Q, W_K, W_V);
  head.scores = xt::zeros<double>({X.shape(0), X.shape(0)});
  for (std::size_t i = 0; i < X.shape(0); ++i)
    for (std::size_t j = 0; j < X.shape(0); ++j)
      for (std::size_t c = 0; c + 1 < W_Q.shape(1); ++c)
        head.scores(i, j) += head.query(i, c) * head.key(j, c) / std::sqrt(size(W_Q.shape(1)));
  finish(head);
  return head;
}
OneHead key_from_W_Q(const Matrix& X, const Matrix& W_Q, const Matrix&, const Matrix& W_V) {
  return right(X, W_Q, W_Q, W_V);
}
OneHead value_from_W_K(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix&) {
  return right(X, W_Q, W_K, W_K);
}
OneHead swapped(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return right(X, W_K, W_Q, W_V);
}
OneHead input_as_value(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  OneHead head = right(X, W_Q, W_K, W_V);
  head.value = X;
  finish(head);
  return head;
}

// The right scores, another pattern.
template <class Pattern>
OneHead with_pattern(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V,
                     Pattern pattern) {
  OneHead head = right(X, W_Q, W_K, W_V);
  head.pattern = pattern(head.scores);
  head.output = matmul(head.pattern, head.value);
  return head;
}

OneHead no_softmax(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return with_pattern(X, W_Q, W_K, W_V, [](const Matrix& scores) { return scores; });
}
OneHead over_columns(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return with_pattern(X, W_Q, W_K, W_V, [](const Matrix& scores) {
    return transpose(softmax_of(transpose(scores)));
  });
}
OneHead whole_matrix(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return with_pattern(X, W_Q, W_K, W_V, [](const Matrix& scores) {
    const Matrix weight = xt::exp(scores - xt::amax(scores)());
    return Matrix(weight / xt::sum(weight)());
  });
}
OneHead overflowing(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return with_pattern(X, W_Q, W_K, W_V, [](const Matrix& scores) {
    const Matrix weight = xt::exp(scores);
    return Matrix(weight / row_sum(weight));
  });
}
OneHead one_maximum(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return with_pattern(X, W_Q, W_K, W_V, [](const Matrix& scores) {
    const Matrix weight = xt::exp(scores - xt::amax(scores)());
    return Matrix(weight / row_sum(weight));
  });
}
OneHead not_divided(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return with_pattern(X, W_Q, W_K, W_V, [](const Matrix& scores) {
    return Matrix(xt::exp(scores - row_max(scores)));
  });
}
OneHead softmax_twice(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return with_pattern(X, W_Q, W_K, W_V,
                      [](const Matrix& scores) { return softmax_of(softmax_of(scores)); });
}
OneHead hardest(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return with_pattern(X, W_Q, W_K, W_V, [](const Matrix& scores) {
    Matrix out = xt::zeros<double>(scores.shape());
    for (std::size_t i = 0; i < out.shape(0); ++i) {
      std::size_t best = 0;
      for (std::size_t j = 1; j < out.shape(1); ++j)
        if (scores(i, j) > scores(i, best)) best = j;
      out(i, best) = 1;
    }
    return out;
  });
}
OneHead scaled_again(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return with_pattern(X, W_Q, W_K, W_V, [&](const Matrix& scores) {
    return softmax_of(Matrix(scores / std::sqrt(size(W_Q.shape(1)))));
  });
}
OneHead causal(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  return with_pattern(X, W_Q, W_K, W_V, [](const Matrix& scores) {
    Matrix masked = scores;
    for (std::size_t i = 0; i < masked.shape(0); ++i)
      for (std::size_t j = i + 1; j < masked.shape(1); ++j)
        masked(i, j) = -std::numeric_limits<double>::infinity();
    return softmax_of(masked);
  });
}
OneHead pattern_transposed(const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
                           const Matrix& W_V) {
  OneHead head = right(X, W_Q, W_K, W_V);
  head.output = matmul(transpose(head.pattern), head.value);
  return head;
}
OneHead key_as_value(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  OneHead head = right(X, W_Q, W_K, W_V);
  head.output = matmul(head.pattern, head.key);
  return head;
}
OneHead scores_as_pattern(const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
                          const Matrix& W_V) {
  OneHead head = right(X, W_Q, W_K, W_V);
  head.output = matmul(head.scores, head.value);
  return head;
}
OneHead mean_of_values(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  OneHead head = right(X, W_Q, W_K, W_V);
  head.output = head.output / size(X.shape(0));
  return head;
}
OneHead last_key_missed(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  OneHead head = right(X, W_Q, W_K, W_V);
  const std::size_t n = X.shape(0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < W_V.shape(1); ++c)
      head.output(i, c) -= head.pattern(i, n - 1) * head.value(n - 1, c);
  return head;
}
OneHead value_added(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  OneHead head = right(X, W_Q, W_K, W_V);
  head.output += head.value;
  return head;
}
OneHead in_place(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  OneHead head = right(X, W_Q, W_K, W_V);
  const_cast<Matrix&>(W_K) = W_K / std::sqrt(size(W_K.shape(1)));
  return head;
}
OneHead of_the_example(const Matrix&, const Matrix&, const Matrix&, const Matrix&) {
  return right({{1, 0}, {0, 1}}, {{1, 1, 0, 0}, {0, 0, 1, 1}}, {{1, 1, 0, 0}, {1, 1, 2, 2}},
               {{0}, {10}});
}
OneHead no_scale_and_key(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  OneHead head = no_scale(X, W_Q, W_K, W_V);
  head.output = matmul(head.pattern, head.key);
  return head;
}
OneHead columns_and_transposed(const Matrix& X, const Matrix& W_Q, const Matrix& W_K,
                               const Matrix& W_V) {
  OneHead head = over_columns(X, W_Q, W_K, W_V);
  head.output = matmul(transpose(head.pattern), head.value);
  return head;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::one_head)>> mutants_01_3;
const std::vector<Mutant<decltype(exercise::one_head)>> mutants_01_3 = {
    {"no-scale", "scores", "1/sqrt(d_k) is missing", no_scale},
    {"times-root", "scores", "multiplied by sqrt(d_k) instead of divided", times_root},
    {"by-d-k", "scores", "divided by d_k instead of its root", by_d_k},
    {"by-d-model", "scores", "divided by sqrt(d_model): the width of query and key counts",
     by_d_model},
    {"by-d-v", "scores", "divided by sqrt(d_v): the width of query and key counts", by_d_v},
    {"by-tokens", "scores", "divided by the root of the number of tokens instead of sqrt(d_k)",
     by_tokens},
    {"scores-transposed", "scores", "transposed: rows are queries, columns are keys",
     scores_transposed},
    {"query-query", "scores", "query times query: the key is not used", query_with_itself},
    {"feature-missed", "scores", "the dot product stops one feature early", feature_missed},
    {"key-from-wq", "key", "the key is made with W_Q instead of W_K", key_from_W_Q},
    {"value-from-wk", "value", "the value is made with W_K instead of W_V", value_from_W_K},
    {"swapped", "query", "query and key are swapped: W_K made the query", swapped},
    {"input-as-value", "value", "the tokens themselves stand where X W_V belongs", input_as_value},
    {"no-softmax", "pattern", "there is no softmax: the pattern is scores", no_softmax},
    {"over-columns", "pattern", "softmax over columns instead of rows", over_columns},
    {"whole-matrix", "pattern", "softmax over the whole matrix: every row has to sum to one",
     whole_matrix},
    {"overflow", "pattern", "exp overflows: take the row's largest score off first", overflowing},
    {"one-maximum", "pattern", "one maximum for the whole matrix: a row far below it becomes 0 / 0",
     one_maximum},
    {"not-divided", "pattern", "the division by the row's sum is missing", not_divided},
    {"softmax-twice", "pattern", "the softmax is taken twice", softmax_twice},
    {"hardest", "pattern", "only the best key counts: softmax mixes, it does not choose", hardest},
    {"scaled-again", "pattern", "divided by sqrt(d_k) a second time inside the softmax",
     scaled_again},
    {"causal", "pattern", "the future is hidden: this head has no mask", causal},
    {"pattern-transposed", "output", "pattern^T times value: what a token gives, not what it gets",
     pattern_transposed},
    {"key-as-value", "output", "the keys are mixed instead of the values", key_as_value},
    {"scores-as-pattern", "output", "scores times value: the pattern is not used",
     scores_as_pattern},
    {"divided-by-n", "output",
     "divided by the number of tokens: the pattern's rows sum to one already", mean_of_values},
    {"last-key-missed", "output", "the sum over keys leaves out the last one", last_key_missed},
    {"value-added", "output", "the token's own value is added once more: no residual belongs here",
     value_added},
    {"in-place", "", "a matrix that was handed in is changed", in_place},
    {"of-the-example", "query", "the numbers of the example are returned, whatever comes in",
     of_the_example},
    {"no-scale-and-key", "scores", "", no_scale_and_key},
    {"columns-and-transposed", "pattern", "", columns_and_transposed},
};

}  // namespace headlight::course
