/// @file
/// What a grader looks at: named inputs, and the stages of an answer in the order computed.
#pragma once

#include <cstddef>
#include <headlight/core/random.hpp>
#include <headlight/core/tensor.hpp>
#include <map>
#include <string>
#include <vector>

namespace headlight::course {

/// Numbers of any rank.
struct Values {
  std::vector<std::size_t> shape;  ///< outermost axis first; empty for a single number
  std::vector<double> data;        ///< row by row
};

/// @name One way to write numbers down, whatever they came in
/// @{
Values values(double number);
Values values(const Vector& numbers);
Values values(const Matrix& numbers);
Values values(const Tensor3& numbers);
Values values(const std::vector<Matrix>& heads);  ///< equal shapes: stacked, else a ragged mark
Values values(const std::vector<double>& numbers);
Values values(const std::vector<std::size_t>& numbers);
/// @}

/// Back to a matrix. @param stage  of rank 2  @return the same numbers
Matrix matrix(const Values& stage);
/// Back to a vector. @param stage  of rank 1  @return the same numbers
Vector vector(const Values& stage);
/// Back to a tensor. @param stage  of rank 3  @return the same numbers
Tensor3 tensor(const Values& stage);

/// One intermediate of an answer.
struct Stage {
  std::string name;  ///< "scores"
  Values values;     ///< its numbers
};
using Stages = std::vector<Stage>;  ///< in the order computed

/// @param stages  of an answer  @param name  of one of them  @return its numbers
/// @throws std::out_of_range when there is none
const Values& stage_of(const Stages& stages, const std::string& name);

/// Sizes of an input by name: {{"n", 3}, {"d_model", 4}}.
using Sizes = std::map<std::string, std::size_t>;

/// What an answer is given.
struct Input {
  Sizes sizes = {};                                       ///< it was made for
  std::map<std::string, double> numbers = {};             ///< by name
  std::map<std::string, Vector> vectors = {};             ///< by name
  std::map<std::string, Matrix> matrices = {};            ///< by name
  std::map<std::string, Tensor3> tensors = {};            ///< by name
  std::map<std::string, std::vector<Matrix>> lists = {};  ///< by name: one matrix a head

  /// @name The value of a name; std::out_of_range when there is none
  /// @{
  std::size_t size(const std::string& name) const { return sizes.at(name); }
  double number(const std::string& name) const { return numbers.at(name); }
  const Vector& vector(const std::string& name) const { return vectors.at(name); }
  const Matrix& matrix(const std::string& name) const { return matrices.at(name); }
  const Tensor3& tensor(const std::string& name) const { return tensors.at(name); }
  const std::vector<Matrix>& list(const std::string& name) const { return lists.at(name); }
  /// @}
};

/// Random numbers that float holds exactly, so that an answer computed in float starts equal.
/// @param random  where they come from
/// @param rows  of the matrix  @param columns  of the matrix
/// @param deviation  standard deviation
/// @return @shape{rows, columns} normal numbers rounded to multiples of 1/256
Matrix fresh_matrix(Random& random, std::size_t rows, std::size_t columns, double deviation = 1);
/// The same as a vector. @param random  source  @param size  how many  @param deviation  of each
/// @return @shape{size}
Vector fresh_vector(Random& random, std::size_t size, double deviation = 1);
/// The same of rank 3. @param random  source  @param a  outermost  @param b  middle  @param c inner
/// @param deviation  of each
/// @return @shape{a, b, c}
Tensor3 fresh_tensor(Random& random, std::size_t a, std::size_t b, std::size_t c,
                     double deviation = 1);

}  // namespace headlight::course
