#include <headlight/file/tokenizer.hpp>
#include <headlight/file/whole_file.hpp>

#include "scratch.hpp"
#include "support/catch.hpp"

using namespace headlight;

namespace {

using Words = std::vector<std::string>;

Words words(std::string_view text) {
  Words list;
  for (const std::string_view word : split_for_bpe(text)) list.emplace_back(word);
  return list;
}

// The 256 byte tokens as GPT-2 writes them: printable bytes as themselves, the others from U+0100.
std::string letter_of(int byte) {
  int code = byte;
  if (!((byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174)) {
    code = 256;
    for (int b = 0; b < byte; ++b)
      code += !((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174);
  }
  if (code < 128) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | code >> 6), static_cast<char>(0x80 | (code & 63))};
}

// Bytes 0 to 255 have their own numbers; merges follow from 256 on.
Tokenizer small_tokenizer() {
  std::string vocab = "{";
  for (int byte = 0; byte < 256; ++byte) {
    const std::string letter = letter_of(byte);
    vocab += "\"" + (letter == "\"" || letter == "\\" ? "\\" + letter : letter) +
             "\":" + std::to_string(byte) + ",";
  }
  vocab +=
      "\"lo\":256,\"low\":257,\"er\":258,\"Ġlow\":259,\"Ġ\xC4\xA0\":260,\"<|endoftext|>\":261}";
  return Tokenizer::from_text(vocab, "#version: 0.2\nl o\nlo w\ne r\nĠ low\nĠ Ġ\n", "small");
}

}  // namespace

TEST_CASE("split_for_bpe: words keep the space before them, contractions stand alone",
          "[tokenizer]") {
  CHECK(words("Hello world!") == Words{"Hello", " world", "!"});
  CHECK(words("I'm sure they'll go") == Words{"I", "'m", " sure", " they", "'ll", " go"});
  CHECK(words("I'M") == Words{"I", "'", "M"});
  CHECK(words("abc123def") == Words{"abc", "123", "def"});
  CHECK(words("x=1 + 2") == Words{"x", "=", "1", " +", " 2"});
}

TEST_CASE("split_for_bpe: a run of spaces leaves its last one for the next word", "[tokenizer]") {
  CHECK(words("a   b") == Words{"a", "  ", " b"});
  CHECK(words("a   ") == Words{"a", "   "});
  CHECK(words("a \n b") == Words{"a", " \n", " b"});
  CHECK(words("a\nb") == Words{"a", "\n", "b"});
  CHECK(words("  ") == Words{"  "});
  CHECK(words("").empty());
}

TEST_CASE("split_for_bpe: Unicode letters and digits, emoji, no-break space", "[tokenizer]") {
  CHECK(words("Привет, мир") == Words{"Привет", ",", " мир"});
  CHECK(words("día ½ 中文") == Words{"día", " ½", " 中文"});
  CHECK(words("ok 👍👍!") == Words{"ok", " 👍👍!"});
  CHECK(words("a\u00A0b") == Words{"a", "\u00A0", "b"});
}

TEST_CASE("split_for_bpe: joined, the words are the text again, whatever the bytes",
          "[tokenizer][law]") {
  const Words texts = {"a\xFF\xFE b",           "\xD0", "\xF0\x9F\x91", std::string("\0x", 2),
                       "don't  stop\t\t\nnow ", "Ж'сЖ"};
  for (const std::string& text : texts) {
    std::string joined;
    for (const std::string& word : words(text)) joined += word;
    CHECK(joined == text);
  }
}

TEST_CASE("encode: the pair of lowest rank is merged first, everywhere", "[tokenizer]") {
  const Tokenizer tokenizer = small_tokenizer();
  using Ids = std::vector<std::size_t>;
  CHECK(tokenizer.encode("low") == Ids{257});
  CHECK(tokenizer.encode("lower") == Ids{257, 258});
  CHECK(tokenizer.encode(" low") == Ids{259});
  CHECK(tokenizer.encode("lowlow") == Ids{257, 257});
  CHECK(tokenizer.encode("wol") == Ids{'w', 'o', 'l'});
  CHECK(tokenizer.encode("   low") == Ids{260, 259});
}

TEST_CASE("decode: leads back to the text, also for Cyrillic, emoji and broken UTF-8",
          "[tokenizer][law]") {
  const Tokenizer tokenizer = small_tokenizer();
  for (const std::string text :
       {"lower  lows", "Голова внимания", "👍🏽 ok", "\xFF\xC0 low", "\n\t  \r\n"})
    CHECK(tokenizer.decode(tokenizer.encode(text)) == text);
  CHECK(tokenizer.piece(261) == "<|endoftext|>");
  CHECK(tokenizer.piece(999).empty());
}

TEST_CASE("Tokenizer: broken files are refused with the line", "[tokenizer][error]") {
  CHECK_THROWS_WITH(Tokenizer::from_text("[]", "", "f"),
                    headlight_test::contains("wanted one JSON object"));
  CHECK_THROWS_WITH(Tokenizer::from_text("{\"a\":-1}", "", "f"),
                    headlight_test::contains("no whole number"));
  CHECK_THROWS_WITH(Tokenizer::from_text("{\"a\":1,\"b\":1}", "", "f"),
                    headlight_test::contains("given twice"));
  CHECK_THROWS_WITH(Tokenizer::from_text("{}", "#version: 0.2\na b\nabc\n", "f"),
                    headlight_test::contains("merges.txt line 3: wanted two tokens"));
  CHECK_THROWS_WITH(Tokenizer::from_text("{\"b\":0}", "", "f").encode("a"),
                    headlight_test::contains("do not belong together"));
  const scratch::Folder folder;
  CHECK_THROWS_WITH(Tokenizer::from_folder(folder.path()), headlight_test::contains("--ids"));
}
