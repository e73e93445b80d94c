// Wrong predictions of 18.3: each has to be refused, at its stage, by its name.
#include "18_attention_and_training/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::Path;
using exercise::Paths;

double in_steps_of(double distance, double reach) {
  return std::ceil(distance / reach);
}

Paths right() {
  return {{1, 1, 2016}, {16, 32, 246}, {63, 127, 63}, {16, 32, 305}, {6, 7, 63}, {2, 2, 372}};
}

// The right ones, then spoilt.
template <void (*spoil)(Paths&)>
Paths with() {
  Paths all = right();
  spoil(all);
  return all;
}

template <class Change>
void each(Paths& all, Change change) {
  for (Path* one :
       {&all.full, &all.window, &all.recurrent, &all.leading, &all.doubling, &all.summary})
    change(*one);
}

void reach_of_w(Paths& all) {
  all.window.steps = all.leading.steps = in_steps_of(63, 5);
  all.window.steps_twice = all.leading.steps_twice = in_steps_of(127, 5);
}
void rounded_down(Paths& all) {
  all.window.steps = all.leading.steps = 15;
  all.window.steps_twice = all.leading.steps_twice = 31;
}
void not_rounded(Paths& all) {
  all.window.steps = 63.0 / 4, all.window.steps_twice = 127.0 / 4;
  all.leading.steps = 62.0 / 4, all.leading.steps_twice = 126.0 / 4;
}
void n_steps(Paths& all) {
  all.recurrent.steps = 64, all.recurrent.steps_twice = 128;
}
void leading_helps(Paths& all) {
  all.leading.steps = all.leading.steps_twice = 2;
}
void leading_direct(Paths& all) {
  all.leading.steps = all.leading.steps_twice = 1;
}
void window_direct(Paths& all) {
  all.window.steps = all.window.steps_twice = all.leading.steps = all.leading.steps_twice = 1;
}
void window_walks(Paths& all) {
  all.window.steps = all.leading.steps = 63;
  all.window.steps_twice = all.leading.steps_twice = 127;
}
void full_walks(Paths& all) {
  all.full.steps = 63, all.full.steps_twice = 127;
}
void recurrent_direct(Paths& all) {
  all.recurrent.steps = all.recurrent.steps_twice = 1;
}
void doubling_walks(Paths& all) {
  all.doubling.steps = 63, all.doubling.steps_twice = 127;
}
void doubling_one_more(Paths& all) {
  all.doubling.steps = 7, all.doubling.steps_twice = 8;
}
void doubling_widest(Paths& all) {
  all.doubling.steps = 32, all.doubling.steps_twice = 64;
}
void summary_direct(Paths& all) {
  all.summary.steps = all.summary.steps_twice = 1;
}
void summary_walks(Paths& all) {
  all.summary.steps = 32, all.summary.steps_twice = 64;
}
void twice_doubles(Paths& all) {
  each(all, [](Path& one) { one.steps_twice = 2 * one.steps; });
}
void twice_the_same(Paths& all) {
  each(all, [](Path& one) { one.steps_twice = one.steps; });
}
void itself_counted(Paths& all) {
  each(all, [](Path& one) { one.links += 64; });
}
void both_orders(Paths& all) {
  all.full.links *= 2, all.window.links *= 2, all.recurrent.links *= 2, all.leading.links *= 2;
  all.doubling.links *= 2;
}
void all_pairs(Paths& all) {
  each(all, [](Path& one) { one.links = 2016; });
}
void no_border(Paths& all) {
  all.window.links = 4 * 64, all.leading.links = 4 * 64 + 59, all.summary.links = 4 * 64 + 122;
}
void token_0_twice(Paths& all) {
  all.leading.links = 246 + 63, all.summary.links = 250 + 126;
}
void summary_only_heard(Paths& all) {
  all.summary.links = 250 + 61;
}
void summary_pairs(Paths& all) {
  all.summary.links /= 2;
}
void all_steps_of_doubling(Paths& all) {
  all.doubling.links = 63 + 62 + 60 + 56 + 48 + 32;
}
void at_128(Paths& all) {
  each(all, [](Path& one) { std::swap(one.steps, one.steps_twice); });
}
void reach_and_links(Paths& all) {
  reach_of_w(all);
  no_border(all);
}

Paths nothing() {
  return {};
}
Paths zeros() {
  const Path none{0, 0, 0};
  return {none, none, none, none, none, none};
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::path_length)>> mutants_18_3;
const std::vector<Mutant<decltype(exercise::path_length)>> mutants_18_3 = {
    {"reach-of-w", "steps",
     "off by one: a window of w reaches w - 1 back, one of the w is the token itself",
     with<reach_of_w>},
    {"rounded-down", "steps", "off by one: the last step may be shorter, but it is a step",
     with<rounded_down>},
    {"not-rounded", "steps", "there is no part of a step: round up", with<not_rounded>},
    {"n-steps", "steps", "off by one: from the first to the last of n tokens it is n - 1 steps",
     with<n_steps>},
    {"leading-helps", "steps",
     "a leading token does not help: it hears nobody, so it has nothing to hand on",
     with<leading_helps>},
    {"leading-direct", "steps", "only what token 0 knows gets to all at once; what of token 1?",
     with<leading_direct>},
    {"window-direct", "steps", "in a window a token hears only its neighbours directly",
     with<window_direct>},
    {"window-walks", "steps", "a window takes w - 1 tokens in one step, not one",
     with<window_walks>},
    {"full-walks", "steps", "in full attention every token hears all earlier ones directly",
     with<full_walks>},
    {"recurrent-direct", "steps", "in a recurrent net what is known walks from token to token",
     with<recurrent_direct>},
    {"doubling-walks", "steps", "each step reaches twice as far as the one before",
     with<doubling_walks>},
    {"doubling-one-more", "steps", "off by one: 1 + 2 + 4 + ... + 2^(s-1) is 2^s - 1",
     with<doubling_one_more>},
    {"doubling-widest", "steps", "the widest step alone: those before it count too",
     with<doubling_widest>},
    {"summary-direct", "steps", "to token 0 and back: two steps", with<summary_direct>},
    {"summary-walks", "steps", "token 0 hears all and is heard by all: no need to walk",
     with<summary_walks>},
    {"at-128", "steps", "64 and 128 are swapped", with<at_128>},
    {"twice-doubles", "steps_twice",
     "twice the tokens are not always twice the steps: where the way is direct they are not",
     with<twice_doubles>},
    {"twice-the-same", "steps_twice", "twice the tokens take more steps wherever they walk",
     with<twice_the_same>},
    {"itself-counted", "links", "a token and itself are no pair of different tokens",
     with<itself_counted>},
    {"both-orders", "links", "where the future is hidden, a pair has one order only",
     with<both_orders>},
    {"all-pairs", "links", "only those that are heard directly count", with<all_pairs>},
    {"no-border", "links", "tokens at the border have fewer neighbours", with<no_border>},
    {"token-0-twice", "links", "neighbours of token 0 are counted twice: they hear it already",
     with<token_0_twice>},
    {"summary-only-heard", "links", "token 0 is heard by all, and it hears all: two orders",
     with<summary_only_heard>},
    {"summary-pairs", "links", "(a, b) and (b, a) are two, where both hear each other",
     with<summary_pairs>},
    {"all-steps", "links", "those of the first step alone, one token back",
     with<all_steps_of_doubling>},
    {"nothing", "steps", "nothing is filled in", nothing},
    {"zeros", "steps", "", zeros},
    {"reach-and-border", "steps", "", with<reach_and_links>},
};

}  // namespace headlight::course
