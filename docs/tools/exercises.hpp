/// @file
/// The exercises of the course, as Markdown for the pages.
#pragma once

#include "course/manifest.hpp"
#include "text.hpp"

namespace site {

/// What a book page says of its exercises: how many, how long, worth what, and each by itself.
std::string exercises_of(const std::vector<headlight::course::Entry>& course,
                         const std::string& lesson);

/// One table of all exercises, each linked to its lesson's page.
std::string all_exercises(const std::vector<headlight::course::Entry>& course);

}  // namespace site
