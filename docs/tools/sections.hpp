/// @file
/// The sections of the report, and what the site has of each.
#pragma once

#include "ledger.hpp"
#include "text.hpp"

namespace site {

/// One section of the report: a lesson, a book page, or neither yet.
struct Section {
  std::string number;  ///< "05"
  std::string slug;    ///< "self_attention_step_by_step"
  std::string title;
  bool has_page = false;    ///< docs/book/NN_slug.md is there
  bool has_lesson = false;  ///< its lesson exists and its output was captured
};

/// Where the pages come from and where they go.
struct PageFolders {
  fs::path source;    ///< the repository
  fs::path work;      ///< pages/ and include/ are made below it
  fs::path captures;  ///< one folder a lesson: "05"

  fs::path book_page(const Section& section) const {
    return source / "docs/book" / (section.number + "_" + section.slug + ".md");
  }
  fs::path capture(const Section& section) const { return captures / section.number; }
};

/// Reads lessons/lessons.toml and looks what is there.
std::vector<Section> read_sections(const PageFolders& folders);

/// What every captured lesson said, by number.
std::map<std::string, LessonRun> read_runs(const PageFolders& folders,
                                           const std::vector<Section>& sections);

/// The lesson that decides the claims of a part of the report: "closing" belongs to lesson 20.
std::string lesson_of(const std::string& claim_section);

/// "05" as people say it.
std::string spoken(const std::string& number);

/// Writes a piece of HTML beside the pages. Returns the line that puts it in.
std::string include(const PageFolders& folders, const std::string& name, const std::string& html);

}  // namespace site
