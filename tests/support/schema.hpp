/// @file
/// Whether JSON fits a schema of docs/schemas.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace headlight_test {

inline bool is_of_type(const nlohmann::json& value, const std::string& type) {
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  return type == value.type_name();
}

/// The part of JSON Schema that docs/schemas uses. Returns where and why, or nothing.
inline std::string unfit(const nlohmann::json& value, const nlohmann::json& schema,
                         const std::string& where) {
  if (schema.contains("enum")) {
    for (const nlohmann::json& one : schema["enum"])
      if (one == value) return "";
    return where + ": not one of the allowed words";
  }
  if (schema.contains("type")) {
    bool fits = false;
    for (const nlohmann::json& type :
         schema["type"].is_array() ? schema["type"] : nlohmann::json::array({schema["type"]}))
      fits = fits || is_of_type(value, type.get<std::string>());
    if (!fits) return where + ": another type";
  }
  for (const nlohmann::json& name : schema.value("required", nlohmann::json::array()))
    if (!value.contains(name.get<std::string>())) return where + ": no " + name.get<std::string>();
  if (value.is_object() && schema.contains("properties"))
    for (const auto& [name, item] : value.items()) {
      if (!schema["properties"].contains(name)) return where + ": unknown " + name;
      const std::string found = unfit(item, schema["properties"][name], where + "/" + name);
      if (!found.empty()) return found;
    }
  if (value.is_array() && schema.contains("items"))
    for (const nlohmann::json& item : value) {
      const std::string found = unfit(item, schema["items"], where + "[]");
      if (!found.empty()) return found;
    }
  return "";
}

}  // namespace headlight_test
