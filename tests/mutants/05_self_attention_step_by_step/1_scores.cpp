// Wrong solutions of 05.1: each has to be refused, at its stage, by its name.
#include "05_self_attention_step_by_step/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::ScoresTrace;

// What most mistakes share: right query and key, and scores times a factor.
ScoresTrace times(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, double factor) {
  ScoresTrace trace{matmul(X, W_Q), matmul(X, W_K), {}};
  trace.scores = matmul(trace.query, transpose(trace.key)) * factor;
  return trace;
}

double width(const Matrix& W) {
  return static_cast<double>(W.shape(1));
}

ScoresTrace no_scale(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  return times(X, W_Q, W_K, 1);
}
ScoresTrace scaled_twice(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  return times(X, W_Q, W_K, 1 / width(W_Q));
}
ScoresTrace by_d_model(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  return times(X, W_Q, W_K, 1 / std::sqrt(width(X)));
}
ScoresTrace times_root(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  return times(X, W_Q, W_K, std::sqrt(width(W_Q)));
}
ScoresTrace by_tokens(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  return times(X, W_Q, W_K, 1 / std::sqrt(static_cast<double>(X.shape(0))));
}
ScoresTrace transposed(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  ScoresTrace trace = times(X, W_Q, W_K, 1 / std::sqrt(width(W_Q)));
  trace.scores = Matrix(transpose(trace.scores));
  return trace;
}
ScoresTrace key_from_W_Q(const Matrix& X, const Matrix& W_Q, const Matrix&) {
  return times(X, W_Q, W_Q, 1 / std::sqrt(width(W_Q)));
}
ScoresTrace swapped(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  return times(X, W_K, W_Q, 1 / std::sqrt(width(W_Q)));
}
ScoresTrace short_dot(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  ScoresTrace trace = times(X, W_Q, W_K, 1);
  for (std::size_t i = 0; i < X.shape(0); ++i)
    for (std::size_t j = 0; j < X.shape(0); ++j) {
      double total = 0;
      for (std::size_t k = 0; k + 1 < W_Q.shape(1); ++k)
        total += trace.query(i, k) * trace.key(j, k);
      trace.scores(i, j) = total / std::sqrt(width(W_Q));
    }
  return trace;
}
ScoresTrace query_with_itself(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  ScoresTrace trace = times(X, W_Q, W_K, 1);
  trace.scores = matmul(trace.query, transpose(trace.query)) / std::sqrt(width(W_Q));
  return trace;
}
ScoresTrace scaled_query(const Matrix& X, const Matrix& W_Q, const Matrix& W_K) {
  ScoresTrace trace = times(X, W_Q, W_K, 1 / std::sqrt(width(W_Q)));
  trace.query = trace.query / std::sqrt(width(W_Q));
  trace.scores = matmul(trace.query, transpose(trace.key)) / std::sqrt(width(W_Q));
  return trace;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::scores)>> mutants_05_1;
const std::vector<Mutant<decltype(exercise::scores)>> mutants_05_1 = {
    {"no-scale", "scores", "1/sqrt(d_head) is missing", no_scale},
    {"scaled-twice", "scores",
     "scaled twice: divided by d_head in all, as step 5 of the report would", scaled_twice},
    {"scale-d-model", "scores", "divided by sqrt(d_model) instead of sqrt(d_head)", by_d_model},
    {"times-root", "scores", "multiplied by sqrt(d_head) instead of divided", times_root},
    {"scale-n", "scores", "divided by the root of the number of tokens instead of sqrt(d_head)",
     by_tokens},
    {"transposed", "scores", "transposed: rows are queries, columns are keys", transposed},
    {"key-from-wq", "key", "the key is made with W_Q instead of W_K", key_from_W_Q},
    {"swapped", "query", "query and key are swapped: W_K made the query", swapped},
    {"short-dot", "scores", "the dot product stops one feature early", short_dot},
    {"query-query", "scores", "query times query: the key is not used", query_with_itself},
    {"scaled-query-twice", "query", "the query itself is divided by sqrt(d_head); keep it as X W_Q",
     scaled_query},
};

}  // namespace headlight::course
