/// @file
/// What is said about one case, before it goes to the driver.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "kit/grade.hpp"

namespace headlight::course {

/// Judges one case.
/// @param exercise  whose
/// @param name  of the case
/// @return an object: case, status, fraction of its points, and what there is to say; status
///   "course" when the exercise itself is at fault
nlohmann::json verdict_on(const Exercise& exercise, const std::string& name);

}  // namespace headlight::course
