/// @file
/// Reads the golden files: JSON with nested lists, "-inf" spelled out.
#pragma once

#include <fstream>
#include <headlight/attention/multi_head.hpp>
#include <headlight/core/tensor.hpp>
#include <limits>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"

namespace headlight_test {

using headlight::Matrix;
using headlight::Tensor3;
using headlight::Vector;
using nlohmann::json;

inline json read(const std::string& name) {
  std::ifstream file(HEADLIGHT_GOLDENS "/" + name);
  REQUIRE(file.good());
  return json::parse(file);
}

inline double number(const json& value) {
  return value.is_string() ? -std::numeric_limits<double>::infinity() : value.get<double>();
}

inline Vector vector(const json& values) {
  Vector v = Vector::from_shape({values.size()});
  for (std::size_t i = 0; i < values.size(); ++i) v(i) = number(values[i]);
  return v;
}

inline Matrix matrix(const json& rows) {
  Matrix m = Matrix::from_shape({rows.size(), rows[0].size()});
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < rows[i].size(); ++j) m(i, j) = number(rows[i][j]);
  return m;
}

inline Tensor3 tensor(const json& heads) {
  Tensor3 t = Tensor3::from_shape({heads.size(), heads[0].size(), heads[0][0].size()});
  for (std::size_t h = 0; h < t.shape(0); ++h)
    for (std::size_t i = 0; i < t.shape(1); ++i)
      for (std::size_t j = 0; j < t.shape(2); ++j) t(h, i, j) = number(heads[h][i][j]);
  return t;
}

inline headlight::MultiHeadWeights heads(const json& g) {
  return {g["n_heads"].get<std::size_t>(),
          matrix(g["W_Q"]),
          matrix(g["W_K"]),
          matrix(g["W_V"]),
          matrix(g["W_O"]),
          vector(g["b_Q"]),
          vector(g["b_K"]),
          vector(g["b_V"]),
          vector(g["b_O"])};
}

}  // namespace headlight_test
