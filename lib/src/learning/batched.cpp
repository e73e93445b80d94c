#include "learning/batched.hpp"

#include <algorithm>
#include <cmath>
#include <headlight/core/linalg.hpp>
#include <headlight/core/parallel.hpp>
#include <headlight/core/random.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/position/alibi.hpp>
#include <headlight/position/sinusoidal.hpp>
#include <stdexcept>

#include "learning/kernels.hpp"

namespace headlight::detail {
namespace {

// A batch is cut into this many blocks of sequences, whatever the number of threads.
constexpr std::size_t lane_count = 4;

template <class T>
ViewOf<T> at(T* data, std::size_t rows, std::size_t columns, std::size_t stride = 0) {
  return {data, rows, columns, stride == 0 ? columns : stride};
}

// C = A B + beta C, C = A B^T + ..., C = A^T B + ...
template <class T>
void product(ViewOf<const T> a, ViewOf<const T> b, ViewOf<T> c, T beta = T(0), T alpha = T(1)) {
  multiply<T>(alpha, a, b, beta, c);
}

template <class T>
void add_bias(T* rows, const T* bias, std::size_t count, std::size_t width) {
  for (std::size_t i = 0; i < count; ++i) kernel::add<T>(rows + i * width, bias, width);
}

template <class T>
void sum_rows(const T* rows, T* sum, std::size_t count, std::size_t width) {
  std::fill_n(sum, width, T(0));
  for (std::size_t i = 0; i < count; ++i) kernel::add<T>(sum, rows + i * width, width);
}

template <class T>
void size_to(std::vector<T>& memory, std::size_t size) {
  if (memory.size() != size) memory.assign(size, T(0));
}

template <class T>
void activation(Activation kind, const std::vector<T>& pre, std::vector<T>& post) {
  if (kind == Activation::gelu_new) return kernel::gelu_new<T>(pre.data(), post.data(), pre.size());
  activate<T>(kind, {pre.data(), pre.size()}, {post.data(), post.size()});
}

template <class T>
void activation_backward(Activation kind, const std::vector<T>& pre, std::vector<T>& d) {
  if (kind == Activation::gelu_new)
    return kernel::gelu_new_backward<T>(pre.data(), d.data(), d.size());
  for (std::size_t i = 0; i < d.size(); ++i) {
    const T x = pre[i];
    if (kind == Activation::relu)
      d[i] = x > 0 ? d[i] : T(0);
    else
      d[i] *= (1 + std::erf(x / T(1.4142135623730950488))) / 2 +
              x * std::exp(-x * x / 2) * T(0.39894228040143267794);
  }
}

}  // namespace

template <class T>
struct Batched<T>::Job {
  const T* w;
  const Batch& batch;
  const Dropout& dropout;
  bool wants_gradient;
  T share;  // one divided by the number of tokens that count
  T* of_token;

  bool counts(std::size_t token) const { return batch.counts.empty() || batch.counts[token]; }
};

template <class T>
Batched<T>::Batched(const ModelWeightsOf<T>& like) {
  const auto place = [&](std::size_t size, bool decay) {
    const Place p{size_, size};
    size_ += size;
    decays_.insert(decays_.end(), size, decay);
    return p;
  };
  const auto place_norm = [&](const std::optional<NormWeightsOf<T>>& norm) {
    if (!norm) return NormPlaces{};
    require_shape(norm->gain.size() == like.W_E.shape(1), "TrainerOf",
                  "a norm of " + shape_string(norm->gain) + " for W_E " + shape_string(like.W_E));
    NormPlaces p;
    p.gain = place(norm->gain.size(), false);
    p.bias = place(norm->bias.size(), false);
    p.centred = norm->kind == Norm::layer;
    p.epsilon = static_cast<double>(norm->epsilon);
    return p;
  };
  vocabulary_ = like.W_E.shape(0), d_model_ = like.W_E.shape(1);
  outputs_ = like.W_U.size() > 0 ? like.W_U.shape(0) : vocabulary_;
  position_ = like.position, rope_ = like.rope, context_ = like.n_context;
  W_E_ = place(like.W_E.size(), true);
  if (position_ == Position::learned) {
    W_pos_ = place(like.W_pos.size(), true);
    context_ = like.W_pos.shape(0);
  }
  if (position_ == Position::t5) {
    relative_bias_ = place(like.relative_bias.size(), true);
    buckets_ = buckets_of(like);
  }
  for (const BlockWeightsOf<T>& block : like.blocks) {
    const MultiHeadWeightsOf<T>& a = block.attention;
    require_shape(a.W_Q.shape(0) == d_model_ && a.W_K.shape() == a.W_Q.shape() &&
                      a.W_V.shape(0) == d_model_ && a.W_O.shape(1) == d_model_ &&
                      a.W_O.shape(0) == a.W_V.shape(1) && a.W_Q.shape(1) % a.n_heads == 0 &&
                      a.W_V.shape(1) % a.n_heads == 0,
                  "TrainerOf",
                  "W_Q " + shape_string(a.W_Q) + ", W_K " + shape_string(a.W_K) + ", W_V " +
                      shape_string(a.W_V) + ", W_O " + shape_string(a.W_O) + " do not fit " +
                      std::to_string(a.n_heads) + " heads on a stream of " +
                      std::to_string(d_model_));
    const bool has_biases = a.b_Q.size() > 0;
    if ((a.b_K.size() > 0) != has_biases || (a.b_V.size() > 0) != has_biases)
      throw std::invalid_argument("TrainerOf: wanted b_Q, b_K and b_V, or none of them");
    if (a.null_key.size() > 0 &&
        (position_ == Position::alibi || position_ == Position::t5 || position_ == Position::shaw))
      throw std::invalid_argument(
          "TrainerOf: ALiBi, T5's or Shaw's positions with a null key are "
          "not defined");
    BlockPlaces b;
    b.post_norm = block.place == NormPlace::after;
    b.n_heads = a.n_heads;
    b.d_head = a.W_Q.shape(1) / a.n_heads, b.d_value = a.W_V.shape(1) / a.n_heads;
    b.norm1 = place_norm(block.norm1);
    b.W_QKV = place(d_model_ * b.width(), true);
    if (has_biases) b.b_QKV = place(b.width(), false);
    b.W_O = place(a.W_O.size(), true);
    b.b_O = place(a.b_O.size(), false);
    b.null_key = place(a.null_key.size(), false);
    const std::size_t offsets = a.relative_keys.shape(0);
    require_shape(position_ == Position::shaw
                      ? offsets % 2 == 1 && a.relative_keys.shape(1) == a.W_K.shape(1) &&
                            (a.relative_values.size() == 0 ||
                             a.relative_values.shape() == std::array{offsets, a.W_V.shape(1)})
                      : a.relative_keys.size() == 0,
                  "TrainerOf",
                  "relative_keys " + shape_string(a.relative_keys) + " and relative_values " +
                      shape_string(a.relative_values) + " do not fit W_K " + shape_string(a.W_K));
    require_shape(position_ != Position::t5 || like.relative_bias.shape(1) == a.n_heads,
                  "TrainerOf",
                  "relative_bias " + shape_string(like.relative_bias) + " does not fit " +
                      std::to_string(a.n_heads) + " heads");
    if (position_ == Position::shaw) {
      b.offsets = offsets;
      b.relative_keys = place(a.relative_keys.size(), true);
      b.relative_values = place(a.relative_values.size(), true);
    }
    if (block.feed_forward) {
      const FeedForwardWeightsOf<T>& f = *block.feed_forward;
      b.norm2 = place_norm(block.norm2);
      b.d_hidden = f.W_in.shape(1), b.activation = f.activation;
      b.W_in = place(f.W_in.size(), true);
      b.b_in = place(f.b_in.size(), false);
      b.W_out = place(f.W_out.size(), true);
      b.b_out = place(f.b_out.size(), false);
    }
    blocks_.push_back(b);
    if (position_ == Position::alibi) {
      const VectorOf<T> slopes = alibi_slopes<T>(b.n_heads);
      slopes_.emplace_back(slopes.begin(), slopes.end());
    }
  }
  if (blocks_.empty()) throw std::invalid_argument("TrainerOf: wanted at least one block");
  norm_final_ = place_norm(like.norm_final);
  W_U_ = place(like.W_U.size(), true);
}

// The order of the flat list is that of the constructor; only W_Q, W_K, W_V change their layout.
// copy(tensor in the model, place) and copy_columns(tensor, place, first column, row length).
namespace {

template <class T, class Model, class Flat>
void exchange(Model& w, Flat flat, const std::vector<BlockPlaces>& blocks, const Place& W_E,
              const Place& W_pos, const Place& relative_bias, const NormPlaces& norm_final,
              const Place& W_U) {
  const auto copy = [&](auto& tensor, const Place& p) {
    if constexpr (std::is_const_v<std::remove_reference_t<decltype(*flat)>>)
      std::copy_n(flat + p.offset, p.size, tensor.data());
    else
      std::copy_n(tensor.data(), p.size, flat + p.offset);
  };
  const auto copy_columns = [&](auto& tensor, std::size_t rows, std::size_t columns, const Place& p,
                                std::size_t first, std::size_t stride) {
    for (std::size_t i = 0; i < rows; ++i)
      if constexpr (std::is_const_v<std::remove_reference_t<decltype(*flat)>>)
        std::copy_n(flat + p.offset + i * stride + first, columns, tensor.data() + i * columns);
      else
        std::copy_n(tensor.data() + i * columns, columns, flat + p.offset + i * stride + first);
  };
  const auto copy_norm = [&](auto& norm, const NormPlaces& p) {
    if (!norm) return;
    copy(norm->gain, p.gain);
    copy(norm->bias, p.bias);
  };
  copy(w.W_E, W_E);
  if (W_pos) copy(w.W_pos, W_pos);
  if (relative_bias) copy(w.relative_bias, relative_bias);
  for (std::size_t l = 0; l < blocks.size(); ++l) {
    const BlockPlaces& b = blocks[l];
    auto& block = w.blocks[l];
    auto& a = block.attention;
    const std::size_t queries = b.n_heads * b.d_head, values = b.n_heads * b.d_value;
    const std::size_t d = a.W_Q.shape(0);
    copy_norm(block.norm1, b.norm1);
    copy_columns(a.W_Q, d, queries, b.W_QKV, 0, b.width());
    copy_columns(a.W_K, d, queries, b.W_QKV, queries, b.width());
    copy_columns(a.W_V, d, values, b.W_QKV, 2 * queries, b.width());
    if (b.b_QKV) {
      copy_columns(a.b_Q, 1, queries, b.b_QKV, 0, b.width());
      copy_columns(a.b_K, 1, queries, b.b_QKV, queries, b.width());
      copy_columns(a.b_V, 1, values, b.b_QKV, 2 * queries, b.width());
    }
    copy(a.W_O, b.W_O);
    copy(a.b_O, b.b_O);
    copy(a.null_key, b.null_key);
    copy(a.relative_keys, b.relative_keys);
    copy(a.relative_values, b.relative_values);
    if (!block.feed_forward) continue;
    copy_norm(block.norm2, b.norm2);
    copy(block.feed_forward->W_in, b.W_in);
    copy(block.feed_forward->b_in, b.b_in);
    copy(block.feed_forward->W_out, b.W_out);
    copy(block.feed_forward->b_out, b.b_out);
  }
  copy_norm(w.norm_final, norm_final);
  if (W_U) copy(w.W_U, W_U);
}

}  // namespace

template <class T>
std::vector<T> Batched<T>::pack(const ModelWeightsOf<T>& weights) const {
  std::vector<T> flat(size_);
  exchange<T>(weights, flat.data(), blocks_, W_E_, W_pos_, relative_bias_, norm_final_, W_U_);
  return flat;
}

template <class T>
void Batched<T>::unpack(const std::vector<T>& flat, ModelWeightsOf<T>& weights) const {
  exchange<T>(weights, flat.data(), blocks_, W_E_, W_pos_, relative_bias_, norm_final_, W_U_);
}

template <class T>
void Batched<T>::prepare_positions(std::size_t n) {
  if (positions_ready_ >= n) return;
  positions_ready_ = n;
  if (position_ == Position::sinusoidal) {
    const MatrixOf<T> table = sinusoidal_positions<T>(n, d_model_);
    sinusoids_.assign(table.begin(), table.end());
  }
  for (std::size_t distance = bucket_.size(); position_ == Position::t5 && distance < n; ++distance)
    bucket_.push_back(t5_bucket(-static_cast<std::ptrdiff_t>(distance), buckets_));
  if (position_ != Position::rope) return;
  const std::size_t d_head = blocks_.front().d_head;
  for (const BlockPlaces& b : blocks_)
    require_shape(b.d_head == d_head, "TrainerOf",
                  "wanted heads of one width for rotary positions");
  const Vector frequency = rope_frequencies(d_head, rope_);
  const std::size_t pairs = frequency.size();
  cosine_.resize(n * pairs), sine_.resize(n * pairs);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t p = 0; p < pairs; ++p) {
      const double angle = static_cast<double>(i) * frequency(p);
      cosine_[i * pairs + p] = static_cast<T>(std::cos(angle));
      sine_[i * pairs + p] = static_cast<T>(std::sin(angle));
    }
}

namespace {

template <class T>
void turn_row(T* x, const T* c, const T* s, std::size_t pairs, RopePairing pairing, T sign) {
  if (pairing == RopePairing::halves) return kernel::rotate_halves<T>(x, c, s, pairs, sign);
  for (std::size_t p = 0; p < pairs; ++p) {
    const T a = x[2 * p], b = x[2 * p + 1], sine = sign * s[p];
    x[2 * p] = a * c[p] - b * sine;
    x[2 * p + 1] = a * sine + b * c[p];
  }
}

// The row of Shaw's tables for a key so many tokens back.
std::size_t earlier_row(std::size_t distance, std::size_t offsets) {
  return offsets / 2 - std::min(distance, offsets / 2);
}

}  // namespace

template <class T>
void Batched<T>::attend(Lane& lane, Layer& layer, const BlockPlaces& b, const Job& job,
                        std::size_t first, std::size_t count, std::size_t index) {
  const std::size_t n = job.batch.n, width = b.width(), nulls = b.null_key ? 1 : 0;
  const std::size_t n_key = n + nulls, queries = b.n_heads * b.d_head;
  const std::size_t values = b.n_heads * b.d_value,
                    pairs = n > 0 ? cosine_.size() / positions_ready_ : 0;
  const T scale = static_cast<T>(1 / std::sqrt(static_cast<double>(b.d_head)));
  if (nulls && position_ == Position::rope) layer.unrotated = layer.qkv;
  if (position_ == Position::rope)
    for (std::size_t row = 0; row < count * n; ++row)
      for (std::size_t h = 0; h < 2 * b.n_heads; ++h)
        turn_row<T>(layer.qkv.data() + row * width + h * b.d_head, cosine_.data() + row % n * pairs,
                    sine_.data() + row % n * pairs, pairs, rope_.pairing, T(1));
  const bool drops = job.dropout.pattern > 0 || job.dropout.head > 0;
  for (std::size_t s = 0; s < count; ++s) {
    T* qkv = layer.qkv.data() + s * n * width;
    Random random(job.dropout.seed ^ (first + s + 1) * 0x9E3779B97F4A7C15u ^
                  (index + 1) * 0xC2B2AE3D27D4EB4Fu);
    for (std::size_t h = 0; h < b.n_heads; ++h) {
      T* pattern = layer.pattern.data() + (s * b.n_heads + h) * n * n_key;
      const ViewOf<const T> q = at<const T>(qkv + h * b.d_head, n, b.d_head, width);
      const ViewOf<const T> k = at<const T>(qkv + queries + h * b.d_head, n, b.d_head, width);
      const ViewOf<const T> v = at<const T>(qkv + 2 * queries + h * b.d_value, n, b.d_value, width);
      product<T>(q, transposed(k), at(pattern + nulls, n, n, n_key), T(0), scale);
      if (nulls) {
        const T* plain = position_ == Position::rope ? layer.unrotated.data() + s * n * width : qkv;
        product<T>(at<const T>(plain + h * b.d_head, n, b.d_head, width),
                   transposed(at<const T>(job.w + b.null_key.offset + h * b.d_head, 1, b.d_head)),
                   at(pattern, n, 1, n_key), T(0), scale);
      }
      if (b.relative_keys)  // q a^K at every offset
        product<T>(q,
                   transposed(at<const T>(job.w + b.relative_keys.offset + h * b.d_head, b.offsets,
                                          b.d_head, queries)),
                   at(lane.by_offset.data(), n, b.offsets), T(0), scale);
      for (std::size_t i = 0; i < n; ++i) {
        T* row = pattern + i * n_key;
        if (position_ == Position::alibi) {
          const T slope = slopes_[index][h];
          for (std::size_t j = 0; j <= i; ++j) row[j] -= slope * static_cast<T>(i - j);
        }
        if (relative_bias_)
          for (std::size_t j = 0; j <= i; ++j)
            row[j] += job.w[relative_bias_.offset + bucket_[i - j] * b.n_heads + h];
        if (b.relative_keys)
          for (std::size_t j = 0; j <= i; ++j)
            row[j] += lane.by_offset[i * b.offsets + earlier_row(i - j, b.offsets)];
        kernel::softmax<T>(row, i + 1 + nulls);
        std::fill(row + i + 1 + nulls, row + n_key, T(0));
      }
      const T* weights = pattern;
      if (drops) {
        T* keep = layer.keep.data() + (s * b.n_heads + h) * n * n_key;
        T* dropped = layer.dropped.data() + (s * b.n_heads + h) * n * n_key;
        const T kept = static_cast<T>(1 / (1 - job.dropout.pattern));
        const bool head_stays = random.uniform() >= job.dropout.head;
        const T of_head = head_stays ? static_cast<T>(1 / (1 - job.dropout.head)) : T(0);
        for (std::size_t c = 0; c < n * n_key; ++c) {
          const bool stays = job.dropout.pattern == 0 || random.uniform() >= job.dropout.pattern;
          keep[c] = stays ? kept * of_head : T(0);
          dropped[c] = pattern[c] * keep[c];
        }
        weights = dropped;
      }
      product<T>(at<const T>(weights + nulls, n, n, n_key), v,
                 at(layer.z.data() + s * n * values + h * b.d_value, n, b.d_value, values));
      if (!b.relative_values) continue;
      T* share = layer.share.data() + (s * b.n_heads + h) * n * b.offsets;
      std::fill_n(share, n * b.offsets, T(0));
      for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j <= i; ++j)
          share[i * b.offsets + earlier_row(i - j, b.offsets)] += weights[i * n_key + j];
      product<T>(at<const T>(share, n, b.offsets),
                 at<const T>(job.w + b.relative_values.offset + h * b.d_value, b.offsets, b.d_value,
                             values),
                 at(layer.z.data() + s * n * values + h * b.d_value, n, b.d_value, values), T(1));
    }
  }
}

template <class T>
void Batched<T>::attend_backward(Lane& lane, Layer& layer, const BlockPlaces& b, const Job& job,
                                 std::size_t count, T* gradient) {
  const std::size_t n = job.batch.n, width = b.width(), nulls = b.null_key ? 1 : 0;
  const std::size_t n_key = n + nulls, queries = b.n_heads * b.d_head;
  const std::size_t values = b.n_heads * b.d_value,
                    pairs = cosine_.size() / std::max<std::size_t>(1, positions_ready_);
  const T scale = static_cast<T>(1 / std::sqrt(static_cast<double>(b.d_head)));
  const bool drops = job.dropout.pattern > 0 || job.dropout.head > 0;
  const bool turns = position_ == Position::rope;
  size_to(lane.d_scores, n * n_key);
  if (nulls) std::fill_n(gradient + b.null_key.offset, b.null_key.size, T(0));
  std::fill_n(gradient + b.relative_keys.offset, b.relative_keys.size, T(0));
  std::fill_n(gradient + b.relative_values.offset, b.relative_values.size, T(0));
  for (std::size_t s = 0; s < count; ++s) {
    const T* qkv = layer.qkv.data() + s * n * width;
    T* d_qkv = lane.d_qkv.data() + s * n * width;
    for (std::size_t h = 0; h < b.n_heads; ++h) {
      const std::size_t piece = (s * b.n_heads + h) * n * n_key;
      const T* pattern = layer.pattern.data() + piece;
      const T* used = drops ? layer.dropped.data() + piece : pattern;
      const ViewOf<const T> q = at<const T>(qkv + h * b.d_head, n, b.d_head, width);
      const ViewOf<const T> k = at<const T>(qkv + queries + h * b.d_head, n, b.d_head, width);
      const ViewOf<const T> v = at<const T>(qkv + 2 * queries + h * b.d_value, n, b.d_value, width);
      const ViewOf<const T> d_z =
          at<const T>(lane.d_z.data() + s * n * values + h * b.d_value, n, b.d_value, values);
      T* d = lane.d_scores.data();
      product<T>(d_z, transposed(v), at(d + nulls, n, n, n_key));
      if (nulls)
        for (std::size_t i = 0; i < n; ++i) d[i * n_key] = T(0);  // its value is zero
      product<T>(transposed(at<const T>(used + nulls, n, n, n_key)), d_z,
                 at(d_qkv + 2 * queries + h * b.d_value, n, b.d_value, width));
      T* by_offset = lane.by_offset.data();
      if (b.relative_values) {
        const std::size_t place = b.relative_values.offset + h * b.d_value;
        product<T>(d_z, transposed(at<const T>(job.w + place, b.offsets, b.d_value, values)),
                   at(by_offset, n, b.offsets));
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j <= i; ++j)
            d[i * n_key + j] += by_offset[i * b.offsets + earlier_row(i - j, b.offsets)];
        const T* share = layer.share.data() + (s * b.n_heads + h) * n * b.offsets;
        product<T>(transposed(at<const T>(share, n, b.offsets)), d_z,
                   at(gradient + place, b.offsets, b.d_value, values), T(1));
      }
      if (drops)
        for (std::size_t c = 0; c < n * n_key; ++c) d[c] *= layer.keep[piece + c];
      for (std::size_t i = 0; i < n; ++i) {
        kernel::softmax_backward<T>(pattern + i * n_key, d + i * n_key, i + 1 + nulls, scale);
        std::fill(d + i * n_key + i + 1 + nulls, d + (i + 1) * n_key, T(0));
      }
      const ViewOf<const T> d_scores = at<const T>(d + nulls, n, n, n_key);
      const ViewOf<T> d_q = at(d_qkv + h * b.d_head, n, b.d_head, width);
      const ViewOf<T> d_k = at(d_qkv + queries + h * b.d_head, n, b.d_head, width);
      product<T>(d_scores, k, d_q);
      product<T>(transposed(d_scores), q, d_k);
      if (relative_bias_)  // d holds the gradient times the scale, which the bias does not meet
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j <= i; ++j)
            gradient[relative_bias_.offset + bucket_[i - j] * b.n_heads + h] +=
                d[i * n_key + j] / scale;
      if (b.relative_keys) {
        const std::size_t place = b.relative_keys.offset + h * b.d_head;
        std::fill_n(by_offset, n * b.offsets, T(0));
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j <= i; ++j)
            by_offset[i * b.offsets + earlier_row(i - j, b.offsets)] += d[i * n_key + j];
        const ViewOf<const T> d_offset = at<const T>(by_offset, n, b.offsets);
        product<T>(d_offset, at<const T>(job.w + place, b.offsets, b.d_head, queries), d_q, T(1));
        product<T>(transposed(d_offset), q, at(gradient + place, b.offsets, b.d_head, queries),
                   T(1));
      }
      if (turns)
        for (std::size_t i = 0; i < n; ++i)
          for (const std::size_t part : {std::size_t{0}, queries})
            turn_row<T>(d_qkv + i * width + part + h * b.d_head, cosine_.data() + i * pairs,
                        sine_.data() + i * pairs, pairs, rope_.pairing, T(-1));
      if (!nulls) continue;
      const T* plain = turns ? layer.unrotated.data() + s * n * width : qkv;
      const ViewOf<const T> d_null = at<const T>(d, n, 1, n_key);
      product<T>(d_null, at<const T>(job.w + b.null_key.offset + h * b.d_head, 1, b.d_head), d_q,
                 T(1));
      product<T>(transposed(d_null), at<const T>(plain + h * b.d_head, n, b.d_head, width),
                 at(gradient + b.null_key.offset + h * b.d_head, 1, b.d_head), T(1));
    }
  }
}

template <class T>
void Batched<T>::forward(Lane& lane, const Job& job, std::size_t first, std::size_t count) {
  const std::size_t n = job.batch.n, d = d_model_, rows = count * n;
  const std::size_t* ids = job.batch.ids.data() + first * n;
  const T* w = job.w;
  lane.layers.resize(blocks_.size());
  const auto norm = [&](const NormPlaces& p, const std::vector<T>& x, std::vector<T>& out,
                        std::vector<T>& mean, std::vector<T>& rstd) -> const T* {
    if (!p.gain) return x.data();
    size_to(out, rows * d), size_to(mean, rows), size_to(rstd, rows);
    for (std::size_t i = 0; i < rows; ++i)
      kernel::normalise<T>(x.data() + i * d, w + p.gain.offset,
                           p.bias ? w + p.bias.offset : nullptr, p.centred,
                           static_cast<T>(p.epsilon), d, out.data() + i * d, mean[i], rstd[i]);
    return out.data();
  };
  std::vector<T>& start = lane.layers.front().x;
  size_to(start, rows * d);
  for (std::size_t i = 0; i < rows; ++i) {
    std::copy_n(w + W_E_.offset + ids[i] * d, d, start.data() + i * d);
    if (W_pos_) kernel::add<T>(start.data() + i * d, w + W_pos_.offset + i % n * d, d);
    if (position_ == Position::sinusoidal)
      kernel::add<T>(start.data() + i * d, sinusoids_.data() + i % n * d, d);
  }
  for (std::size_t l = 0; l < blocks_.size(); ++l) {
    const BlockPlaces& b = blocks_[l];
    Layer& layer = lane.layers[l];
    const std::size_t width = b.width(), values = b.n_heads * b.d_value;
    const std::size_t cells = count * b.n_heads * n * (n + (b.null_key ? 1 : 0));
    size_to(layer.qkv, rows * width), size_to(layer.pattern, cells),
        size_to(layer.z, rows * values);
    if (job.dropout.pattern > 0 || job.dropout.head > 0)
      size_to(layer.keep, cells), size_to(layer.dropped, cells);
    size_to(lane.by_offset, n * b.offsets);
    if (b.relative_values) size_to(layer.share, count * b.n_heads * n * b.offsets);
    const T* h1 =
        b.post_norm ? layer.x.data() : norm(b.norm1, layer.x, layer.h1, layer.mean1, layer.rstd1);
    product<T>(at(h1, rows, d), at(w + b.W_QKV.offset, d, width),
               at(layer.qkv.data(), rows, width));
    if (b.b_QKV) add_bias(layer.qkv.data(), w + b.b_QKV.offset, rows, width);
    attend(lane, layer, b, job, first, count, l);
    std::vector<T>& next = l + 1 < blocks_.size() ? lane.layers[l + 1].x : lane.x;
    std::vector<T>& mid = b.W_in ? layer.mid : next;
    std::vector<T>& sum1 = b.post_norm && b.norm1.gain ? layer.sum1 : mid;  // a norm may follow
    size_to(sum1, rows * d);
    std::copy(layer.x.begin(), layer.x.end(), sum1.begin());
    product<T>(at<const T>(layer.z.data(), rows, values), at(w + b.W_O.offset, values, d),
               at(sum1.data(), rows, d), T(1));
    if (b.b_O) add_bias(sum1.data(), w + b.b_O.offset, rows, d);
    if (b.post_norm) norm(b.norm1, sum1, mid, layer.mean1, layer.rstd1);
    if (!b.W_in) continue;
    size_to(layer.pre, rows * b.d_hidden), size_to(layer.post, rows * b.d_hidden);
    const T* h2 = b.post_norm ? mid.data() : norm(b.norm2, mid, layer.h2, layer.mean2, layer.rstd2);
    product<T>(at(h2, rows, d), at(w + b.W_in.offset, d, b.d_hidden),
               at(layer.pre.data(), rows, b.d_hidden));
    if (b.b_in) add_bias(layer.pre.data(), w + b.b_in.offset, rows, b.d_hidden);
    activation(b.activation, layer.pre, layer.post);
    std::vector<T>& sum2 = b.post_norm && b.norm2.gain ? layer.sum2 : next;
    size_to(sum2, rows * d);
    std::copy(mid.begin(), mid.end(), sum2.begin());
    product<T>(at<const T>(layer.post.data(), rows, b.d_hidden),
               at(w + b.W_out.offset, b.d_hidden, d), at(sum2.data(), rows, d), T(1));
    if (b.b_out) add_bias(sum2.data(), w + b.b_out.offset, rows, d);
    if (b.post_norm) norm(b.norm2, sum2, next, layer.mean2, layer.rstd2);
  }
  const T* h = norm(norm_final_, lane.x, lane.h, lane.mean, lane.rstd);
  const Place& W_U = W_U_ ? W_U_ : W_E_;
  size_to(lane.logits, rows * outputs_);
  product<T>(at(h, rows, d), transposed(at(w + W_U.offset, outputs_, d)),
             at(lane.logits.data(), rows, outputs_));
  lane.loss = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    T* row = lane.logits.data() + i * outputs_;
    const std::size_t token = first * n + i;
    if (!job.counts(token)) {
      std::fill_n(row, outputs_, T(0));
      if (job.of_token) job.of_token[token] = T(0);
      continue;
    }
    const std::size_t target = job.batch.targets[token];
    const T logit = row[target];
    const T loss = kernel::softmax<T>(row, outputs_) - logit;
    lane.loss += static_cast<double>(loss);
    if (job.of_token) job.of_token[token] = loss;
    row[target] -= T(1);
  }
}

template <class T>
void Batched<T>::backward(Lane& lane, const Job& job, std::size_t first, std::size_t count) {
  const std::size_t n = job.batch.n, d = d_model_, rows = count * n;
  const T* w = job.w;
  size_to(lane.gradient, size_);
  T* g = lane.gradient.data();
  const auto norm_backward = [&](const NormPlaces& p, const std::vector<T>& x,
                                 const std::vector<T>& mean, const std::vector<T>& rstd) {
    if (!p.gain) return kernel::add<T>(lane.d_x.data(), lane.d_h.data(), rows * d);
    std::fill_n(g + p.gain.offset, d, T(0));
    if (p.bias) std::fill_n(g + p.bias.offset, d, T(0));
    for (std::size_t i = 0; i < rows; ++i)
      kernel::normalise_backward<T>(x.data() + i * d, w + p.gain.offset, lane.d_h.data() + i * d,
                                    p.centred, d, mean[i], rstd[i], lane.d_x.data() + i * d,
                                    g + p.gain.offset, p.bias ? g + p.bias.offset : nullptr);
  };
  // a norm after the sum: what d_x asks of its output becomes what is asked of the sum
  const auto back_through = [&](const NormPlaces& p, const std::vector<T>& sum,
                                const std::vector<T>& mean, const std::vector<T>& rstd) {
    if (!p.gain) return;
    std::swap(lane.d_x, lane.d_h);
    std::fill(lane.d_x.begin(), lane.d_x.end(), T(0));
    norm_backward(p, sum, mean, rstd);
  };
  size_to(lane.d_x, rows * d), size_to(lane.d_h, rows * d);
  // logits hold p - [target]; the share of the mean goes into the products
  const Place& W_U = W_U_ ? W_U_ : W_E_;
  const ViewOf<const T> d_logits = at<const T>(lane.logits.data(), rows, outputs_);
  const T* h = norm_final_.gain ? lane.h.data() : lane.x.data();
  product<T>(d_logits, at(w + W_U.offset, outputs_, d), at(lane.d_h.data(), rows, d), T(0),
             job.share);
  product<T>(transposed(d_logits), at(h, rows, d), at(g + W_U.offset, outputs_, d), T(0),
             job.share);
  std::fill(lane.d_x.begin(), lane.d_x.end(), T(0));
  norm_backward(norm_final_, lane.x, lane.mean, lane.rstd);
  std::fill_n(g + relative_bias_.offset, relative_bias_.size, T(0));
  for (std::size_t l = blocks_.size(); l-- > 0;) {
    const BlockPlaces& b = blocks_[l];
    Layer& layer = lane.layers[l];
    if (b.post_norm && b.W_in) back_through(b.norm2, layer.sum2, layer.mean2, layer.rstd2);
    if (b.W_in) {
      const ViewOf<const T> d_x = at<const T>(lane.d_x.data(), rows, d);
      const ViewOf<T> d_h = at(lane.d_h.data(), rows, d);
      const bool norm_before = !b.post_norm && b.norm2.gain;
      const T* h2 = norm_before ? layer.h2.data() : layer.mid.data();
      size_to(lane.d_hidden, rows * b.d_hidden);
      product<T>(d_x, transposed(at(w + b.W_out.offset, b.d_hidden, d)),
                 at(lane.d_hidden.data(), rows, b.d_hidden));
      product<T>(transposed(at<const T>(layer.post.data(), rows, b.d_hidden)), d_x,
                 at(g + b.W_out.offset, b.d_hidden, d));
      if (b.b_out) sum_rows(lane.d_x.data(), g + b.b_out.offset, rows, d);
      activation_backward(b.activation, layer.pre, lane.d_hidden);
      const ViewOf<const T> d_pre = at<const T>(lane.d_hidden.data(), rows, b.d_hidden);
      product<T>(transposed(at(h2, rows, d)), d_pre, at(g + b.W_in.offset, d, b.d_hidden));
      if (b.b_in) sum_rows(lane.d_hidden.data(), g + b.b_in.offset, rows, b.d_hidden);
      product<T>(d_pre, transposed(at(w + b.W_in.offset, d, b.d_hidden)), d_h);
      norm_backward(norm_before ? b.norm2 : NormPlaces{}, layer.mid, layer.mean2, layer.rstd2);
    }
    if (b.post_norm) back_through(b.norm1, layer.sum1, layer.mean1, layer.rstd1);
    const ViewOf<const T> d_x = at<const T>(lane.d_x.data(), rows, d);
    const ViewOf<T> d_h = at(lane.d_h.data(), rows, d);
    const bool norm_before = !b.post_norm && b.norm1.gain;
    const std::size_t width = b.width(), values = b.n_heads * b.d_value;
    const T* h1 = norm_before ? layer.h1.data() : layer.x.data();
    size_to(lane.d_z, rows * values), size_to(lane.d_qkv, rows * width);
    product<T>(d_x, transposed(at(w + b.W_O.offset, values, d)), at(lane.d_z.data(), rows, values));
    product<T>(transposed(at<const T>(layer.z.data(), rows, values)), d_x,
               at(g + b.W_O.offset, values, d));
    if (b.b_O) sum_rows(lane.d_x.data(), g + b.b_O.offset, rows, d);
    attend_backward(lane, layer, b, job, count, g);
    const ViewOf<const T> d_qkv = at<const T>(lane.d_qkv.data(), rows, width);
    product<T>(transposed(at(h1, rows, d)), d_qkv, at(g + b.W_QKV.offset, d, width));
    if (b.b_QKV) sum_rows(lane.d_qkv.data(), g + b.b_QKV.offset, rows, width);
    product<T>(d_qkv, transposed(at(w + b.W_QKV.offset, d, width)), d_h);
    norm_backward(norm_before ? b.norm1 : NormPlaces{}, layer.x, layer.mean1, layer.rstd1);
  }
  if (W_U_) std::fill_n(g + W_E_.offset, W_E_.size, T(0));
  if (W_pos_) std::fill_n(g + W_pos_.offset, W_pos_.size, T(0));
  const std::size_t* ids = job.batch.ids.data() + first * n;
  for (std::size_t i = 0; i < rows; ++i) {
    kernel::add<T>(g + W_E_.offset + ids[i] * d, lane.d_x.data() + i * d, d);
    if (W_pos_) kernel::add<T>(g + W_pos_.offset + i % n * d, lane.d_x.data() + i * d, d);
  }
}

template <class T>
double Batched<T>::run(const std::vector<T>& flat, const Batch& batch, const Dropout& dropout,
                       std::size_t threads, std::vector<T>* gradient, std::vector<T>* of_token) {
  const std::size_t tokens = batch.sequences * batch.n;
  require_shape(batch.ids.size() == tokens && batch.targets.size() == tokens &&
                    (batch.counts.empty() || batch.counts.size() == tokens),
                "TrainerOf",
                std::to_string(batch.sequences) + " sequences of " + std::to_string(batch.n) +
                    " tokens have " + std::to_string(batch.ids.size()) + " ids, " +
                    std::to_string(batch.targets.size()) + " targets, " +
                    std::to_string(batch.counts.size()) + " flags");
  require_shape(context_ == 0 || batch.n <= context_, "TrainerOf",
                "wanted at most " + std::to_string(context_) +
                    " tokens (the model's context), got " + std::to_string(batch.n));
  std::size_t counted = 0;
  for (std::size_t t = 0; t < tokens; ++t) {
    const bool counts = batch.counts.empty() || batch.counts[t];
    counted += counts;
    if (batch.ids[t] >= vocabulary_ || (counts && batch.targets[t] >= outputs_))
      throw std::out_of_range("TrainerOf: token id " +
                              std::to_string(std::max(batch.ids[t], batch.targets[t])) +
                              " is not in the vocabulary of " + std::to_string(vocabulary_));
  }
  if (counted == 0) throw std::domain_error("TrainerOf: no token counts");
  prepare_positions(batch.n);
  if (of_token) of_token->assign(tokens, T(0));
  const Job job{flat.data(),
                batch,
                dropout,
                gradient != nullptr,
                T(1) / static_cast<T>(counted),
                of_token ? of_token->data() : nullptr};
  const std::size_t per_lane = (batch.sequences + lane_count - 1) / lane_count;
  const std::size_t lanes = (batch.sequences + per_lane - 1) / per_lane;
  if (lanes_.size() < lanes) lanes_.resize(lanes);
  parallel_for(lanes, threads, [&](std::size_t l) {
    const std::size_t first = l * per_lane, count = std::min(per_lane, batch.sequences - first);
    forward(lanes_[l], job, first, count);
    if (job.wants_gradient) backward(lanes_[l], job, first, count);
  });
  double loss = 0;
  for (std::size_t l = 0; l < lanes; ++l) loss += lanes_[l].loss;
  if (gradient) {
    gradient->assign(lanes_[0].gradient.begin(), lanes_[0].gradient.end());
    for (std::size_t l = 1; l < lanes; ++l)
      kernel::add<T>(gradient->data(), lanes_[l].gradient.data(), size_);
  }
  return loss / static_cast<double>(counted);
}

template class Batched<double>;
template class Batched<float>;

}  // namespace headlight::detail
