/// @file
/// Scores that tell what a head looks for, every published definition with its ceiling and its
/// baseline: thresholds of one definition mean nothing under another.
#pragma once

#include <headlight/attention/model.hpp>
#include <span>
#include <string>
#include <vector>

namespace headlight {

/// What a head may look for.
enum class HeadRole {
  previous,   ///< the token before
  duplicate,  ///< earlier copies of the current token
  induction,  ///< what followed earlier copies of the current token
};

/// One published way to turn a pattern into a number.
struct ScoreDefinition {
  std::string id;       ///< "induction.mass"
  HeadRole role;        ///< what it measures
  std::string formula;  ///< in words and letters
  std::string offsets;  ///< which cells count
  std::string source;   ///< who measures so
};

/// All definitions that read a pattern. (Copying is read from the weights, in-context learning from
/// the loss: copying_scores, copying_share, in_context_score.)
/// @return the list, made once
/// @source TransformerLens detect_head; ARENA's stripes; Olsson et al. 2022
const std::vector<ScoreDefinition>& score_definitions();

/// What TransformerLens's definitions (tl-mul, tl-abs) may leave out of a pattern.
struct LeftOut {
  bool first_key = false;  ///< the column of the first token, where heads rest (exclude_bos)
  bool own_key = false;    ///< the diagonal (exclude_current_token)
};

/// A head's score under one definition.
/// @param definition  one of score_definitions()
/// @param pattern @shape{n, n}   one head, rows are queries
/// @param ids  n token ids
/// @param period  distance of the copies in repeated sequences (for stripes)
/// @param left_out  set to zero before a tl definition counts
/// @return the score; NaN where nothing in the sequence counts
/// @throws ShapeError when sizes differ; std::invalid_argument for an unknown definition
/// @booksection{07}
double head_score(const ScoreDefinition& definition, const Matrix& pattern,
                  std::span<const std::size_t> ids, std::size_t period, LeftOut left_out = {});

/// The pattern of a head that does one thing perfectly: all weight on the latest token of its role,
/// on the first token where there is none.
/// @param role  what it looks for  @param ids  n token ids
/// @param offset  where the token so far back is of the role it is preferred to the latest (the
/// stripes of repeated sequences); 0: never
/// @return @shape{n, n}
Matrix perfect_pattern(HeadRole role, std::span<const std::size_t> ids, std::size_t offset = 0);

/// The pattern of a head that looks at all tokens up to its own alike.
/// @param n  tokens  @return @shape{n, n}
Matrix uniform_pattern(std::size_t n);

/// Scores of every head of a model.
struct ScoreCard {
  std::vector<Matrix> score;     ///< one @shape{n_layers, n_heads} a definition, in their order
  std::vector<double> ceiling;   ///< of each definition: what a perfect head gets on these tokens
  std::vector<double> baseline;  ///< of each definition: what a uniform head gets
  Matrix first;                  ///< @shape{n_layers, n_heads}   weight on the first token
  Matrix current;                ///< @shape{n_layers, n_heads}   weight on the own token
  Matrix entropy;                ///< @shape{n_layers, n_heads}   of rows, over log(visible keys)
};

/// Runs a model on sequences and scores its heads.
/// @param weights  the model
/// @param sequences  token ids, for instance from repeated_tokens()
/// @param period  distance of the copies
/// @param left_out  set to zero before a tl definition counts
/// @return means over the sequences
/// @throws ShapeError when a sequence does not fit the model; std::domain_error without sequences
template <class T>
ScoreCard score_heads(const ModelWeightsOf<T>& weights,
                      std::span<const std::vector<std::size_t>> sequences, std::size_t period,
                      LeftOut left_out = {});

/// Random tokens repeated: what induction is measured on.
/// @param first_ids  put in front, for example the beginning-of-sequence token; may be empty
/// @param smallest  token id that may be drawn  @param largest  token id that may be drawn
/// @param period  tokens of one copy  @param copies  how many
/// @param seed  of the random numbers
/// @return token ids
/// @throws std::domain_error when smallest > largest
std::vector<std::size_t> repeated_tokens(const std::vector<std::size_t>& first_ids,
                                         std::size_t smallest, std::size_t largest,
                                         std::size_t period, std::size_t copies,
                                         std::uint64_t seed);

/// Random tokens of which none comes twice: what copying is measured on.
/// @param smallest  token id that may be drawn  @param largest  token id that may be drawn
/// @param count  how many  @param seed  of the random numbers
/// @return token ids
/// @throws std::domain_error when there are fewer than `count` ids
std::vector<std::size_t> distinct_tokens(std::size_t smallest, std::size_t largest,
                                         std::size_t count, std::uint64_t seed);

/// Olsson's copying score: by how much a head raises the logit of the token it looks at, as a share
/// of what it raises all tokens of the sample. Value by value, straight through W_O and the
/// unembedding (no norm), logits less their mean over the vocabulary, falls counted as zero:
/// \f[ \frac{\sum_j r_j(t_j)}{\sum_j \sum_k r_j(t_k)},\quad
///     r_j(t) = \max(0,\; v_j W_O\,(W_U^t - \overline{W_U})) \f]
/// @param weights  the model
/// @param samples  token ids; Olsson et al. take 25 that do not repeat
/// @return @shape{n_layers, n_heads}, 0 ... 1, sums taken over all samples: 1 for a head that
/// raises the token it looks at and no other, one over the sample's size for one that raises all
/// alike; NaN where nothing is raised. (The paper stretches 0 ... 0.5 to -1 ... 1.)
/// @throws ShapeError when a sample does not fit the model; std::domain_error without samples
/// @source Olsson et al. 2022, appendix, head activation evaluators    @booksection{07}
template <class T>
Matrix copying_scores(const ModelWeightsOf<T>& weights,
                      std::span<const std::vector<std::size_t>> samples);

/// How much of a context of n tokens Olsson's score spans: from token 50 of 512 to token 500.
struct ContextSpan {
  std::size_t early = 0;  ///< position whose successor is predicted early on
  std::size_t late = 0;   ///< and late; both below n - 1
};

/// The same places in a sequence of another length.
/// @param n  tokens, at least 3  @return positions at 50/512 and 500/512 of it
/// @throws ShapeError for fewer than three tokens
ContextSpan context_span(std::size_t n);

/// Olsson's in-context learning score: loss late in the context less loss early in it.
/// @param weights  the model
/// @param sequences  token ids, at least one, each of three tokens or more
/// @return nats, mean over the sequences; 0 for a model that learns nothing from its context,
/// negative for one that does
/// @throws ShapeError when a sequence does not fit; std::domain_error without sequences
/// @source Olsson et al. 2022, "in-context learning score"    @booksection{18}
template <class T>
double in_context_score(const ModelWeightsOf<T>& weights,
                        std::span<const std::vector<std::size_t>> sequences);

/// How often a head writes the token it looks at: the share of tokens whose own logit is the
/// largest in W_E W_V W_O W_U, without norms.
/// @param weights  the model  @param layer  which block  @param head  which head
/// @param tokens  at most so many ids are tried, evenly spread
/// @return 0 ... 1; chance is one over the number of tokens tried
/// @source Elhage et al. 2021, A mathematical framework for transformer circuits
template <class T>
double copying_share(const ModelWeightsOf<T>& weights, std::size_t layer, std::size_t head,
                     std::size_t tokens = 128);

}  // namespace headlight
