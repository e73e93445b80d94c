/// @file
/// Links inside shown code: Doxygen guesses by name alone, so some lead to another thing.
#pragma once

#include "text.hpp"

namespace site {

/// Takes the link off a name in shown code that is not ours: one of xt:: or std::, a local variable
/// or lambda that happens to be called like a function, an enumerator without its enumeration.
/// @param page  HTML of a page
/// @param source  the program whose parts the page shows, or empty: what it defines is local too
/// @return the page with fewer links, otherwise the same
std::string without_false_links(const std::string& page, const std::string& source);

/// Does so for every page below a folder; lesson_05.html shows lessons/05_.../lesson.cpp.
void repair_code_links(const fs::path& html, const fs::path& lessons);

}  // namespace site
