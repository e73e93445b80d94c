#include <utf8proc.h>

#include <array>
#include <headlight/file/tokenizer.hpp>
#include <headlight/file/whole_file.hpp>
#include <limits>
#include <nlohmann/json.hpp>

namespace headlight {
namespace {

enum class Kind { letter, number, space, other };

struct Sign {
  Kind kind;
  std::size_t bytes;
};

bool is_space(utf8proc_int32_t c) {
  return (c >= 9 && c <= 13) || c == 0x85 || utf8proc_category(c) == UTF8PROC_CATEGORY_ZS ||
         utf8proc_category(c) == UTF8PROC_CATEGORY_ZL ||
         utf8proc_category(c) == UTF8PROC_CATEGORY_ZP;
}

Sign sign_at(std::string_view text, std::size_t at) {
  utf8proc_int32_t c = -1;
  const auto* start = reinterpret_cast<const utf8proc_uint8_t*>(text.data() + at);
  const auto left = static_cast<utf8proc_ssize_t>(text.size() - at);
  const utf8proc_ssize_t bytes = utf8proc_iterate(start, left, &c);
  if (bytes <= 0 || c < 0) return {Kind::other, 1};  // not UTF-8: one byte
  const auto size = static_cast<std::size_t>(bytes);
  if (is_space(c)) return {Kind::space, size};
  switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return {Kind::letter, size};
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return {Kind::number, size};
    default:
      return {Kind::other, size};
  }
}

// Length of a run of one kind from `at`.
std::size_t run_length(std::string_view text, std::size_t at, Kind kind) {
  std::size_t end = at;
  while (end < text.size()) {
    const Sign sign = sign_at(text, end);
    if (sign.kind != kind) break;
    end += sign.bytes;
  }
  return end - at;
}

std::size_t contraction_length(std::string_view rest) {
  for (const std::string_view ending : {"'s", "'t", "'re", "'ve", "'m", "'ll", "'d"})
    if (rest.substr(0, ending.size()) == ending) return ending.size();
  return 0;
}

// Bytes are written in vocab.json as printable letters: 33-126, 161-172 and 174-255 as themselves,
// the other 68, in order, as U+0100 and following.
const std::unordered_map<utf8proc_int32_t, char>& bytes_of_letters() {
  static const auto table = [] {
    std::unordered_map<utf8proc_int32_t, char> letters;
    utf8proc_int32_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) {
      const bool printable =
          (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
      letters[printable ? byte : next++] = static_cast<char>(byte);
    }
    return letters;
  }();
  return table;
}

std::string token_bytes(std::string_view written, const std::string& where) {
  std::string bytes;
  for (std::size_t at = 0; at < written.size();) {
    utf8proc_int32_t c = -1;
    const utf8proc_ssize_t size =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(written.data() + at),
                         static_cast<utf8proc_ssize_t>(written.size() - at), &c);
    if (size <= 0) throw FileError(where + ": is not UTF-8");
    const auto letter = bytes_of_letters().find(c);
    if (letter != bytes_of_letters().end())
      bytes += letter->second;
    else
      bytes += written.substr(at, static_cast<std::size_t>(size));  // a special token's own letter
    at += static_cast<std::size_t>(size);
  }
  return bytes;
}

}  // namespace

std::vector<std::string_view> split_for_bpe(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t length = contraction_length(text.substr(at));
    const Sign first = sign_at(text, at);
    if (length == 0 && first.kind != Kind::space) {
      length = run_length(text, at, first.kind);
    } else if (length == 0 && text[at] == ' ' && at + 1 < text.size() &&
               sign_at(text, at + 1).kind != Kind::space) {
      length = 1 + run_length(text, at + 1, sign_at(text, at + 1).kind);
    } else if (length == 0) {
      length = run_length(text, at, Kind::space);
      if (at + length < text.size()) {  // the last space of the run is left for the next word
        std::size_t last = at;
        for (std::size_t next = at; next < at + length; next += sign_at(text, next).bytes)
          last = next;
        if (last > at) length = last - at;
      }
    }
    words.push_back(text.substr(at, length));
    at += length;
  }
  return words;
}

Tokenizer Tokenizer::from_folder(const std::filesystem::path& folder) {
  for (const char* file : {"vocab.json", "merges.txt"})
    if (!std::filesystem::exists(folder / file))
      throw FileError((folder / file).string() +
                      ": text needs a tokenizer, and this file is not there; give token " +
                      "numbers with --ids instead");
  return from_text(read_whole_file(folder / "vocab.json"), read_whole_file(folder / "merges.txt"),
                   folder.string());
}

Tokenizer Tokenizer::from_text(const std::string& vocab_json, const std::string& merges_txt,
                               const std::string& name) {
  Tokenizer tokenizer;
  const nlohmann::json vocab = nlohmann::json::parse(vocab_json, nullptr, false);
  if (vocab.is_discarded() || !vocab.is_object())
    throw FileError(name + ", vocab.json: wanted one JSON object from token to number");
  for (const auto& [written, id] : vocab.items()) {
    if (!id.is_number_unsigned())
      throw FileError(name + ", vocab.json: token '" + written + "' has no whole number");
    const std::string bytes = token_bytes(written, name + ", vocab.json");
    const std::size_t number = id.get<std::size_t>();
    if (!tokenizer.pieces_.emplace(number, bytes).second)
      throw FileError(name + ", vocab.json: number " + std::to_string(number) + " is given twice");
    tokenizer.ids_[bytes] = number;
  }
  std::size_t line_number = 0, rank = 0;
  for (std::size_t at = 0; at < merges_txt.size();) {
    const std::size_t end = std::min(merges_txt.find('\n', at), merges_txt.size());
    std::string_view line(merges_txt.data() + at, end - at);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    at = end + 1, ++line_number;
    if (line.empty() || (line_number == 1 && line.substr(0, 9) == "#version:")) continue;
    const std::size_t space = line.find(' ');
    const std::string where = name + ", merges.txt line " + std::to_string(line_number);
    if (space == std::string_view::npos || space == 0 || space + 1 == line.size() ||
        line.find(' ', space + 1) != std::string_view::npos)
      throw FileError(where + ": wanted two tokens with a space between them");
    tokenizer.ranks_.emplace(std::pair{token_bytes(line.substr(0, space), where),
                                       token_bytes(line.substr(space + 1), where)},
                             rank++);
  }
  return tokenizer;
}

std::vector<std::size_t> Tokenizer::encode_word(std::string_view word) const {
  std::vector<std::string> parts;
  for (const char byte : word) parts.emplace_back(1, byte);
  for (;;) {
    std::size_t best = std::numeric_limits<std::size_t>::max();
    std::pair<std::string, std::string> pair;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto found = ranks_.find({parts[i], parts[i + 1]});
      if (found != ranks_.end() && found->second < best) best = found->second, pair = found->first;
    }
    if (best == std::numeric_limits<std::size_t>::max()) break;
    std::vector<std::string> merged;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const bool both =
          i + 1 < parts.size() && parts[i] == pair.first && parts[i + 1] == pair.second;
      merged.push_back(both ? parts[i] + parts[i + 1] : parts[i]);
      if (both) ++i;
    }
    parts = std::move(merged);
  }
  std::vector<std::size_t> ids;
  for (const std::string& part : parts) {
    const auto id = ids_.find(part);
    if (id == ids_.end())
      throw FileError("the tokenizer's vocabulary has no token for a piece of " +
                      std::to_string(part.size()) +
                      " bytes of the text; vocab.json and merges.txt do not belong together");
    ids.push_back(id->second);
  }
  return ids;
}

std::vector<std::size_t> Tokenizer::encode(std::string_view text) const {
  std::vector<std::size_t> ids;
  for (const std::string_view word : split_for_bpe(text)) {
    // a word without spaces of a million letters would take hours: cut where nobody reads
    constexpr std::size_t longest = 4096;
    for (std::size_t at = 0; at < word.size(); at += longest)
      for (const std::size_t id : encode_word(word.substr(at, longest))) ids.push_back(id);
  }
  return ids;
}

std::string Tokenizer::piece(std::size_t id) const {
  const auto found = pieces_.find(id);
  return found == pieces_.end() ? std::string() : found->second;
}

std::string Tokenizer::decode(const std::vector<std::size_t>& ids) const {
  std::string text;
  for (const std::size_t id : ids) text += piece(id);
  return text;
}

}  // namespace headlight
