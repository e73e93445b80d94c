/// @file
/// The claims of the report, compiled in from docs/claims.
#pragma once

#include <string>
#include <string_view>

namespace lesson {

/// One claim of the ledger.
struct Claim {
  std::string id;           ///< "C13-25"
  std::string text;         ///< what the report says, in short
  std::string verdict;      ///< "true", "imprecise", "false", "not checkable"
  std::string note;         ///< the right statement, and its source
  bool executable = false;  ///< a lesson has to tie a check to it
};

/// Looks a claim up. @param id  "C13-25"  @return the claim
/// @throws std::out_of_range when the ledger has no such claim
const Claim& claim_of(std::string_view id);

/// @param verdict  as in the ledger  @return how the tally says it
std::string in_words(std::string_view verdict);

}  // namespace lesson
