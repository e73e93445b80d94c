// Wrong solutions of 17.1: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "17_alternatives_to_attention/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::LinearTrace;

struct Mistakes {
  bool elu = false, relu = false, raw = false, exponential = false, softplus = false,
       scaled_query = false, only_query = false, blended = false, one_everywhere = false;
  bool before_update = false, one_ahead = false, always_causal = false, never_causal = false,
       last_lost = false, key_as_value = false, mean_of_values = false;
  bool open_normaliser = false, counts = false, query_sum = false, key_sum_alone = false,
       previous_normaliser = false, epsilon = false;
  bool not_divided = false, by_last = false, by_value_sum = false, multiplied = false;
};

double feature(double x, const Mistakes& m) {
  if (m.raw) return x;
  if (m.relu) return std::max(x, 0.0);
  if (m.exponential) return std::exp(x);
  if (m.softplus) return std::log1p(std::exp(-std::abs(x))) + std::max(x, 0.0);
  if (m.blended) return (x > 0 ? 1.0 : 0.0) * (x + 1) + (x > 0 ? 0.0 : 1.0) * std::exp(x);
  const double right = x > 0 ? x + 1 : std::exp(x);
  return m.elu ? right - 1 : m.one_everywhere ? (x > 0 ? x + 1 : 1) : right;
}

LinearTrace made(const Matrix& query, const Matrix& key, const Matrix& value, bool causal,
                 const Mistakes& m) {
  LinearTrace t{query, key, {}, {}, {}};
  const double root = std::sqrt(static_cast<double>(query.shape(1)));
  for (double& x : t.query_features) x = feature(m.scaled_query ? x / root : x, m);
  for (double& x : t.key_features) x = m.only_query ? x : feature(x, m);
  if (m.blended)  // exp of everything, then chosen by a product
    for (Matrix* features : {&t.query_features, &t.key_features}) {
      const Matrix& of = features == &t.query_features ? query : key;
      for (std::size_t c = 0; c < of.size(); ++c) {
        const double x = of.data()[c];
        features->data()[c] = (x > 0 ? 1.0 : 0.0) * (x + 1) + (x > 0 ? 0.0 : 1.0) * std::exp(x);
      }
    }
  const std::size_t n_query = query.shape(0), n_key = key.shape(0), d_value = value.shape(1);
  t.numerator = Matrix(Matrix::shape_type{n_query, m.key_as_value ? key.shape(1) : d_value}, 0.0);
  t.normaliser = Vector(Vector::shape_type{n_query}, 0.0);
  const bool hides = m.always_causal || (causal && !m.never_causal);
  for (std::size_t i = 0; i < n_query; ++i) {
    std::size_t end = hides ? std::min(i + 1, n_key) : n_key;
    if (causal && m.before_update) end = i;
    if (causal && m.one_ahead) end = std::min(i + 2, n_key);
    if (m.last_lost) end = std::min(end, n_key - 1);
    for (std::size_t j = 0; j < n_key; ++j) {
      double weight = 0;
      for (std::size_t f = 0; f < query.shape(1); ++f)
        weight += t.query_features(i, f) * t.key_features(j, f);
      for (std::size_t c = 0; c < t.numerator.shape(1) && j < end; ++c)
        t.numerator(i, c) +=
            (m.mean_of_values ? 1 : weight) * (m.key_as_value ? t.key_features(j, c) : value(j, c));
      if (j < end || m.open_normaliser) t.normaliser(i) += weight;
      if (m.previous_normaliser && causal && j == i && i > 0) t.normaliser(i) -= weight;
    }
    double of_query = 0, of_keys = 0;
    for (std::size_t f = 0; f < query.shape(1); ++f) {
      of_query += t.query_features(i, f);
      for (std::size_t j = 0; j < end; ++j) of_keys += t.key_features(j, f);
    }
    if (m.counts) t.normaliser(i) = static_cast<double>(end);
    if (m.query_sum) t.normaliser(i) = of_query;
    if (m.key_sum_alone) t.normaliser(i) = of_keys;
    if (m.epsilon) t.normaliser(i) += 1e-6;
  }
  t.output = t.numerator;
  for (std::size_t i = 0; i < n_query; ++i) {
    double values = 0;
    for (std::size_t c = 0; c < t.output.shape(1); ++c) values += t.numerator(i, c);
    const double divisor = m.not_divided    ? 1
                           : m.by_last      ? t.normaliser(n_query - 1)
                           : m.by_value_sum ? values
                           : m.multiplied   ? 1 / t.normaliser(i)
                                            : t.normaliser(i);
    for (std::size_t c = 0; c < t.output.shape(1); ++c) t.output(i, c) /= divisor;
  }
  return t;
}

template <auto... Members>
LinearTrace with(const Matrix& query, const Matrix& key, const Matrix& value, bool causal) {
  Mistakes mistakes;
  ((mistakes.*Members = true), ...);
  return made(query, key, value, causal, mistakes);
}

LinearTrace in_place(const Matrix& query, const Matrix& key, const Matrix& value, bool causal) {
  const LinearTrace t = made(query, key, value, causal, {});
  const_cast<Matrix&>(key) = t.key_features;
  return t;
}

// The state is static: a second call begins where the first one ended.
LinearTrace state_kept(const Matrix& query, const Matrix& key, const Matrix& value, bool causal) {
  static Matrix numerator_before;
  LinearTrace t = made(query, key, value, causal, {});
  const Matrix fresh = t.numerator;
  if (numerator_before.shape() == fresh.shape()) t.numerator += numerator_before;
  numerator_before = fresh;
  for (std::size_t i = 0; i < query.shape(0); ++i)
    for (std::size_t c = 0; c < value.shape(1); ++c)
      t.output(i, c) = t.numerator(i, c) / t.normaliser(i);
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::linear_attention)>> mutants_17_1;
const std::vector<Mutant<decltype(exercise::linear_attention)>> mutants_17_1 = {
    {"no-normaliser", "output",
     "the normaliser is left out, as in the report's formula: the weights do not sum to one",
     with<&Mistakes::not_divided>},
    {"open-normaliser", "normaliser",
     "the normaliser sums over all keys: it is causal like the numerator",
     with<&Mistakes::open_normaliser>},
    {"before-update", "numerator",
     "prefix off by one: the token's own key and value come in before it reads the state",
     with<&Mistakes::before_update>},
    {"one-ahead", "numerator", "prefix off by one: the next token is seen",
     with<&Mistakes::one_ahead>},
    {"always-causal", "numerator", "the future is hidden although causal is false",
     with<&Mistakes::always_causal>},
    {"never-causal", "numerator", "nothing is hidden: causal is not used",
     with<&Mistakes::never_causal>},
    {"last-lost", "numerator", "the last key is left out: a loop ends one too early",
     with<&Mistakes::last_lost>},
    {"elu", "query_features",
     "phi is elu without the + 1: it may be negative, and so may the weights",
     with<&Mistakes::elu>},
    {"no-phi", "query_features", "phi is left out: products may be negative, sums may be zero",
     with<&Mistakes::raw>},
    {"relu", "query_features", "phi is zero below zero: e^x is asked for there",
     with<&Mistakes::relu>},
    {"exponential", "query_features", "e^x above zero too: x + 1 is asked for there",
     with<&Mistakes::exponential>},
    {"softplus", "query_features", "log(1 + e^x) is another feature map",
     with<&Mistakes::softplus>},
    {"one-below", "query_features", "1 below zero: e^x is asked for there",
     with<&Mistakes::one_everywhere>},
    {"scaled-query", "query_features",
     "the query is divided by sqrt(d_head): that belongs to the softmax",
     with<&Mistakes::scaled_query>},
    {"phi-of-query-only", "key_features", "phi is taken of the query only",
     with<&Mistakes::only_query>},
    {"blended", "query_features", "0 times infinity: choose between the two, do not multiply",
     with<&Mistakes::blended>},
    {"key-as-value", "numerator", "the keys' features are summed instead of the values",
     with<&Mistakes::key_as_value>},
    {"values-summed", "numerator", "values are summed without their weights",
     with<&Mistakes::mean_of_values>},
    {"counts", "normaliser", "divided by the number of keys: the weights do not sum to that",
     with<&Mistakes::counts>},
    {"query-sum", "normaliser", "the query's features alone are summed",
     with<&Mistakes::query_sum>},
    {"key-sum", "normaliser", "the keys' features are summed, but not multiplied with the query's",
     with<&Mistakes::key_sum_alone>},
    {"previous-normaliser", "normaliser",
     "the normaliser is read before the token's own key came in",
     with<&Mistakes::previous_normaliser>},
    {"epsilon", "normaliser",
     "a small number is added to the normaliser: where features are small the output shrinks",
     with<&Mistakes::epsilon>},
    {"by-last", "output", "every row is divided by the last row's normaliser",
     with<&Mistakes::by_last>},
    {"by-value-sum", "output",
     "divided by the sum of the numerator's row: that has the values in it",
     with<&Mistakes::by_value_sum>},
    {"multiplied", "output", "multiplied with the normaliser instead of divided by it",
     with<&Mistakes::multiplied>},
    {"state-kept", "", "", state_kept},
    {"in-place", "", "the keys that were handed in are changed", in_place},
    {"elu-not-divided", "query_features", "", with<&Mistakes::elu, &Mistakes::not_divided>},
    {"off-by-one-open-normaliser", "numerator", "",
     with<&Mistakes::one_ahead, &Mistakes::open_normaliser>},
};

}  // namespace headlight::course
