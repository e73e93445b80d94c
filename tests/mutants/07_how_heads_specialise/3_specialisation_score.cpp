// Wrong solutions of 07.3: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "07_how_heads_specialise/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::SpecialisationTrace;

struct Mistakes {
  bool diagonal_counted = false, not_normalised = false, transposed = false, hits = false,
       not_a_number = false, last_key_lost = false, not_others = false;
  bool all_queries = false, all_but_first = false, pooled = false, summed = false,
       best_query = false;
  bool self_in_chance = false, future_in_chance = false, pooled_chance = false,
       all_queries_chance = false, head_chance = false;
  bool no_chance = false, not_divided = false, ratio = false, cut_at_zero = false,
       nothing_to_choose = false, turned = false, all_earns_one = false;
};

SpecialisationTrace made(const std::vector<Matrix>& pattern, const Matrix& related,
                         const Mistakes& m) {
  const std::size_t n_heads = pattern.size(), n = related.shape(0);
  const auto is_related = [&](std::size_t i, std::size_t j) {
    return m.transposed ? related(j, i) : related(i, j);
  };
  SpecialisationTrace t{Matrix(Matrix::shape_type{n_heads, n}, 0.0),
                        Vector(Vector::shape_type{n_heads}, 0.0), 0,
                        Vector(Vector::shape_type{n_heads}, 0.0)};
  double queries = 0, all_found = 0, all_earlier = 0;
  for (std::size_t i = 0; i < n; ++i) {
    double found = 0;
    for (std::size_t j = 0; j < i; ++j) found += related(i, j);
    queries += found > 0;
    if (found == 0) continue;
    double seen = static_cast<double>(i);
    all_found += found, all_earlier += seen;
    if (m.self_in_chance) found += related(i, i), seen += 1;
    if (m.future_in_chance) {
      for (std::size_t j = i + 1; j < n; ++j) found += related(i, j);
      seen = static_cast<double>(n - 1);
    }
    t.chance += found / seen;
  }
  if (queries > 0) t.chance /= m.all_queries_chance ? static_cast<double>(n) : queries;
  if (m.pooled_chance && all_earlier > 0) t.chance = all_found / all_earlier;
  if (m.head_chance) t.chance = 1 / static_cast<double>(n);
  for (std::size_t h = 0; h < n_heads; ++h) {
    double mass = 0, above = 0, below = 0, best = 0;
    for (std::size_t i = 0; i < n; ++i) {
      double on_related = 0, on_earlier = 0, largest = -1, found = 0;
      const std::size_t end = m.diagonal_counted ? i + 1 : m.last_key_lost && i > 0 ? i - 1 : i;
      for (std::size_t j = 0; j < end; ++j) {
        const double weight = pattern[h](i, j);
        if (m.hits) {
          if (weight > largest) largest = weight, on_related = is_related(i, j);
        } else {
          on_related += (m.not_others ? 1 - is_related(i, j) : is_related(i, j)) * weight;
        }
        on_earlier += weight;
      }
      for (std::size_t j = 0; j < i; ++j) found += related(i, j);
      if (m.hits || m.not_normalised)
        t.share(h, i) = on_related;
      else if (on_earlier > 0 || m.not_a_number)
        t.share(h, i) = on_related / on_earlier;
      if (found == 0) continue;
      mass += t.share(h, i);
      best = std::max(best, t.share(h, i));
      above += on_related, below += on_earlier;
    }
    const double divisor = m.all_queries     ? static_cast<double>(n)
                           : m.all_but_first ? static_cast<double>(n) - 1
                           : m.summed        ? 1
                                             : queries;
    t.mass(h) = divisor > 0 ? mass / divisor : 0;
    if (m.pooled) t.mass(h) = below > 0 ? above / below : 0;
    if (m.best_query) t.mass(h) = best;
    const double gain = m.turned ? t.chance - t.mass(h) : t.mass(h) - t.chance;
    if (t.chance < 1 || m.nothing_to_choose) t.score(h) = gain / (1 - t.chance);
    if (t.chance >= 1 && m.all_earns_one) t.score(h) = 1;
    if (m.no_chance) t.score(h) = t.mass(h);
    if (m.not_divided) t.score(h) = gain;
    if (m.ratio) t.score(h) = t.chance > 0 ? t.mass(h) / t.chance : 0;
    if (m.cut_at_zero) t.score(h) = std::max(0.0, t.score(h));
  }
  return t;
}

template <auto... Members>
SpecialisationTrace with(const std::vector<Matrix>& pattern, const Matrix& related) {
  Mistakes mistakes;
  ((mistakes.*Members = true), ...);
  return made(pattern, related, mistakes);
}

SpecialisationTrace in_place(const std::vector<Matrix>& pattern, const Matrix& related) {
  const SpecialisationTrace t = made(pattern, related, {});
  for (std::size_t i = 0; i < related.shape(0); ++i)
    const_cast<std::vector<Matrix>&>(pattern)[0](i, i) = 0;
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::specialisation_score)>> mutants_07_3;
const std::vector<Mutant<decltype(exercise::specialisation_score)>> mutants_07_3 = {
    {"diagonal-counted", "share",
     "the diagonal is counted: what a token gives to itself is no sign of the relation",
     with<&Mistakes::diagonal_counted>},
    {"not-normalised", "share",
     "not normalised: divide by what the query gives to earlier tokens, not by the whole row",
     with<&Mistakes::not_normalised>},
    {"transposed", "share", "transposed: related(i, j) is about query i and key j",
     with<&Mistakes::transposed>},
    {"hits", "share", "only the largest weight is looked at: the share is of all attention",
     with<&Mistakes::hits>},
    {"nothing-left", "share", "a row that lies on the token itself is 0 / 0: its share is zero",
     with<&Mistakes::not_a_number>},
    {"last-key-lost", "share", "the previous token is left out: a loop ends one too early",
     with<&Mistakes::last_key_lost>},
    {"unrelated", "share", "the share of tokens that are not related", with<&Mistakes::not_others>},
    {"all-queries", "mass",
     "the mean runs over all queries: those that have nothing to find pull it down",
     with<&Mistakes::all_queries>},
    {"all-but-first", "mass",
     "the mean runs over all queries but the first: those with nothing to find do not count",
     with<&Mistakes::all_but_first>},
    {"pooled", "mass",
     "attention is pooled over queries and divided once: every query counts the same",
     with<&Mistakes::pooled>},
    {"summed", "mass", "the shares are summed: their mean is asked for", with<&Mistakes::summed>},
    {"best-query", "mass", "the best query counts alone: the mean is asked for",
     with<&Mistakes::best_query>},
    {"self-in-chance", "chance", "chance counts the token itself, which the share leaves out",
     with<&Mistakes::self_in_chance>},
    {"future-in-chance", "chance", "chance counts tokens that the query cannot see",
     with<&Mistakes::future_in_chance>},
    {"pooled-chance", "chance",
     "related pairs over all pairs: chance is a mean over queries, as the mass is",
     with<&Mistakes::pooled_chance>},
    {"all-queries-chance", "chance", "chance is averaged over all queries, the mass over some",
     with<&Mistakes::all_queries_chance>},
    {"one-in-n", "chance", "chance is not 1/n: it depends on how many earlier tokens are related",
     with<&Mistakes::head_chance>},
    {"no-chance", "score",
     "chance is not taken off: a frequent relation makes every head a specialist",
     with<&Mistakes::no_chance>},
    {"not-divided", "score", "mass minus chance has still to be divided by 1 - chance",
     with<&Mistakes::not_divided>},
    {"ratio", "score", "mass over chance has no upper end: a specialist has to score 1",
     with<&Mistakes::ratio>},
    {"cut-at-zero", "score", "scores below zero are cut off: a head can avoid a relation",
     with<&Mistakes::cut_at_zero>},
    {"nothing-to-choose", "score", "where everything is related 0 / 0: the score is zero",
     with<&Mistakes::nothing_to_choose>},
    {"all-earns-one", "score",
     "where everything is related there is nothing to choose: the score is zero, not one",
     with<&Mistakes::all_earns_one>},
    {"turned", "score", "chance minus mass: a specialist has to score 1, not -1",
     with<&Mistakes::turned>},
    {"in-place", "", "the patterns that were handed in are changed", in_place},
    {"diagonal-and-no-chance", "share", "",
     with<&Mistakes::diagonal_counted, &Mistakes::no_chance>},
};

}  // namespace headlight::course
