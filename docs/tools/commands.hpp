/// @file
/// The steps that make the site, one function each.
#pragma once

#include "sections.hpp"

namespace site {

/// Makes the page header: Doxygen's own, with our scripts where it would load formulas from a
/// remote host.
void make_header(const fs::path& stock, const fs::path& head, const fs::path& out);

/// Runs a lesson and keeps what it printed: output.txt, lesson.json and, where it can, trace.html.
void capture_lesson(const fs::path& program, const fs::path& folder);

/// Expands the directives of every page: claims, output, code, pictures, exercises, previous and
/// next.
void expand_pages(const PageFolders& folders);

/// Writes search_index.js from the built pages.
void make_index(const fs::path& html);

/// Checks the built pages and the headers. Returns the faults, one line each.
std::vector<std::string> check_site(const fs::path& html, const fs::path& headers);

}  // namespace site
