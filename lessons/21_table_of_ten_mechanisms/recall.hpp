// The recall task: keys and letters planted in a long sequence, then questions.
#pragma once

#include <bit>
#include <headlight/mechanism/selective_scan.hpp>
#include <headlight/mechanism/state_space.hpp>

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

}  // namespace headlight::ten
