/// @file
/// Generated sequences that carry their own gold labels: which token should look at which.
#pragma once

#include <headlight/core/random.hpp>
#include <headlight/learning/trainer.hpp>
#include <span>
#include <string>
#include <vector>

namespace headlight {

/// No position.
inline constexpr std::size_t nowhere = static_cast<std::size_t>(-1);

/// What is known about a sequence: at `query`, the tokens at `keys` tell what is needed.
struct GoldEdge {
  std::string relation;                 ///< "induction", "agreement", "pronoun", ...
  std::size_t query = 0;                ///< position that needs to know
  std::vector<std::size_t> keys;        ///< positions where it can be found
  bool has_answer = false;              ///< the token after `query` is determined by it
  std::vector<std::size_t> right = {};  ///< answers that are right; empty: the target alone
  std::vector<std::size_t> wrong = {};  ///< answers it competes with; empty: all others
};

/// A sequence with what it predicts and what is known about it.
struct Example {
  std::vector<std::size_t> ids;      ///< n token ids
  std::vector<std::size_t> targets;  ///< n ids to predict: the following token
  std::vector<bool> counts;          ///< label mask; empty: all count
  std::vector<GoldEdge> edges;       ///< gold labels
  std::size_t period = 0;            ///< of repeated sequences: the length of what is repeated
};

/// Sequences of one length as a batch.
/// @param examples  of equal length  @return side by side
/// @throws ShapeError when lengths differ
Batch batch_of(std::span<const Example> examples);

/// Random tokens that repeat with a period drawn anew for every sequence. (A fixed period lets one
/// layer solve the task by position alone.)
struct RepeatedData {
  std::size_t vocabulary = 48;  ///< tokens, all equally likely
  std::size_t n = 48;           ///< length
  std::size_t shortest = 6;     ///< period, at least
  std::size_t longest = 20;     ///< period, at most
};

/// A repeated sequence. Edges: "previous" (the token before), and where something repeats
/// "duplicate" (all earlier equal tokens) and "induction" (all tokens that followed an equal one).
/// @param data  sizes  @param random  the source, advanced
/// @return n tokens and their successors
/// @throws std::domain_error for an empty vocabulary or periods that make no sense
/// @booksection{07}
Example repeated_example(const RepeatedData& data, Random& random);

/// The order task: name the previous token and the one before it, each in its own half of the
/// output vocabulary. Two examples with the same tokens: the first wants the previous token, the
/// second (as id + letters) the one before it. One softmax over both halves learns both.
/// @param letters  tokens; the vocabulary has twice as many
/// @param n  length
/// @param random  the source, advanced
/// @return two examples; edges "previous" and "before previous"
/// @booksection{02}
std::vector<Example> order_examples(std::size_t letters, std::size_t n, Random& random);

/// Words of the toy English, in the order of their ids.
/// @return 105 words, the first is "<bos>"
const std::vector<std::string>& grammar_words();

/// Sentences of a toy English: agreement over attractors, reflexives, pronouns and gendered names,
/// indirect objects, brackets and quotes that close, numbered lists, repeated names. Relations:
/// agreement, reflexive, pronoun, indirect object, subject again, bracket, list, induction,
/// previous name, duplicate name.
/// @param n  length; the last sentence is cut
/// @param random  the source, advanced
/// @return n tokens, the first is "<bos>"
/// @booksection{07}
Example grammar_example(std::size_t n, Random& random);

/// Words of the facts task, in the order of their ids.
/// @return "<bos>", function words, 8 adjectives, 32 roots, 32 cities, 10 names, 10 objects
const std::vector<std::string>& facts_words();

/// Facts and copying: "capital of <adjective> <root> <city> ." for 256 invented countries (the city
/// depends on the pair), and lists of names with objects that are repeated. Relations: fact, list
/// item.
/// @param n  length; the last sentence is cut
/// @param random  the source, advanced
/// @return n tokens, the first is "<bos>"
/// @booksection{15}
Example facts_example(std::size_t n, Random& random);

/// The city of a country of the facts task.
/// @param adjective  0 ... 7  @param root  0 ... 31
/// @return its token id
std::size_t capital_of(std::size_t adjective, std::size_t root);

}  // namespace headlight
