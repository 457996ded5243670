#include "execute/device_asserts.h"

#include <ATen/ATen.h>

#include <map>

namespace drtriton {
namespace {

using Arguments = std::vector<c10::IValue>;
using Reason = std::optional<std::string>;
using Check = Reason (*)(const Arguments&);

// Not so where a value is NaN.
bool Within(const at::Tensor& tensor, double least, double most) {
  return tensor.numel() == 0 || ((tensor >= least) & (tensor <= most)).all().item<bool>();
}

Reason IndicesWithin(const at::Tensor& indices, int64_t least, int64_t size) {
  if (Within(indices, static_cast<double>(least), static_cast<double>(size - 1))) return std::nullopt;
  return "an index lies outside of its " + std::to_string(size) + " elements";
}

int64_t SizeOf(const at::Tensor& table, int64_t dim) { return table.dim() == 0 ? 1 : table.size(dim); }

Reason Probability(const at::Tensor& tensor, const char* which) {
  if (Within(tensor, 0, 1)) return std::nullopt;
  return std::string("its ") + which + " lies outside of 0 to 1";
}

Reason Probabilities(const Arguments& arguments) { return Probability(arguments.at(0).toTensor(), "input"); }

// (table, indices): rows.
Reason Rows(const Arguments& arguments) { return IndicesWithin(arguments.at(1).toTensor(), 0, SizeOf(arguments.at(0).toTensor(), 0)); }

// (self, dim, index, ...); kFromEnd: an index may count from the end.
template <bool kFromEnd>
Reason AlongDim(const Arguments& arguments) {
  const int64_t size = SizeOf(arguments.at(0).toTensor(), arguments.at(1).toInt());
  return IndicesWithin(arguments.at(2).toTensor(), kFromEnd ? -size : 0, size);
}

// take_along_dim(self, indices, dim=None)
Reason TakeAlongDim(const Arguments& arguments) {
  const at::Tensor& self = arguments.at(0).toTensor();
  const int64_t size = arguments.at(2).isInt() ? SizeOf(self, arguments.at(2).toInt()) : self.numel();
  return IndicesWithin(arguments.at(1).toTensor(), 0, size);
}

// (self, indices: a list that has a tensor or nothing for each dimension, ...)
Reason ListOfIndices(const Arguments& arguments) {
  const at::Tensor& self = arguments.at(0).toTensor();
  const c10::List<c10::IValue> list = arguments.at(1).toList();
  int64_t dim = 0;
  for (const c10::IValue& given : list) {
    const bool is_mask = given.isTensor() && (given.toTensor().scalar_type() == at::kBool || given.toTensor().scalar_type() == at::kByte);
    if (is_mask) {
      dim += given.toTensor().dim();
      continue;
    }
    const int64_t size = SizeOf(self, dim++);
    if (!given.isTensor()) continue;
    if (Reason why = IndicesWithin(given.toTensor(), -size, size)) return why;
  }
  return std::nullopt;
}

// (input of classes in dimension 1, or 0 where there is no batch; target; weight; reduction; ignore_index).
Reason Classes(const Arguments& arguments) {
  const at::Tensor& input = arguments.at(0).toTensor();
  const at::Tensor& target = arguments.at(1).toTensor();
  if (target.is_floating_point()) return std::nullopt;   // probabilities
  const int64_t classes = SizeOf(input, input.dim() > 1 ? 1 : 0);
  const int64_t ignored = arguments.at(4).toInt();
  return IndicesWithin(at::where(target == ignored, at::zeros_like(target), target), 0, classes);
}

Reason EnoughToScatter(const Arguments& arguments) {
  const at::Tensor& self = arguments.at(0).toTensor();
  const int64_t wanted = arguments.at(1).toTensor().expand_as(self).sum().item<int64_t>();
  if (wanted <= arguments.at(2).toTensor().numel()) return std::nullopt;
  return "its mask selects more elements than the source has";
}

// (input, target, ...)
Reason BinaryCrossEntropy(const Arguments& arguments) {
  if (Reason why = Probabilities(arguments)) return why;
  return Probability(arguments.at(1).toTensor(), "target");
}

const std::map<std::string, Check>& Checks() {
  static const std::map<std::string, Check> checks = {
      {"aten.bernoulli.default", Probabilities},
      {"aten.binary_cross_entropy.default", BinaryCrossEntropy},
      {"aten.cross_entropy_loss.default", Classes},
      {"aten.embedding.default", Rows},
      {"aten.gather.default", AlongDim<false>},
      {"aten.index.Tensor", ListOfIndices},
      {"aten.index_add.default", AlongDim<false>},
      {"aten.index_copy.default", AlongDim<false>},
      {"aten.index_fill.int_Scalar", AlongDim<true>},
      {"aten.index_fill.int_Tensor", AlongDim<true>},
      {"aten.index_put.default", ListOfIndices},
      {"aten.index_select.default", AlongDim<false>},
      {"aten.masked_scatter.default", EnoughToScatter},
      {"aten.nll_loss_nd.default", Classes},
      {"aten.scatter.reduce", AlongDim<false>},
      {"aten.scatter.src", AlongDim<false>},
      {"aten.scatter.value", AlongDim<false>},
      {"aten.scatter.value_reduce", AlongDim<false>},
      {"aten.scatter_add.default", AlongDim<false>},
      {"aten.scatter_reduce.two", AlongDim<false>},
      {"aten.take_along_dim.default", TakeAlongDim},
  };
  return checks;
}

}  // namespace

std::optional<std::string> DeviceAssert(const std::string& op, const std::vector<c10::IValue>& arguments) {
  const auto check = Checks().find(op);
  return check == Checks().end() ? std::nullopt : check->second(arguments);
}

}  // namespace drtriton
