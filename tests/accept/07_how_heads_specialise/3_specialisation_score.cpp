// Right but unusual solutions of 07.3: each has to get all points.
#include "07_how_heads_specialise/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::SpecialisationTrace;

Matrix below_diagonal(const Matrix& a) {
  return Matrix(xt::tril(a, -1));
}

// Matrices: the diagonal hidden, rows divided by what is left, multiplied with the relation.
SpecialisationTrace by_matrices(const std::vector<Matrix>& pattern, const Matrix& related) {
  const std::size_t n = related.shape(0), n_heads = pattern.size();
  SpecialisationTrace t;
  t.share = Matrix(Matrix::shape_type{n_heads, n}, 0.0);
  t.mass = t.score = Vector(Vector::shape_type{n_heads}, 0.0);
  const Matrix earlier = below_diagonal(Matrix(related.shape(), 1.0));
  const Matrix counts = row_sum(below_diagonal(related)), seen = row_sum(earlier);  // [n, 1]
  const Matrix counted = xt::where(counts > 0.0, 1.0, 0.0);
  const double queries = std::max(1.0, xt::sum(counted)());
  t.chance = xt::sum(counts / xt::maximum(seen, 1.0))() / queries;
  for (std::size_t h = 0; h < n_heads; ++h) {
    const Matrix others = below_diagonal(pattern[h]);
    const Matrix left = row_sum(others);
    const Matrix safe = xt::where(left > 0.0, left, 1.0);
    const Matrix normal = others / safe;
    const Matrix on_related = row_sum(Matrix(normal * related));
    for (std::size_t i = 0; i < n; ++i) t.share(h, i) = on_related(i, 0);
    t.mass(h) = xt::sum(on_related * counted)() / queries;
    t.score(h) = 1 - t.chance > 1e-9 ? 1 - (1 - t.mass(h)) / (1 - t.chance) : 0;
  }
  return t;
}

// In float, queries from the last to the first, head by head, chance by weights of 1 / queries.
SpecialisationTrace in_float(const std::vector<Matrix>& pattern, const Matrix& related) {
  const std::size_t n = related.shape(0), n_heads = pattern.size();
  SpecialisationTrace t;
  t.share = Matrix(Matrix::shape_type{n_heads, n}, 0.0);
  t.mass = t.score = Vector(Vector::shape_type{n_heads}, 0.0);
  std::vector<std::size_t> queries;
  float chance = 0;
  for (std::size_t i = n; i-- > 0;) {
    std::size_t found = 0;
    for (std::size_t j = 0; j < i; ++j) found += related(i, j) > 0.5;
    if (found == 0) continue;
    queries.push_back(i);
    chance += static_cast<float>(found) / static_cast<float>(i);
  }
  if (!queries.empty()) chance /= static_cast<float>(queries.size());
  t.chance = static_cast<double>(chance);
  for (std::size_t h = 0; h < n_heads; ++h) {
    float mass = 0;
    for (const std::size_t i : queries) {
      float on_related = 0, on_others = 0;
      for (std::size_t j = i; j-- > 0;)
        (related(i, j) > 0.5 ? on_related : on_others) += static_cast<float>(pattern[h](i, j));
      const float share = on_related + on_others > 0 ? on_related / (on_related + on_others) : 0.0F;
      t.share(h, i) = static_cast<double>(share);
      mass += share;
    }
    if (!queries.empty()) mass /= static_cast<float>(queries.size());
    t.mass(h) = static_cast<double>(mass);
    if (1 - chance > 1e-5F) t.score(h) = static_cast<double>((mass - chance) / (1 - chance));
  }
  return t;
}

// One minus what goes to unrelated tokens.
SpecialisationTrace by_the_rest(const std::vector<Matrix>& pattern, const Matrix& related) {
  const std::size_t n = related.shape(0), n_heads = pattern.size();
  SpecialisationTrace t;
  t.share = Matrix(Matrix::shape_type{n_heads, n}, 0.0);
  t.mass = t.score = Vector(Vector::shape_type{n_heads}, 0.0);
  t.chance = 0;
  std::size_t queries = 0;
  for (std::size_t i = 1; i < n; ++i) {
    double others = 0;
    for (std::size_t j = 0; j < i; ++j) others += related(i, j) == 0;
    const bool counts = others < static_cast<double>(i);
    if (counts) ++queries, t.chance += 1 - others / static_cast<double>(i);
    for (std::size_t h = 0; h < n_heads; ++h) {
      const double left = 1 - pattern[h](i, i);  // rows sum to one
      double rest = 0;
      for (std::size_t j = 0; j < i; ++j) rest += related(i, j) == 0 ? pattern[h](i, j) : 0;
      if (left > 1e-12) t.share(h, i) = std::max(0.0, 1 - rest / left);
      if (counts) t.mass(h) += t.share(h, i);
    }
  }
  if (queries == 0) return t;
  t.chance /= static_cast<double>(queries);
  for (std::size_t h = 0; h < n_heads; ++h) {
    t.mass(h) /= static_cast<double>(queries);
    if (t.chance != 1) t.score(h) = (t.mass(h) - t.chance) / (1 - t.chance);
  }
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::specialisation_score)>> accepted_07_3;
const std::vector<Mutant<decltype(exercise::specialisation_score)>> accepted_07_3 = {
    {"matrices", "", "whole matrices: hide, divide, multiply, sum", by_matrices},
    {"float", "", "in float, from the last query", in_float},
    {"rest", "", "one minus what goes to unrelated tokens", by_the_rest},
};

}  // namespace headlight::course
