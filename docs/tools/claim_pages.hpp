/// @file
/// The claims of the report as tables and lists, with their evidence.
#pragma once

#include "sections.hpp"

namespace site {

/// Writes what the site says of claims.
class ClaimPages {
 public:
  ClaimPages(const PageFolders& folders, const std::vector<Section>& sections,
             const std::map<std::string, LessonRun>& runs);

  /// A link to a claim; throws for an unknown id.
  std::string link(const std::string& id) const;
  /// The table of one section's claims, with their count.
  std::string of_section(const std::string& number) const;
  /// How many claims have which verdict, lesson by lesson.
  std::string tally() const;
  /// Writes the pages claims, claim_tally, report_errors and not_checkable.
  void write() const;

 private:
  std::string evidence(const Claim& claim) const;
  std::string note_of(const Claim& claim) const;
  std::string row(const Claim& claim, bool with_section) const;
  std::string filters() const;
  std::size_t count_of(const std::string& verdict) const;
  std::string by_lesson(const std::string& verdict, const std::string& name) const;
  const LessonRun* run_of(const std::string& number) const;

  PageFolders folders_;
  const std::vector<Section>& sections_;
  const std::map<std::string, LessonRun>& runs_;
  std::vector<Claim> claims_;
};

}  // namespace site
