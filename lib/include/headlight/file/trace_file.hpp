/// @file
/// Traces as files: .npz, .safetensors and .json, with TransformerLens's names and axes.
#pragma once

#include <filesystem>
#include <headlight/core/stage.hpp>
#include <headlight/file/safetensors.hpp>
#include <string>
#include <vector>

namespace headlight {

/// A stage whose numbers it holds itself, for records that outlive the trace they were taken from.
template <class T>
struct KeptStageOf {
  std::string name;                ///< "blocks.0.attn.hook_q"
  std::string_view symbol;         ///< "Q"
  std::string_view formula;        ///< "x W_Q + b_Q"
  std::string_view axes;           ///< as the values lie in memory
  std::vector<std::size_t> shape;  ///< one size per axis
  std::vector<T> values;           ///< row-major; empty for a mask
  std::vector<char> flags;         ///< a mask, one byte a cell

  /// @param stage  copied
  explicit KeptStageOf(const StageOf<const T>& stage)
      : name(stage.name),
        symbol(stage.symbol),
        formula(stage.formula),
        axes(stage.axes),
        shape(stage.shape),
        values(stage.values.begin(), stage.values.end()),
        flags(stage.flags.begin(), stage.flags.end()) {}
  /// @return a view of it, valid as long as this lives
  StageOf<const T> view() const {
    const bool* first = reinterpret_cast<const bool*>(flags.data());
    return {name, symbol, formula, axes, shape, values, {first, flags.size()}};
  }
};

/// What a trace file holds.
struct TraceFile {
  std::string meta;  ///< JSON: format, model, ids, pieces, interventions, tool
  std::vector<StoredTensor>
      stages;  ///< in file order; masks are BOOL; axes as TransformerLens has them

  /// @param name  of a stage  @return it, or null
  const StoredTensor* find(const std::string& name) const;
};

/// Writes a trace; the ending of the path chooses the format. Axes are TransformerLens's without
/// the batch: `[pos, head, d_head]` for q, k, v, z and result, `[head, query, key]` for patterns.
/// @param path  ends in .npz, .safetensors or .json
/// @param stages  in the order computed
/// @param meta  one JSON object
/// @throws FileError for another ending or with the reason of the system
template <class T>
void write_trace(const std::filesystem::path& path, const std::vector<StageOf<const T>>& stages,
                 const std::string& meta);

/// Reads a trace file of any of the three formats.
/// @param path  ends in .npz, .safetensors or .json
/// @return stages and meta
/// @throws FileError with the file, the place and the reason
TraceFile read_trace(const std::filesystem::path& path);

/// The trace as the text of a .json file.
/// @param stages  in the order computed  @param meta  one JSON object
/// @return one JSON object
template <class T>
std::string trace_json(const std::vector<StageOf<const T>>& stages, const std::string& meta);

/// A stage of a file as it lies in memory during a computation: heads first.
/// @param stored  with TransformerLens's axes
/// @return its numbers in memory order
/// @throws FileError for a stage that holds no numbers
template <class T>
std::vector<T> in_memory_order(const StoredTensor& stored);

}  // namespace headlight
