#include <cmath>
#include <headlight/core/linalg.hpp>

#include "support/algebra.hpp"
#include "support/catch.hpp"
#include "support/configurations.hpp"
#include "support/hull.hpp"
#include "support/is_close.hpp"
#include "support/page.hpp"
#include "support/plain_head.hpp"

using namespace headlight;

TEST_CASE("configurations: the tensors add up to the parameters that were published",
          "[configurations]") {
  std::size_t counted = 0;
  for (const lesson::Configuration& c : lesson::configurations()) {
    CAPTURE(c.name);
    if (c.published == 0) continue;
    const auto ours = static_cast<double>(lesson::parameters(c)),
               theirs = static_cast<double>(c.published);
    if (c.name == "GPT-3 XL") {
      CHECK(ours / theirs > 1.15);  // its line is not consistent with itself
    } else if (c.name.rfind("GPT-3", 0) == 0) {
      CHECK(std::abs(ours / theirs - 1) < 0.02);  // published with two or three digits
    } else {
      CHECK(lesson::parameters(c) == c.published);
      ++counted;
    }
  }
  CHECK(counted == 11);
}

TEST_CASE("configurations: widths of heads as printed in the papers", "[configurations]") {
  const auto is = [](const char* name, std::uint64_t heads, std::uint64_t width) {
    const lesson::Configuration& c = lesson::configuration(name);
    return c.heads == heads && c.d_head == width;
  };
  CHECK(is("Transformer base", 8, 64));
  CHECK(is("Transformer big", 16, 64));
  CHECK(is("GPT-J 6B", 16, 256));
  CHECK(is("LLaMA-2 13B", 40, 128));
  CHECK(is("LLaMA-2 70B", 64, 128));
  CHECK(is("Qwen2 7B", 28, 128));
  CHECK(is("GPT-2 XL", 25, 64));
  CHECK_THROWS_WITH(lesson::configuration("GPT-5"), "no configuration named GPT-5");
}

TEST_CASE("rank: rows that depend on others do not count", "[algebra]") {
  CHECK(lesson::rank({{1, 2, 3}, {2, 4, 6}, {0, 0, 1}}) == 2);
  CHECK(lesson::rank({{0, 0}, {0, 0}}) == 0);
  CHECK(lesson::rank({{1, 0}, {0, 1}, {1, 1}}) == 2);
}

TEST_CASE("with_inverse: the product is one, and the matrix is not", "[algebra]") {
  Random random(3);
  const auto [m, inverse] = lesson::with_inverse(5, random);
  Matrix one = Matrix::from_shape({5, 5});
  for (std::size_t c = 0; c < 25; ++c) one.data()[c] = c % 6 == 0 ? 1 : 0;
  CHECK_THAT(matmul(m, inverse), IsClose(one, 1e-10));  // fifteen steps, each undone
  CHECK(compare(m, one).relative > 0.1);
}

TEST_CASE("hull_corners: a square with points inside and on an edge", "[hull]") {
  const Matrix points = {{0, 0}, {2, 0}, {1, 1}, {2, 2}, {0, 2}, {1, 0}};
  CHECK(lesson::hull_corners(points) == std::set<std::size_t>{0, 1, 3, 4});
}

TEST_CASE("plain_head: two tokens on paper", "[plain_head]") {
  const HeadWeights w = {{{1}, {0}}, {{0}, {1}}, {{1, 0}, {0, 1}}};
  const Matrix x = {{0, std::log(3.0)}, {1, 0}};  // q = 0, 1; k = ln 3, 0
  const lesson::PlainHead head = lesson::plain_head(x, w);
  CHECK_THAT(head.raw, IsClose(Matrix{{0, 0}, {std::log(3.0), 0}}));
  CHECK_THAT(head.pattern, IsClose(Matrix{{0.5, 0.5}, {0.75, 0.25}}));
  CHECK_THAT(head.output, IsClose(Matrix{{0.5, std::log(3.0) / 2}, {0.25, 0.75 * std::log(3.0)}}));
  CHECK_THAT(lesson::plain_head(x, w, true).pattern, IsClose(Matrix{{1, 0}, {0.75, 0.25}}));
}

TEST_CASE("reached: which rows a changed token touches", "[plain_head]") {
  const Matrix x = {{1, 2}, {3, 4}, {5, 6}};
  const auto sums_so_far = [](const Matrix& a) {
    Matrix sum = a;
    for (std::size_t i = 1; i < a.shape(0); ++i)
      for (std::size_t c = 0; c < 2; ++c) sum(i, c) += sum(i - 1, c);
    return sum;
  };
  CHECK_THAT(lesson::reached(x, sums_so_far), IsClose(Matrix{{1, 0, 0}, {1, 1, 0}, {1, 1, 1}}));
}

TEST_CASE("split_words: marks are tokens, Cyrillic and emoji stay whole", "[page]") {
  CHECK(lesson::split_words("Кошка, 🙂 it's end-to-end!") ==
        std::vector<std::string>{"Кошка", ",", "🙂", "it's", "end-to-end", "!"});
}

TEST_CASE("embed_words: equal words have equal rows, others have not", "[page]") {
  const Matrix rows = lesson::embed_words({"a", "b", "a"}, 7);
  for (std::size_t c = 0; c < 7; ++c) {
    CHECK(rows(0, c) == rows(2, c));
    CHECK(rows(0, c) != rows(1, c));
  }
}

TEST_CASE("page: a claim has its checks and its control, an unknown one is refused", "[page]") {
  lesson::Page page({1, "A page"}, {.silent = true});
  page.step("One");
  page.check_equal(1, 1, "one is one").decides("C01-01", "C01-02");
  page.check_differs(Vector{1}, Vector{2}, 0.1, "two is not").controls("C01-01");
  CHECK(page.finish());
  const std::string json = page.json();
  CHECK_THAT(json, headlight_test::contains(
                       "\"id\":\"C01-01\",\"verdict\":\"imprecise\",\"checks\":[\"L01.1\"],"
                       "\"controls\":[\"L01.2\"]"));
  CHECK_THAT(json, headlight_test::contains(
                       "\"id\":\"C01-02\",\"verdict\":\"true\",\"checks\":[\"L01.1\"],"
                       "\"controls\":[]"));
  CHECK_THROWS_AS(page.check_true(true, "so").decides("C99-01"), std::out_of_range);
}

TEST_CASE("page: a check that fails is told, and a call that is not refused is one", "[page]") {
  lesson::Page page({1, "A page"}, {.silent = true});
  page.step("One");
  page.check_refused([] { throw ShapeError("no"); }, "refused");
  CHECK(page.finish());
  page.check_refused([] {}, "not refused");
  CHECK_FALSE(page.finish());
  lesson::Page other({1, "A page"}, {.silent = true});
  other.check_close(Vector{1}, Vector{1 + 1e-9}, "not close");
  CHECK_FALSE(other.finish());
}
