// Wrong solutions of 03.1: each has to be refused, at its stage, by its name.
#include "03_how_many_heads/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::HeadDims;

void require_even(std::size_t d_model, std::size_t n_heads) {
  if (n_heads == 0 || d_model % n_heads != 0) throw std::invalid_argument("not divisible");
}

// Borders from a width: head h begins at `first(h)` and ends at `end(h)`.
template <class First, class End>
HeadDims with(std::size_t d_head, std::size_t n_heads, First first, End end) {
  HeadDims dims;
  dims.d_head = d_head;
  for (std::size_t h = 0; h < n_heads; ++h) {
    dims.first.push_back(first(h));
    dims.end.push_back(end(h));
  }
  return dims;
}

HeadDims of_width(std::size_t d_head, std::size_t n_heads) {
  return with(
      d_head, n_heads, [&](std::size_t h) { return h * d_head; },
      [&](std::size_t h) { return (h + 1) * d_head; });
}

HeadDims right(std::size_t d_model, std::size_t n_heads) {
  require_even(d_model, n_heads);
  return of_width(d_model / n_heads, n_heads);
}

HeadDims floored(std::size_t d_model, std::size_t n_heads) {
  if (n_heads == 0) throw std::invalid_argument("no heads");
  return of_width(d_model / n_heads, n_heads);
}
HeadDims rounded_up(std::size_t d_model, std::size_t n_heads) {
  if (n_heads == 0) throw std::invalid_argument("no heads");
  return of_width((d_model + n_heads - 1) / n_heads, n_heads);
}
HeadDims shared_unevenly(std::size_t d_model, std::size_t n_heads) {
  if (n_heads == 0) throw std::invalid_argument("no heads");
  return with(
      d_model / n_heads, n_heads, [&](std::size_t h) { return h * d_model / n_heads; },
      [&](std::size_t h) { return (h + 1) * d_model / n_heads; });
}
HeadDims no_heads_let_through(std::size_t d_model, std::size_t n_heads) {
  return n_heads == 0 ? HeadDims() : right(d_model, n_heads);
}
HeadDims no_heads_as_one(std::size_t d_model, std::size_t n_heads) {
  return right(d_model, std::max<std::size_t>(n_heads, 1));
}
HeadDims too_many_let_through(std::size_t d_model, std::size_t n_heads) {
  return n_heads > d_model ? of_width(0, n_heads) : right(d_model, n_heads);
}
HeadDims another_exception(std::size_t d_model, std::size_t n_heads) {
  if (n_heads == 0 || d_model % n_heads != 0) throw std::domain_error("not divisible");
  return of_width(d_model / n_heads, n_heads);
}
HeadDims width_one_refused(std::size_t d_model, std::size_t n_heads) {
  if (n_heads >= d_model) throw std::invalid_argument("too many heads");
  return right(d_model, n_heads);
}
HeadDims odd_refused(std::size_t d_model, std::size_t n_heads) {
  if (n_heads % 2 == 1) throw std::invalid_argument("odd");
  return right(d_model, n_heads);
}
HeadDims swapped(std::size_t d_model, std::size_t n_heads) {
  require_even(d_model, n_heads);
  return of_width(n_heads / d_model, n_heads);
}
HeadDims multiplied(std::size_t d_model, std::size_t n_heads) {
  require_even(d_model, n_heads);
  return of_width(d_model * n_heads, n_heads);
}
HeadDims by_the_root(std::size_t d_model, std::size_t n_heads) {
  require_even(d_model, n_heads);
  return of_width(static_cast<std::size_t>(std::sqrt(static_cast<double>(d_model))), n_heads);
}
HeadDims always_64(std::size_t d_model, std::size_t n_heads) {
  require_even(d_model, n_heads);
  return of_width(64, n_heads);
}
HeadDims width_of_the_model(std::size_t d_model, std::size_t n_heads) {
  require_even(d_model, n_heads);
  HeadDims dims = of_width(d_model / n_heads, n_heads);
  dims.d_head = d_model;
  return dims;
}
HeadDims counted_from_one(std::size_t d_model, std::size_t n_heads) {
  require_even(d_model, n_heads);
  const std::size_t d_head = d_model / n_heads;
  return with(
      d_head, n_heads, [&](std::size_t h) { return h * d_head + 1; },
      [&](std::size_t h) { return (h + 1) * d_head + 1; });
}
HeadDims last_instead_of_end(std::size_t d_model, std::size_t n_heads) {
  require_even(d_model, n_heads);
  const std::size_t d_head = d_model / n_heads;
  return with(
      d_head, n_heads, [&](std::size_t h) { return h * d_head; },
      [&](std::size_t h) { return (h + 1) * d_head - 1; });
}
HeadDims step_of_heads(std::size_t d_model, std::size_t n_heads) {
  require_even(d_model, n_heads);
  const std::size_t d_head = d_model / n_heads;
  return with(
      d_head, n_heads, [&](std::size_t h) { return h * n_heads; },
      [&](std::size_t h) { return h * n_heads + d_head; });
}
HeadDims first_is_the_index(std::size_t d_model, std::size_t n_heads) {
  require_even(d_model, n_heads);
  const std::size_t d_head = d_model / n_heads;
  return with(
      d_head, n_heads, [&](std::size_t h) { return h; }, [&](std::size_t h) { return h + d_head; });
}
HeadDims end_is_the_width(std::size_t d_model, std::size_t n_heads) {
  require_even(d_model, n_heads);
  const std::size_t d_head = d_model / n_heads;
  return with(
      d_head, n_heads, [&](std::size_t h) { return h * d_head; },
      [&](std::size_t) { return d_head; });
}
HeadDims last_head_missed(std::size_t d_model, std::size_t n_heads) {
  HeadDims dims = right(d_model, n_heads);
  dims.first.pop_back();
  dims.end.pop_back();
  return dims;
}
HeadDims one_border_more(std::size_t d_model, std::size_t n_heads) {
  HeadDims dims = right(d_model, n_heads);
  dims.first.push_back(d_model);
  return dims;
}
HeadDims kept(std::size_t d_model, std::size_t n_heads) {
  static HeadDims dims;
  const HeadDims now = right(d_model, n_heads);
  dims.d_head = now.d_head;
  dims.first.insert(dims.first.end(), now.first.begin(), now.first.end());
  dims.end.insert(dims.end.end(), now.end.begin(), now.end.end());
  return dims;
}
HeadDims of_the_example(std::size_t d_model, std::size_t n_heads) {
  require_even(d_model, n_heads);
  return {4, {0, 4, 8}, {4, 8, 12}};
}
HeadDims from_one_and_floored(std::size_t d_model, std::size_t n_heads) {
  if (n_heads == 0) throw std::invalid_argument("no heads");
  const std::size_t d_head = d_model / n_heads;
  return with(
      d_head, n_heads, [&](std::size_t h) { return h * d_head + 1; },
      [&](std::size_t h) { return (h + 1) * d_head; });
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::head_dims)>> mutants_03_1;
const std::vector<Mutant<decltype(exercise::head_dims)>> mutants_03_1 = {
    {"floored", "", "the division is rounded down without a word: columns are lost", floored},
    {"rounded-up", "", "the division is rounded up without a word: heads run beyond the columns",
     rounded_up},
    {"shared-unevenly", "", "the remainder is shared out: heads of different widths",
     shared_unevenly},
    {"no-heads-let-through", "", "0 heads are let through", no_heads_let_through},
    {"no-heads-as-one", "", "0 heads are taken for one", no_heads_as_one},
    {"too-many-let-through", "", "more heads than columns are let through", too_many_let_through},
    {"another-exception", "", "refused, but not with std::invalid_argument", another_exception},
    {"width-one-refused", "", "heads of width one are refused", width_one_refused},
    {"odd-refused", "", "an odd number of heads is refused", odd_refused},
    {"swapped", "d_head", "n_heads / d_model: the two are swapped", swapped},
    {"multiplied", "d_head", "multiplied instead of divided", multiplied},
    {"by-the-root", "d_head", "the root of d_model: n_heads is not used", by_the_root},
    {"always-64", "d_head", "64, the usual width, whatever comes in", always_64},
    {"width-of-the-model", "d_head", "the width of the model, not of a head", width_of_the_model},
    {"counted-from-one", "first", "columns are counted from 1: the first one is 0",
     counted_from_one},
    {"last-instead-of-end", "end", "the last column of each head instead of the one after it",
     last_instead_of_end},
    {"step-of-heads", "first", "heads begin n_heads columns apart instead of d_head apart",
     step_of_heads},
    {"first-is-the-index", "first", "heads begin one column apart instead of d_head apart",
     first_is_the_index},
    {"end-is-the-width", "end", "the width instead of the column where a head ends",
     end_is_the_width},
    {"last-head-missed", "first", "the last head is left out: a loop ends one too early",
     last_head_missed},
    {"one-border-more", "first", "one entry too many: n_heads of them", one_border_more},
    {"kept-between-calls", "", "", kept},
    {"of-the-example", "d_head", "the numbers of the example are returned, whatever comes in",
     of_the_example},
    {"from-one-and-floored", "first", "", from_one_and_floored},
};

}  // namespace headlight::course
