/// @file
/// A trace as a page that stands alone.
#pragma once

#include <headlight/core/stage.hpp>
#include <string>
#include <vector>

namespace headlight::cli {

/// Sections are the parts of the model (embedding, blocks, the end); patterns are drawn, the other
/// stages are tables that open.
/// @param model  its name  @param pieces  of text, one a token; empty: numbered
/// @param stages  in the order computed  @param changes  interventions in words
/// @return a whole HTML document
std::string trace_page(const std::string& model, const std::vector<std::string>& pieces,
                       const std::vector<StageOf<const float>>& stages,
                       const std::vector<std::string>& changes);

}  // namespace headlight::cli
