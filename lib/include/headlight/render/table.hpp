/// @file
/// Numbers as a table of text: fixed decimals, made for 80 columns, elided where too large.
#pragma once

#include <headlight/core/tensor.hpp>
#include <headlight/render/text.hpp>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace headlight::render {

/// How a table of numbers is drawn.
struct TableStyle {
  Look look = {};                               ///< width and characters
  std::size_t decimals = 4;                     ///< digits after the point
  std::size_t max_rows = 12;                    ///< more rows are elided in the middle
  std::size_t max_slices = 4;                   ///< more slices of a third axis are elided
  std::size_t indent = 2;                       ///< blanks before every line
  std::vector<std::string> row_labels = {};     ///< one a row, or empty
  std::vector<std::string> column_labels = {};  ///< one a column, or empty
  std::string slice_name = "head";              ///< what the leading axis of a third axis counts
};

/// Draws numbers of any rank: one line a row; a leading third axis gives one captioned table a
/// slice.
/// @param values  row-major
/// @param shape  sizes, outermost axis first
/// @param style  decimals, labels, limits
/// @return lines, each ended by a newline, none wider than the look's width
/// @throws ShapeError when the sizes do not multiply to the number of values, or labels do not fit
std::string table(std::span<const double> values, std::span<const std::size_t> shape,
                  const TableStyle& style = {});

/// Draws a tensor of any rank and scalar type; a mask's cells are 1 and 0.
/// @param tensor  any xtensor container
/// @param style  decimals, labels, limits
/// @return lines, each ended by a newline
template <class Tensor>
requires requires(const Tensor& t) {
  t.shape().data();
}
std::string table(const Tensor& tensor, TableStyle style = {}) {
  if constexpr (std::is_same_v<typename Tensor::value_type, bool>) style.decimals = 0;
  const std::vector<double> values(tensor.begin(), tensor.end());
  return table(values, std::span<const std::size_t>(tensor.shape().data(), tensor.shape().size()),
               style);
}

/// Draws cells of text under a heading, columns as wide as their widest cell (a wide last column
/// is shortened). A column whose cells all read as numbers is right-aligned.
/// @param heading  one text a column
/// @param rows  one text a column, in every row
/// @param look  width and characters
/// @param indent  blanks before every line
/// @return lines, each ended by a newline
/// @throws ShapeError when a row has another number of cells than the heading
std::string text_table(const std::vector<std::string>& heading,
                       const std::vector<std::vector<std::string>>& rows, const Look& look = {},
                       std::size_t indent = 2);

}  // namespace headlight::render
