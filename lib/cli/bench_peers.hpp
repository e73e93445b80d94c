/// @file
/// Two other ways in C++ to the traced layer, written as people write them, to be measured beside
/// the library.
#pragma once

#include <headlight/attention/block.hpp>

namespace headlight::cli {

/// The record that a peer keeps: the same stages as the library's essential record.
struct PeerRecord {
  MatrixF norm, query, key, value;   ///< @shape{n, d_model}
  Tensor3F scores, masked, pattern;  ///< @shape{n_heads, n, n}
  MatrixF z, output, residual;       ///< @shape{n, d_model}
};

/// xtensor expressions and one product a head, as a reader of its manual would write them.
/// @param x @shape{n, d_model}  @param w  pre-norm attention  @return the record
PeerRecord layer_in_xtensor(const MatrixF& x, const BlockWeightsOf<float>& w);

/// Plain loops in the style of llm.c: four passes a query over the visible keys, OpenBLAS for no
/// part.
/// @param x @shape{n, d_model}  @param w  pre-norm attention  @param record  reused
void layer_in_loops(const MatrixF& x, const BlockWeightsOf<float>& w, PeerRecord& record);

}  // namespace headlight::cli
