// Wrong predictions of 03.3: each has to be refused, at its stage, by its name.
#include "03_how_many_heads/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::Flops;
using exercise::Work;

// One of the four layers.
struct Layer {
  double n, h, k;       // tokens, heads, width of a head
  double d = 24;        // d_model
  double wide = h * k;  // all heads side by side
};

void add_up(Work& work) {
  work.flops = 2 * (work.projections + work.scores + work.mixture + work.output);
}

Work right(const Layer& l) {
  Work work{3 * l.n * l.d * l.wide, l.n * l.n * l.wide, l.h * l.n * l.n,
            l.n * l.n * l.wide,     l.n * l.wide * l.d, 0};
  add_up(work);
  return work;
}

using Spoil = void (*)(const Layer&, Work&);

Work spoilt(const Layer& l, Spoil spoil) {
  Work work = right(l);
  spoil(l, work);
  return work;
}

// All four layers with the same mistake; what is added up follows.
template <Spoil spoil>
Flops all() {
  Flops out{spoilt({10, 4, 6}, spoil), spoilt({10, 8, 3}, spoil), spoilt({20, 4, 6}, spoil),
            spoilt({10, 4, 16}, spoil)};
  return out;
}

void untouched(const Layer&, Work&) {}
void one_more(const Layer&, Work& w) {
  w.flops += 1;
}
void two_projections(const Layer& l, Work& w) {
  w.projections = 2 * l.n * l.d * l.wide;
  add_up(w);
}
void square_projections(const Layer& l, Work& w) {
  w.projections = 3 * l.n * l.d * l.d;
  add_up(w);
}
void projections_of_a_head(const Layer& l, Work& w) {
  w.projections = 3 * l.n * l.d * l.k;
  add_up(w);
}
void projections_h_twice(const Layer& l, Work& w) {
  w.projections = 3 * l.n * l.d * l.d * l.h;
  add_up(w);
}
void without_tokens(const Layer& l, Work& w) {
  w.projections = 3 * l.d * l.wide;
  add_up(w);
}
void scores_h_twice(const Layer& l, Work& w) {
  w.scores = l.h * l.n * l.n * l.wide;
  add_up(w);
}
void scores_of_a_head(const Layer& l, Work& w) {
  w.scores = l.n * l.n * l.k;
  add_up(w);
}
void scores_of_the_model(const Layer& l, Work& w) {
  w.scores = l.n * l.n * l.d;
  add_up(w);
}
void n_d_squared(const Layer& l, Work& w) {
  w.scores = l.n * l.d * l.d;
  add_up(w);
}
void scores_are_cells(const Layer& l, Work& w) {
  w.scores = l.h * l.n * l.n;
  add_up(w);
}
void half_hidden(const Layer& l, Work& w) {
  w.scores = l.wide * l.n * (l.n + 1) / 2;
  add_up(w);
}
void exponentials_of_a_head(const Layer& l, Work& w) {
  w.exponentials = l.n * l.n;
}
void exponential_a_row(const Layer& l, Work& w) {
  w.exponentials = l.h * l.n;
}
void exponential_a_term(const Layer& l, Work& w) {
  w.exponentials = l.n * l.n * l.wide;
}
void mixture_forgotten(const Layer&, Work& w) {
  w.mixture = 0;
  add_up(w);
}
void mixture_of_a_head(const Layer& l, Work& w) {
  w.mixture = l.n * l.n * l.k;
  add_up(w);
}
void mixture_of_the_model(const Layer& l, Work& w) {
  w.mixture = l.n * l.n * l.d;
  add_up(w);
}
void mixture_h_twice(const Layer& l, Work& w) {
  w.mixture = l.h * l.n * l.n * l.wide;
  add_up(w);
}
void square_output(const Layer& l, Work& w) {
  w.output = l.n * l.d * l.d;
  add_up(w);
}
void output_of_a_head(const Layer& l, Work& w) {
  w.output = l.n * l.k * l.d;
  add_up(w);
}
void output_is_parameters(const Layer& l, Work& w) {
  w.output = l.wide * l.d;
  add_up(w);
}
void not_doubled(const Layer&, Work& w) {
  w.flops /= 2;
}
void second_product_forgotten(const Layer&, Work& w) {
  w.flops -= 2 * w.mixture;
}
void output_not_added(const Layer&, Work& w) {
  w.flops -= 2 * w.output;
}
void exponentials_added(const Layer&, Work& w) {
  w.flops += w.exponentials;
}

Flops base_everywhere() {
  const Work base = right({10, 4, 6});
  return {base, base, base, base};
}
Flops tokens_linear() {
  Flops out = all<untouched>();
  const Work& b = out.base;
  out.twice_tokens = {2 * b.projections, 2 * b.scores, 2 * b.exponentials,
                      2 * b.mixture,     2 * b.output, 2 * b.flops};
  return out;
}
Flops narrower_is_cheaper() {
  Flops out = all<untouched>();
  out.twice_heads.scores /= 2;
  out.twice_heads.mixture /= 2;
  add_up(out.twice_heads);
  return out;
}
Flops only_base() {
  Flops out;
  out.base = right({10, 4, 6});
  return out;
}
Flops nothing() {
  return {};
}
Flops zeros() {
  const Work none{0, 0, 0, 0, 0, 0};
  return {none, none, none, none};
}
Flops one_too_many() {
  return all<one_more>();
}
void h_twice_not_doubled(const Layer& l, Work& w) {
  scores_h_twice(l, w);
  w.flops /= 2;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::flops)>> mutants_03_3;
const std::vector<Mutant<decltype(exercise::flops)>> mutants_03_3 = {
    {"two-projections", "projections", "three matrices are projected: query, key and value",
     all<two_projections>},
    {"square-projections", "projections",
     "d_model columns are made only where heads times width is d_model", all<square_projections>},
    {"projections-of-a-head", "projections", "of one head instead of all",
     all<projections_of_a_head>},
    {"projections-h-twice", "projections", "each head makes d_head columns, not d_model",
     all<projections_h_twice>},
    {"without-tokens", "projections", "that is the number of parameters: each token uses them all",
     all<without_tokens>},
    {"scores-h-twice", "scores", "n_heads is counted twice: a head is only d_head wide",
     all<scores_h_twice>},
    {"scores-of-a-head", "scores", "of one head instead of all", all<scores_of_a_head>},
    {"scores-of-the-model", "scores", "n^2 d_model holds only where heads times width is d_model",
     all<scores_of_the_model>},
    {"n-d-squared", "scores", "n d_model^2: every token meets every token, so n counts twice",
     all<n_d_squared>},
    {"scores-are-cells", "scores", "each cell is a sum of d_head products, not one",
     all<scores_are_cells>},
    {"half-hidden", "scores", "half of the cells: there is no mask here", all<half_hidden>},
    {"exponentials-of-a-head", "exponentials", "of one head instead of all: each has its pattern",
     all<exponentials_of_a_head>},
    {"exponential-a-row", "exponentials", "one for each cell of a pattern, not for each row",
     all<exponential_a_row>},
    {"exponential-a-term", "exponentials", "one for each cell of a pattern, however wide the head",
     all<exponential_a_term>},
    {"mixture-forgotten", "mixture", "the second product, pattern times value, is work too",
     all<mixture_forgotten>},
    {"mixture-of-a-head", "mixture", "of one head instead of all", all<mixture_of_a_head>},
    {"mixture-of-the-model", "mixture", "n^2 d_model holds only where heads times width is d_model",
     all<mixture_of_the_model>},
    {"mixture-h-twice", "mixture", "n_heads is counted twice: a head is only d_head wide",
     all<mixture_h_twice>},
    {"square-output", "output", "W_O has n_heads * d_head rows, not d_model", all<square_output>},
    {"output-of-a-head", "output", "of one head instead of all side by side",
     all<output_of_a_head>},
    {"output-is-parameters", "output", "that is the size of W_O: each token uses it once",
     all<output_is_parameters>},
    {"not-doubled", "flops", "a product is also added to a sum: two operations", all<not_doubled>},
    {"second-product-forgotten", "flops", "the second product, pattern times value, is not added",
     all<second_product_forgotten>},
    {"output-not-added", "flops", "what W_O costs is not added", all<output_not_added>},
    {"exponentials-added", "flops", "exponentials are not products", all<exponentials_added>},
    {"base-everywhere", "exponentials", "the numbers of base stand in all four layers",
     base_everywhere},
    {"tokens-linear", "scores",
     "twice the tokens: scores, exponentials and mixture grow four times, not twice",
     tokens_linear},
    {"narrower-is-cheaper", "scores",
     "narrower heads are cheaper one by one, but there are twice as many", narrower_is_cheaper},
    {"only-base", "projections", "only base is filled in", only_base},
    {"nothing", "projections", "nothing is filled in", nothing},
    {"zeros", "projections", "", zeros},
    {"one-too-many", "flops", "", one_too_many},
    {"h-twice-not-doubled", "scores", "", all<h_twice_not_doubled>},
};

}  // namespace headlight::course
