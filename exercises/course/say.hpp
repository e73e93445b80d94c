/// @file
/// Verdicts in words. Every sentence for the learner is made here, so that a catalogue can
/// translate it one day.
#pragma once

#include <string>

#include "check.hpp"
#include "headlight/render/text.hpp"
#include "state.hpp"

namespace headlight::course {

/// How to write.
struct Voice {
  render::Look look = {};  ///< width, characters, colour
};

/// @return from the terminal, NO_COLOR, TERM, the locale
/// @param colour  auto, always or never
Voice voice_of(const std::string& colour);

/// A verdict: recommendation first, one to three remarks.
/// @param report  of a check  @param entry  of the exercise  @param voice  how
/// @param before  points of the last check, below 0 when there was none
/// @return lines, each ended
std::string in_words(const Report& report, const Entry& entry, const Voice& voice, double before);

/// @param points  of an exercise  @return "4" or "4.5"
std::string points_text(double points);

/// @param share  0 to 1  @param voice  how  @return a bar of 20 cells
std::string bar(double share, const Voice& voice);

/// Everything the report says as JSON: course.md A.8.
/// @param setup  of this checkout  @param reports  of one command  @param seed  of the inputs
/// @return an object
nlohmann::json as_json(const Setup& setup, const std::vector<Report>& reports, std::uint64_t seed);

/// Plain ASCII where the terminal wants it.
/// @param text  UTF-8  @param voice  how  @return the text with dashes and points replaced
std::string plain(std::string text, const Voice& voice);

/// Breaks long lines at blanks; what follows is indented by four more.
/// @param text  lines  @param voice  for the width  @return lines that fit
std::string wrapped(const std::string& text, const Voice& voice);

/// @param voice  how  @param code  of the colour, "32"  @param text  to colour  @return it,
/// coloured where wanted
std::string tinted(const Voice& voice, const char* code, const std::string& text);

}  // namespace headlight::course
