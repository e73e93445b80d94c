// Wrong predictions of 18.2: each has to be refused, at its stage, by its name. Each is a rule that
// somebody may have in mind, applied to all six rows.
#include "18_attention_and_training/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::Entropies;
using exercise::Entropy;
using Scores = std::vector<double>;
constexpr double hidden = -std::numeric_limits<double>::infinity();

// The pattern of a row, by the book.
Scores pattern(const Scores& scores, double factor) {
  Scores p = scores;
  double largest = hidden, total = 0;
  for (double& s : p) {
    if (s != hidden) s *= factor;
    largest = std::max(largest, s);
  }
  for (double& s : p) total += s = std::exp(s - largest);
  for (double& s : p) s /= total;
  return p;
}

double entropy(const Scores& p) {
  double sum = 0;
  for (const double x : p)
    if (x > 0) sum -= x * std::log(x);
  return sum;
}

double right(const Scores& scores, double factor) {
  return entropy(pattern(scores, factor));
}

// A rule for all rows and factors. Its numbers may not be numbers: 0 times infinity.
template <double (*rule)(const Scores&, double)>
Entropies all() {
  const double far = 4 * std::log(3);
  const auto of = [](const Scores& scores) {
    return Entropy{rule(scores, 0), rule(scores, 0.25), rule(scores, 1), rule(scores, 1000)};
  };
  return {of({0, far}),
          of({0, 0, 0, far}),
          of({far, 0, far}),
          of({0, hidden, far}),
          of({100, 100, 100, 100 + far}),
          of({7, 7, 7, 7, 7})};
}

double seen(const Scores& scores) {
  double count = 0;
  for (const double s : scores) count += s != hidden;
  return count;
}

double in_bits(const Scores& s, double factor) {
  return right(s, factor) / std::log(2);
}
double keys(const Scores& s, double factor) {
  return std::exp(right(s, factor));
}
double share(const Scores& s, double factor) {
  return right(s, factor) / std::log(seen(s));
}
double no_minus(const Scores& s, double factor) {
  return -right(s, factor);
}
double of_largest(const Scores& s, double factor) {
  const Scores p = pattern(s, factor);
  return -std::log(*std::max_element(p.begin(), p.end()));
}
double collision(const Scores& s, double factor) {
  double squares = 0;
  for (const double x : pattern(s, factor)) squares += x * x;
  return -std::log(squares);
}
double gini(const Scores& s, double factor) {
  double squares = 0;
  for (const double x : pattern(s, factor)) squares += x * x;
  return 1 - squares;
}
double nothing_at_zero(const Scores& s, double factor) {
  return factor == 0 ? 0 : right(s, factor);
}
double temperature(const Scores& s, double factor) {
  return right(s, factor == 0 ? 1e6 : 1 / factor);
}
double no_effect(const Scores& s, double) {
  return right(s, 1);
}
double entropy_scaled(const Scores& s, double factor) {
  return factor * right(s, 1);
}
double by_d_head(const Scores& s, double factor) {
  return right(s, factor == 0.25 ? 1.0 / 16 : factor);
}
double not_divided(const Scores& s, double factor) {
  return right(s, factor == 0.25 ? 1 : factor);
}
double swapped(const Scores& s, double factor) {
  return right(s, factor == 0.25 ? 1 : factor == 1 ? 0.25 : factor);
}
double one_winner(const Scores& s, double factor) {
  return factor == 1000 ? 0 : right(s, factor);
}
double never_sharp(const Scores& s, double factor) {
  return right(s, factor == 1000 ? 1 : factor);
}
double hidden_counted(const Scores& s, double factor) {
  return factor == 0 ? std::log(static_cast<double>(s.size())) : right(s, factor);
}
double hidden_is_zero(const Scores& s, double factor) {
  Scores open = s;
  for (double& x : open) x = x == hidden ? 0 : x;
  return right(open, factor);
}
double size_counts(const Scores& s, double factor) {
  const bool large = *std::max_element(s.begin(), s.end()) > 5;
  return large && factor > 0 ? 0 : right(s, factor);
}
double divided_scores(const Scores& s, double factor) {
  if (factor == 0) return std::log(seen(s));
  Scores p = s;
  double total = 0;
  for (double& x : p) total += x = x == hidden ? 0 : x * factor;
  for (double& x : p) x /= total;
  return entropy(p);
}
double without_small(const Scores& s, double factor) {
  const Scores p = pattern(s, factor);
  double sum = 0;
  for (const double x : p)
    if (x > 0.02) sum -= x * std::log(x);
  return sum;
}

Entropies nothing() {
  return {};
}
Entropies zeros() {
  const Entropy none{0, 0, 0, 0};
  return {none, none, none, none, none, none};
}
Entropies two_decimals_off() {
  Entropies out = all<right>();
  out.tie.at_one += 0.01;
  return out;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::entropy_vs_scale)>> mutants_18_2;
const std::vector<Mutant<decltype(exercise::entropy_vs_scale)>> mutants_18_2 = {
    {"bits", "at_zero", "in bits: nats are asked for, with the natural logarithm", all<in_bits>},
    {"keys", "at_zero", "that is e^entropy, the number of keys in use", all<keys>},
    {"share", "at_zero", "the share of the largest entropy there can be, not the entropy",
     all<share>},
    {"no-minus", "at_zero", "the minus is missing: an entropy is never below zero", all<no_minus>},
    {"gini", "at_zero", "one minus the sum of squares is another measure", all<gini>},
    {"nothing-at-zero", "at_zero",
     "factor 0 makes all scores alike: the entropy is the largest there can be, not zero",
     all<nothing_at_zero>},
    {"temperature", "at_zero", "the scores are divided by the factor: it multiplies them",
     all<temperature>},
    {"no-effect", "at_zero", "the factor does nothing: only shifting a row does nothing",
     all<no_effect>},
    {"entropy-scaled", "at_zero", "the entropy is multiplied by the factor, not the scores",
     all<entropy_scaled>},
    {"hidden-counted", "at_zero",
     "a hidden key stays hidden at factor 0: 0 times -infinity is not 0", all<hidden_counted>},
    {"hidden-is-zero", "at_zero", "a hidden key has no score at all, not the score 0",
     all<hidden_is_zero>},
    {"of-largest", "at_quarter", "minus ln of the largest weight: all weights count",
     all<of_largest>},
    {"collision", "at_quarter", "minus ln of the sum of squares is another measure",
     all<collision>},
    {"by-d-head", "at_quarter", "divided by d_head = 16 instead of its root", all<by_d_head>},
    {"not-divided", "at_quarter", "with 4 ln 3 where the division leaves ln 3", all<not_divided>},
    {"swapped", "at_quarter", "1/4 and 1 are swapped: smaller scores make a flatter pattern",
     all<swapped>},
    {"size-counts", "at_quarter", "large scores do not make a sharp pattern, large differences do",
     all<size_counts>},
    {"scores-over-sum", "at_quarter", "scores divided by their sum are no softmax",
     all<divided_scores>},
    {"without-small", "at_one", "small weights are left out: p ln p is not small where p is",
     all<without_small>},
    {"one-winner", "at_thousand", "keys that share first place share the weight, at any factor",
     all<one_winner>},
    {"never-sharp", "at_thousand", "a thousand times the differences leave the largest alone",
     all<never_sharp>},
    {"nothing", "at_zero", "nothing is filled in", nothing},
    {"zeros", "at_zero", "", zeros},
    {"two-decimals-off", "at_one", "", two_decimals_off},
};

}  // namespace headlight::course
