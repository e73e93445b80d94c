#include <cmath>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/layer/softmax.hpp>
#include <headlight/mechanism/sparse.hpp>
#include <set>

#include "mechanism/rows.hpp"

namespace headlight {
namespace {

using detail::add_scaled;
using detail::dot;

std::size_t block_rows(const BlockPattern& p) {
  return (p.n + p.block - 1) / p.block;
}

// The keys of query i, ascending.
template <class Visit>
void for_each_key(const BlockPattern& p, std::size_t i, const Visit& visit) {
  const std::size_t row = i / p.block;
  for (std::size_t c = p.first[row]; c < p.first[row + 1]; ++c) {
    const std::size_t begin = p.key_block[c] * p.block;
    std::size_t end = std::min(begin + p.block, p.n);
    if (p.causal) end = std::min(end, i + 1);
    for (std::size_t j = begin; j < end; ++j) visit(j);
  }
}

void check(const BlockPattern& p, std::size_t n) {
  const std::string function = "sparse_attention";
  require_shape(p.n == n, function,
                "the pattern is for " + std::to_string(p.n) + " tokens, got " + std::to_string(n));
  require_shape(p.block > 0, function, "wanted blocks of at least one token, got 0");
  const std::size_t n_blocks = block_rows(p);
  require_shape(p.first.size() == n_blocks + 1 && p.first.front() == 0 &&
                    p.first.back() == p.key_block.size(),
                function,
                "a pattern of " + std::to_string(n_blocks) + " block rows wants " +
                    std::to_string(n_blocks + 1) + " row starts from 0 to " +
                    std::to_string(p.key_block.size()));
  for (std::size_t r = 0; r < n_blocks; ++r) {
    require_shape(p.first[r] <= p.first[r + 1] && p.first[r + 1] <= p.key_block.size(), function,
                  "block row " + std::to_string(r) + " ends before it starts");
    for (std::size_t c = p.first[r]; c < p.first[r + 1]; ++c)
      require_shape(
          p.key_block[c] < n_blocks && (c == p.first[r] || p.key_block[c - 1] < p.key_block[c]),
          function,
          "block row " + std::to_string(r) + " names blocks out of order, twice or not below " +
              std::to_string(n_blocks));
  }
}

// Work for one row is proportional to what it sees: a row of n cells is never written out.
using Row = std::set<std::size_t>;

void see_range(Row& row, std::size_t begin, std::size_t end) {
  for (std::size_t b = begin; b < end; ++b) row.insert(row.end(), b);
}

// The window of a row, among those that it may see at all.
void see_window(Row& row, std::size_t own, std::size_t window, std::size_t allowed) {
  if (window == 0) return;
  see_range(row, own + 1 > window ? own + 1 - window : 0, std::min(own + window, allowed));
}

void close_row(BlockPattern& p, const Row& row) {
  p.key_block.insert(p.key_block.end(), row.begin(), row.end());
  p.first.push_back(p.key_block.size());
}

}  // namespace

std::size_t BlockPattern::pairs() const {
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) for_each_key(*this, i, [&](std::size_t) { ++count; });
  return count;
}

BlockPattern bigbird_pattern(std::size_t n, const BigBirdOptions& options) {
  require_shape(options.block > 0, "bigbird_pattern", "wanted blocks of at least one token, got 0");
  BlockPattern p{
      .n = n, .block = options.block, .causal = options.causal, .first = {0}, .key_block = {}};
  const std::size_t n_blocks = block_rows(p);
  Random random(options.seed);
  for (std::size_t own = 0; own < n_blocks; ++own) {
    const std::size_t allowed = options.causal ? own + 1 : n_blocks;
    Row row;
    see_range(row, 0, own < options.global ? allowed : std::min(options.global, allowed));
    see_window(row, own, options.window, allowed);
    if (options.random >= allowed - row.size()) {
      see_range(row, 0, allowed);
    } else {
      for (const std::size_t wanted = row.size() + options.random; row.size() < wanted;)
        row.insert(random.below(allowed));
    }
    close_row(p, row);
  }
  return p;
}

BlockPattern longformer_pattern(std::size_t n, std::size_t window,
                                const std::vector<std::size_t>& globals, bool causal) {
  const Row named(globals.begin(), globals.end());
  require_shape(named.empty() || *named.rbegin() < n, "longformer_pattern",
                "global token " + (named.empty() ? "" : std::to_string(*named.rbegin())) + " of " +
                    std::to_string(n));
  BlockPattern p{.n = n, .block = 1, .causal = causal, .first = {0}, .key_block = {}};
  for (std::size_t own = 0; own < n; ++own) {
    const std::size_t allowed = causal ? own + 1 : n;
    Row row;
    if (named.count(own)) {
      see_range(row, 0, allowed);
    } else {
      row.insert(named.begin(), named.lower_bound(allowed));
      see_window(row, own, window, allowed);
    }
    close_row(p, row);
  }
  return p;
}

Mask visible_cells(const BlockPattern& pattern) {
  Mask mask = Mask::from_shape({pattern.n, pattern.n});
  std::fill(mask.begin(), mask.end(), false);
  for (std::size_t i = 0; i < pattern.n; ++i)
    for_each_key(pattern, i, [&](std::size_t j) { mask(i, j) = true; });
  return mask;
}

template <class T>
SparseTraceOf<T> sparse_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                  const MatrixOf<T>& value, const BlockPattern& pattern,
                                  double scale) {
  const std::size_t n = query.shape(0), d = query.shape(1), d_value = value.shape(1);
  require_shape(key.shape() == query.shape() && value.shape(0) == n, "sparse_attention",
                "wanted as many keys and values as queries, got " + shape_string(query) + ", " +
                    shape_string(key) + ", " + shape_string(value));
  check(pattern, n);
  const T factor = static_cast<T>(scale != 0 ? scale : 1 / std::sqrt(static_cast<double>(d)));
  const std::size_t n_pairs = pattern.pairs();
  SparseTraceOf<T> t;
  t.first_pair.reserve(n + 1), t.key.reserve(n_pairs);
  t.masked_scores = VectorOf<T>::from_shape({n_pairs});
  t.pattern = VectorOf<T>::from_shape({n_pairs});
  t.output = MatrixOf<T>::from_shape({n, d_value});
  std::fill(t.output.begin(), t.output.end(), T(0));
  t.work.hold(n_pairs);
  std::vector<T> exponentials;
  t.first_pair.push_back(0);
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t begin = t.key.size();
    for_each_key(pattern, i, [&](std::size_t j) {
      t.masked_scores(t.key.size()) = factor * dot(query.data() + i * d, key.data() + j * d, d);
      t.key.push_back(j);
      t.work.multiply_adds += d;
    });
    const std::size_t count = t.key.size() - begin;
    t.first_pair.push_back(t.key.size());
    if (count == 0) continue;
    exponentials.resize(count);
    T max = 0, sum = 0;
    softmax_row<T>({t.masked_scores.data() + begin, count}, exponentials,
                   {t.pattern.data() + begin, count}, max, sum);
    t.work.exponentials += count;
    for (std::size_t c = begin; c < begin + count; ++c) {
      add_scaled(t.pattern(c), value.data() + t.key[c] * d_value, d_value,
                 t.output.data() + i * d_value);
      t.work.multiply_adds += d_value;
    }
  }
  return t;
}

template SparseTraceOf<double> sparse_attention(const Matrix&, const Matrix&, const Matrix&,
                                                const BlockPattern&, double);
template SparseTraceOf<float> sparse_attention(const MatrixF&, const MatrixF&, const MatrixF&,
                                               const BlockPattern&, double);

}  // namespace headlight
