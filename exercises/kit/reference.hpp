/// @file
/// The right numbers by plain loops, for graders; nothing of the library is called. A test compares
/// them with the library.
#pragma once

#include <string>

#include "kit/values.hpp"

namespace headlight::course {

/// @param a @shape{n, k}  @param b @shape{k, m}  @return @shape{n, m} the product
Matrix product(const Matrix& a, const Matrix& b);
/// @param a @shape{n, m}  @return @shape{m, n}
Matrix flipped(const Matrix& a);
/// @param a any  @param factor  of every number  @return the same shape
Matrix scaled(const Matrix& a, double factor);
/// @param a @shape{n, k}  @param b @shape{k, m}  @return the largest of the sums of |a_ik b_kj|:
/// how large the terms of a product are, though they may cancel
double product_size(const Matrix& a, const Matrix& b);
/// @param a @shape{n, m}  @param b @shape{n, m}  @return their sum
Matrix added(const Matrix& a, const Matrix& b);
/// @param scores @shape{n, m}, -inf hides  @return every row's softmax; a fully hidden row is zero
Matrix softmax(const Matrix& scores);
/// @param scores @shape{n, n}  @return with -inf above the diagonal
Matrix future_hidden(const Matrix& scores);
/// @param a @shape{n, m}  @param first  column  @param count  of columns  @return those columns
Matrix columns_of(const Matrix& a, std::size_t first, std::size_t count);
/// @param a @shape{n, m}  @param first  row  @param count  of rows  @return those rows
Matrix rows_of(const Matrix& a, std::size_t first, std::size_t count);
/// @param heads @shape{n_heads, n, m}  @param h  of a head  @return @shape{n, m} that head
Matrix head_of(const Tensor3& heads, std::size_t h);
/// @param heads @shape{n_heads, n, d_head}  @return @shape{n, n_heads d_head} the heads side by
/// side
Matrix beside(const Tensor3& heads);

/// @param d_head  even  @param base  of the geometric sequence  @return @shape{d_head/2} radians a
/// token of every pair of coordinates
Vector turning_speeds(std::size_t d_head, double base);
/// @param x @shape{n, d_head}  @param positions @shape{n}  @param speeds @shape{d_head/2}
/// @return @shape{n, d_head} with the coordinates 2t and 2t + 1 turned by position times speed
Matrix pairs_turned(const Matrix& x, const Vector& positions, const Vector& speeds);
/// @param n_heads  at least one  @return @shape{n_heads} ALiBi's slopes
Vector distance_slopes(std::size_t n_heads);

/// Writes a dot product term by term: "1.0000*2.0000 + ... = 3.0000".
/// @param what  is computed, for example "scores[2, 0] = query[2] . key[0]"
/// @param a  row  @param b  row  @return one line
std::string dot_terms(const std::string& what, const std::vector<double>& a,
                      const std::vector<double>& b);
/// @param a @shape{n, m}  @param i  of a row  @return it
std::vector<double> row_of(const Matrix& a, std::size_t i);
/// @param a @shape{n, m}  @param j  of a column  @return it
std::vector<double> column_of(const Matrix& a, std::size_t j);
/// @param x  a number  @return with four decimals, "-inf" and "nan" as words
std::string text(double x);
/// Writes the softmax of one row at one key, term by term.
/// @param what  is computed  @param scores  of the row  @param j  the key  @return one line
std::string softmax_terms(const std::string& what, const std::vector<double>& scores,
                          std::size_t j);
/// @param name  of a stage  @param cell  of it  @return "scores[2, 0]"
std::string cell_text(const std::string& name, const std::vector<std::size_t>& cell);

}  // namespace headlight::course
