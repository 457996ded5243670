// The equation of torch.einsum: "bij,bjk->bik".
#ifndef DRTRITON_GRAPH_EINSUM_H_
#define DRTRITON_GRAPH_EINSUM_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/program.h"

namespace drtriton {

struct EinsumTerms {
  std::vector<std::string> operands;   // labels in order, an ellipsis as '.'
  std::string result;                  // as given, or PyTorch's: the ellipsis, then labels that occur once, in order
};

// nullopt when the text is malformed; `*complaint` says why.
std::optional<EinsumTerms> ParseEinsum(std::string_view equation, std::string* complaint);

struct EinsumShape {
  Shape shape;          // of the result
  double products = 0;  // size of the space of all labels: multiply-adds of the naive evaluation
};

// Repeated labels within an operand and an ellipsis ("...") are allowed, as in PyTorch.  nullopt when the equation is
// malformed or does not fit the operands; `*complaint` says why.
std::optional<EinsumShape> InferEinsum(std::string_view equation, const std::vector<Shape>& operands,
                                       std::string* complaint);

}  // namespace drtriton

#endif  // DRTRITON_GRAPH_EINSUM_H_
