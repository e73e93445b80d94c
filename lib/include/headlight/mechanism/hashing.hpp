/// @file
/// Reformer's attention by hashing: each token compares itself only with tokens of its own bucket.
#pragma once

#include <cstdint>
#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/work.hpp>

namespace headlight {

/// How tokens are put into buckets and compared.
struct HashingOptions {
  std::size_t n_buckets = 2;  ///< 1, or an even number
  std::size_t n_rounds = 1;   ///< independent rounds of hashing
  std::size_t chunk = 0;      ///< sorted tokens a chunk; 0 means 2 n / n_buckets, rounded up
  std::uint64_t seed = 1;     ///< of the random rotations: the same seed, the same buckets
  bool causal = true;         ///< hide later tokens
};

/// Indices of tokens or buckets, @shape{n_rounds, n}.
using RoundIndices = xt::xtensor<std::size_t, 2>;

/// Every number of attention by hashing.
template <class T>
struct HashingTraceOf {
  MatrixOf<T> key;            ///< @shape{n, d_head}   q / |q|: keys are queries of length one
  Tensor3Of<T> rotations;     ///< @shape{n_rounds, d_head, n_buckets / 2}   random directions
  RoundIndices bucket;        ///< @shape{n_rounds, n}   largest of x R and -x R
  RoundIndices order;         ///< @shape{n_rounds, n}   tokens by bucket, then by position
  Tensor3Of<T> round_output;  ///< @shape{n_rounds, n, d_value}   attention within each round
  MatrixOf<T> log_sum_exp;    ///< @shape{n_rounds, n}   of the round's scores; -inf: saw nobody
  MatrixOf<T> round_weight;   ///< @shape{n_rounds, n}   share of each round in the output
  MatrixOf<T> output;         ///< @shape{n, d_value}
  Work work;                  ///< what it cost
};
using HashingTrace = HashingTraceOf<double>;  ///< in double

/// Attention by locality-sensitive hashing. In each round tokens are sorted by bucket and cut into
/// chunks; a token compares itself with its own chunk and the one before, and sees those of its own
/// bucket other than itself. A pair that meets in several rounds counts once (log N is subtracted
/// from its score), so the rounds merged by their log-sum-exp are exactly softmax attention over
/// everyone met.
/// @param query @shape{n, d_head}, shared by queries and keys
/// @param value @shape{n, d_value}
/// @param options  buckets, rounds, chunk, seed
/// @return every intermediate
/// @note a token that meets nobody in any round takes its own value
/// @throws ShapeError when sizes differ or there is no token, bucket or round, or the count of
/// buckets is odd
/// @source Kitaev, Kaiser, Levskaya 2020, Reformer, 2    @booksection{17}
template <class T>
HashingTraceOf<T> hashing_attention(const MatrixOf<T>& query, const MatrixOf<T>& value,
                                    const HashingOptions& options);

}  // namespace headlight
