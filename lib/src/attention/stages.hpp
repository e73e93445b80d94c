/// @file
/// Private to lib/src/attention: showing stages, announcing them to an intervention, blocks of
/// rows.
#pragma once

#include <algorithm>
#include <headlight/core/linalg.hpp>
#include <headlight/core/parallel.hpp>
#include <headlight/core/shape.hpp>
#include <headlight/core/stage.hpp>
#include <headlight/core/tensor.hpp>
#include <string>

#include "core/kernels.hpp"
#include "core/product.hpp"

namespace headlight::detail {

// Rows of a block, of so many numbers each: small enough for the second-level cache, whole tiles,
// and never a function of the threads.
inline std::size_t rows_of_block(std::size_t width) {
  constexpr std::size_t floats = 96 << 10, most = 96, tile = 12;
  return std::clamp(floats / std::max<std::size_t>(1, width) / tile * tile, tile, most);
}

// Shows one tensor, named prefix + name, unless it is empty.
template <class T, class Tensor>
void show(const StageVisitorOf<T>& visit, std::string_view prefix, std::string_view name,
          std::string_view symbol, std::string_view formula, std::string_view axes,
          const Tensor& values) {
  if (values.size() == 0) return;
  StageOf<const T> stage{std::string(prefix).append(name), symbol, formula, axes, {}, {}, {}};
  stage.shape.assign(values.shape().begin(), values.shape().end());
  if constexpr (std::is_same_v<typename Tensor::value_type, bool>)
    stage.flags = {values.data(), values.size()};
  else
    stage.values = {values.data(), values.size()};
  visit(stage);
}

// The stages from queries to outputs, which one head and all heads name alike; a lone head has no
// axis of heads.
template <class T, class Trace>
void show_heads(const Trace& t, std::string_view prefix, const StageVisitorOf<T>& visit) {
  const bool many = t.query.dimension() == 3;
  const auto show = [&](const char* name, std::string_view symbol, std::string_view formula,
                        std::string_view axes, const auto& values) {
    constexpr std::string_view heads = "head, ";
    if (!many && axes.starts_with(heads)) axes.remove_prefix(heads.size());
    detail::show<T>(visit, prefix, name, symbol, formula, axes, values);
  };
  show("attn.hook_q", "Q", "x W_Q + b_Q", "head, pos, d_head", t.query);
  show("attn.hook_k", "K", "x W_K + b_K", "head, pos, d_head", t.key);
  show("attn.hook_v", "V", "x W_V + b_V", "head, pos, d_head", t.value);
  show("attn.hook_rot_q", "Q'", "rotate(Q)", "head, pos, d_head", t.rotated_query);
  show("attn.hook_rot_k", "K'", "rotate(K)", "head, pos, d_head", t.rotated_key);
  show("attn.hook_scores_raw", "Q K^T", "Q K^T", "head, query, key", t.raw_scores);
  show("attn.hook_scores_scaled", "S", "Q K^T / sqrt(d_head)", "head, query, key", t.scores);
  show("attn.hook_bias", "B", "position bias", "head, query, key", t.bias);
  show("attn.hook_mask", "M", "true where visible", "query, key", t.mask);
  show("attn.hook_attn_scores", "S masked", "S + B, -inf where hidden", "head, query, key",
       t.masked_scores);
  show("attn.hook_softmax_max", "m", "max of a row of S", "head, query, 1", t.softmax_max);
  show("attn.hook_softmax_exp", "E", "exp(S - m)", "head, query, key", t.softmax_exp);
  show("attn.hook_softmax_sum", "l", "sum of a row of E", "head, query, 1", t.softmax_sum);
  show("attn.hook_pattern", "A", "E / l", "head, query, key", t.pattern);
  bool shifted = false;  // by Shaw's positions on values
  if constexpr (requires { t.relative_output; }) {
    shifted = t.relative_output.size() > 0;
    show("attn.hook_z_relative", "A a^V", "sum over keys of A_ij a^V of j - i", "head, pos, d_head",
         t.relative_output);
  }
  show("attn.hook_z", many ? "z" : "Y", shifted ? "A V + A a^V" : "A V", "head, pos, d_head",
       t.output);
}

// Hands the stage whose numbers lie at `data` to an intervention. `all_stages(visit)` names them.
template <class T, class AllStages>
void announce(const InterventionOf<T>& intervention, T* data, const AllStages& all_stages) {
  if (!intervention) return;
  all_stages([&](const StageOf<const T>& stage) {
    if (stage.values.data() != data || stage.values.empty()) return;
    StageOf<T> changeable{stage.name, stage.symbol, stage.formula, stage.axes, stage.shape, {}, {}};
    changeable.values = {data, stage.values.size()};
    intervention(changeable);
  });
}

// y = x W + b for the columns of W given: packed once, they meet all rows. The bias may be null.
template <class T>
void affine_columns(ViewOf<const T> x, ViewOf<const T> W, const T* b, ViewOf<T> y) {
  static thread_local Packed<T> weights;  // keeps its memory from call to call
  weights.pack(W);
  multiply_packed(x, weights, 0, false, y);
  if (!b) return;
  const RowKernels<T>& kernels = row_kernels<T>();
  for (std::size_t i = 0; i < y.rows; ++i) {
    T* row = y.data + i * y.stride;
    kernels.add(row, b, row, y.columns);
  }
}

// y = x W + b, groups of columns spread over threads.
template <class T>
void affine_in_blocks(ViewOf<const T> x, ViewOf<const T> W, const VectorOf<T>& b, ViewOf<T> y,
                      std::size_t threads) {
  constexpr std::size_t group = 64;
  parallel_for((y.columns + group - 1) / group, threads, [&](std::size_t task) {
    const std::size_t first = task * group, count = std::min(group, y.columns - first);
    const ViewOf<const T> some =
        W.is_transposed ? transposed(rows(transposed(W), first, count)) : columns(W, first, count);
    affine_columns(x, some, b.size() ? b.data() + first : nullptr, columns(y, first, count));
  });
}

// sum = a + b, element by element.
template <class T>
void add(const MatrixOf<T>& a, const MatrixOf<T>& b, MatrixOf<T>& sum) {
  set_shape(sum, a.shape());
  row_kernels<T>().add(a.data(), b.data(), sum.data(), a.size());
}

}  // namespace headlight::detail
