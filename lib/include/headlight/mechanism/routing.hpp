/// @file
/// The Routing Transformer: attention inside clusters of tokens, found by spherical k-means.
#pragma once

#include <cstdint>
#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/work.hpp>

namespace headlight {

/// How tokens are routed.
struct RoutingOptions {
  std::size_t members = 0;  ///< tokens a cluster takes; 0 means n / n_clusters, rounded up
  bool causal = true;       ///< hide later tokens
};

/// Tokens of every cluster, @shape{n_clusters, members}, in the order of their positions.
using Members = xt::xtensor<std::size_t, 2>;

/// Every number of routed attention.
template <class T>
struct RoutingTraceOf {
  MatrixOf<T> query_affinity;  ///< @shape{n_clusters, n_query}   cosine of query and centroid
  MatrixOf<T> key_affinity;    ///< @shape{n_clusters, n_key}   cosine of key and centroid
  Members queries;             ///< @shape{n_clusters, members}   the nearest queries
  Members keys;                ///< @shape{n_clusters, members}   the nearest keys
  VectorOf<T> times_routed;    ///< @shape{n_query}   clusters in which the query saw a key
  MatrixOf<T> output;          ///< @shape{n_query, d_value}   mean over them; zero for none
  Work work;                   ///< what it cost
};
using RoutingTrace = RoutingTraceOf<double>;  ///< in double

/// Rows scaled to length one; a zero row stays zero.
/// @param x @shape{n, d}  @return @shape{n, d}
template <class T>
MatrixOf<T> unit_rows(const MatrixOf<T>& x);

/// Spherical k-means: centroids of length one, each the direction of its tokens' mean.
/// @param x @shape{n, d}
/// @param n_clusters  count, not above n
/// @param rounds  of assigning and averaging
/// @param seed  of the first centroids, distinct tokens
/// @return @shape{n_clusters, d}
/// @throws ShapeError for no cluster or more clusters than tokens
/// @source Dhillon, Modha 2001
template <class T>
MatrixOf<T> spherical_k_means(const MatrixOf<T>& x, std::size_t n_clusters, std::size_t rounds,
                              std::uint64_t seed);

/// One step of a centroid's moving mean, as in training.
/// @param centroids @shape{n_clusters, d}
/// @param x @shape{n, d}
/// @param decay  share of the old centroid, in [0, 1]
/// @return @shape{n_clusters, d}, length one; a centroid nearest to nobody stays
/// @throws ShapeError when widths differ or there is no cluster
/// @throws std::domain_error when decay is outside [0, 1]
/// @source Roy, Saffar, Vaswani, Grangier 2021, 4.1
template <class T>
MatrixOf<T> update_centroids(const MatrixOf<T>& centroids, const MatrixOf<T>& x, T decay);

/// Attention inside clusters: every cluster takes the same number of queries and of keys, its
/// nearest, and attends among them. A query of several clusters gets the mean of their answers.
/// @param query @shape{n_query, d_head}
/// @param key @shape{n_key, d_head}; for language models the same as query
/// @param value @shape{n_key, d_value}
/// @param centroids @shape{n_clusters, d_head}, length one
/// @param options  members of a cluster, direction
/// @return every intermediate
/// @throws ShapeError when sizes differ, there is no cluster, or a cluster wants more members than
/// there are tokens
/// @source Roy, Saffar, Vaswani, Grangier 2021, Efficient content-based sparse attention, 4
/// @booksection{17}
template <class T>
RoutingTraceOf<T> routing_attention(const MatrixOf<T>& query, const MatrixOf<T>& key,
                                    const MatrixOf<T>& value, const MatrixOf<T>& centroids,
                                    const RoutingOptions& options);

}  // namespace headlight
