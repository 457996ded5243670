// Convolution, pooling and resizing.
//
// Output sizes: floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1, rounded up under ceil_mode
// unless the last window would start in the padding (aten/src/ATen/native/Pool.h); transposed: the inverse.
#include <algorithm>
#include <cmath>

#include "graph/operators.h"
#include "graph/strides.h"

namespace drtriton {
namespace {

InferredValue RowMajorIf(const Operand& input, Shape shape) {
  return ContiguousIf(IsRowMajor(input), input.dtype, std::move(shape));
}

struct ConvolutionArguments {
  Operand input;
  Operand weight;
  size_t dims = 0;  // spatial ones
  bool batched = true;
  bool transposed = false;
  int64_t groups = 1;
  std::vector<int64_t> stride, padding, padding_after, dilation, output_padding;
};

// padding='same' puts the odd element behind.
void ReadPadding(const Call& call, ConvolutionArguments& c) {
  if (!call.Arg("padding").Is<std::string>()) {
    c.padding = c.padding_after = call.Ints("padding", c.dims);
    return;
  }
  const std::string& mode = call.String("padding");
  call.Expect(mode == "same" || mode == "valid", "padding is neither 'same' nor 'valid'");
  c.padding.assign(c.dims, 0);
  c.padding_after.assign(c.dims, 0);
  for (size_t i = 0; mode == "same" && i < c.dims; ++i) {
    call.Expect(c.stride[i] == 1, "padding 'same' needs stride 1");
    const int64_t total = c.dilation[i] * (c.weight.shape[i + 2] - 1);
    c.padding[i] = total / 2;
    c.padding_after[i] = total - total / 2;
  }
}

ConvolutionArguments ReadConvolution(const Call& call) {
  ConvolutionArguments c{.input = call.Tensor("input"), .weight = call.Tensor("weight")};
  const bool raw = call.info().schema.Find("transposed") >= 0;
  c.transposed = raw ? call.Bool("transposed") : call.info().schema.Find("output_padding") >= 0;
  call.Expect(c.weight.rank() >= 3, "the weight has to be of rank 3 or more");
  c.dims = c.weight.shape.size() - 2;
  c.batched = c.input.shape.size() == c.dims + 2;
  call.Expect(c.batched || c.input.shape.size() == c.dims + 1, "an input of shape ", c.input.shape,
              " does not fit a weight of shape ", c.weight.shape);
  c.groups = call.Int("groups");
  c.stride = call.Ints("stride", c.dims);
  c.dilation = call.Ints("dilation", c.dims);
  ReadPadding(call, c);
  c.output_padding = c.transposed ? call.Ints("output_padding", c.dims) : std::vector<int64_t>(c.dims, 0);
  return c;
}

int64_t Channels(const ConvolutionArguments& c) { return c.input.shape[c.batched ? 1 : 0]; }

int64_t OutputChannels(const ConvolutionArguments& c) {
  return c.transposed ? c.weight.shape[1] * c.groups : c.weight.shape[0];
}

void CheckChannels(const Call& call, const ConvolutionArguments& c) {
  call.Expect(c.groups > 0, "groups has to be positive");
  const int64_t expected = c.transposed ? c.weight.shape[0] : c.weight.shape[1] * c.groups;
  call.Expect(Channels(c) == expected, "the input has ", Channels(c), " channels, the weight needs ", expected);
  call.Expect(c.weight.shape[0] % c.groups == 0 && c.weight.shape[0] > 0, "the weight does not split into the groups");
  call.Expect(c.input.dtype == c.weight.dtype, "input and weight are of different dtypes");
  if (const std::optional<Operand> bias = call.OptionalTensor("bias")) {
    call.Expect(bias->dtype == c.input.dtype, "input and bias are of different dtypes");
    call.Expect(bias->shape == Shape{OutputChannels(c)}, "the bias has to hold ", OutputChannels(c), " elements");
  }
}

int64_t ConvolvedSize(const Call& call, const ConvolutionArguments& c, size_t i) {
  const int64_t size = c.input.shape[c.input.shape.size() - c.dims + i];
  const int64_t kernel = c.weight.shape[i + 2];
  call.Expect(c.stride[i] > 0 && c.dilation[i] > 0 && c.padding[i] >= 0, "stride and dilation have to be positive");
  const int64_t reach = c.dilation[i] * (kernel - 1) + 1;
  if (c.transposed) {
    const int64_t result = (size - 1) * c.stride[i] - 2 * c.padding[i] + reach + c.output_padding[i];
    call.Expect(result > 0, "the result would be empty");
    return result;
  }
  const int64_t padded = size + c.padding[i] + c.padding_after[i];
  call.Expect(padded >= reach, "the kernel is larger than the padded input");
  return (padded - reach) / c.stride[i] + 1;
}

std::vector<InferredValue> InferConvolution(const Call& call) {
  const ConvolutionArguments c = ReadConvolution(call);
  CheckChannels(call, c);
  Shape shape;
  if (c.batched) shape.push_back(c.input.shape[0]);
  shape.push_back(OutputChannels(c));
  for (size_t i = 0; i < c.dims; ++i) shape.push_back(ConvolvedSize(call, c, i));
  return {ContiguousIf(IsRowMajor(c.weight) && IsRowMajor(c.input), c.input.dtype, std::move(shape))};
}

// Every element of the input (transposed) or of the result meets one filter.
double ConvolutionFlops(const Call& call) {
  const ConvolutionArguments c = ReadConvolution(call);
  const double per_filter = static_cast<double>(c.weight.Elements()) / static_cast<double>(c.weight.shape[0]);
  const double applied = c.transposed ? static_cast<double>(c.input.Elements())
                                      : static_cast<double>(ElementCount(InferConvolution(call)[0].shape));
  return 2 * applied * per_filter;
}

// ---- Pooling

int64_t PooledSize(const Call& call, int64_t size, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                   bool ceil_mode) {
  call.Expect(kernel > 0 && stride > 0 && dilation > 0, "kernel, stride and dilation have to be positive");
  call.Expect(padding >= 0 && padding <= ((kernel - 1) * dilation + 1) / 2, "the padding exceeds half the kernel");
  const int64_t room = size + 2 * padding - dilation * (kernel - 1) - 1 + (ceil_mode ? stride - 1 : 0);
  int64_t result = (room >= 0 ? room / stride : -((-room + stride - 1) / stride)) + 1;
  if (ceil_mode && (result - 1) * stride >= size + padding) --result;
  call.Expect(result >= 1, "the kernel is larger than the padded input");
  return result;
}

// Spatial dimensions, from the operator's name: "max_pool2d".
size_t PoolDims(const Call& call) {
  const std::string& name = call.info().name;
  return static_cast<size_t>(name[name.find("pool") + 4] - '0');
}

Operand PoolInput(const Call& call, size_t dims) {
  Operand self = call.Tensor("self");
  call.Expect(self.shape.size() == dims + 1 || self.shape.size() == dims + 2, "a tensor of shape ", self.shape,
              " does not fit");
  return self;
}

// What PyTorch refuses in three dimensions only: windows larger than the input, padding or not, and one sample (C, D, H, W)
// whose strides look like those of pictures with their channels last.
void CheckPool3d(const Call& call, const Operand& self, const std::vector<int64_t>& kernel) {
  if (call.info().name.starts_with("aten.avg_pool")) {
    for (size_t i = 0; i < 3; ++i) {
      const int64_t size = self.shape[self.shape.size() - 3 + i];
      call.Expect(size >= kernel[i], "the input, of shape ", self.shape, ", is smaller than the kernel");
    }
    return;
  }
  const bool pictures = self.rank() == 4 && !IsRowMajor(self) && IsChannelsLast(self.shape, self.strides);
  call.Expect(!pictures, "a single sample may not have its channels last");
}

Shape PooledShape(const Call& call, const Operand& self, size_t dims) {
  const std::vector<int64_t> kernel = call.Ints("kernel_size", dims);
  if (dims == 3) CheckPool3d(call, self, kernel);
  const std::vector<int64_t> stride = call.Ints("stride", dims, kernel);
  const std::vector<int64_t> padding = call.Ints("padding", dims);
  const bool dilated = call.info().schema.Find("dilation") >= 0;
  const std::vector<int64_t> dilation = dilated ? call.Ints("dilation", dims) : std::vector<int64_t>(dims, 1);
  Shape shape = self.shape;
  for (size_t i = 0; i < dims; ++i) {
    int64_t& size = shape[shape.size() - dims + i];
    size = PooledSize(call, size, kernel[i], stride[i], padding[i], dilation[i], call.Bool("ceil_mode"));
  }
  return shape;
}

std::vector<InferredValue> InferPool(const Call& call) {
  const size_t dims = PoolDims(call);
  const Operand self = PoolInput(call, dims);
  std::vector<InferredValue> results = {RowMajorIf(self, PooledShape(call, self, dims))};
  if (call.info().schema.results.size() == 2) {
    results.push_back(results[0]);
    results[1].dtype = DType::kInt64;
  }
  return results;
}

double PoolFlops(const Call& call) {
  double window = 1;
  for (int64_t size : call.Ints("kernel_size", PoolDims(call))) window *= static_cast<double>(size);
  return window * static_cast<double>(ElementCount(InferPool(call)[0].shape));
}

std::vector<InferredValue> InferAdaptivePool(const Call& call) {
  const size_t dims = PoolDims(call);
  const Operand self = PoolInput(call, dims);
  const std::vector<int64_t> sizes = call.Ints("output_size", dims);
  Shape shape = self.shape;
  for (size_t i = 0; i < dims; ++i) {
    call.Expect(sizes[i] >= 0, "an output size is negative");
    shape[shape.size() - dims + i] = sizes[i];
  }
  std::vector<InferredValue> results = {RowMajorIf(self, shape)};
  if (call.info().schema.results.size() == 2) {
    results.push_back(results[0]);
    results[1].dtype = DType::kInt64;
  } else {
    call.Expect(IsFloating(self.dtype), "the average of integers needs a floating tensor");
  }
  return results;
}

double AdaptivePoolFlops(const Call& call) { return static_cast<double>(call.Tensor("self").Elements()); }

// ---- Resizing

std::vector<InferredValue> InferUpsample(const Call& call) {
  const Operand input = call.Tensor("input");
  const std::string& name = call.info().name;
  const size_t dims = static_cast<size_t>(name[name.find_first_of("123")] - '0');
  call.Expect(input.shape.size() == dims + 2, "needs a tensor of rank ", dims + 2);
  call.Expect(call.Has("output_size") != call.Has("scale_factors"), "needs either a size or factors");
  Shape shape = input.shape;
  for (size_t i = 0; i < dims; ++i) {
    if (call.Has("output_size")) {
      shape[i + 2] = call.Ints("output_size", dims)[i];
    } else {
      const AttrList& factors = call.Arg("scale_factors").AsList();
      call.Expect(factors.size() == dims, "needs a factor for each dimension");
      shape[i + 2] = static_cast<int64_t>(std::floor(static_cast<double>(shape[i + 2]) * factors[i].AsDouble()));
    }
    call.Expect(shape[i + 2] > 0, "the result would be empty");
  }
  return {RowMajorIf(input, shape)};
}

// ---- The table

void AddConvolutions(std::vector<OperatorSpec>& table) {
  const RowAdder add_row(table, OpKind::kConvolution);
  const auto add = [&add_row](std::string schema, std::string form, const std::string& domain) {
    add_row(std::move(schema), std::move(form), "f; " + domain, InferConvolution, ConvolutionFlops);
  };
  const std::vector<std::string> sizes = {"H", "H,W", "H,W,T"};
  // By number of dimensions: kernels of all sizes, also of different sizes a side; strides; paddings of half a kernel or none.
  const std::vector<std::vector<std::string>> kernels = {
      {"3", "1", "5", "7"}, {"3,2", "1,1", "3,3", "1,7", "7,7"}, {"3,2,1", "1,1,1", "3,3,3"}};
  const std::vector<std::string> strides = {"[1]|[2]|[3]", "[1,1]|[2,2]|[2,1]", "[1,1,1]|[1,2,2]"};
  const std::vector<std::string> paddings = {"[0]|[1]|[3]", "[0,0]|[1,1]|[3,2]", "[0,0,0]|[0,1,1]"};
  const std::vector<std::string> dilations = {"[1]|[2]|[3]", "[1,1]|[1,2]", "[1,1,1]|[2,2,2]"};
  for (size_t dims = 1; dims <= 3; ++dims) {
    const size_t at = dims - 1;
    const std::string n = std::to_string(dims);
    const auto ints = [dims](const std::string& one) {
      return "[" + one + (dims > 1 ? ", " + one : "") + (dims > 2 ? ", " + one : "") + "]";
    };
    const std::string schema =
        "Tensor input, Tensor weight, Tensor? bias=None, SymInt[" + n + "] stride=" + ints("1") + ", ";
    const std::string behind = ", SymInt[" + n + "] dilation=" + ints("1") + ", SymInt groups=1) -> Tensor";
    // Groups of C channels, and one channel a group (depthwise, each channel giving D).
    const auto tensors = [&](const std::string& channels) {
      std::string weights;
      for (const std::string& kernel : kernels[at]) weights += (weights.empty() ? "[" : "|[") + channels + "," + kernel + "]";
      return "input=[N,G*C," + sizes[at] + "]; weight=" + weights + "; bias=None|[G*D]; groups=G; ";
    };
    const auto depthwise = [&](const std::string& channels) {
      const std::string& kernel = kernels[at][dims == 1 ? 0 : 2];
      return "input=[N,G," + sizes[at] + "]; weight=[" + channels + "," + kernel + "]|[G,1," + kernel + "]; groups=G; ";
    };
    const std::string head = "F.conv" + n + "d({input}, {weight}[, bias={bias}][, stride={stride}]";
    const std::string tail = "[, dilation={dilation}][, groups={groups}])";
    const std::string windows = "stride=" + strides[at] + "; dilation=" + dilations[at] + "; padding=" + paddings[at];
    add("conv" + n + "d(" + schema + "SymInt[" + n + "] padding=" + ints("0") + behind,
        head + "[, padding={padding}]" + tail, tensors("G*D,C") + windows + " || " + depthwise("G*D,1") + windows);
    const std::string named = "dilation=" + dilations[at] + "; padding='same'|'valid'";
    add("conv" + n + "d.padding(" + schema + "str padding=\"valid\"" + behind, head + ", padding={padding}" + tail,
        tensors("G*D,C") + named + " || " + depthwise("G*D,1") + named);
    const std::string spread = "stride=" + strides[at] + "; padding=" + paddings[at] + "; dilation=" + dilations[at];
    add("conv_transpose" + n + "d" + (dims > 1 ? ".input(" : "(") + schema + "SymInt[" + n + "] padding=" + ints("0") +
            ", SymInt[" + n + "] output_padding=" + ints("0") + ", SymInt groups=1, SymInt[" + n +
            "] dilation=" + ints("1") + ") -> Tensor",
        "F.conv_transpose" + n +
            "d({input}, {weight}[, bias={bias}][, stride={stride}][, padding={padding}][, "
            "output_padding={output_padding}][, groups={groups}][, dilation={dilation}])",
        tensors("G*C,D") + spread + " || " + depthwise("G,D") + spread);
  }
  add("convolution(Tensor input, Tensor weight, Tensor? bias, SymInt[] stride, SymInt[] padding, SymInt[] dilation, "
      "bool transposed, "
      "SymInt[] output_padding, SymInt groups) -> Tensor",
      "torch.convolution",
      "input=[N,G*C,H,W]; weight=[G*D,C,3,2]; bias=None|[G*D]; groups=G; stride=[1,1]|[2,1]; padding=[0,0]|[1,1]; "
      "dilation=[1,1]; "
      "transposed=False; output_padding=[0,0]");
}

void AddPools(std::vector<OperatorSpec>& table) {
  const RowAdder add(table, OpKind::kPooling);
  const std::vector<std::string> inputs = {"f; self=[N,C,H]|[C,H]", "f; self=[N,C,H,W]|[C,H,W]",
                                           "f; self=[N,C,H,W,T]|[C,H,W,T]"};
  for (size_t dims = 1; dims <= 3; ++dims) {
    const std::string n = std::to_string(dims);
    const std::string zero = dims == 1 ? "[0]" : "0";
    const std::string one = dims == 1 ? "[1]" : "1";
    const std::string head =
        "d(Tensor self, int[" + n + "] kernel_size, int[" + n + "] stride=[], int[" + n + "] padding=" + zero + ", ";
    const std::string domain =
        inputs[dims - 1] + "; kernel_size=[2]|[3]; stride=[]|[2]|[1]; padding=[0]|[1]; ceil_mode=False|True";
    const std::string shared = "({self}, {kernel_size}[, stride={stride}][, padding={padding}]";
    const std::string dilated = "int[" + n + "] dilation=" + one + ", bool ceil_mode=False) -> ";
    add("max_pool" + n + head + dilated + "Tensor",
        "F.max_pool" + n + "d" + shared + "[, dilation={dilation}][, ceil_mode={ceil_mode}])",
        domain + "; dilation=[1]|[2]", InferPool, PoolFlops);
    add("max_pool" + n + "d_with_indices" + head.substr(1) + dilated + "(Tensor, Tensor)", "",
        domain + "; dilation=[1]", InferPool, PoolFlops);
    add("avg_pool" + n + head + "bool ceil_mode=False, bool count_include_pad=True" +
            (dims > 1 ? ", int? divisor_override=None" : "") + ") -> Tensor",
        "F.avg_pool" + n + "d" + shared + "[, ceil_mode={ceil_mode}][, count_include_pad={count_include_pad}]" +
            (dims > 1 ? "[, divisor_override={divisor_override}])" : ")"),
        domain + "; count_include_pad=True|False", InferPool, PoolFlops);
    const std::string ints = dims == 1 ? "int[1]" : "SymInt[" + n + "]";
    add("adaptive_avg_pool" + n + "d(Tensor self, " + ints + " output_size) -> Tensor", "F.adaptive_avg_pool" + n + "d",
        inputs[dims - 1] + "; output_size=[1]|[3]", InferAdaptivePool, AdaptivePoolFlops);
    if (dims > 1) {
      add("_adaptive_avg_pool" + n + "d(Tensor self, " + ints + " output_size) -> Tensor", "",
          inputs[dims - 1] + "; output_size=[1]|[3]", InferAdaptivePool, AdaptivePoolFlops);
    }
    add("adaptive_max_pool" + n + "d(Tensor self, int[" + n + "] output_size) -> (Tensor, Tensor)", "",
        inputs[dims - 1] + "; output_size=[1]|[3]", InferAdaptivePool, AdaptivePoolFlops);
  }
}

// Nearest neighbours are moved, the others computed.
void AddResizing(std::vector<OperatorSpec>& table) {
  const RowAdder nearest(table, OpKind::kMovement);
  const RowAdder interpolated(table, OpKind::kOther);
  const std::vector<std::string> inputs = {"f; input=[N,C,H]", "f; input=[N,C,H,W]", "f; input=[N,C,H,W,T]"};
  const std::vector<std::string> sizes = {"[7]", "[7,8]", "[7,8,5]"};
  const std::vector<std::string> factors = {"[2.0]|[1.5]", "[2.0,2.0]|[1.5,2.0]", "[2.0,1.5,2.0]"};
  const auto domain = [&](size_t dims, const std::string& rest) {
    const std::string& input = inputs[dims - 1];
    return input + "; output_size=None; scale_factors=" + factors[dims - 1] + rest + " || " + input.substr(3) +
           "; scale_factors=None; output_size=" + sizes[dims - 1] + rest;
  };
  for (size_t dims = 1; dims <= 3; ++dims) {
    for (const std::string name : {"upsample_nearest", "_upsample_nearest_exact"}) {
      nearest(
          name + std::to_string(dims) + "d.vec(Tensor input, SymInt[]? output_size, float[]? scale_factors) -> Tensor",
          "", domain(dims, ""), InferUpsample);
    }
  }
  for (const std::string name : {"linear1d", "bilinear2d", "bicubic2d", "trilinear3d"}) {
    const size_t dims = static_cast<size_t>(name[name.find_first_of("123")] - '0');
    interpolated("upsample_" + name +
                     ".vec(Tensor input, SymInt[]? output_size, bool align_corners, float[]? scale_factors) -> Tensor",
                 "", domain(dims, "; align_corners=False|True"), InferUpsample);
  }
}

}  // namespace

std::vector<OperatorSpec> ConvolutionOperators() {
  std::vector<OperatorSpec> table;
  AddConvolutions(table);
  AddPools(table);
  AddResizing(table);
  return table;
}

}  // namespace drtriton
