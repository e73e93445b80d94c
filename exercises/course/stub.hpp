/// @file
/// The marked regions of an exercise: what is the learner's, and how a pristine stub is made of the
/// solution.
#pragma once

#include <string>

namespace headlight::course {

inline constexpr const char* region_begins =
    "// >>> your code";  ///< the line before the learner's part
inline constexpr const char* region_ends = "// <<< your code";  ///< the line after it
inline constexpr const char* given_line =
    "// |";  ///< in a solution: what follows is code that the stub holds, something to repair

/// @param file  an exercise or its solution
/// @return everything outside the regions, the marker lines included
/// @throws std::runtime_error when there is no region or one is not closed
std::string outside_regions(const std::string& file);

/// @param file  an exercise or its solution  @return everything inside the regions
/// @throws std::runtime_error when there is no region or one is not closed
std::string inside_regions(const std::string& file);

/// The stub that belongs to a solution: its regions say todo, or hold the wrong code that the
/// solution keeps in lines that begin with "// |".
/// @param solution  the file  @param id  "05.1"
/// @return the file as a learner gets it
/// @throws std::runtime_error when there is no region or one is not closed
std::string pristine_stub(const std::string& solution, const std::string& id);

}  // namespace headlight::course
