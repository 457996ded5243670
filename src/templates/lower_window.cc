// Convolutions and pooling: one kWindow node and what is added to it.  A convolution whose taps all coincide (1x1) is a
// matrix product.
#include <algorithm>

#include "graph/registry.h"
#include "templates/lower_ops.h"

namespace drtriton {
namespace {

// `count` numbers of an argument that may give one for all; `otherwise` where the list is empty.
std::vector<int64_t> Ints(const OpCall& call, std::string_view name, size_t count, std::vector<int64_t> otherwise = {}) {
  const Attr& attr = Argument(call.node, name);
  std::vector<int64_t> ints = attr.IsNone() ? std::vector<int64_t>{} : attr.Is<int64_t>() ? std::vector{attr.AsInt()} : attr.AsInts();
  if (ints.empty()) ints = std::move(otherwise);
  if (ints.size() == 1) ints.assign(count, ints[0]);
  if (ints.size() != count) throw Refusal{"no template covers this use of " + call.node.op};
  return ints;
}

// The operand over axes of its own, as (N, C, spatial ...).
Term Batched(const OpCall& call, const Term& input, size_t spatial) {
  Term detached = call.draft.Detach(input);
  return detached.dims.size() == spatial + 2 ? detached : call.draft.Unsqueeze(detached, 0);
}

// ---- Convolution

struct Convolution {
  Term input, weight;
  Window window;
  int64_t groups = 1;

  bool IsProduct() const;
};

// Every result position reads one input position: the same.
bool Convolution::IsProduct() const {
  for (const WindowDim& dim : window.dims) {
    if (dim.kernel != 1 || dim.stride != 1 || dim.padding != 0 || dim.input != dim.output) return false;
  }
  return groups == 1;
}

// padding='same' puts the odd element behind; the result's size says the rest.
std::vector<int64_t> Padding(const OpCall& call, const Window& window) {
  const Attr& attr = Argument(call.node, "padding");
  if (!attr.Is<std::string>()) return Ints(call, "padding", window.dims.size());
  std::vector<int64_t> padding;
  for (const WindowDim& dim : window.dims) {
    padding.push_back(attr.AsString() == "same" ? dim.dilation * (dim.kernel - 1) / 2 : 0);
  }
  return padding;
}

Convolution ReadConvolution(const OpCall& call) {
  const Schema& schema = SchemaOf(call.node);
  const bool either = schema.Find("transposed") >= 0;
  Term input = call.draft.Get(Argument(call.node, "input")), weight = call.draft.Get(Argument(call.node, "weight"));
  const size_t spatial = weight.dims.size() - 2;
  Convolution made{Batched(call, input, spatial), call.draft.Detach(weight), {}, Argument(call.node, "groups").AsInt()};
  Window& window = made.window;
  window.transposed = either ? Argument(call.node, "transposed").AsBool() : schema.Find("output_padding") >= 0;
  const std::vector<int64_t> stride = Ints(call, "stride", spatial), dilation = Ints(call, "dilation", spatial);
  const Shape& result = call.Result().shape;
  for (size_t i = 0; i < spatial; ++i) {
    window.dims.push_back({.input = call.draft.Size(made.input, static_cast<int64_t>(i) + 2),
                           .output = result[result.size() - spatial + i],
                           .kernel = call.draft.Size(made.weight, static_cast<int64_t>(i) + 2),
                           .stride = stride[i],
                           .dilation = dilation[i]});
  }
  const std::vector<int64_t> padding = Padding(call, window);
  for (size_t i = 0; i < spatial; ++i) window.dims[i].padding = padding[i];
  return made;
}

// A matrix product that is laid out as the input is: channels last, or positions last.
Term Product(const OpCall& call, const Convolution& made) {
  Draft& draft = call.draft;
  const std::vector<AxisList>& dims = made.input.dims;
  AxisList positions;
  for (size_t i = 2; i < dims.size(); ++i) positions.insert(positions.end(), dims[i].begin(), dims[i].end());
  const Term weight = draft.Reshape(made.weight, {draft.Size(made.weight, 0), draft.Size(made.weight, 1)});
  const Term out_by_in = made.window.transposed ? draft.Permute(weight, {1, 0}) : weight;
  const Value& given = draft.value(Argument(call.node, "input").AsValue());
  const bool channels_last = given.strides[given.strides.size() - made.window.dims.size() - 1] == 1;
  Term input = made.input, product;
  if (channels_last) {
    input.dims = {dims[0], positions, dims[1]};
    product = draft.Matmul(input, draft.Permute(out_by_in, {1, 0}), call.type(), true);
  } else {
    input.dims = {dims[0], dims[1], positions};
    product = draft.Matmul(out_by_in, input, call.type(), true);
  }
  const AxisList out = product.dims[channels_last ? 2 : 1];
  product.dims = dims;
  product.dims[1] = out;
  return product;
}

void Convolve(const OpCall& call) {
  Draft& draft = call.draft;
  const Convolution made = ReadConvolution(call);
  const bool dot = made.IsProduct() && made.input.dtype != DType::kFloat64;
  Term result = dot ? Product(call, made)
                    : draft.WindowOf("convolution", made.window, made.groups, made.input, made.weight, call.type());
  const Attr& bias = Argument(call.node, "bias");
  if (!bias.IsNone()) {
    Term shift = draft.Get(bias);
    for (size_t i = 0; i < made.window.dims.size(); ++i) shift = draft.Unsqueeze(shift, shift.rank());
    result = draft.Pointwise("add", call.type(), {result, shift});
  }
  call.Define(draft.Reshape(result, call.Result().shape));
}

// ---- Pooling

Term PoolInput(const OpCall& call, size_t spatial) { return Batched(call, call.Tensor(0), spatial); }

// Sizes of operand and result, the rest as in an ordinary window of one tap.
Window Sizes(const OpCall& call, const Term& input, size_t spatial) {
  Window window;
  const Shape& result = call.Result().shape;
  for (size_t i = 0; i < spatial; ++i) {
    window.dims.push_back({.input = call.draft.Size(input, static_cast<int64_t>(i) + 2),
                           .output = result[result.size() - spatial + i]});
  }
  return window;
}

void DefinePool(const OpCall& call, const std::string& function, const Window& window, const Term& input, size_t output) {
  if (!call.Used(output)) return;
  Draft& draft = call.draft;
  const Term pooled = draft.WindowOf(function, window, draft.Size(input, 1), input, std::nullopt, call.type(output));
  call.Define(draft.Reshape(pooled, call.Result(output).shape), output);
}

void Pool(const OpCall& call, size_t spatial, bool average) {
  const Term input = PoolInput(call, spatial);
  Window window = Sizes(call, input, spatial);
  const std::vector<int64_t> kernel = Ints(call, "kernel_size", spatial), stride = Ints(call, "stride", spatial, kernel),
                             padding = Ints(call, "padding", spatial);
  const std::vector<int64_t> dilation = average ? std::vector<int64_t>(spatial, 1) : Ints(call, "dilation", spatial);
  for (size_t i = 0; i < spatial; ++i) {
    WindowDim& dim = window.dims[i];
    dim.kernel = kernel[i], dim.stride = stride[i], dim.padding = padding[i], dim.dilation = dilation[i];
  }
  if (average) {
    window.count_padding = Argument(call.node, "count_include_pad").AsBool();
    const bool has_divisor = SchemaOf(call.node).Find("divisor_override") >= 0;
    if (has_divisor && !Argument(call.node, "divisor_override").IsNone()) {
      window.divisor = Argument(call.node, "divisor_override").AsInt();
    }
  }
  DefinePool(call, average ? "average" : "max", window, input, 0);
  DefinePool(call, "max_index", window, input, 1);
}

// Windows of floor(i * input / output) to ceil((i + 1) * input / output): ordinary ones where the sizes divide.
void AdaptivePool(const OpCall& call, size_t spatial, bool average) {
  const Term input = PoolInput(call, spatial);
  Window window = Sizes(call, input, spatial);
  window.adaptive = std::any_of(window.dims.begin(), window.dims.end(), [](const WindowDim& dim) { return dim.input % dim.output != 0; });
  for (WindowDim& dim : window.dims) {
    dim.stride = dim.input / dim.output;
    dim.kernel = 0;
    for (int64_t i = 0; i < dim.output; ++i) {
      const int64_t begin = i * dim.input / dim.output, end = ((i + 1) * dim.input + dim.output - 1) / dim.output;
      dim.kernel = std::max(dim.kernel, end - begin);
    }
  }
  DefinePool(call, average ? "average" : "max", window, input, 0);
  DefinePool(call, "max_index", window, input, 1);
}

// One average a channel is a reduction, which the row family knows better.
void AdaptiveAverage(const OpCall& call, size_t spatial, const Handler& reduction) {
  const Shape& result = call.Result().shape;
  const bool whole = std::all_of(result.end() - static_cast<ptrdiff_t>(spatial), result.end(), [](int64_t n) { return n == 1; });
  if (whole) return reduction(call);
  AdaptivePool(call, spatial, true);
}

}  // namespace

void LowerWindows(HandlerTable& table) {
  table["aten.convolution.default"] = Convolve;
  for (size_t spatial = 1; spatial <= 3; ++spatial) {
    const std::string d = std::to_string(spatial) + "d";
    table["aten.conv" + d + ".default"] = table["aten.conv" + d + ".padding"] = Convolve;
    table["aten.conv_transpose" + d + (spatial == 1 ? ".default" : ".input")] = Convolve;
    const Handler max = [spatial](const OpCall& call) { Pool(call, spatial, false); };
    table["aten.max_pool" + d + ".default"] = table["aten.max_pool" + d + "_with_indices.default"] = max;
    table["aten.avg_pool" + d + ".default"] = [spatial](const OpCall& call) { Pool(call, spatial, true); };
    table["aten.adaptive_max_pool" + d + ".default"] = [spatial](const OpCall& call) { AdaptivePool(call, spatial, false); };
    for (const std::string name : {"aten.adaptive_avg_pool", "aten._adaptive_avg_pool"}) {
      const auto reduction = table.find(name + d + ".default");
      if (reduction == table.end()) continue;
      reduction->second = [spatial, whole = reduction->second](const OpCall& call) { AdaptiveAverage(call, spatial, whole); };
    }
  }
}

}  // namespace drtriton
