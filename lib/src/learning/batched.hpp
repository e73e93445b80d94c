/// @file
/// Private to lib/src/learning: forward and backward pass of a batch over one flat list of
/// parameters.
#pragma once

#include <headlight/learning/trainer.hpp>
#include <string>
#include <vector>

namespace headlight::detail {

// Where a tensor lies in the flat list. W_Q, W_K, W_V of a block share one matrix, side by side.
struct Place {
  std::size_t offset = 0, size = 0;
  explicit operator bool() const { return size > 0; }
};

struct NormPlaces {
  Place gain, bias;
  bool centred = false;
  double epsilon = 1e-5;
};

struct BlockPlaces {
  NormPlaces norm1, norm2;
  Place W_QKV, b_QKV, W_O, b_O, null_key, relative_keys, relative_values, W_in, b_in, W_out, b_out;
  std::size_t n_heads = 1, d_head = 0, d_value = 0, d_hidden = 0;
  std::size_t offsets = 0;  // rows of Shaw's tables
  bool post_norm = false;
  Activation activation = Activation::gelu_new;
  std::size_t width() const { return n_heads * (2 * d_head + d_value); }
};

struct Dropout {
  double pattern = 0, head = 0;
  std::uint64_t seed = 0;
};

template <class T>
class Batched {
 public:
  explicit Batched(const ModelWeightsOf<T>& like);

  std::size_t size() const { return size_; }
  std::vector<T> pack(const ModelWeightsOf<T>& weights) const;
  void unpack(const std::vector<T>& flat, ModelWeightsOf<T>& weights) const;
  const std::vector<bool>& decays() const { return decays_; }

  // Mean loss; `gradient` (null: forward only) is overwritten; `of_token` may be null.
  double run(const std::vector<T>& flat, const Batch& batch, const Dropout& dropout,
             std::size_t threads, std::vector<T>* gradient, std::vector<T>* of_token);

 private:
  struct Layer {
    std::vector<T> x, mean1, rstd1, h1, qkv, unrotated, pattern, dropped, keep, keep_head, z, mid,
        mean2, rstd2, h2, pre, post;
    std::vector<T> sum1, sum2;  // post-norm only: what the norms read
    std::vector<T> share;       // Shaw's positions on values only: of A on every offset
  };
  struct Lane {  // the memory of one block of sequences
    std::vector<Layer> layers;
    std::vector<T> x, mean, rstd, h, logits, d_x, d_h, d_qkv, d_z, d_hidden, d_scores, gradient;
    std::vector<T> by_offset;  // Shaw's positions only: [n, offsets]
    double loss = 0;
  };
  struct Job;

  void forward(Lane& lane, const Job& job, std::size_t first, std::size_t count);
  void backward(Lane& lane, const Job& job, std::size_t first, std::size_t count);
  void attend(Lane& lane, Layer& layer, const BlockPlaces& b, const Job& job, std::size_t first,
              std::size_t count, std::size_t index);
  void attend_backward(Lane& lane, Layer& layer, const BlockPlaces& b, const Job& job,
                       std::size_t count, T* gradient);
  void prepare_positions(std::size_t n);
  template <class Visit>
  void walk(const Visit& visit) const;

  std::size_t d_model_ = 0, vocabulary_ = 0, outputs_ = 0, context_ = 0, size_ = 0;
  Position position_ = Position::none;
  Rope rope_;
  Place W_E_, W_pos_, relative_bias_, W_U_;
  NormPlaces norm_final_;
  std::vector<BlockPlaces> blocks_;
  std::vector<bool> decays_;
  std::size_t positions_ready_ = 0;
  std::vector<T> cosine_, sine_, sinusoids_;
  T5Buckets buckets_;
  std::vector<std::size_t> bucket_;  // T5's positions only: of every distance
  std::vector<std::vector<T>> slopes_;
  std::vector<Lane> lanes_;
};

}  // namespace headlight::detail
