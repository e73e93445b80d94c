#include "core/kernels.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <headlight/core/random.hpp>
#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace headlight;
using headlight::detail::RowKernels;
using headlight::detail::RowRecord;

namespace {

template <class T>
std::vector<const RowKernels<T>*> all_builds() {
  std::vector<const RowKernels<T>*> builds = {&detail::plain_kernels<T>()};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    builds.push_back(&detail::avx2_kernels<T>());
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    builds.push_back(&detail::avx512_kernels<T>());
#endif
  return builds;
}

const float float_inf = std::numeric_limits<float>::infinity();

}  // namespace

TEST_CASE("kernels exp: within 2.5e-7 of the C library in double, over the whole range",
          "[kernels][two-ways]") {
  for (const auto* kernels : all_builds<float>()) {
    INFO(kernels->name);
    double worst = 0;
    std::vector<float> x, y;
    for (float v = -87.25f; v <= 0; v += 0.0137f) x.push_back(v);
    y.resize(x.size());
    kernels->exp(x.data(), 0, y.data(), x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
      const double want = std::exp(static_cast<double>(x[i]));
      worst = std::max(worst, std::abs(static_cast<double>(y[i]) - want) / want);
    }
    CHECK(worst < 2.5e-7);
    CHECK(worst > 1e-9);  // float arithmetic, not the reference itself
  }
}

TEST_CASE("kernels exp: one at the maximum, zero where hidden or far below, NaN stays NaN",
          "[kernels]") {
  for (const auto* kernels : all_builds<float>()) {
    INFO(kernels->name);
    const float x[] = {7, -float_inf, -200, std::nanf("")};
    float y[4];
    kernels->exp(x, 7, y, 4);
    CHECK(y[0] == 1);
    CHECK(y[1] == 0);
    CHECK(y[2] == 0);
    CHECK(std::isnan(y[3]));
    const float hidden[] = {-float_inf, -float_inf, -float_inf};
    kernels->exp(hidden, -float_inf, y, 3);
    CHECK(y[1] == 0);
  }
}

TEST_CASE("kernels sum: exact on whole numbers, whatever the length", "[kernels]") {
  for (const auto* kernels : all_builds<float>())
    for (std::size_t n = 0; n < 70; ++n) {
      std::vector<float> x(n);
      for (std::size_t j = 0; j < n; ++j) x[j] = static_cast<float>(j + 1);
      CHECK(kernels->sum(x.data(), n) == static_cast<float>(n * (n + 1) / 2));
      CHECK(kernels->max(x.data(), n) == (n ? static_cast<float>(n) : -float_inf));
    }
}

TEST_CASE("kernels add and hide: every cell once, in place too, whatever the length", "[kernels]") {
  for (const auto* kernels : all_builds<float>())
    for (std::size_t n = 0; n < 70; ++n) {
      std::vector<float> x(n + 1, 7.0f), y(n + 1, 9.0f), masked(n + 1, 5.0f);
      std::vector<char> flags(n + 1);
      for (std::size_t j = 0; j < n; ++j)
        x[j] = static_cast<float>(j), y[j] = 100.0f, flags[j] = j % 3 != 1;
      const bool* visible = reinterpret_cast<const bool*>(flags.data());
      kernels->hide(x.data(), nullptr, visible, masked.data(), n);
      for (std::size_t j = 0; j < n; ++j) CHECK(masked[j] == (j % 3 != 1 ? float(j) : -float_inf));
      kernels->hide(x.data(), y.data(), visible, masked.data(), n);
      for (std::size_t j = 0; j < n; ++j)
        CHECK(masked[j] == (j % 3 != 1 ? float(j + 100) : -float_inf));
      kernels->add(x.data(), y.data(), x.data(), n);
      for (std::size_t j = 0; j < n; ++j) CHECK(x[j] == float(j + 100));
      CHECK(x[n] == 7.0f);
      CHECK(masked[n] == 5.0f);
    }
}

TEST_CASE("kernels gelu_new: within 3e-7 of double arithmetic", "[kernels][two-ways]") {
  for (const auto* kernels : all_builds<float>()) {
    INFO(kernels->name);
    double worst = 0;
    for (float v = -30; v < 30; v += 0.0173f) {
      float y = 0;
      kernels->gelu_new(&v, &y, 1);
      const double x = static_cast<double>(v);
      const double want =
          x / 2 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (x + 0.044715 * x * x * x)));
      worst = std::max(worst, std::abs(static_cast<double>(y) - want) / std::max(1.0, std::abs(x)));
    }
    CHECK(worst < 3e-7);
  }
}

TEST_CASE("kernels attend: in sweeps the same bits as stage by stage, wherever the record lies",
          "[kernels][law]") {
  Random random(1);
  constexpr std::size_t room = 320;  // floats between tensors: a multiple of a line of the cache
  std::vector<float> memory(6 * room);
  float* line = memory.data();
  while (reinterpret_cast<std::uintptr_t>(line) % 64 != 0) ++line;
  for (const auto* kernels : all_builds<float>())
    for (const bool past_cache : {false, true})
      for (const std::size_t start : {0u, 1u, 4u, 15u})  // of the record in its line
        for (const std::size_t n : {1u, 15u, 16u, 17u, 100u, 257u})
          for (const std::size_t visible : {std::size_t{0}, n / 2, n}) {
            const bool biased = (n + visible + start) % 3 == 0;
            std::vector<float> raw(n), row(15 + n + 15), want(n), bias(n);
            for (float& x : raw) x = static_cast<float>(20 * random.normal());
            for (float& x : bias) x = static_cast<float>(random.normal());
            std::copy(raw.begin(), raw.end(), row.begin() + 15);
            std::fill(memory.begin(), memory.end(), -7.0f);
            const auto tensor = [&](std::size_t which) { return line + start + which * room; };
            const auto is_want = [&](const float* got) {
              return std::memcmp(want.data(), got, n * sizeof(float)) == 0 && got[n] == -7;
            };
            float max = 0, sum = 0;
            kernels->attend(row.data() + 15, 0.3f, biased ? bias.data() : nullptr, visible, n,
                            {tensor(0), tensor(1), tensor(2), tensor(3), tensor(4)}, past_cache,
                            max, sum);
            want = raw;
            CHECK(is_want(tensor(0)));
            kernels->scale(raw.data(), 0.3f, want.data(), n);
            CHECK(is_want(tensor(1)));
            if (biased) kernels->add(want.data(), bias.data(), want.data(), n);
            for (std::size_t j = visible; j < n; ++j) want[j] = -float_inf;
            CHECK(is_want(tensor(2)));
            CHECK(max == kernels->max(want.data(), n));
            kernels->exp(want.data(), max, want.data(), n);
            CHECK(is_want(tensor(3)));
            CHECK(sum == kernels->sum(want.data(), n));
            kernels->divide(want.data(), sum, want.data(), n);
            CHECK(is_want(tensor(4)));
            CHECK(std::memcmp(want.data(), row.data() + 15, n * sizeof(float)) == 0);
          }
}

TEST_CASE("kernels attend: tensors of the record that are not kept change nothing", "[kernels]") {
  for (const auto* kernels : all_builds<float>()) {
    std::vector<float> row(15 + 40 + 15, 0.5f), pattern(40);
    float max = 0, sum = 0;
    kernels->attend(row.data() + 15, 1.0f, nullptr, 8, 40,
                    {nullptr, nullptr, nullptr, nullptr, pattern.data()}, true, max, sum);
    CHECK(max == 0.5f);
    CHECK(sum == 8);
    CHECK(pattern[7] == 0.125f);
    CHECK(pattern[8] == 0);
  }
}
