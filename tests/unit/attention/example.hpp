/// @file
/// Small random attention layers and models with distinct sizes, for the tests of lib/attention.
#pragma once

#include <headlight/attention/model.hpp>
#include <headlight/core/random.hpp>
#include <map>
#include <string>
#include <vector>

namespace example {

using namespace headlight;

// d_model need not be n_heads x d_head, and d_value differs from d_head.
struct Sizes {
  std::size_t n_heads = 3, d_model = 7, d_head = 4, d_value = 5, d_hidden = 11, vocabulary = 13;
};

template <class T = double>
MultiHeadWeightsOf<T> multi_head(Random& random, const Sizes& s = {}) {
  MultiHeadWeightsOf<T> w;
  w.n_heads = s.n_heads;
  w.W_Q = random_matrix<T>(random, s.d_model, s.n_heads * s.d_head);
  w.W_K = random_matrix<T>(random, s.d_model, s.n_heads * s.d_head);
  w.W_V = random_matrix<T>(random, s.d_model, s.n_heads * s.d_value);
  w.W_O = random_matrix<T>(random, s.n_heads * s.d_value, s.d_model);
  w.b_Q = random_vector<T>(random, s.n_heads * s.d_head);
  w.b_K = random_vector<T>(random, s.n_heads * s.d_head);
  w.b_V = random_vector<T>(random, s.n_heads * s.d_value);
  w.b_O = random_vector<T>(random, s.d_model);
  return w;
}

template <class T = double>
NormWeightsOf<T> norm(Random& random, const Sizes& s = {}, Norm kind = Norm::layer) {
  NormWeightsOf<T> w{random_vector<T>(random, s.d_model), {}, T(1e-5), kind};
  if (kind == Norm::layer) w.bias = random_vector<T>(random, s.d_model);
  return w;
}

template <class T = double>
BlockWeightsOf<T> block(Random& random, const Sizes& s = {}, NormPlace place = NormPlace::before) {
  BlockWeightsOf<T> w;
  w.norm1 = norm<T>(random, s);
  w.attention = multi_head<T>(random, s);
  w.norm2 = norm<T>(random, s);
  w.feed_forward = FeedForwardWeightsOf<T>{
      random_matrix<T>(random, s.d_model, s.d_hidden), random_vector<T>(random, s.d_hidden),
      random_matrix<T>(random, s.d_hidden, s.d_model), random_vector<T>(random, s.d_model)};
  w.place = place;
  return w;
}

template <class T = double>
ModelWeightsOf<T> model(Random& random, Position position = Position::learned,
                        const Sizes& s = {}) {
  ModelWeightsOf<T> w;
  w.W_E = random_matrix<T>(random, s.vocabulary, s.d_model);
  w.position = position;
  if (position == Position::learned) w.W_pos = random_matrix<T>(random, 17, s.d_model);
  w.blocks = {block<T>(random, s), block<T>(random, s)};
  if (position == Position::t5)
    w.relative_bias = random_matrix<T>(random, 6, s.n_heads), w.max_distance = 5;
  if (position == Position::shaw)
    for (BlockWeightsOf<T>& b : w.blocks) {
      b.attention.relative_keys = random_matrix<T>(random, 2 * 2 + 1, s.n_heads * s.d_head);
      b.attention.relative_values = random_matrix<T>(random, 2 * 2 + 1, s.n_heads * s.d_value);
    }
  w.norm_final = norm<T>(random, s);
  return w;
}

// Every number of a trace by stage name (masks left out).
template <class T, class Show>
std::map<std::string, std::vector<T>> numbers(const Show& show) {
  std::map<std::string, std::vector<T>> stages;
  show([&](const StageOf<const T>& stage) {
    stages[stage.name].assign(stage.values.begin(), stage.values.end());
  });
  return stages;
}

template <class T>
std::map<std::string, std::vector<T>> numbers(const ModelTraceOf<T>& trace) {
  return numbers<T>([&](const StageVisitorOf<T>& visit) { for_each_stage(trace, visit); });
}

template <class T>
std::map<std::string, std::vector<T>> numbers(const BlockTraceOf<T>& trace) {
  return numbers<T>([&](const StageVisitorOf<T>& visit) { for_each_stage(trace, "", visit); });
}

template <class T>
std::map<std::string, std::vector<T>> numbers(const MultiHeadTraceOf<T>& trace) {
  return numbers<T>([&](const StageVisitorOf<T>& visit) { for_each_stage(trace, "", visit); });
}

}  // namespace example
