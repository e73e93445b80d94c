/// @file
/// Mamba's selective scan: a diagonal state equation whose step, input and reading depend on the
/// token, run token by token, as an associative scan, or as the matrix that it is.
#pragma once

#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/work.hpp>
#include <vector>

namespace headlight {

/// What one selective scan runs with: one state equation for every token.
template <class T>
struct SelectiveSystemOf {
  MatrixOf<T> A;      ///< @shape{d_model, d_state}   continuous, not above zero
  MatrixOf<T> delta;  ///< @shape{n, d_model}   length of each token's step, not below zero
  MatrixOf<T> B;      ///< @shape{n, d_state}   how each token enters
  MatrixOf<T> C;      ///< @shape{n, d_state}   how each token reads
  VectorOf<T> skip;   ///< @shape{d_model}   D; empty for zero
};
using SelectiveSystem = SelectiveSystemOf<double>;  ///< in double

/// The maps that choose step, input and reading from the token.
template <class T>
struct SelectiveWeightsOf {
  MatrixOf<T> A;             ///< @shape{d_model, d_state}   not above zero
  MatrixOf<T> W_delta_down;  ///< @shape{d_model, d_rank}   to few numbers
  MatrixOf<T> W_delta_up;    ///< @shape{d_rank, d_model}   and up again
  VectorOf<T> delta_bias;    ///< @shape{d_model}
  MatrixOf<T> W_B;           ///< @shape{d_model, d_state}
  MatrixOf<T> W_C;           ///< @shape{d_model, d_state}
  VectorOf<T> skip;          ///< @shape{d_model}   empty for zero
};
using SelectiveWeights = SelectiveWeightsOf<double>;  ///< in double

/// Mamba's first A: -1, -2, ... -d_state in every channel.
/// @param d_model  channels  @param d_state  numbers of state
/// @return @shape{d_model, d_state}
/// @source Gu, Dao 2023, Mamba, 3.6 (S4D-Real)
template <class T = double>
MatrixOf<T> s4d_real(std::size_t d_model, std::size_t d_state);

/// Chooses step, input and reading for every token.
/// \f[ \Delta = \mathrm{softplus}(x W_{down} W_{up} + b),\quad B = x W_B,\quad C = x W_C \f]
/// @param x @shape{n, d_model}
/// @param weights  the maps
/// @return the system of this input
/// @throws ShapeError when sizes differ
/// @source Gu, Dao 2023, Mamba, algorithm 2    @booksection{17}
template <class T>
SelectiveSystemOf<T> select(const MatrixOf<T>& x, const SelectiveWeightsOf<T>& weights);

/// How the scan is run; both give the same numbers.
enum class ScanOrder {
  sequential,  ///< token by token, holding one state
  associative  ///< pairs combined in a tree: about 2 n combinations, 2 log2 n deep, so that many
               ///< processors could share it
};

/// How the input enters a step.
enum class InputHold {
  euler,           ///< step times B: what Mamba's code does
  zero_order_hold  ///< (exp(step A) - 1) / A times B: what its paper writes
};

/// How to run.
struct SelectiveOptions {
  ScanOrder order = ScanOrder::sequential;  ///< token by token or in a tree
  InputHold hold = InputHold::euler;        ///< how the input enters
  bool record_states = false;               ///< keep decay and state of every token
};

/// Every number of a selective scan.
template <class T>
struct SelectiveTraceOf {
  Tensor3Of<T> decays;  ///< @shape{n, d_model, d_state}   exp(delta A); empty unless recorded
  Tensor3Of<T> states;  ///< @shape{n, d_model, d_state}   after each token; empty unless recorded
  MatrixOf<T> state;    ///< @shape{d_model, d_state}   after the last token
  MatrixOf<T> output;   ///< @shape{n, d_model}   C h + D x
  Work work;            ///< what it cost
};
using SelectiveTrace = SelectiveTraceOf<double>;  ///< in double

/// Runs the scan.
/// \f[ h_t = e^{\Delta_t A} h_{t-1} + \Delta_t B_t x_t,\quad y_t = C_t h_t + D x_t \f]
/// @param x @shape{n, d_model}
/// @param system  of this input (see select)
/// @param options  order, input, what to record
/// @return every intermediate that was asked for
/// @throws ShapeError when sizes differ, or there is no token or no state
/// @throws std::domain_error when A is above zero or a step below: the state would grow
/// @source Gu, Dao 2023, Mamba: Linear-time sequence modeling with selective state spaces, 3.2, 3.3
/// @booksection{17}
template <class T>
SelectiveTraceOf<T> selective_scan(const MatrixOf<T>& x, const SelectiveSystemOf<T>& system,
                                   const SelectiveOptions& options = {});

/// The attention-like matrix that the scan is, one a channel: what token i takes from token j. The
/// scan's output is this matrix times the channel, plus skip.
/// \f[ M_{ij} = \sum_s C_{is}\, e^{A_s \sum_{t=j+1}^{i}\Delta_t}\, \Delta_j B_{js}\quad (j\le i)
/// \f]
/// @param system  of some input
/// @param hold  how the input enters
/// @return @shape{d_model, n, n}, zero above the diagonal; rows do not sum to one, cells may be
/// negative
/// @throws ShapeError when sizes differ
/// @throws std::domain_error when A is above zero or a step below
/// @source Dao, Gu 2024, Transformers are SSMs, 3; Ali, Zimerman, Wolf 2024
template <class T>
Tensor3Of<T> selective_matrix(const SelectiveSystemOf<T>& system,
                              InputHold hold = InputHold::euler);

/// One step of a number: x becomes decay x + gain.
template <class T>
struct ScanStep {
  T decay = 1;  ///< factor
  T gain = 0;   ///< what is added
};

/// Two steps as one. Associative, but the order counts.
/// @param earlier  done first  @param later  done second  @return both
template <class T>
ScanStep<T> combine(const ScanStep<T>& earlier, const ScanStep<T>& later) {
  return {earlier.decay * later.decay, later.decay * earlier.gain + later.gain};
}

/// Replaces each step by itself after all before it, up a tree and down again.
/// @param steps  any number; afterwards steps[i] = steps[0] ... steps[i] combined
/// @return combinations done: 2n - 2 - log2 n when n is a power of two
/// @source Brent, Kung 1982; Blelloch 1990, Prefix sums and their applications
template <class T>
std::size_t associative_scan(std::vector<ScanStep<T>>& steps);

}  // namespace headlight
