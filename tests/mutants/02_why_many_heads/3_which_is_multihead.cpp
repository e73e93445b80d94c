// The five programs of 02.3, and wrong answers to the question who made which trace.
#include "02_why_many_heads/exercises.hpp"
#include "kit/diagnose.hpp"
#include "kit/reference.hpp"

namespace headlight::course {

namespace {

// A head of its own: columns first ... first + count of the weights, applied to X.
struct Head {
  Matrix pattern, value;
};

Head head_of(const Matrix& X, const Matrix& W_Q, const Matrix& W_K, const Matrix& W_V) {
  const double root = std::sqrt(static_cast<double>(W_Q.shape(1)));
  return {softmax(scaled(product(product(X, W_Q), flipped(product(X, W_K))), 1 / root)),
          product(X, W_V)};
}

Head head_of(const Input& input, std::size_t first, std::size_t count) {
  const auto part = [&](const char* name) { return columns_of(input.matrix(name), first, count); };
  return head_of(input.matrix("X"), part("W_Q"), part("W_K"), part("W_V"));
}

Stages trace_of(const Matrix& left, const Matrix& left_value, const Matrix& right,
                const Matrix& right_value) {
  const Matrix a = product(left, left_value), b = product(right, right_value);
  return {{"left", values(left)},
          {"right", values(right)},
          {"output", values(Matrix(xt::concatenate(xt::xtuple(a, b), 1)))}};
}

Stages multi_head(const Input& input) {
  const Head zero = head_of(input, 0, 2), one = head_of(input, 2, 2);
  return trace_of(zero.pattern, zero.value, one.pattern, one.value);
}
Stages one_wide_head(const Input& input) {
  const Head wide = head_of(input, 0, 4);
  return trace_of(wide.pattern, columns_of(wide.value, 0, 2), wide.pattern,
                  columns_of(wide.value, 2, 2));
}
Stages shared_pattern(const Input& input) {
  const Head zero = head_of(input, 0, 2), one = head_of(input, 2, 2);
  return trace_of(zero.pattern, zero.value, zero.pattern, one.value);
}
Stages split_first(const Input& input) {
  const auto half = [&](std::size_t first) {
    const auto block = [&](const char* name) {
      return rows_of(columns_of(input.matrix(name), first, 2), first, 2);
    };
    return head_of(columns_of(input.matrix("X"), first, 2), block("W_Q"), block("W_K"),
                   block("W_V"));
  };
  const Head zero = half(0), one = half(2);
  return trace_of(zero.pattern, zero.value, one.pattern, one.value);
}
Stages swapped(const Input& input) {
  const Head zero = head_of(input, 0, 2), one = head_of(input, 2, 2);
  return trace_of(one.pattern, one.value, zero.pattern, zero.value);
}

// An answer in the order a, b, c, d.
template <exercise::Program a, exercise::Program b, exercise::Program c, exercise::Program d>
exercise::Traces say() {
  return {a, b, c, d};
}

constexpr auto none = exercise::Program::unknown, multi = exercise::Program::multi_head,
               wide = exercise::Program::one_wide_head, shared = exercise::Program::shared_pattern,
               split = exercise::Program::split_first, exchanged = exercise::Program::swapped;

}  // namespace

extern const std::vector<Program> programs_02_3;
const std::vector<Program> programs_02_3 = {
    Program{"multi_head",
            "two different patterns, and that of head 0, made of columns 0 and 1, on the left",
            multi_head},
    Program{"one_wide_head", "one pattern for both halves, and no other trace has it",
            one_wide_head},
    Program{"shared_pattern", "one pattern for both halves, and it is that of head 0 in multi_head",
            shared_pattern},
    Program{
        "split_first",
        "tokens whose half is the same get the same weights: the left pattern cannot tell tokens "
        "0 and 1 apart, the right one not tokens 1 and 2",
        split_first},
    Program{"swapped", "two different patterns, and that of head 0 on the right", swapped},
};

// The right answer is split, shared, multi, wide.
extern const std::vector<Mutant<decltype(exercise::which_is_multihead)>> mutants_02_3;
const std::vector<Mutant<decltype(exercise::which_is_multihead)>> mutants_02_3 = {
    {"a-b-exchanged", "program", "a and b are exchanged: a has two patterns, b one",
     say<shared, split, multi, wide>},
    {"a-c-exchanged", "program",
     "a and c are exchanged: in a tokens that share a half cannot be told apart, in c they can",
     say<multi, shared, split, wide>},
    {"a-d-exchanged", "program", "a and d are exchanged: a has two patterns, d one",
     say<wide, shared, multi, split>},
    {"b-c-exchanged", "program", "b and c are exchanged: c has two patterns, b one",
     say<split, multi, shared, wide>},
    {"b-d-exchanged", "program",
     "b and d are exchanged: the pattern of b comes again in another trace, that of d does not",
     say<split, wide, multi, shared>},
    {"c-d-exchanged", "program", "c and d are exchanged: c has two patterns, d one",
     say<split, shared, wide, multi>},
    {"turned-left", "program", "all four are one place off", say<shared, multi, wide, split>},
    {"turned-right", "program", "all four are one place off, the other way round",
     say<wide, split, shared, multi>},
    {"list-order", "program", "that is the order in which the programs are listed",
     say<multi, wide, shared, split>},
    {"c-called-swapped", "program",
     "c is called swapped: the pattern of head 0, known from b, stands on its left",
     say<split, shared, exchanged, wide>},
    {"a-called-swapped", "program",
     "a is called swapped: neither of its patterns comes again in another trace",
     say<exchanged, shared, multi, wide>},
    {"all-multi-head", "program", "one name for all: no program made two traces",
     say<multi, multi, multi, multi>},
    {"wide-twice", "program", "b and d are both called one_wide_head, but their patterns differ",
     say<split, wide, multi, wide>},
    {"only-c", "program", "only c is filled in", say<none, none, multi, none>},
    {"nothing", "program", "nothing is filled in", say<none, none, none, none>},
};

}  // namespace headlight::course
