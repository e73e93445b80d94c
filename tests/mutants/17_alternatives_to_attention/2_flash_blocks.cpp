// Wrong solutions of 17.2: each has to be refused, at its stage, by its name. One function with
// every mistake as a switch.
#include "17_alternatives_to_attention/exercises.hpp"
#include "kit/grade.hpp"

namespace headlight::course {

namespace {

using exercise::FlashTrace;
constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

struct Mistakes {
  bool no_scale = false, scale_value = false, scale_twice = false, padding_seen = false,
       padding_zero = false, from_zero = false, block_alone = false, stuck = false,
       of_all_queries = false, of_all_keys = false, last_block_lost = false,
       last_block_open = false, from_lowest_positive = false;
  bool sum_not_rescaled = false, rescale_turned = false, old_maximum = false, not_a_number = false,
       no_maximum = false, restarted = false, rescaled_after = false, first_block_twice = false;
  bool not_rescaled = false, divided_each = false, value_of_block = false, unweighted = false,
       key_as_value = false;
  bool not_divided = false, by_last_block = false, by_keys = false, zero_by_zero = false,
       divided_twice = false;
};

FlashTrace made(const Matrix& query, const Matrix& key, const Matrix& value, const Vector& is_token,
                std::size_t block, const Mistakes& m) {
  const std::size_t n_query = query.shape(0), n_key = key.shape(0), d_value = value.shape(1);
  const std::size_t n_blocks = m.last_block_lost ? n_key / block : (n_key + block - 1) / block;
  const double d_head = static_cast<double>(query.shape(1));
  const double root = m.no_scale      ? 1
                      : m.scale_value ? std::sqrt(static_cast<double>(d_value))
                      : m.scale_twice ? d_head
                                      : std::sqrt(d_head);
  Matrix score(Matrix::shape_type{n_query, n_key}, 0.0);
  double top = minus_infinity;
  for (std::size_t i = 0; i < n_query; ++i)
    for (std::size_t j = 0; j < n_key; ++j) {
      for (std::size_t f = 0; f < query.shape(1); ++f) score(i, j) += query(i, f) * key(j, f);
      score(i, j) /= root;
      if (is_token(j) == 0 && !m.padding_seen) score(i, j) = m.padding_zero ? 0 : minus_infinity;
      top = std::max(top, score(i, j));
    }
  FlashTrace t{Matrix(Matrix::shape_type{n_blocks, n_query}, 0.0),
               Matrix(Matrix::shape_type{n_blocks, n_query}, 0.0),
               Tensor3(Tensor3::shape_type{n_blocks, n_query, d_value}, 0.0),
               Matrix(Matrix::shape_type{n_query, d_value}, 0.0)};
  for (std::size_t i = 0; i < n_query; ++i) {
    double maximum = m.from_zero              ? 0
                     : m.from_lowest_positive ? std::numeric_limits<double>::min()
                                              : minus_infinity;
    double sum = 0, last_sum = 0;
    std::vector<double> accumulated(d_value, 0.0);
    for (std::size_t b = 0; b < n_blocks; ++b) {
      const std::size_t first = b * block;
      const std::size_t end = m.last_block_open && n_key % block != 0 && b + 1 == n_blocks && b > 0
                                  ? first
                                  : std::min(first + block, n_key);
      double larger = m.block_alone ? minus_infinity : maximum;
      for (std::size_t j = first; j < end; ++j) larger = std::max(larger, score(i, j));
      if (m.stuck && b > 0 && maximum > minus_infinity) larger = maximum;
      if (m.of_all_queries) larger = top;
      if (m.of_all_keys)
        for (std::size_t j = 0; j < n_key; ++j) larger = std::max(larger, score(i, j));
      if (larger > minus_infinity || m.not_a_number) {
        const double shift = m.no_maximum ? 0 : larger;
        double rescale = m.no_maximum ? 1 : std::exp(maximum - larger);
        if (m.rescale_turned && b > 0 && maximum > minus_infinity)
          rescale = std::exp(larger - maximum);
        if (!m.sum_not_rescaled && !m.rescaled_after) sum *= rescale;
        if (m.restarted) sum = 0;
        if (!m.not_rescaled && !m.rescaled_after)
          for (double& a : accumulated) a *= m.restarted ? 0 : rescale;
        last_sum = 0;
        for (std::size_t j = m.first_block_twice && b > 0 ? first - 1 : first; j < end; ++j) {
          const double weight =
              std::exp(score(i, j) - (m.old_maximum && maximum > minus_infinity ? maximum : shift));
          sum += weight;
          last_sum += weight;
          for (std::size_t c = 0; c < d_value; ++c)
            accumulated[c] += (m.unweighted ? (weight > 0 ? 1 : 0) : weight) *
                              (m.value_of_block ? value(j - first, c)
                               : m.key_as_value ? key(j, c % key.shape(1))
                                                : value(j, c));
        }
        if (m.rescaled_after) {
          sum *= rescale;
          for (double& a : accumulated) a *= rescale;
        }
        if (m.divided_each)
          for (double& a : accumulated) a /= sum;
        maximum = larger;
      }
      t.maximum(b, i) = maximum;
      t.sum(b, i) = sum;
      for (std::size_t c = 0; c < d_value; ++c) t.accumulated(b, i, c) = accumulated[c];
    }
    const double divisor = m.not_divided     ? 1
                           : m.by_last_block ? last_sum
                           : m.by_keys       ? static_cast<double>(n_key)
                           : m.divided_twice ? sum * sum
                                             : sum;
    for (std::size_t c = 0; c < d_value; ++c)
      if (sum > 0 || m.zero_by_zero) t.output(i, c) = accumulated[c] / divisor;
  }
  return t;
}

template <auto... Members>
FlashTrace with(const Matrix& query, const Matrix& key, const Matrix& value, const Vector& is_token,
                std::size_t block) {
  Mistakes mistakes;
  ((mistakes.*Members = true), ...);
  return made(query, key, value, is_token, block, mistakes);
}

// The last block is taken whole, beyond the last key.
FlashTrace beyond_the_end(const Matrix& query, const Matrix& key, const Matrix& value,
                          const Vector& is_token, std::size_t block) {
  FlashTrace t = made(query, key, value, is_token, block, {});
  const std::size_t n_key = key.shape(0), end = (n_key + block - 1) / block * block;
  for (std::size_t j = n_key; j < end; ++j)
    for (std::size_t i = 0; i < query.shape(0); ++i)
      t.sum(t.sum.shape(0) - 1, i) += key(j, 0) + value(j, 0);
  return t;
}

FlashTrace in_place(const Matrix& query, const Matrix& key, const Matrix& value,
                    const Vector& is_token, std::size_t block) {
  const FlashTrace t = made(query, key, value, is_token, block, {});
  const double root = std::sqrt(static_cast<double>(query.shape(1)));
  for (double& q : const_cast<Matrix&>(query)) q = q / root + 0.5;
  return t;
}

}  // namespace

extern const std::vector<Mutant<decltype(exercise::flash_blocks)>> mutants_17_2;
const std::vector<Mutant<decltype(exercise::flash_blocks)>> mutants_17_2 = {
    {"not-rescaled", "accumulated",
     "accumulated is not rescaled when the maximum grows: it was made with another one",
     with<&Mistakes::not_rescaled>},
    {"sum-not-rescaled", "sum", "the sum is not rescaled when the maximum grows",
     with<&Mistakes::sum_not_rescaled>},
    {"stuck", "maximum", "the running maximum is stuck: it is that of the first block",
     with<&Mistakes::stuck>},
    {"block-alone", "maximum", "the block's own maximum: the running one never falls",
     with<&Mistakes::block_alone>},
    {"from-zero", "maximum", "the maximum begins at zero: scores may all be negative",
     with<&Mistakes::from_zero>},
    {"from-min", "maximum",
     "the maximum begins at numeric_limits::min(), the smallest number above zero",
     with<&Mistakes::from_lowest_positive>},
    {"of-all-queries", "maximum", "one maximum for all queries: a row far below it becomes 0 / 0",
     with<&Mistakes::of_all_queries>},
    {"of-all-keys", "maximum", "the maximum of all keys: those to come are not known yet",
     with<&Mistakes::of_all_keys>},
    {"last-block-lost", "maximum",
     "the last block is lost when it is shorter: n_key / block is rounded down",
     with<&Mistakes::last_block_lost>},
    {"last-block-empty", "maximum", "the last block is skipped when it is shorter",
     with<&Mistakes::last_block_open>},
    {"no-scale", "maximum", "1/sqrt(d_head) is missing", with<&Mistakes::no_scale>},
    {"scale-d-value", "maximum", "divided by sqrt(d_value) instead of sqrt(d_head)",
     with<&Mistakes::scale_value>},
    {"scaled-twice", "maximum", "scaled twice: divided by d_head in all",
     with<&Mistakes::scale_twice>},
    {"padding-seen", "maximum", "padding is seen: is_token is not used",
     with<&Mistakes::padding_seen>},
    {"padding-zero", "maximum", "the score of padding is 0 instead of -infinity: e^0 is 1",
     with<&Mistakes::padding_zero>},
    {"rescale-turned", "sum", "the factor is turned: e^(old maximum - new maximum) makes smaller",
     with<&Mistakes::rescale_turned>},
    {"old-maximum", "sum", "the block's weights are taken with the old maximum",
     with<&Mistakes::old_maximum>},
    {"hidden-block-nan", "sum",
     "-infinity minus -infinity is not a number: a block of padding changes nothing",
     with<&Mistakes::not_a_number>},
    {"overflow", "sum", "exp overflows: the maximum is found and not taken off",
     with<&Mistakes::no_maximum>},
    {"restarted", "sum", "sums begin anew in every block", with<&Mistakes::restarted>},
    {"rescaled-after", "sum", "rescaled after the block was added: only what was there before is",
     with<&Mistakes::rescaled_after>},
    {"overlapping", "sum", "blocks overlap: the last key of the block before comes in again",
     with<&Mistakes::first_block_twice>},
    {"divided-each", "accumulated", "divided by the sum after every block: once, at the end",
     with<&Mistakes::divided_each>},
    {"value-of-block", "accumulated",
     "values are counted from the start of the block, not from the start of all keys",
     with<&Mistakes::value_of_block>},
    {"unweighted", "accumulated", "values are added without their weights",
     with<&Mistakes::unweighted>},
    {"key-as-value", "accumulated", "keys are accumulated instead of values",
     with<&Mistakes::key_as_value>},
    {"not-divided", "output", "the division by the sum is missing", with<&Mistakes::not_divided>},
    {"by-last-block", "output", "divided by the sum of the last block alone",
     with<&Mistakes::by_last_block>},
    {"by-keys", "output", "divided by the number of keys", with<&Mistakes::by_keys>},
    {"zero-by-zero", "output", "where no key was seen 0 / 0: the output is zero",
     with<&Mistakes::zero_by_zero>},
    {"divided-twice", "output", "divided by the sum twice", with<&Mistakes::divided_twice>},
    {"beyond-the-end", "", "the last block is read beyond the last key", beyond_the_end},
    {"in-place", "", "the queries that were handed in are changed", in_place},
    {"stuck-and-not-rescaled", "maximum", "", with<&Mistakes::stuck, &Mistakes::not_rescaled>},
};

}  // namespace headlight::course
