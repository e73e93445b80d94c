#include "manifest.hpp"

#include <cmath>
#include <stdexcept>

#define TOML_EXCEPTIONS 1
#include <toml++/toml.h>

namespace headlight::course {

namespace {

std::string text_of(const toml::table& table, const char* key, const std::string& where) {
  const auto value = table[key].value<std::string>();
  if (!value || value->empty())
    throw std::runtime_error("course.toml: " + where + " has no text '" + key + "'");
  return *value;
}

int number_of(const toml::table& table, const char* key, const std::string& where) {
  const auto value = table[key].value<std::int64_t>();
  if (!value || *value <= 0 || *value > 1000)
    throw std::runtime_error("course.toml: " + where + " has no positive number '" + key + "'");
  return static_cast<int>(*value);
}

}  // namespace

const Entry& Manifest::find(const std::string& id) const {
  const std::string wanted = id.size() > 1 && id[1] == '.' ? "0" + id : id;
  std::string known;
  for (const Entry& entry : entries) {
    if (entry.id == wanted) return entry;
    known += (known.empty() ? "" : ", ") + entry.id;
  }
  throw std::invalid_argument("there is no exercise '" + id + "'; there are " + known);
}

Manifest read_manifest(const std::filesystem::path& file) {
  toml::table root;
  try {
    root = toml::parse_file(file.string());
  } catch (const toml::parse_error& error) {
    throw std::runtime_error(file.string() + ": line " + std::to_string(error.source().begin.line) +
                             ": " + std::string(error.description()));
  }
  Manifest manifest;
  manifest.version = text_of(root, "course", "the file");
  const toml::array* exercises = root["exercise"].as_array();
  if (exercises == nullptr) throw std::runtime_error("course.toml: there is no [[exercise]]");
  for (const toml::node& node : *exercises) {
    const toml::table* table = node.as_table();
    if (table == nullptr) throw std::runtime_error("course.toml: [[exercise]] is not a table");
    Entry entry;
    entry.id = text_of(*table, "id", "an exercise");
    entry.lesson = text_of(*table, "lesson", entry.id);
    entry.file = text_of(*table, "file", entry.id);
    entry.title = text_of(*table, "title", entry.id);
    entry.kind = text_of(*table, "kind", entry.id);
    entry.see = text_of(*table, "see", entry.id);
    entry.about = text_of(*table, "about", entry.id);
    entry.minutes = number_of(*table, "minutes", entry.id);
    entry.difficulty = number_of(*table, "difficulty", entry.id);
    if (const toml::array* cases = (*table)["cases"].as_array())
      for (const toml::node& one : *cases)
        if (const toml::table* fields = one.as_table())
          entry.cases.push_back(
              {text_of(*fields, "name", entry.id + " case"),
               static_cast<double>(number_of(*fields, "points", entry.id + " case"))});
    if (const toml::array* hints = (*table)["hints"].as_array())
      for (const toml::node& hint : *hints) entry.hints.push_back(hint.value_or(std::string()));
    if (entry.id.size() != 4 || entry.id[2] != '.' ||
        entry.lesson.compare(0, 2, entry.id, 0, 2) != 0)
      throw std::runtime_error("course.toml: id '" + entry.id + "' does not fit lesson '" +
                               entry.lesson + "'");
    manifest.entries.push_back(entry);
  }
  return manifest;
}

}  // namespace headlight::course
