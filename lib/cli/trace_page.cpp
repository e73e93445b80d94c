#include "trace_page.hpp"

#include <headlight/render/html.hpp>

namespace headlight::cli {
namespace {

// "blocks.3.attn.hook_q" belongs to "Block 3"; what stands before and after the blocks to its own.
std::string part_of(const std::string& name, bool after_blocks) {
  if (name.rfind("blocks.", 0) == 0) return "Block " + name.substr(7, name.find('.', 7) - 7);
  return after_blocks ? "The end: norm, logits, probabilities" : "Embedding";
}

bool counts_tokens(const std::string& axis) {
  return axis == "pos" || axis == "query" || axis == "key";
}

}  // namespace

std::string trace_page(const std::string& model, const std::vector<std::string>& pieces,
                       const std::vector<StageOf<const float>>& stages,
                       const std::vector<std::string>& changes) {
  render::HtmlPage page;
  page.title = "Trace of " + model;
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  page.lead =
      std::to_string(stages.size()) + " stages" + (text.empty() ? "" : " of the text: ") + text;
  for (const std::string& change : changes) page.lead += "; changed: " + change;
  bool after_blocks = false;
  std::vector<bool> visible;  // of the block
  for (const StageOf<const float>& stage : stages) {
    after_blocks = after_blocks || stage.name.rfind("blocks.", 0) == 0;
    const std::string part = part_of(stage.name, after_blocks);
    if (page.sections.empty() || page.sections.back().title != part)
      page.sections.push_back({part, {}});
    render::HtmlStage shown;
    shown.symbol = stage.symbol.empty() ? stage.name : std::string(stage.symbol);
    shown.name = stage.name + " = " + std::string(stage.formula);
    shown.axes = axis_names(stage.axes);
    shown.shape = stage.shape;
    if (stage.values.empty())
      shown.values.assign(stage.flags.begin(), stage.flags.end());
    else
      shown.values.assign(stage.values.begin(), stage.values.end());
    const std::size_t rank = shown.axes.size();
    if (rank == shown.shape.size() && rank > 0 && !pieces.empty()) {
      if (counts_tokens(shown.axes[rank - 1]) && shown.shape[rank - 1] == pieces.size())
        shown.column_labels = pieces;
      if (rank > 1 && counts_tokens(shown.axes[rank - 2]) && shown.shape[rank - 2] == pieces.size())
        shown.row_labels = pieces;
    }
    const bool is_pattern = stage.name.ends_with("hook_pattern");
    if (stage.name.ends_with("hook_mask")) visible.assign(stage.flags.begin(), stage.flags.end());
    if (is_pattern) shown.visible = visible;
    shown.max_cells = is_pattern ? 32 : 0;
    shown.most = 2048;
    page.sections.back().parts.emplace_back(std::move(shown));
  }
  return render::html_page(page);
}

}  // namespace headlight::cli
