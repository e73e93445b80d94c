/// @file
/// State-space layers that do not depend on the input, S4 and S4D: a linear differential equation
/// in steps, run as a recurrence or as a convolution.
#pragma once

#include <complex>
#include <headlight/core/tensor.hpp>
#include <headlight/mechanism/work.hpp>

namespace headlight {

/// A matrix of complex numbers.
template <class T>
using ComplexMatrixOf = xt::xtensor<std::complex<T>, 2>;
using ComplexMatrix = ComplexMatrixOf<double>;  ///< in double

/// One state equation with a full matrix, read by every channel in its own way.
/// Continuous: \f$ h' = Ah + Bu,\ y = Ch + Du \f$. In steps: \f$ h_t = Ah_{t-1} + Bu_t,\ y_t = Ch_t
/// + Du_t \f$.
template <class T>
struct StateSpaceOf {
  MatrixOf<T> A;     ///< @shape{d_state, d_state}   how the state goes on by itself
  VectorOf<T> B;     ///< @shape{d_state}   how the input enters
  MatrixOf<T> C;     ///< @shape{d_model, d_state}   how each channel reads
  VectorOf<T> skip;  ///< @shape{d_model}   D: how each channel hands its input on; empty for zero
};
using StateSpace = StateSpaceOf<double>;  ///< in double

/// The same with a diagonal complex matrix for every channel. Each pole stands for itself and its
/// conjugate, so the channel reads twice the real part.
template <class T>
struct DiagonalStateSpaceOf {
  ComplexMatrixOf<T> A;  ///< @shape{d_model, d_state}   poles; in steps: their factors
  ComplexMatrixOf<T> B;  ///< @shape{d_model, d_state}
  ComplexMatrixOf<T> C;  ///< @shape{d_model, d_state}
  VectorOf<T> skip;      ///< @shape{d_model}   D; empty for zero
};
using DiagonalStateSpace = DiagonalStateSpaceOf<double>;  ///< in double

/// The HiPPO-LegS matrix: its state holds the Legendre coefficients of all the input so far.
/// \f[ A_{nk} = -\sqrt{(2n+1)(2k+1)}\ (n>k),\quad -(n+1)\ (n=k),\quad 0\ (n<k) \f]
/// @param d_state  count  @return @shape{d_state, d_state}, every eigenvalue negative
/// @source Gu et al. 2020, HiPPO, theorem 2    @booksection{17}
template <class T = double>
MatrixOf<T> hippo_legs(std::size_t d_state);

/// How the input enters beside hippo_legs. @param d_state  count
/// @return @shape{d_state}, sqrt(2n + 1)
template <class T = double>
VectorOf<T> hippo_legs_input(std::size_t d_state);

/// The poles of S4D-Lin: -1/2 + i pi n.
/// @param d_model  channels, all alike  @param d_state  poles
/// @return @shape{d_model, d_state}
/// @source Gu, Gupta, Goel, Re 2022, On the parameterization of diagonal state space models, 4.3
template <class T = double>
ComplexMatrixOf<T> s4d_lin(std::size_t d_model, std::size_t d_state);

/// How a differential equation becomes steps.
enum class Discretisation {
  bilinear,        ///< trapezoids: (I - step A / 2)^-1 (I + step A / 2), as S4 does
  zero_order_hold  ///< the input stands still during a step: exp(step A), exact for such inputs
};

/// exp(A) by scaling, a Taylor series and squaring.
/// @param a @shape{n, n}  @return @shape{n, n}
/// @throws ShapeError when a is not square
template <class T>
MatrixOf<T> matrix_exponential(const MatrixOf<T>& a);

/// The largest absolute eigenvalue, by repeated squaring (Gelfand's formula).
/// @param a @shape{n, n}  @return to about twelve digits
/// @throws ShapeError when a is not square
template <class T>
double spectral_radius(const MatrixOf<T>& a);

/// Turns a continuous system into one in steps.
/// @param system  continuous
/// @param step  time between tokens, above zero
/// @param method  bilinear or zero-order hold
/// @return A and B in steps, C and skip as they were
/// @throws ShapeError when sizes differ
/// @throws std::domain_error for a step that is not above zero, and for an unstable matrix
/// @source Gu, Goel, Re 2021, S4, equation 3; zero-order hold: Franklin, Powell, Workman
template <class T>
StateSpaceOf<T> discretise(const StateSpaceOf<T>& system, double step, Discretisation method);

/// Turns a continuous diagonal system into one in steps.
/// @param system  continuous
/// @param step @shape{d_model}  time between tokens, one for each channel, above zero
/// @param method  bilinear or zero-order hold
/// @return A and B in steps, C and skip as they were
/// @throws ShapeError when sizes differ
/// @throws std::domain_error for a step that is not above zero, and for an unstable pole
template <class T>
DiagonalStateSpaceOf<T> discretise(const DiagonalStateSpaceOf<T>& system, const VectorOf<T>& step,
                                   Discretisation method);

/// How the layer is run; all three give the same numbers.
enum class StateSpaceOrder {
  recurrence,   ///< token by token: n d_state^2 products, or n d_state when diagonal
  convolution,  ///< by the kernel and its sum: n^2 / 2 products a channel
  fourier       ///< by the kernel and the fast transform, padded: n log n products a channel
};

/// Every number of a state-space layer. T is the scalar, S that of the state (complex when
/// diagonal).
template <class T, class S>
struct StateSpaceTraceOf {
  MatrixOf<T> kernel;  ///< @shape{d_model, n}   C A^k B; empty for the recurrence
  MatrixOf<S> state;   ///< @shape{d_model, d_state}   after the last token; empty when convolved.
                       ///< With a full matrix one row for each channel of the input
  MatrixOf<T> output;  ///< @shape{n, d_model}
  Work work;           ///< what it cost; a complex product counts 4, complex times real 2
};
using StateSpaceTrace = StateSpaceTraceOf<double, double>;  ///< full matrix, in double
using DiagonalStateSpaceTrace =
    StateSpaceTraceOf<double, std::complex<double>>;  ///< diagonal, in double

/// Runs S4: every channel of the input through the same state equation.
/// @param input @shape{n, d_model}
/// @param system  in steps (see discretise)
/// @param order  recurrence, convolution or fourier
/// @param start  state before the first token, @shape{d_model, d_state}; only for the recurrence
/// @return every intermediate
/// @throws ShapeError when sizes differ, there is no token or no state, or start meets a
/// convolution
/// @throws std::domain_error when the state would grow: spectral radius above 1
/// @source Gu, Goel, Re 2021, Efficiently modeling long sequences with structured state spaces
/// @booksection{17}
template <class T>
StateSpaceTraceOf<T, T> state_space(const MatrixOf<T>& input, const StateSpaceOf<T>& system,
                                    StateSpaceOrder order, const MatrixOf<T>* start = nullptr);

/// Runs S4D: every channel of the input through its own poles.
/// @param input @shape{n, d_model}
/// @param system  in steps (see discretise)
/// @param order  recurrence, convolution or fourier
/// @param start  state before the first token, @shape{d_model, d_state}; only for the recurrence
/// @return every intermediate
/// @throws ShapeError when sizes differ, there is no token or no state, or start meets a
/// convolution
/// @throws std::domain_error when the state would grow: a factor above 1
/// @source Gu, Gupta, Goel, Re 2022, On the parameterization of diagonal state space models
/// @booksection{17}
template <class T>
StateSpaceTraceOf<T, std::complex<T>> state_space(const MatrixOf<T>& input,
                                                  const DiagonalStateSpaceOf<T>& system,
                                                  StateSpaceOrder order,
                                                  const ComplexMatrixOf<T>* start = nullptr);

}  // namespace headlight
