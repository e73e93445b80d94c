/// @file
/// The parameters of a model as one list: for optimisers, gradient checks, counts.
#pragma once

#include <functional>
#include <headlight/attention/model.hpp>
#include <span>
#include <string>

namespace headlight {

/// One tensor of parameters. T is const for reading.
template <class T>
struct ParameterOf {
  std::string name;       ///< TransformerLens's name, "blocks.0.attn.W_Q"
  std::span<T> values;    ///< row-major
  bool is_matrix = true;  ///< false for gains, biases: they are not decayed
};

/// Calls visit for every tensor of a model that is not empty, in a fixed order.
/// @param weights  the model
/// @param visit  called once a tensor; may change the values
template <class T>
void for_each_parameter(ModelWeightsOf<T>& weights,
                        const std::function<void(const ParameterOf<T>&)>& visit);

/// Calls visit for every tensor of a model that is not empty, in a fixed order.
/// @param weights  the model
/// @param visit  called once a tensor
template <class T>
void for_each_parameter(const ModelWeightsOf<T>& weights,
                        const std::function<void(const ParameterOf<const T>&)>& visit);

/// A model of the same shapes whose numbers are all zero: where gradients are gathered.
/// @param weights  the model  @return as `weights`, with zeros
template <class T>
ModelWeightsOf<T> zeros_like(const ModelWeightsOf<T>& weights);

/// How many numbers a model learns.
/// @param weights  the model  @return sum of the sizes of all tensors
template <class T>
std::size_t parameter_count(const ModelWeightsOf<T>& weights);

/// A hash of all numbers, bit for bit (FNV-1a, 64 bits): equal bits, equal hash.
/// @param weights  the model  @return the hash
template <class T>
std::uint64_t parameter_hash(const ModelWeightsOf<T>& weights);

/// The same model in another precision.
/// @param weights  the model  @return every number converted
template <class To, class From>
ModelWeightsOf<To> model_cast(const ModelWeightsOf<From>& weights);

}  // namespace headlight
