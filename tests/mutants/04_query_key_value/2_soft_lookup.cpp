// Wrong solutions of 04.2: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "04_query_key_value/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::LookupTrace;

struct Mistakes {
  bool multiplied = false, ignored = false, rooted = false, scaled_too = false, cosine = false,
       distance = false, short_dot = false, negative = false;
  bool overflow = false, from_zero = false, not_divided = false, base_two = false,
       squares_no_exp = false, tempered_again = false, uniform = false, one_hot = false,
       opposite = false;
  bool key_as_value = false, mean = false, last_lost = false, transposed_values = false,
       best_only = false, unnormalised = false;
  bool argmin = false, last_of_several = false, by_size = false, found_again = false,
       first_entry = false, best_from_zero = false, key_of_best = false;
};

LookupTrace made(const Vector& query, const Matrix& keys, const Matrix& values, double temperature,
                 const Mistakes& m) {
  const std::size_t n = keys.shape(0), d_key = keys.shape(1), d_value = values.shape(1);
  LookupTrace t;
  t.scores = t.weights = Vector(Vector::shape_type{n}, 0.0);
  t.found = t.nearest = Vector(Vector::shape_type{d_value}, 0.0);
  for (std::size_t j = 0; j < n; ++j) {
    double dot = 0, length = 0, distance = 0;
    for (std::size_t k = 0; k + (m.short_dot ? 1 : 0) < d_key; ++k) dot += query(k) * keys(j, k);
    for (std::size_t k = 0; k < d_key; ++k) {
      length += keys(j, k) * keys(j, k);
      distance += (query(k) - keys(j, k)) * (query(k) - keys(j, k));
    }
    if (m.cosine) dot /= std::sqrt(length);
    if (m.distance) dot = -distance;
    if (m.scaled_too) dot /= std::sqrt(static_cast<double>(d_key));
    if (m.negative) dot = -dot;
    t.scores(j) = m.multiplied ? dot * temperature
                  : m.ignored  ? dot
                  : m.rooted   ? dot / std::sqrt(temperature)
                               : dot / temperature;
  }
  double largest = m.from_zero ? 0 : t.scores(0), total = 0;
  for (const double s : t.scores) largest = std::max(largest, s);
  for (std::size_t j = 0; j < n; ++j) {
    const double s = m.opposite ? -t.scores(j) : t.scores(j);
    const double top = m.overflow || m.opposite ? 0 : largest;
    t.weights(j) = m.base_two         ? std::exp2(s - top)
                   : m.squares_no_exp ? s * s
                   : m.tempered_again ? std::exp((s - top) / temperature)
                   : m.uniform        ? 1
                   : m.one_hot        ? (s == largest ? 1.0 : 0.0)
                                      : std::exp(s - top);
    total += t.weights(j);
  }
  for (double& w : t.weights)
    if (!m.not_divided) w /= total;
  const bool fits = keys.shape(1) == d_value, square = n == d_value;
  const Matrix& fetched = m.key_as_value && fits ? keys : values;
  std::size_t best = 0;
  for (std::size_t j = 1; j < n; ++j) {
    const double s = t.scores(j), b = t.scores(best);
    const bool better = m.argmin            ? s < b
                        : m.last_of_several ? s >= b
                        : m.by_size         ? std::abs(s) > std::abs(b)
                                            : s > b;
    if (better) best = j;
  }
  if (m.best_from_zero) {  // compared with a record of zero, so nothing below it is ever better
    double record = 0;
    best = 0;
    for (std::size_t j = 0; j < n; ++j)
      if (t.scores(j) > record) {
        record = t.scores(j);
        best = j;
      }
  }
  if (m.first_entry) best = 0;
  for (std::size_t c = 0; c < d_value; ++c) {
    for (std::size_t j = 0; j + (m.last_lost ? 1 : 0) < n; ++j) {
      const double weight = m.mean           ? 1 / static_cast<double>(n)
                            : m.best_only    ? (j == best ? 1.0 : 0.0)
                            : m.unnormalised ? t.weights(j) * total
                                             : t.weights(j);
      t.found(c) += weight * (m.transposed_values && square ? fetched(c, j) : fetched(j, c));
    }
    t.nearest(c) = m.found_again           ? t.found(c)
                   : m.key_of_best && fits ? keys(best, c)
                                           : values(best, c);
  }
  return t;
}

template <auto Member>
LookupTrace with(const Vector& query, const Matrix& keys, const Matrix& values,
                 double temperature) {
  Mistakes mistakes;
  mistakes.*Member = true;
  return made(query, keys, values, temperature, mistakes);
}

LookupTrace in_place(const Vector& query, const Matrix& keys, const Matrix& values,
                     double temperature) {
  const LookupTrace trace = made(query, keys, values, temperature, {});
  for (double& q : const_cast<Vector&>(query)) q /= temperature;
  return trace;
}

// The answer of the first call is given again whenever the shape is the same.
LookupTrace answer_kept(const Vector& query, const Matrix& keys, const Matrix& values,
                        double temperature) {
  static std::vector<LookupTrace> kept;
  for (const LookupTrace& old : kept)
    if (old.scores.shape(0) == keys.shape(0) && old.found.shape(0) == values.shape(1)) return old;
  kept.push_back(made(query, keys, values, temperature, {}));
  return kept.back();
}

LookupTrace sample(const Vector& query, const Matrix& keys, const Matrix& values, double) {
  LookupTrace trace = made(query, keys, values, 0.5, {});
  trace.found = Vector(trace.found.shape(), 11.1920292);
  return trace;
}

LookupTrace no_temperature_and_argmin(const Vector& query, const Matrix& keys, const Matrix& values,
                                      double temperature) {
  Mistakes mistakes;
  mistakes.ignored = mistakes.argmin = true;
  return made(query, keys, values, temperature, mistakes);
}

LookupTrace base_two_and_mean(const Vector& query, const Matrix& keys, const Matrix& values,
                              double temperature) {
  Mistakes mistakes;
  mistakes.base_two = mistakes.mean = true;
  return made(query, keys, values, temperature, mistakes);
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::soft_lookup)>> mutants_04_2;
const std::vector<Mutant<decltype(exercise::soft_lookup)>> mutants_04_2 = {
    {"temperature-multiplied", "scores", "multiplied by the temperature instead of divided",
     with<&Mistakes::multiplied>},
    {"temperature-ignored", "scores", "the temperature is not used", with<&Mistakes::ignored>},
    {"temperature-root", "scores", "divided by the root of the temperature",
     with<&Mistakes::rooted>},
    {"scaled-too", "scores",
     "divided by sqrt(d_key) as well: the temperature is all the scaling there is",
     with<&Mistakes::scaled_too>},
    {"cosine", "scores", "the keys were brought to length one: the score is a dot product",
     with<&Mistakes::cosine>},
    {"distance", "scores", "minus the squared distance instead of the dot product",
     with<&Mistakes::distance>},
    {"short-dot", "scores", "the dot product stops one feature early", with<&Mistakes::short_dot>},
    {"negative", "scores", "the sign is turned: the best key has the largest score",
     with<&Mistakes::negative>},
    {"overflow", "weights", "exp over- or underflows: take the largest score off first",
     with<&Mistakes::overflow>},
    {"maximum-from-zero", "weights",
     "the maximum starts at 0: with all scores far below, everything becomes 0 / 0",
     with<&Mistakes::from_zero>},
    {"not-divided", "weights", "the division by the sum is missing", with<&Mistakes::not_divided>},
    {"base-two", "weights", "2 to the power of the score instead of e", with<&Mistakes::base_two>},
    {"squares", "weights", "squares instead of exponentials", with<&Mistakes::squares_no_exp>},
    {"temperature-again", "weights", "the softmax divides by the temperature a second time",
     with<&Mistakes::tempered_again>},
    {"uniform", "weights", "all weights are 1/n: the scores are not used",
     with<&Mistakes::uniform>},
    {"one-hot", "weights", "the best key gets all: that is the hard lookup",
     with<&Mistakes::one_hot>},
    {"opposite", "weights", "softmax of minus the scores: the worst key gets most",
     with<&Mistakes::opposite>},
    {"key-as-value", "found", "the keys are mixed instead of the values",
     with<&Mistakes::key_as_value>},
    {"mean", "found", "the mean of all values: the weights are not used", with<&Mistakes::mean>},
    {"last-lost", "found", "the last entry is not added: a loop ends one too early",
     with<&Mistakes::last_lost>},
    {"values-transposed", "found", "rows and columns of values are exchanged",
     with<&Mistakes::transposed_values>},
    {"best-only", "found", "the best value alone: found is the mixture",
     with<&Mistakes::best_only>},
    {"unnormalised", "found", "mixed with the exponentials, before they were divided by their sum",
     with<&Mistakes::unnormalised>},
    {"argmin", "nearest", "the smallest score was taken instead of the largest",
     with<&Mistakes::argmin>},
    {"last-of-several", "nearest",
     "of several equally good keys the last was taken: > not >=", with<&Mistakes::last_of_several>},
    {"by-size", "nearest", "the score farthest from zero was taken: -5 is less than 2",
     with<&Mistakes::by_size>},
    {"found-again", "nearest", "the mixture once more: nearest is one entry",
     with<&Mistakes::found_again>},
    {"first-entry", "nearest", "always the first entry", with<&Mistakes::first_entry>},
    {"best-from-zero", "nearest",
     "the search begins with a record of 0: when all scores are below, nobody beats it",
     with<&Mistakes::best_from_zero>},
    {"key-of-best", "nearest", "the best key itself instead of its value",
     with<&Mistakes::key_of_best>},
    {"in-place", "", "the query that was handed in is changed", in_place},
    {"answer-kept", "scores", "", answer_kept},
    {"sample", "scores", "", sample},
    {"ignored-and-argmin", "scores", "", no_temperature_and_argmin},
    {"base-two-and-mean", "weights", "", base_two_and_mean},
};

}  // namespace headlight::course
