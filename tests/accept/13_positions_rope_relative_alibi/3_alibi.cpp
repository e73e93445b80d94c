// Right but unusual solutions of 13.3: each has to get all points.
#include "13_positions_rope_relative_alibi/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::AlibiTrace;

// The authors' way: a recursive list, the extra slopes taken from the list of the higher power.
std::vector<double> list_of(std::size_t n) {
  if ((n & (n - 1)) == 0) {
    const double start = std::pow(2, -std::pow(2, -(std::log2(static_cast<double>(n)) - 3)));
    std::vector<double> out = {start};
    while (out.size() < n) out.push_back(out.back() * start);
    return out;
  }
  std::size_t closest = 1;
  while (2 * closest < n) closest *= 2;
  std::vector<double> out = list_of(closest), more = list_of(2 * closest);
  for (std::size_t k = 0; out.size() < n; k += 2) out.push_back(more[k]);
  return out;
}

AlibiTrace recursive(const Tensor3& scores) {
  const std::size_t n_heads = scores.shape(0), n_query = scores.shape(1), n_key = scores.shape(2);
  AlibiTrace t;
  const std::vector<double> list = list_of(n_heads);
  t.slopes = Vector(Vector::shape_type{n_heads});
  std::copy(list.begin(), list.end(), t.slopes.begin());
  t.bias = t.masked = t.pattern = Tensor3(scores.shape(), 0.0);
  for (std::size_t h = 0; h < n_heads; ++h)
    for (std::size_t i = 0; i < n_query; ++i) {
      double total = 0, top = -1e300;
      for (std::size_t j = 0; j < n_key; ++j) {
        const double gap = std::abs(static_cast<double>(i + n_key) -
                                    static_cast<double>(n_query + j));  // to both sides
        t.bias(h, i, j) = -list[h] * gap;
        t.masked(h, i, j) = scores(h, i, j) + t.bias(h, i, j);
        if (j + n_query > i + n_key) t.masked(h, i, j) -= 1e9;
        top = std::max(top, t.masked(h, i, j));
      }
      for (std::size_t j = 0; j < n_key; ++j)
        total += t.pattern(h, i, j) = std::exp(t.masked(h, i, j) - top);
      for (std::size_t j = 0; j < n_key; ++j) t.pattern(h, i, j) /= total;
    }
  return t;
}

// Bias and mask in one matrix, so the bias of the future is -infinity; expressions of xtensor.
AlibiTrace one_wall(const Tensor3& scores) {
  const std::size_t n_heads = scores.shape(0), n_query = scores.shape(1), n_key = scores.shape(2);
  AlibiTrace t;
  t.slopes = xt::zeros<double>({n_heads});
  t.bias = t.masked = t.pattern = xt::zeros<double>({n_heads, n_query, n_key});
  Matrix far = xt::zeros<double>({n_query, n_key});
  for (std::size_t i = 0; i < n_query; ++i)
    for (std::size_t j = 0; j < n_key; ++j)
      far(i, j) = j > i + (n_key - n_query) ? std::numeric_limits<double>::infinity()
                                            : static_cast<double>(i + (n_key - n_query) - j);
  const auto whole = static_cast<std::size_t>(std::log2(static_cast<double>(n_heads)) + 1e-9);
  const double step = std::exp2(-8 / std::exp2(static_cast<double>(whole)));
  const double half = std::sqrt(step);  // of the next higher power
  double even = step, odd = half;
  for (std::size_t h = 0; h < n_heads; ++h) {
    double& next = h < (std::size_t{1} << whole) ? even : odd;
    t.slopes(h) = next;
    next *= step;
    const Matrix wall = -t.slopes(h) * far, own = xt::view(scores, h);
    const Matrix masked = own + wall;
    const Matrix shifted = masked - row_max(masked);
    const Matrix weight = xt::exp(shifted);
    const Matrix sums = row_sum(weight);
    xt::view(t.bias, h) = wall;
    xt::view(t.masked, h) = masked;
    xt::view(t.pattern, h) = weight / sums;
  }
  return t;
}

// Everything in float, only what is seen is touched.
AlibiTrace in_float(const Tensor3& scores) {
  const std::size_t n_heads = scores.shape(0), n_query = scores.shape(1), n_key = scores.shape(2);
  AlibiTrace t;
  t.slopes = Vector(Vector::shape_type{n_heads});
  t.bias = t.pattern = Tensor3(scores.shape(), 0.0);
  t.masked = Tensor3(scores.shape(), std::numeric_limits<double>::lowest());
  unsigned power = 1;
  while (2 * power <= n_heads) power *= 2;
  for (std::size_t h = 0; h < n_heads; ++h) {
    const float slope =
        h < power ? std::pow(2.0F, -8.0F * static_cast<float>(h + 1) / static_cast<float>(power))
                  : std::pow(2.0F, -4.0F * static_cast<float>(2 * (h - power) + 1) /
                                       static_cast<float>(power));
    t.slopes(h) = static_cast<double>(slope);
    for (std::size_t i = 0; i < n_query; ++i) {
      const std::size_t place = n_key - n_query + i;
      float top = -3e38F, total = 0;
      for (std::size_t j = place + 1; j-- > 0;) {
        const float bias = slope * (static_cast<float>(j) - static_cast<float>(place));
        const float score = static_cast<float>(scores(h, i, j)) + bias;
        t.bias(h, i, j) = static_cast<double>(bias);
        t.masked(h, i, j) = static_cast<double>(score);
        top = std::max(top, score);
      }
      for (std::size_t j = 0; j <= place; ++j)
        total += std::exp(static_cast<float>(t.masked(h, i, j)) - top);
      for (std::size_t j = 0; j <= place; ++j)
        t.pattern(h, i, j) =
            static_cast<double>(std::exp(static_cast<float>(t.masked(h, i, j)) - top) / total);
    }
  }
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::alibi)>> accepted_13_3;
const std::vector<Mutant<decltype(exercise::alibi)>> accepted_13_3 = {
    {"recursive", "", "the authors' recursive list, distances to both sides, -1e9 added",
     recursive},
    {"one-wall", "", "bias and mask in one matrix with -infinity", one_wall},
    {"float", "", "everything in float, only what is seen", in_float},
};

}  // namespace headlight::course
