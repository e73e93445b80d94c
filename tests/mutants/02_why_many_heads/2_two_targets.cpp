// Wrong solutions of 02.2: each has to be refused, at its stage, by its name.
#include "02_why_many_heads/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::HeadWeights;
using exercise::TwoTargets;
using Pair = std::vector<Matrix>;  // one matrix for each head

Tensor3 stacked(const Pair& heads) {
  Tensor3 out = xt::zeros<double>({std::size_t{2}, heads[0].shape(0), heads[0].shape(1)});
  for (std::size_t h = 0; h < 2; ++h) xt::view(out, h) = heads[h];
  return out;
}
Matrix side_by_side(const Matrix& a, const Matrix& b) {
  return xt::concatenate(xt::xtuple(a, b), 1);
}
Matrix softmax_of(const Matrix& scores) {
  const Matrix weight = xt::exp(scores - row_max(scores));
  return weight / row_sum(weight);
}
double root(const Matrix& W, double times = 1) {
  return std::sqrt(times * static_cast<double>(W.shape(1)));
}
Matrix scores_of(const Matrix& X, const HeadWeights& head) {
  return matmul(matmul(X, head.W_Q), transpose(matmul(X, head.W_K))) / root(head.W_Q);
}

// From patterns and values on, all is right.
TwoTargets mixed(const Pair& patterns, const Pair& value) {
  const Pair outputs = {matmul(patterns[0], value[0]), matmul(patterns[1], value[1])};
  return {stacked(patterns), stacked(outputs), side_by_side(outputs[0], outputs[1])};
}
TwoTargets from_scores(const Matrix& X, const HeadWeights& a, const HeadWeights& b,
                       const Pair& scores) {
  return mixed({softmax_of(scores[0]), softmax_of(scores[1])},
               {matmul(X, a.W_V), matmul(X, b.W_V)});
}
TwoTargets right(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  return from_scores(X, a, b, {scores_of(X, a), scores_of(X, b)});
}
Pair outputs_of(const TwoTargets& made) {
  return {Matrix(xt::view(made.output, 0)), Matrix(xt::view(made.output, 1))};
}
Pair patterns_of(const TwoTargets& made) {
  return {Matrix(xt::view(made.pattern, 0)), Matrix(xt::view(made.pattern, 1))};
}

TwoTargets weights_reused(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  return from_scores(X, a, b, {scores_of(X, a), scores_of(X, a)});
}
TwoTargets second_for_both(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  return from_scores(X, a, b, {scores_of(X, b), scores_of(X, b)});
}
TwoTargets heads_exchanged(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  return right(X, b, a);
}
TwoTargets key_of_the_other(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  const HeadWeights c{a.W_Q, b.W_K, a.W_V}, d{b.W_Q, a.W_K, b.W_V};
  return right(X, c, d);
}
TwoTargets no_scale(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  return from_scores(X, a, b, {scores_of(X, a) * root(a.W_Q), scores_of(X, b) * root(b.W_Q)});
}
TwoTargets width_of_both(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  return from_scores(X, a, b, {scores_of(X, a) / std::sqrt(2.0), scores_of(X, b) / std::sqrt(2.0)});
}
TwoTargets by_d_model(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  const double factor = root(a.W_Q) / root(X);
  return from_scores(X, a, b, {scores_of(X, a) * factor, scores_of(X, b) * factor});
}
TwoTargets over_columns(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  return mixed({transpose(softmax_of(transpose(scores_of(X, a)))),
                transpose(softmax_of(transpose(scores_of(X, b))))},
               {matmul(X, a.W_V), matmul(X, b.W_V)});
}
TwoTargets over_heads(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  const Matrix difference = scores_of(X, b) - scores_of(X, a);
  const Matrix first = 1 / (1 + xt::exp(difference));
  return mixed({first, Matrix(1 - first)}, {matmul(X, a.W_V), matmul(X, b.W_V)});
}
TwoTargets one_distribution(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  const Matrix both = softmax_of(side_by_side(scores_of(X, a), scores_of(X, b)));
  const std::size_t n = X.shape(0);
  return mixed({Matrix(xt::view(both, xt::all(), xt::range(0, n))),
                Matrix(xt::view(both, xt::all(), xt::range(n, 2 * n)))},
               {matmul(X, a.W_V), matmul(X, b.W_V)});
}
TwoTargets patterns_averaged(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  const Matrix mean = (softmax_of(scores_of(X, a)) + softmax_of(scores_of(X, b))) / 2;
  return mixed({mean, mean}, {matmul(X, a.W_V), matmul(X, b.W_V)});
}
TwoTargets one_wide_head(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  const Matrix scores = (scores_of(X, a) + scores_of(X, b)) / std::sqrt(2.0);
  return from_scores(X, a, b, {scores, scores});
}
TwoTargets embedding_split(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  const std::size_t d_model = X.shape(1), half = d_model / 2;
  const auto part = [&](Matrix of, bool first) {  // the other half of the features counts nothing
    for (std::size_t i = 0; i < of.shape(0); ++i)
      for (std::size_t c = first ? half : 0; c < (first ? d_model : half); ++c) of(i, c) = 0;
    return of;
  };
  const Matrix left = part(X, true), rest = part(X, false);
  return mixed({softmax_of(scores_of(left, a)), softmax_of(scores_of(rest, b))},
               {matmul(left, a.W_V), matmul(rest, b.W_V)});
}
TwoTargets overflowing(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  const auto plain = [](const Matrix& scores) {
    const Matrix weight = xt::exp(scores);
    return Matrix(weight / row_sum(weight));
  };
  return mixed({plain(scores_of(X, a)), plain(scores_of(X, b))},
               {matmul(X, a.W_V), matmul(X, b.W_V)});
}
TwoTargets causal(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  Pair scores = {scores_of(X, a), scores_of(X, b)};
  for (Matrix& one : scores)
    for (std::size_t i = 0; i < one.shape(0); ++i)
      for (std::size_t j = i + 1; j < one.shape(1); ++j)
        one(i, j) = -std::numeric_limits<double>::infinity();
  return from_scores(X, a, b, scores);
}
TwoTargets values_reused(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  return mixed(patterns_of(right(X, a, b)), {matmul(X, a.W_V), matmul(X, a.W_V)});
}
TwoTargets pattern_reused(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  TwoTargets made = right(X, a, b);
  const Pair first = {Matrix(xt::view(made.pattern, 0)), Matrix(xt::view(made.pattern, 0))};
  const Tensor3 pattern = made.pattern;
  made = mixed(first, {matmul(X, a.W_V), matmul(X, b.W_V)});
  made.pattern = pattern;
  return made;
}
TwoTargets pattern_transposed(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  TwoTargets made = right(X, a, b);
  const Pair patterns = patterns_of(made);
  const Tensor3 pattern = made.pattern;
  made =
      mixed({transpose(patterns[0]), transpose(patterns[1])}, {matmul(X, a.W_V), matmul(X, b.W_V)});
  made.pattern = pattern;
  return made;
}
TwoTargets mean_of_heads(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  TwoTargets made = right(X, a, b);
  const Pair outputs = outputs_of(made);
  made.joined = (outputs[0] + outputs[1]) / 2;
  return made;
}
TwoTargets sum_of_heads(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  TwoTargets made = right(X, a, b);
  const Pair outputs = outputs_of(made);
  made.joined = outputs[0] + outputs[1];
  return made;
}
TwoTargets mean_twice(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  TwoTargets made = right(X, a, b);
  const Pair outputs = outputs_of(made);
  const Matrix mean = (outputs[0] + outputs[1]) / 2;
  made.joined = side_by_side(mean, mean);
  return made;
}
TwoTargets order_reversed(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  TwoTargets made = right(X, a, b);
  const Pair outputs = outputs_of(made);
  made.joined = side_by_side(outputs[1], outputs[0]);
  return made;
}
TwoTargets interleaved(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  TwoTargets made = right(X, a, b);
  for (std::size_t i = 0; i < made.joined.shape(0); ++i)
    for (std::size_t c = 0; c < made.joined.shape(1); ++c)
      made.joined(i, c) = made.output(c % 2, i, c / 2);
  return made;
}
TwoTargets below_one_another(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  TwoTargets made = right(X, a, b);
  const Pair outputs = outputs_of(made);
  made.joined = xt::concatenate(xt::xtuple(outputs[0], outputs[1]), 0);
  return made;
}
TwoTargets raw_copy(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  TwoTargets made = right(X, a, b);
  std::copy(made.output.begin(), made.output.end(), made.joined.begin());
  return made;
}
TwoTargets in_place(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  const TwoTargets made = right(X, a, b);
  const_cast<Matrix&>(X) *= 2;
  return made;
}
TwoTargets of_the_example(const Matrix&, const HeadWeights&, const HeadWeights&) {
  const Matrix one = {{1, 0}, {0, 1}}, other = {{0, 30}, {30, 0}};
  return right(one, {30 * one, one, {{1}, {2}}}, {other, one, {{10}, {20}}});
}
TwoTargets reused_and_mean(const Matrix& X, const HeadWeights& a, const HeadWeights& b) {
  TwoTargets made = weights_reused(X, a, b);
  const Pair outputs = outputs_of(made);
  made.joined = (outputs[0] + outputs[1]) / 2;
  return made;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::two_targets)>> mutants_02_2;
const std::vector<Mutant<decltype(exercise::two_targets)>> mutants_02_2 = {
    {"weights-reused", "pattern", "the second head looks with the weights of head 0",
     weights_reused},
    {"second-for-both", "pattern", "both heads look with the weights of head 1", second_for_both},
    {"heads-exchanged", "pattern", "the two heads are exchanged", heads_exchanged},
    {"key-of-the-other", "pattern", "each head's queries meet the keys of the other head",
     key_of_the_other},
    {"no-scale", "pattern", "1/sqrt(d_k) is missing", no_scale},
    {"width-of-both", "pattern", "divided by the root of the width of both heads together",
     width_of_both},
    {"by-d-model", "pattern", "divided by sqrt(d_model) instead of sqrt(d_k)", by_d_model},
    {"over-columns", "pattern", "softmax over columns instead of rows", over_columns},
    {"over-heads", "pattern", "softmax between the two heads instead of over the keys", over_heads},
    {"one-distribution", "pattern", "one softmax over the keys of both heads: each has its own",
     one_distribution},
    {"patterns-averaged", "pattern", "both heads use the mean of the two patterns",
     patterns_averaged},
    {"one-wide-head", "pattern", "the scores of both heads are added: that is one wide head",
     one_wide_head},
    {"embedding-split", "pattern",
     "the embedding is split before it is projected: every head reads all of X", embedding_split},
    {"overflow", "pattern", "exp overflows: take the row's largest score off first", overflowing},
    {"causal", "pattern", "the future is hidden: these heads have no mask", causal},
    {"values-reused", "output", "the second head mixes the values of head 0", values_reused},
    {"pattern-reused", "output", "the second head mixes by the pattern of head 0", pattern_reused},
    {"pattern-transposed", "output", "pattern^T times value: what a token gives, not what it gets",
     pattern_transposed},
    {"mean-of-heads", "joined", "the mean of the outputs instead of both side by side",
     mean_of_heads},
    {"sum-of-heads", "joined", "the sum of the outputs instead of both side by side", sum_of_heads},
    {"mean-twice", "joined", "the mean of the outputs, written twice", mean_twice},
    {"order-reversed", "joined", "head 1 stands left of head 0", order_reversed},
    {"interleaved", "joined", "columns of the heads alternate instead of standing in blocks",
     interleaved},
    {"below-one-another", "joined", "one below the other instead of side by side",
     below_one_another},
    {"raw-copy", "joined", "the numbers of output are only read with another shape", raw_copy},
    {"in-place", "", "the tokens that were handed in are changed", in_place},
    {"of-the-example", "pattern", "the numbers of the example are returned, whatever comes in",
     of_the_example},
    {"reused-and-mean", "pattern", "", reused_and_mean},
};

}  // namespace headlight::course
