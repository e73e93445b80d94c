/// @file
/// A page that stands alone: stages as pictures and tables, checks, claims, heads to look at cell
/// by cell. No script, no font and no picture from elsewhere; light and dark as the reader's system
/// asks; every part is reached with the keyboard.
#pragma once

#include <headlight/render/svg.hpp>
#include <headlight/render/viewer.hpp>
#include <string>
#include <variant>
#include <vector>

namespace headlight::render {

/// A paragraph.
struct HtmlText {
  std::string text;  ///< plain text
};

/// A picture: one of svg.hpp's.
struct HtmlPicture {
  std::string svg;      ///< one svg element, put in as it is
  std::string caption;  ///< plain text below it
};

/// Numbers with their names. A matrix is drawn as a heat map too, slice by slice; the table holds
/// up to `most` numbers, and says so when there are more.
struct HtmlStage {
  std::string symbol;                           ///< the report's letter
  std::string name;                             ///< what it is
  std::vector<std::string> axes;                ///< one word an axis
  std::vector<std::size_t> shape;               ///< one size an axis
  std::vector<double> values;                   ///< row-major; -inf is hidden
  std::vector<std::string> row_labels = {};     ///< of the axis before the last, or empty
  std::vector<std::string> column_labels = {};  ///< of the last axis, or empty
  std::size_t most = 4096;                      ///< numbers in the table
  std::size_t max_cells = 64;                   ///< a side of a picture; 0: no picture
  std::vector<bool> visible = {};  ///< one a cell of a slice: drawn as hidden where false; or empty
};

/// One check of a lesson.
struct HtmlCheck {
  std::string id;                        ///< "L05.3"
  std::string text;                      ///< the sentence that was checked
  bool passed = false;                   ///< whether it holds
  std::string measured;                  ///< the figure
  std::string bound;                     ///< what it was held against
  std::vector<std::string> claims = {};  ///< ids of the claims it decides
};

/// Words and numbers under a heading.
struct HtmlTable {
  std::vector<std::string> heading;            ///< one text a column
  std::vector<std::vector<std::string>> rows;  ///< one text a column, in every row
};

/// One claim of the report.
struct HtmlClaim {
  std::string id;                        ///< "C05-27"
  std::string verdict;                   ///< "true", "imprecise", "false", "not checkable"
  std::string text;                      ///< the claim in short
  std::string note = {};                 ///< the right statement, with its source
  std::vector<std::string> checks = {};  ///< ids of the checks that decide it
};

/// Heads whose cells the reader looks at one by one. A page without any runs no script.
struct HtmlHeads {
  std::vector<ViewedHead> heads;  ///< at least one
};

/// What a section may hold, in any order.
using HtmlPart = std::variant<HtmlText, HtmlPicture, HtmlStage, HtmlTable, HtmlCheck, HtmlHeads>;

/// A section with a heading.
struct HtmlSection {
  std::string title;            ///< of the step
  std::vector<HtmlPart> parts;  ///< from top to bottom
};

/// A whole page.
struct HtmlPage {
  std::string title;                   ///< of the page
  std::string lead = {};               ///< a sentence below the title
  std::vector<HtmlSection> sections;   ///< from top to bottom
  std::vector<HtmlClaim> claims = {};  ///< a table at the end, or none
  std::string language = "en";         ///< of the text
};

/// Writes the page.
/// @param page  what it holds
/// @return a whole HTML document
/// @throws ShapeError when a stage's shape does not fit its values or labels, or a head's
std::string html_page(const HtmlPage& page);

}  // namespace headlight::render
