// Right but unusual solutions of 17.3: each has to get all points.
#include "17_alternatives_to_attention/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::ScanTrace;

// By convolution, the whole as a Toeplitz matrix times the input.
ScanTrace convolution(const Matrix& input, const Vector& pole, const Vector& B, const Vector& C,
                      double step) {
  const std::size_t n = input.shape(0);
  ScanTrace t;
  t.factor = xt::exp(step * pole);
  t.entry = B * (1.0 - t.factor) / (-pole);
  t.kernel = Vector(Vector::shape_type{n}, 0.0);
  Vector left = C * t.entry;
  for (std::size_t k = 0; k < n; ++k) {
    t.kernel(k) = xt::sum(left)();
    left *= t.factor;
  }
  Matrix toeplitz(Matrix::shape_type{n, n}, 0.0);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) toeplitz(i, j) = t.kernel(i - j);
  t.output = matmul(toeplitz, input);
  return t;
}

// In float, token by token with all states and channels beside each other; the kernel is the
// answer to a single input of one.
ScanTrace in_float(const Matrix& input, const Vector& pole, const Vector& B, const Vector& C,
                   double step) {
  const std::size_t n = input.shape(0), d_model = input.shape(1), d_state = pole.size();
  std::vector<float> factor, entry, states(d_state * (d_model + 1), 0.0F);
  ScanTrace t{pole, pole, Vector(Vector::shape_type{n}), Matrix(input.shape())};
  for (std::size_t s = 0; s < d_state; ++s) {
    const float p = static_cast<float>(pole(s));
    factor.push_back(std::exp(static_cast<float>(step) * p));
    entry.push_back((factor[s] - 1) / p * static_cast<float>(B(s)));
    t.factor(s) = static_cast<double>(factor[s]);
    t.entry(s) = static_cast<double>(entry[s]);
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t c = 0; c <= d_model; ++c) {
      const float u = c < d_model ? static_cast<float>(input(i, c)) : i == 0 ? 1.0F : 0.0F;
      float sum = 0;
      for (std::size_t s = d_state; s-- > 0;) {
        float& state = states[s * (d_model + 1) + c];
        state = factor[s] * state + entry[s] * u;
        sum += static_cast<float>(C(s)) * state;
      }
      (c < d_model ? t.output(i, c) : t.kernel(i)) = static_cast<double>(sum);
    }
  return t;
}

// An associative scan: pairs (factor, state) are combined over distances 1, 2, 4 ...
ScanTrace associative(const Matrix& input, const Vector& pole, const Vector& B, const Vector& C,
                      double step) {
  const std::size_t n = input.shape(0), d_model = input.shape(1);
  ScanTrace t{pole, pole, Vector(Vector::shape_type{n}, 0.0), Matrix(input.shape(), 0.0)};
  for (std::size_t s = 0; s < pole.size(); ++s) {
    t.factor(s) = std::exp(step * pole(s));
    t.entry(s) = (t.factor(s) - 1) / pole(s) * B(s);
    for (std::size_t c = 0; c <= d_model; ++c) {
      std::vector<double> a(n, t.factor(s)), b(n);
      for (std::size_t i = 0; i < n; ++i)
        b[i] = t.entry(s) * (c < d_model ? input(i, c) : i == 0 ? 1 : 0);
      for (std::size_t far = 1; far < n; far *= 2)
        for (std::size_t i = n; i-- > far;) {
          b[i] += a[i] * b[i - far];
          a[i] *= a[i - far];
        }
      for (std::size_t i = 0; i < n; ++i)
        (c < d_model ? t.output(i, c) : t.kernel(i)) += C(s) * b[i];
    }
  }
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::ssm_scan)>> accepted_17_3;
const std::vector<Mutant<decltype(exercise::ssm_scan)>> accepted_17_3 = {
    {"convolution", "", "a Toeplitz matrix of the kernel times the input", convolution},
    {"float", "", "in float, states and channels beside each other", in_float},
    {"associative", "", "an associative scan", associative},
};

}  // namespace headlight::course
