#include <cmath>
#include <cstring>
#include <headlight/attention/multi_head.hpp>
#include <headlight/layer/mask.hpp>
#include <headlight/position/relative.hpp>
#include <limits>

#include "attention/stages.hpp"
#include "core/kernels.hpp"
#include "core/product.hpp"

namespace headlight {
namespace {

template <class T>
struct Sizes {
  std::size_t n_heads, n_query, n_tokens, n_key, d_head, d_value,
      d_model;                 // n_key: with the null key
  std::size_t null_keys;       // 0 or 1: rows before the first token
  std::size_t first_position;  // of query 0 among the tokens
  std::size_t offsets;         // rows of the relative tables, 0 without
  T scale;
};

template <class T>
void require_width(const MatrixOf<T>& W, std::size_t rows, const VectorOf<T>& b,
                   const std::string& name, std::size_t n_heads) {
  const std::string function = "multi_head_attention";
  require_shape(W.shape(0) == rows, function,
                "W_" + name + " has shape " + shape_string(W) + " for inputs of width " +
                    std::to_string(rows));
  require_shape(W.shape(1) > 0 && W.shape(1) % n_heads == 0, function,
                "W_" + name + " has shape " + shape_string(W) + ", its columns do not split into " +
                    std::to_string(n_heads) + " heads");
  require_shape(
      b.size() == 0 || b.size() == W.shape(1), function,
      "b_" + name + " has shape " + shape_string(b) + " for W_" + name + " " + shape_string(W));
}

template <class T>
Sizes<T> check(const MatrixOf<T>& x, const MatrixOf<T>& memory, const MultiHeadWeightsOf<T>& w,
               const AttentionOptionsOf<T>& options) {
  const std::string function = "multi_head_attention";
  require_shape(w.n_heads > 0, function, "wanted at least one head, got 0");
  require_width(w.W_Q, x.shape(1), w.b_Q, "Q", w.n_heads);
  require_width(w.W_K, memory.shape(1), w.b_K, "K", w.n_heads);
  require_width(w.W_V, memory.shape(1), w.b_V, "V", w.n_heads);
  require_shape(
      w.W_Q.shape(1) == w.W_K.shape(1), function,
      "query and key widths differ: W_Q " + shape_string(w.W_Q) + ", W_K " + shape_string(w.W_K));
  require_shape(w.W_O.shape(0) == w.W_V.shape(1), function,
                "W_O has shape " + shape_string(w.W_O) + " after W_V " + shape_string(w.W_V));
  require_shape(w.b_O.size() == 0 || w.b_O.size() == w.W_O.shape(1), function,
                "b_O has shape " + shape_string(w.b_O) + " for W_O " + shape_string(w.W_O));
  Sizes<T> s{};
  s.n_heads = w.n_heads, s.n_query = x.shape(0), s.n_tokens = memory.shape(0);
  s.d_head = w.W_Q.shape(1) / w.n_heads, s.d_value = w.W_V.shape(1) / w.n_heads;
  s.d_model = w.W_O.shape(1);
  s.null_keys = w.null_key.size() > 0 ? 1 : 0;
  s.n_key = s.n_tokens + s.null_keys;
  require_shape(s.null_keys == 0 || w.null_key.shape() == std::array{s.n_heads, s.d_head}, function,
                "null_key has shape " + shape_string(w.null_key) + " for " +
                    std::to_string(s.n_heads) + " heads of " + std::to_string(s.d_head));
  s.offsets = w.relative_keys.size() > 0 ? w.relative_keys.shape(0) : 0;
  require_shape(
      s.offsets == 0 || (s.offsets % 2 == 1 && w.relative_keys.shape(1) == s.n_heads * s.d_head),
      function,
      "relative_keys has shape " + shape_string(w.relative_keys) +
          ", wanted an odd number of rows of " + std::to_string(s.n_heads * s.d_head));
  require_shape(w.relative_values.size() == 0 ||
                    w.relative_values.shape() == std::array{s.offsets, s.n_heads * s.d_value},
                function,
                "relative_values has shape " + shape_string(w.relative_values) + ", wanted [" +
                    std::to_string(s.offsets) + ", " + std::to_string(s.n_heads * s.d_value) + "]");
  require_shape(s.offsets == 0 || s.null_keys == 0, function,
                "relative positions with a null key are not defined");
  require_shape(!options.causal || s.n_query <= s.n_tokens, function,
                "a causal mask wants no more queries than keys, got " + std::to_string(s.n_query) +
                    " queries and " + std::to_string(s.n_tokens) + " keys");
  require_shape(options.is_token.empty() || options.is_token.size() == s.n_tokens, function,
                "is_token has " + std::to_string(options.is_token.size()) + " entries for " +
                    std::to_string(s.n_tokens) + " keys");
  require_shape(!options.bias || options.bias->shape() == std::array{s.n_heads, s.n_query, s.n_key},
                function,
                "a bias of " + (options.bias ? shape_string(*options.bias) : std::string()) +
                    " for " + std::to_string(s.n_heads) + " heads, " + std::to_string(s.n_query) +
                    " queries and " + std::to_string(s.n_key) + " keys");
  s.first_position = options.causal ? s.n_tokens - s.n_query : 0;
  s.scale = static_cast<T>(options.scale != 0 ? options.scale
                                              : 1 / std::sqrt(static_cast<double>(s.d_head)));
  return s;
}

template <class T>
Mask visible_keys(const Sizes<T>& s, const AttentionOptionsOf<T>& options) {
  Mask of_tokens =
      options.causal ? causal_mask(s.n_query, s.n_tokens) : full_mask(s.n_query, s.n_tokens);
  if (!options.is_token.empty())
    of_tokens = both(of_tokens, padding_mask(s.n_query, options.is_token));
  if (s.null_keys == 0) return of_tokens;
  Mask mask = full_mask(s.n_query, s.n_key);
  for (std::size_t i = 0; i < s.n_query; ++i)
    for (std::size_t j = 0; j < s.n_tokens; ++j) mask(i, j + 1) = of_tokens(i, j);
  return mask;
}

template <class T>
void size_trace(const Sizes<T>& s, const MultiHeadWeightsOf<T>& w,
                const AttentionOptionsOf<T>& options, MultiHeadTraceOf<T>& t) {
  const bool everything = options.record == Record::everything;
  const std::size_t none = 0, one = 1;
  const std::size_t turned = options.rope ? s.n_heads : none;
  const std::size_t biased = options.bias || s.offsets > 0 ? s.n_heads : none;
  const std::size_t shifted = w.relative_values.size() > 0 ? s.n_heads : none;
  const std::size_t full = everything ? s.n_heads : none;
  set_shape(t.query, std::array{s.n_heads, s.n_query, s.d_head});
  set_shape(t.key, std::array{s.n_heads, s.n_key, s.d_head});
  set_shape(t.value, std::array{s.n_heads, s.n_key, s.d_value});
  set_shape(t.rotated_query, std::array{turned, s.n_query, s.d_head});
  set_shape(t.rotated_key, std::array{turned, s.n_key, s.d_head});
  set_shape(t.raw_scores, std::array{full, s.n_query, s.n_key});
  set_shape(t.scores, std::array{s.n_heads, s.n_query, s.n_key});
  set_shape(t.bias, std::array{biased, s.n_query, s.n_key});
  set_shape(t.masked_scores, std::array{s.n_heads, s.n_query, s.n_key});
  set_shape(t.softmax_max, std::array{s.n_heads, s.n_query, one});
  set_shape(t.softmax_exp, std::array{full, s.n_query, s.n_key});
  set_shape(t.softmax_sum, std::array{s.n_heads, s.n_query, one});
  set_shape(t.pattern, std::array{s.n_heads, s.n_query, s.n_key});
  set_shape(t.relative_output, std::array{shifted, s.n_query, s.d_value});
  set_shape(t.output, std::array{s.n_heads, s.n_query, s.d_value});
  set_shape(t.concatenated, std::array{s.n_query, s.n_heads * s.d_value});
  set_shape(t.contribution, std::array{full, s.n_query, s.d_model});
  set_shape(t.projected, std::array{everything ? s.n_query : none, s.d_model});
  set_shape(t.attention_output, std::array{s.n_query, s.d_model});
}

// The rows of the relative tables for all offsets; those of query i begin at n_query - 1 - i.
template <class T>
std::vector<std::size_t> rows_of_offsets(const Sizes<T>& s) {
  std::vector<std::size_t> rows(s.offsets ? s.n_query + s.n_key : 0);
  const auto position = static_cast<std::ptrdiff_t>(s.first_position + s.n_query) - 1;  // the last
  for (std::size_t j = 0; j < rows.size(); ++j)
    rows[j] = relative_row(static_cast<std::ptrdiff_t>(j) - position, s.offsets / 2);
  return rows;
}

// Rows first ... first + count of one head: what each stage works on.
struct Piece {
  std::size_t head, first, count;
};

// What all rows of a head meet, packed for it.
template <class T>
struct Factors {
  detail::Packed<T> key;    // transposed: [d_head, n_key]
  detail::Packed<T> value;  // [n_key, d_value]
  bool value_is_finite = true;
};

// The stages of one piece, in order. They run stage by stage over all pieces when somebody wants to
// intervene, and otherwise piece by piece, each row in one sweep while it lies in the cache: the
// same arithmetic on every number, hence the same bits.
template <class T>
class Stages {
 public:
  Stages(const Sizes<T>& sizes, const MultiHeadWeightsOf<T>& weights,
         const AttentionOptionsOf<T>& options, const std::vector<Factors<T>>& factors,
         MultiHeadTraceOf<T>& trace)
      : s_(sizes),
        w_(weights),
        options_(options),
        factors_(factors),
        t_(trace),
        rows_of_offsets_(rows_of_offsets(sizes)),
        visible_(sizes.n_query) {
    in_one_sweep_ = !options.intervention;
    for (std::size_t i = 0; i < s_.n_query && s_.n_key > 0; ++i) {
      const bool* row = t_.mask.data() + i * s_.n_key;
      const void* hidden = std::memchr(row, 0, s_.n_key);
      visible_[i] =
          hidden ? static_cast<std::size_t>(static_cast<const bool*>(hidden) - row) : s_.n_key;
      in_one_sweep_ = in_one_sweep_ && !std::memchr(row + visible_[i], 1, s_.n_key - visible_[i]);
    }
    constexpr std::size_t cache = 8
                                  << 20;  // bytes; a larger record is gone before it is read again
    past_cache_ = t_.pattern.size() * sizeof(T) > cache;
  }

  // All stages of a piece.
  void all(Piece p) const {
    if (!in_one_sweep_) {
      for (const auto step : in_order) (this->*step)(p);
      return;
    }
    static thread_local std::vector<T> scratch;
    constexpr std::size_t margin = 16;  // before the first row; every row leaves as much after it
    const std::size_t stride = (s_.n_key + margin - 1) / margin * margin + margin;
    if (scratch.size() < margin + p.count * stride) scratch.resize(margin + p.count * stride);
    const ViewOf<T> work{scratch.data() + margin, p.count, s_.n_key, stride};
    multiply_queries_by_keys(p, work);
    for (std::size_t i = 0; i < p.count; ++i) {
      const Piece row{p.head, p.first + i, 1};
      const auto place = [&](Tensor3Of<T>& tensor) {
        return tensor.size() ? at(tensor, row) : nullptr;
      };
      kernels_.attend(work.data + i * stride, s_.scale, place(t_.bias), visible_[row.first],
                      s_.n_key,
                      {place(t_.raw_scores), place(t_.scores), place(t_.masked_scores),
                       place(t_.softmax_exp), place(t_.pattern)},
                      past_cache_, *at(t_.softmax_max, row), *at(t_.softmax_sum, row));
    }
    shift(p, work);
    mix(p, work);
    add_shift(p);
  }

  void raw_scores(Piece p) const {  // Q K^T
    multiply_queries_by_keys(p, rows(head_view(unscaled(), p.head), p.first, p.count));
  }

  void scale(Piece p) const {  // S = Q K^T / sqrt(d_head)
    kernels_.scale(at(unscaled(), p), s_.scale, at(t_.scores, p), p.count * s_.n_key);
  }

  void hide(Piece p) const {  // S + B, -inf where hidden
    kernels_.hide(at(t_.scores, p), t_.bias.size() > 0 ? at(t_.bias, p) : nullptr,
                  t_.mask.data() + p.first * s_.n_key, at(t_.masked_scores, p), p.count * s_.n_key);
  }

  void softmax_max(Piece p) const {
    for_each_row(p, [&](Piece row) {
      *at(t_.softmax_max, row) = kernels_.max(at(t_.masked_scores, row), s_.n_key);
    });
  }

  void softmax_exp(Piece p) const {  // a hidden key gives exactly zero, also in a fully hidden row
    for_each_row(p, [&](Piece row) {
      kernels_.exp(at(t_.masked_scores, row), *at(t_.softmax_max, row), at(exponentials(), row),
                   s_.n_key);
    });
  }

  void softmax_sum(Piece p) const {
    for_each_row(p, [&](Piece row) {
      *at(t_.softmax_sum, row) = kernels_.sum(at(exponentials(), row), s_.n_key);
    });
  }

  void pattern(Piece p) const {  // a fully hidden row has the sum zero and the pattern zero
    for_each_row(p, [&](Piece row) {
      kernels_.divide(at(exponentials(), row), *at(t_.softmax_sum, row), at(t_.pattern, row),
                      s_.n_key);
    });
  }

  void relative_output(Piece p) const {
    shift(p, rows(head_view(std::as_const(t_.pattern), p.head), p.first, p.count));
  }

  void output(Piece p) const {  // z = A V, with the positions on values where there are any
    mix(p, rows(head_view(std::as_const(t_.pattern), p.head), p.first, p.count));
    add_shift(p);
  }

  using Step = void (Stages<T>::*)(Piece) const;
  static constexpr Step in_order[] = {
      &Stages<T>::raw_scores,  &Stages<T>::scale,           &Stages<T>::hide,
      &Stages<T>::softmax_max, &Stages<T>::softmax_exp,     &Stages<T>::softmax_sum,
      &Stages<T>::pattern,     &Stages<T>::relative_output, &Stages<T>::output};

 private:
  T* at(Tensor3Of<T>& tensor, Piece p) const {
    return tensor.data() + (p.head * tensor.shape(1) + p.first) * tensor.shape(2);
  }

  // Stages that are not kept share the memory of the next one.
  Tensor3Of<T>& unscaled() const { return t_.raw_scores.size() ? t_.raw_scores : t_.scores; }
  Tensor3Of<T>& exponentials() const { return t_.softmax_exp.size() ? t_.softmax_exp : t_.pattern; }

  template <class Work>
  void for_each_row(Piece p, const Work& work) const {
    for (std::size_t i = 0; i < p.count; ++i) work(Piece{p.head, p.first + i, 1});
  }

  void multiply_queries_by_keys(Piece p, ViewOf<T> scores) const {
    const Tensor3Of<T>& query = options_.rope ? t_.rotated_query : t_.query;
    detail::multiply_packed<T>(rows(head_view(query, p.head), p.first, p.count),
                               factors_[p.head].key, 0, false, scores);
    if (s_.null_keys == 0 || !options_.rope) return;
    // the null key is never turned: it meets the query as it was before turning
    multiply<T>(T(1), rows(head_view(std::as_const(t_.query), p.head), p.first, p.count),
                transposed(rows(head_view(std::as_const(t_.key), p.head), 0, 1)), T(0),
                columns(scores, 0, 1));
  }

  void shift(Piece p, ViewOf<const T> pattern) const {  // a^V of an offset times what lies on it
    if (t_.relative_output.size() == 0) return;
    std::vector<T> share(p.count * s_.offsets, T(0));
    for (std::size_t i = 0; i < p.count; ++i) {
      const T* weight = pattern.data + i * pattern.stride;
      const std::size_t* row = rows_of_offsets_.data() + s_.n_query - 1 - (p.first + i);
      const auto far =  // keys so far back that they share the first row
          static_cast<std::size_t>(std::upper_bound(row, row + s_.n_key, 0u) - row);
      const std::size_t end = in_one_sweep_ ? visible_[p.first + i] : s_.n_key;
      share[i * s_.offsets] = kernels_.sum(weight, far);
      for (std::size_t j = far; j < end; ++j) share[i * s_.offsets + row[j]] += weight[j];
    }
    multiply<T>(T(1), {share.data(), p.count, s_.offsets, s_.offsets},
                columns(view(w_.relative_values), p.head * s_.d_value, s_.d_value), T(0),
                rows(head_view(t_.relative_output, p.head), p.first, p.count));
  }

  void add_shift(Piece p) const {
    if (t_.relative_output.size() == 0) return;
    T* z = at(t_.output, p);
    kernels_.add(z, at(t_.relative_output, p), z, p.count * s_.d_value);
  }

  void mix(Piece p, ViewOf<const T> pattern) const {
    const ViewOf<T> output = rows(head_view(t_.output, p.head), p.first, p.count);
    const Factors<T>& factors = factors_[p.head];
    if (!factors.value_is_finite)
      return mix_seen_values_only(pattern, head_view(std::as_const(t_.value), p.head), output);
    // Keys after the last visible one of a causal row have weight zero and need no arithmetic.
    const std::size_t shared = keys_of_all_rows(p, pattern);
    detail::multiply_packed<T>(columns(pattern, 0, shared), factors.value, 0, false, output);
    constexpr std::size_t strip = 12;
    for (std::size_t i = 0; i < p.count && shared < s_.n_key; i += strip) {
      const std::size_t count = std::min(strip, p.count - i);
      const std::size_t more = std::min(i + count - 1, s_.n_key - shared);
      detail::multiply_packed<T>(columns(rows(pattern, i, count), shared, more), factors.value,
                                 shared, true, rows(output, i, count));
    }
  }

  // Keys that the first row of a piece sees; all, when somebody wrote a weight where none belongs.
  std::size_t keys_of_all_rows(Piece p, ViewOf<const T> pattern) const {
    if (!options_.causal) return s_.n_key;
    const std::size_t keys = s_.null_keys + s_.first_position + p.first + 1;
    if (!options_.intervention) return keys;
    for (std::size_t i = 0; i < p.count; ++i)
      for (std::size_t j = keys + i; j < s_.n_key; ++j)
        if (pattern.data[i * pattern.stride + j] != 0) return s_.n_key;
    return keys;
  }

  // A value that is infinite or NaN reaches only those who look at it: 0 * NaN is not added.
  static void mix_seen_values_only(ViewOf<const T> pattern, ViewOf<const T> value, ViewOf<T> to) {
    for (std::size_t i = 0; i < to.rows; ++i) {
      T* row = to.data + i * to.stride;
      std::fill_n(row, to.columns, T(0));
      for (std::size_t j = 0; j < pattern.columns; ++j) {
        const T weight = pattern.data[i * pattern.stride + j];
        if (weight == 0) continue;
        for (std::size_t c = 0; c < to.columns; ++c)
          row[c] += weight * value.data[j * value.stride + c];
      }
    }
  }

  const Sizes<T>& s_;
  const MultiHeadWeightsOf<T>& w_;
  const AttentionOptionsOf<T>& options_;
  const std::vector<Factors<T>>& factors_;
  MultiHeadTraceOf<T>& t_;
  const detail::RowKernels<T>& kernels_ = detail::row_kernels<T>();
  std::vector<std::size_t> rows_of_offsets_;
  std::vector<std::size_t> visible_;  // keys of a row before the first hidden one
  bool in_one_sweep_ = true;          // every row sees its first keys and no others
  bool past_cache_ = false;
};

// One projection of all heads: x W + b, each head into its own rows after `skip` others.
template <class T>
struct Projection {
  const MatrixOf<T>& x;
  const MatrixOf<T>& W;
  const VectorOf<T>& b;
  std::size_t skip;
  Tensor3Of<T>& heads;
};

template <class T>
void project(const Projection<T>& p, std::size_t h) {
  const std::size_t width = p.heads.shape(2);
  detail::affine_columns<T>(view(p.x), columns(view(p.W), h * width, width),
                            p.b.size() ? p.b.data() + h * width : nullptr,
                            rows(head_view(p.heads, h), p.skip, p.x.shape(0)));
}

template <class T>
bool all_finite(ViewOf<const T> a) {
  const detail::RowKernels<T>& kernels = detail::row_kernels<T>();
  T zero = 0;  // x * 0 is zero for finite x and NaN otherwise
  for (std::size_t i = 0; i < a.rows; ++i)
    zero += kernels.sum(a.data + i * a.stride, a.columns) * T(0);
  return zero == 0;
}

template <class T>
void pack_head(const MultiHeadTraceOf<T>& t, std::size_t h, Factors<T>& factors) {
  const Tensor3Of<T>& key = t.rotated_key.size() ? t.rotated_key : t.key;
  factors.key.pack(transposed(head_view(key, h)));
  factors.value.pack(head_view(t.value, h));
  factors.value_is_finite = all_finite(head_view(t.value, h));
}

template <class T>
void put_null_key_first(const MultiHeadWeightsOf<T>& w, MultiHeadTraceOf<T>& t) {
  const std::size_t d_head = t.key.shape(2), d_value = t.value.shape(2);
  for (std::size_t h = 0; h < w.n_heads; ++h) {
    std::copy_n(w.null_key.data() + h * d_head, d_head, head_view(t.key, h).data);
    std::fill_n(head_view(t.value, h).data, d_value, T(0));
  }
}

template <class T>
void turn(const Sizes<T>& s, const Rope& rope, std::size_t threads, MultiHeadTraceOf<T>& t) {
  const TurnsOf<T> all =
      turns<T>(0, std::max(s.first_position + s.n_query, s.n_tokens), s.d_head, rope);
  parallel_for(s.n_heads, threads, [&](std::size_t h) {
    const ViewOf<const T> key = head_view(std::as_const(t.key), h);
    const ViewOf<T> rotated_key = head_view(t.rotated_key, h);
    rotate<T>(head_view(std::as_const(t.query), h), all, s.first_position, rope.pairing,
              head_view(t.rotated_query, h));
    std::copy_n(key.data, s.null_keys * s.d_head, rotated_key.data);
    rotate<T>(rows(key, s.null_keys, s.n_tokens), all, 0, rope.pairing,
              rows(rotated_key, s.null_keys, s.n_tokens));
  });
}

// What positions add to the scores: the caller's bias, and q_i . a^K of every offset.
template <class T>
void bias_of_positions(const Sizes<T>& s, const MultiHeadWeightsOf<T>& w,
                       const AttentionOptionsOf<T>& options, MultiHeadTraceOf<T>& t) {
  if (options.bias)
    std::copy(options.bias->begin(), options.bias->end(), t.bias.begin());
  else
    std::fill(t.bias.begin(), t.bias.end(), T(0));
  if (s.offsets == 0) return;
  const std::vector<std::size_t> rows = rows_of_offsets(s);
  MatrixOf<T> by_offset = MatrixOf<T>::from_shape({s.n_query, s.offsets});
  for (std::size_t h = 0; h < s.n_heads; ++h) {
    multiply<T>(s.scale, head_view(std::as_const(t.query), h),
                transposed(columns(view(w.relative_keys), h * s.d_head, s.d_head)), T(0),
                view(by_offset));
    for (std::size_t i = 0; i < s.n_query; ++i) {
      T* bias = t.bias.data() + (h * s.n_query + i) * s.n_key;
      const T* of_row = by_offset.data() + i * s.offsets;
      const std::size_t* row = rows.data() + s.n_query - 1 - i;
      // keys out of reach share the first row of the table, or the last
      const auto near = static_cast<std::size_t>(std::upper_bound(row, row + s.n_key, 0u) - row);
      const auto ahead = static_cast<std::size_t>(
          std::lower_bound(row + near, row + s.n_key, s.offsets - 1) - row);
      const T first = of_row[0], last = of_row[s.offsets - 1];
      for (std::size_t j = 0; j < near; ++j) bias[j] += first;
      for (std::size_t j = near; j < ahead; ++j) bias[j] += of_row[row[j]];
      for (std::size_t j = ahead; j < s.n_key; ++j) bias[j] += last;
    }
  }
}

template <class T>
void concatenate(const Sizes<T>& s, MultiHeadTraceOf<T>& t) {
  const std::size_t width = s.n_heads * s.d_value;
  for (std::size_t h = 0; h < s.n_heads; ++h)
    for (std::size_t i = 0; i < s.n_query; ++i)
      std::copy_n(t.output.data() + (h * s.n_query + i) * s.d_value, s.d_value,
                  t.concatenated.data() + i * width + h * s.d_value);
}

template <class T>
void sum_of_contributions(const Tensor3Of<T>& contribution, MatrixOf<T>& sum) {
  std::fill(sum.begin(), sum.end(), T(0));
  for (std::size_t h = 0; h < contribution.shape(0); ++h)
    for (std::size_t c = 0; c < sum.size(); ++c)
      sum.data()[c] += contribution.data()[h * sum.size() + c];
}

}  // namespace

template <class T>
void multi_head_attention(const MatrixOf<T>& x, const MatrixOf<T>& memory,
                          const MultiHeadWeightsOf<T>& w, const AttentionOptionsOf<T>& options,
                          MultiHeadTraceOf<T>& t) {
  const Sizes<T> s = check(x, memory, w, options);
  size_trace(s, w, options, t);
  const std::size_t threads = options.threads;
  const auto announce = [&](auto& values) {
    if (values.size() == 0) return;
    detail::announce<T>(options.intervention, values.data(),
                        [&](const StageVisitorOf<T>& visit) { for_each_stage(t, "", visit); });
  };

  const Projection<T> projections[] = {
      {x, w.W_Q, w.b_Q, 0, t.query},                // [n_heads, n_query, d_head]
      {memory, w.W_K, w.b_K, s.null_keys, t.key},   // [n_heads, n_key, d_head]
      {memory, w.W_V, w.b_V, s.null_keys, t.value}  // [n_heads, n_key, d_value]
  };
  parallel_for(std::size(projections) * s.n_heads, threads,
               [&](std::size_t task) { project(projections[task / s.n_heads], task % s.n_heads); });
  announce(t.query);
  if (s.null_keys) put_null_key_first(w, t);
  announce(t.key);
  announce(t.value);
  if (options.rope) {
    turn(s, *options.rope, threads, t);
    announce(t.rotated_query);
    announce(t.rotated_key);
  }
  if (t.bias.size() > 0) bias_of_positions(s, w, options, t);
  announce(t.bias);
  t.mask = visible_keys(s, options);  // [n_query, n_key]
  t.fully_hidden_rows = fully_hidden_rows(t.mask);

  static thread_local std::vector<Factors<T>> kept;   // memory for the next call
  std::vector<Factors<T>> factors = std::move(kept);  // an intervention may call again meanwhile
  factors.resize(s.n_heads);
  parallel_for(s.n_heads, threads, [&](std::size_t h) { pack_head(t, h, factors[h]); });
  const Stages<T> stages(s, w, options, factors, t);
  const std::size_t block = detail::rows_of_block(s.n_key);
  const std::size_t blocks = (s.n_query + block - 1) / block;
  const auto for_each_piece = [&](const auto& work) {
    parallel_for(s.n_heads * blocks, threads, [&](std::size_t task) {
      const std::size_t first = task % blocks * block;
      work(Piece{task / blocks, first, std::min(block, s.n_query - first)});
    });
  };
  if (options.intervention) {
    Tensor3Of<T>* const results[] = {&t.raw_scores,  &t.scores,          &t.masked_scores,
                                     &t.softmax_max, &t.softmax_exp,     &t.softmax_sum,
                                     &t.pattern,     &t.relative_output, &t.output};
    for (std::size_t k = 0; k < std::size(results); ++k) {
      for_each_piece([&](Piece p) { (stages.*stages.in_order[k])(p); });
      announce(*results[k]);
    }
  } else {
    for_each_piece([&](Piece p) { stages.all(p); });
  }
  kept = std::move(factors);

  concatenate(s, t);  // [n_query, n_heads * d_value]
  announce(t.concatenated);
  const bool everything = options.record == Record::everything;
  bool contributions_changed = false;
  if (everything) {
    parallel_for(s.n_heads, threads, [&](std::size_t h) {  // [n_heads, n_query, d_model]
      detail::affine_columns<T>(head_view(std::as_const(t.output), h),
                                rows(view(w.W_O), h * s.d_value, s.d_value), nullptr,
                                head_view(t.contribution, h));
    });
    if (options.intervention) {
      const Tensor3Of<T> before = t.contribution;
      announce(t.contribution);
      contributions_changed =
          std::memcmp(before.data(), t.contribution.data(), before.size() * sizeof(T)) != 0;
    }
  }
  MatrixOf<T>& projected = everything ? t.projected : t.attention_output;  // [n_query, d_model]
  if (contributions_changed)
    sum_of_contributions(t.contribution, projected);
  else
    detail::affine_in_blocks<T>(view(std::as_const(t.concatenated)), view(w.W_O), {},
                                view(projected), threads);
  announce(t.projected);
  if (everything) t.attention_output = t.projected;  // [n_query, d_model]
  add_to_rows(view(t.attention_output), w.b_O);
  announce(t.attention_output);
}

template <class T>
void for_each_stage(const MultiHeadTraceOf<T>& t, std::string_view prefix,
                    const StageVisitorOf<T>& visit) {
  detail::show_heads(t, prefix, visit);
  const auto show = [&](const char* name, std::string_view symbol, std::string_view formula,
                        std::string_view axes, const auto& values) {
    detail::show<T>(visit, prefix, name, symbol, formula, axes, values);
  };
  show("attn.hook_z_concat", "Concat", "z_1 ... z_h side by side", "pos, head d_head",
       t.concatenated);
  show("attn.hook_result", "z_h W_O,h", "z_h times its rows of W_O", "head, pos, d_model",
       t.contribution);
  show("attn.hook_out_nobias", "Concat W_O", "Concat W_O", "pos, d_model", t.projected);
  show("hook_attn_out", "attn", "Concat W_O + b_O", "pos, d_model", t.attention_output);
}

#define HEADLIGHT_MULTI_HEAD(T)                                                                  \
  template void multi_head_attention(const MatrixOf<T>&, const MatrixOf<T>&,                     \
                                     const MultiHeadWeightsOf<T>&, const AttentionOptionsOf<T>&, \
                                     MultiHeadTraceOf<T>&);                                      \
  template void for_each_stage(const MultiHeadTraceOf<T>&, std::string_view,                     \
                               const StageVisitorOf<T>&)
HEADLIGHT_MULTI_HEAD(double);
HEADLIGHT_MULTI_HEAD(float);
#undef HEADLIGHT_MULTI_HEAD

}  // namespace headlight
