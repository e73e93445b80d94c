/// @file
/// The intermediates of every mechanism, named: the one place where they are strings.
#pragma once

#include <headlight/core/stage.hpp>
#include <headlight/mechanism/flash.hpp>
#include <headlight/mechanism/full.hpp>
#include <headlight/mechanism/hashing.hpp>
#include <headlight/mechanism/hydra.hpp>
#include <headlight/mechanism/local.hpp>
#include <headlight/mechanism/performer.hpp>
#include <headlight/mechanism/routing.hpp>
#include <headlight/mechanism/selective_scan.hpp>
#include <headlight/mechanism/sparse.hpp>
#include <headlight/mechanism/state_space.hpp>
#include <headlight/mechanism/token_mixing.hpp>
#include <string_view>
#include <vector>

namespace headlight {

/// FlashAttention's result with the tiles that led to it.
template <class T>
struct FlashTraceOf {
  FlashResultOf<T> result;            ///< output and log-sum-exp
  std::vector<FlashTileOf<T>> tiles;  ///< running maximum, sum, rescale; in the order computed
  MatrixOf<T> output;                 ///< @shape{n_query, d_value}   of the only head
  Work work;                          ///< what it cost
};

/// Names the stages: prefix + `hook_pattern` and so on, in the order computed; empty stages and
/// lists of indices are left out.
/// @param trace  of one mechanism
/// @param prefix  "local." for example
/// @param visit  called once a stage
template <class T>
void for_each_stage(const FullTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for several heads. @param trace its record @param prefix of names @param visit called
template <class T>
void for_each_stage(const HeadsTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for a window. @param trace its record @param prefix of names @param visit called
template <class T>
void for_each_stage(const LocalTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for blocks. @param trace its record @param prefix of names @param visit called
template <class T>
void for_each_stage(const SparseTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for features. @param trace its record @param prefix of names @param visit called
template <class T>
void for_each_stage(const LinearTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for random features. @param trace its record @param prefix of names @param visit called
template <class T>
void for_each_stage(const PerformerTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for tiles. @param trace its record @param prefix of names @param visit called
template <class T>
void for_each_stage(const FlashTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for a state. @param trace its record @param prefix of names @param visit called
template <class T, class S>
void for_each_stage(const StateSpaceTraceOf<T, S>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for a scan. @param trace its record @param prefix of names @param visit called
template <class T>
void for_each_stage(const SelectiveTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for buckets. @param trace its record @param prefix of names @param visit called
template <class T>
void for_each_stage(const HashingTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for clusters. @param trace its record @param prefix of names @param visit called
template <class T>
void for_each_stage(const RoutingTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for a mixer. @param trace its record @param prefix of names @param visit called
template <class T>
void for_each_stage(const TokenMixingTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for FNet. @param trace its record @param prefix of names @param visit called
template <class T>
void for_each_stage(const FourierMixingTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);
/// The same for Hydra. @param trace its record @param prefix of names @param visit called
template <class T>
void for_each_stage(const HydraTraceOf<T>& trace, std::string_view prefix,
                    const StageVisitorOf<T>& visit);

}  // namespace headlight
