#include <algorithm>
#include <cstring>
#include <headlight/core/shape.hpp>
#include <headlight/layer/mask.hpp>
#include <limits>

namespace headlight {

namespace {

static_assert(sizeof(bool) == 1);  // flags are filled as bytes, many at once
void fill(bool value, bool* flags, std::size_t count) {
  if (count > 0) std::memset(flags, value, count);
}

}  // namespace

Mask full_mask(std::size_t n_query, std::size_t n_key) {
  Mask mask = Mask::from_shape({n_query, n_key});
  fill(true, mask.data(), mask.size());
  return mask;
}

Mask causal_mask(std::size_t n_query, std::size_t n_key) {
  require_shape(n_query <= n_key, "causal_mask",
                "wanted no more queries than keys, got " + std::to_string(n_query) +
                    " queries and " + std::to_string(n_key) + " keys");
  const std::size_t first_position = n_key - n_query;
  Mask mask = Mask::from_shape({n_query, n_key});
  fill(false, mask.data(), mask.size());
  for (std::size_t i = 0; i < n_query; ++i)
    fill(true, mask.data() + i * n_key, i + first_position + 1);
  return mask;
}

Mask padding_mask(std::size_t n_query, const std::vector<bool>& is_token) {
  Mask mask({n_query, is_token.size()});
  for (std::size_t i = 0; i < n_query; ++i)
    for (std::size_t j = 0; j < is_token.size(); ++j) mask(i, j) = is_token[j];
  return mask;
}

Mask both(const Mask& a, const Mask& b) {
  require_shape(a.shape() == b.shape(), "both",
                "sizes differ: " + shape_string(a) + " and " + shape_string(b));
  Mask mask = a;
  for (std::size_t i = 0; i < mask.size(); ++i) mask.data()[i] = a.data()[i] && b.data()[i];
  return mask;
}

template <class T>
MatrixOf<T> hide(const MatrixOf<T>& scores, const Mask& mask) {
  require_shape(scores.shape() == mask.shape(), "hide",
                "scores " + shape_string(scores) + " with a mask " + shape_string(mask));
  MatrixOf<T> hidden = scores;
  for (std::size_t i = 0; i < hidden.size(); ++i)
    if (!mask.data()[i]) hidden.data()[i] = -std::numeric_limits<T>::infinity();
  return hidden;
}

std::vector<std::size_t> fully_hidden_rows(const Mask& mask) {
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < mask.shape(0); ++i) {
    const bool* row = mask.data() + i * mask.shape(1);
    if (std::find(row, row + mask.shape(1), true) == row + mask.shape(1)) rows.push_back(i);
  }
  return rows;
}

template Matrix hide(const Matrix&, const Mask&);
template MatrixF hide(const MatrixF&, const Mask&);

}  // namespace headlight
