// The recall task: keys and letters planted in a long sequence, then questions.
#pragma once

#include <bit>
#include <functional>
#include <headlight/mechanism/flash.hpp>
#include <headlight/mechanism/full.hpp>
#include <headlight/mechanism/linear.hpp>
#include <headlight/mechanism/local.hpp>
#include <headlight/mechanism/performer.hpp>
#include <headlight/mechanism/selective_scan.hpp>
#include <headlight/mechanism/sparse.hpp>
#include <headlight/mechanism/state_space.hpp>
#include <headlight/position/relative.hpp>
#include <string>
#include <utility>

#include "ground.hpp"

namespace headlight::ten {

// Associative recall: pairs of a key and a letter among tokens that say nothing, then questions,
// each a key again. Everything is given, nothing is trained: each mechanism gets its best keys.
struct Recall {
  Matrix Q, K, V;                   // [n, 16], [n, 16], [n, 8 letters]
  std::vector<std::size_t> place;   // of the pair that question i asks for
  std::vector<std::size_t> letter;  // the right answer
  std::size_t first_question = 0;
};

inline constexpr std::size_t recall_n = 512, letters = 8, key_width = 16, questions = 128;
inline constexpr double gain = 80;  // of queries: the right score is 20, a wrong one 10 at most

// Keys of +-1/4: different ones with a cosine of at most 1/2, the first 15 with none (Hadamard's).
inline Matrix recall_keys(std::size_t count, Random& random) {
  Matrix keys = zeros(count, key_width);
  for (std::size_t k = 0; k < count; ++k)
    for (bool fits = false; !fits;) {
      for (std::size_t c = 0; c < key_width; ++c) {
        const bool minus =
            k + 1 < key_width ? std::popcount((k + 1) & c) % 2 == 1 : random.uniform() < 0.5;
        keys(k, c) = minus ? -0.25 : 0.25;
      }
      fits = true;
      for (std::size_t other = 0; other < k && fits; ++other) {
        double cosine = 0;
        for (std::size_t c = 0; c < key_width; ++c) cosine += keys(k, c) * keys(other, c);
        fits = cosine <= 0.5;
      }
    }
  return keys;
}

inline Recall recall_task(std::size_t pairs) {
  Random random(2111 + pairs);
  const Matrix keys = recall_keys(pairs, random);
  Recall r{zeros(recall_n, key_width), zeros(recall_n, key_width), zeros(recall_n, letters), {}, {},
           recall_n - questions};
  std::vector<std::size_t> places(r.first_question), of_key(pairs), letter_of(pairs);
  for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
  for (std::size_t k = 0; k < pairs; ++k) {
    std::swap(places[k], places[k + random.below(places.size() - k)]);
    of_key[k] = places[k], letter_of[k] = k % letters;
    for (std::size_t c = 0; c < key_width; ++c) r.K(places[k], c) = keys(k, c);
    r.V(places[k], letter_of[k]) = 1;
  }
  for (std::size_t i = 0; i < questions; ++i) {
    const std::size_t k = i % pairs;
    for (std::size_t c = 0; c < key_width; ++c) r.Q(r.first_question + i, c) = gain * keys(k, c);
    r.place.push_back(of_key[k]), r.letter.push_back(letter_of[k]);
  }
  return r;
}

// The share of questions whose right letter has the most; `counts` chooses by distance.
inline double right_answers(
    const Recall& r, const Matrix& Y,
    const std::function<bool(std::size_t)>& counts = [](std::size_t) { return true; }) {
  double right = 0, asked = 0;
  for (std::size_t i = 0; i < questions; ++i) {
    const std::size_t row = r.first_question + i;
    if (!counts(row - r.place[i])) continue;
    std::size_t best = 0;
    for (std::size_t l = 1; l < letters; ++l)
      if (Y(row, l) > Y(row, best)) best = l;
    asked += 1, right += best == r.letter[i] && Y(row, best) > 0 ? 1 : 0;
  }
  return right / asked;
}

// S4 in the place of attention: one filter over the values of all letters.
inline Matrix filtered(const Recall& r) {
  Random random(12);
  StateSpace s = {hippo_legs(16), hippo_legs_input(16), zeros(letters, 16), {}};
  const Vector reading = random_vector(random, 16);
  for (std::size_t l = 0; l < letters; ++l)
    for (std::size_t k = 0; k < 16; ++k) s.C(l, k) = reading(k);
  return state_space(r.V, discretise(s, 0.01, Discretisation::bilinear), StateSpaceOrder::fourier)
      .output;
}

// Mamba as built by hand: it takes a step of one at a pair and none elsewhere, writes with the key
// and reads with the query; nothing decays.
inline Matrix selected(const Recall& r) {
  SelectiveSystem s{zeros(letters, key_width), zeros(recall_n, letters), r.K, r.Q, {}};
  for (std::size_t i = 0; i < r.first_question; ++i)
    for (std::size_t l = 0; l < letters; ++l) s.delta(i, l) = r.K(i, 0) != 0 ? 1 : 0;
  return selective_scan(r.V, s).output;
}

// Four heads, each on a quarter of every key: x is [query, key, letter], the heads' letters add up.
inline Matrix four_heads(const Recall& r) {
  const std::size_t heads = 4, width = 2 * key_width + letters;
  Matrix x = zeros(recall_n, width);
  for (std::size_t i = 0; i < recall_n; ++i) {
    for (std::size_t c = 0; c < key_width; ++c)
      x(i, c) = r.Q(i, c), x(i, key_width + c) = r.K(i, c);
    for (std::size_t l = 0; l < letters; ++l) x(i, 2 * key_width + l) = r.V(i, l);
  }
  MultiHeadWeights W = {.n_heads = heads,
                        .W_Q = zeros(width, key_width),
                        .W_K = zeros(width, key_width),
                        .W_V = zeros(width, heads * letters),
                        .W_O = zeros(heads * letters, letters)};
  for (std::size_t c = 0; c < key_width; ++c) W.W_Q(c, c) = W.W_K(key_width + c, c) = 1;
  for (std::size_t h = 0; h < heads; ++h)
    for (std::size_t l = 0; l < letters; ++l)
      W.W_V(2 * key_width + l, h * letters + l) = W.W_O(h * letters + l, l) = 1;
  return multi_head_counted(x, x, W, {.causal = true}).output;
}

// The pairs are the source, the questions the target.
inline Matrix crossed(const Recall& r) {
  const Matrix found =
      full_attention(rows(r.Q, r.first_question, questions), rows(r.K, 0, r.first_question),
                     rows(r.V, 0, r.first_question))
          .output;
  Matrix all = zeros(recall_n, letters);
  std::copy(found.begin(), found.end(), all.end() - static_cast<std::ptrdiff_t>(found.size()));
  return all;
}

using Way = std::function<Matrix(const Recall&)>;
inline constexpr std::size_t recall_window = 64;

// Every row of the table, put to the task.
inline std::vector<std::pair<std::string, Way>> recall_ways() {
  const auto with_slope = [](double slope) {
    return [slope](const Recall& r) {
      return full_attention(r.Q, r.K, r.V, {.causal = true, .alibi_slope = slope}).output;
    };
  };
  const BigBirdOptions bird = {.block = 16, .window = 4, .global = 1, .random = 2, .causal = true};
  return {
      {"full", with_slope(0)},
      {"multi-head, 4 of width 4", four_heads},
      {"local, window 64",
       [](const Recall& r) {
         return local_attention(r.Q, r.K, r.V, {.window = recall_window}).output;
       }},
      {"sparse, BigBird",
       [bird](const Recall& r) {
         return sparse_attention(r.Q, r.K, r.V, bigbird_pattern(recall_n, bird)).output;
       }},
      {"linear, elu + 1",
       [](const Recall& r) {
         return linear_attention(elu_plus_one(r.Q), elu_plus_one(r.K), r.V, true).output;
       }},
      {"linear, Performer, 256 features",
       [](const Recall& r) {
         return performer_attention(r.Q, r.K, r.V, orthogonal_directions(256, key_width, 1), true)
             .output;
       }},
      {"flash",
       [](const Recall& r) {
         return slice(
             flash_attention(one_head(r.Q), one_head(r.K), one_head(r.V), {.causal = true}).output,
             0);
       }},
      {"cross, the pairs as source", crossed},
      {"relative, Shaw, reach 8",
       [](const Recall& r) {
         Random random(21);
         const RelativeWeights tables = {8, random_matrix(random, 17, key_width), {}};
         return relative_attention_counted(r.Q, r.K, r.V, tables, true).output;
       }},
      {"ALiBi, slope 1/2", with_slope(0.5)},
      {"ALiBi, slope 1/256", with_slope(1.0 / 256)},
      {"state space, S4", filtered},
      {"state space, Mamba", selected}};
}

}  // namespace headlight::ten
