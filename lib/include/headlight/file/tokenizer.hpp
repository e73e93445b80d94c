/// @file
/// GPT-2's byte-level BPE tokenizer from vocab.json and merges.txt.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace headlight {

/// Text to token ids and back. Every text has ids, also one that is not UTF-8.
class Tokenizer {
 public:
  /// @param folder  with vocab.json and merges.txt  @return the tokenizer
  /// @throws FileError with the file, the place and the reason
  static Tokenizer from_folder(const std::filesystem::path& folder);

  /// @param vocab_json  object from token to id  @param merges_txt  one pair a line, by rank
  /// @param name  for messages  @return the tokenizer
  /// @throws FileError with the place and the reason
  static Tokenizer from_text(const std::string& vocab_json, const std::string& merges_txt,
                             const std::string& name);

  /// @param text  any bytes  @return token ids
  /// @throws FileError when a piece has no token in the vocabulary
  std::vector<std::size_t> encode(std::string_view text) const;

  /// @param id  of a token  @return its bytes, not always UTF-8 by themselves; empty for an unknown
  /// id
  std::string piece(std::size_t id) const;

  /// @param ids  tokens  @return their bytes in a row
  std::string decode(const std::vector<std::size_t>& ids) const;

 private:
  std::vector<std::size_t> encode_word(std::string_view word) const;

  std::unordered_map<std::string, std::size_t> ids_;                  // token bytes to id
  std::map<std::pair<std::string, std::string>, std::size_t> ranks_;  // pairs of token bytes
  std::unordered_map<std::size_t, std::string> pieces_;               // id to token bytes
};

/// Splits a text into the words that BPE then cuts up; joined they are the text again.
/// English contractions, letters, digits and other signs each with the space before them, and runs
/// of spaces, of which the last belongs to the word that follows.
/// @param text  any bytes; those that are not UTF-8 count as other signs
/// @return pieces of the text, in order
/// @source Radford et al. 2019, 2.2, and its published encoder: the rule
/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
std::vector<std::string_view> split_for_bpe(std::string_view text);

}  // namespace headlight
