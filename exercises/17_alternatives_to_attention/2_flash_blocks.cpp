// 17.2  Flash: exact attention, block by block                           25 minutes
//
// Keys come in blocks of `block`; the last may be shorter. After every block, for every query, with
// f = e^(maximum - maximum') for what was there and weight = e^(score - maximum') for the new keys:
//   maximum'     = the larger of maximum (-infinity at first) and the block's largest score
//   sum'         = f sum + the block's sum of weight
//   accumulated' = f accumulated + the block's sum of weight value
// output = accumulated / sum at the end; zero where no key was seen. Padding is never seen.
//
// Example: query [[1]], key [[0], [0], [0.6931]], value [[1], [2], [6]], block 2 give maximum
//   [[0], [0.6931]], sum [[2], [2]], accumulated [[[3]], [[7.5]]], output [[3.75]]
// Section 17 of the report. score = query . key / sqrt(d_head), and may be as large as 1000.
#include "exercises.hpp"

namespace headlight::exercise {

FlashTrace flash_blocks(const Matrix& query, const Matrix& key, const Matrix& value,
                        const Vector& is_token, std::size_t block) {
  // >>> your code
  return headlight::todo("17.2");
  // <<< your code
}

}  // namespace headlight::exercise
