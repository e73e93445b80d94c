/// @file
/// Weights from a formula, which a peer in another language computes too.
#pragma once

#include <headlight/attention/model.hpp>

namespace headlight::cli {

/// \f$ \sin(k + 0.7 i + 1.3 j + 0.01 i j) \f$ times a size, computed in double. @param rows  of the
/// matrix @param columns  of the matrix @param k  which matrix @param size  largest number @return
/// the matrix
MatrixF formula(std::size_t rows, std::size_t columns, double k, double size);

/// The first row of a formula. @param columns  how many @param k  which @param size  largest number
/// @param plus  added to each @return the row
VectorF formula_row(std::size_t columns, double k, double size, float plus = 0);

/// A block of norm and attention. @param d  width of the model @param heads  how many @param k
/// which block @return weights
BlockWeightsOf<float> attention_block(std::size_t d, std::size_t heads, double k);

/// A model of GPT-2's architecture. @param layers  how many @param d  width, the feed-forward layer
/// four times as wide @param heads  how many @param vocabulary  of tokens @param n  positions
/// @return weights
ModelWeightsF gpt2_model(std::size_t layers, std::size_t d, std::size_t heads,
                         std::size_t vocabulary, std::size_t n);

}  // namespace headlight::cli
