/// @file
/// A lesson step by step: its code, what it printed when this site was built, its pictures, its
/// viewers.
#pragma once

#include "sections.hpp"

namespace site {

/// Shows one captured lesson.
class LessonPage {
 public:
  LessonPage(const PageFolders& folders, const Section& section, const LessonRun& run)
      : folders_(folders), section_(section), run_(run) {}

  /// Code, output and pictures of every step.
  std::string walkthrough();
  /// All the output, or that of one step.
  std::string output(const std::string& step) const;
  /// A recorded matrix as a picture: "A | what it shows", "A@2 | ..." for its third slice.
  std::string picture(const std::string& rest);
  /// Copies the lesson's own page into the site. Returns a link to it.
  std::string trace() const;
  /// Writes a copy of the lesson in which each step lies between two snippet marks.
  void annotate() const;
  /// Where the lesson lies: "05_self_attention_step_by_step/lesson.cpp".
  std::string program() const { return section_.number + "_" + section_.slug + "/lesson.cpp"; }

 private:
  std::vector<std::string> run_titles() const;
  std::vector<std::string> step_titles() const;
  std::string step_of_page(std::size_t step) const;
  std::vector<std::string> viewers_of(std::size_t step) const;
  std::vector<std::string> pictures_of(std::size_t step) const;
  std::string drawn(const LessonRun::Stage& stage, std::size_t layer, const std::string& sentence);

  const PageFolders& folders_;
  const Section& section_;
  const LessonRun& run_;
  std::size_t pictures_ = 0;
};

}  // namespace site
