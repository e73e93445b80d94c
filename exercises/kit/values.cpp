#include "kit/values.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace headlight::course {

namespace {

template <class Tensor>
Values copied(const Tensor& tensor) {
  Values out;
  out.shape.assign(tensor.shape().begin(), tensor.shape().end());
  out.data.assign(tensor.data(), tensor.data() + tensor.size());
  return out;
}

template <class Tensor>
Tensor restored(const Values& stage, std::size_t rank) {
  if (stage.shape.size() != rank)
    throw std::invalid_argument("a stage of another rank was asked for");
  typename Tensor::shape_type shape{};
  std::copy(stage.shape.begin(), stage.shape.end(), shape.begin());
  Tensor out(shape);
  std::copy(stage.data.begin(), stage.data.end(), out.data());
  return out;
}

void fill(Random& random, double deviation, double* first, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i)
    first[i] = std::round(random.normal() * deviation * 256) / 256;
}

}  // namespace

Values values(double number) {
  return {{}, {number}};
}
Values values(const Vector& numbers) {
  return copied(numbers);
}
Values values(const Matrix& numbers) {
  return copied(numbers);
}
Values values(const Tensor3& numbers) {
  return copied(numbers);
}
Values values(const std::vector<double>& numbers) {
  return {{numbers.size()}, numbers};
}

Values values(const std::vector<std::size_t>& numbers) {
  return {{numbers.size()}, {numbers.begin(), numbers.end()}};
}

Values values(const std::vector<Matrix>& heads) {
  Values out;
  if (heads.empty()) return {{0}, {}};
  out.shape = {heads.size(), heads[0].shape(0), heads[0].shape(1)};
  for (const Matrix& head : heads) {
    if (head.shape() != heads[0].shape()) return {{heads.size(), 0, 0}, {}};
    out.data.insert(out.data.end(), head.data(), head.data() + head.size());
  }
  return out;
}

Matrix matrix(const Values& stage) {
  return restored<Matrix>(stage, 2);
}
Vector vector(const Values& stage) {
  return restored<Vector>(stage, 1);
}
Tensor3 tensor(const Values& stage) {
  return restored<Tensor3>(stage, 3);
}

const Values& stage_of(const Stages& stages, const std::string& name) {
  for (const Stage& stage : stages)
    if (stage.name == name) return stage.values;
  throw std::out_of_range("there is no stage " + name);
}

Matrix fresh_matrix(Random& random, std::size_t rows, std::size_t columns, double deviation) {
  Matrix out(Matrix::shape_type{rows, columns});
  fill(random, deviation, out.data(), out.size());
  return out;
}

Vector fresh_vector(Random& random, std::size_t size, double deviation) {
  Vector out(Vector::shape_type{size});
  fill(random, deviation, out.data(), out.size());
  return out;
}

Tensor3 fresh_tensor(Random& random, std::size_t a, std::size_t b, std::size_t c,
                     double deviation) {
  Tensor3 out(Tensor3::shape_type{a, b, c});
  fill(random, deviation, out.data(), out.size());
  return out;
}

}  // namespace headlight::course
