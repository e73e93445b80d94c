/// @file
/// A head to be looked at cell by cell in a browser: keys or the pointer choose a query and a key,
/// the page shows q.k, the scale, the mask, the softmax and the weighted values term by term,
/// computed again from q, k and v and compared with what was recorded. Plain JavaScript and CSS
/// (lib/viewer), compiled into the library.
#pragma once

#include <headlight/core/tensor.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace headlight::render {

/// What a head recorded. Every number stands in the page exactly.
struct ViewedHead {
  std::string name;                       ///< "head 0"
  std::vector<std::string> query_labels;  ///< one a query
  std::vector<std::string> key_labels;    ///< one a key
  Matrix query;                           ///< @shape{n_query, d_head}   as the score takes it
  Matrix key;                             ///< @shape{n_key, d_head}   as the score takes it
  Matrix value;                           ///< @shape{n_key, d_value}
  Matrix scores;                          ///< @shape{n_query, n_key}   q.k / sqrt(d_head)
  Matrix masked_scores;                   ///< @shape{n_query, n_key}   with bias; -inf is hidden
  Matrix pattern;                         ///< @shape{n_query, n_key}
  Matrix output;                          ///< @shape{n_query, d_value}
};

/// The element that holds the heads; it needs viewer_script() and viewer_style() in its page.
/// @param heads  at least one; the reader chooses among them
/// @return HTML: a div with the numbers as JSON in it
/// @throws ShapeError when there is no head, or when one's sizes or labels do not fit together
std::string viewer_element(const std::vector<ViewedHead>& heads);

/// @return the script, to stand in a script element once a page
std::string_view viewer_script();

/// @return the style sheet, to stand in a style element once a page
std::string_view viewer_style();

}  // namespace headlight::render
