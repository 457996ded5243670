#include "execute/device_asserts.h"

#include <ATen/ATen.h>

#include <map>

namespace drtriton {
namespace {

bool Within(const at::Tensor& tensor, double least, double most) {
  return tensor.numel() == 0 || ((tensor >= least) & (tensor <= most)).all().item<bool>();
}

// An operator that looks elements up: where its indices are, and along which dimension of its first tensor they count.
struct Lookup {
  size_t indices;
  std::optional<size_t> dim_argument;   // nullopt: the first dimension
};

const std::map<std::string, Lookup>& Lookups() {
  static const std::map<std::string, Lookup> lookups = {{"aten.embedding.default", {1, std::nullopt}},
                                                        {"aten.gather.default", {2, 1}},
                                                        {"aten.index_select.default", {2, 1}},
                                                        {"aten.take_along_dim.default", {1, 2}}};
  return lookups;
}

}  // namespace

std::optional<std::string> DeviceAssert(const std::string& op, const std::vector<c10::IValue>& arguments) {
  if (op == "aten.binary_cross_entropy.default") {
    if (Within(arguments.at(0).toTensor(), 0, 1)) return std::nullopt;
    return "its input lies outside of 0 to 1";
  }
  const auto lookup = Lookups().find(op);
  if (lookup == Lookups().end()) return std::nullopt;
  const at::Tensor& table = arguments.at(0).toTensor();
  const at::Tensor& indices = arguments.at(lookup->second.indices).toTensor();
  int64_t dim = 0;
  if (lookup->second.dim_argument) {
    const c10::IValue& given = arguments.at(*lookup->second.dim_argument);
    if (!given.isInt()) return std::nullopt;
    dim = given.toInt();
  }
  const int64_t size = table.dim() == 0 ? 1 : table.size(dim);
  if (Within(indices, 0, static_cast<double>(size - 1))) return std::nullopt;
  return "an index lies outside of its " + std::to_string(size) + " elements";
}

}  // namespace drtriton
