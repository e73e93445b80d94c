#include <algorithm>
#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/parallel.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/mechanism/flash.hpp>
#include <limits>

#include "core/kernels.hpp"
#include "core/product.hpp"

namespace headlight {
namespace {

template <class T>
struct Problem {
  const Tensor3Of<T>& query;
  const Tensor3Of<T>& key;
  const Tensor3Of<T>& value;
  std::size_t n_heads, n_query, n_key, d_value;
  std::size_t first_position;  // of query 0 among the keys
  bool causal;
  T scale;

  // Keys that query i sees, from the first.
  std::size_t visible(std::size_t i) const {
    return causal ? std::min(n_key, first_position + i + 1) : n_key;
  }
};

template <class T>
Problem<T> check(const Tensor3Of<T>& query, const Tensor3Of<T>& key, const Tensor3Of<T>& value,
                 const FlashOptions& options, const char* function) {
  require_shape(query.shape(0) == key.shape(0) && key.shape(0) == value.shape(0), function,
                "numbers of heads differ: " + shape_string(query) + ", " + shape_string(key) +
                    ", " + shape_string(value));
  require_shape(query.shape(2) == key.shape(2), function,
                "query and key widths differ: " + shape_string(query) + ", " + shape_string(key));
  require_shape(
      key.shape(1) == value.shape(1), function,
      "numbers of keys and values differ: " + shape_string(key) + ", " + shape_string(value));
  require_shape(!options.causal || query.shape(1) <= key.shape(1), function,
                "a causal mask wants no more queries than keys, got " + shape_string(query) + ", " +
                    shape_string(key));
  require_shape(options.query_block > 0 && options.key_block > 0, function,
                "wanted tiles of at least one row and column, got " +
                    std::to_string(options.query_block) + " x " +
                    std::to_string(options.key_block));
  require_shape(options.is_token.empty() || options.is_token.size() == key.shape(1), function,
                "is_token has " + std::to_string(options.is_token.size()) + " entries for " +
                    std::to_string(key.shape(1)) + " keys");
  const double width = static_cast<double>(std::max<std::size_t>(1, query.shape(2)));
  return {
      query,          key,
      value,          query.shape(0),
      query.shape(1), key.shape(1),
      value.shape(2), options.causal ? key.shape(1) - query.shape(1) : 0,
      options.causal, static_cast<T>(options.scale != 0 ? options.scale : 1 / std::sqrt(width))};
}

template <class T>
VectorOf<T> copy_of(const T* values, std::size_t count) {
  VectorOf<T> copy = VectorOf<T>::from_shape({count});
  std::copy_n(values, count, copy.data());
  return copy;
}

// Hides padding among the first `count` keys of a tile.
template <class T>
void hide_padding(const std::vector<bool>& is_token, std::size_t key0, std::size_t count, T* row) {
  if (is_token.empty()) return;
  for (std::size_t j = 0; j < count; ++j)
    if (!is_token[key0 + j]) row[j] = -std::numeric_limits<T>::infinity();
}

}  // namespace

template <class T>
FlashResultOf<T> flash_attention(const Tensor3Of<T>& query, const Tensor3Of<T>& key,
                                 const Tensor3Of<T>& value, const FlashOptions& options,
                                 std::vector<FlashTileOf<T>>* tiles) {
  const Problem<T> p = check(query, key, value, options, "flash_attention");
  const T none = -std::numeric_limits<T>::infinity();
  const detail::RowKernels<T>& kernels = detail::row_kernels<T>();
  const std::size_t rows_of_tile = options.query_block,
                    columns_of_tile =
                        std::min(options.key_block, std::max<std::size_t>(1, p.n_key));
  // A task takes four blocks of queries, for which a tile of keys is packed once. Tiles that are
  // shown come one block after the other.
  const std::size_t rows_of_task = (tiles ? 1 : 4) * rows_of_tile;
  const std::size_t tasks = (p.n_query + rows_of_task - 1) / rows_of_task;
  FlashResultOf<T> result;
  set_shape(result.output, std::array{p.n_heads, p.n_query, p.d_value});
  set_shape(result.log_sum_exp, std::array{p.n_heads, p.n_query});
  std::vector<Work> work_of(p.n_heads * tasks);

  const auto one_task = [&](std::size_t task) {
    const std::size_t head = task / tasks, start = task % tasks * rows_of_task;
    const std::size_t end = std::min(p.n_query, start + rows_of_task);
    static thread_local std::vector<T> queries, scores, maxima, sums, factors;
    static thread_local detail::Packed<T> packed_keys, packed_values;
    scores.resize(rows_of_tile * columns_of_tile);
    const std::size_t width = p.query.shape(2);
    queries.resize((end - start) * width);  // scaled
    kernels.scale(rows(head_view(p.query, head), start, end - start).data, p.scale, queries.data(),
                  queries.size());
    Work& work = work_of[task];
    work.hold(rows_of_tile * columns_of_tile);
    maxima.assign(end - start, none), sums.assign(end - start, T(0));
    const ViewOf<T> output = rows(head_view(result.output, head), start, end - start);
    std::fill_n(output.data, (end - start) * p.d_value, T(0));

    for (std::size_t key0 = 0; key0 < p.visible(end - 1); key0 += columns_of_tile) {
      const std::size_t most_keys = std::min(columns_of_tile, p.n_key - key0);
      packed_keys.pack(transposed(rows(head_view(p.key, head), key0, most_keys)));
      packed_values.pack(rows(head_view(p.value, head), key0, most_keys));
      for (std::size_t first = start; first < end; first += rows_of_tile) {
        const std::size_t count = std::min(rows_of_tile, end - first);
        const std::size_t last_visible = p.visible(first + count - 1);
        if (last_visible <= key0) continue;
        const std::size_t keys = std::min(most_keys, last_visible - key0);
        const ViewOf<T> tile{scores.data(), count, keys, columns_of_tile};
        const ViewOf<T> y = rows(output, first - start, count);
        T *max = maxima.data() + (first - start), *sum = sums.data() + (first - start);
        factors.assign(count, T(1));
        T* rescale = factors.data();
        const ViewOf<const T> q{queries.data() + (first - start) * width, count, width, width};
        detail::multiply_packed<T>(q, packed_keys, 0, false, tile);
        for (std::size_t i = 0; i < count; ++i) {
          T* row = tile.data + i * tile.stride;
          const std::size_t seen = p.visible(first + i);
          const std::size_t visible = seen > key0 ? std::min(keys, seen - key0) : 0;
          hide_padding(options.is_token, key0, visible, row);
          const T new_max = std::max(max[i], kernels.max(row, visible));
          rescale[i] = new_max == none ? T(1) : std::exp(max[i] - new_max);
          const std::size_t weighed = new_max == none ? 0 : visible;  // nothing seen: no weight
          if (weighed) kernels.exp(row, new_max, row, weighed);
          std::fill(row + weighed, row + keys, T(0));
          work.exponentials += weighed + (new_max == none ? 0 : 1);
          sum[i] = sum[i] * rescale[i] + kernels.sum(row, weighed);
          max[i] = new_max;
          if (rescale[i] != 1)
            kernels.scale(y.data + i * p.d_value, rescale[i], y.data + i * p.d_value, p.d_value);
        }
        detail::multiply_packed<T>(tile, packed_values, 0, true, y);
        work.multiply_adds += count * keys * (width + p.d_value);
        if (tiles)
          tiles->push_back({head, first, key0, copy_of(max, count), copy_of(sum, count),
                            copy_of(rescale, count)});
      }
    }
    for (std::size_t i = 0; i < end - start; ++i) {
      T* row = output.data + i * p.d_value;
      kernels.divide(row, sums[i], row, p.d_value);
      result.log_sum_exp(head, start + i) = sums[i] == 0 ? none : maxima[i] + std::log(sums[i]);
    }
  };
  parallel_for(p.n_heads * tasks, tiles ? 1 : options.threads, one_task);
  for (const Work& work : work_of) {
    result.work.multiply_adds += work.multiply_adds;
    result.work.exponentials += work.exponentials;
    result.work.hold(work.largest_buffer);
  }
  return result;
}

template <class T>
FlashResultOf<T> merge(const FlashResultOf<T>& a, const FlashResultOf<T>& b) {
  require_shape(
      a.output.shape() == b.output.shape() && a.log_sum_exp.shape() == b.log_sum_exp.shape(),
      "merge",
      "results of different shapes: " + shape_string(a.output) + " and " + shape_string(b.output));
  FlashResultOf<T> merged = a;
  merged.work.multiply_adds += b.work.multiply_adds;
  merged.work.exponentials += b.work.exponentials;
  merged.work.hold(b.work.largest_buffer);
  const std::size_t width = a.output.shape(2);
  for (std::size_t r = 0; r < a.log_sum_exp.size(); ++r) {
    const T la = a.log_sum_exp.data()[r], lb = b.log_sum_exp.data()[r], top = std::max(la, lb);
    if (top == -std::numeric_limits<T>::infinity()) continue;  // neither sees a key
    const T wa = std::exp(la - top), wb = std::exp(lb - top);
    merged.log_sum_exp.data()[r] = top + std::log(wa + wb);
    for (std::size_t c = 0; c < width; ++c)
      merged.output.data()[r * width + c] =
          (wa * a.output.data()[r * width + c] + wb * b.output.data()[r * width + c]) / (wa + wb);
  }
  return merged;
}

template <class T>
FlashGradientOf<T> flash_backward(const Tensor3Of<T>& query, const Tensor3Of<T>& key,
                                  const Tensor3Of<T>& value, const FlashResultOf<T>& result,
                                  const Tensor3Of<T>& output_gradient,
                                  const FlashOptions& options) {
  const Problem<T> p = check(query, key, value, options, "flash_backward");
  require_shape(output_gradient.shape() == result.output.shape() &&
                    output_gradient.shape() == std::array{p.n_heads, p.n_query, p.d_value},
                "flash_backward",
                "a gradient of " + shape_string(output_gradient) + " for an output of " +
                    shape_string(result.output));
  FlashGradientOf<T> gradient;
  const auto zeros_like = [](const Tensor3Of<T>& a, Tensor3Of<T>& to) {
    set_shape(to, a.shape());
    std::fill(to.begin(), to.end(), T(0));
  };
  zeros_like(query, gradient.query), zeros_like(key, gradient.key),
      zeros_like(value, gradient.value);
  const detail::RowKernels<T>& kernels = detail::row_kernels<T>();
  parallel_for(p.n_heads, options.threads, [&](std::size_t head) {  // heads share nothing
    std::vector<T> pattern(options.query_block * options.key_block), slope(pattern.size());
    for (std::size_t first = 0; first < p.n_query; first += options.query_block) {
      const std::size_t count = std::min(options.query_block, p.n_query - first);
      const ViewOf<const T> dy = rows(head_view(output_gradient, head), first, count);
      const ViewOf<const T> y = rows(head_view(result.output, head), first, count);
      const std::size_t last_visible = p.visible(first + count - 1);
      for (std::size_t key0 = 0; key0 < last_visible; key0 += options.key_block) {
        const std::size_t keys = std::min(options.key_block, last_visible - key0);
        const ViewOf<T> P{pattern.data(), count, keys, keys}, dS{slope.data(), count, keys, keys};
        const ViewOf<const T> Q = rows(head_view(query, head), first, count);
        const ViewOf<const T> K = rows(head_view(key, head), key0, keys);
        const ViewOf<const T> V = rows(head_view(value, head), key0, keys);
        multiply<T>(p.scale, Q, transposed(K), T(0), P);
        multiply<T>(T(1), dy, transposed(V), T(0), dS);
        for (std::size_t i = 0; i < count; ++i) {
          T* row = P.data + i * keys;
          const std::size_t seen = p.visible(first + i);
          const std::size_t visible = seen > key0 ? std::min(keys, seen - key0) : 0;
          hide_padding(options.is_token, key0, visible, row);
          const T lse = result.log_sum_exp(head, first + i);
          const std::size_t weighed = lse == -std::numeric_limits<T>::infinity() ? 0 : visible;
          kernels.exp(row, lse, row, weighed);
          std::fill(row + weighed, row + keys, T(0));
          T along = 0;  // D_i
          for (std::size_t c = 0; c < p.d_value; ++c)
            along += dy.data[i * dy.stride + c] * y.data[i * y.stride + c];
          for (std::size_t j = 0; j < keys; ++j)
            dS.data[i * keys + j] = row[j] * (dS.data[i * keys + j] - along);
        }
        multiply<T>(T(1), transposed(ViewOf<const T>(P)), dy, T(1),
                    rows(head_view(gradient.value, head), key0, keys));
        multiply<T>(p.scale, ViewOf<const T>(dS), K, T(1),
                    rows(head_view(gradient.query, head), first, count));
        multiply<T>(p.scale, transposed(ViewOf<const T>(dS)), Q, T(1),
                    rows(head_view(gradient.key, head), key0, keys));
      }
    }
  });
  return gradient;
}

#define HEADLIGHT_FLASH(T)                                                                 \
  template FlashResultOf<T> flash_attention(const Tensor3Of<T>&, const Tensor3Of<T>&,      \
                                            const Tensor3Of<T>&, const FlashOptions&,      \
                                            std::vector<FlashTileOf<T>>*);                 \
  template FlashResultOf<T> merge(const FlashResultOf<T>&, const FlashResultOf<T>&);       \
  template FlashGradientOf<T> flash_backward(const Tensor3Of<T>&, const Tensor3Of<T>&,     \
                                             const Tensor3Of<T>&, const FlashResultOf<T>&, \
                                             const Tensor3Of<T>&, const FlashOptions&)
HEADLIGHT_FLASH(double);
HEADLIGHT_FLASH(float);
#undef HEADLIGHT_FLASH

}  // namespace headlight
