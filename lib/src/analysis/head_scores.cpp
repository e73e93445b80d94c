#include <algorithm>
#include <cmath>
#include <headlight/analysis/entropy.hpp>
#include <headlight/analysis/head_scores.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <limits>
#include <set>
#include <stdexcept>

namespace headlight {
namespace {

Matrix zeros(std::size_t rows, std::size_t columns) {
  Matrix m = Matrix::from_shape({rows, columns});
  std::fill(m.begin(), m.end(), 0.0);
  return m;
}

// Is (query i, key j) a cell of the role?
bool is_of_role(HeadRole role, std::span<const std::size_t> ids, std::size_t i, std::size_t j) {
  switch (role) {
    case HeadRole::previous:
      return j + 1 == i;
    case HeadRole::duplicate:
      return j < i && ids[j] == ids[i];
    case HeadRole::induction:
      return j >= 1 && j <= i && ids[j - 1] == ids[i];
  }
  return false;
}

// Is it one by Olsson's printed wording, "preceded"? (An erratum made it the follower.)
bool precedes_a_copy(std::span<const std::size_t> ids, std::size_t i, std::size_t j) {
  return j + 1 < i && ids[j + 1] == ids[i];
}

std::size_t stripe(HeadRole role, std::size_t period) {
  if (role == HeadRole::previous) return 1;
  return role == HeadRole::duplicate || period == 0 ? period : period - 1;
}

std::string way_of(const ScoreDefinition& definition) {
  return definition.id.substr(definition.id.find('.') + 1);
}

}  // namespace

const std::vector<ScoreDefinition>& score_definitions() {
  static const std::vector<ScoreDefinition> all{
      {"previous.stripe", HeadRole::previous, "mean over i >= 1 of A[i, i-1]", "offset 1",
       "ARENA, TransformerLens notebooks"},
      {"previous.tl-mul", HeadRole::previous, "sum of A D / sum of A, D[i, i-1] = 1", "offset 1",
       "TransformerLens detect_head, mul"},
      {"previous.tl-abs", HeadRole::previous, "1 - round(n mean|A - D|, 3)", "offset 1",
       "TransformerLens detect_head, abs"},
      {"duplicate.mass", HeadRole::duplicate,
       "sum of A over earlier copies, mean over rows with one", "all earlier equal tokens",
       "Headlight"},
      {"duplicate.stripe", HeadRole::duplicate, "mean over i >= L of A[i, i-L]", "offset L",
       "ARENA, TransformerLens notebooks"},
      {"duplicate.tl-mul", HeadRole::duplicate, "sum of A D / sum of A", "all earlier equal tokens",
       "TransformerLens detect_head, mul"},
      {"duplicate.tl-abs", HeadRole::duplicate, "1 - round(n mean|A - D|, 3)",
       "all earlier equal tokens", "TransformerLens detect_head, abs"},
      {"induction.mass", HeadRole::induction, "sum of A over followers, mean over rows with one",
       "followers of all earlier copies", "Olsson et al. 2022, summed per query row"},
      {"induction.olsson", HeadRole::induction, "mean of A over all follower cells",
       "followers of all earlier copies", "Olsson et al. 2022, mean over entries"},
      {"induction.by-distance", HeadRole::induction, "mean of A[i, i-mL+1], i >= mL, n >= mL+L",
       "offsets L-1, 2L-1, ...", "the same by distance: whole diagonals"},
      {"induction.as-printed", HeadRole::induction, "mean of A over cells before a copy",
       "tokens before all earlier copies", "Olsson et al. 2022 as printed, before the erratum"},
      {"induction.stripe", HeadRole::induction, "mean over i >= L-1 of A[i, i-L+1]", "offset L-1",
       "ARENA, TransformerLens notebooks"},
      {"induction.tl-mul", HeadRole::induction, "sum of A D / sum of A",
       "followers of all earlier copies", "TransformerLens detect_head, mul"},
      {"induction.tl-abs", HeadRole::induction, "1 - round(n mean|A - D|, 3)",
       "followers of all earlier copies", "TransformerLens detect_head, abs"}};
  return all;
}

double head_score(const ScoreDefinition& definition, const Matrix& A,
                  std::span<const std::size_t> ids, std::size_t period, LeftOut left_out) {
  const std::size_t n = ids.size();
  require_shape(A.shape(0) == n && A.shape(1) == n, "head_score",
                "a pattern " + shape_string(A) + " for " + std::to_string(n) + " tokens");
  const std::string way = way_of(definition);
  const double none = std::numeric_limits<double>::quiet_NaN();
  const double count = static_cast<double>(n);
  if (way == "stripe") {
    const std::size_t offset = stripe(definition.role, period);
    if (period == 0 || offset >= n) return none;
    double sum = 0;
    for (std::size_t i = offset; i < n; ++i) sum += A(i, i - offset);
    return sum / static_cast<double>(n - offset);
  }
  if (way == "by-distance") {
    double sum = 0, cells = 0;
    for (std::size_t back = period; period > 0 && back + period <= n; back += period)
      for (std::size_t i = back; i < n; ++i) sum += A(i, i - back + 1), cells += 1;
    return cells > 0 ? sum / cells : none;
  }
  const bool printed = way == "as-printed", is_tl = way == "tl-mul" || way == "tl-abs";
  double on_cells = 0, all = 0, differences = 0, rows = 0, cells = 0;
  for (std::size_t i = 0; i < n; ++i) {
    bool row_counts = false;
    for (std::size_t j = 0; j < n; ++j) {
      const bool of_role =
          printed ? precedes_a_copy(ids, i, j) : is_of_role(definition.role, ids, i, j);
      const bool is_out = is_tl && ((left_out.first_key && j == 0) || (left_out.own_key && j == i));
      const double weight = is_out ? 0 : A(i, j);
      all += weight;
      differences += std::abs(weight - (of_role ? 1 : 0));
      if (!of_role) continue;
      on_cells += weight;
      cells += 1;
      row_counts = true;
    }
    rows += row_counts;
  }
  if (way == "tl-mul") return all > 0 ? on_cells / all : none;
  if (way == "tl-abs") return 1 - std::round(1000 * differences / count) / 1000;
  if (way == "mass") return rows > 0 ? on_cells / rows : none;
  if (way == "olsson" || printed) return cells > 0 ? on_cells / cells : none;
  throw std::invalid_argument("head_score: no definition is called " + definition.id);
}

Matrix perfect_pattern(HeadRole role, std::span<const std::size_t> ids, std::size_t offset) {
  Matrix A = zeros(ids.size(), ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::size_t best = 0;
    for (std::size_t j = 0; j <= i; ++j)
      if (is_of_role(role, ids, i, j)) best = j;
    if (offset > 0 && offset <= i && is_of_role(role, ids, i, i - offset)) best = i - offset;
    A(i, best) = 1;
  }
  return A;
}

Matrix uniform_pattern(std::size_t n) {
  Matrix A = zeros(n, n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) A(i, j) = 1 / static_cast<double>(i + 1);
  return A;
}

template <class T>
ScoreCard score_heads(const ModelWeightsOf<T>& weights,
                      std::span<const std::vector<std::size_t>> sequences, std::size_t period,
                      LeftOut left_out) {
  if (sequences.empty()) throw std::domain_error("score_heads: wanted at least one sequence");
  const std::vector<ScoreDefinition>& definitions = score_definitions();
  std::size_t heads = 0;
  for (const auto& block : weights.blocks) heads = std::max(heads, block.attention.n_heads);
  const Matrix none = zeros(weights.blocks.size(), heads);
  ScoreCard card{std::vector<Matrix>(definitions.size(), none),
                 std::vector<double>(definitions.size(), 0.0),
                 std::vector<double>(definitions.size(), 0.0),
                 none,
                 none,
                 none};
  const double share = 1 / static_cast<double>(sequences.size());
  ModelTraceOf<T> trace;
  for (const std::vector<std::size_t>& ids : sequences) {
    const std::size_t n = ids.size();
    run_model<T>(ids, weights, {Record::essential, 1, {}}, trace);
    for (std::size_t s = 0; s < definitions.size(); ++s) {
      const HeadRole role = definitions[s].role;
      const std::size_t offset = way_of(definitions[s]) == "stripe" ? stripe(role, period) : 0;
      card.ceiling[s] += share * head_score(definitions[s], perfect_pattern(role, ids, offset), ids,
                                            period, left_out);
      card.baseline[s] +=
          share * head_score(definitions[s], uniform_pattern(n), ids, period, left_out);
    }
    for (std::size_t l = 0; l < weights.blocks.size(); ++l) {
      const Tensor3Of<T>& patterns = trace.blocks[l].attention.pattern;
      const std::size_t nulls = patterns.shape(2) - n;
      for (std::size_t h = 0; h < patterns.shape(0); ++h) {
        Matrix A = Matrix::from_shape({n, n});
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j < n; ++j)
            A(i, j) = static_cast<double>(patterns(h, i, j + nulls));
        for (std::size_t s = 0; s < definitions.size(); ++s)
          card.score[s](l, h) += share * head_score(definitions[s], A, ids, period, left_out);
        double first = 0, current = 0;
        for (std::size_t i = 1; i < n; ++i) first += A(i, 0), current += A(i, i);
        card.first(l, h) += share * first / static_cast<double>(n - 1);
        card.current(l, h) += share * current / static_cast<double>(n - 1);
        card.entropy(l, h) += share * mean_entropy(A);
      }
    }
  }
  return card;
}

std::vector<std::size_t> repeated_tokens(const std::vector<std::size_t>& first_ids,
                                         std::size_t smallest, std::size_t largest,
                                         std::size_t period, std::size_t copies,
                                         std::uint64_t seed) {
  if (smallest > largest)
    throw std::domain_error("repeated_tokens: wanted ids from a to b with a <= b, got " +
                            std::to_string(smallest) + " to " + std::to_string(largest));
  Random random(seed);
  std::vector<std::size_t> segment(period), ids = first_ids;
  for (std::size_t& id : segment) id = smallest + random.below(largest - smallest + 1);
  for (std::size_t c = 0; c < copies; ++c) ids.insert(ids.end(), segment.begin(), segment.end());
  return ids;
}

std::vector<std::size_t> distinct_tokens(std::size_t smallest, std::size_t largest,
                                         std::size_t count, std::uint64_t seed) {
  if (largest + 1 < smallest + count)
    throw std::domain_error("distinct_tokens: wanted " + std::to_string(count) +
                            " different ids from " + std::to_string(smallest) + " to " +
                            std::to_string(largest));
  Random random(seed);
  std::set<std::size_t> drawn;
  std::vector<std::size_t> ids;
  while (ids.size() < count)
    if (const std::size_t id = smallest + random.below(largest - smallest + 1);
        drawn.insert(id).second)
      ids.push_back(id);
  return ids;
}

template <class T>
Matrix copying_scores(const ModelWeightsOf<T>& w,
                      std::span<const std::vector<std::size_t>> samples) {
  if (samples.empty()) throw std::domain_error("copying_scores: wanted at least one sample");
  const MatrixOf<T>& W_U = w.W_U.size() > 0 ? w.W_U : w.W_E;
  const std::size_t vocabulary = W_U.shape(0), d = W_U.shape(1);
  std::vector<double> mean_row(d, 0.0);  // of the unembedding: gives the mean logit
  for (std::size_t t = 0; t < vocabulary; ++t)
    for (std::size_t c = 0; c < d; ++c)
      mean_row[c] += static_cast<double>(W_U(t, c)) / static_cast<double>(vocabulary);
  std::size_t heads = 0;
  for (const auto& block : w.blocks) heads = std::max(heads, block.attention.n_heads);
  Matrix own = zeros(w.blocks.size(), heads), all = own;
  ModelTraceOf<T> trace;
  for (const std::vector<std::size_t>& ids : samples) {
    run_model<T>(ids, w, {Record::essential, 1, {}}, trace);
    const std::size_t n = ids.size();
    MatrixOf<T> above_mean = MatrixOf<T>::from_shape({n, d});  // rows of the unembedding
    for (std::size_t k = 0; k < n; ++k)
      for (std::size_t c = 0; c < d; ++c)
        above_mean(k, c) = W_U(ids[k], c) - static_cast<T>(mean_row[c]);
    MatrixOf<T> result = above_mean, logits = MatrixOf<T>::from_shape({n, n});
    for (std::size_t l = 0; l < w.blocks.size(); ++l) {
      const MultiHeadWeightsOf<T>& a = w.blocks[l].attention;
      const Tensor3Of<T>& value = trace.blocks[l].attention.value;
      const std::size_t nulls = value.shape(1) - n, d_value = value.shape(2);
      for (std::size_t h = 0; h < a.n_heads; ++h) {
        multiply<T>(T(1), rows(head_view(value, h), nulls, n),
                    rows(view(a.W_O), h * d_value, d_value), T(0), view(result));
        multiply<T>(T(1), view(std::as_const(result)), transposed(view(std::as_const(above_mean))),
                    T(0), view(logits));
        for (std::size_t j = 0; j < n; ++j)
          for (std::size_t k = 0; k < n; ++k) {
            const double raise = std::max(0.0, static_cast<double>(logits(j, k)));
            all(l, h) += raise;
            if (k == j) own(l, h) += raise;
          }
      }
    }
  }
  for (std::size_t c = 0; c < own.size(); ++c) own.data()[c] /= all.data()[c];
  return own;
}

ContextSpan context_span(std::size_t n) {
  require_shape(n >= 3, "context_span", "wanted at least three tokens, got " + std::to_string(n));
  const std::size_t late = std::min(n - 2, n * 500 / 512);
  return {std::min(n * 50 / 512, late - 1), late};
}

template <class T>
double in_context_score(const ModelWeightsOf<T>& weights,
                        std::span<const std::vector<std::size_t>> sequences) {
  if (sequences.empty()) throw std::domain_error("in_context_score: wanted at least one sequence");
  double sum = 0;
  ModelTraceOf<T> trace;
  for (const std::vector<std::size_t>& ids : sequences) {
    const ContextSpan at = context_span(ids.size());
    run_model<T>(ids, weights, {Record::essential, 1, {}}, trace);
    const auto loss = [&](std::size_t i) {
      return -std::log(std::max(1e-30, static_cast<double>(trace.probabilities(i, ids[i + 1]))));
    };
    sum += loss(at.late) - loss(at.early);
  }
  return sum / static_cast<double>(sequences.size());
}

template <class T>
double copying_share(const ModelWeightsOf<T>& w, std::size_t layer, std::size_t head,
                     std::size_t tokens) {
  const MultiHeadWeightsOf<T>& a = w.blocks.at(layer).attention;
  const std::size_t vocabulary = w.W_E.shape(0), d = w.W_E.shape(1);
  const std::size_t count = std::min(tokens, vocabulary), d_value = a.W_V.shape(1) / a.n_heads;
  MatrixOf<T> rows_in = MatrixOf<T>::from_shape({count, d}), rows_out = rows_in;
  const MatrixOf<T>& W_U = w.W_U.size() > 0 ? w.W_U : w.W_E;
  for (std::size_t t = 0; t < count; ++t) {
    const std::size_t id = t * vocabulary / count;
    std::copy_n(w.W_E.data() + id * d, d, rows_in.data() + t * d);
    std::copy_n(W_U.data() + id * d, d, rows_out.data() + t * d);
  }
  MatrixOf<T> value = MatrixOf<T>::from_shape({count, d_value});
  multiply<T>(T(1), view(std::as_const(rows_in)), columns(view(a.W_V), head * d_value, d_value),
              T(0), view(value));
  MatrixOf<T> result = MatrixOf<T>::from_shape({count, d});
  multiply<T>(T(1), view(std::as_const(value)), rows(view(a.W_O), head * d_value, d_value), T(0),
              view(result));
  MatrixOf<T> logits = MatrixOf<T>::from_shape({count, count});
  multiply<T>(T(1), view(std::as_const(result)), transposed(view(std::as_const(rows_out))), T(0),
              view(logits));
  std::size_t copied = 0;
  for (std::size_t t = 0; t < count; ++t) {
    const T* row = logits.data() + t * count;
    copied += static_cast<std::size_t>(std::max_element(row, row + count) - row) == t;
  }
  return static_cast<double>(copied) / static_cast<double>(count);
}

#define HEADLIGHT_SCORES(T)                                                                        \
  template ScoreCard score_heads(const ModelWeightsOf<T>&,                                         \
                                 std::span<const std::vector<std::size_t>>, std::size_t, LeftOut); \
  template Matrix copying_scores(const ModelWeightsOf<T>&,                                         \
                                 std::span<const std::vector<std::size_t>>);                       \
  template double in_context_score(const ModelWeightsOf<T>&,                                       \
                                   std::span<const std::vector<std::size_t>>);                     \
  template double copying_share(const ModelWeightsOf<T>&, std::size_t, std::size_t, std::size_t)
HEADLIGHT_SCORES(double);
HEADLIGHT_SCORES(float);
#undef HEADLIGHT_SCORES

}  // namespace headlight
