// Wrong solutions of 05.3: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "05_self_attention_step_by_step/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::BlockWeights;
using exercise::FullTrace;
constexpr double hidden = -std::numeric_limits<double>::infinity();

struct Mistakes {
  bool key_from_wq = false, value_from_wk = false, no_scale = false, scaled_twice = false,
       scale_d_model = false;
  bool diagonal_hidden = false, no_mask = false, past_hidden = false;
  bool over_columns = false, unmasked_softmax = false, overflow = false;
  bool transposed_pattern = false, key_as_value = false, transposed_W_O = false,
       W_O_forgotten = false;
  bool no_residual = false, residual_twice = false, residual_before = false,
       residual_normalised_input = false;
  bool eps_outside = false, n_minus_one = false, no_mean = false, no_gain = false, no_bias = false,
       over_tokens = false, norm_before_add = false, no_root = false, input_normalised = false;
};

FullTrace made(const Matrix& X, const BlockWeights& w, const Mistakes& m) {
  FullTrace t;
  const std::size_t n = X.shape(0), d_model = X.shape(1);
  t.query = matmul(X, w.W_Q);
  t.key = matmul(X, m.key_from_wq ? w.W_Q : w.W_K);
  t.value = matmul(X, m.value_from_wk ? w.W_K : w.W_V);
  const double d_head = static_cast<double>(w.W_Q.shape(1));
  const double scale = m.no_scale        ? 1
                       : m.scaled_twice  ? 1 / d_head
                       : m.scale_d_model ? 1 / std::sqrt(static_cast<double>(d_model))
                                         : 1 / std::sqrt(d_head);
  t.scores = matmul(t.query, transpose(t.key)) * scale;
  t.masked = t.scores;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j)
      if (!m.no_mask && (m.past_hidden ? j < i : m.diagonal_hidden ? j >= i : j > i))
        t.masked(i, j) = hidden;
  Matrix source = m.unmasked_softmax ? t.scores : t.masked;
  if (m.over_columns) source = Matrix(transpose(source));
  t.pattern = source;
  for (std::size_t i = 0; i < n; ++i) {
    double largest = m.overflow ? 0 : hidden, total = 0;
    for (std::size_t j = 0; j < n && !m.overflow; ++j) largest = std::max(largest, source(i, j));
    for (std::size_t j = 0; j < n; ++j) total += t.pattern(i, j) = std::exp(source(i, j) - largest);
    for (std::size_t j = 0; j < n; ++j) t.pattern(i, j) /= total;
  }
  if (m.over_columns) t.pattern = Matrix(transpose(t.pattern));
  const Matrix mixing = m.transposed_pattern ? Matrix(transpose(t.pattern)) : t.pattern;
  t.z = matmul(mixing, m.key_as_value ? t.key : t.value);
  if (m.W_O_forgotten)
    t.attention = t.z;
  else if (m.transposed_W_O && d_model == w.W_O.shape(0))
    t.attention = matmul(t.z, transpose(w.W_O));
  else
    t.attention = matmul(t.z, w.W_O);
  if (t.attention.shape() != X.shape()) {  // W_O forgotten: there is nothing to add it to
    t.residual = t.normalised = X;
    return t;
  }
  t.residual = m.no_residual       ? t.attention
               : m.residual_twice  ? Matrix(X + X + t.attention)
               : m.residual_before ? Matrix(X + matmul(X, matmul(w.W_V, w.W_O)))
                                   : Matrix(X + t.attention);
  Matrix base = m.norm_before_add ? t.attention : m.input_normalised ? X : t.residual;
  t.normalised = base;
  if (m.over_tokens) base = Matrix(transpose(base));
  Matrix normal = base;
  for (std::size_t i = 0; i < base.shape(0); ++i) {
    const double count = static_cast<double>(base.shape(1));
    double mean = 0, variance = 0;
    for (std::size_t c = 0; c < base.shape(1); ++c) mean += base(i, c) / count;
    for (std::size_t c = 0; c < base.shape(1); ++c)
      variance += (base(i, c) - mean) * (base(i, c) - mean) / (m.n_minus_one ? count - 1 : count);
    const double under = m.eps_outside ? std::sqrt(variance) + 1e-5
                         : m.no_root   ? variance + 1e-5
                                       : std::sqrt(variance + 1e-5);
    for (std::size_t c = 0; c < base.shape(1); ++c)
      normal(i, c) = (base(i, c) - (m.no_mean ? 0 : mean)) / under;
  }
  if (m.over_tokens) normal = Matrix(transpose(normal));
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c < d_model; ++c)
      t.normalised(i, c) = (m.no_gain ? 1 : w.gain(c)) * normal(i, c) + (m.no_bias ? 0 : w.bias(c));
  if (m.norm_before_add) t.normalised = t.normalised + X;
  return t;
}

template <auto Member>
FullTrace with(const Matrix& X, const BlockWeights& weights) {
  Mistakes mistakes;
  mistakes.*Member = true;
  return made(X, weights, mistakes);
}

FullTrace kept_between_calls(const Matrix& X, const BlockWeights& weights) {
  static double drift = 0;
  FullTrace trace = made(X, weights, {});
  trace.normalised(0, 0) += drift;
  drift += 1e-9;
  return trace;
}

FullTrace no_scale_and_no_residual(const Matrix& X, const BlockWeights& weights) {
  Mistakes mistakes;
  mistakes.no_scale = mistakes.no_residual = true;
  return made(X, weights, mistakes);
}

FullTrace columns_and_n_minus_one(const Matrix& X, const BlockWeights& weights) {
  Mistakes mistakes;
  mistakes.over_columns = mistakes.n_minus_one = true;
  return made(X, weights, mistakes);
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::full_trace)>> mutants_05_3;
const std::vector<Mutant<decltype(exercise::full_trace)>> mutants_05_3 = {
    {"key-from-wq", "key", "the key is made with W_Q instead of W_K", with<&Mistakes::key_from_wq>},
    {"value-from-wk", "value", "the value is made with W_K instead of W_V",
     with<&Mistakes::value_from_wk>},
    {"no-scale", "scores", "1/sqrt(d_head) is missing", with<&Mistakes::no_scale>},
    {"scaled-twice", "scores",
     "scaled twice: divided by d_head in all, as step 5 of the report would",
     with<&Mistakes::scaled_twice>},
    {"scale-d-model", "scores", "divided by sqrt(d_model) instead of sqrt(d_head)",
     with<&Mistakes::scale_d_model>},
    {"diagonal-hidden", "masked", "the diagonal is hidden too: a token sees itself",
     with<&Mistakes::diagonal_hidden>},
    {"no-mask", "masked", "the future is not hidden", with<&Mistakes::no_mask>},
    {"past-hidden", "masked", "transposed: the past is hidden instead of the future",
     with<&Mistakes::past_hidden>},
    {"over-columns", "pattern", "softmax over columns instead of rows",
     with<&Mistakes::over_columns>},
    {"unmasked-softmax", "pattern", "the softmax is of the scores, not of the masked scores",
     with<&Mistakes::unmasked_softmax>},
    {"overflow", "pattern", "exp overflows: take the row's largest score off first",
     with<&Mistakes::overflow>},
    {"transposed-pattern", "z", "the pattern is transposed before it meets the values",
     with<&Mistakes::transposed_pattern>},
    {"key-as-value", "z", "the keys are mixed instead of the values",
     with<&Mistakes::key_as_value>},
    {"no-w-o", "attention", "W_O is forgotten: z is not yet in the model's space",
     with<&Mistakes::W_O_forgotten>},
    {"no-residual", "residual", "the residual is missing: X is not added",
     with<&Mistakes::no_residual>},
    {"residual-twice", "residual", "X is added twice", with<&Mistakes::residual_twice>},
    {"residual-bypass", "residual", "what is added did not go through the pattern",
     with<&Mistakes::residual_before>},
    {"eps-outside", "normalised", "the small number stands outside the root: sqrt(variance) + eps",
     with<&Mistakes::eps_outside>},
    {"n-minus-one", "normalised", "the variance is divided by d_model - 1",
     with<&Mistakes::n_minus_one>},
    {"no-mean", "normalised",
     "the mean is not taken off (that is RMSNorm's way, with another divisor)",
     with<&Mistakes::no_mean>},
    {"no-gain", "normalised", "the gain is forgotten", with<&Mistakes::no_gain>},
    {"no-bias", "normalised", "the bias is forgotten", with<&Mistakes::no_bias>},
    {"over-tokens", "normalised", "LayerNorm over tokens instead of features",
     with<&Mistakes::over_tokens>},
    {"norm-before-add", "normalised", "attention is normalised before X is added",
     with<&Mistakes::norm_before_add>},
    {"input-normalised", "normalised", "X is normalised, not the residual",
     with<&Mistakes::input_normalised>},
    {"no-root", "normalised", "divided by the variance, not by its root", with<&Mistakes::no_root>},
    {"kept-between-calls", "", "something is kept from one call to the next", kept_between_calls},
    {"no-scale-no-residual", "scores", "", no_scale_and_no_residual},
    {"columns-and-n-minus-one", "pattern", "", columns_and_n_minus_one},
};

}  // namespace headlight::course
