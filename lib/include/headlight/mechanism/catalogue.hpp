/// @file
/// The report's table of ten mechanisms, and what it names beside it, behind one schema: run,
/// output, named stages, counted work, and a closed formula of the work.
#pragma once

#include <cstdint>
#include <functional>
#include <headlight/core/stage.hpp>
#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/sparse.hpp>
#include <headlight/mechanism/work.hpp>
#include <string_view>
#include <vector>

namespace headlight {

/// What every mechanism is given: one head.
template <class T>
struct MechanismInputOf {
  MatrixOf<T> query;  ///< @shape{n, d_head}
  MatrixOf<T> key;    ///< @shape{n, d_head}
  MatrixOf<T> value;  ///< @shape{n, d_value}, d_value not above d_head
};
using MechanismInput = MechanismInputOf<double>;  ///< in double

/// The choices that some mechanisms have. Weights that a mechanism needs are drawn from the seed.
struct MechanismSettings {
  bool causal = true;         ///< hide the future, where the mechanism can
  std::size_t window = 16;    ///< local and Longformer: keys back, the query's own included
  std::size_t block = 8;      ///< BigBird: tokens of a block
  std::size_t global = 1;     ///< BigBird: global blocks; Longformer: global tokens
  std::size_t random = 1;     ///< BigBird: random blocks a row
  std::size_t features = 32;  ///< Performer
  std::size_t heads = 2;      ///< multi-head: divides d_head
  std::size_t tile = 32;      ///< flash: rows and columns of a tile
  std::size_t reach = 8;      ///< Shaw: farthest offset with a row of its own
  double slope = 0.25;        ///< ALiBi
  std::size_t states = 8;     ///< S4D: numbers of state a channel
  std::size_t buckets = 4;    ///< Reformer
  std::size_t chunk = 16;     ///< Reformer: tokens of a chunk
  std::size_t rounds = 2;     ///< Reformer
  std::size_t hidden = 32;    ///< MLP-Mixer: width between its two maps
  std::uint64_t seed = 1;     ///< of everything that is drawn
  bool record_tiles = true;   ///< flash: keep what every tile did, which takes n^2 / tile numbers
};

/// What every mechanism gives.
template <class T>
struct MechanismRunOf {
  MatrixOf<T> output;  ///< @shape{n, d_value}
  Work work;           ///< counted where it worked
  std::function<void(const StageVisitorOf<T>&)>
      for_each_stage;  ///< names every intermediate, the mechanism's id before it
};
using MechanismRun = MechanismRunOf<double>;  ///< in double

/// How a mechanism's output stands to that of full softmax attention on the same input.
enum class Relation {
  exact,       ///< the same function, equal up to rounding
  restricted,  ///< softmax over fewer pairs, or with a bias: equal where the limits are lifted
  estimate,    ///< approaches it as its features grow
  other        ///< another function, or of other weights
};

/// One row.
template <class T>
struct MechanismOf {
  std::string_view id;       ///< "bigbird"
  std::string_view name;     ///< "Sparse (BigBird)"
  int row = 0;               ///< of the report's table, 1 to 10; 0 for what it names beside it
  std::string_view claimed;  ///< the report's complexity column; empty beside the table
  std::string_view counted;  ///< multiply-adds as they are, in letters
  Relation relation = Relation::other;  ///< to full softmax attention
  double time_growth = 1;               ///< power of n that time grows with, logarithms aside
  double memory_growth = 1;             ///< power of n that memory grows with
  std::function<MechanismRunOf<T>(const MechanismInputOf<T>&, const MechanismSettings&)> run;
  ///< one run
  std::function<Work(std::size_t n, std::size_t d_head, std::size_t d_value,
                     const MechanismSettings&)>
      formula;  ///< its work in closed form; n a power of two, not below window, tile and chunk,
                ///< nor below random + global + 4 blocks
  std::function<Mask(std::size_t n, const MechanismSettings&)>
      looks_at;  ///< which cells are computed at all; empty where that depends on the input or
                 ///< there are no cells
};
using Mechanism = MechanismOf<double>;  ///< in double

/// All rows: the table's ten in order, then what is named beside it.
/// @return the same list at every call
template <class T = double>
const std::vector<MechanismOf<T>>& mechanisms();

/// One row by its id.
/// @param id  "flash" for example
/// @return the row
/// @throws std::out_of_range when there is none of that id
template <class T = double>
const MechanismOf<T>& mechanism(std::string_view id);

}  // namespace headlight
