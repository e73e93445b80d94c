#include "support/claims.hpp"

#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <vector>

namespace lesson {

std::vector<std::string_view> claim_files();  // docs/claims/*.json, made by CMake

const Claim& claim_of(std::string_view id) {
  static const std::map<std::string, Claim, std::less<>> ledger = [] {
    std::map<std::string, Claim, std::less<>> all;
    for (const std::string_view file : claim_files())
      for (const nlohmann::json& c : nlohmann::json::parse(file))
        all[c.at("id")] = {c.at("id"), c.at("claim"), c.at("verdict"), c.value("note", ""),
                           c.value("executable", false)};
    return all;
  }();
  const auto found = ledger.find(id);
  if (found == ledger.end())
    throw std::out_of_range("no claim " + std::string(id) + " in docs/claims");
  return found->second;
}

std::string in_words(std::string_view verdict) {
  if (verdict == "true") return "holds";
  if (verdict == "imprecise") return "holds with a condition";
  if (verdict == "false") return "does not hold";
  return "cannot be checked";
}

}  // namespace lesson
