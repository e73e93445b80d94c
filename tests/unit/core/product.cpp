#include "core/product.hpp"

#include <cmath>
#include <cstring>
#include <headlight/core/linalg.hpp>
#include <headlight/core/parallel.hpp>
#include <headlight/core/random.hpp>
#include <limits>
#include <vector>

#include "core/kernels.hpp"
#include "support/catch.hpp"
#include "support/is_close.hpp"

using namespace headlight;
using headlight::detail::multiply_packed;
using headlight::detail::Packed;
using headlight::detail::TileKernel;

namespace {

template <class T>
std::vector<const TileKernel<T>*> all_tiles() {
  std::vector<const TileKernel<T>*> tiles = {&detail::plain_tile<T>()};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    tiles.push_back(&detail::avx2_tile<T>());
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    tiles.push_back(&detail::avx512_tile<T>());
#endif
  return tiles;
}

template <class T>
MatrixOf<T> drawn(std::uint64_t seed, std::size_t rows, std::size_t columns) {
  Random random(seed);
  MatrixOf<T> m = MatrixOf<T>::from_shape({rows, columns});
  for (T& x : m) x = static_cast<T>(random.normal());
  return m;
}

template <class T>
MatrixOf<T> product(const MatrixOf<T>& a, const MatrixOf<T>& b) {
  Packed<T> packed;
  packed.pack(view(b));
  MatrixOf<T> c = MatrixOf<T>::from_shape({a.shape(0), b.shape(1)});
  multiply_packed<T>(view(a), packed, 0, false, view(c));
  return c;
}

template <class T>
bool same_bits(const MatrixOf<T>& a, const MatrixOf<T>& b) {
  return a.shape() == b.shape() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// The plain twin: one chain of fused multiply-adds, in order.
template <class T>
MatrixOf<T> chain(const MatrixOf<T>& a, const MatrixOf<T>& b) {
  MatrixOf<T> c = MatrixOf<T>::from_shape({a.shape(0), b.shape(1)});
  for (std::size_t i = 0; i < c.shape(0); ++i)
    for (std::size_t j = 0; j < c.shape(1); ++j) {
      T sum = 0;
      for (std::size_t k = 0; k < a.shape(1); ++k) sum = std::fma(a(i, k), b(k, j), sum);
      c(i, j) = sum;
    }
  return c;
}

}  // namespace

TEMPLATE_TEST_CASE("tile: every build sums a chain in order, for any count of rows",
                   "[product][two-ways]", float, double) {
  using T = TestType;
  for (const TileKernel<T>* tile : all_tiles<T>()) {
    INFO(tile->name);
    for (std::size_t rows = 1; rows <= 2 * tile->rows + 1; ++rows)
      for (const std::size_t depth : {0u, 1u, 5u, 64u}) {
        const MatrixOf<T> a = drawn<T>(1, rows, depth + 3), b = drawn<T>(2, depth, tile->columns);
        MatrixOf<T> c = drawn<T>(3, rows, tile->columns + 5);
        const MatrixOf<T> before = c;
        std::vector<T> panel(depth * tile->columns);
        tile->pack(b.data(), tile->columns, depth, tile->columns, panel.data());
        tile->multiply(a.data(), depth + 3, 1, panel.data(), depth, true, c.data(),
                       tile->columns + 5, rows);
        MatrixOf<T> left = before;  // the panel's left half alone
        tile->multiply_half(a.data(), depth + 3, 1, panel.data(), depth, true, left.data(),
                            tile->columns + 5, rows);
        for (std::size_t i = 0; i < rows; ++i)
          for (std::size_t j = 0; j < tile->columns + 5; ++j)
            CHECK(left(i, j) == (2 * j < tile->columns ? c : before)(i, j));
        double worst = 0;
        for (std::size_t i = 0; i < rows; ++i) {
          for (std::size_t j = 0; j < tile->columns; ++j) {
            T sum = before(i, j);
            double size = std::abs(before(i, j));
            for (std::size_t k = 0; k < depth; ++k) {
              sum = std::fma(a(i, k), b(k, j), sum);
              size += std::abs(double(a(i, k)) * b(k, j));
            }
            worst = std::max(worst, std::abs(double(c(i, j)) - sum) / size);
            if (tile != &detail::plain_tile<T>()) CHECK(c(i, j) == sum);
          }
          for (std::size_t j = tile->columns; j < tile->columns + 5; ++j)
            CHECK(c(i, j) == before(i, j));
        }
        // a processor that cannot fuse rounds twice a step: at most depth + 1 roundings apart
        CHECK(worst <= static_cast<double>(depth + 1) * std::numeric_limits<T>::epsilon());
      }
  }
}

TEMPLATE_TEST_CASE("tile: panels hold the matrix or its transpose, and zeros after the last column",
                   "[product]", float, double) {
  using T = TestType;
  for (const TileKernel<T>* tile : all_tiles<T>()) {
    const std::size_t width = tile->columns, columns = 2 * width + 3;
    const MatrixOf<T> b = drawn<T>(1, 9, columns), turned = transpose(b);
    std::vector<T> panels(3 * 9 * width, T(-1)), by_turning(panels);
    tile->pack(b.data(), columns, 9, columns, panels.data());
    tile->pack_transposed(turned.data(), 9, 9, columns, by_turning.data());
    CHECK(panels == by_turning);
    for (std::size_t j = 0; j < 3 * width; ++j)
      for (std::size_t k = 0; k < 9; ++k)
        CHECK(panels[(j / width * 9 + k) * width + j % width] == (j < columns ? b(k, j) : 0));
  }
}

TEMPLATE_TEST_CASE(
    "multiply_packed: within the bound of rounded sums of the product in long double",
    "[product][two-ways]", float, double) {
  using T = TestType;
  for (const std::size_t rows : {1u, 7u, 130u})
    for (const std::size_t depth : {1u, 64u, 1300u})
      for (const std::size_t columns : {1u, 16u, 37u}) {
        const MatrixOf<T> a = drawn<T>(1, rows, depth), b = drawn<T>(2, depth, columns);
        const MatrixOf<T> c = product(a, b);
        double worst = 0;
        for (std::size_t i = 0; i < rows; ++i)
          for (std::size_t j = 0; j < columns; ++j) {
            long double want = 0, size = 0;
            for (std::size_t k = 0; k < depth; ++k) {
              const long double term = static_cast<long double>(a(i, k)) * b(k, j);
              want += term, size += std::abs(term);
            }
            worst = std::max(worst, static_cast<double>(std::abs(c(i, j) - want) / size));
          }
        // Higham 2002, 3.1: depth roundings of half an epsilon, two a step where nothing is fused
        CHECK(worst <= static_cast<double>(depth) * std::numeric_limits<T>::epsilon());
      }
}

TEMPLATE_TEST_CASE(
    "multiply_packed: the same bits for a row alone, a column alone, and a cut inner index",
    "[product][law]", float, double) {
  using T = TestType;
  const MatrixOf<T> a = drawn<T>(1, 29, 1500), b = drawn<T>(2, 1500, 45);
  const MatrixOf<T> whole = product(a, b);
  if (&detail::tile_kernel<T>() != &detail::plain_tile<T>()) CHECK(same_bits(whole, chain(a, b)));
  Packed<T> packed;
  packed.pack(view(b));
  for (std::size_t i = 0; i < 29; ++i) {
    MatrixOf<T> row = MatrixOf<T>::from_shape({1, 45});
    multiply_packed<T>(rows(view(a), i, 1), packed, 0, false, view(row));
    CHECK(std::memcmp(row.data(), &whole(i, 0), 45 * sizeof(T)) == 0);
  }
  MatrixOf<T> cut = MatrixOf<T>::from_shape({29, 45});
  multiply_packed<T>(columns(view(a), 0, 700), packed, 0, false, view(cut));
  multiply_packed<T>(columns(view(a), 700, 800), packed, 700, true, view(cut));
  CHECK(same_bits(cut, whole));
  MatrixOf<T> by_columns = MatrixOf<T>::from_shape({29, 45});
  for (std::size_t j = 0; j < 45; j += 9) {
    Packed<T> some;
    some.pack(columns(view(b), j, 9));
    multiply_packed<T>(view(a), some, 0, false, columns(view(by_columns), j, 9));
  }
  CHECK(same_bits(by_columns, whole));
}

TEMPLATE_TEST_CASE("multiply_packed: transposed factors give the same product",
                   "[product][two-ways]", float, double) {
  using T = TestType;
  const MatrixOf<T> a = drawn<T>(1, 11, 64), b = drawn<T>(2, 64, 50), turned = transpose(b);
  Packed<T> packed;
  packed.pack(transposed(view(turned)));
  MatrixOf<T> c = MatrixOf<T>::from_shape({11, 50});
  multiply_packed<T>(view(a), packed, 0, false, view(c));
  CHECK(same_bits(c, product(a, b)));
  const MatrixOf<T> turned_a = transpose(a);
  std::fill(c.begin(), c.end(), T(0));
  multiply_packed<T>(transposed(view(turned_a)), packed, 0, false, view(c));
  CHECK(same_bits(c, product(a, b)));
}

TEST_CASE("multiply_packed: in double the product of core/linalg, also of some rows",
          "[product][two-ways]") {
  const Matrix a = {{1, 2, 3}, {4, 5, 6}}, b = {{1, 0}, {0, 1}, {1, 1}}, turned = transpose(b);
  for (const bool is_transposed : {false, true}) {
    Packed<double> packed;
    packed.pack(is_transposed ? transposed(view(turned)) : view(b));
    Matrix c = Matrix::from_shape({2, 2});
    multiply_packed<double>(view(a), packed, 0, false, view(c));
    CHECK_THAT(c, IsClose(matmul(a, b)));
    multiply_packed<double>(columns(view(a), 0, 2), packed, 1, true, view(c));
    CHECK_THAT(c, IsClose(Matrix{{6, 8}, {15, 20}}));
  }
}

TEMPLATE_TEST_CASE("multiply_packed: a narrower result is the first columns of the whole one",
                   "[product][two-ways]", float, double) {
  using T = TestType;
  const MatrixOf<T> a = drawn<T>(1, 9, 40), b = drawn<T>(2, 40, 70), turned = transpose(b);
  const Matrix x = {{1, 2, 3}, {4, 5, 6}}, y = {{1, 0}, {0, 1}, {1, 1}}, y_turned = transpose(y);
  const MatrixOf<T> whole = product(a, b);
  for (const bool is_transposed : {false, true}) {
    Packed<T> packed;
    packed.pack(is_transposed ? transposed(view(turned)) : view(b));
    for (const std::size_t width : {1u, 16u, 37u, 64u}) {
      MatrixOf<T> c = MatrixOf<T>::from_shape({9, width});
      multiply_packed<T>(view(a), packed, 0, false, view(c));
      bool all_same = true;
      for (std::size_t i = 0; i < 9; ++i)
        for (std::size_t j = 0; j < width; ++j) all_same = all_same && c(i, j) == whole(i, j);
      CHECK(all_same);
    }
    Packed<double> doubles;
    doubles.pack(is_transposed ? transposed(view(y_turned)) : view(y));
    Matrix z = Matrix::from_shape({2, 1});
    multiply_packed<double>(view(x), doubles, 0, false, view(z));
    CHECK_THAT(z, IsClose(Matrix{{4}, {10}}));
  }
}

TEMPLATE_TEST_CASE("multiply_packed: an empty inner index gives zeros, or leaves the sum as it is",
                   "[product]", float, double) {
  using T = TestType;
  const MatrixOf<T> a = MatrixOf<T>::from_shape({2, 0}), b = drawn<T>(1, 5, 3);
  Packed<T> packed;
  packed.pack(view(b));
  MatrixOf<T> c = MatrixOf<T>::from_shape({2, 3});
  std::fill(c.begin(), c.end(), T(4));
  multiply_packed<T>(view(a), packed, 0, true, view(c));
  CHECK(c(1, 2) == 4);
  multiply_packed<T>(view(a), packed, 0, false, view(c));
  CHECK(c(1, 2) == 0);
}
