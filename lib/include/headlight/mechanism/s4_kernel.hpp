/// @file
/// S4's way to its kernel: the HiPPO matrix as a diagonal plus rank one, so that a kernel of n
/// numbers costs n d_state products instead of n d_state^2.
#pragma once

#include <headlight/mechanism/state_space.hpp>

namespace headlight {

/// HiPPO-LegS in the basis where it is diagonal but for one product of vectors.
/// \f[ A = V\,(\Lambda - p\,p^*)\,V^* \f]
template <class T>
struct DiagonalPlusLowRankOf {
  ComplexMatrixOf<T> poles;  ///< @shape{1, d_state}   Lambda, real parts -1/2
  ComplexMatrixOf<T> p;      ///< @shape{1, d_state}   the vector of the rank-one part
  ComplexMatrixOf<T> B;      ///< @shape{1, d_state}   hippo_legs_input in this basis
  ComplexMatrixOf<T> basis;  ///< @shape{d_state, d_state}   V, unitary
};
using DiagonalPlusLowRank = DiagonalPlusLowRankOf<double>;  ///< in double

/// Takes hippo_legs apart: A + p p^T with p_n = sqrt(n + 1/2) is -1/2 plus a skew matrix, which has
/// orthogonal eigenvectors.
/// @param d_state  count, at least 1
/// @return poles, vector, input and basis
/// @throws ShapeError for no state
/// @source Gu, Goel, Re 2021, S4, theorem 1 and appendix C.1
template <class T = double>
DiagonalPlusLowRankOf<T> hippo_low_rank(std::size_t d_state);

/// The kernel of S4 with the HiPPO matrix and the bilinear rule, by its generating function at the
/// n-th roots of unity and one inverse transform.
/// \f[ \hat K(z) = 2\,\tilde C\,\big[\tfrac{2}{\Delta}(1-z) - (1+z)A\big]^{-1}B,\quad \tilde C = C
/// (1 - \bar A^n) \f]
/// @param C @shape{d_model, d_state}
/// @param n  length of the kernel
/// @param step  time between tokens, above zero
/// @param work  when given, is increased by what the n roots cost: 4 n d_state (5 + 2
/// d_model), without the transforms
/// @return @shape{d_model, n}, C A^k B in steps
/// @throws ShapeError for no state or no token
/// @throws std::domain_error for a step that is not above zero
/// @source Gu, Goel, Re 2021, S4, algorithm 1    @booksection{17}
template <class T>
MatrixOf<T> s4_kernel(const MatrixOf<T>& C, std::size_t n, double step, Work* work = nullptr);

}  // namespace headlight
